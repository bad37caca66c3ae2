"""The expected risk of a run, where a formula knows the whole loss, and the measurement beside it.

The formulas are those of `lab.students.algebra.risks`. Each gives the mean over draws. What is
compared is therefore the arithmetic mean of loss / expected over repetitions, with its standard
error over teachers, or over all draws where these are independent. Nothing is known of other runs:
they have no expectation and no line.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lab.execution.store import Row
from lab.kinds.kind import load
from lab.kinds.student import STUDENTS
from lab.spec import Run
from lab.students.algebra.risks import Risk

__all__ = ["Expected", "comparisons", "expected_risk"]


@dataclass(frozen=True)
class Expected:
    """Theory and measurement at one x.

    Attributes:
        x: N, w or D.
        value: expected loss, relative to the constant student (geometric mean over teachers).
        ratio: mean measured loss / expected loss.
        error: its standard error, NaN for one repetition.
        z: (ratio − 1)/error; None where the loss has no variance, so that no error can be believed.
        source: whose formula it is, a key of SOURCES.
    """

    x: float
    value: float
    ratio: float
    error: float
    z: float | None
    source: str


SOURCES = {
    "exact": "The formula is exact.",
    "eigenlearning": "Eigenlearning is asymptotic in the number of samples or features.",
    "harmonics": "Eigenlearning takes the harmonics of random points for independent Gaussians: "
                 "its exponents hold, its amplitude is too low in low dimensions.",
}  # fmt: skip
"""How far a formula can be trusted."""


def expected_risk(run: Run) -> Risk | None:
    """The mean of the run's loss over draws, None where no formula knows it."""
    name = STUDENTS[run.student.kind].risk
    return load(name)(run) if name else None


def comparisons(done: Iterable[tuple[float, Run, Row]]) -> tuple[Expected, ...]:
    """Theory and measurement by x, of finished runs that share all but x, teacher and seed."""
    at: dict[float, list[tuple[Run, Row]]] = defaultdict(list)
    for x, run, row in done:
        at[x].append((run, row))
    found = ((x, expected_risk(at[x][0][0]), at[x]) for x in sorted(at))
    return tuple(
        _expected(x, known, rows) for x, known, rows in found if known and 0 < known.mean < math.inf
    )


def _expected(x: float, known: Risk, rows: list[tuple[Run, Row]]) -> Expected:
    cells: dict[tuple, list[float]] = defaultdict(list)
    for run, row in rows:
        # training sets of one teacher are nested, and share their points, unless drawn anew
        repetition = run.seed if run.learner else 0
        cells[run.task.teacher, repetition].append(row.loss / known.mean)
    ratios = np.array([np.mean(cell) for cell in cells.values()])
    value = math.exp(np.mean([math.log(known.mean * row.relative / row.loss) for _, row in rows]))
    error = float(ratios.std(ddof=1) / math.sqrt(ratios.size)) if ratios.size > 1 else math.nan
    ratio = float(ratios.mean())
    z = (ratio - 1) / error if error > 0 and known.varies else None
    return Expected(x, value, ratio, error, z, known.source)
