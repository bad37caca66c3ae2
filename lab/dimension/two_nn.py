"""TwoNN: the dimension from the ratio of the two nearest distances.

Where the density is constant over two neighbours, μ = r_2 / r_1 is Pareto: P(μ > m) = m^−d, so
log μ is exponential with rate d. Two estimators, which differ on the same points:

    linear   slope of −log(1 − F(μ)) on log μ through 0, F = i/n, the largest `discard` left out
    mle      (n − 1) / Σ log μ

Facco, d'Errico, Rodriguez, Laio, Scientific Reports 7, 12140 (2017); mle: Denti et al. 2022.
Both read low where d is high, for then two neighbours are no longer close.

What it does not do: leave out ratios in `mle`, where that would be censoring.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from lab.dimension.doubts import Doubt, Status
from lab.dimension.estimate import Estimate, estimated, refused
from lab.dimension.neighbours import Neighbours

DISCARD = 0.1
TIED = 0.05
"""Share of equal distances from which there is a doubt."""
EQUAL = 1e-5
"""log r_2/r_1 of distances that are equal but for rounding to float32."""


def log_ratios(near: Neighbours, k: int = 2) -> Float[np.ndarray, " n"]:
    """log r_k / r_1 of every point."""
    return np.log(near.distances[:, k - 1] / near.distances[:, 0])


def ties(log_mu: Float[np.ndarray, " n"]) -> tuple[Doubt, ...]:
    """Whether too many ratios are one."""
    return (Doubt.TIES,) if (log_mu < EQUAL).mean() > TIED else ()


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


def linear(near: Neighbours, discard: float = DISCARD) -> Estimate:
    """TwoNN by regression through the origin. Raises ValueError unless 0 ≤ discard < 1."""
    name = "two-nn-linear"
    if near.k < 2:
        return refused(name, Status.TOO_FEW, near.n)
    log_mu = log_ratios(near)
    d, se = slope(log_mu, discard)
    se *= np.sqrt(near.dependence(log_mu, 2))
    return estimated(name, d, se, near.n, near.radius(2), ties(log_mu))


def mle(near: Neighbours) -> Estimate:
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
