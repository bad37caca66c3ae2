"""Gride: the dimension from r_{n2} / r_{n1}, at a scale that n1 sets.

Where the density is constant over n2 neighbours, μ = r_{n2} / r_{n1} has the density

    f(μ) = d (μ^d − 1)^(n2−n1−1) / ( B(n2 − n1, n1) μ^((n2−1) d + 1) ),    μ > 1,

and d is the root of its score, which is concave. n1 = 1, n2 = 2 is TwoNN. With n2 = 2 n1 = 2, 4,
8, … the neighbourhood doubles, so noise at small scales and curvature at large ones show as an
estimate that changes; where it does not, there is a plateau.

Denti, Doimo, Laio, Mira, Scientific Reports 12, 20005 (2022). As in the authors' code the
likelihood counts n − 1 points in log d, and ratios beyond q50 + 20 (q95 − q50) are left out.

What it does not do: choose a scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from lab.dimension.doubts import Status
from lab.dimension.estimate import Estimate, Z, estimated, refused
from lab.dimension.neighbours import Neighbours
from lab.dimension.two_nn import EQUAL, ties

N1 = 4
"""The one scale that `gride` quotes: neighbours 4 and 8."""
FAR = 20.0
SCALES = (1, 2, 4, 8, 16, 32)
"""n1 of the scales, as far as the neighbours reach."""
FLAT = 0.05
"""Relative change over a plateau, besides what sampling allows."""


def gride(near: Neighbours, n1: int = N1, n2: int | None = None) -> Estimate:
    """The dimension at one scale; n2 is 2 n1 unless given.

    Refused where the points have fewer than n2 neighbours. Raises ValueError unless 1 ≤ n1 < n2.
    """
    n2 = 2 * n1 if n2 is None else n2
    if not 1 <= n1 < n2:
        raise ValueError(f"n1 is {n1} and n2 {n2}; 1 ≤ n1 < n2 must hold.")
    name = "gride"
    if near.k < n2:
        return refused(name, Status.TOO_FEW, near.n)
    log_mu = np.log(near.distances[:, n2 - 1] / near.distances[:, n1 - 1])
    doubts = ties(log_mu)
    used = log_mu[log_mu > EQUAL]
    if used.size:
        q50, q95 = np.percentile(np.exp(used), [50, 95])
        used = used[np.exp(used) < q50 + FAR * (q95 - q50)]
    if used.size < 2:
        return refused(name, Status.DEGENERATE, near.n)
    d, information = _likeliest(used, n1, n2)
    se = np.sqrt(near.dependence(log_mu, n2) / information)
    return estimated(name, d, se, near.n, near.radius(n2), doubts)


def _likeliest(log_mu: np.ndarray, n1: int, n2: int) -> tuple[float, float]:
    """The root of the score, and the observed information there."""
    n, total, more = log_mu.size, float(log_mu.sum()), n2 - n1 - 1

    def score(d: float) -> float:
        # μ^d / (μ^d − 1) = 1 / (1 − e^{−d log μ})
        return (
            (n - 1) / d + more * float((log_mu / -np.expm1(-d * log_mu)).sum()) - (n2 - 1) * total
        )

    high = 1.0
    while score(high) > 0:
        high *= 2
    d = float(brentq(score, 1e-8, high, xtol=1e-12, rtol=1e-12))
    # μ^d / (μ^d − 1)² = 1 / (4 sinh²(d log μ / 2)); beyond 350 it is 0 in float64
    half = np.minimum(d * log_mu / 2, 350.0)
    return d, n / d**2 + more * float(((log_mu / (2 * np.sinh(half))) ** 2).sum())


def scales(near: Neighbours) -> tuple[Estimate, ...]:
    """The dimension with n2 = 2 n1 = 2, 4, 8, … as far as the neighbours reach."""
    return tuple(gride(near, n1) for n1 in SCALES if 2 * n1 <= near.k)


def plateau(found: Sequence[Estimate]) -> tuple[int, int] | None:
    """First and last position of the longest run of at least three scales over which the estimate
    does not change by more than `FLAT` and sampling; the later one of equals, None without one."""
    runs = [
        (last - first, first, last)
        for first in range(len(found))
        for last in range(first + 2, len(found))
        if _flat(found[first : last + 1])
    ]
    return max(runs)[1:] if runs else None


def _flat(run: Sequence[Estimate]) -> bool:
    d = np.array([e.dimension for e in run])
    if not np.isfinite(d).all():
        return False
    error = max(e.se for e in run)
    return bool(np.ptp(d) <= FLAT * d.mean() + Z * np.sqrt(2) * error)
