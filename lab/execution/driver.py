"""The driver of a study as other processes see it: who it is, since when, and how fast it stores.

Everything is from the folder: the lock that the driver holds names it and is as old as it is, and
rows say when they were stored. Nothing is locked here, and nothing is asked of the driver. One on
another machine, which shares the folder, is not seen.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.execution.store import LOCK, Store


@dataclass(frozen=True)
class Driver:
    """A living driver: `age` in seconds; the runs that it has stored so far, and the lane-seconds
    that these took."""

    pid: int
    age: float
    runs: int
    lane_seconds: float

    @property
    def rate(self) -> float:
        """Runs stored per second."""
        return self.runs / self.age

    @property
    def lanes(self) -> float | None:
        """Lane-seconds of training per second, compilation aside; None before the first row."""
        return self.lane_seconds / self.age if self.runs else None


def driver(path: Path) -> Driver | None:
    """Who trains the study of this folder on this machine now; None if nobody does."""
    lock = path / LOCK
    try:
        found = re.fullmatch(r"pid (\d+)", lock.read_text().strip())
        since = lock.stat().st_mtime
    except (OSError, ValueError):
        return None
    if found is None or not _holds(int(found[1]), lock):
        return None
    with Store.read(path, tables=False) as store:
        now, runs, seconds = store.since(since)
    return Driver(int(found[1]), max(now - since, 1.0), runs, seconds)


def _holds(pid: int, lock: Path) -> bool:
    """Whether a process has this file open; where that is not to be seen, whether it lives."""
    try:
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return True  # somebody else's process
    except OSError:
        return not Path("/proc/self").exists() and _lives(pid)
    return str(lock.resolve()) in map(_target, files)


def _target(link: Path) -> str:
    """What a link leads to; "" if it is gone meanwhile."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
