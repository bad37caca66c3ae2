"""Threads: the lanes are threads of this process, and share its JAX and its compiled programs.

What tests use, and who adds kinds of his own in a script. A crash of one lane ends all of them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence

from lab.execution.compiled import Compilations
from lab.execution.engine import Abandoned, Device, Finished, Tick, configure, learned
from lab.spec import Group


class Threads:
    """The engine of this process; `lanes` groups at once, one per core by default."""

    def __init__(self, lanes: int | None = None) -> None:
        self._asked = lanes
        self._device: Device | None = None
        self._compilations: Compilations | None = None

    def start(self) -> Device:
        if self._device is None:
            self._device = configure(self._asked)
            self._compilations = Compilations()
        return self._device

    def compile_seconds(self) -> float:
        return self._compilations.seconds if self._compilations else 0.0

    def close(self) -> None:
        """Nothing outlives `execute`."""

    def execute(
        self,
        groups: Sequence[Group],
        *,
        tick: Tick,
        stop: threading.Event,
        abandon: threading.Event,
    ) -> Generator[Finished | None, None, None]:
        device = self.start()
        todo: queue.SimpleQueue[Group] = queue.SimpleQueue()
        for group in groups:
            todo.put(group)
        done: queue.SimpleQueue[Finished | None] = queue.SimpleQueue()

        def lane() -> None:
            try:
                while not stop.is_set():
                    train(todo.get_nowait())
            except (queue.Empty, Abandoned):
                pass
            finally:  # whatever ended it: `execute` waits for this
                done.put(None)

        def train(group: Group) -> None:
            def advance(student_steps: int) -> None:
                if abandon.is_set():
                    raise Abandoned
                tick(group, student_steps)

            done.put(Finished(group, *learned(group, advance), str(device)))

        threads = [
            threading.Thread(target=lane, daemon=True)
            for _ in range(min(device.lanes, len(groups)) or 1)
        ]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                try:
                    finished = done.get(timeout=0.2)
                except queue.Empty:
                    yield None
                    continue
                if finished is None:
                    running -= 1
                else:
                    yield finished
        finally:
            if running:  # closed before the end: the interpreter must not go while a lane computes
                stop.set()
                abandon.set()
            for thread in threads:
                thread.join()
