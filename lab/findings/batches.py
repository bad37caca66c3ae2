"""Critical batches of every setting of a study: steps to a loss by batch, and claims about them.

**Steps S(B).** Curves are geometric means over units, the teachers, or the seeds where there is one
teacher. The first crossing of a target is interpolated between checkpoints in the logarithms of
step and loss; over rates the least S is that of a parabola in log rate through the best of them and
its neighbours, or of the best rate alone where a neighbour is STEEP. A best rate at an end of those
that were tried is told (`rate-at-edge`) and decides nothing; one that is next to divergence is
none.

**Fits**, per target, by least squares in log S over the batches:

    S = S_min + E_min/B          the hyperbola (S/S_min − 1)(E/E_min − 1) = 1, B_crit = E_min/S_min
    S = (S_min^κ + (E_min/B)^κ)^(1/κ)         the same asymptotes with a sharpness κ

`residual` is the root mean square of the hyperbola in log S. A claim about `hyperbola` is about the
mean log κ of all targets, one about `batch_exponent` about the slope of log B_crit in log target.
Intervals of 95 % are Student's: of the jackknife over units, and of one unit those of the mean, or
of the line, through the targets.

Beside them stand the noise scales of the gradient (McCandlish, Kaplan, Amodei et al., arXiv
1812.06162) at the same losses, at the largest batch and its best rate: B_simple = tr Σ/|G|², and
B_noise = tr HΣ/GᵀHG. Exact students know both; of networks they are measured where the study asks
for it (`batch.scales`, `lab.students.noise`), and are geometric means over units here.

Known bias: batches that do not reach a decade to both sides of B_crit leave κ free.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings import intervals
from lab.findings.answer import Answer, Judgement
from lab.findings.drawing import GREY, VERMILLION, literal, shades, stacked
from lab.findings.intervals import NOTHING, jackknife
from lab.findings.study_results import ClaimedFinding, SettingRuns, StudyResults
from lab.findings.view import View, figure_of, file_of, table_of
from lab.kinds.student import STUDENTS
from lab.regimes.critical_batch import BATCHES, HYPERBOLA, CriticalBatch
from lab.scaling.scans.scan import Interval
from lab.students.noise import measured as measured_at
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS = 12
"""Groups of a jackknife, at most."""
STEEP = 0.4
"""Rise of log S to a neighbouring rate above which no parabola is laid: a cliff of stability."""
EDGE = "rate-at-edge: the best rate is an end of those that were tried; add rates there"
Curves = Mapping[tuple[int, float, int], tuple[np.ndarray, np.ndarray]]
"""Steps and relative losses of a run by batch, rate and unit; none of one that diverged."""


@dataclass(frozen=True)
class Tuned:
    """The best rate of one batch for one target, its steps; `edge`: no rate beyond was tried."""

    batch: int
    rate: float
    steps: float
    edge: bool


@dataclass(frozen=True)
class TargetFound:
    """Cost of reaching one loss: a hyperbola through the tuned batches, NaN of fewer than
    BATCHES of them; scales: B_simple and B_noise there, where they are known."""

    target: float
    tuned: tuple[Tuned, ...]
    S_min: float = math.nan
    E_min: float = math.nan
    residual: float = math.nan
    sharpness: float = math.nan
    scales: tuple[float, float] | None = None

    @property
    def B_crit(self) -> float:
        """E_min/S_min."""
        return self.E_min / self.S_min


@dataclass(frozen=True)
class BatchesFound(ClaimedFinding):
    """The targets of one setting; κ and 1/α_B with their intervals."""

    study: CriticalBatch
    targets: tuple[TargetFound, ...]
    hyperbola: tuple[float, Interval]
    batch_exponent: tuple[float, Interval]
    units: int
    planned: int
    left_out: tuple[str, ...] = ()
    curves: Curves = field(default_factory=dict, repr=False)

    def plain(self) -> dict[str, Any]:
        """Every number under its name."""
        return {
            "label": self.label, "units": self.units, "doubts": list(self.doubts),
            "hyperbola": {"value": self.hyperbola[0], "interval": self.hyperbola[1]},
            "batch_exponent": {"value": self.batch_exponent[0], "interval": self.batch_exponent[1]},
            "targets": [
                {"target": t.target, "S_min": t.S_min, "E_min": t.E_min, "B_crit": t.B_crit,
                 "residual": t.residual, "sharpness": t.sharpness,
                 "B_simple": t.scales[0] if t.scales else None,
                 "B_noise": t.scales[1] if t.scales else None,
                 "batches": {one.batch: one.steps for one in t.tuned}}
                for t in self.targets
            ],
        }  # fmt: skip


def batches(question: StudyResults) -> tuple[BatchesFound, ...]:
    """One per setting, in the order of the grid."""
    study = question.study
    assert isinstance(study, CriticalBatch)
    return tuple(_found(study, one) for one in question.stored)


def _found(study: CriticalBatch, one: SettingRuns) -> BatchesFound:
    curves, units, planned = _observed(one)
    goals = study.batch.targets
    targets = tuple(_with_scales(t, one) for t in _targets(curves, goals))
    groups = np.array_split(np.array(sorted(units)), min(len(units), GROUPS)) if units else []
    left = [
        _both(_targets({k: v for k, v in curves.items() if k[2] not in group}, goals))
        for group in groups
    ] if len(units) > 1 else []  # fmt: skip
    doubts = () if len(units) == planned and units else ("unfinished",)
    edges = any(tuned.edge for t in targets for tuned in t.tuned)
    told = tuple(
        f"{literal_loss(t.target)} is reached at {len(t.tuned)} batches of {len(study.batch.sizes)}"
        for t in targets if len(t.tuned) < len(study.batch.sizes)
    )  # fmt: skip
    over = [_interval(targets, left, k) for k in (0, 1)]
    return BatchesFound(
        study, targets, over[0], over[1], len(units), planned, told,
        doubts=(*doubts, *((EDGE,) if edges else ())), curves=curves, at=one.setting,
    )  # fmt: skip


def literal_loss(target: float) -> str:
    """A target in words."""
    return f"L = {target:g}"


def _observed(one: SettingRuns) -> tuple[Curves, set[int], int]:
    """Curves of the units that have every run, done or diverged, and how many are planned."""
    whole, planned = one.units("done", "diverged")
    rows: dict[tuple[int, float, int], list[tuple[float, float]]] = defaultdict(list)
    for run, row in one.done:
        for o in row.evaluated():
            if o.step > 0 and 0 < o.loss < math.inf and row.scale:
                _, batch, rate = run.training.stages[0]
                rows[batch, rate, one.unit(run)].append((o.step, o.loss / row.scale))
    curves: dict[tuple[int, float, int], tuple[np.ndarray, np.ndarray]] = {}
    for run, _ in one.cells.scan:
        _, batch, rate = run.training.stages[0]
        at = batch, rate, one.unit(run)
        if at[2] in whole:
            step, loss = np.array(sorted(rows[at])).reshape(-1, 2).T
            curves[at] = step, loss
    return curves, whole, planned


def _targets(curves: Curves, goals: Sequence[float]) -> list[TargetFound]:
    """Tuned steps and fits, target by target."""
    means: dict[int, dict[float, tuple[np.ndarray, np.ndarray]]] = defaultdict(dict)
    together: dict[tuple[int, float], list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
    for (batch, rate, _), curve in curves.items():
        together[batch, rate].append(curve)
    for (batch, rate), some in together.items():
        whole = all(step.size for step, _ in some)  # a rate at which one diverges is too large
        log_L = np.mean([np.log(loss) for _, loss in some], axis=0) if whole else np.zeros(0)
        means[batch][rate] = (some[0][0] if whole else log_L), log_L
    return [_fitted(goal, means) for goal in sorted(goals, reverse=True)]


def _fitted(
    goal: float, means: Mapping[int, Mapping[float, tuple[np.ndarray, np.ndarray]]]
) -> TargetFound:
    tuned = []
    for batch in sorted(means):
        rates = sorted(means[batch])
        steps = [crossing(*means[batch][rate], math.log(goal)) for rate in rates]
        best = _best(np.log(rates), np.log(steps))
        if best:
            tuned.append(Tuned(batch, *best))
    found = TargetFound(goal, tuple(tuned))
    return _fit(found) if len(tuned) >= BATCHES else found


def crossing(steps: np.ndarray, log_L: np.ndarray, goal: float) -> float:
    """Steps to the first loss at or below the goal, ∞ if there is none; the curve starts at log L =
    0 and step ½ for a logarithm."""
    below = np.flatnonzero(log_L <= goal)
    if not below.size:
        return math.inf
    k = int(below[0])
    x = np.log(np.concatenate([[0.5], steps]))
    y = np.concatenate([[max(0.0, float(log_L[0]) + 1e-9)], log_L])
    share = (y[k] - goal) / (y[k] - y[k + 1])
    return float(np.exp(x[k] + share * (x[k + 1] - x[k])))


def _best(log_rate: np.ndarray, log_steps: np.ndarray) -> tuple[float, float, bool] | None:
    """Best rate, its steps, and whether it is an end of the rates; None where none arrives."""
    if not np.isfinite(log_steps).any():
        return None
    k = int(np.nanargmin(np.where(np.isfinite(log_steps), log_steps, np.inf)))
    if k in (0, log_rate.size - 1):
        return float(np.exp(log_rate[k])), float(np.exp(log_steps[k])), True
    near = slice(k - 1, k + 2)
    best = float(np.exp(log_rate[k])), float(np.exp(log_steps[k])), False
    if not (log_steps[near] - log_steps[k] < STEEP).all():
        return best
    a, b, c = np.polyfit(log_rate[near] - log_rate[k], log_steps[near], 2)
    if a <= 0:
        return best
    return float(np.exp(log_rate[k] - b / (2 * a))), float(np.exp(c - b * b / (4 * a))), False


def _fit(found: TargetFound) -> TargetFound:
    """The hyperbola and its sharpness, by least squares in log S."""
    from scipy.optimize import least_squares

    log_B = np.log([one.batch for one in found.tuned])
    log_S = np.log([one.steps for one in found.tuned])

    def rest(p: np.ndarray) -> np.ndarray:
        κ = np.exp(p[2]) if p.size > 2 else 1.0
        return log_S - np.logaddexp(κ * p[0], κ * (p[1] - log_B)) / κ

    start = np.array([log_S[-1], log_S[0] + log_B[0]])
    plain = least_squares(rest, start)
    sharp = least_squares(rest, [*plain.x, 0.0], bounds=([-99, -99, -3], [99, 99, 3]))
    return TargetFound(
        found.target, found.tuned, float(np.exp(plain.x[0])), float(np.exp(plain.x[1])),
        float(np.sqrt(np.mean(plain.fun**2))), float(np.exp(sharp.x[2])),
    )  # fmt: skip


def _with_scales(found: TargetFound, one: SettingRuns) -> TargetFound:
    """The same with the noise scales where the largest batch reaches it."""
    if not found.tuned:
        return found
    last = found.tuned[-1]
    runs = [run for run, _ in one.done if run.training.stages[0][1] == last.batch]
    near = min(runs, key=lambda run: abs(math.log(run.training.stages[0][2] / last.rate)))
    scales = STUDENTS[near.student.kind].noise_scales(near, last.steps)
    if scales is None:
        rows = [row for run, row in one.done if run.training == near.training]
        scales = _measured_scales([measured_at(row.details) for row in rows], last.steps)
    return TargetFound(found.target, found.tuned, found.S_min, found.E_min, found.residual,
                       found.sharpness, scales)  # fmt: skip


def _measured_scales(
    rows: Sequence[Mapping[int, tuple[float, float]]], step: float
) -> tuple[float, float] | None:
    """Geometric means over runs of both scales, between checkpoints in logarithms; None unless
    every run has them on both sides of the step."""
    logs = []
    for row in rows:
        steps = np.array(sorted(row), float)
        if not steps.size or not steps[0] <= step <= steps[-1]:
            return None
        both = np.log([row[int(s)] for s in steps])
        logs.append([np.interp(math.log(step), np.log(steps), both[:, k]) for k in (0, 1)])
    if not logs:
        return None
    simple, noise = np.exp(np.mean(logs, axis=0)).tolist()
    return simple, noise


def _both(targets: Sequence[TargetFound]) -> tuple[float, float]:
    """Mean log κ, and the slope −d log B_crit/d log L."""
    known = [t for t in targets if math.isfinite(t.sharpness)]
    if len(known) < 3:
        return math.nan, math.nan
    x, y = np.log([t.target for t in known]), np.log([t.B_crit for t in known])
    return float(np.mean(np.log([t.sharpness for t in known]))), -float(np.polyfit(x, y, 1)[0])


def _interval(
    targets: Sequence[TargetFound], left: Sequence[tuple[float, float]], which: int
) -> tuple[float, Interval]:
    """κ (0) or 1/α_B (1), with its interval."""
    value = _both(targets)[which]
    known = [t for t in targets if math.isfinite(t.sharpness)]
    ends = NOTHING
    if left:
        ends = jackknife(value, [one[which] for one in left])
    elif len(known) > 2 and which == 0:
        _, ends = intervals.mean(np.log([t.sharpness for t in known]))
    elif len(known) > 2:
        x, y = np.log([t.target for t in known]), np.log([t.B_crit for t in known])
        _, (low, high) = intervals.slope(x, y)
        ends = -high, -low
    return intervals.exp((value, ends)) if which == 0 else (value, ends)


# ---- claims -------------------------------------------------------------------------------------


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge a claim about κ or 1/α_B, setting by setting."""
    for found, at, prediction in question.beside(claim, "batches"):
        value, interval = getattr(found, claim.quantity)
        if not math.isfinite(value):
            yield Judgement.unmeasured(claim, at, prediction, found.doubts, (
                f"{claim.symbol} needs three losses that are reached at {BATCHES} batches each: go "
                "on running, give more steps, or take targets that are not as low."
            ))  # fmt: skip
            continue
        known = [t for t in found.targets if math.isfinite(t.residual)]
        worst = max(known, key=lambda t: t.residual)
        words = (
            f"the hyperbola leaves a residual of {worst.residual:.2g} in log S at most, at "
            f"{literal_loss(worst.target)}.",
        ) if claim.quantity == HYPERBOLA.name else ()  # fmt: skip
        advice = (
            f"± {(interval[1] - interval[0]) / 2:.2g} where ± {claim.tolerance * prediction:.2g} "
            "is allowed: more teachers or seeds, or more losses."
        )
        yield Judgement.of(claim, found, prediction, value, interval, advice=advice, words=words)


# ---- view ----------------------------------------------------------------------------------------


HEAD = ("setting", "loss", "S_min", "E_min", "B_crit", "residual", "κ", "B_simple", "B_noise")


def _lines(found: BatchesFound) -> Iterator[tuple]:
    for t in found.targets:
        if math.isfinite(t.S_min):
            yield (found.label, f"{t.target:g}", t.S_min, t.E_min, t.B_crit, t.residual,
                   t.sharpness, *(t.scales or NOTHING))  # fmt: skip


def sentences(_: Answer, found: BatchesFound) -> Iterator[str]:
    """Units, targets that are not reached, and edges."""
    if not found.units:
        yield "critical batches need a teacher with every run; go on running."
        return
    yield f"steps to {len(found.targets)} losses, means over {found.units} of {found.planned}."
    for sentence in found.left_out:
        yield f"{sentence}."


def _drawn(found: Sequence[BatchesFound]) -> tuple[Figure, str]:
    """Two panels per setting: steps against batch, and the critical batch against the loss."""
    figure, axes = stacked(len(found), 2, width=11.0)
    for (left, right), one in zip(axes, found, strict=True):
        left.set_title(literal(one.label))
        left.set(xscale="log", yscale="log", xlabel="batch B", ylabel="steps S, tuned")
        for t, colour in zip(one.targets, shades(len(one.targets)), strict=True):
            B = np.array([tuned.batch for tuned in t.tuned], float)
            left.plot(B, [tuned.steps for tuned in t.tuned], "o", color=colour, ms=4,
                      label=literal_loss(t.target))  # fmt: skip
            if math.isfinite(t.S_min):
                at = np.geomspace(B.min(), B.max(), 60)
                left.plot(at, t.S_min + t.E_min / at, "-", color=colour, lw=1.0)
        if any(t.tuned for t in one.targets):
            left.legend(loc="upper right", fontsize=8.5)
        right.set(xscale="log", yscale="log", xlabel="relative loss L", ylabel="batch")
        some = [t for t in one.targets if math.isfinite(t.S_min)]
        L = [t.target for t in some]
        exponent = one.batch_exponent[0]
        right.plot(L, [t.B_crit for t in some], "o-", color=VERMILLION,
                   label=f"B_crit, 1/α_B = {exponent:.3g}")  # fmt: skip
        for k, name in enumerate(("B_simple", "B_noise")):
            if some and all(t.scales for t in some):
                scales = [t.scales[k] for t in some if t.scales]
                right.plot(L, scales, ("--", ":")[k], color=GREY, label=name)
        if some:
            right.legend(loc="upper right", fontsize=8.5)
    return figure, (
        "Left: steps to each loss against the batch, at the best rate of each batch, and the "
        "hyperbola S = S_min + E_min/B. Right: the critical batch E_min/S_min of each loss, and "
        "the noise scales of the gradient there, where they are known."
    )


def measured(found: BatchesFound) -> str:
    """κ and the exponent."""
    κ, exponent = found.hyperbola[0], found.batch_exponent[0]
    return f"κ = {κ:.3g}, B_crit ∝ L^−{exponent:.3g}" if math.isfinite(κ) else ""


VIEW = View(
    above=table_of(
        "batches", "Critical batches, B_crit = E_min/S_min of a hyperbola, its residual in log S, "
        "and the noise scales of the gradient:", HEAD, _lines, most=4,
    ),
    sentences=sentences,
    figures=figure_of("batches", "Critical batches", _drawn, of=lambda found: found.units),
    files=file_of("batches", ("label", "loss", "batch", "rate", "steps", "samples"),
                  lambda found: (
        (found.label, f"{t.target:g}", one.batch, one.rate, one.steps, one.batch * one.steps)
        for t in found.targets for one in t.tuned
    )),
    key="batches",
    measured=measured,
)  # fmt: skip
