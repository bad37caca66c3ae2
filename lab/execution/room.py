"""Room: whether the largest arrays of a study fit into the memory of this machine.

One student of every kind and size is asked, with one teacher and one seed: what a group holds at
least, whatever else is packed beside it (`lab.execution.plan`). Nothing is planned or trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from lab.execution import costs
from lab.mistakes import StudyError
from lab.regimes.regime import Regime
from lab.spec import Group


def memory() -> float:
    """Bytes of memory of this machine."""
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def refuse(study: Any) -> None:
    """Raise StudyError, with the bytes, for a study that does not fit. `study` has `panels`."""
    wrong = [*dict.fromkeys(said for panel in study.panels for said in refusals(panel, memory()))]
    if wrong:
        raise StudyError(wrong)


def refusals(study: Regime, room: float) -> Iterator[str]:
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
                needed = costs.bill(one).memory(one) + labels
                if needed > room:
                    yield (
                        f"memory: a student of N = {student.parameters(task.D_amb, task.outputs)} "
                        f"in {task.D_amb} coordinates"
                        + (f" with D = {D}" if D else "")
                        + f" needs {needed / 2**30:.3g} GiB for its arrays, and this machine has "
                        f"{room / 2**30:.3g} GiB; take smaller ones, or a larger machine"
                    )
                    told += 1
                    if told == 3:
                        return
