"""The exponent of one scan, with its honest interval, doubts and verdict.

Object: α of L(x, k) = β_k x^−α_k (+ floor_k), the mean of α_k over the teachers k, from the cells
of a `Scan`. What the quoted interval holds is said in `estimate.py`; what more
training would change is told by the caller as a `Correction`, added to α, and its error to the
interval.

    local exponents   slopes between neighbouring x, and whether they are constant
    forecast          the two largest x from the rest: a law that fails is not quoted as a number

Known bias: the fit is in log loss, and the mean log of a loss that scatters lies below the log of
its mean by half the variance: a few per cent in α where single losses scatter by a half and more at
one end of the scan than at the other.

What it does not do: choose between laws; see `weights.py`. Fit a table of a user; see `table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.judge import verdict as rule
from lab.scaling.judge.doubts import NO_NUMBER, Doubt, known
from lab.scaling.scans.curves import Curves
from lab.scaling.scans.estimate import (
    FEWEST,
    LAWS,
    SIGNIFICANT,
    STATUS,
    USABLE,
    Estimates,
    estimate,
)
from lab.scaling.scans.intervals import Interval, bootstrap
from lab.scaling.scans.lines import lines
from lab.scaling.scans.lines import local as local_slopes
from lab.scaling.scans.scan import SHARES, Scan

LATE_FALL = 0.10
"""Fall of the loss under more training, at the largest x, beyond which α waits for it."""


class Local(NamedTuple):
    """The exponent between two neighbouring x: at their geometric mean x, with its 95 % ends."""

    x: float
    alpha: float
    lo: float
    hi: float


class Correction(NamedTuple):
    """What unlimited training would add to α, its standard error, and the log change of the loss
    that it would make at the largest x."""

    alpha: float
    error: float
    late: float


@dataclass(frozen=True)
class Exponent:
    """An exponent and what stands behind it.

    alpha: the estimate. interval: THE 95 % interval. head, beyond: those of the slopes of a
    parabola at the smallest x and half a range beyond the largest, where the verdict asks them too.
    intervals: of sampling alone, by method. by_size: α and its sampling interval under each count
    of size, by s of `scan.SHARES` (1 all parameters, 0 the leading terms); empty where nothing is
    counted. local: local exponents. forecast: error of the forecast of the two largest x in log
    loss, and its 95 % interval. correction: what more training would add, in `alpha` already.
    parameters: beta (geometric mean over teachers), alpha, floor of L = beta x^-alpha + floor.
    status: a key of STATUS. x: scanned sizes that were measured. n: cells fitted.
    groups, curves: the teachers and their fits. tests: p-values of `equal` (α = prediction,
    Student), `bound` (α ≥ prediction), `floor` (there is none), `teachers` (they share one
    exponent), `law` (their residuals share no shape). doubts: slugs of `doubts.Doubt`. verdict,
    relation: None without a prediction. advice: what would decide an undecided point.
    """

    alpha: float | int
    interval: Interval
    head: Interval | None
    beyond: Interval | None
    intervals: dict[str, Interval]
    by_size: dict[float, tuple[float, Interval]]
    local: tuple[Local, ...]
    forecast: tuple[float, Interval] | None
    correction: Correction | None
    parameters: dict[str, float]
    status: str
    law: str
    x: Float[np.ndarray, " points"]
    n: int
    teachers: int
    groups: tuple[str, ...]
    teacher_alpha: Float[np.ndarray, " teachers"]
    curves: Curves | None
    tests: dict[str, float]
    doubts: tuple[Doubt, ...]
    prediction: float | int | None
    sense: str
    tolerance: float | int
    verdict: str | None
    relation: str | None
    advice: str

    @property
    def one_number(self) -> bool:
        """Whether the curve is a power law as far as the data tell, so that α is one number."""
        return self.status in USABLE and not NO_NUMBER.intersection(self.doubts)

    @property
    def ends(self) -> tuple[Local, Local] | None:
        """The first and the last local exponent, where they are to be shown instead of α."""
        several = len(self.local) > 1
        return (self.local[0], self.local[-1]) if several and not self.one_number else None

    def teacher_curves(self, x: Sequence | np.ndarray) -> Float[np.ndarray, "teachers points"]:
        """Fitted loss of each teacher at x. NaN where a negative floor makes it negative."""
        if self.curves is None:
            return np.full((self.teachers, np.size(x)), np.nan)
        _, inner = self.curves.inner(np.log(np.asarray(x, float)))
        return np.exp(self.curves.level)[:, None] * np.where(inner > 0, inner, np.nan)

    def predict(self, x: Sequence | np.ndarray) -> Float[np.ndarray, " points"]:
        """Geometric mean over teachers of the fitted losses at x, the curve to draw."""
        return np.exp(np.log(self.teacher_curves(x)).mean(0))


def exponent(
    scan: Scan,
    *,
    prediction: float | int | None = None,
    sense: str = "bound",
    tolerance: float | int = 0.15,
    law: str = "power",
    correction: Correction | None = None,
    straight: bool = False,
    replicates: int = 2000,
    seed: int = 0,
    doubts: Sequence[str] = (),
) -> Exponent:
    """Estimate the exponent of a scan and judge a prediction by it.

    prediction, sense, tolerance: see `verdict.py`. law: one of LAWS, what is known of the floor.
    correction: what more training would change. straight: whether theory knows the curve, and that
    it does not bend over these x: then none need be excluded, though one that is seen is told.
    replicates, seed: of the cluster bootstrap (exact
    for up to 7 teachers at 2000 replicates). doubts: slugs that the caller knows of; those found in
    the data are appended.
    """
    if law not in LAWS:
        raise ValueError(f"law is {law!r}; an exponent is fitted by one of {', '.join(LAWS)}.")
    if prediction is not None:
        rule.allowed(prediction, sense, tolerance)
    request = dict(prediction=prediction, sense=sense, tolerance=tolerance)
    needed = 3 if law == "power+floor" else 2
    measured = np.isfinite(scan.log_loss).sum(1)
    fitted = scan.teachers(measured >= needed).measured()
    if not fitted.groups or fitted.x.size < 3:
        return _nothing(scan, law, known(doubts), request, int(measured.max()), needed)
    e = estimate(fitted.log_sizes, fitted.log_loss[None], declared=fitted.declared, law=law)
    reading = readings(e, fitted.log_sizes[fitted.declared], tolerance, straight=straight)[0]
    shift, error = (correction.alpha, correction.error) if correction else (0.0, 0.0)
    alpha = float(e.alpha[0]) + shift
    interval = _widened(reading.interval, float(e.alpha[0]), shift, error)
    head, beyond = (
        ends and _widened(ends, sum(ends) / 2, shift, error)
        for ends in (reading.head, reading.beyond)
    )
    found = tuple(
        dict.fromkeys(
            [*known(doubts), *_of_training(alpha, correction, tolerance), *reading.doubts]
        )
    )
    judged = related = None
    sentence = ""
    usable = e.status[0] in USABLE
    if prediction is not None:
        judged = rule.verdict(
            interval, head=head, beyond=beyond, usable=usable, doubts=found, **request
        )
        related = rule.relation(
            interval, judged, prediction=prediction, tolerance=tolerance, head=head, beyond=beyond,
            doubts=found,
        )  # fmt: skip
        if not usable:
            sentence = f"{STATUS[e.status[0]]}: widen the range of x or add seeds."
        elif judged == rule.UNDECIDED:
            sentence = rule.advice(
                alpha,
                interval,
                beyond=beyond,
                teachers=len(fitted.groups),
                doubts=found,
                x=(float(fitted.x[0]), float(fitted.x[-1])),
                **request,
            )
    u = fitted.log_sizes[fitted.declared]
    curves = _straight(u, fitted) if e.floors is None else e.floors.curves
    beta = np.maximum(curves.amplitude(), np.finfo(float).tiny)
    ahead = None
    if np.isfinite(e.ahead[0]):
        half = float(e.ahead_half[0])
        ahead = (float(e.ahead[0]), (float(e.ahead[0]) - half, float(e.ahead[0]) + half))
    own = e.teacher_alpha[0]
    tests = {name: float(p[0]) for name, p in e.tests.items()}
    if prediction is not None and own.size > 1:
        tests |= against(own, prediction)
    parameters = {
        "beta": float(np.exp(np.log(beta).mean())),
        "alpha": alpha,
        "floor": 0.0 if e.floors is None else float(curves.floor().mean()),
    }
    return Exponent(
        alpha=alpha, interval=interval, head=head, beyond=beyond,
        intervals=_sampling(e, replicates, seed), by_size=_by_size(e, fitted),
        local=_locals(fitted), forecast=ahead, correction=correction, parameters=parameters,
        status=e.status[0], law=law, x=fitted.x, n=int(np.isfinite(fitted.log_loss).sum()),
        teachers=len(fitted.groups), groups=fitted.groups, teacher_alpha=own, curves=curves,
        tests=tests, doubts=found, **request, verdict=judged, relation=related, advice=sentence,
    )  # fmt: skip


class Reading(NamedTuple):
    """What a scan says before anybody asks of its training: the quoted interval, those of the
    slopes at both ends where the verdict must ask them too, and the doubts of the data."""

    interval: Interval
    head: Interval | None
    beyond: Interval | None
    doubts: tuple[Doubt, ...]


def readings(
    e: Estimates,
    log_x: Float[np.ndarray, " points"],
    tolerance: float | int,
    *,
    straight: bool = False,
) -> list[Reading]:
    """The reading of every scan.

    A bend matters where it moves α by more than half of the tolerance. A significant bend that may
    matter is `flattens` or `steepens`; one that surely does not is held by the interval, which then
    reaches the slope at the largest x. Where none is significant but one that matters cannot be
    excluded, the doubt is `bend-unresolved`, and the slope at the largest x is asked too; where a
    floor is fitted there is no such slope, for a floor and a bend cannot be told apart.
    """
    matters = tolerance / 2 * np.abs(e.alpha)
    with np.errstate(invalid="ignore"):
        excluded = e.drift_bound <= matters
        wrong = (np.abs(e.ahead) > e.ahead_half) & (np.abs(e.ahead_alpha) > matters)
        broken = e.tests["law"] < SIGNIFICANT
        apart = e.tests["teachers"] < SIGNIFICANT
    bends = e.bends & ~excluded & (np.abs(e.drift) > matters / 2)
    held = e.bends & excluded
    lower = np.where(held, np.fmin(e.lower, e.tail[0]), e.lower)
    upper = np.where(held, np.fmax(e.upper, e.tail[1]), e.upper)
    several = len(e.by_count) > 1
    counted = np.ptp(e.by_count, axis=0) > (e.by_count_half[-1] if several else np.inf)
    floor = np.zeros(e.alpha.size, bool)
    if e.floors is not None:
        floor = (e.floors.share > 0.5).sum(1) > 0.5 * e.points
    flags = {
        Doubt.FEW_SIZES: e.points < FEWEST,
        Doubt.FEW_DECADES: np.full(e.alpha.size, np.ptp(log_x) < np.log(10) * (1 - 1e-9)),
        Doubt.ONE_TEACHER: np.isfinite(e.teacher_alpha).sum(1) == 1,
        Doubt.FLATTENS: bends & (e.drift < 0),
        Doubt.STEEPENS: bends & (e.drift > 0),
        Doubt.BEND_UNRESOLVED: ~excluded & ~bends & (not straight),
        Doubt.WRONG_LAW: broken,
        Doubt.FORECAST_FAILED: wrong,
        Doubt.COUNTING: counted,
        Doubt.INTERVALS_DISAGREE: apart,
        Doubt.FLOOR: floor,
    }
    found = []
    for i in range(e.alpha.size):
        ends = [None, None]
        if not excluded[i] and not straight and np.isfinite(e.beyond[0][i]):
            ends = [(float(lo[i]), float(hi[i])) for lo, hi in (e.head, e.beyond)]
        doubts = tuple(doubt for doubt, flag in flags.items() if flag[i])
        found.append(Reading((float(lower[i]), float(upper[i])), *ends, doubts))
    return found


def against(alpha: Float[np.ndarray, " teachers"], prediction: float | int) -> dict[str, float]:
    """Student's tests of the teachers' mean exponent: p of `equal` and, one-sided, of `bound`
    (α ≥ prediction)."""
    error = alpha.std(ddof=1) / np.sqrt(alpha.size)
    below = float(special.stdtr(alpha.size - 1, (alpha.mean() - prediction) / max(error, 1e-300)))
    return {"equal": 2 * min(below, 1 - below), "bound": below}


def _of_training(
    alpha: float, correction: Correction | None, tolerance: float | int
) -> tuple[Doubt, ...]:
    """More training is in the interval; it is a doubt where it is large."""
    if correction is None:
        return ()
    if correction.alpha < -tolerance / 2 * abs(alpha):
        return (Doubt.BUDGET_FLATTENS,)
    if correction.alpha > tolerance / 2 * abs(alpha) or correction.late < np.log(1 - LATE_FALL):
        return (Doubt.UNDER_TRAINED,)
    return ()


def _widened(ends: Interval, centre: float, shift: float, error: float) -> Interval:
    """An interval that holds both readings: as trained, and moved by a correction and widened by
    twice its error, in quadrature."""
    lo, hi = ends
    return (float(min(lo, centre + shift - np.hypot(centre - lo, 2 * error))),
            float(max(hi, centre + shift + np.hypot(hi - centre, 2 * error))))  # fmt: skip


def _sampling(e: Estimates, replicates: int, seed: int) -> dict[str, Interval]:
    alpha, own = float(e.alpha[0]), e.teacher_alpha
    found = {name: (alpha - float(h[0]), alpha + float(h[0])) for name, h in e.halves.items()
             if np.isfinite(h[0])}  # fmt: skip
    if own.shape[1] > 1:
        for name, (lo, hi) in bootstrap(own, replicates=replicates, seed=seed).items():
            found[name] = (float(lo[0]), float(hi[0]))
    return found


def _by_size(e: Estimates, scan: Scan) -> dict[float, tuple[float, Interval]]:
    if scan.counts is None:
        return {}
    shares = SHARES if len(e.by_count) == len(SHARES) else (SHARES[0], SHARES[-1])
    return {
        s: (float(a), (float(a - h), float(a + h)))
        for s, a, h in zip(shares, e.by_count[:, 0], e.by_count_half[:, 0], strict=True)
    }


def _locals(scan: Scan) -> tuple[Local, ...]:
    u = scan.log_sizes[scan.declared]
    mean, half = local_slopes(u, scan.log_loss[None])
    middle = np.exp((u[1:] + u[:-1]) / 2)
    return tuple(
        Local(float(x), float(a), float(a - h), float(a + h))
        for x, a, h in zip(middle, mean[0], half[0], strict=True)
        if np.isfinite(a)
    )


def _straight(u: np.ndarray, scan: Scan) -> Curves:
    """The teachers' lines as curves without a floor, under the declared count."""
    fit = lines(u, scan.log_loss[None])
    alpha, K = fit.alpha.value[0], len(scan.groups)
    return Curves(
        alpha, np.ones(K), fit.level[0] - alpha * u[-1], np.full(K, u[-1]),
        (fit.alpha.residual[0] ** 2).sum(1), fit.alpha.residual[0], np.ones(K))  # fmt: skip


def _nothing(scan, law, doubts, request, most, needed) -> Exponent:
    asked = request["prediction"] is not None
    return Exponent(
        alpha=np.nan, interval=(np.nan, np.nan), head=None, beyond=None, intervals={}, by_size={},
        local=(), forecast=None, correction=None, parameters={}, status="too-few-points", law=law,
        x=scan.x, n=0, teachers=0, groups=(), teacher_alpha=np.array([]), curves=None, tests={},
        doubts=doubts, **request, verdict=rule.UNDECIDED if asked else None,
        relation=rule.OPEN if asked else None,
        advice=f"a teacher has {most} x; an exponent needs at least three x, and {law} {needed} of "
        "every teacher.",
    )  # fmt: skip
