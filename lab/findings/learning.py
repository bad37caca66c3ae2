"""Learning curves of every setting of a study: exponents of steps and of size, and claims.

Curves are read as those of the compute frontier are (`frontiers.observed`): only units with every
size enter, and a branch counts by its last loss. Exponents, intervals and verdicts are those of any
scan (`lab.scaling`), with S or N as x and the teachers as units; claims hold over the range.

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
from lab.findings.drawing import VERMILLION, blank, literal, styled
from lab.findings.frontiers import Columns, curves_by_size, geometric_mean, observed
from lab.findings.study_results import ClaimedFinding, Setting, SettingRuns, StudyResults
from lab.findings.view import Answers, CaptionedFigure, Rows, TextTable, View, findings_of
from lab.regimes.stepwise import ALPHA_N, ALPHA_S, LearningCurve
from lab.scaling import Exponent, Scan
from lab.scaling.judge.exponent import judge
from lab.scaling.judge.verdict import UNDECIDED
from lab.scaling.scans.estimate import ExponentEstimate, estimate
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
    the steepest mean curve."""

    study: LearningCurve
    columns: Columns = field(repr=False)
    units: int
    planned: int
    scans: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(repr=False)
    estimates: dict[str, ExponentEstimate | None] = field(repr=False)
    ends: float

    def exponent(self, name: str) -> Exponent | None:
        """An exponent as it is told where nothing is claimed."""
        found = self.estimates[name]
        return judge(found, over="range") if found else None

    def plain(self) -> dict[str, Any]:
        """Exponents with their intervals."""
        told: dict[str, Any] = {"label": self.label, "units": self.units, "ends": self.ends,
                                "doubts": list(self.doubts)}  # fmt: skip
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
    scans = {ALPHA_S.name: _over_steps(study, columns), ALPHA_N.name: _over_sizes(columns)}
    drawn = one.cells.scan[0][0].task.random
    estimates = {
        name: estimate(Scan.of(*scan), law="power", replicates=replicates, drawn=drawn)
        if np.unique(scan[0]).size >= FEWEST else None
        for name, scan in scans.items()
    }  # fmt: skip
    return LearningFound(study, columns, units, planned, scans, estimates,
                         _ends(columns), at=one.setting, doubts=doubts)  # fmt: skip


def _over_steps(study: LearningCurve, c: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The curve of the largest size as far as its limit is no matter."""
    rows = c["N"] == c["N"].max(initial=0)
    steps, mean = geometric_mean(c["S"][rows], c["loss"][rows])
    used = steps[(mean >= study.curve.above * mean[-1:]) & (steps >= study.curve.first)]
    rows &= np.isin(c["S"], used)
    return c["S"][rows], c["loss"][rows], c["unit"][rows]


def _over_sizes(c: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    found = question.found("learning")
    for (one, prediction), curves in zip(question.predicted(claim), found, strict=True):
        yield _judged(curves, claim, one.setting, prediction)


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


def learning_figure(found: Sequence[LearningFound]) -> tuple[Figure, str]:
    """Two panels per setting: loss against steps, and against size at the last step."""
    with styled():
        figure = blank(11.0, 0.5 + 3.9 * len(found))
        axes = figure.subplots(len(found), 2, squeeze=False)
        for (left, right), one in zip(axes, found, strict=True):
            curves_by_size(left, one.columns, "S", "steps S")
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
                    label = f"{symbol} = {e.alpha:.3g} [{e.interval[0]:.3g}, {e.interval[1]:.3g}]"
                    ax.plot(at, line, "--", color=VERMILLION, lw=1.4, label=label)
                    ax.legend(loc="lower left")
    return figure, (
        "Left: relative loss against steps, geometric means over teachers, a line for each size N "
        "(dark: small); red: what the exponent of steps is read from, and its line. Right: losses "
        "at the last step against N. Intervals are of 95 %."
    )


# ---- view ----------------------------------------------------------------------------------------


HEAD = ("setting", "exponent", "value", "95 % interval", "over", "shape")
SYMBOLS = {"alpha_S": ("α_S", "S"), "alpha_N": ("α_N", "N")}


def above(answers: Answers) -> list[TextTable]:
    """A line for each setting and exponent."""
    lines = []
    for found in findings_of(answers, "learning"):
        for name, (symbol, x) in SYMBOLS.items():
            e, at = found.exponent(name), found.scans[name][0]
            if e:
                ends = f"[{e.interval[0]:.3g}, {e.interval[1]:.3g}]"
                lines.append((found.label, symbol, f"{e.alpha:.3g}", ends,
                              f"{x} = {at.min():g} … {at.max():g}", e.shape))  # fmt: skip
    words = "Learning curves, by the losses at checkpoints:"
    return [TextTable(HEAD, lines, words, most=4)] if lines else []


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


def figures(answers: Answers) -> list[CaptionedFigure]:
    """One figure of all settings that have curves."""

    found = [one for one in findings_of(answers, "learning") if one.units]
    return (
        [CaptionedFigure("learning", "Learning curves", *learning_figure(found))] if found else []
    )


def files(answers: Answers) -> dict[str, Rows]:
    """Every loss of every curve."""
    rows = [
        (found.label, *(f"{v:.8g}" for v in row))
        for found in findings_of(answers, "learning")
        for row in zip(*(found.columns[n].tolist() for n in COLUMNS), strict=True)
    ]
    return {"curves.csv": Rows(("label", *COLUMNS), rows)} if rows else {}


def measured(found: LearningFound) -> str:
    """Both exponents."""
    known = {symbol: found.exponent(name) for name, (symbol, _) in SYMBOLS.items()}
    return ", ".join(f"{symbol} = {e.alpha:.3g}" for symbol, e in known.items() if e)


COLUMNS = ("N", "S", "C", "unit", "loss")
VIEW = View(above=above, sentences=sentences, figures=figures, files=files, key="curves",
            measured=measured)  # fmt: skip
