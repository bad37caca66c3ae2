"""Compilations of this process: how many programs JAX made ready, and how long that took."""

from __future__ import annotations

from typing import Any


class Compilations:
    """Counts from its making on; programs that come from the cache on the disk count too."""

    def __init__(self) -> None:
        import jax

        self.programs, self.seconds = 0, 0.0
        jax.monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event: str, duration_secs: float, **_: Any) -> None:
        if event.endswith("backend_compile_duration"):
            self.programs += 1
            self.seconds += duration_secs
