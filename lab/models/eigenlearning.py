"""Eigenlearning: the expected risk of kernel regression from the spectrum of its kernel.

A kernel has eigenvalues λ_i, the target power v_i² in mode i. On n samples with ridge δ each mode
is learned to the degree 𝓛_i, and the test error follows (Simon et al., arXiv 2110.03922; the same
as Bordelon et al., arXiv 2002.02561):

    n = Σ λ_i/(λ_i + κ) + δ/κ                    defines κ
    𝓛_i = λ_i/(λ_i + κ)
    E₀ = n/(n − Σ 𝓛_i²)
    MSE = E₀ (Σ (1 − 𝓛_i)² v_i² + σ²)

The MSE counts the label noise σ² of the test points. It is asymptotic in n, and assumes modes that
are as good as independent Gaussians: `lab.data.spectra` draws such data, real manifolds come
close. P random features on unlimited data obey the same equations with P in place of n; both finite
are in `lab.models.random_features`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["Eigenlearned", "expected_risk", "half_learned"]


@dataclass(frozen=True)
class Eigenlearned:
    """What the theory says of one number of samples.

    Attributes:
        mse: mean squared test error, label noise included.
        kappa: κ, the eigenvalue at which a mode is half learned.
        learnabilities: 𝓛_i; their sum over all modes is at most n.
        overfitting: E₀ ≥ 1, the factor by which noise and unlearned modes are amplified.
    """

    mse: float
    kappa: float
    learnabilities: Float[np.ndarray, " modes"]
    overfitting: float


def expected_risk(
    n: float,
    eigenvalues: Float[np.ndarray, " modes"],
    power: Float[np.ndarray, " modes"],
    *,
    ridge: float = 0.0,
    noise: float = 0.0,
    multiplicity: Float[np.ndarray, " modes"] | None = None,
) -> Eigenlearned:
    """Solve for κ and give the risk.

    Args:
        n: number of samples, > 0, or of features (see above).
        eigenvalues: λ_i > 0, in any order.
        power: v_i², the target's power per mode.
        ridge: δ ≥ 0, added to a kernel matrix that is not divided by n.
        noise: σ, the standard deviation of the label noise.
        multiplicity: how many modes there are of each eigenvalue, 1 unless told; `power` is then
            that of all of them together.

    Without a ridge and with n ≥ the number of modes all is learned: κ = 0 and E₀ = n/(n − modes).
    Raises ValueError if n, a λ or the ridge is out of range.
    """
    if not (n > 0 and ridge >= 0 and np.all(eigenvalues > 0)):
        raise ValueError(
            f"eigenlearning needs n > 0, ridge ≥ 0 and positive eigenvalues, got n = {n}, "
            f"ridge = {ridge}, smallest eigenvalue {np.min(eigenvalues):g}"
        )
    many = np.ones_like(eigenvalues) if multiplicity is None else multiplicity
    kappa = half_learned(n, eigenvalues, ridge=ridge, multiplicity=many)
    learned = eigenvalues / (eigenvalues + kappa)
    left = n - np.sum(many * learned**2)
    overfitting = n / left if left > 0 else np.inf
    # (1 − 𝓛)² as κ²/(λ + κ)², which keeps its digits where all is learned
    unlearned = np.sum((kappa / (eigenvalues + kappa)) ** 2 * power) + noise**2
    mse = overfitting * unlearned if unlearned > 0 else 0.0
    return Eigenlearned(float(mse), kappa, learned, float(overfitting))


def half_learned(
    n: float,
    eigenvalues: Float[np.ndarray, " modes"],
    *,
    ridge: float = 0.0,
    multiplicity: Float[np.ndarray, " modes"] | None = None,
) -> float:
    """κ of n = Σ λ_i/(λ_i + κ) + δ/κ; 0 without a ridge for n ≥ the number of modes."""
    # scipy.optimize takes a tenth of a second to import, which reports of networks should not pay
    from scipy.optimize import brentq

    many = np.ones_like(eigenvalues) if multiplicity is None else multiplicity
    if ridge == 0 and n >= np.sum(many):
        return 0.0

    def surplus(log_kappa: float) -> float:
        kappa = np.exp(log_kappa)
        return float(np.sum(many * eigenvalues / (eigenvalues + kappa)) + ridge / kappa - n)

    # Σ λ/(λ+κ) + δ/κ falls in κ, from above n to below (Σλ + δ)/κ = n
    high = np.log((np.sum(many * eigenvalues) + ridge) / n)
    low = high
    while surplus(low) < 0:
        low -= 10
    return float(np.exp(brentq(surplus, low, high, xtol=1e-14, rtol=1e-14)))
