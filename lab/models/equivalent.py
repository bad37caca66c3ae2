"""Power-law random features for any number of them: the deterministic equivalent of `PLRF`.

K̂ = D^½WWᵀD^½ [v, v] has the eigenvalues of K = WᵀDW and v − d zeros. For z off the positive axis
(Paquette, Paquette, Xiao & Pennington, arXiv 2405.15074; Silverstein & Bai 1995), as d → ∞,

    (K̂ − z)⁻¹ ≈ diag 1/(m (j^−2α + κ)),   m = 1 − s(κ)/d,   κ m = −z,   s(κ) = Σ_j j^−2α/(j^−2α + κ)

which is free of W and of a size: a sum over j is some hundred terms whatever v. With the mean of
one step of batch 1, a mode's power falls by q(λ) = 1 − 2γλ + 2γ²λ² and gains γ²λP, so that
P̂(ζ) = Σ_t P_t ζ^−t solves

    P̂ = F̂/(1 − γ²Q̂),   F̂ = ζ Σ p_λ/(ζ − q(λ)),   Q̂ = Σ λ²/(ζ − q(λ))

p_λ being the target's power in a mode. ζ = q(λ) has two roots λ± = (1 ± √(2ζ−1))/2γ, and partial
fractions leave the resolvent there. P_t is the integral around ζ = 1: a circle for t < LATE, else
Talbot's contour in log ζ (Weideman, SIAM J. Numer. Anal. 44, 2342), to about 1e-9 of P_0.

It is the mean over W within 2 % from d = 80 on; of single draws the top eigenvalues fluctuate by
√(2/d), so that the mean of log P lies lower.

`plrf_frontier`, the compute frontier of a family of them, v = ratio d. At each C = d t the risk is
minimised over d, which need not be whole; slopes between C two decades apart tend to ξ and η, and
Aitken's rule extrapolates three of them. It is how the table of `lab.models.sgd` is checked where
sizes that can be drawn are too small, III and IVa. In IVb, and in IVa near its border, they are
those of a crossover (ξ .564 for .5 at α = .3, β = .69, η .324 for .298 at α = .27, β = 1),
which no extrapolation of three slopes sees: there `border` names both phases, and the interval
holds the limits on both sides of the border, so that it tells none of them from the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lab.models.numerics import Argument, Numbers, number, numbers, panels
from lab.models.sgd import PLRF

LATE = 256
"""Steps from which on Talbot's contour is as exact as the circle."""
CIRCLE, RADIUS = 2048, 1.015
TALBOT = 24
HEAD = 512
ROUNDS = 60


@dataclass(frozen=True)
class PLRFEquivalent:
    """Power-law random features by their deterministic equivalent.

    Attributes:
        alpha, beta, rate: as of `PLRF`; rate ≤ 0.5, so that all modes descend without swinging.
        d: number of features, ≥ 1, whole or not.
        v: dimension of the inputs, ≥ d.
    """

    alpha: float
    beta: float
    d: float
    v: float
    rate: float

    def __post_init__(self) -> None:
        number("d", self.d, "[1, inf)")
        number("v", self.v, f"[{self.d}, 1e30]")
        number("rate", self.rate, "(0, 0.5]")
        self._named  # noqa: B018  refuses what has no power law

    @cached_property
    def _named(self) -> PLRF:
        """The model of the same α and β that knows their phase."""
        return PLRF(self.alpha, self.beta, 1, 1, self.rate, 0)

    @property
    def phase(self) -> str:
        """The name of the phase, one of the seven."""
        return self._named.phase

    @property
    def xi(self) -> float:
        """ξ of d* ∝ C^ξ."""
        return self._named.xi

    @property
    def eta(self) -> float:
        """η of P ∝ C^−η."""
        return self._named.eta

    @property
    def step(self) -> float:
        """γ = rate/tr D, the mean of tr K."""
        j, weight = self._terms
        return self.rate / float(weight @ j ** (-2 * self.alpha))

    @property
    def limit(self) -> float:
        """P*, the least risk with these features."""
        λ, weight, power = self._spectrum
        if self.d >= self.v:
            return 0.0
        κ = self._solve(np.array([0j]))[0].real
        return float(weight @ (power * κ / (λ + κ)))

    def risk(self, t: Argument) -> Numbers:
        """P after t steps, ≥ 0; an array gives an array. Below LATE a part of a step is rounded."""
        steps = numbers("t", t, "[0, 1e30]")
        flat = steps.ravel()
        found = np.empty(flat.size)
        flat = np.where(flat < LATE, np.round(flat), flat)
        early = flat < LATE
        if early.any():
            angle = np.pi * (np.arange(CIRCLE // 2) + 0.5) / (CIRCLE // 2)
            ζ = RADIUS * np.exp(1j * angle)
            turned = np.exp(1j * angle * flat[early, None])
            values = (turned * self._transform(np.log(ζ))).real.mean(1)
            found[early] = RADIUS ** flat[early] * values
        for i in np.flatnonzero(~early):
            θ = np.pi * (np.arange(TALBOT) + 0.5) / TALBOT
            cot = 0.5017 * θ / np.tan(0.6407 * θ)
            s = 2 * TALBOT / flat[i] * (cot - 0.6122 + 0.2645j * θ)
            slope = 2 * TALBOT / flat[i] * (
                0.5017 / np.tan(0.6407 * θ) - 0.5017 * 0.6407 * θ / np.sin(0.6407 * θ) ** 2
                + 0.2645j
            )  # fmt: skip
            found[i] = (np.exp(s * flat[i]) * self._transform(s) * slope).imag.sum() / TALBOT
        return found.reshape(steps.shape)[()]

    @cached_property
    def _terms(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes j and weights of Σ_{j ≤ v}: the first HEAD terms and panels in log j beyond."""
        head = int(min(self.v, HEAD))
        j = np.arange(1, head + 1.0)
        length = np.log((self.v + 0.5) / (head + 0.5))
        if length <= 1e-12:
            return j, np.ones(head)
        x, weight = panels(int(np.ceil(length / 0.5)))
        far = (head + 0.5) * np.exp(length * x)
        return np.concatenate([j, far]), np.concatenate([np.ones(head), weight * length * far])

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """λ_j = j^−2α, their weights and the power j^−2α−2β."""
        j, weight = self._terms
        return j ** (-2 * self.alpha), weight, j ** (-2 * self.alpha - 2 * self.beta)

    def _solve(self, z: np.ndarray) -> np.ndarray:
        """κ of κ (1 − s(κ)/d) = −z, the root with which (K̂ − z)⁻¹ falls as −1/z."""
        λ, weight, _ = self._spectrum
        κ = (weight @ λ) / self.d - z
        for _ in range(ROUNDS):
            part = weight * λ / (λ + κ[:, None])
            s, slope = part.sum(1), (part / (λ + κ[:, None])).sum(1)
            step = (κ * (1 - s / self.d) + z) / (1 - s / self.d + κ * slope / self.d)
            κ = κ - step
            if (abs(step) <= 1e-13 * abs(κ)).all():
                break
        return κ

    def _transform(self, s: np.ndarray) -> np.ndarray:
        """P̂ at ζ = e^s."""
        γ = self.step
        ζ = np.exp(s)
        # 1 − √(2ζ−1) without cancellation near ζ = 1
        root = np.sqrt(2 * ζ - 1)
        low, high = -2 * np.expm1(s) / (1 + root) / (2 * γ), (1 + root) / (2 * γ)
        (F_low, Q_low), (F_high, Q_high) = self._at(low), self._at(high)
        scale = -1 / (2 * γ**2 * (high - low))
        F, Q = ζ * scale * (F_high - F_low), scale * (Q_high - Q_low)
        return F / (1 - γ**2 * Q)

    def _at(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ p_λ/(λ − z), and Σ λ²/(λ − z) without tr K, which both roots share."""
        λ, weight, power = self._spectrum
        κ = self._solve(z)
        F = ((weight * power) / (λ + κ[:, None])).sum(1) * κ / -z
        s = (weight * λ / (λ + κ[:, None])).sum(1)
        return F, z * s


class Extrapolated(NamedTuple):
    """An exponent of a frontier in the limit of large C, and an interval of its convergence.

    border: the two phases whose crossover is seen, where the point lies at their border; the
        interval then holds the exponents of both.
    """

    value: float
    interval: tuple[float, float]
    border: tuple[str, ...] = ()


LARGEST = 1e25
"""C up to which `plrf_frontier` looks, and MARGIN what its intervals have at least on each side."""
MARGIN = 0.005
TURN = 1 - np.sqrt(0.5)
"""α of the border of IVa and IVb, and CROSSOVER the distance in IVa up to which it is seen."""
CROSSOVER = 0.02


def plrf_frontier(
    alpha: float, beta: float, *, rate: float = 0.5, ratio: float = 10.0
) -> tuple[Extrapolated, Extrapolated]:
    """ξ of d* ∝ C^ξ and η of P ∝ C^−η in the limit of large C, measured; see the file.

    Args:
        alpha, beta, rate: as of `PLRF`.
        ratio: v/d ≥ 1.

    Raises ValueError, one sentence, for what has no power law.
    """
    from scipy.optimize import minimize_scalar

    number("ratio", ratio, "[1, 1e6]")
    C = LARGEST * 1e2 ** np.arange(-3, 1.0)

    def least(C: float) -> tuple[float, float]:
        def cost(log_d: float) -> float:
            d = float(np.exp(log_d))
            return float(np.log(PLRFEquivalent(alpha, beta, d, ratio * d, rate).risk(C / d)))

        ends = np.log(2.0), np.log(C) - np.log(LATE) - 1
        found = minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-5})
        return float(found.x), float(found.fun)

    log_d, log_P = np.transpose([least(one) for one in C.tolist()])
    xi, eta = (_limit(sign * np.diff(y) / np.log(1e2)) for sign, y in ((1, log_d), (-1, log_P)))
    if not (beta > 0.5 and 0.25 < alpha < TURN + CROSSOVER):
        return xi, eta
    sides = [PLRF(TURN + step, beta, 1, 1, rate, 0) for step in (1e-9, -1e-9)]
    return _held(xi, [one.xi for one in sides]), _held(eta, [one.eta for one in sides])


def _held(found: Extrapolated, limits: list[float]) -> Extrapolated:
    """The same with an interval that holds these limits of both sides of a border."""
    ends = (*found.interval, *(x + s * MARGIN for x in limits for s in (-1, 1)))
    return Extrapolated(found.value, (float(min(ends)), float(max(ends))), ("IVa", "IVb"))


def _limit(slopes: np.ndarray) -> Extrapolated:
    """Aitken's rule for three slopes, by at most five times their last change."""
    before, last = np.diff(slopes)
    change = before - last
    shift = last**2 / change if change else 0.0
    shift = float(np.clip(shift, -5 * abs(last), 5 * abs(last)))
    value, half = float(slopes[-1]) + shift, abs(shift) + abs(float(last)) + MARGIN
    return Extrapolated(value, (value - half, value + half))
