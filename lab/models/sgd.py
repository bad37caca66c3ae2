"""Stochastic gradient descent on least squares, exact in the mean: Gaussian inputs, power laws.

`GaussianRegression`, exact in steps, batch and rate.

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

`PLRF`, power-law random features trained by one-pass SGD: exact mean risk, phases, frontier.

Inputs x_j = j^−α z_j, j ≤ v, with z ~ N(0, 1), target coefficients b_j = j^−β, and a student
θ ∈ R^d of the features Wᵀx, W [v, d] of variance 1/d, from θ = 0 by steps

    θ ← θ − γ Wᵀx (⟨Wᵀx, θ⟩ − ⟨x, b⟩),    P(θ) = E(⟨Wᵀx, θ⟩ − ⟨x, b⟩)²

(Paquette, Paquette, Xiao & Pennington, arXiv 2405.15074). With K = WᵀDW = VΛVᵀ, D = diag(j^−2α),
the target is xᵀWθ* plus Gaussian label noise of variance P*, the least risk with these features.
So the mean over samples is the recursion above at batch 1, exact for
each W. The rate is γ = rate/tr K, of the realised spectrum.

Compute is C = d t. Which two terms of the risk balance on the frontier makes seven phases, with
d* ∝ C^ξ and P ∝ C^−η:

    Ia    α > ½, β < ½            F_pp = F_0     η = (2α+2β−1)/(2α+1)          ξ = 1/(2α+1)
    Ib    α < ½, β < ½            F_pp = F_0     η = α+β−½                     ξ = ½
    Ic    α < ¼, β > ½            F_pp = F_0     η = α(2α+2β−1)/(3α+2β−2αβ−1)  ξ = η/(2α)
    II    α > ½, ½ < β < α        F_pp = F_ac    η = (2α+2β−1)/(2(α+β))        ξ = β/(α+β)
    III   α > ½, β > α            K_pp = F_ac    η = 1 − 1/(4α)                ξ = ½
    IVa   1−1/√2 < α < ½, β > ½   K_pp = F_0     η = α                         ξ = ½
    IVb   ¼ < α < 1−1/√2, β > ½   F_pp = K_pp    η = (1−2α)(2α+2β−1)/(2(2β−α−2αβ))
                                                 ξ = (β−α)/(2β−α−2αβ)

F_pp is the bias of the pure point spectrum, F_0 the limit P*, F_ac the bias of the continuous one,
K_pp the noise of SGD. η is continuous at all borders, ξ jumps at that of IVa and IVb; on a border
the laws have logarithms, and `phase` is that of smaller α or β. For 2α + 2β ≤ 1 there is no law.

Bias at finite d, one octave around d = 100: η and ξ .03 (Ia, II) to .1 (III, Ib, IVa); average
log P over W, for at small d the top eigenvalue of K fluctuates by √(2/d).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float

from lab.models.eigenlearning import RandomFeaturesRidge
from lab.models.numerics import Argument, Numbers, number, numbers

FINEST = 1e-7
"""Precision of the logarithm of the best rate to a target."""


@dataclass(frozen=True, eq=False)
class Recursion:
    """The recursion of the mean at one batch and rate, in the eigenbasis of A.

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
        """True if the loss stays bounded for any number of steps."""
        return bool(self.decay[0] > 0)


@dataclass(frozen=True, eq=False)
class GaussianRegression:
    """Gaussian linear regression by stochastic gradient descent.

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

    def scales(
        self, steps: SupportsFloat, batch: SupportsFloat, rate: SupportsFloat
    ) -> tuple[float, float]:
        """(B_simple, B_noise) after so many steps, with the mean squares c_i in place of e_i²; NaN
        where descent diverges."""
        λ, e = self._arrays
        B, η = number("batch", batch, "(0, inf)"), number("rate", rate, "(0, inf)")
        t, noise, step = number("steps", steps, "[0, inf)"), self.noise**2, η**2 / B
        A = np.diag(2 * η * λ - (η**2 + step) * λ**2) - step * np.outer(λ, λ)
        decay, basis = np.linalg.eigh(A)
        with np.errstate(over="ignore", invalid="ignore"):
            power = t * np.log1p(-decay)
            kept, gained = np.exp(power), -np.expm1(power) / decay
            c = basis @ (kept * (basis.T @ e**2) + gained * (basis.T @ (step * noise * λ)))
        if not np.isfinite(c).all():
            return np.nan, np.nan
        variances = λ * (λ @ c) + λ**2 * c + noise * λ
        return float(variances.sum() / (λ**2 @ c)), float(λ @ variances / (λ**3 @ c))

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


BINDING = {
    "Ia": ("F_pp", "F_0"),
    "Ib": ("F_pp", "F_0"),
    "Ic": ("F_pp", "F_0"),
    "II": ("F_pp", "F_ac"),
    "III": ("K_pp", "F_ac"),
    "IVa": ("K_pp", "F_0"),
    "IVb": ("F_pp", "K_pp"),
}


@dataclass(frozen=True)
class PLRF:
    """Power-law random features trained by one-pass SGD.

    Attributes:
        alpha: α > 0, decay of the inputs.
        beta: β, decay of the target, with 2α + 2β > 1.
        d: number of features, the student's size.
        v: dimension of the inputs, ≥ d; 10 d is as good as ∞ for α > ½.
        rate: γ tr K, below 1 to be stable.
        seed: of W.
    """

    alpha: float
    beta: float
    d: int
    v: int
    rate: float
    seed: int

    def __post_init__(self) -> None:
        number("alpha", self.alpha, "(0, inf)")
        number("beta", self.beta)
        numbers("d", number("d", self.d), "[1, inf)", whole=True)
        numbers("v", number("v", self.v), f"[{self.d}, inf)", whole=True)
        number("rate", self.rate, "(0, inf)")
        numbers("seed", number("seed", self.seed), "[0, inf)", whole=True)
        if not 2 * self.alpha + 2 * self.beta > 1:
            raise ValueError(
                f"alpha = {self.alpha:g} and beta = {self.beta:g} have no power law, which needs "
                "2 alpha + 2 beta > 1; raise one of them"
            )

    def risk(self, t: Argument) -> Numbers:
        """Mean P(θ) after t steps for this W, exact up to rounding; an array gives an array.

        Args:
            t: steps, ≥ 0; ∞ gives the stationary risk of the constant rate, above `limit`.
        """
        return self._recursion.excess(numbers("t", t, "[0, inf]")) + self.limit

    @property
    def limit(self) -> float:
        """P*, the least risk with these features, which SGD of a vanishing rate ends at."""
        return self._solved[2]

    @cached_property
    def equivalent_limit(self) -> float:
        """The deterministic equivalent of P*, free of W: Σ_j j^−2α−2β/(1 + τ j^−2α).

        τ solves Σ_j τ j^−2α/(1 + τ j^−2α) = d. 2 to 4 % below the mean over W at d = 50.
        """
        j = np.arange(1, self.v + 1.0)
        theory = RandomFeaturesRidge(j ** (-2 * self.alpha), j ** (-self.alpha - self.beta), 0.0)
        return float(theory.risk(np.inf, self.d))

    @property
    def step(self) -> float:
        """γ = rate/tr K."""
        return self.rate / float(self._solved[0].sum())

    @property
    def stable(self) -> bool:
        """True if the risk stays bounded at this rate."""
        return self._recursion.stable

    @property
    def phase(self) -> str:
        """The name of the phase, one of the seven."""
        α, β = self.alpha, self.beta
        if β <= 0.5:
            return "Ib" if α <= 0.5 else "Ia"
        if α <= 0.25:
            return "Ic"
        if α <= 0.5:
            return "IVb" if α <= 1 - np.sqrt(0.5) else "IVa"
        return "II" if β <= α else "III"

    @property
    def binding(self) -> tuple[str, str]:
        """The two terms that are equal on the frontier."""
        return BINDING[self.phase]

    @property
    def eta(self) -> float:
        """η of P ∝ C^−η on the compute frontier."""
        α, β = self.alpha, self.beta
        bias = 2 * α + 2 * β - 1
        return {
            "Ia": lambda: bias / (2 * α + 1),
            "Ib": lambda: α + β - 0.5,
            "Ic": lambda: α * bias / (3 * α + 2 * β - 2 * α * β - 1),
            "II": lambda: bias / (2 * (α + β)),
            "III": lambda: 1 - 1 / (4 * α),
            "IVa": lambda: α,
            "IVb": lambda: (1 - 2 * α) * bias / (2 * (2 * β - α - 2 * α * β)),
        }[self.phase]()

    @property
    def xi(self) -> float:
        """ξ of d* ∝ C^ξ, the best size at fixed compute."""
        α, β = self.alpha, self.beta
        return {
            "Ia": lambda: 1 / (2 * α + 1),
            "Ib": lambda: 0.5,
            "Ic": lambda: self.eta / (2 * α),
            "II": lambda: β / (α + β),
            "III": lambda: 0.5,
            "IVa": lambda: 0.5,
            "IVb": lambda: (β - α) / (2 * β - α - 2 * α * β),
        }[self.phase]()

    @cached_property
    def features(self) -> np.ndarray:
        """W [v, d], from the seed."""
        rng = np.random.default_rng(self.seed)
        return rng.standard_normal((self.v, self.d)) / np.sqrt(self.d)

    @cached_property
    def _solved(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Eigenvalues λ of K, ⟨v_j, θ*⟩² and P*: by an orthogonal factorisation of D^½ W."""
        from scipy import linalg

        j = np.arange(1, self.v + 1.0)
        target = j ** (-self.alpha - self.beta)
        q, r = linalg.qr(
            j[:, None] ** -self.alpha * self.features, mode="economic", overwrite_a=True
        )
        along = q.T @ target
        missed = target - q @ along
        left, singular, _ = linalg.svd(r, overwrite_a=True)
        return singular**2, (left.T @ along / singular) ** 2, float(missed @ missed)

    @cached_property
    def _recursion(self) -> Recursion:
        spectrum, power, limit = self._solved
        return Recursion.of(spectrum, power, noise=limit, rate=self.step)
