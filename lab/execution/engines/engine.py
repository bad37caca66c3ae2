"""The engine: what trains groups, whatever it is made of; and what it says of each group.

    processes   a pool of worker processes on this machine, one lane each   (`processes.py`)
    threads     lanes are threads of this process                           (`threads.py`)
    dask        workers of a running Dask cluster                           (`cluster.py`)
    slurm       Dask workers that are jobs of SLURM                         (`cluster.py`)

Whoever drives an engine is the only one that writes: what is trained comes back as values. Which
engine trained a run is no part of its identity, and does not change a digit of its losses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lab.execution.engines.device import Device
from lab.spec import Group
from lab.students.result import Failed, Result

Tick = Callable[[Group, int], None]
"""Told of student-steps of a group as they are done; of a negative number where steps were lost."""


@dataclass(frozen=True)
class Finished:
    """A group that an engine is done with: a result of each run in the order of `group.runs()`,
    `Failed` among those of exact students, or else the traceback of what went wrong.

    device: what trained it, in words.
    """

    group: Group
    results: list[Result | Failed] | None
    error: str | None
    seconds: float
    device: str


@runtime_checkable
class Engine(Protocol):
    """Trains groups. Started once, then asked to `execute` as often as one likes, then closed."""

    def start(self) -> Device:
        """Find out what trains, and start it where that is needed to know; once started, the same
        again. Raises StudyError, a sentence, where nothing can be started."""
        ...

    def execute(
        self,
        groups: Sequence[Group],
        *,
        tick: Tick,
        stop: threading.Event,
        abandon: threading.Event,
    ) -> Generator[Finished | None, None, None]:
        """Train the groups, yielding each as it finishes, and None about five times a second.

        After `stop` no new group starts (on a cluster: no new errand); after `abandon` those in
        flight are dropped. Closing the iterator does both, and returns when nothing is computing
        any more (on a cluster: a second or so before).
        """
        ...

    def compile_seconds(self) -> float:
        """Seconds of compilation so far, summed over lanes."""
        ...

    def close(self) -> None:
        """End whatever was started; also after an exception, and more than once."""
        ...
