"""The plane of two coordinates x and y: which of them limits the loss, and by what joint law.

    share of y    s = ε_y/(ε_x + ε_y),  ε_x = −∂ log L/∂ log x,  ε_y = −∂ log L/∂ log y

Where s is near 0 more of y changes nothing and the loss is L(x, ∞), limited by x; near 1 it is
L(∞, y). The slopes are differences on the grid, so no law is assumed. The joint laws are fitted to
finite y only; L(x, ∞), which was measured too, then says how far each can be trusted beyond its
data. Neighbouring cells share teachers and starts: intervals are over teachers.

What x and y are is said by the regime: parameters and samples of a phase map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from lab.scaling.laws.fit import LAWS, LawFit, fit_law
from lab.scaling.scans.lines import teacher_t

JOINT_LAWS = tuple(name for name, law in LAWS.items() if law.variables == ("x", "y"))
ENDLESS = 1e30
"""What stands for infinity where a law is asked for its limits."""
LIMITED = 2 / 3
"""A cell is limited by y where s is above this, by x where 1 − s is."""


@dataclass(frozen=True)
class Joint:
    """A joint law over all teachers.

    fit: of the geometric mean over teachers. alpha, beta: mean over teachers of the exponents of x
    and y, each with its 95 % interval (Student's t over teachers). residual: root mean square of
    log L left by the fits. ahead: that of log L(x, ∞), which they have not seen.
    """

    law: str
    fit: LawFit
    alpha: float
    alpha_interval: tuple[float, float]
    beta: float
    beta_interval: tuple[float, float]
    residual: float
    ahead: float


@dataclass(frozen=True)
class Plane:
    """Losses on a grid, all positive; `fresh` is L(x, ∞). names: of the coordinates."""

    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    loss: Float[np.ndarray, "teachers columns rows"]
    fresh: Float[np.ndarray, "teachers columns"]
    names: tuple[str, str] = ("x", "y")

    @cached_property
    def mean(self) -> Float[np.ndarray, "columns rows"]:
        """Geometric mean over teachers."""
        return np.exp(np.log(self.loss).mean(0))

    @cached_property
    def mean_fresh(self) -> Float[np.ndarray, " columns"]:
        """Geometric mean over teachers of L(x, ∞)."""
        return np.exp(np.log(self.fresh).mean(0))

    @cached_property
    def share(self) -> Float[np.ndarray, "columns rows"]:
        """s; slopes of the wrong sign, which only noise gives, count as none."""
        by_x, by_y = np.gradient(-np.log(self.mean), np.log(self.x), np.log(self.y))
        by_x, by_y = np.maximum(by_x, 0.0), np.maximum(by_y, 0.0)
        return by_y / np.maximum(by_x + by_y, np.finfo(float).tiny)

    def joint(self, laws: Sequence[str] = JOINT_LAWS) -> tuple[Joint, ...]:
        """The laws that can be fitted, the one that is least wrong about L(x, ∞) first."""
        found = [self._joint(law) for law in laws]
        return tuple(sorted((j for j in found if j is not None), key=lambda j: j.ahead))

    def _joint(self, law: str) -> Joint | None:
        grid = np.meshgrid(self.x, self.y, indexing="ij")
        z = np.stack([v.ravel() for v in grid])
        fits = [fit_law(law, z, loss.ravel(), names=self.names) for loss in (self.mean, *self.loss)]
        if not all(fit.parameters for fit in fits):
            return None
        exponents = [LAWS[law].exponents(fit.parameters) for fit in fits[1:]]
        ahead = [
            np.log(fit.predict(self.x, np.full_like(self.x, ENDLESS)) / fresh)
            for fit, fresh in zip(fits[1:], self.fresh, strict=True)
        ]
        alpha, beta = (np.array([[e[name] for e in exponents]]) for name in LAWS[law].variables)
        return Joint(
            law, fits[0], float(alpha.mean()), _interval(alpha), float(beta.mean()),
            _interval(beta), float(np.sqrt(np.mean([f.residual**2 for f in fits[1:]]))),
            float(np.sqrt(np.mean(np.square(ahead)))),
        )  # fmt: skip


def _interval(exponents: Float[np.ndarray, "1 teachers"]) -> tuple[float, float]:
    lower, upper = teacher_t(exponents)
    return float(lower[0]), float(upper[0])
