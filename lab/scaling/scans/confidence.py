"""Confidence curves: how well each α fits, by every interval of sampling, as p-values of α.

p(α) = 1 at the estimate and falls on both sides; where it crosses .05 the 95 % interval ends, and
where it crosses any other level, the interval of that level. Of straight lines in log-log every
interval is Student's, with s its half-width and t_ν its quantile at .95:

    p(α) = P(|T_ν| > t_ν |α − α̂| / s).

Of a law with a floor the profile likelihood is no parabola: the sum of squares S(α) is least over
amplitudes and floors of all teachers, and

    p(α) = P(F_{1,ν} > ν (S(α) − S_min) / S_min).

Sources: Birnbaum 1961; Bates & Watts 1988, §6.1. What it does not do: count training or counts of
size in, which are no sampling; see `judge/exponent.py` for the interval that is quoted.
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
    own = 3 if floored else 2
    dof = {"teacher-t": found.teachers - 1, "profile": found.n - own * found.teachers,
           "mean-curve": found.x.size - own}  # fmt: skip
    halves = {name: float(half[0]) for name, half in e.halves.items()}
    curves = {
        name: _student(alphas - float(e.alpha[0]), halves[name], dof[name])
        for name in dof
        if name in halves and np.isfinite(halves[name]) and halves[name] > 0 and dof[name] > 0
    }
    if floored and "profile" in curves:
        curves["profile"] = _profile(scan, alphas)
    return curves


def _student(off: Levels, half: float, dof: int) -> Levels:
    t = float(student_quantile(dof)) * off / half
    return tail_of_f(t**2, 1, dof)


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
