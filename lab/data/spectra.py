"""The spectral task: Gaussian inputs of decaying variance, and a linear target of decaying power.

    x ~ N(0, diag λ_i),   λ_i = i^−b          f(x) = Σ w_i x_i,   v_i² = w_i² λ_i ∝ i^−a

for i = 1…S. A linear student on x is kernel regression with eigenvalues λ_i on a target of power
v_i²: the solvable model behind the exponents min(a−1, 2b) in samples and in features (Simon et
al., arXiv 2110.03922; Bordelon, Atanasov & Pehlevan, arXiv 2402.01092). With a = b = 1 + α_K the
weights are isotropic, and it is the random-feature model of Bahri et al. (arXiv 2102.06701).

The power laws hold for n, P ≪ S: the sum ends at S, which bends a curve of exponent α by
(n/S)^α. Powers are normalised, so that f has unit variance. Without `modes` there are infinitely
many, for students that know their losses without points.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from lab.data.manifolds import MANIFOLDS, Factors, Manifold
from lab.grids import Floats, PositiveInt, Positives


@MANIFOLDS.add
class Spectral(Manifold):
    """Gaussian in `modes` dimensions. `alpha` = α_K stands for a = b = 1 + α_K, isotropic weights;
    a = b = 0 is isotropic in the inputs too."""

    kind: Literal["spectral"] = "spectral"
    a: Floats | None = None
    b: Floats | None = None
    alpha: Positives | None = None
    modes: PositiveInt | None = None

    teacher: ClassVar[str | None] = "spectral"

    def wrong(self) -> Iterator[str]:
        given = {name for name in ("a", "b", "alpha") if getattr(self, name) is not None}
        if given not in ({"a", "b"}, {"alpha"}):
            yield (
                "a spectral task takes 'a', 'b' and 'modes', or 'alpha' and 'modes', and no 'dim'"
            )

    def factors_of(self) -> Iterator[Factors]:
        yield ((self.kind, self.modes or 0),)

    def decays(self) -> tuple[tuple[float, float] | None, ...]:
        if self.alpha:
            return tuple((1 + alpha, 1 + alpha) for alpha in self.alpha)
        return tuple(itertools.product(self.a or (), self.b or ()))

    @staticmethod
    def chart(d: int) -> int:
        """One coordinate per mode."""
        return d


@dataclass(frozen=True)
class Spectrum:
    """The task for one pair of decays.

    Attributes:
        a: decay of the target's power, v_i² ∝ i^−a.
        b: decay of the inputs' variance, λ_i = i^−b.
        modes: S, the number of dimensions of x.
    """

    a: float
    b: float
    modes: int

    @property
    def eigenvalues(self) -> Float[np.ndarray, " modes"]:
        """λ_i."""
        return np.arange(1.0, self.modes + 1) ** -self.b

    @property
    def power(self) -> Float[np.ndarray, " modes"]:
        """v_i², summing to 1."""
        power = np.arange(1.0, self.modes + 1) ** -self.a
        return power / power.sum()

    def points(self, n: int, *, rng: np.random.Generator) -> Float[np.ndarray, "n modes"]:
        """n draws of x; a longer draw from the same state begins with the shorter one."""
        x = rng.standard_normal((n, self.modes))
        x *= np.sqrt(self.eigenvalues)
        return x

    def teacher(self, *, rng: np.random.Generator) -> Float[np.ndarray, "modes 1"]:
        """w with random signs: |w_i| = (v_i²/λ_i)^½ exactly, so that the power has no scatter."""
        signs = rng.choice([-1.0, 1.0], size=self.modes)
        return (signs * np.sqrt(self.power / self.eigenvalues))[:, None]

    def risk(
        self, weights: Float[np.ndarray, "modes 1"], teacher: Float[np.ndarray, "modes 1"]
    ) -> float:
        """Exact population risk Σ λ_i (ŵ_i − w_i)² of a linear student, no test set needed."""
        return float(np.sum(self.eigenvalues[:, None] * (weights - teacher) ** 2))
