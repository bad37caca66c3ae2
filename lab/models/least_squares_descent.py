"""Gradient descent on least squares, exact in its steps: double descent over epochs.

Labels y = Xθ + N(0, σ²) on a fixed design X [n, d], full-batch descent from 0 with a rate of its
own for each coordinate, H = diag(η_i). In the coordinates H^−½θ the steps are those of the
symmetric matrix M = H^½ (XᵀX/n) H^½ = V diag(μ) Vᵀ, and with f = 1 − (1 − μ)^k, the part that is
learned after k steps, the excess risk in the mean over the noise is

    ‖Σ^½ H^½ V (1 − f) Vᵀ H^−½ θ‖² + (σ²/n) tr[Σ H^½ V (f²/μ) Vᵀ H^½]

Σ is the covariance of test inputs; that of the design itself, XᵀX/n, gives the fixed-design risk.

Heckel & Yilmaz (arXiv 2007.10099) have this with Σ = XᵀX/n = diag(σ_i²):

    R(k) − σ² = Σ_i [σ_i² θ_i² (1 − η_i σ_i²)^2k + (σ²/n) (1 − (1 − η_i σ_i²)^k)²]

a sum of U-shaped curves; two of them with minima at different k are a double descent, and rates η_i
that make the minima coincide remove it. For Gaussian inputs it is an approximation, n ≫ d: at n =
10 d it is 3 % low early and 10 % at the end, d/n for d/(n − d − 1), and lower where rates differ.

Label noise of test points is not counted. No momentum, no minibatches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from lab.models.arguments import Argument, Numbers, number, numbers, symmetric

__all__ = ["LeastSquaresDescent", "heckel_yilmaz"]


@dataclass(frozen=True, eq=False)
class LeastSquaresDescent:
    """The exact model of this file.

    Attributes:
        X: the design [n, d].
        theta: θ [d].
        noise: σ, standard deviation of the label noise.
        rates: η, one for all coordinates or one each [d], > 0; steps are along −(1/n) Xᵀ(Xθ̂ − y).
        covariance: Σ [d, d] of the inputs that are tested on; XᵀX/n unless told.
    """

    X: Argument
    theta: Argument
    noise: float
    rates: Argument
    covariance: Argument | None = None

    def __post_init__(self) -> None:
        X, θ = numbers("X", self.X), numbers("theta", self.theta)
        if X.ndim != 2 or not X.size or θ.shape != X.shape[1:]:
            raise ValueError(
                f"X and theta have shapes {X.shape} and {θ.shape}; give a design [n, d] and its "
                "coefficients [d]"
            )
        number("noise", self.noise, "[0, inf)")
        if numbers("rates", self.rates, "(0, inf)").shape not in ((), θ.shape):
            raise ValueError(f"rates are not one for all, nor {θ.size} as theta; give either")
        if self.covariance is not None:
            symmetric("covariance", self.covariance, θ.size)
        fastest = self._modes[0].max()
        if not fastest < 2:
            most = np.asarray(self.rates, float).max()
            raise ValueError(
                f"rates up to {most:g} make descent diverge, H XᵀX/n has the eigenvalue "
                f"{fastest:.4g}, above 2; divide the rates by more than {fastest / 2:.4g}"
            )

    def risk(self, k: Argument) -> Numbers:
        """Excess risk after k steps, whole and ≥ 0, or ∞; an array gives an array."""
        steps = numbers("k", k, "[0, inf]")
        numbers("k", steps[np.isfinite(steps)], "[0, inf)", whole=True)
        μ, bias, spread = self._modes
        left = _left(μ, steps.ravel())
        learned = 1 - left
        # f²/μ → 0 where nothing is learned
        amplified = learned**2 / np.where(μ > 0, μ, 1.0) @ spread
        missed = np.einsum("ti,ij,tj->t", left, bias, left)
        return (missed + amplified).reshape(steps.shape)[()]

    @property
    def limit(self) -> float:
        """Excess risk at k → ∞: least squares, of smallest norm in H^−½θ where many solve it."""
        return float(self.risk(np.inf))

    def heckel_yilmaz(self, k: Argument) -> Numbers:
        """Their formula for the variances of Σ: an approximation unless XᵀX/n = Σ is diagonal."""
        variances = np.diag(self._covariance)
        n = len(np.asarray(self.X))
        return heckel_yilmaz(k, np.sqrt(variances), self.theta, self.noise, n, self.rates)

    @cached_property
    def _covariance(self) -> Float[np.ndarray, "d d"]:
        X = np.asarray(self.X, float)
        return X.T @ X / len(X) if self.covariance is None else np.asarray(self.covariance, float)

    @cached_property
    def _modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """μ [modes]; what is missed as a form in 1 − f [modes, modes]; noise per f²/μ [modes]."""
        X, θ = np.asarray(self.X, float), np.asarray(self.theta, float)
        root = np.sqrt(np.broadcast_to(np.asarray(self.rates, float), θ.shape))
        scaled = X * root / np.sqrt(len(X))
        μ, V = np.linalg.eigh(scaled.T @ scaled)
        μ = np.where(μ > 1e-13 * μ[-1], μ, 0.0)
        tested = V.T @ (root[:, None] * self._covariance * root) @ V
        u = V.T @ (θ / root)
        return μ, tested * np.outer(u, u), self.noise**2 / len(X) * np.diag(tested)


def heckel_yilmaz(
    k: Argument,
    deviations: Argument,
    theta: Argument,
    noise: float,
    n: int,
    rates: Argument,
) -> Numbers:
    """R(k) − σ² of Heckel & Yilmaz, the excess risk after k steps.

    Args:
        k: steps, whole and ≥ 0, or ∞.
        deviations: σ_i [d], standard deviations of the inputs.
        theta: θ_i [d].
        noise: σ, of the labels.
        n: number of samples.
        rates: η, one for all coordinates or one each [d].

    >>> figure_2 = heckel_yilmaz([12, 30, 491], (1, 0.15), (0.45, 3), noise=1, n=10, rates=0.1)
    >>> [round(float(risk), 5) for risk in figure_2]
    [0.25956, 0.26939, 0.16694]
    """
    steps, variances = numbers("k", k, "[0, inf]"), numbers("deviations", deviations) ** 2
    left = _left(numbers("rates", rates, "(0, inf)") * variances, steps.ravel())
    missed = left**2 @ (variances * numbers("theta", theta) ** 2)
    return (missed + noise**2 / n * ((1 - left) ** 2).sum(1)).reshape(steps.shape)[()]


def _left(μ: np.ndarray, steps: np.ndarray) -> Float[np.ndarray, "steps modes"]:
    """(1 − μ)^k; at k = ∞ the limit, which for μ < 2 is 0, and 1 where nothing is learned."""
    shrink = np.where(np.isinf(steps[:, None]), 0.0, 1 - μ)
    return np.where(μ == 0, 1.0, shrink ** np.where(np.isinf(steps), 1.0, steps)[:, None])
