"""Power-law random features trained by one-pass SGD: exact mean risk, phases, compute frontier.

Inputs x_j = j^−α z_j, j ≤ v, with z ~ N(0, 1), target coefficients b_j = j^−β, and a student
θ ∈ R^d of the features Wᵀx, W [v, d] of variance 1/d, from θ = 0 by steps

    θ ← θ − γ Wᵀx (⟨Wᵀx, θ⟩ − ⟨x, b⟩),    P(θ) = E(⟨Wᵀx, θ⟩ − ⟨x, b⟩)²

(Paquette, Paquette, Xiao & Pennington, arXiv 2405.15074). With K = WᵀDW = VΛVᵀ, D = diag(j^−2α),
the target is xᵀWθ* plus Gaussian label noise of variance P*, the least risk with these features.
So the mean over samples is the recursion of `lab.models.gaussian_regression` at batch 1, exact for
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

import numpy as np

from lab.models.eigenlearning import RandomFeaturesRidge
from lab.models.gaussian_regression import Recursion
from lab.models.numerics import Argument, Numbers, number, numbers

__all__ = ["PLRF"]

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
    """The model of this file.

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
        """Whether the risk stays bounded at this rate."""
        return self._recursion.stable

    @property
    def phase(self) -> str:
        """The name of the phase, one of the seven of this file."""
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
