"""Exponents of many scans at once: estimates, intervals and tests as arrays.

This is the one path from losses to numbers: a single scan is a batch of one (`exponent.py`), a
calibration is a batch of thousands (`calibration.py`), so what is calibrated is what is quoted.

Which law is fitted is what is known, never what fits best:

    power         L = β_k x^−α_k. Noise-free and resolution-limited, or an excess over a measured
                  limit: L∞ is 0, and flattening is a finding (`flattens`), not a floor.
    power+floor   L = β_k x^−α_k + floor_k, where a floor exists: label noise.

The interval that is quoted holds

    sampling    the longest of the three of `lines.py`; of a law with a floor, the longer of
                Student's t over teachers and the profile
    counting    all counts of size under which the curve is as straight as under the best one, by
                the F test of the profile likelihood over s (`scan.py`), of the teachers' cells or
                of their mean curve, whichever leaves more
    bending     the slope at the largest x, where a bend is significant though small

All x enter, always: which x to leave out is a choice that turns a bend into whatever exponent one
likes, so only the study file makes it, beforehand.

What it does not do: words; doubts, verdicts and advice are in `exponent.py` and `verdict.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from lab.scaling import floored
from lab.scaling.intervals import student_quantile
from lab.scaling.lines import Lines, forecast, lines, shape

LAWS = ("power", "power+floor")
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

    alpha: the mean over teachers, under the declared count of size where the data allow it, else
    under the nearest one that they allow. lower, upper: the quoted 95 % interval. halves: of the
    three sampling intervals, by name, at that count. teacher_alpha: exponents of the teachers.
    by_count, by_count_half: α and its sampling half-width under each count of size; admitted: the
    counts that the quoted interval holds. points: x with a measured cell. head, tail, beyond:
    interval of the slope there, hull over all counts. drift: tail − alpha under the count where
    it is smallest; drift_bound: the largest that 95 % of any count leave open.
    bends: whether a bend is
    significant at .05. ahead, ahead_half: error of the forecast of the two largest x in log loss;
    ahead_alpha: the same as a change of α. tests: p-values by name. floor: fits with a floor.
    """

    alpha: Float[np.ndarray, " scans"]
    lower: Float[np.ndarray, " scans"]
    upper: Float[np.ndarray, " scans"]
    halves: dict[str, Float[np.ndarray, " scans"]]
    teacher_alpha: Float[np.ndarray, "scans teachers"]
    by_count: Float[np.ndarray, "counts scans"]
    by_count_half: Float[np.ndarray, "counts scans"]
    admitted: Bool[np.ndarray, "counts scans"]
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
    cost: Float[np.ndarray, " scans"]
    floors: floored.Floored | None
    status: tuple[str, ...]


def estimate(
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
    admitted = _admitted(fits)
    at = _nearest(admitted, declared)
    scans = np.arange(len(log_loss))

    def pick(values: list[np.ndarray]) -> np.ndarray:
        return np.stack(values)[at, scans]

    alpha = by_count[at, scans]
    lower, upper = _hull(by_count, half, admitted)
    ends = [
        _hull(np.stack([f.mean for f in there]), np.stack([f.half_width() for f in there]))
        for there in zip(*((f.head, f.tail, f.beyond) for f in fits), strict=True)
    ]
    # A bend is seen under the count in which it is smallest, for a wrong count is not a bend, and
    # excluded only where no count has one, for which count is right is known only without a bend.
    drifts = np.stack([f.drift.mean for f in fits])
    bound = np.stack([np.abs(f.drift.mean) + f.drift.half_width() for f in fits]).max(0)
    sharp = np.stack([f.drift.half_width(common=False) for f in fits])
    apart = np.where(admitted, np.abs(drifts) / np.fmax(sharp, 1e-12), np.inf)
    least = np.where(np.isfinite(apart), apart, np.inf).argmin(0)
    drift = drifts[least, scans]
    bends = (np.abs(drift) > sharp[least, scans]) & (np.abs(drift) > 1e-9)
    bends &= points >= FEWEST
    ahead = [forecast(u, log_loss) for u in log_sizes]
    errors = np.stack([f.mean for f, _ in ahead])
    error_halves = np.stack([f.half_width(common=False) for f, _ in ahead])
    sizes = np.where(admitted, np.abs(errors), np.inf)
    best = np.where(np.isfinite(sizes), sizes, np.inf).argmin(0)
    own = pick([f.alpha.value for f in fits])
    teachers = np.isfinite(own).sum(1)
    cost = pick([f.cost for f in fits])
    dof = measured.sum((1, 2)) - 2 * teachers
    spread = pick([_common_cost(f) for f in fits])
    tests = {
        "law": np.fmax.reduce([shape(u, log_loss) for u in log_sizes]),
        "teachers": tail_of_f(
            (spread - cost) / np.maximum(teachers - 1, 1) / (cost / np.maximum(dof, 1) + 1e-26),
            teachers - 1,
            dof,
        ),
    }
    names = fits[0].alpha.half_widths()
    halves = {name: pick([f.alpha.half_widths()[name] for f in fits]) for name in names}
    return Estimates(
        alpha,
        lower,
        upper,
        halves,
        own,
        by_count,
        half,
        admitted,
        points,
        *ends,
        drift,
        bound,
        bends,
        errors[best, scans],
        error_halves[best, scans],
        -errors[best, scans] / np.stack([away for _, away in ahead])[best, scans],
        tests,
        cost,
        None,
        _status(alpha, lower, upper, log_loss),
    )


def _with_floor(log_sizes, log_loss, declared) -> Estimates:
    rows = sorted({0, declared, len(log_sizes) - 1})
    fits = [floored.fit(log_sizes[row], log_loss) for row in rows]
    own = fits[rows.index(declared)]
    admitted = np.ones((len(rows), len(log_loss)), bool)
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
        own.alpha,
        lower,
        upper,
        own.halves,
        own.teacher_alpha,
        by_count,
        np.stack([(f.upper - f.lower) / 2 for f in fits]),
        admitted,
        np.isfinite(log_loss).any(1).sum(1),
        *[(nothing, nothing)] * 3,
        nothing,
        nothing,
        np.zeros(len(log_loss), bool),
        ahead,
        ahead_half,
        -ahead / away,
        own.tests,
        own.cost,
        own,
        status,
    )


def _admitted(fits: list[Lines]) -> Bool[np.ndarray, "counts scans"]:
    """Counts of size that the data leave open, by the cells or by the mean curve."""
    if len(fits) == 1:
        return np.ones((1, len(fits[0].alpha.value)), bool)
    cells = fits[0].alpha.measured.sum((1, 2))
    teachers = np.isfinite(fits[0].alpha.value).sum(1)
    at_x = fits[0].alpha.measured.sum(1)
    cost = np.stack([f.cost for f in fits])
    curve = np.stack([((f.alpha.residual.sum(1) / np.maximum(at_x, 1)) ** 2).sum(1) for f in fits])
    admitted = np.zeros(cost.shape, bool)
    for S, dof in ((cost, cells - 2 * teachers - 1), (curve, (at_x > 0).sum(1) - 3)):
        threshold = 1 + student_quantile(np.maximum(dof, 1)) ** 2 / np.maximum(dof, 1)
        admitted |= (S <= S.min(0) * threshold + 1e-20) | (dof < 1)
    return admitted


def _nearest(admitted: np.ndarray, declared: int) -> np.ndarray:
    """The admitted count that is nearest to the declared one."""
    distance = np.abs(np.arange(len(admitted)) - declared)[:, None]
    return np.where(admitted, distance, len(admitted) + 1).argmin(0)


def _hull(values, halves, admitted=True) -> tuple[np.ndarray, np.ndarray]:
    lower = np.where(admitted, values - halves, np.inf).min(0)
    upper = np.where(admitted, values + halves, -np.inf).max(0)
    return lower, upper


def _common_cost(fit: Lines) -> np.ndarray:
    """Sum of squared residuals where all teachers share the exponent that fits best."""
    weight = fit.alpha.weight
    Sxx = 1 / np.maximum((weight**2).sum(-1), 1e-300)
    has = np.isfinite(fit.alpha.value)
    Sxx = np.where(has, Sxx, 0)
    own = np.where(has, fit.alpha.value, 0)
    shared = (Sxx * own).sum(1) / np.maximum(Sxx.sum(1), 1e-300)
    return fit.cost + (Sxx * (own - shared[:, None]) ** 2).sum(1)


def tail_of_f(f: np.ndarray, above: np.ndarray | int, below: np.ndarray | int) -> np.ndarray:
    """P(F > f) of the F distribution; NaN without degrees of freedom."""
    f, above, below = np.broadcast_arrays(f, np.asarray(above, float), np.asarray(below, float))
    p = special.fdtrc(np.maximum(above, 1), np.maximum(below, 1), np.maximum(f, 0))
    return np.where((above > 0) & (below > 0), p, np.nan)


def _status(alpha, lower, upper, log_loss) -> tuple[str, ...]:
    fall = np.nanmax(log_loss, 2) - np.nanmin(log_loss, 2)
    flat = (alpha <= 0.01) | (np.median(fall, 1) < 1e-3)
    wide = ~((upper - lower) / 2 <= alpha)
    return tuple(
        "flat" if f else "ill-conditioned" if w else "converged"
        for f, w in zip(flat, wide, strict=True)
    )
