"""Confidence curves: how well each α fits, by every interval of sampling, as p-values of α.

p(α) = 1 at the estimate and falls on both sides; where it crosses .05 the 95 % interval ends, and
where it crosses any other level, the interval of that level. Of straight lines in log-log every
interval is Student's, with s its half-width and t_ν its quantile at .95:

    p(α) = P(|T_ν| > t_ν |α − α̂| / s).

Of a law with a floor the profile likelihood is no parabola: the sum of squares S(α) is least over
amplitudes and floors of all teachers, and

    p(α) = P(F_{1,ν} > ν (S(α) − S_min) / S_min).

Sources: Birnbaum 1961; Bates & Watts 1988, §6.1. What it does not do: other readings, by another
budget or another count of size, which are no sampling; see `judge/reading.py`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lab.scaling.scans.curves import ALPHA_RANGE, fit_curves
from lab.scaling.scans.estimate import Estimate
from lab.scaling.scans.intervals import student_quantile, tail_of_f
from lab.scaling.scans.scan import Scan

Levels = Float[np.ndarray, " alphas"]


def confidence(found: Estimate, scan: Scan, alphas: Levels) -> dict[str, Levels]:
    """p of each α by method, of those with a degree of freedom, as trained and under the declared
    count of size. scan: what was estimated; NaN where α is no exponent of a law with a floor."""
    e = found.arrays
    if e is None:
        return {}
    floored = e.floors is not None
    curves = {
        name: _student(alphas - float(e.alpha[0]), float(half[0]), float(e.dofs[name][0]))
        for name, half in e.halves.items()
        if name in e.dofs and half[0] > 0 and e.dofs[name][0] > 0
    }
    if floored:
        curves["profile"] = _profile(scan, alphas)
    return curves


def _student(off: Levels, half: float, dof: float) -> Levels:
    t = float(student_quantile(dof)) * off / half
    return tail_of_f(t**2, 1, np.array(dof))


def _profile(scan: Scan, alphas: Levels) -> Levels:
    """p by the sum of squares over all teachers whose cells carry a curve."""
    measured = np.isfinite(scan.log_loss).sum(1)
    fitted = scan.teachers(measured >= 3).measured()
    log_x, y = fitted.log_sizes[fitted.declared], fitted.log_loss
    low, high = ALPHA_RANGE
    possible = np.clip(alphas, low, high)
    held = fit_curves(
        log_x, np.tile(y, (alphas.size, 1)), alpha=np.repeat(possible, len(y)),
        near=np.ones(alphas.size * len(y)),
    )  # fmt: skip
    cost = held.cost.reshape(alphas.size, len(y)).sum(1)
    dof = int(np.isfinite(y).sum()) - 2 * len(y) - 1
    least = cost.min()
    p = tail_of_f((cost - least) / (least + 1e-26) * dof, 1, dof)
    return np.where(possible == alphas, p, np.nan)
