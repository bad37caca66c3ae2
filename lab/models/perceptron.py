"""Pruned data for a perceptron: the exact error of a student at maximal margin.

A teacher T on the sphere in R^N labels x ~ N(0, I_N) by the sign of T·x. Of a large pool the
fraction f with the smallest ("hard") or largest ("easy") margin |T·x| is kept, P = αN examples,
and the student is the direction of largest stability κ = min y J·x on these. At N → ∞ (Sorscher et
al., arXiv 2206.14486, for a perfect metric; here by the Gaussian min-max theorem) its overlap
R = J·T with the teacher is where the largest κ with F ≥ 0 has F = 0,

    F(R) = (1 − R²) − α E_u E_t[(κ − R u − √(1−R²) t)₊²],    t ~ N(0, 1)

with u the margin of what is kept, |N(0, 1)| within [0, u_f] or [u_{1−f}, ∞), and the error on all
inputs is ε = acos(R)/π. With g = R/√(1−R²), c = κ/√(1−R²) and h(z) = E_t(z − t)₊² this is

    α E_u h(c − g u) = 1,    (1 + g²) E_u[u h′(c − g u)] = c g E_u[h′(c − g u)]

Easy examples are best where data are scarce, hard ones where they are abundant: at f = ½ from
α = 2.52 on. At any f the tail is a power law: of hard ones ε ≈ .5005 f/α, what all α/f examples
give, of easy ones with a larger constant (.228 at f = .2). A curve that falls faster needs f → 0,
and an unlimited pool.

α counts kept examples, not those looked at. No imperfect metric, no label noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from lab.models.numerics import number, panels

__all__ = ["PerceptronPruning"]

DEEP = 15.0
"""h(z) is 0 below −DEEP, and no example has a margin above it."""
PANELS = 14
"""Nodes of the quadrature over margins: 1e-10 of ε."""
GRID = 30


@dataclass(frozen=True)
class PerceptronPruning:
    """The model of this file.

    Attributes:
        alpha: α > 0, kept examples per weight, after pruning.
        keep: f in (0, 1], the fraction that is kept; 1 is no pruning.
        which: keep "hard" (small margin) or "easy" (large margin) examples.
    """

    alpha: float
    keep: float
    which: Literal["hard", "easy"] = "hard"

    def __post_init__(self) -> None:
        number("alpha", self.alpha, "(0, inf)")
        number("keep", self.keep, "(0, 1]")
        if self.which not in ("hard", "easy"):
            raise ValueError(f"which = {self.which!r} is no choice; choose 'hard' or 'easy'")

    @property
    def error(self) -> float:
        """ε = acos(R)/π on inputs that were not selected."""
        return math.atan2(1.0, self._slope) / math.pi

    @property
    def overlap(self) -> float:
        """R, the cosine of student and teacher."""
        return self._slope / math.hypot(1.0, self._slope)

    @property
    def stability(self) -> float:
        """κ, the margin of the student on what is kept."""
        return self._gap(self._slope) / math.hypot(1.0, self._slope)

    @property
    def limit(self) -> float:
        """Zero: ε → 0 as α → ∞, as f/α."""
        return 0.0

    @property
    def exponent(self) -> float:
        """1, of ε ∝ α^−1 at fixed f."""
        return 1.0

    @cached_property
    def margins(self) -> tuple[float, float]:
        """The range of |T·x| that is kept."""
        from scipy.special import ndtri

        if self.which == "hard":
            return 0.0, float(-ndtri((1 - self.keep) / 2)) if self.keep < 1 else math.inf
        return float(-ndtri(self.keep / 2)), math.inf

    @cached_property
    def _slope(self) -> float:
        """g = R/√(1−R²) at the largest stability: its best on a grid, then the root beside it."""
        from scipy.optimize import brentq

        # g is about α/f at the end of the curve
        log_g = np.linspace(-12, 8 + math.log(max(self.alpha, 1) / self.keep), GRID)
        κ = [self._gap(g, precision=1e-10) / math.hypot(1.0, g) for g in np.exp(log_g)]
        best = int(np.argmax(κ))
        low, high = log_g[max(best - 1, 0)], log_g[min(best + 1, len(log_g) - 1)]
        return math.exp(brentq(lambda log: self._tilt(math.exp(log)), low, high, xtol=1e-13))

    def _tilt(self, g: float) -> float:
        """dκ/dg up to a positive factor."""
        c = self._gap(g)
        u, weight = self._kept(c, g)
        slope = weight * _slope_of_h(c - g * u)
        return float(u @ slope * (1 + g * g) - c * g * slope.sum()) / (1 + g)

    def _gap(self, g: float, precision: float = 1e-13) -> float:
        """c of α E_u h(c − g u) = 1."""
        from scipy.optimize import brentq

        def surplus(c: float) -> float:
            u, weight = self._kept(c, g)
            return math.log(max(self.alpha * float(weight @ _h(c - g * u)), 1e-300))

        low = g * self.margins[0] - DEEP
        high = max(low, 0.0) + 1
        while surplus(high) < 0:
            high += 1 + abs(high)
        return float(brentq(surplus, low, high, xtol=precision, rtol=precision))

    def _kept(self, c: float, g: float) -> tuple[np.ndarray, np.ndarray]:
        """Margins u [nodes] and their weights, where h(c − g u) is not 0."""
        low, high = self.margins
        last = min(high, low + DEEP, max((c + DEEP) / g, low + 1e-12 * (1 + low)))
        x, weight = panels(PANELS)
        u = low + (last - low) * x
        density = np.sqrt(2 / np.pi) * np.exp(-(u**2) / 2) / self.keep
        return u, (last - low) * weight * density


def _mills(z: np.ndarray) -> np.ndarray:
    """(1 − Φ(z))/φ(z)."""
    from scipy.special import erfcx

    return np.sqrt(np.pi / 2) * erfcx(z / np.sqrt(2))


def _h(z: np.ndarray) -> np.ndarray:
    """E(z − t)₊² = (z² + 1)Φ(z) + zφ(z)."""
    φ = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    far = φ * ((z**2 + 1) * _mills(np.abs(z)) - np.abs(z))  # h(−|z|)
    return np.where(z < 0, far, z**2 + 1 - far)


def _slope_of_h(z: np.ndarray) -> np.ndarray:
    """h′(z) = 2(zΦ(z) + φ(z))."""
    φ = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    far = 2 * φ * (1 - np.abs(z) * _mills(np.abs(z)))
    return np.where(z < 0, far, 2 * z + far)
