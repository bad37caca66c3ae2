"""The expected risk of a run, where a formula knows the whole loss, and the measurement beside it.

The formulas are those of the students (`Student.risk`). Each gives the mean over draws. What is
compared is therefore the arithmetic mean of loss / expected over repetitions, with its standard
error over teachers, or over all draws where these are independent. The table has a row per setting
and a cell per x.

Where the expectation is unknown there may be a reference (`Student.reference`): the best linear
loss of as many terms (`lab.data.linear_terms`), or an optimum (`lab.data.free_knots`, ridges on the
circle). The ratio to it is the optimisation gap, what training leaves. Nothing is known of other
runs: they have no line.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.execution.store import Row
from lab.findings.answer import Answer
from lab.findings.drawing import decades, grid, literal, shades, styled
from lab.findings.study_results import Finding, Setting, StudyResults
from lab.findings.view import Answers, CaptionedFigure, Rows, TextTable, View
from lab.kinds import load
from lab.kinds.student import STUDENTS, Reference
from lab.regimes.regime import Regime
from lab.spec import Run
from lab.students.exact import MeanRisk

Done = Sequence[tuple[Run, Row]]
"""Finished runs of one scan: they share all but x, teacher and seed."""


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
        accuracy: relative numerical error of a reference; None of theory's own mean, to which
            losses tend: there is no gap to it.
        optimum: whether no student of the scan can be below the reference.
    """

    x: float
    value: float
    ratio: float
    error: float
    z: float | None
    source: str
    units: int = 1
    varies: bool = True
    accuracy: float | None = None
    optimum: bool = False

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of a gap, Student's t over teachers of its logarithm; NaN of one."""
        from scipy.special import stdtrit

        if self.units < 2:
            return math.nan, math.nan
        half = stdtrit(self.units - 1, 0.975) * self.error / self.ratio
        return self.ratio * math.exp(-half), self.ratio * math.exp(half)


@dataclass(frozen=True)
class TheoryComparison(Finding):
    """Theory beside measurement at every x of one setting. z is no verdict: theory is a mean."""

    at: tuple[Expected, ...]

    @property
    def gap(self) -> bool:
        """True if losses stand beside a reference, and not beside their own mean."""
        return self.at[0].accuracy is not None

    def plain(self) -> list[dict[str, Any]]:
        """Theory, measured / theory and its error, by x."""
        return [
            {"x": e.x, "theory": e.value, "ratio": e.ratio,
             "standard_error": e.error, "z": e.z,
             "source": e.source}
            | ({"reference_error": e.accuracy, "optimum": e.optimum} if self.gap else {})
            for e in self.at
        ]  # fmt: skip


SOURCES = {
    "exact": "The formula is exact.",
    "eigenlearning": "Eigenlearning is asymptotic in the number of samples or features.",
    "perceptron": "The theory of perceptrons is exact for infinitely many weights on Gaussian "
                  "inputs, at this many labels per weight.",
    "harmonics": "Eigenlearning takes the harmonics of random points for independent Gaussians: "
                 "its exponents hold, its amplitude is too low in low dimensions.",
    "linear terms": "The best linear loss of as many terms: students that choose their functions "
                    "after the target, as networks and ridges do, may fall below it.",
    "free knots": "The best piecewise-linear fit of each teacher, with one piece more than a "
                  "student has units: no student is below it.",
    "equispaced": "Equispaced directions on the circle: the optimum.",
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
        found += [TheoryComparison(at, setting=one.setting)] if at else []
    return tuple(found)


def references(study: Regime, done: Done) -> tuple[Expected, ...]:
    """Losses beside those that a scan is referred to, by x, where these are known. Ratios are
    geometric means over teachers, of means over their seeds; of starts the lowest counts."""
    found = study.reference(done[0][0].task, done[0][0].student) if done else None
    if found is None:
        return ()
    at: dict[float, dict[int, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for run, row in done:
        value = found.of(run.N if study.scans_model_size else run.size or 0, row.details)
        if value and row.relative is not None:  # an older table has no losses of runs
            at[float(study.x(run))][run.task.teacher].append((row.relative, value))
    mean = np.min if study.student.best_of_seeds else np.mean
    return tuple(_referred(x, [*at[x].values()], mean, found) for x in sorted(at))


def _referred(
    x: float, teachers: list[list[tuple[float, float]]], mean: Any, reference: Reference
) -> Expected:
    logs = np.log([(mean([loss for loss, _ in one]), one[0][1]) for one in teachers])
    gaps = logs[:, 0] - logs[:, 1]
    ratio = float(np.exp(gaps.mean()))
    scatter = float(gaps.std(ddof=1)) if gaps.size > 1 else math.nan
    error = ratio * scatter / math.sqrt(gaps.size)
    value = float(np.exp(logs[:, 1].mean()))
    return Expected(x, value, ratio, error, None, reference.source, gaps.size, varies=False,
                    accuracy=reference.error, optimum=reference.optimum)  # fmt: skip


def left_to_train(at: Sequence[Expected]) -> float | None:
    """The largest change of α, the slope of log loss in log x, if losses fell to their optimum at
    some x and not at others; None where no optimum is known at three x or more.

    Each loss may fall by log(ratio + 2 standard errors), and no further: no student is below.
    """
    if len(at) < 3 or not all(e.optimum for e in at):
        return None
    gap = [e.ratio + 2 * (e.error if math.isfinite(e.error) else 0.0) for e in at]
    room = np.log(np.maximum(gap, 1.0)) + at[0].accuracy
    u = np.log([e.x for e in at])
    weight = (u - u.mean()) / np.sum((u - u.mean()) ** 2)
    return float(max(weight.clip(0) @ room, (-weight).clip(0) @ room))


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
    # the constant student's loss is known from all losses but those of 0
    scaled = [math.log(known.mean * relative / loss) for loss, relative in losses if loss > 0]
    value = math.exp(np.mean(scaled)) if scaled else known.mean
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
COSTS = (
    "What training costs: measured loss / reference, without a free parameter (dashed in the "
    "figure), with the 95 % interval over teachers. A gap that is the same at every x leaves the "
    "exponent as it is. Error: relative, of the reference's own numbers. "
)


def below(answers: Answers) -> list[TextTable]:
    """A table per answer of which a formula knows anything, and one of all gaps to a reference."""
    tables = (_table(a, [f for f in a.found("expected") if not f.gap]) for a in answers)
    gaps = [(answer, found) for answer in answers for found in answer.found("expected")
            if found.gap]  # fmt: skip
    return [*filter(None, tables), *([_costs(gaps)] if gaps else [])]


def _table(answer: Answer, known: list[TheoryComparison]) -> TextTable | None:
    xs = sorted({e.x for found in known for e in found.at})
    columns = (f"measured / theory at {answer.study.axis.symbol} =", *(f"{x:.0f}" for x in xs))
    rows = []
    for found in known:
        of = {e.x: e for e in found.at}
        rows.append((found.label, *(_cell(of[x]) if x in of else "–" for x in xs)))
    return TextTable(columns, rows, WORDS + _sources(known)) if rows else None


def _costs(gaps: list[tuple[Answer, TheoryComparison]]) -> TextTable:
    columns = ("trained / reference", "reference", "error", "at the smallest x", "at the largest x",
               "largest change of α by training")  # fmt: skip
    rows = []
    for answer, found in gaps:
        ends = (f"{answer.study.axis.symbol} {e.x:.0f}: {gap_text(e)}" for e in (found.at[0],
                found.at[-1]))  # fmt: skip
        room = left_to_train(found.at)
        rows.append((found.label, found.at[0].source, f"{found.at[0].accuracy:.0e}", *ends,
                     f"{room:.2g}" if room is not None else "–"))  # fmt: skip
    return TextTable(columns, rows, COSTS + _sources(found for _, found in gaps))


def _sources(known: Iterable[TheoryComparison]) -> str:
    sources = dict.fromkeys(e.source for found in known for e in found.at)
    return " ".join(SOURCES[s] for s in sources)


def gap_text(e: Expected) -> str:
    """A gap with its interval, where there is one."""
    low, high = e.interval
    return f"{e.ratio:.3g}" + (f" [{low:.3g}, {high:.3g}]" if math.isfinite(low) else "")


def gap_at_ends(answer: Answer, setting: Setting) -> str:
    """Measured over reference at the smallest and the largest x; empty where there is none."""
    for found in answer.found("expected"):
        if found.gap and found.setting == setting:
            return f"{found.at[0].ratio:.3g} → {found.at[-1].ratio:.3g}"
    return ""


def figures(answers: Answers) -> list[CaptionedFigure]:
    """Gaps to a reference by x, a panel per answer that has any."""
    some = [(answer, [found for found in answer.found("expected") if found.gap])
            for answer in answers]  # fmt: skip
    some = [(answer, gaps) for answer, gaps in some if gaps]
    return [_figure(some)] if some else []


def _figure(some: list[tuple[Answer, list[TheoryComparison]]]) -> CaptionedFigure:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    with styled():
        figure, axes = grid(len(some), margin=0.4, height=3.4)
        for ax, (answer, gaps) in zip(axes, some, strict=True):
            for found, colour in zip(gaps, shades(len(gaps)), strict=True):
                x, ratio = ([getattr(e, name) for e in found.at] for name in ("x", "ratio"))
                ends = np.array([e.interval for e in found.at]).T
                bars = np.abs(ends - ratio) if np.isfinite(ends).all() else None
                ax.errorbar(x, ratio, yerr=bars, fmt="o-", color=colour, lw=1.2, ms=4, capsize=2,
                            label=literal(found.label))  # fmt: skip
            ax.axhline(1, color="black", lw=1.0, ls="--")
            ax.set(xscale="log", yscale="log", xlabel=answer.study.axis.symbol,
                   ylabel="trained / reference", title=literal(answer.study.title))  # fmt: skip
            decades(ax)
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            ax.yaxis.set_minor_formatter(NullFormatter())
            ax.legend(fontsize=8.5)
    return CaptionedFigure(
        "gap", "What training costs", figure,
        "Measured loss / reference, without a free parameter: geometric means over teachers; bars: "
        "95 % intervals over teachers. Dashed: the reference. A level row leaves the exponent as "
        "it is; one that rises takes from it.",
    )  # fmt: skip


def files(answers: Answers) -> Mapping[str, Rows]:
    """Every gap with its interval."""
    rows = [
        (answer.study.title, found.label, e.x, e.value, e.accuracy, e.source, e.ratio, *e.interval)
        for answer in answers for found in answer.found("expected") if found.gap
        for e in found.at
    ]  # fmt: skip
    columns = ("panel", "setting", "x", "reference", "reference_error", "source", "gap", "gap_low",
               "gap_high")  # fmt: skip
    return {"gap.csv": Rows(columns, rows)} if rows else {}


def _cell(e: Expected) -> str:
    z = f" ({e.z:+.1f})" if e.z is not None else ""
    return f"{e.ratio:.3f} ± {e.error:.3f}{z}"


VIEW = View(below=below, figures=figures, files=files, key="expected", json="fits")
