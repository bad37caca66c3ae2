"""Exponents of many scans at once: estimates, intervals and tests as arrays.

This is the one path from losses to numbers: a single scan is a batch of one (`estimate.py`), a
calibration is a batch of thousands (`calibration.py`), so what is calibrated is what is quoted.

Which law is fitted is what is known, never what fits best:

    power         L = β_k x^−α_k. Noise-free and resolution-limited, or an excess over a measured
                  limit: L∞ is 0, and flattening is a finding (`flattens`), not a floor.
    power+floor   L = β_k x^−α_k + floor_k, where a floor exists: label noise.

The interval holds

    sampling    the longest of the three of `lines.py`; of a law with a floor, the longer of
                Student's t over teachers and the profile
    counting    all counts of size (`scan.py`). The straightest is not preferred: which count is
                right is known only if one knows that the curve does not bend

and, when it is quoted, a bend that is small for the question asked: see `judge/reading.py`.

All x enter, always: which x to leave out is a choice that turns a bend into whatever exponent one
likes, so only the study file makes it, beforehand.

What it does not do: words; doubts, verdicts and advice are those of the room `judge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lab.scaling.scans import floored
from lab.scaling.scans.intervals import tail_of_f
from lab.scaling.scans.lines import Lines, forecast, lines, shape

LAWS: Mapping[str, str] = {"power": "power law", "power+floor": "power law plus floor"}
"""What is fitted, and what it is called."""
FEWEST = 5
"""x below which no bend can be seen."""
SIGNIFICANT = 0.01
STATUS = {
    "converged": "everything may be used",
    "bound-hit": "most teachers' fits stopped at the edge of their box, α is an order of magnitude",
    "ill-conditioned": "the interval exceeds α itself",
    "flat": "the losses do not fall, there is no exponent to quote",
    "too-few-points": "fewer x than the law has parameters, nothing may be used",
}
USABLE = ("converged",)


@dataclass(frozen=True)
class Estimates:
    """Arrays over scans.

    log_x: under the declared count of size. alpha: the mean over teachers, under that count. lower,
    upper: the 95 % interval, over all counts. halves: of the three sampling intervals, by name, at
    the declared one. teacher_alpha: exponents of the teachers. by_count, by_count_half: α and its
    sampling half-width under each count. points: x with a measured cell. head, tail, beyond:
    interval of the slope there, over all counts. drift: tail − alpha under the count where it is
    smallest; drift_bound: the largest that 95 % of any count leave open. bends: whether a bend is
    significant at .05 under every count. ahead, ahead_half: error of the forecast of the two
    largest x in log loss; ahead_alpha: the same as a change of α. tests: p-values by name. floors:
    fits with a floor.
    """

    log_x: Float[np.ndarray, " points"]
    alpha: Float[np.ndarray, " scans"]
    lower: Float[np.ndarray, " scans"]
    upper: Float[np.ndarray, " scans"]
    halves: dict[str, Float[np.ndarray, " scans"]]
    teacher_alpha: Float[np.ndarray, "scans teachers"]
    by_count: Float[np.ndarray, "counts scans"]
    by_count_half: Float[np.ndarray, "counts scans"]
    points: Int[np.ndarray, " scans"]
    head: tuple[Float[np.ndarray, " scans"], Float[np.ndarray, " scans"]]
    tail: tuple[Float[np.ndarray, " scans"], Float[np.ndarray, " scans"]]
    beyond: tuple[Float[np.ndarray, " scans"], Float[np.ndarray, " scans"]]
    drift: Float[np.ndarray, " scans"]
    drift_bound: Float[np.ndarray, " scans"]
    bends: Bool[np.ndarray, " scans"]
    ahead: Float[np.ndarray, " scans"]
    ahead_half: Float[np.ndarray, " scans"]
    ahead_alpha: Float[np.ndarray, " scans"]
    tests: dict[str, Float[np.ndarray, " scans"]]
    floors: floored.Floored | None
    status: tuple[str, ...]


def estimates(
    log_sizes: Float[np.ndarray, "counts points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    *,
    declared: int = 0,
    law: str = "power",
) -> Estimates:
    """Estimate the exponent of every scan.

    log_sizes: log x, ascending, by each count of size; one row where nothing is counted. declared:
    the row that the study declares. log_loss: NaN marks cells that were not measured; every teacher
    needs two of them, three for a floor.
    """
    if law == "power+floor":
        return _with_floor(log_sizes, log_loss, declared)
    fits = [lines(u, log_loss) for u in log_sizes]
    measured = np.isfinite(log_loss)
    points = measured.any(1).sum(1)
    by_count = np.stack([f.alpha.mean for f in fits])
    half = np.stack([f.alpha.half_width() for f in fits])
    own_fit, scans = fits[declared], np.arange(len(log_loss))
    alpha = by_count[declared]
    lower, upper = _hull(by_count, half)
    head, tail, beyond = (
        _hull(np.stack([f.mean for f in there]), np.stack([f.half_width() for f in there]))
        for there in zip(*((f.head, f.tail, f.beyond) for f in fits), strict=True)
    )
    # A bend is seen under the count in which it is smallest, for a wrong count is not a bend, and
    # excluded only where no count has one, for which count is right is known only without a bend.
    drifts = np.stack([f.drift.mean for f in fits])
    bound = np.stack([np.abs(f.drift.mean) + f.drift.half_width() for f in fits]).max(0)
    sharp = np.stack([f.drift.half_width(common=False) for f in fits])
    apart = np.abs(drifts) / np.fmax(sharp, 1e-12)
    least = np.where(np.isfinite(apart), apart, np.inf).argmin(0)
    drift = drifts[least, scans]
    bends = (np.abs(drift) > sharp[least, scans]) & (np.abs(drift) > 1e-9)
    bends &= points >= FEWEST
    ahead = [forecast(u, log_loss) for u in log_sizes]
    errors = np.stack([f.mean for f, _ in ahead])
    error_halves = np.stack([f.half_width(common=False) for f, _ in ahead])
    sizes = np.abs(errors)
    best = np.where(np.isfinite(sizes), sizes, np.inf).argmin(0)
    own = own_fit.alpha.value
    teachers = np.isfinite(own).sum(1)
    cost = own_fit.cost
    dof = measured.sum((1, 2)) - 2 * teachers
    spread = _common_cost(own_fit)
    tests = {
        "law": np.fmax.reduce([shape(u, log_loss) for u in log_sizes]),
        "teachers": tail_of_f(
            (spread - cost) / np.maximum(teachers - 1, 1) / (cost / np.maximum(dof, 1) + 1e-26),
            teachers - 1,
            dof,
        ),
    }
    halves = own_fit.alpha.half_widths()
    return Estimates(
        log_sizes[declared],
        alpha,
        lower,
        upper,
        halves,
        own,
        by_count,
        half,
        points,
        head,
        tail,
        beyond,
        drift,
        bound,
        bends,
        errors[best, scans],
        error_halves[best, scans],
        -errors[best, scans] / np.stack([away for _, away in ahead])[best, scans],
        tests,
        None,
        _status(alpha, lower, upper, log_loss),
    )


def _with_floor(
    log_sizes: Float[np.ndarray, "counts points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    declared: int,
) -> Estimates:
    rows = sorted({0, declared, len(log_sizes) - 1})
    fits = [floored.fit(log_sizes[row], log_loss) for row in rows]
    own = fits[rows.index(declared)]
    lower, upper = (
        np.stack([f.lower for f in fits]).min(0),
        np.stack([f.upper for f in fits]).max(0),
    )
    by_count = np.stack([f.alpha for f in fits])
    nothing = np.full(len(log_loss), np.nan)
    ahead, ahead_half, away = floored.forecast(log_sizes[declared], log_loss)
    status = tuple(
        "bound-hit" if most and s == "converged" else s
        for most, s in zip(own.at_bound.mean(1) > 0.5, _status(own.alpha, lower, upper, log_loss),
                           strict=True))  # fmt: skip
    return Estimates(
        log_sizes[declared],
        own.alpha,
        lower,
        upper,
        own.halves,
        own.teacher_alpha,
        by_count,
        np.stack([(f.upper - f.lower) / 2 for f in fits]),
        np.isfinite(log_loss).any(1).sum(1),
        (nothing, nothing),
        (nothing, nothing),
        (nothing, nothing),
        nothing,
        nothing,
        np.zeros(len(log_loss), bool),
        ahead,
        ahead_half,
        -ahead / away,
        own.tests,
        own,
        status,
    )


def _hull(values: np.ndarray, halves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval over all counts, of values ± halves of shape [counts, scans]."""
    return (values - halves).min(0), (values + halves).max(0)


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
