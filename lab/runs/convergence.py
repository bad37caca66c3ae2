"""What more training would change: the evidence of convergence of one scan.

Some teachers' scans are trained again with other budgets, ½ and 2 times the steps. With δ the log
change of a loss per doubling of the budget, from ½ to 1 (δ₁) and from 1 to 2 (δ₂), what unlimited
training would change is the geometric series

    δ₂ + r δ₂ + r² δ₂ + … = δ₂/(1 − r),        r = δ₂/δ₁ at the largest x, kept in [¼, ¾],

as for an excess that falls like a power of the budget between 1/B² and B^−0.4; r = ½ where ½ to 1
shows no fall. The same for α, whose change per doubling is minus the slope of δ₂ in log x. Its
standard error is that of the regression, with an amplitude per teacher, and half of the correction
itself, for r is not known better. Both enter α and its interval (`exponent.Correction`).

Beside it, one teacher's scan at other rates and from other first weights: `Variation`.

What it does not do: judge; see `lab.scaling.exponent` and `doubts`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lab.scaling.exponent import Correction

RATIO = (0.25, 0.75)
"""What r may be."""


@dataclass(frozen=True)
class Change:
    """Log change of the loss, run by run, per doubling: `x`, `teacher`, `change` of the pairs."""

    x: Float[np.ndarray, " pairs"]
    teacher: Int[np.ndarray, " pairs"]
    change: Float[np.ndarray, " pairs"]

    @property
    def late(self) -> float:
        """Mean at the largest x."""
        return float(self.change[self.x == self.x.max()].mean())

    @property
    def slope(self) -> tuple[float, float]:
        """Change of α, minus the slope in log x, and its standard error; NaN for too few pairs."""
        names, of = np.unique(self.teacher, return_inverse=True)
        u = np.log(self.x)
        share = np.eye(names.size)[of]
        mean = share @ ((share.T @ np.stack([u, self.change], 1)) / share.sum(0)[:, None])
        du, dy = u - mean[:, 0], self.change - mean[:, 1]
        dof = u.size - names.size - 1
        if dof < 1 or np.unique(self.x).size < 3:
            return math.nan, math.nan
        b = du @ dy / (du @ du)
        rest = dy - b * du
        return float(-b), math.sqrt(rest @ rest / dof / (du @ du))


@dataclass(frozen=True)
class Convergence:
    """Changes by budget (factor → pairs, per doubling) and what they add up to."""

    by_budget: Mapping[float, Change]
    correction: Correction

    @property
    def largest(self) -> tuple[float, Change]:
        """The largest budget and what it changed."""
        factor = max(self.by_budget)
        return factor, self.by_budget[factor]


@dataclass(frozen=True)
class Variation:
    """The change of α of one teacher at `factor` × the `kind` (rate or weights)."""

    kind: str
    factor: float
    teacher: int
    alpha: float
    error: float

    def matters(self, alpha: float, tolerance: float) -> bool:
        """Whether α changes by more than half of the tolerance, beyond its error."""
        return abs(self.alpha) > max(tolerance / 2 * abs(alpha), 2 * self.error)


Cell = tuple[float, int, float, float]
"""x, teacher, loss of a run of the scan, and its loss when it was trained otherwise."""


def convergence(pairs: Mapping[float, Iterable[Cell]]) -> Convergence | None:
    """The evidence from pairs by budget; None unless a budget above 1 has three x and more."""
    changes = {}
    for factor, cells in pairs.items():
        x, teacher, base, other = (np.array(v) for v in zip(*cells, strict=True))
        doublings = math.log2(factor)
        changes[factor] = Change(x.astype(float), teacher, np.log(other / base) / doublings)
    more = [f for f in changes if f > 1 and math.isfinite(changes[f].slope[1])]
    if not more:
        return None
    after = changes[max(more)]
    fewer = [f for f in changes if f < 1]
    r = 0.5
    if fewer and changes[max(fewer)].late < 0:
        r = float(np.clip(after.late / changes[max(fewer)].late, *RATIO))
    alpha, error = (value / (1 - r) for value in after.slope)
    late = after.late / (1 - r)
    return Convergence(changes, Correction(alpha, math.hypot(error, alpha / 2), late))


def variations(pairs: Mapping[tuple[str, float], Iterable[Cell]]) -> tuple[Variation, ...]:
    """The changes of α from pairs by kind and factor."""
    found = []
    for (kind, factor), cells in pairs.items():
        x, teacher, base, other = (np.array(v) for v in zip(*cells, strict=True))
        alpha, error = Change(x.astype(float), teacher, np.log(other / base)).slope
        if math.isfinite(error):
            found.append(Variation(kind, factor, int(teacher[0]), alpha, error))
    return tuple(found)


