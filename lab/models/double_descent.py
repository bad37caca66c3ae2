"""Double descent of least squares: over samples, over features and over epochs.

Samples and features: minimum-norm solutions, exact at finite size (`MinimumNorm`,
`WeakFeatures`).

Inputs x ~ N(0, I_D), labels y = xᵀβ + N(0, σ²). The student uses p of the D features (T) and takes
the solution of smallest norm on n samples. Its excess risk E(xᵀβ̂ − xᵀβ)² is, with the power
β_T² in the features it sees and β_c² = |β|² − β_T² in the others (Belkin, Hsu & Xu, arXiv
1903.07571; for p = D Hastie, Montanari, Rosset & Tibshirani, arXiv 1903.08560),

    p ≤ n − 2:   β_c² + (β_c² + σ²) p/(n − p − 1)
    p ≥ n + 2:   β_T² (1 − n/p) + β_c² + (β_c² + σ²) n/(p − n − 1)

and infinite between, for what is not seen is noise, which the solution amplifies. It rises to its
peak at p = n, the model's effective complexity (train error is 0 exactly for n ≤ p), and descends
again beyond.

The label noise of test points is not counted: add σ². No ridge (`RandomFeaturesRidge`), no
other covariance of x (`lab.models.eigenlearning`, asymptotic where this is exact).

Epochs: gradient descent, exact in its steps (`LeastSquaresDescent`).

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

from lab.models.numerics import Argument, Numbers, number, numbers, symmetric


@dataclass(frozen=True)
class MinimumNorm:
    """Minimum-norm regression on all p features: double descent over samples.

    Attributes:
        p: number of features, ≥ 1.
        noise: σ, standard deviation of the label noise.
        norm: |β|.
    """

    p: int
    noise: float
    norm: float = 1.0

    def __post_init__(self) -> None:
        numbers("p", number("p", self.p), "[1, inf)", whole=True)
        number("noise", self.noise, "[0, inf)")
        number("norm", self.norm, "[0, inf)")

    def risk(self, n: Argument) -> Numbers:
        """E|β̂ − β|² at n samples, whole and ≥ 0; ∞ where it has no mean.

        Below n = p it is the mean over directions of β, or of the data, which is the same.
        """
        n = numbers("n", n, "[0, inf)", whole=True)
        return _risk(n, np.float64(self.p), self.norm**2, 0.0, self.noise**2)

    @property
    def peak(self) -> int:
        """The interpolation threshold n = p, above which the train error is not 0."""
        return self.p

    @property
    def exponent(self) -> float:
        """1, of the risk σ² p/n at n ≫ p (variance-limited)."""
        return 1.0

    @property
    def optimal_ridge(self) -> float:
        """σ²p/|β|²: no ridge on XᵀX has a smaller risk at any n, in the mean over directions of β
        (it is the Bayes estimate), and none of its curves has a peak. ∞ for β = 0."""
        return self.noise**2 * self.p / self.norm**2 if self.norm > 0 else np.inf


@dataclass(frozen=True)
class WeakFeatures:
    """Minimum-norm regression on p of D equally weak features: double descent over features.

    Attributes:
        D: number of features of the input, ≥ 1.
        n: number of samples, ≥ 0.
        noise: σ, standard deviation of the label noise.
        norm: |β|.
    """

    D: int
    n: int
    noise: float
    norm: float = 1.0

    def __post_init__(self) -> None:
        numbers("D", number("D", self.D), "[1, inf)", whole=True)
        numbers("n", number("n", self.n), "[0, inf)", whole=True)
        number("noise", self.noise, "[0, inf)")
        number("norm", self.norm, "[0, inf)")

    def risk(self, p: Argument) -> Numbers:
        """Excess risk with p features, whole and 0 … D; ∞ at |p − n| ≤ 1, where it has no mean.

        The expectation over which p of the D features are used, β_T² = |β|² p/D.
        """
        p = numbers("p", p, f"[0, {self.D}]", whole=True)
        seen = self.norm**2 * p / self.D
        return _risk(np.float64(self.n), p, seen, self.norm**2 * (1 - p / self.D), self.noise**2)

    @property
    def peak(self) -> int:
        """The interpolation threshold p = n, from which on the train error is 0."""
        return self.n


def _risk(n: Numbers, p: Numbers, seen: Numbers, unseen: Numbers, noise: float) -> Numbers:
    """The risk of minimum-norm least squares; seen, unseen and noise are β_T², β_c² and σ²."""
    missed = seen * np.maximum(0.0, 1 - n / np.maximum(p, 1)) + unseen
    apart = np.where(n > p, n - p - 1, p - n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        amplified = (unseen + noise) * np.minimum(n, p) / apart
    # without samples, features or noise nothing is amplified; |n − p| ≤ 1 has no mean otherwise
    amplified = np.where(apart > 0, amplified, np.inf)
    silent = (unseen + noise == 0) | (np.minimum(n, p) == 0)
    return (missed + np.where(silent, 0.0, amplified))[()]


@dataclass(frozen=True, eq=False)
class LeastSquaresDescent:
    """Gradient descent on least squares: double descent over epochs.

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
