"""Exponents of many scans at once: estimates, intervals and tests as arrays.

This is the one path from losses to numbers: a single scan is a batch of one (`exponent.py`), a
calibration is a batch of thousands (`calibration.py`), so what is calibrated is what is quoted.

    quoted      teacher-t of the mean of the teachers' own exponents; profile for one teacher
    floor       p of `no curve has a floor`, F of the pure power law against power + floor
    teachers    p of `one exponent for all teachers`, F
    law         p of `the teachers' residuals have no shape in common`, F (see `stretch.py`)

What it does not do: words; slugs, verdicts and advice are in `exponent.py` and `verdict.py`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from lab.scaling.curves import Curves, fit_curves
from lab.scaling.intervals import teacher_t
from lab.scaling.profile import Common, common_exponent
from lab.scaling.stretch import choose_range

SIGNIFICANT = 0.01
STATUS = {
    "converged": "everything may be used",
    "bound-hit": "a teacher's fit stopped at the edge of its box, α is an order of magnitude only",
    "ill-conditioned": "exponent and floor cannot be told apart, the interval exceeds α itself",
    "flat": "the losses do not fall, there is no exponent to quote",
    "too-few-points": "fewer x than the law has parameters, nothing may be used",
}


@dataclass(frozen=True)
class Estimates:
    """Arrays over scans. alpha: the mean over teachers. lower, upper: the quoted 95 % interval.
    used: the x that entered each fit. curves: of all teachers, scan by scan. tests: p-values by
    name. floor_share: share of the floor in the fitted loss, median over teachers, 0 where x was
    not used. status: a key of STATUS."""

    alpha: Float[np.ndarray, " scans"]
    lower: Float[np.ndarray, " scans"]
    upper: Float[np.ndarray, " scans"]
    teacher_alpha: Float[np.ndarray, "scans teachers"]
    used: Bool[np.ndarray, "scans points"]
    curves: Curves
    common: Common
    tests: dict[str, Float[np.ndarray, " scans"]]
    floor_share: Float[np.ndarray, "scans points"]
    status: tuple[str, ...]


def estimate(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
    *,
    law: str = "power+floor",
) -> Estimates:
    """Estimate the exponent of every scan.

    log_x: ascending. log_loss: NaN marks cells that were not measured; every teacher needs three
    of them (two for the law `power`).
    """
    scans, teachers, points = log_loss.shape
    share = None if law == "power+floor" else 1.0
    used, law_p = choose_range(log_x, log_loss, share)
    kept = np.where(used[:, None], log_loss, np.nan)
    flat = kept.reshape(-1, points)
    curves = fit_curves(log_x, flat, share=share)
    pure = fit_curves(log_x, flat, share=1.0)
    common = common_exponent(log_x, kept, curves, share=share)
    own = curves.alpha.reshape(scans, teachers)
    lower, upper = teacher_t(own) if teachers > 1 else common.profile
    measured = np.isfinite(kept).sum((1, 2))
    cost = curves.cost.reshape(scans, teachers).sum(1) + 1e-26
    dof = measured - 3 * teachers
    noise = cost / np.maximum(dof, 1)
    gain = pure.cost.reshape(scans, teachers).sum(1) - cost
    tests = {
        "floor": tail(gain / teachers / noise, teachers, dof),
        "teachers": tail(
            (common.cost - cost) / max(teachers - 1, 1) / noise, teachers - 1, dof),
        "law": law_p,
    }
    _, inner = curves.inner(log_x)
    floor = np.median(((1 - curves.share)[:, None] / inner).reshape(scans, teachers, points), 1)
    fall = np.nanmax(flat, 1) - np.nanmin(flat, 1)
    status = _status(own, lower, upper, pure.alpha.reshape(scans, teachers),
                     fall.reshape(scans, teachers), curves.at_bound.reshape(scans, teachers))
    return Estimates(own.mean(1), lower, upper, own, used, curves, common, tests,
                     np.where(used, floor, 0), status)


def tail(f: np.ndarray, above: np.ndarray | int, below: np.ndarray | int) -> np.ndarray:
    """P(F > f) of the F distribution; NaN without degrees of freedom."""
    f, above, below = np.broadcast_arrays(f, np.asarray(above, float), np.asarray(below, float))
    p = special.fdtrc(np.maximum(above, 1), np.maximum(below, 1), np.maximum(f, 0))
    return np.where((above > 0) & (below > 0), p, np.nan)


def _status(own, lower, upper, slope, fall, at_bound) -> tuple[str, ...]:
    flat = (np.median(slope, 1) <= 0.01) | (np.median(fall, 1) < 1e-3)
    wide = ~((upper - lower) / 2 <= own.mean(1))
    return tuple(
        "flat" if f else "bound-hit" if b else "ill-conditioned" if w else "converged"
        for f, b, w in zip(flat, at_bound.any(1), wide, strict=True)
    )
