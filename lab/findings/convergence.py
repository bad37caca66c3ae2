"""What more training would change: the evidence of convergence of one scan.

Some teachers' scans are trained again with other budgets, ½ and 2 times the steps. With δ₁ and δ₂
the log changes of a loss per doubling of the budget, from ½ to 1 and from 1 to 2, what unlimited
training would change is a geometric series that either of them gives,

    δ₂ + r δ₂ + r² δ₂ + … = δ₂/(1 − r)  =  δ₁ r/(1 − r),

and which is the mean of both, weighted by their errors. r is ½, or δ₂/δ₁ at the largest x where δ₁
is more than noise, kept in [¼, ¾]: an excess that falls like a power of the budget between 1/B² and
B^−0.4. The same for α, whose change per doubling is minus the slope of δ in log x. Its standard
error is that of the regressions, with an amplitude per teacher, and half of the correction itself,
for r is not known better. α is moved by the correction, and its interval holds both readings, as
trained and as extrapolated, with that error (`Correction`).

Beside it, one teacher's scan by slower descent, at other rates and from other first weights:
`Variation`.

What it does not do: judge; see `lab.scaling.judge`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lab.scaling.judge.doubts import Doubt
from lab.scaling.scans.estimate import Correction

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
    def clear(self) -> bool:
        """Whether the losses at the largest x fall by more than twice the standard error."""
        last = self.change[self.x == self.x.max()]
        return last.size > 1 and bool(self.late < -2 * last.std(ddof=1) / math.sqrt(last.size))

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
    """The change of α of one teacher at `factor` × the `kind`: rate, weights, or slower descent."""

    kind: str
    factor: float
    teacher: int
    alpha: float
    error: float

    def matters(self, alpha: float, tolerance: float) -> bool:
        """Whether α changes by more than half of the tolerance, beyond its error."""
        return abs(self.alpha) > max(tolerance / 2 * abs(alpha), 2 * self.error)

    @property
    def doubt(self) -> Doubt:
        """What a change that matters means; slower descent is more training, with a direction."""
        if self.kind != "slower":
            return Doubt.RATE_SENSITIVE
        return Doubt.UNDER_TRAINED if self.alpha > 0 else Doubt.BUDGET_FLATTENS


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
    fewer = [f for f in changes if f < 1 and math.isfinite(changes[f].slope[1])]
    before = changes[max(fewer)] if fewer else None
    r = 0.5
    if before and before.clear:
        r = float(np.clip(after.late / before.late, *RATIO))
    series = [(after, 1 / (1 - r))] + ([(before, r / (1 - r))] if before else [])
    alphas = np.array([scale * change.slope[0] for change, scale in series])
    errors = np.array([scale * change.slope[1] for change, scale in series])
    weight = 1 / np.maximum(errors, 1e-9) ** 2
    alpha = float(weight @ alphas / weight.sum())
    late = float(weight @ [scale * change.late for change, scale in series] / weight.sum())
    error = math.hypot(1 / math.sqrt(weight.sum()), alpha / 2)
    return Convergence(changes, Correction(alpha, error, late))


def variations(pairs: Mapping[tuple[str, float], Iterable[Cell]]) -> tuple[Variation, ...]:
    """The changes of α from pairs by kind and factor."""
    found = []
    for (kind, factor), cells in pairs.items():
        x, teacher, base, other = (np.array(v) for v in zip(*cells, strict=True))
        alpha, error = Change(x.astype(float), teacher, np.log(other / base)).slope
        if math.isfinite(error):
            found.append(Variation(kind, factor, int(teacher[0]), alpha, error))
    return tuple(found)
