"""The expected risk of a run, where a formula knows the whole loss, and the measurement beside it.

The formulas are those of the students (`Student.risk`). Each gives the mean over draws. What is
compared is therefore the arithmetic mean of loss / expected over repetitions, with its standard
error over teachers, or over all draws where these are independent. Networks have no expectation
but a reference, the best linear loss of as many terms (`lab.data.linear_terms`): the ratio to it is
the optimisation gap, what training leaves. Nothing is known of other runs: they have no line.
The table has a row per setting and a cell per x.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.data.linear_terms import linear_terms
from lab.execution.store import Row
from lab.findings.answer import Answer
from lab.findings.study_results import Setting, StudyResults
from lab.findings.view import Answers, TextTable, View
from lab.kinds import load
from lab.kinds.student import STUDENTS
from lab.regimes.regime import Regime
from lab.spec import Run
from lab.students.exact import MeanRisk

__all__ = ["Expected", "TheoryComparison", "expected", "expected_risk", "references"]


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
        units: independent ratios that the mean is of, teachers or draws.
        varies: whether the loss has a variance over draws.
    """

    x: float
    value: float
    ratio: float
    error: float
    z: float | None
    source: str
    units: int = 1
    varies: bool = True


@dataclass(frozen=True)
class TheoryComparison:
    """Theory beside measurement at every x of one setting. z is no verdict: theory is a mean."""

    setting: Setting
    at: tuple[Expected, ...]
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.setting.label

    def plain(self) -> list[dict[str, Any]]:
        """Theory, measured / theory and its error, by x."""
        return [
            {"x": e.x, "theory": e.value, "ratio": e.ratio,
             "standard_error": e.error, "z": e.z,
             "source": e.source}
            for e in self.at
        ]  # fmt: skip


SOURCES = {
    "exact": "The formula is exact.",
    "eigenlearning": "Eigenlearning is asymptotic in the number of samples or features.",
    "linear terms": "For networks it is the best linear loss of as many terms, a reference and no "
                    "expectation: the ratio is what training, and the choice of features, leave.",
    "harmonics": "Eigenlearning takes the harmonics of random points for independent Gaussians: "
                 "its exponents hold, its amplitude is too low in low dimensions.",
}  # fmt: skip
"""Sentences on how far a formula can be trusted."""


def expected_risk(run: Run) -> MeanRisk | None:
    """The mean of the run's loss over draws, None where no formula knows it."""
    name = STUDENTS[run.student.kind].risk
    return load(name)(run) if name else None


def expected(question: StudyResults) -> tuple[TheoryComparison, ...]:
    """Theory beside measurement, of every setting whose losses a formula knows."""
    study = question.study
    found = []
    for one in question.stored:
        done = ((study.x(run), run, row) for run, row in one.done)
        at = comparisons(done, redrawn=study.resamples_data) or references(study, one.done)
        found += [TheoryComparison(one.setting, at)] if at else []
    return tuple(found)


def references(study: Regime, done: Sequence[tuple[Run, Row]]) -> tuple[Expected, ...]:
    """Losses of networks beside the best linear loss of as many terms, by x, where that is known:
    the optimisation gap. Ratios are geometric means over teachers, of means over their seeds."""
    if not study.trained or not study.scans_model_size or not done:
        return ()
    terms = linear_terms(done[0][0].task)
    if terms is None:
        return ()
    at: dict[float, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    N: dict[float, int] = {}
    for run, row in done:
        if row.relative is None:  # an older table has no losses of runs
            continue
        x = float(study.x(run))
        N[x] = run.N
        at[x][run.task.teacher].append(row.relative)
    found = []
    for x in sorted(at):
        (value,) = terms.loss(np.array([N[x]]))
        if not np.isfinite(value):
            continue
        logs = np.log([np.mean(losses) / value for losses in at[x].values()])
        ratio = float(np.exp(logs.mean()))
        scatter = float(logs.std(ddof=1)) if logs.size > 1 else math.nan
        error = ratio * scatter / math.sqrt(logs.size)
        found.append(
            Expected(x, float(value), ratio, error, None, "linear terms", logs.size, varies=False)
        )
    return tuple(found)


def comparisons(done: Iterable[tuple[float, Run, Row]], *, redrawn: bool) -> tuple[Expected, ...]:
    """Theory and measurement by x, of finished runs that share all but x, teacher and seed.

    redrawn: whether every seed has training sets of its own. Those of one teacher are nested
    otherwise, and share their points.
    """
    at: dict[float, list[tuple[Run, Row]]] = defaultdict(list)
    for x, run, row in done:
        at[x].append((run, row))
    found = ((x, expected_risk(at[x][0][0]), at[x]) for x in sorted(at))
    return tuple(
        _expected(x, known, rows, redrawn)
        for x, known, rows in found
        if known and 0 < known.mean < math.inf
    )


def _expected(x: float, known: MeanRisk, rows: list[tuple[Run, Row]], redrawn: bool) -> Expected:
    cells: dict[tuple, list[float]] = defaultdict(list)
    losses = [_losses(row) for _, row in rows]
    for (run, _), (loss, _) in zip(rows, losses, strict=True):
        cells[run.task.teacher, run.seed if redrawn else 0].append(loss / known.mean)
    ratios = np.array([np.mean(cell) for cell in cells.values()])
    value = math.exp(np.mean([math.log(known.mean * relative / loss) for loss, relative in losses]))
    error = float(ratios.std(ddof=1) / math.sqrt(ratios.size)) if ratios.size > 1 else math.nan
    ratio = float(ratios.mean())
    z = (ratio - 1) / error if error > 0 and known.varies else None
    return Expected(x, value, ratio, error, z, known.source, ratios.size, known.varies)


def _losses(row: Row) -> tuple[float, float]:
    """The loss of a finished run, and relative to that of the constant student."""
    assert row.loss is not None and row.relative is not None  # it is done
    return row.loss, row.relative


# ---- as people see it ----------------------------------------------------------------------------


WORDS = (
    "Theory knows the whole loss here, not only its exponent (dashed in the figure). Mean of "
    "measured / expected loss over teachers and draws ± its standard error, and in brackets "
    "by how many of these it differs from 1; no bracket where the loss has no variance over "
    "draws, and – where it has no mean. "
)


def below(answers: Answers) -> list[TextTable]:
    """A table per answer of which a formula knows anything."""
    return [_table(answer) for answer in answers if answer.found("expected")]


def _table(answer: Answer) -> TextTable:
    known = answer.found("expected")
    xs = sorted({e.x for found in known for e in found.at})
    columns = (f"measured / theory at {answer.study.axis.symbol} =", *(f"{x:.0f}" for x in xs))
    rows = []
    for found in known:
        of = {e.x: e for e in found.at}
        rows.append((found.label, *(_cell(of[x]) if x in of else "–" for x in xs)))
    sources = dict.fromkeys(e.source for found in known for e in found.at)
    return TextTable(columns, rows, WORDS + " ".join(SOURCES[s] for s in sources))


def _cell(e: Expected) -> str:
    z = f" ({e.z:+.1f})" if e.z is not None else ""
    return f"{e.ratio:.3f} ± {e.error:.3f}{z}"


VIEW = View(below=below, key="expected", json="fits")
