"""Best step on a training set, and the data that a size needs.

Of each size N and training set D the geometric mean of the test loss over units is lowest at S_stop
and there L(N, D); on unlimited data it ends at L(N, ∞). Both curves fall alike until the training
set is known by heart, so that the data cannot be exhausted before (Kaplan et al., arXiv 2001.08361,
§5.3)

    S_stop ≥ S_c [L(N, D) − L(N, ∞)]^(−1/α_S)

with S_c and α_S of the line through log(L(N, S) − L(N, ∞)) over log S on unlimited data, from
`curve.first` on while the difference is MARGIN of L(N, ∞) or more. Beside it stands the same bound
without a law, the step at which the curve of unlimited data is at L(N, D). A claim about `stopping`
is about the least ratio S_stop over the bound, of all N and D at which L(N, D) exceeds L(N, ∞) by
MARGIN or more; its interval is Student's of the jackknife over units, in log.

**Data that a size needs**: the D at which L(N, D) is 1 + `curve.short` times L(N, ∞), between the
measured D in the logarithms. A claim about `data-need` is about the slope of log D over log N.

Known bias: S_stop lies on the grid of checkpoints, half a step of which it may be off to both
sides; L(N, ∞) is that of the last step, which is too high where the curve still falls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Answer, Judgement
from lab.findings.batches import crossing
from lab.findings.drawing import GREY, VERMILLION, decades, literal, shades, stacked
from lab.findings.frontiers import Columns, geometric_mean, groups, observed
from lab.findings.intervals import NOTHING, jackknife, of_logarithm
from lab.findings.study_results import ClaimedFinding, SettingRuns, StudyResults
from lab.findings.view import View, figure_of, file_of, table_of
from lab.regimes.stepwise import STOPPING, LearningCurve
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 0.05
"""Share of L(N, ∞) by which a loss exceeds it surely."""
FEWEST = 3
"""Points of a line."""


@dataclass(frozen=True)
class Stop:
    """One size and training set: the step at which the mean loss is lowest, that loss, Kaplan's
    bound, and the step at which the curve of unlimited data has this loss (NaN without either)."""

    N: float
    D: float
    step: float
    loss: float
    bound: float
    direct: float

    @property
    def ratio(self) -> float:
        """S_stop over its bound."""
        return self.step / self.bound


@dataclass(frozen=True)
class StoppingFound(ClaimedFinding):
    """One setting. laws: (S_c, α_S) by size; stops: of all N and D; need: D by size that keeps it
    from losing more than `short`, where it lies between the measured; ratio, slope: with their
    intervals."""

    laws: dict[float, tuple[float, float]]
    stops: tuple[Stop, ...]
    need: dict[float, float]
    short: float
    ratio: tuple[float, Interval]
    slope: tuple[float, Interval]
    units: int
    planned: int

    def plain(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {
            "label": self.label, "units": self.units, "doubts": list(self.doubts),
            "stopping": {"value": self.ratio[0], "interval": self.ratio[1]},
            "data-need": {"value": self.slope[0], "interval": self.slope[1],
                          "D": {int(N): D for N, D in self.need.items()}},
            "stops": [{"N": s.N, "D": s.D, "step": s.step, "loss": s.loss, "bound": s.bound,
                       "direct": s.direct} for s in self.stops],
        }  # fmt: skip


def stopping(question: StudyResults) -> tuple[StoppingFound, ...]:
    """One per setting of a study with training sets beside unlimited data."""
    study = question.study
    assert isinstance(study, LearningCurve)
    if study.data is None or None not in study.sizes:
        return ()
    return tuple(_found(study, one) for one in question.stored)


def _found(study: LearningCurve, one: SettingRuns) -> StoppingFound:
    c, units, planned, doubts = observed(one)
    laws, stops = _stops(study, c)
    need = _need(study, c)
    without = [(_least(_stops(study, some)[1]), _slope(_need(study, some))) for some in groups(c)]
    ratio, slope = _least(stops), _slope(need)
    ends = jackknife(math.log(ratio), [_log(r) for r, _ in without]) if ratio > 0 else NOTHING
    return StoppingFound(
        laws, stops, need, study.curve.short,
        (ratio, of_logarithm(ends)),
        (slope, jackknife(slope, [s for _, s in without])), units, planned, at=one.setting,
        doubts=doubts,
    )  # fmt: skip


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def _curve(c: Columns, N: float, D: float) -> tuple[np.ndarray, np.ndarray]:
    rows = (c["N"] == N) & (c["D"] == D)
    return geometric_mean(c["S"][rows], c["loss"][rows])


def _stops(
    study: LearningCurve, c: Columns
) -> tuple[dict[float, tuple[float, float]], tuple[Stop, ...]]:
    """The laws of steps by size, and every stop."""
    laws, stops = {}, []
    for N in np.unique(c["N"]):
        steps, free = _curve(c, N, math.inf)
        if not steps.size:
            continue
        limit = free[-1]
        used = (steps >= study.curve.first) & (free >= (1 + MARGIN) * limit)
        S_c = α = math.nan
        if used.sum() >= FEWEST:
            slope, level = np.polyfit(np.log(steps[used]), np.log(free[used] - limit), 1)
            α, S_c = -float(slope), float(np.exp(-level / slope))
            laws[float(N)] = (S_c, α)
        for D in np.unique(c["D"][(c["N"] == N) & np.isfinite(c["D"])]):
            at, loss = _curve(c, N, D)
            k = int(loss.argmin())
            if loss[k] < (1 + MARGIN) * limit:
                continue
            bound = S_c * (loss[k] - limit) ** (-1 / α) if α > 0 else math.nan
            direct = crossing(steps, np.log(free), math.log(loss[k]))
            stops.append(Stop(float(N), float(D), float(at[k]), float(loss[k]), float(bound),
                              direct))  # fmt: skip
    return laws, tuple(stops)


def _least(stops: Sequence[Stop]) -> float:
    """The least ratio of a step to its bound, NaN of none."""
    return min((s.ratio for s in stops if math.isfinite(s.ratio)), default=math.nan)


def _need(study: LearningCurve, c: Columns) -> dict[float, float]:
    """D by size at which the best loss is 1 + short times that on unlimited data."""
    found = {}
    for N in np.unique(c["N"]):
        _, free = _curve(c, N, math.inf)
        sets = np.unique(c["D"][(c["N"] == N) & np.isfinite(c["D"])])
        if not free.size or sets.size < 2:
            continue
        over = np.log([_curve(c, N, D)[1].min() / free[-1] for D in sets])
        goal = math.log(1 + study.curve.short)
        if over[0] > goal >= over.min():
            k = int(np.flatnonzero(over <= goal)[0])
            share = (over[k - 1] - goal) / (over[k - 1] - over[k])
            log_D = np.log(sets)
            found[float(N)] = float(np.exp(log_D[k - 1] + share * (log_D[k] - log_D[k - 1])))
    return found


def _slope(need: dict[float, float]) -> float:
    """Slope of log D over log N, NaN of fewer than FEWEST sizes."""
    if len(need) < FEWEST:
        return math.nan
    return float(np.polyfit(np.log([*need]), np.log([*need.values()]), 1)[0])


# ---- claims -------------------------------------------------------------------------------------


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge a claim about the stop, or about data that a size needs, setting by setting."""
    for found, at, prediction in question.beside(claim, "stopping"):
        of_stop = claim.quantity == STOPPING.name
        value, interval = found.ratio if of_stop else found.slope
        words: tuple[str, ...] = ()
        if not math.isfinite(value):
            why = (
                f"no training set loses {MARGIN:g} of the loss on unlimited data, or nothing is "
                "complete: go on running, or take smaller D."
                if of_stop else
                f"{len(found.need)} sizes lose {found.short:g} between the measured D, and a slope "
                f"needs {FEWEST}: go on running, or add training sets."
            )  # fmt: skip
            yield Judgement.unmeasured(claim, at, prediction, found.doubts, why)
            continue
        if of_stop:
            s = min((s for s in found.stops if math.isfinite(s.ratio)), key=lambda s: s.ratio)
            words = (
                f"the least of {len(found.stops)} is that of N = {s.N:g} on D = {s.D:g}: step "
                f"{s.step:g} for a bound of {s.bound:.3g}, and {s.direct:.3g} without a law.",
            )
        yield Judgement.of(claim, found, prediction, value, interval, words=words)


# ---- view ----------------------------------------------------------------------------------------


HEAD = ("setting", "N", "D", "S_stop", "bound", "without a law", "L(N, D)", "D needed")


def _lines(found: StoppingFound) -> Iterator[tuple]:
    for s in found.stops:
        yield (found.label, f"{s.N:g}", f"{s.D:g}", f"{s.step:g}", s.bound, s.direct, s.loss,
               found.need.get(s.N, math.nan))  # fmt: skip


def sentences(_: Answer, found: StoppingFound) -> Iterator[str]:
    """The laws of steps."""
    for N, (S_c, α) in found.laws.items():
        yield f"N = {N:g}: L(N, S) − L(N, ∞) = (S/{S_c:.3g})^−{α:.3g} on unlimited data."


def _drawn(found: Sequence[StoppingFound]) -> tuple[Figure, str]:
    """Two panels per setting: best step against its bound, and data needed against size."""
    figure, axes = stacked(len(found), 2, width=10.0)
    for (left, right), one in zip(axes, found, strict=True):
        sizes = sorted({s.N for s in one.stops})
        for N, colour in zip(sizes, shades(len(sizes)), strict=True):
            own = [s for s in one.stops if s.N == N]
            left.plot([s.bound for s in own], [s.step for s in own], "o", color=colour, ms=4,
                      label=f"N = {N:g}")  # fmt: skip
        ends = [v for s in one.stops for v in (s.bound, s.step) if math.isfinite(v)]
        if ends:
            left.plot([min(ends), max(ends)], [min(ends), max(ends)], "--", color=GREY, lw=1.2)
            left.legend(fontsize=8.5)
        left.set(xscale="log", yscale="log", xlabel="bound on S_stop", ylabel="best step",
                 title=literal(one.label))  # fmt: skip
        right.plot([*one.need], [*one.need.values()], "o-", color=VERMILLION)
        right.set(xscale="log", yscale="log", xlabel="size N",
                  ylabel=f"D that costs {one.short:.0%} of the loss")  # fmt: skip
        for ax in (left, right):
            decades(ax)
    return figure, (
        "Left: the step at which the test loss on a training set is lowest, against Kaplan's lower "
        "bound from curves of unlimited data; points should lie above the dashed line. Right: the "
        "training set that a size needs to lose no more than so much."
    )


def measured(found: StoppingFound) -> str:
    """Both numbers."""
    told = [f"S_stop at least {found.ratio[0]:.3g} times its bound"] * math.isfinite(found.ratio[0])
    return ", ".join([*told, *[f"D ∝ N^{found.slope[0]:.3g}"] * math.isfinite(found.slope[0])])


VIEW = View(
    above=table_of(
        "stopping", "Steps at which training sets are best left, and Kaplan's bound; the last "
        "column is the D that keeps this size from losing more:", HEAD, _lines, most=5,
    ),
    sentences=sentences,
    figures=figure_of("stopping", "When to stop", _drawn, of=lambda found: found.stops),
    files=file_of("stopping", ("label", "N", "D", "step", "loss", "bound", "direct"), lambda found:
                  ((found.label, *astuple(s)) for s in found.stops)),
    key="stopping",
    measured=measured,
)  # fmt: skip
