"""Stochastic gradient descent on Gaussian linear regression, exact in steps, batch and rate.

Inputs x ~ N(0, H) with eigenvalues λ, labels y = xᵀθ* + N(0, σ²), loss L = ½E(y − xᵀθ)², a fresh
batch of B samples each step, rate η. With e = θ − θ* in the eigenbasis and c_i = E e_i² the mean
over batches obeys

    c ← (1 − A) c + (η²σ²/B) λ,    A = diag(2ηλ − η²λ²(1 + 1/B)) − (η²/B) λλᵀ,    L = ½(λ·c + σ²)

A is symmetric, so that one eigendecomposition gives L after any number of steps. Of one step
(McCandlish, Kaplan, Amodei et al., arXiv 1812.06162), with G = He and Σ = H(eᵀHe) + GGᵀ + σ²H, the
covariance of a sample's gradient,

    ΔL(B) = ΔL_max/(1 + B_noise/B),    ΔL_max = ½|G|⁴/GᵀHG,    B_noise = tr(HΣ)/GᵀHG

at the best rate |G|²/(GᵀHG (1 + B_noise/B)). B_simple = tr Σ/|G|² is what is measured without the
Hessian; on a spectrum 1/j of 20 it is 1.8 times smaller. Their (S/S_min − 1)(E/E_min − 1) = 1, for
S steps and E = BS samples to a target loss, is no identity here: `steps` is what it is tested on.

Batches are drawn from unlimited data. No momentum, no schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float

from lab.models.numerics import Argument, Numbers, number, numbers

__all__ = ["GaussianRegression", "Recursion"]

FINEST = 1e-7
"""Precision of the logarithm of the best rate to a target."""


@dataclass(frozen=True, eq=False)
class Recursion:
    """The recursion of this file at one batch and rate, in the eigenbasis of A.

    Attributes:
        decay: eigenvalues a of A; one below 0 makes descent diverge.
        start: what each adds to λ·c at first.
        drive: what label noise adds to it in each step.
    """

    decay: Float[np.ndarray, " modes"]
    start: Float[np.ndarray, " modes"]
    drive: Float[np.ndarray, " modes"]

    @classmethod
    def of(
        cls,
        spectrum: Float[np.ndarray, " modes"],
        power: Float[np.ndarray, " modes"],
        *,
        noise: float,
        rate: float,
        batch: float = 1,
    ) -> Recursion:
        """Diagonalise A.

        Args:
            spectrum: λ.
            power: c at first, e².
            noise: σ² of the labels; power of the target out of the student's reach counts too.
            rate: η of the mean gradient of a batch.
            batch: B.
        """
        λ, step = spectrum, rate**2 / batch
        A = np.diag(2 * rate * λ - (rate**2 + step) * λ**2) - step * np.outer(λ, λ)
        decay, basis = np.linalg.eigh(A)
        seen = basis.T @ λ
        return cls(decay, seen * (basis.T @ power), step * noise * seen**2)

    def excess(self, steps: Argument) -> Numbers:
        """λ·c after these numbers of steps, ≥ 0; between whole ones powers of 1 − a interpolate.

        At ∞ the stationary value, ∞ where descent diverges.
        """
        t = numbers("steps", steps, "[0, inf]")
        with np.errstate(over="ignore", invalid="ignore"):
            power = t[..., None] * np.log1p(-self.decay)
            kept = np.where(t[..., None] == 0, 1.0, np.exp(power))
            gained = -np.expm1(power) / self.decay
            found = kept @ self.start + np.where(t == 0, 0.0, gained @ self.drive)
        return np.where(np.isnan(found), np.inf, found)[()]

    @property
    def stable(self) -> bool:
        """Whether the loss stays bounded for any number of steps."""
        return bool(self.decay[0] > 0)


@dataclass(frozen=True, eq=False)
class GaussianRegression:
    """The model of this file.

    Attributes:
        spectrum: λ > 0 [d], eigenvalues of H.
        error: e = θ − θ* [d] at first, in the eigenbasis of H.
        noise: σ, standard deviation of the label noise.
    """

    spectrum: Argument
    error: Argument
    noise: float

    def __post_init__(self) -> None:
        λ, e = numbers("spectrum", self.spectrum, "(0, inf)"), numbers("error", self.error)
        if λ.ndim != 1 or λ.shape != e.shape or not e.any():
            raise ValueError(
                f"spectrum and error have shapes {λ.shape} and {e.shape}; give two columns of one "
                "length, and an error that is not 0"
            )
        number("noise", self.noise, "[0, inf)")

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(self.spectrum, float), np.asarray(self.error, float)

    @property
    def initial(self) -> float:
        """L before the first step."""
        λ, e = self._arrays
        return float(λ @ e**2 + self.noise**2) / 2

    @property
    def floor(self) -> float:
        """σ²/2, the least loss there is."""
        return float(self.noise) ** 2 / 2

    @property
    def B_noise(self) -> float:
        """tr(HΣ)/GᵀHG, the batch at which one step of the best rate gains half of ΔL_max."""
        λ, e = self._arrays
        return float(λ @ self._variances) / float(λ**3 @ e**2)

    @property
    def B_simple(self) -> float:
        """tr Σ/|G|², the noise scale that needs no Hessian."""
        λ, e = self._arrays
        return float(self._variances.sum()) / float(λ**2 @ e**2)

    @property
    def _variances(self) -> Float[np.ndarray, " modes"]:
        """The diagonal of Σ."""
        λ, e = self._arrays
        return λ * (λ @ e**2) + (λ * e) ** 2 + self.noise**2 * λ

    def best_rate(self, batch: Argument) -> Numbers:
        """The rate of the largest ΔL in one step of this batch (whole or not, > 0, or ∞)."""
        λ, e = self._arrays
        B = numbers("batch", batch, "(0, inf]")
        return (λ**2 @ e**2 / (λ**3 @ e**2) / (1 + self.B_noise / B))[()]

    def improvement(self, batch: Argument, rate: Argument | None = None) -> Numbers:
        """ΔL(B), the mean decrease of L in one step; at the best rate of each batch."""
        λ, e = self._arrays
        B = numbers("batch", batch, "(0, inf]")
        η = self.best_rate(batch) if rate is None else numbers("rate", rate, "(0, inf)")
        curvature = λ**3 @ e**2 * (1 + self.B_noise / B)
        return (η * (λ**2 @ e**2) - η**2 * curvature / 2)[()]

    def recursion(self, batch: SupportsFloat, rate: SupportsFloat) -> Recursion:
        """The recursion at one batch > 0 and rate > 0."""
        λ, e = self._arrays
        return Recursion.of(
            λ, e**2, noise=self.noise**2,
            rate=number("rate", rate, "(0, inf)"), batch=number("batch", batch, "(0, inf)"),
        )  # fmt: skip

    def loss(self, steps: Argument, batch: SupportsFloat, rate: SupportsFloat) -> Numbers:
        """Mean L after these numbers of steps, ≥ 0 or ∞, at one batch and one constant rate."""
        return (self.recursion(batch, rate).excess(steps) + self.noise**2) / 2

    def steps(
        self, target: SupportsFloat, batch: SupportsFloat, rate: SupportsFloat | None = None
    ) -> float:
        """S(B), the steps to a target loss; ∞ if this rate never gets there.

        Fractional, the root of the interpolated loss: round up for whole steps. Without a rate the
        constant rate of the fewest steps, searched by golden section in its logarithm.

        Raises ValueError for a target outside of (floor, initial].
        """
        goal = number("target", target, f"({self.floor!r}, {self.initial!r}]")
        if rate is not None:
            return self._steps(goal, self.recursion(batch, rate))
        return self._steps(goal, self.recursion(batch, self.tuned_rate(goal, batch)))

    def tuned_rate(self, target: SupportsFloat, batch: SupportsFloat) -> float:
        """The constant rate that reaches the target loss in the fewest steps."""
        from scipy.optimize import minimize_scalar

        goal = number("target", target, f"({self.floor!r}, {self.initial!r}]")
        first = np.log(float(self.best_rate(batch)))

        def cost(log_rate: float) -> float:
            steps = self._steps(goal, self.recursion(batch, np.exp(log_rate)))
            return float(np.log1p(steps)) if np.isfinite(steps) else 1e9

        grid = first + np.linspace(-8, 4, 49)
        costs = [cost(one) for one in grid]
        best = int(np.argmin(costs))
        if costs[best] >= 1e9:
            raise ValueError(
                f"target = {goal:g} is reached at no constant rate from {np.exp(grid[0]):.2g} to "
                f"{np.exp(grid[-1]):.2g} with batch = {batch:g}; raise the target or the batch"
            )
        around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        found = minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": FINEST})
        return float(np.exp(found.x if found.fun < costs[best] else grid[best]))

    def _steps(self, target: float, recursion: Recursion) -> float:
        from scipy.optimize import brentq

        def above(log_steps: float) -> float:
            return float(recursion.excess(np.exp(log_steps)) + self.noise**2) / 2 - target

        if target >= self.initial:
            return 0.0
        low, high = -20.0, 0.0
        # the loss falls, and may rise again to its stationary value only where descent diverges
        while above(high) > 0:
            high += 0.5
            if high > 60 or not np.isfinite(above(high)):
                return np.inf
        return float(np.exp(brentq(above, low, high, xtol=1e-12)))
