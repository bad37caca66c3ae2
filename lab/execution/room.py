"""Room: whether the plan and the largest arrays of a study fit into the memory of this machine.

One student of every kind and size is asked, with one teacher and one seed: what a group holds at
least, whatever else is packed beside it (`lab.execution.plan`). Nothing is planned or trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.mistakes import StudyError
from lab.regimes import coherence
from lab.regimes.regime import Regime
from lab.spec import Group
from lab.students import solvers

PER_RUN = 2000.0
"""Bytes of a planned run with its fingerprint and its row."""


def memory(
    root: Path = Path("/sys/fs/cgroup"), here: Path = Path("/proc/self/cgroup")
) -> tuple[float, str]:
    """Bytes of memory that this process may have, and who says so: the machine, or where that is
    less its control group or one around it, of version 1 or 2."""
    physical = float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    allowed = min(_limits(root, here), default=physical)
    return (allowed, "its control group") if allowed < physical else (physical, "this machine")


def _limits(root: Path, here: Path) -> Iterator[float]:
    """What the files of control groups say, of the group of this process and of all around it."""
    with suppress(OSError, ValueError):
        for line in here.read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            if "memory" in controllers.split(","):
                top, name = root / "memory", "memory.limit_in_bytes"
            elif not controllers:
                top, name = root, "memory.max"
            else:
                continue
            place = top / own.strip("/")
            # a container may see its own group at the top, whatever its path is outside
            for folder in (place, *place.parents[: len(place.relative_to(top).parts)], top):
                with suppress(OSError, ValueError):  # the top has no file; "max" is no number
                    yield float((folder / name).read_text())


def refuse(study: Any) -> None:
    """Raise StudyError, with the bytes, for a study that does not fit. `study` has `panels`."""
    room, whose = memory()
    wrong = [
        *_plan(sum(map(coherence.runs, study.panels)), room, whose),
        *dict.fromkeys(said for panel in study.panels for said in refusals(panel, room, whose)),
    ]
    if wrong:
        raise StudyError(wrong)


def _plan(runs: int, room: float, whose: str) -> Iterator[str]:
    if runs * PER_RUN > room:
        yield (
            f"memory: the plan of {coherence.many(runs)} runs needs {runs * PER_RUN / 2**30:.3g} "
            f"GiB, and {whose} has {room / 2**30:.3g} GiB; take a smaller grid, fewer teachers or "
            "seeds"
        )


def refusals(study: Regime, room: float, whose: str = "this machine") -> Iterator[str]:
    """Per task and student what does not fit into `room` bytes, each a sentence; the first 3."""
    tasks = {(t.D_amb, t.teacher_widths, t.outputs, t.covariance): t for t in study.tasks(1)}
    sizes = {None, max((D for D in study.sizes if D), default=None)} & {*study.sizes}
    sizes |= {max((D for D in study.sizes if D), default=None)}
    told = 0
    for task in tasks.values():
        labels = 8.0 * sum(m * n for m, n in zip(task.teacher_widths, task.teacher_widths[1:],
                                                 strict=False))  # fmt: skip
        for student in study.students():
            for D in sizes:
                one = Group((task,), ((student, D, (0,)),), study.recipe, study.seed, study.learner)
                needed = solvers.of(one).memory(one) + labels
                if needed > room:
                    yield (
                        f"memory: a student of N = {student.parameters(task.D_amb, task.outputs)} "
                        f"in {task.D_amb} coordinates"
                        + (f" with D = {D}" if D else "")
                        + f" needs {needed / 2**30:.3g} GiB for its arrays, and {whose} has "
                        f"{room / 2**30:.3g} GiB; take smaller ones, or a larger machine"
                    )
                    told += 1
                    if told == 3:
                        return
