"""Dimension from ratios of neighbour distances: TwoNN, its kNN form, Gride, Levina and Bickel.

All take the density as constant over the neighbours that they use, and read low where d is high,
for then the nearest neighbours are no longer near. With r_k the distance to the k-th neighbour:

TwoNN. μ = r_2 / r_1 is Pareto, P(μ > m) = m^−d, so log μ is exponential with rate d. Two
estimators, which differ on the same points:

    linear   slope of −log(1 − F(μ)) on log μ through 0, F = i/n, the largest `discard` left out
    mle      (n − 1) / Σ log μ, with all ratios: leaving some out would be censoring

Facco, d'Errico, Rodriguez, Laio, Scientific Reports 7, 12140 (2017); mle: Denti et al. 2022.

kNN form. μ_k = r_k / r_1 has C(μ_k) = (1 − μ_k^−d)^(k−1), so −log(1 − C^(1/(k−1))) = d log μ_k, a
line through 0, fitted as in TwoNN (which is k = 2); the estimate is the unweighted mean over k = 2,
3, 4 (Sharma & Kaplan, arXiv 2004.10802, section on measuring the dimension).

Levina and Bickel. The local estimate of point i is m_i = [ 1/(k − 1) Σ_{j<k} log(r_k / r_j) ]^−1,
and points are put together by one of two rules:

    mle           mean of m_i          (Levina & Bickel, NIPS 2004), reads high by (k − 1)/(k − 2)
    mle-inverse   1 / mean of 1/m_i    (MacKay & Ghahramani, 2005), the likelihood of all points

Gride. μ = r_{n2} / r_{n1} has the density

    f(μ) = d (μ^d − 1)^(n2−n1−1) / ( B(n2 − n1, n1) μ^((n2−1) d + 1) ),    μ > 1,

and d is the root of its score, which is concave. n1 = 1, n2 = 2 is TwoNN. With n2 = 2 n1 = 2, 4,
8, … the neighbourhood doubles, so noise at small scales and curvature at large ones show as an
estimate that changes; where it does not, there is a plateau. Denti, Doimo, Laio, Mira, Scientific
Reports 12, 20005 (2022). As in the authors' code the likelihood counts n − 1 points in log d, and
ratios beyond q50 + 20 (q95 − q50) are left out.

Not here: choosing a scale or k, or averaging over k.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from lab.dimension.estimate import DimensionDoubt, Estimate, Status, Z, estimated, refused
from lab.dimension.neighbours import Neighbours

DISCARD = 0.1
TIED = 0.05
"""Share of equal distances from which there is a doubt."""
EQUAL = 1e-5
"""log r_2/r_1 of distances that are equal but for rounding to float32."""


def log_ratios(near: Neighbours, k: int = 2) -> Float[np.ndarray, " n"]:
    """log r_k / r_1 of every point."""
    return np.log(near.distances[:, k - 1] / near.distances[:, 0])


def ties(log_mu: Float[np.ndarray, " n"]) -> tuple[DimensionDoubt, ...]:
    """True if too many ratios are one."""
    return (DimensionDoubt.TIES,) if (log_mu < EQUAL).mean() > TIED else ()


def slope(log_mu: Float[np.ndarray, " n"], discard: float, power: int = 1) -> tuple[float, float]:
    """Slope of −log(1 − F^(1/power)) on log μ through 0, and its standard error if ratios were
    independent; both NaN if fewer than two ratios are left or all are one.

    Raises ValueError unless 0 ≤ discard < 1.
    """
    if not 0 <= discard < 1:
        raise ValueError(f"discard is {discard}; it is the share of ratios left out, 0 ≤ · < 1.")
    n = log_mu.size
    kept = min(int(n * (1 - discard)), n - 1)  # F = 1 has no logarithm
    x = np.sort(log_mu)[:kept]
    if kept < 2 or x[-1] < EQUAL:
        return np.nan, np.nan
    F = np.arange(1, kept + 1) / n
    y = -np.log1p(-(F ** (1 / power)))
    d = float(x @ y / (x @ x))
    return d, d * _relative_error(y, F, power, n)


def _relative_error(y: np.ndarray, F: np.ndarray, power: int, n: int) -> float:
    """Standard error of log d, to first order in the order statistics of d log μ around y.

    δ log d = −Σ y_i δ_i / Σ y_i², and δ_i = y'(F_i) δF_i with Cov(δF_i, δF_j) = F_i (1 − F_j) / n
    for i ≤ j.
    """
    # dy/dF of y = −log(1 − F^(1/p))
    root = F ** (1 / power)
    weight = y * root / (power * F * (1 - root)) / (y @ y)
    before = np.cumsum(weight * F) - weight * F
    variance = (weight**2 * F * (1 - F)).sum() + 2 * (weight * (1 - F) * before).sum()
    return float(np.sqrt(variance / n))


def two_nn_linear(near: Neighbours, discard: float = DISCARD) -> Estimate:
    """TwoNN by regression through the origin. Raises ValueError unless 0 ≤ discard < 1."""
    name = "two-nn-linear"
    if near.k < 2:
        return refused(name, Status.TOO_FEW, near.n)
    log_mu = log_ratios(near)
    d, se = slope(log_mu, discard)
    se *= np.sqrt(near.dependence(log_mu, 2))
    return estimated(name, d, se, near.n, near.radius(2), ties(log_mu))


def two_nn_mle(near: Neighbours) -> Estimate:
    """TwoNN by maximum likelihood, unbiased on Pareto ratios: (n − 1) / Σ log μ."""
    name = "two-nn-mle"
    if near.k < 2:
        return refused(name, Status.TOO_FEW, near.n)
    log_mu = log_ratios(near)
    total = float(log_mu.sum())
    if total < EQUAL * near.n:
        return refused(name, Status.DEGENERATE, near.n)
    d = (near.n - 1) / total
    se = d * np.sqrt(near.dependence(log_mu, 2) / near.n) * float(log_mu.std() / log_mu.mean())
    return estimated(name, d, se, near.n, near.radius(2), ties(log_mu))


# ---- Levina and Bickel ----

LEVINA_BICKEL_K = 10
AVERAGES = {"estimates": "mle", "inverses": "mle-inverse"}


def inverses(near: Neighbours, k: int) -> Float[np.ndarray, " n"]:
    """1/m_i of every point."""
    log_r = np.log(near.distances[:, :k])
    return log_r[:, -1] - log_r[:, :-1].mean(axis=1)


def levina_bickel(
    near: Neighbours,
    k: int = LEVINA_BICKEL_K,
    average: Literal["estimates", "inverses"] = "estimates",
) -> Estimate:
    """The dimension from k neighbours, by the mean of local estimates or of their inverses.

    Refused where the points have fewer than k neighbours, and the mean of estimates where a point
    has k neighbours at one distance, for its own estimate is infinite.
    Raises ValueError for k below 3.
    """
    if k < 3:
        raise ValueError(f"k is {k}; local estimates need at least three neighbours.")
    name = AVERAGES[average]
    if near.k < k:
        return refused(name, Status.TOO_FEW, near.n)
    inverse = inverses(near, k)
    if inverse.max() < EQUAL or (average == "estimates" and inverse.min() < EQUAL):
        return refused(name, Status.DEGENERATE, near.n)
    local = inverse if average == "inverses" else 1 / inverse
    relative = float(local.std() / local.mean()) * np.sqrt(near.dependence(local, k) / near.n)
    d = float(local.mean()) if average == "estimates" else float(1 / local.mean())
    doubts = ties(np.log(near.distances[:, 1] / near.distances[:, 0]))
    return estimated(name, d, d * relative, near.n, near.radius(k), doubts)


# ---- the kNN form ----

KNN_ORDERS = (2, 3, 4)


def knn(near: Neighbours, discard: float = DISCARD) -> Estimate:
    """Mean of the slopes at k = 2, 3, 4; the standard error takes them as fully correlated.

    Raises ValueError unless 0 ≤ discard < 1.
    """
    name = "knn"
    if near.k < max(KNN_ORDERS):
        return refused(name, Status.TOO_FEW, near.n)
    found = []
    for k in KNN_ORDERS:
        log_mu = log_ratios(near, k)
        d, se = slope(log_mu, discard, power=k - 1)
        found.append((d, se * np.sqrt(near.dependence(log_mu, k))))
    d, se = np.mean(found, axis=0).tolist()
    return estimated(name, d, se, near.n, near.radius(max(KNN_ORDERS)), ties(log_ratios(near)))


# ---- Gride ----

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
