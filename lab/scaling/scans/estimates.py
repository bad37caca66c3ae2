"""Exponents of many scans at once: estimates, intervals and tests as arrays.

This is the one path from losses to numbers: a single scan is a batch of one (`estimate.py`), a
calibration is a batch of thousands (`calibration.py`), so what is calibrated is what is quoted.

Which law is fitted is what is known, never what fits best:

    power         L = β_k x^−α_k. Noise-free and resolution-limited, or an excess over a measured
                  limit: L∞ is 0, and flattening is a finding (`bent`), not a floor.
    power+floor   L = β_k x^−α_k + floor_k, where a floor exists: label noise.

What is estimated is the exponent over the measured range: the least-squares slope of the true log
loss curve over the scanned x, which a bent curve has as well as a straight one. Its interval is
that of `lines.py`; of a law with a floor, the longer of Student's t over teachers and the profile.
Each count of size (`scan.py`) has an exponent and an interval of its own, and so has the scan
without its smallest x.

A target without randomness is one curve, and its starts are no sample of teachers: its interval is
the scatter of the starts (Student's t) and, in quadrature, what dropping the smallest x changes.

All x enter, always: which x to leave out is a choice that turns a bend into whatever exponent one
likes, so only the study file makes it, beforehand.

What it does not do: say what holds beyond the range (see `limit.py`); words; doubts, verdicts and
advice are those of the room `judge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from lab.scaling.scans import floored
from lab.scaling.scans.intervals import LEVEL, student_quantile, tail_of_f
from lab.scaling.scans.lines import (
    Functional,
    Lines,
    PerScan,
    first,
    forecast,
    lines,
    without_first,
)

LAWS: Mapping[str, str] = {"power": "power law", "power+floor": "power law plus floor"}
"""What is fitted, and what it is called."""
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
class Change:
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

    alpha, half: as there. off: whether the smallest x lies off the line through the others, by
    Student's t over teachers or by the scatter of single cells, at .05. bends: whether the others
    bend on their own, at .05; then nothing is off.
    """

    alpha: PerScan
    half: PerScan
    off: Bool[np.ndarray, " scans"]
    bends: Bool[np.ndarray, " scans"]


@dataclass(frozen=True)
class Estimates:
    """Arrays over scans.

    log_x: under the declared count of size. alpha: the mean over teachers. lower, upper: the 95 %
    interval. halves: of the sampling intervals, by name; dofs: their degrees of freedom, of those
    that are Student's. teacher_alpha: exponents of the teachers.
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
    dofs: dict[str, PerScan]
    teacher_alpha: Float[np.ndarray, "scans teachers"]
    by_count: Float[np.ndarray, "counts scans"]
    by_count_half: Float[np.ndarray, "counts scans"]
    points: Int[np.ndarray, " scans"]
    change: Change | None
    rest: Rest | None
    ahead: PerScan
    ahead_half: PerScan
    tests: dict[str, PerScan]
    floors: floored.Floored | None
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
    sequence (`judge/looks.py`); what is told of the shape stays at its own.
    """
    if law == "power+floor":
        return _with_floor(log_sizes, log_loss, declared, level)
    fits = [lines(u, log_loss) for u in log_sizes]
    fewer = [lines(u, without_first(log_loss)) for u in log_sizes]
    halves = [_half(one.alpha, other.alpha, drawn, level)
              for one, other in zip(fits, fewer, strict=True)]  # fmt: skip
    own, rest, u = fits[declared], fewer[declared], log_sizes[declared]
    alpha, half = own.alpha.mean, halves[declared]
    # The noise in common is that of all x: without one of them there is less to see it by.
    off = replace(rest.alpha, scatter=own.alpha.scatter)
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
        dofs={"teacher-t": several - 1, "common": own.alpha.error()[1]},
        teacher_alpha=own.alpha.value, by_count=np.stack([f.alpha.mean for f in fits]),
        by_count_half=np.stack(halves), points=measured.any(1).sum(1),
        change=Change(
            change, spread_of_change,
            _away(change, own.change.half(BENT) if drawn else spread_of_change),
        ),
        rest=Rest(
            off.mean, off.half(level),
            drawn & ~bends & (_away(deviates.mean, deviates.half(OFF))
                              | _away(deviates.mean, deviates.pooled(OFF))),
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
    """Whether an interval leaves out 0."""
    with np.errstate(invalid="ignore"):
        return (np.abs(value) > half) & (np.abs(value) > ROUNDING)


def _with_floor(
    log_sizes: Float[np.ndarray, "counts points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    declared: int,
    level: float,
) -> Estimates:
    fits = [floored.fit(u, log_loss) for u in log_sizes]
    own = fits[declared]
    free = max(log_loss.shape[1] - 1, 1)
    longer = float(student_quantile(free, level) / student_quantile(free))
    by_count = np.stack([f.alpha for f in fits])
    ahead, ahead_half, _ = floored.forecast(log_sizes[declared], log_loss)
    status = tuple(
        "bound-hit" if most and s == "converged" else s
        for most, s in zip(own.at_bound.mean(1) > 0.5,
                           _status(own.alpha, own.lower, own.upper, log_loss),
                           strict=True))  # fmt: skip
    return Estimates(
        log_x=log_sizes[declared], alpha=own.alpha,
        lower=own.alpha - longer * (own.alpha - own.lower),
        upper=own.alpha + longer * (own.upper - own.alpha),
        halves=own.halves, dofs={"teacher-t": np.isfinite(own.teacher_alpha).sum(1) - 1},
        teacher_alpha=own.teacher_alpha, by_count=by_count,
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
