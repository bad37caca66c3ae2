"""Learning curves of every setting of a study: exponents of steps and of size, and claims.

Curves are read as those of the compute frontier are (`frontiers.observed`): only units with every
size enter, and a branch counts by its last loss. Exponents, intervals and verdicts are those of any
scan (`lab.scaling`), with S or N as x and the teachers as units; claims hold over the range. Where
training sets of several D are scanned they are of the unlimited data, or of the largest D.

Beside them stand, without a claim of their own:
- the constant rate beside the branches that decay: the ratio of both losses at the last checkpoint
  (`annealed`), and α_S of each;
- joint laws of the mean curves, in (N, S) and, with training sets, in (N, D, S), each with its AICc
  above the best. Residuals of one curve are not independent: AICc then says which law describes
  these rows best, and not how sure that is.

Known bias: the floor L(N, ∞) is in what α_S is read from, up to 1/`curve.above` of the loss, which
makes the end of the curve flatter; it is told as a bend. Losses of one curve share their noise
along S, so that of one teacher the interval is too short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Answer, Judgement
from lab.findings.drawing import VERMILLION, blank, literal, stacked
from lab.findings.frontier_views import curves_by_size
from lab.findings.frontiers import Columns, columns_of, geometric_mean, observed, where
from lab.findings.study_results import ClaimedFinding, Setting, SettingRuns, StudyResults
from lab.findings.view import View, figure_of, file_of, interval, joined, table_of
from lab.regimes.stepwise import ALPHA_N, ALPHA_S, CONSTANT, LearningCurve, Stepwise
from lab.scaling.judge.exponent import Exponent, judge
from lab.scaling.judge.verdict import UNDECIDED
from lab.scaling.laws.compare import LawOfMany, compared
from lab.scaling.scans.estimate import ExponentEstimate, estimate
from lab.scaling.scans.scan import Scan
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FEWEST = 4
"""x of an exponent."""
FLAT = 0.02
"""Local exponent over the last half decade of steps below which a curve is at its limit."""


@dataclass(frozen=True)
class LearningFound(ClaimedFinding):
    """The curves of one setting. scans: by name of the quantity x, loss and unit, [entries] each,
    and estimates of them, None of fewer than FEWEST x; ends: the local exponent in S at the end of
    the steepest mean curve; constant: the curves at the constant rate that branches leave, if
    there are any; laws: joint laws of the mean curves, the best first."""

    study: LearningCurve
    columns: Columns = field(repr=False)
    units: int
    planned: int
    scans: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(repr=False)
    estimates: dict[str, ExponentEstimate | None] = field(repr=False)
    ends: float
    constant: Columns | None = field(default=None, repr=False)
    laws: tuple[LawOfMany, ...] = ()

    @property
    def annealed(self) -> float:
        """Loss at the constant rate over that of the branch at the last checkpoint, the geometric
        mean over sizes; NaN without branches."""
        if self.constant is None or not self.constant["S"].size or not self.columns["S"].size:
            return math.nan
        last = [np.log(c["loss"][c["S"] == c["S"].max()]).mean()
                for c in (self.constant, self.columns)]  # fmt: skip
        return float(np.exp(last[0] - last[1]))

    def exponent(self, name: str) -> Exponent | None:
        """An exponent as it is told where nothing is claimed."""
        found = self.estimates[name]
        return judge(found, over="range") if found else None

    def plain(self) -> dict[str, Any]:
        """Exponents with their intervals."""
        told: dict[str, Any] = {"label": self.label, "units": self.units, "ends": self.ends,
                                "annealed": self.annealed, "doubts": list(self.doubts),
                                "laws": [one.plain() for one in self.laws]}  # fmt: skip
        for name in self.scans:
            e = self.exponent(name)
            told[name] = {"value": e.alpha, "interval": e.interval, "shape": e.shape} if e else None
        return told


def learning(question: StudyResults) -> tuple[LearningFound, ...]:
    """One per setting, in the order of the grid."""
    study = question.study
    assert isinstance(study, LearningCurve)
    return tuple(_found(study, one, question.replicates) for one in question.stored)


def _found(study: LearningCurve, one: SettingRuns, replicates: int) -> LearningFound:
    columns, units, planned, doubts = observed(one)
    main = where(columns, columns["D"] == columns["D"].max(initial=0))
    scans = {ALPHA_S.name: over_steps(study, main), ALPHA_N.name: over_sizes(main)}
    drawn = one.cells.scan[0][0].task.random
    constant = _constant(one) if study.curve.decay else None
    if constant is not None:
        scans[f"{ALPHA_S.name} at the constant rate"] = over_steps(study, constant)
    estimates = {
        name: estimate(Scan.of(*scan), law="power", replicates=replicates, drawn=drawn)
        if np.unique(scan[0]).size >= FEWEST else None
        for name, scan in scans.items()
    }  # fmt: skip
    return LearningFound(study, main, units, planned, scans, estimates, _ends(main), constant,
                         joint_laws(columns), at=one.setting, doubts=doubts)  # fmt: skip


def _constant(one: SettingRuns) -> Columns:
    """The curves at the constant rate, of the units whose branches are all there."""
    whole, _ = one.units("done")
    return columns_of(
        (one.unit(run), run, row, row.evaluated())
        for run, _, row in one.cells.checks.get((CONSTANT, 1.0), ())
        if row is not None and row.status == "done" and one.unit(run) in whole
    )


def joint_laws(c: Columns) -> tuple[LawOfMany, ...]:
    """Laws of the geometric means over units, in (N, S), or in (N, D, S) where several training
    sets are scanned; of those the losses up to the best step, for no law rises."""
    finite = np.isfinite(c["D"])
    several = np.unique(c["D"][finite]).size > 2
    names = ("N", "D", "S") if several else ("N", "S")
    rows = np.flatnonzero(finite) if several else np.flatnonzero(c["D"] == c["D"].max(initial=0))
    x = np.stack([c[name][rows] for name in names])
    at, which = np.unique(x, axis=1, return_inverse=True)
    which = which.ravel()
    if at.shape[1] < 2 * FEWEST:
        return ()
    loss = np.exp(np.bincount(which, np.log(c["loss"][rows])) / np.bincount(which))
    if several:
        best = {}
        for N, D in {*zip(*at[:2], strict=True)}:
            own = np.flatnonzero((at[0] == N) & (at[1] == D))
            best[N, D] = at[2][own[loss[own].argmin()]]
        kept = at[2] <= [best[pair] for pair in zip(*at[:2], strict=True)]
        at, loss = at[:, kept], loss[kept]
    return compared(names, at, loss)


def over_steps(study: Stepwise, c: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The curve of the largest size as far as its limit is no matter."""
    rows = c["N"] == c["N"].max(initial=0)
    steps, mean = geometric_mean(c["S"][rows], c["loss"][rows])
    used = steps[(mean >= study.curve.above * mean[-1:]) & (steps >= study.curve.first)]
    rows &= np.isin(c["S"], used)
    return c["S"][rows], c["loss"][rows], c["unit"][rows]


def over_sizes(c: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The losses at the last step."""
    rows = c["S"] == c["S"].max(initial=0)
    return c["N"][rows], c["loss"][rows], c["unit"][rows]


def _ends(c: Columns) -> float:
    """The largest local exponent at the end of a size's mean curve, over half a decade."""
    slopes = [math.nan]
    for N in np.unique(c["N"]):
        steps, mean = geometric_mean(c["S"][c["N"] == N], c["loss"][c["N"] == N])
        late = steps >= steps[-1] / math.sqrt(10)
        if late.sum() > 1:
            slopes.append(-float(np.polyfit(np.log(steps[late]), np.log(mean[late]), 1)[0]))
    return float(np.nanmax(slopes)) if len(slopes) > 1 else math.nan


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge a claim about α_S or α_N, setting by setting."""
    for found, at, prediction in question.beside(claim, "learning"):
        yield _judged(found, claim, at, prediction)


def _judged(found: LearningFound, claim: Claim, at: Setting, prediction: float) -> Judgement:
    estimated = found.estimates[claim.quantity]
    if estimated is None:
        why = (
            f"{claim.symbol} needs {FEWEST} values of x: go on running, add sizes, or for α_S "
            "larger ones and checkpoints before the curve is flat."
        )
        return Judgement.unmeasured(claim, at, prediction, found.doubts, why)
    told: tuple[str, ...] = found.doubts
    if claim.quantity == ALPHA_N.name and not found.ends < FLAT:
        told = (*told, f"unfinished: losses still fall as S^−{found.ends:.2g} at the last step")
    e = judge(
        estimated, prediction=prediction, sense=claim.sense, tolerance=claim.tolerance,
        over="range",
    )  # fmt: skip
    x = found.scans[claim.quantity][0]
    symbol = "S" if claim.quantity == ALPHA_S.name else "N"
    words = f"{claim.symbol} over {symbol} = {x.min():g} … {x.max():g}: the curve is {e.shape}."
    verdict = UNDECIDED if told else e.verdict or UNDECIDED
    return Judgement(
        claim, at, e.alpha, e.interval, prediction, verdict, (*told, *e.doubts),
        e.advice if verdict == UNDECIDED else "", words=(words,),
    )  # fmt: skip


def _drawn(found: Sequence[LearningFound]) -> tuple[Figure, str]:
    """Two panels per setting: loss against steps, and against size at the last step."""
    figure, axes = stacked(len(found), 2, width=11.0)
    for (left, right), one in zip(axes, found, strict=True):
        curves_by_size(left, one.columns, "S", "steps S")
        if one.constant is not None and one.constant["S"].size:
            curves_by_size(left, one.constant, "S", "steps S", style=":")
        left.set_title(literal(one.label))
        right.set(xscale="log", yscale="log", xlabel="size N", ylabel="loss at the last step")
        for ax, name, symbol in ((left, "alpha_S", "α_S"), (right, "alpha_N", "α_N")):
            x, loss, _ = one.scans[name]
            at, mean = geometric_mean(x, loss)
            style = "o" if ax is right else "."
            ax.plot(at, mean, style, color=VERMILLION, ms=4)
            e = one.exponent(name)
            if e is not None:
                line = np.exp(np.log(mean).mean() - e.alpha * (np.log(at) - np.log(at).mean()))
                label = f"{symbol} = {e.alpha:.3g} {interval(e.interval, '.3g')}"
                ax.plot(at, line, "--", color=VERMILLION, lw=1.4, label=label)
                ax.legend(loc="lower left")
    dotted = any(one.constant is not None for one in found)
    return figure, (
        "Left: relative loss against steps, geometric means over teachers, a line for each size N "
        "(dark: small); red: what the exponent of steps is read from, and its line"
        + ("; dotted: at the constant rate that the branches leave" if dotted else "")
        + ". Right: losses at the last step against N. Intervals are of 95 %."
    )


AXES = (("S", "steps"), ("samples", "samples"), ("C", "compute C, FLOPs"), ("seconds", "seconds"))


def _along(found: Sequence[LearningFound]) -> tuple[Figure, str]:
    """The curves of the first setting over steps, samples, operations and seconds."""
    c = found[0].columns
    timed = found[0].study.student.trained and bool(np.isfinite(c["seconds"]).all())
    axes = AXES if timed else AXES[:3]
    figure = blank(11.0, 3.4)
    for ax, (name, words) in zip(figure.subplots(1, len(axes)), axes, strict=True):
        curves_by_size(ax, c, name, words)
        ax.minorticks_off()
    return figure, (
        f"The same curves ({found[0].label}) over "
        + ", ".join(words for _, words in axes)
        + ". Seconds are those of a whole run on the machine that trained it, with others beside "
        "it, shared out by operations." * timed
    )


# ---- view ----------------------------------------------------------------------------------------


SYMBOLS = {"alpha_S": ("α_S", "S"), "alpha_N": ("α_N", "N"),
           "alpha_S at the constant rate": ("α_S, constant rate", "S")}  # fmt: skip


def _lines(found: LearningFound) -> Iterator[tuple]:
    for name, (symbol, x) in SYMBOLS.items():
        e = found.exponent(name) if name in found.scans else None
        if e:
            at = found.scans[name][0]
            over = f"{x} = {at.min():g} … {at.max():g}"
            yield found.label, symbol, float(e.alpha), e.interval, over, e.shape


TABLES = (
    table_of("learning", "Learning curves, by the losses at checkpoints:",
             ("setting", "exponent", "value", "95 % interval", "over", "shape"), _lines, most=4),
    table_of("learning", "Joint laws of the mean curves, AICc above that of the best:",
             ("setting", "joint law", "ΔAICc", "exponents", "rows"), lambda found: (
        (found.label, one.name, float(one.above), one.told, one.rows) for one in found.laws
    ), most=4),
)  # fmt: skip


def sentences(_: Answer, found: LearningFound) -> Iterator[str]:
    """The number of curves, and whether they are flat at their end."""
    if not found.units:
        yield "learning curves need a teacher with every size; go on running."
        return
    sizes = len(set(found.columns["N"].tolist()))
    yield f"curves of {sizes} sizes, of {found.units} of {found.planned} teachers or seeds."
    if found.ends < FLAT:
        yield "at the last step all are flat."
    elif math.isfinite(found.ends):
        yield f"at the last step the steepest of them falls as S^−{found.ends:.2g}."
    if math.isfinite(found.annealed):
        yield (
            f"at the last checkpoint losses at the constant rate are {found.annealed:.3g} times "
            "those of the branches that decay."
        )


def measured(found: LearningFound) -> str:
    """Both exponents."""
    known = {SYMBOLS[name][0]: found.exponent(name) for name in found.scans}
    return ", ".join(f"{symbol} = {e.alpha:.3g}" for symbol, e in known.items() if e)


COLUMNS = ("N", "D", "S", "samples", "C", "seconds", "unit", "loss")
FIGURES = (
    figure_of("learning", "Learning curves", _drawn, of=lambda found: found.units),
    figure_of("learning", "Steps, samples, FLOPs, seconds", _along, name="learning-axes",
              of=lambda found: found.units),
)  # fmt: skip
VIEW = View(
    above=joined(*TABLES),
    sentences=sentences,
    figures=joined(*FIGURES),
    files=file_of("learning", ("label", *COLUMNS), lambda found: (
        (found.label, *row)
        for row in zip(*(found.columns[name].tolist() for name in COLUMNS), strict=True)
    ), name="curves", form=".8g"),
    key="curves",
    measured=measured,
)  # fmt: skip
