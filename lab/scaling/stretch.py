"""Which x a scan's exponent is estimated from, and what the other stretches are.

The rule, fixed beforehand and part of every calibration: fit power + floor to all x. If the
teachers' residuals share a shape (F test, p < 0.01), drop the smallest or the largest x,
whichever leaves the higher p, and repeat, down to half of the x but no fewer than five. If no
range passes, all x are used and the scan carries the doubt `wrong-law`. Where the law holds the
rule drops something in one scan of a hundred, so it costs no coverage.

The test: each teacher's curve is fitted on its own, so residuals are independent between
teachers, and with r̄_i their mean at x_i over K teachers and n points,

    F = K Σ r̄_i² / (n − 3)  /  (Σ_ik (r_ik − r̄_i)² / ((K − 1)(n − 3))).

What it does not do: see a stretch in a single curve; there is nothing to tell noise from shape.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from lab.scaling.curves import Curves, fit_curves

SHAPE = 0.01
FEWEST = 5
RESOLVED, FLOOR, EARLY, SATURATED, PLATEAU = (
    "resolution-limited", "floor-dominated", "early", "saturated", "plateau")


def choose_range(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    share: float | None,
) -> tuple[Bool[np.ndarray, "scans points"], Float[np.ndarray, " scans"]]:
    """The x to use, and the p-value of the law over them (NaN for a single teacher)."""
    scans, teachers, points = log_loss.shape
    used = np.ones((scans, points), bool)
    p = _law_holds(log_x, log_loss, used, share)
    first = p.copy()
    fewest = max(FEWEST, int(np.ceil(points / 2)))
    for size in range(points, fewest, -1):
        i = np.flatnonzero((p < SHAPE) & (used.sum(1) == size))
        if not i.size:
            break
        rows, left = np.arange(i.size), used[i].argmax(1)
        tries = []
        for drop in (left, left + size - 1):
            trial = used[i].copy()
            trial[rows, drop] = False
            tries.append((trial, _law_holds(log_x, log_loss[i], trial, share)))
        (head, p_head), (end, p_end) = tries
        used[i] = np.where((p_head > p_end)[:, None], head, end)
        p[i] = np.maximum(p_head, p_end)
    none = p < SHAPE
    used[none], p[none] = True, first[none]
    return used, p


def _law_holds(log_x, log_loss, used, share) -> np.ndarray:
    scans, teachers, points = log_loss.shape
    kept = np.where(used[:, None], log_loss, np.nan)
    free = used.sum(1) - (3 if share is None else 2)
    whole = np.isfinite(kept).sum((1, 2)) == teachers * used.sum(1)
    r = fit_curves(log_x, kept.reshape(-1, points), share=share).residual
    r = r.reshape(scans, teachers, points)
    mean = r.mean(1)
    inside = ((r - mean[:, None]) ** 2).sum((1, 2))
    # Relative to nothing when the data are exact: residuals of rounding size have no shape.
    inside = np.maximum(inside, 1e-20)
    f = teachers * (mean**2).sum(1) * max(teachers - 1, 1) / inside
    p = special.fdtrc(np.maximum(free, 1), np.maximum((teachers - 1) * free, 1), f)
    return np.where((teachers > 1) & (free > 0) & whole, p, np.nan)


def stretches(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "teachers points"],
    used: Bool[np.ndarray, " points"],
    floor_share: Float[np.ndarray, " points"],
    curves: Curves,
) -> tuple[str, ...]:
    """What each x is: `resolution-limited`, `floor-dominated` (the floor is more than half of the
    fitted loss), or, where not used, `early` (left of the range), `saturated` (right of it and
    below the law) or `plateau` (right of it and above)."""
    _, inner = curves.inner(log_x)
    with np.errstate(invalid="ignore"):
        fitted = curves.level[:, None] + np.log(np.where(inner > 0, inner, np.nan))
    above = np.nanmean(np.where(used, 0, log_loss - fitted), 0)
    first = used.argmax()
    return tuple(
        (FLOOR if floor_share[i] > 0.5 else RESOLVED) if used[i]
        else EARLY if i < first
        else SATURATED if above[i] < 0
        else PLATEAU
        for i in range(used.size)
    )
