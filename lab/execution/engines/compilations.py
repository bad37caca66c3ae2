"""Compilations of this process: how many programs JAX made ready, and how long that took."""

from __future__ import annotations

from functools import cache
from typing import Any


class Compilations:
    """Counts from its making on; programs that come from the cache on the disk count too."""

    def __init__(self) -> None:
        self._programs, self._seconds = _total()

    @property
    def programs(self) -> int:
        """Programs since then."""
        return int(_total()[0] - self._programs)

    @property
    def seconds(self) -> float:
        """Seconds since then."""
        return _total()[1] - self._seconds


def _total() -> tuple[float, float]:
    """Programs and seconds of this process so far."""
    programs, seconds = _count()
    return programs, seconds


@cache
def _count() -> list[float]:
    """The count that JAX adds to, by the one listener of this process."""
    import jax

    count = [0.0, 0.0]

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if event.endswith("backend_compile_duration"):
            count[0] += 1
            count[1] += duration_secs

    jax.monitoring.register_event_duration_secs_listener(listen)
    return count
