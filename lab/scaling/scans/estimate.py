"""Estimates of exponents, of one scan or of many, without a verdict.

`estimates` is the one path from losses to numbers, as arrays: a single scan (`estimate`) is a batch
of one, a calibration (`judge/calibration.py`) a batch of thousands, so that what is calibrated is
what is quoted. Which law is fitted is what is known, never what fits best:

    power         L = β_k x^−α_k. Noise-free and resolution-limited, or an excess over a measured
                  limit: L∞ is 0, and flattening is a finding (`bent`), not a floor.
    power+floor   L = β_k x^−α_k + floor_k, where a floor exists: label noise.

What is estimated is the exponent over the measured range: the least-squares slope of the true log
loss curve over the scanned x, which a bent curve has as well as a straight one, as the mean over
teachers k. Its interval is that of `lines.py`; of a law with a floor, the longer of Student's t
over teachers and the profile. Each count of size (`scan.py`) has an exponent and an interval of its
own, and so has the scan without its smallest x. What more training would change is told by the
caller as a `Correction` and is kept beside α, not in it. Beside it: local exponents, the slopes
between neighbouring x, and a forecast of the two largest x from the rest.

A target without randomness is one curve, and its starts are no sample of teachers: its interval is
the scatter of the starts (Student's t) and, in quadrature, what dropping the smallest x changes.
All x enter, always: which x to leave out is a choice that turns a bend into whatever exponent one
likes, so only the study file makes it, beforehand.

Known bias: the fit is in log loss, and the mean log of a loss that scatters lies below the log of
its mean by half the variance: a few per cent in α where single losses scatter by a half and more at
one end of the scan than at the other.

What it does not do: say what holds beyond the range (`limit.py`), quote an interval, doubt (both in
`judge/exponent.py`), or choose between laws (`laws/prediction.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from lab.scaling.scans import curves
from lab.scaling.scans.curves import CurveFits
from lab.scaling.scans.limit import Limit, limit
from lab.scaling.scans.lines import (
    LEVEL,
    Functional,
    Lines,
    PerScan,
    bootstrap,
    first,
    forecast,
    lines,
    student_quantile,
    tail_of_f,
    without_first,
)
from lab.scaling.scans.lines import local as local_slopes
from lab.scaling.scans.scan import COUNTS, Interval, Scan

LAWS: Mapping[str, str] = {"power": "power law", "power+floor": "power law plus floor"}
"""Name of each law that is fitted."""
FEWEST = 5
"""x below which no bend can be seen."""
BENT = 0.99
"""Level of the interval of the change of slope that must leave out 0 where a curve is bent: above
.95, because agreement with a limit needs a curve that is not."""
OFF = 0.98
"""Level of the intervals that must leave out 0 where the smallest x is off."""
ROUNDING = 1e-9
"""Changes of slope and deviations that are rounding errors."""
STATUS = {
    "converged": "everything may be used",
    "bound-hit": "most teachers' fits stopped at the edge of their box, α is an order of magnitude",
    "ill-conditioned": "the interval exceeds α itself",
    "flat": "the losses do not fall, there is no exponent to quote",
    "too-few-points": "fewer x than the law has parameters, nothing may be used",
}
USABLE = ("converged",)


@dataclass(frozen=True)
class SlopeChange:
    """By how much the slope changes from the smallest to the largest x, of least-squares parabolas.

    value: exponent at the largest x minus that at the smallest. half: of the 95 % interval. bent:
    whether the interval of level BENT leaves out 0. NaN and False where nothing says so.
    """

    value: PerScan
    half: PerScan
    bent: Bool[np.ndarray, " scans"]


@dataclass(frozen=True)
class Rest:
    """The scan without its smallest x.

    alpha, half: as there, see `Functional.half_of_part`. off: whether the smallest x lies off the
    line through the others, by Student's t over teachers or by the scatter of single cells and the
    noise that teachers have in common at the others, at OFF. bends: whether the others bend on
    their own, at .05; then nothing is off.
    """

    alpha: PerScan
    half: PerScan
    off: Bool[np.ndarray, " scans"]
    bends: Bool[np.ndarray, " scans"]


@dataclass(frozen=True)
class Estimates:
    """Arrays over scans.

    log_x: under the declared count of size. alpha: the mean over teachers. lower, upper: the 95 %
    interval. halves: of the sampling intervals, by name. teacher_alpha: exponents of the teachers.
    by_count, by_count_half: α and its half-width under each count. points: x with a measured cell.
    change, rest: see there; None where a floor is fitted, for no fit can tell a floor from a bend.
    ahead, ahead_half: error of the forecast of the two largest x in log loss. tests: p-values by
    name. floors: fits with a floor. drawn: whether the units are a sample of teachers.
    """

    log_x: Float[np.ndarray, " points"]
    alpha: PerScan
    lower: PerScan
    upper: PerScan
    halves: dict[str, PerScan]
    teacher_alpha: Float[np.ndarray, "scans teachers"]
    by_count: Float[np.ndarray, "counts scans"]
    by_count_half: Float[np.ndarray, "counts scans"]
    points: Int[np.ndarray, " scans"]
    change: SlopeChange | None
    rest: Rest | None
    ahead: PerScan
    ahead_half: PerScan
    tests: dict[str, PerScan]
    floors: curves.Floored | None
    status: tuple[str, ...]
    drawn: bool = True


def estimates(
    log_sizes: Float[np.ndarray, "counts points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    *,
    declared: int = 0,
    law: str = "power",
    drawn: bool = True,
    level: float = LEVEL,
) -> Estimates:
    """Estimate the exponent of every scan.

    log_sizes: log x, ascending, by each count of size; one row where nothing is counted. declared:
    the row that the study declares. log_loss: NaN marks cells that were not measured; every teacher
    needs two of them, three for a floor. drawn: whether teachers are drawn at random; else the rows
    are starts of one target. level: of the intervals that are quoted, above .95 at the looks of a
    sequence (`looks`); what is told of the shape stays at its own.
    """
    if law == "power+floor":
        return _with_floor(log_sizes, log_loss, declared, level)
    fits = [lines(u, log_loss) for u in log_sizes]
    fewer = [lines(u, without_first(log_loss)) for u in log_sizes]
    halves = [_half(one.alpha, other.alpha, drawn, level)
              for one, other in zip(fits, fewer, strict=True)]  # fmt: skip
    own, rest, u = fits[declared], fewer[declared], log_sizes[declared]
    alpha, half = own.alpha.mean, halves[declared]
    deviates = first(u, log_loss)
    bends = _away(rest.change.mean, rest.change.half())
    change, spread_of_change = own.change.mean, _half(own.change, rest.change, drawn)
    ahead, _ = forecast(u, log_loss)
    measured = np.isfinite(log_loss)
    several = np.isfinite(own.alpha.value).sum(1)
    dof = measured.sum((1, 2)) - 2 * several
    spread = (_common_cost(own) - own.cost) / np.maximum(several - 1, 1)
    return Estimates(
        log_x=u, alpha=alpha, lower=alpha - half, upper=alpha + half,
        halves=own.alpha.halves() if drawn else {"starts": half},
        teacher_alpha=own.alpha.value, by_count=np.stack([f.alpha.mean for f in fits]),
        by_count_half=np.stack(halves), points=measured.any(1).sum(1),
        change=SlopeChange(
            change, spread_of_change,
            _away(change, own.change.half(BENT) if drawn else spread_of_change),
        ),
        rest=Rest(
            rest.alpha.mean, own.alpha.half_of_part(rest.alpha, level),
            drawn & ~bends & (
                _away(deviates.mean, deviates.half(OFF))
                | _away(deviates.mean, deviates.half_by_cells(rest.alpha.scatter, OFF))
            ),
            bends,
        ),
        ahead=ahead.mean, ahead_half=ahead.half(),
        tests={
            "common": own.alpha.scatter.p,
            "teachers": tail_of_f(
                spread / (own.cost / np.maximum(dof, 1) + 1e-26), several - 1, dof
            ),
        },
        floors=None, status=_status(alpha, alpha - half, alpha + half, log_loss), drawn=drawn,
    )  # fmt: skip


def _half(
    whole: Functional, fewer: Functional, drawn: bool, level: float = LEVEL
) -> PerScan:  # fmt: skip
    """Half-width of the interval; of starts of one target that of their scatter, where there
    are several, and what dropping the smallest x changes."""
    if drawn:
        return whole.half(level)
    alone = whole.halves()["teacher-t"]
    return np.hypot(np.where(np.isfinite(alone), alone, 0), whole.mean - fewer.mean)


def _away(value: PerScan, half: PerScan) -> Bool[np.ndarray, " scans"]:
    """True if an interval leaves out 0."""
    with np.errstate(invalid="ignore"):
        return (np.abs(value) > half) & (np.abs(value) > ROUNDING)


def _with_floor(
    log_sizes: Float[np.ndarray, "counts points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    declared: int,
    level: float,
) -> Estimates:
    fits = [curves.fit_floored(u, log_loss) for u in log_sizes]
    own = fits[declared]
    free = max(log_loss.shape[1] - 1, 1)
    longer = float(student_quantile(free, level) / student_quantile(free))
    by_count = np.stack([f.alpha for f in fits])
    ahead, ahead_half, _ = curves.forecast_floored(log_sizes[declared], log_loss)
    status = tuple(
        "bound-hit" if most and s == "converged" else s
        for most, s in zip(own.at_bound.mean(1) > 0.5,
                           _status(own.alpha, own.lower, own.upper, log_loss),
                           strict=True))  # fmt: skip
    return Estimates(
        log_x=log_sizes[declared], alpha=own.alpha,
        lower=own.alpha - longer * (own.alpha - own.lower),
        upper=own.alpha + longer * (own.upper - own.alpha),
        halves=own.halves, teacher_alpha=own.teacher_alpha, by_count=by_count,
        by_count_half=np.stack([longer * (f.upper - f.lower) / 2 for f in fits]),
        points=np.isfinite(log_loss).any(1).sum(1), change=None, rest=None, ahead=ahead,
        ahead_half=ahead_half, tests=own.tests, floors=own, status=status,
    )  # fmt: skip


def _common_cost(fit: Lines) -> np.ndarray:
    """Sum of squared residuals where all teachers share the exponent that fits best."""
    weight = fit.alpha.weight
    Sxx = 1 / np.maximum((weight**2).sum(-1), 1e-300)
    has = np.isfinite(fit.alpha.value)
    Sxx = np.where(has, Sxx, 0)
    own = np.where(has, fit.alpha.value, 0)
    shared = (Sxx * own).sum(1) / np.maximum(Sxx.sum(1), 1e-300)
    return fit.cost + (Sxx * (own - shared[:, None]) ** 2).sum(1)


def _status(
    alpha: Float[np.ndarray, " scans"],
    lower: Float[np.ndarray, " scans"],
    upper: Float[np.ndarray, " scans"],
    log_loss: Float[np.ndarray, "scans teachers points"],
) -> tuple[str, ...]:
    fall = np.nanmax(log_loss, 2) - np.nanmin(log_loss, 2)
    flat = (alpha <= 0.01) | (np.median(fall, 1) < 1e-3)
    wide = ~((upper - lower) / 2 <= alpha)
    return tuple(
        "flat" if f else "ill-conditioned" if w else "converged"
        for f, w in zip(flat, wide, strict=True)
    )


# ---- one scan ----


class LocalExponent(NamedTuple):
    """The exponent between two neighbouring x: at their geometric mean x, with its 95 % ends."""

    x: float
    alpha: float
    lo: float
    hi: float


class Correction(NamedTuple):
    """Change of α by unlimited training, its standard error, and the log change of the loss
    that it would make at the largest x."""

    alpha: float
    error: float
    late: float


@dataclass(frozen=True)
class ExponentEstimate:
    """An exponent without a question.

    alpha: the mean over teachers. intervals: of sampling, by method. by_size: α and its interval
    under each count of size, by the names of `scan.COUNTS`; empty where nothing is counted. local:
    local exponents. limit: the exponent at x → ∞ given ω, None without one. forecast: error of the
    forecast of the two largest x in log loss, and its 95 % interval. correction: what more training
    would add to `alpha`. parameters: beta (geometric mean over teachers), alpha, floor of L = beta
    x^-alpha + floor. status: a key of STATUS. x: scanned sizes that were measured. n: cells fitted.
    groups, curves: the teachers and their fits. tests: p-values of `floor` (there is none),
    `teachers` (they share one exponent), `common` (they have no noise in common). arrays: what this
    was read from, of one scan; None where nothing was fitted, and then `refusal` says why.
    """

    alpha: float | int
    intervals: dict[str, Interval]
    by_size: dict[str, tuple[float, Interval]]
    local: tuple[LocalExponent, ...]
    limit: Limit | None
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
    curves: CurveFits | None
    tests: dict[str, float]
    arrays: Estimates | None = field(repr=False)
    refusal: str

    def teacher_curves(self, x: Sequence | np.ndarray) -> Float[np.ndarray, "teachers points"]:
        """Fitted loss of each teacher at x. NaN where a negative floor makes it negative."""
        if self.curves is None:
            return np.full((self.teachers, np.size(x)), np.nan)
        _, inner = self.curves.inner(np.log(np.asarray(x, float)))
        return np.exp(self.curves.level)[:, None] * np.where(inner > 0, inner, np.nan)

    def predict(self, x: Sequence | np.ndarray) -> Float[np.ndarray, " points"]:
        """Geometric mean over teachers of the fitted losses at x, the curve to draw."""
        return np.exp(np.log(self.teacher_curves(x)).mean(0))


def estimate(
    scan: Scan,
    *,
    law: str = "power",
    correction: Correction | None = None,
    omega: float | None = None,
    count: str | None = None,
    drawn: bool = True,
    level: float = LEVEL,
    replicates: int = 2000,
    seed: int = 0,
) -> ExponentEstimate:
    """Estimate the exponent of a scan.

    law: one of LAWS, what is known of the floor. correction: what more training would change.
    omega: the exponent ω of the correction 1 + B x^−ω, see `limit.py`. count: of `scan.COUNTS`, by
    which the exponent is quoted, that of x where None. drawn: whether the groups are teachers
    drawn at random; else they are starts of one target, see `estimates`. level: of the quoted
    interval, .95 but at the looks of a sequence (`looks`).
    replicates, seed: of the cluster bootstrap (exact for up to 7 teachers at 2000 replicates).
    Raises ValueError for an unknown law, an ω that is not positive, or ω beside a floor.
    """
    if law not in LAWS:
        raise ValueError(f"law is {law!r}; an exponent is fitted by one of {', '.join(LAWS)}.")
    if omega is not None and not (np.isfinite(omega) and omega > 0):
        raise ValueError(f"omega is {omega}; it must be a positive number, such as 1.")
    if omega is not None and law == "power+floor":
        raise ValueError("omega corrects a power law without a floor; leave it out, or the floor.")
    measured = np.isfinite(scan.log_loss).sum(1)
    needed = 3 if law == "power+floor" else 2
    fitted = scan.teachers(measured >= needed).measured()
    if not fitted.groups or fitted.x.size < 3:
        return _nothing(scan, law, int(measured.max()), needed)
    own = fitted.declared if count is None or fitted.counts is None else COUNTS.index(count)
    e = estimates(fitted.log_sizes, fitted.log_loss[None], declared=own, law=law, drawn=drawn,
                  level=level)  # fmt: skip
    alpha = float(e.alpha[0])
    curves = _curves(e, fitted, own)
    beta = np.maximum(curves.amplitude(), np.finfo(float).tiny)
    parameters = {
        "beta": float(np.exp(np.log(beta).mean())),
        "alpha": alpha,
        "floor": 0.0 if e.floors is None else float(curves.floor().mean()),
    }
    return ExponentEstimate(
        alpha=alpha, intervals=_sampling(e, replicates, seed), by_size=_by_size(e, fitted),
        local=_locals(fitted, own),
        limit=None if omega is None else limit(e.log_x, fitted.log_loss, omega),
        forecast=_forecast(e), correction=correction, parameters=parameters,
        status=e.status[0], law=law, x=fitted.x, n=int(np.isfinite(fitted.log_loss).sum()),
        teachers=len(fitted.groups), groups=fitted.groups, teacher_alpha=e.teacher_alpha[0],
        curves=curves, tests={name: float(p[0]) for name, p in e.tests.items()}, arrays=e,
        refusal="",
    )  # fmt: skip


def _forecast(e: Estimates) -> tuple[float, Interval] | None:
    error, half = float(e.ahead[0]), float(e.ahead_half[0])
    return (error, (error - half, error + half)) if np.isfinite(error) else None


def _sampling(e: Estimates, replicates: int, seed: int) -> dict[str, Interval]:
    alpha, own = float(e.alpha[0]), e.teacher_alpha
    found = {name: (alpha - float(h[0]), alpha + float(h[0])) for name, h in e.halves.items()
             if np.isfinite(h[0])}  # fmt: skip
    if own.shape[1] > 1 and e.drawn:
        for name, (lo, hi) in bootstrap(own, replicates=replicates, seed=seed).items():
            found[name] = (float(lo[0]), float(hi[0]))
    return found


def _by_size(e: Estimates, scan: Scan) -> dict[str, tuple[float, Interval]]:
    if scan.counts is None:
        return {}
    return {
        name: (float(a), (float(a - h), float(a + h)))
        for name, a, h in zip(COUNTS, e.by_count[:, 0], e.by_count_half[:, 0], strict=True)
    }


def _locals(scan: Scan, own: int) -> tuple[LocalExponent, ...]:
    u = scan.log_sizes[own]
    mean, half = local_slopes(u, scan.log_loss[None])
    middle = np.exp((u[1:] + u[:-1]) / 2)
    return tuple(
        LocalExponent(float(x), float(a), float(a - h), float(a + h))
        for x, a, h in zip(middle, mean[0], half[0], strict=True)
        if np.isfinite(a)
    )


def _curves(e: Estimates, scan: Scan, own: int) -> CurveFits:
    """The teachers' fits over the declared x, whatever count the exponent is quoted by."""
    if e.floors is None:
        return _straight(scan.log_sizes[scan.declared], scan)
    if own == scan.declared:
        return e.floors.curves
    again = estimates(
        scan.log_sizes, scan.log_loss[None], declared=scan.declared, law="power+floor"
    )
    assert again.floors
    return again.floors.curves


def _straight(u: np.ndarray, scan: Scan) -> CurveFits:
    """The teachers' lines as curves without a floor, under the declared count."""
    fit = lines(u, scan.log_loss[None])
    alpha, K = fit.alpha.value[0], len(scan.groups)
    return CurveFits(
        alpha, np.ones(K), fit.level[0] - alpha * u[-1], np.full(K, u[-1]),
        (fit.residual[0] ** 2).sum(1), fit.residual[0], np.ones(K))  # fmt: skip


def _nothing(scan: Scan, law: str, most: int, needed: int) -> ExponentEstimate:
    return ExponentEstimate(
        alpha=np.nan, intervals={}, by_size={}, local=(), limit=None, forecast=None,
        correction=None, parameters={}, status="too-few-points", law=law, x=scan.x, n=0, teachers=0,
        groups=(), teacher_alpha=np.array([]), curves=None, tests={}, arrays=None,
        refusal=f"a teacher has {most} x; an exponent needs at least three x, and {law} {needed} "
        "of every teacher.",
    )  # fmt: skip
