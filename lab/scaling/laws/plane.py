"""The plane of parameters N and samples D: which of the two limits the loss, and by what joint law.

    share of the data    s = ε_D/(ε_N + ε_D),  ε_N = −∂ log L/∂ log N,  ε_D = −∂ log L/∂ log D

Where s is near 0 more data change nothing and the loss is L(N, ∞), limited by the width; near 1 it
is L(∞, D). The slopes are differences on the grid, so no law is assumed. The joint laws are fitted
to finite D only; L(N, ∞), which was measured too, then says how far each can be trusted beyond its
data. Neighbouring cells share teachers and starts: intervals are over teachers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from lab.scaling.laws.fit import LAWS, Fit, fit_law
from lab.scaling.scans.intervals import teacher_t

JOINT_LAWS = tuple(name for name, law in LAWS.items() if law.variables == ("N", "D"))
ENDLESS = 1e30
"""What stands for infinity where a law is asked for its limits."""
LIMITED = 2 / 3
"""A cell is limited by the data where s is above this, by the width where 1 − s is."""


@dataclass(frozen=True)
class Joint:
    """A joint law over all teachers.

    fit: of the geometric mean over teachers. alpha, beta: mean over teachers of the exponents of N
    and D, each with its 95 % interval (Student's t over teachers). residual: root mean square of
    log L left by the fits. ahead: that of log L(N, ∞), which they have not seen.
    """

    law: str
    fit: Fit
    alpha: float
    alpha_interval: tuple[float, float]
    beta: float
    beta_interval: tuple[float, float]
    residual: float
    ahead: float


@dataclass(frozen=True)
class Plane:
    """Losses on a grid, all positive; `fresh` is L(N, ∞)."""

    N: Float[np.ndarray, " widths"]
    D: Float[np.ndarray, " sizes"]
    loss: Float[np.ndarray, "teachers widths sizes"]
    fresh: Float[np.ndarray, "teachers widths"]

    @cached_property
    def mean(self) -> Float[np.ndarray, "widths sizes"]:
        """Geometric mean over teachers."""
        return np.exp(np.log(self.loss).mean(0))

    @cached_property
    def mean_fresh(self) -> Float[np.ndarray, " widths"]:
        """Geometric mean over teachers of L(N, ∞)."""
        return np.exp(np.log(self.fresh).mean(0))

    @cached_property
    def share(self) -> Float[np.ndarray, "widths sizes"]:
        """s; slopes of the wrong sign, which only noise gives, count as none."""
        by_N, by_D = np.gradient(-np.log(self.mean), np.log(self.N), np.log(self.D))
        by_N, by_D = np.maximum(by_N, 0.0), np.maximum(by_D, 0.0)
        return by_D / np.maximum(by_N + by_D, np.finfo(float).tiny)

    def joint(self, laws: Sequence[str] = JOINT_LAWS) -> tuple[Joint, ...]:
        """The laws that can be fitted, the one that is least wrong about L(N, ∞) first."""
        found = [self._joint(law) for law in laws]
        return tuple(sorted((j for j in found if j is not None), key=lambda j: j.ahead))

    def _joint(self, law: str) -> Joint | None:
        N, D = np.meshgrid(self.N, self.D, indexing="ij")
        x = np.stack([N.ravel(), D.ravel()])
        fits = [fit_law(law, x, loss.ravel()) for loss in (self.mean, *self.loss)]
        if not all(fit.parameters for fit in fits):
            return None
        exponents = [LAWS[law].exponents(fit.parameters) for fit in fits[1:]]
        ahead = [
            np.log(fit.predict(self.N, np.full_like(self.N, ENDLESS)) / fresh)
            for fit, fresh in zip(fits[1:], self.fresh, strict=True)
        ]
        alpha, beta = (np.array([[e[name] for e in exponents]]) for name in "ND")
        return Joint(
            law, fits[0], float(alpha.mean()), _interval(alpha), float(beta.mean()),
            _interval(beta), float(np.sqrt(np.mean([f.residual**2 for f in fits[1:]]))),
            float(np.sqrt(np.mean(np.square(ahead)))),
        )  # fmt: skip


def _interval(exponents: Float[np.ndarray, "1 teachers"]) -> tuple[float, float]:
    lower, upper = teacher_t(exponents)
    return float(lower[0]), float(upper[0])
