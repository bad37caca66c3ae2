"""The exponent of one setting, and the evidence that its students had converged.

Object: α of L(x) ∝ x^−α over the scan of one setting, judged against the prediction that was
written beforehand, with the state of the runs and the evidence of convergence.

**Convergence.** Some teachers' scans are trained again with other budgets, ½ and 2 times the steps.
With δ₁ and δ₂ the log changes of a loss per doubling of the budget, from ½ to 1 and from 1 to 2,
what unlimited training would change is a geometric series that either of them gives,

    δ₂ + r δ₂ + r² δ₂ + … = δ₂/(1 − r)  =  δ₁ r/(1 − r),

and which is the mean of both, weighted by their errors. r is ½, or δ₂/δ₁ at the largest x where δ₁
is more than noise, kept in [¼, ¾]: an excess that falls like a power of the budget between 1/B² and
B^−0.4. The same for α, whose change per doubling is minus the slope of δ in log x. Its standard
error is that of the regressions, with an amplitude per teacher, and half of the correction itself,
for r is not known better. α is moved by the correction, and its interval holds both readings, as
trained and as extrapolated, with that error (`Correction`). Beside it, one teacher's scan by slower
descent, at other rates and from other first weights: `Variation`.

What it does not do: estimate (`lab.scaling.scans.exponent`), judge (`lab.scaling.judge`), or gather
from the store (`exponents.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lab.findings.study_results import Finding, Setting
from lab.scaling.judge.exponent import Exponent
from lab.scaling.judge.verdict import Doubt
from lab.scaling.scans.estimate import Correction
from lab.tables.prediction import Claim

RATIO = (0.25, 0.75)
"""Range of r."""


@dataclass(frozen=True)
class BudgetChange:
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
        """True if the losses at the largest x fall by more than twice the standard error."""
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

    by_budget: Mapping[float, BudgetChange]
    correction: Correction

    @property
    def largest(self) -> tuple[float, BudgetChange]:
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
        """True if α changes by more than half of the tolerance, beyond its error."""
        return abs(self.alpha) > max(tolerance / 2 * abs(alpha), 2 * self.error)

    @property
    def doubt(self) -> Doubt:
        """The doubt of a change that matters; slower descent is more training, with a direction."""
        if self.kind != "slower":
            return Doubt.RATE_SENSITIVE
        return Doubt.UNDER_TRAINED if self.alpha > 0 else Doubt.BUDGET_FLATTENS


Retrained = tuple[float, int, float, float]
"""x, teacher, loss of a run of the scan, and its loss when it was trained otherwise."""


def convergence(pairs: Mapping[float, Iterable[Retrained]]) -> Convergence | None:
    """The evidence from pairs by budget; None unless a budget above 1 has three x and more."""
    changes = {}
    for factor, cells in pairs.items():
        x, teacher, base, other = (np.array(v) for v in zip(*cells, strict=True))
        doublings = math.log2(factor)
        changes[factor] = BudgetChange(x.astype(float), teacher, np.log(other / base) / doublings)
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


def variations(pairs: Mapping[tuple[str, float], Iterable[Retrained]]) -> tuple[Variation, ...]:
    """The changes of α from pairs by kind and factor."""
    found = []
    for (kind, factor), cells in pairs.items():
        x, teacher, base, other = (np.array(v) for v in zip(*cells, strict=True))
        alpha, error = BudgetChange(x.astype(float), teacher, np.log(other / base)).slope
        if math.isfinite(error):
            found.append(Variation(kind, factor, int(teacher[0]), alpha, error))
    return tuple(found)


@dataclass(frozen=True)
class Rival:
    """Another exponent written beforehand, taken as an equality. survives: None if undecidable."""

    formula: str
    value: float
    survives: bool | None


@dataclass(frozen=True)
class Fitted:
    """The values that were fitted.

    rows: (x, relative loss, teacher, seed) of the finished runs; where an excess over a limit is
        fitted, (x, mean excess, teacher, 0) where that is positive.
    unit: which of the two.
    order: of what power of x the parameters N are, 2 of the width of two layers and more.
    """

    rows: tuple[tuple[float, float, int, int], ...] = ()
    unit: str = "relative loss"
    order: int = 1

    @property
    def teachers(self) -> int:
        """Number of teachers with a value."""
        return len({teacher for _, _, teacher, _ in self.rows})


@dataclass(frozen=True)
class RunStates:
    """The state of the runs of the scan: planned = done + diverged + failed + missing.

    budget: the largest level that the budget of an x was raised to.
    conditioning: the largest condition number and jitter of the systems that exact students
        solved; None where none was.
    """

    planned: int = 0
    done: int = 0
    diverged: int = 0
    failed: int = 0
    missing: int = 0
    budget: float = 1.0
    conditioning: tuple[float, float] | None = None


@dataclass(frozen=True)
class ScanEvidence:
    """Evidence that the design bears the exponent: what other budgets, slower descent, other rates
    and first weights change, and what is known of the premises of the prediction, as sentences."""

    convergence: Convergence | None = None
    variations: tuple[Variation, ...] = ()
    premises: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExponentResult(Finding):
    """The exponent of one setting: what was predicted, what was measured, what it means.

    prediction, verdict: NaN and None where nothing is claimed of α. exponent: None where nothing
    could be fitted. advice: what would decide an undecided point.
    likely: the prediction at the ends of the interval of a measured d, the smaller first.
    """

    setting: Setting = field(kw_only=True)
    prediction: float
    exponent: Exponent | None
    advice: str
    rivals: tuple[Rival, ...] = ()
    fitted: Fitted = Fitted()
    runs: RunStates = RunStates()
    evidence: ScanEvidence = ScanEvidence()
    likely: tuple[float, ...] = ()
    claim: Claim | None = None

    @property
    def dim(self) -> int | float:
        """The intrinsic dimension d."""
        return self.setting.dim

    def plain(self) -> dict[str, Any]:
        """The exponent, its verdict and doubts, under the names that `lab fit --json` promises."""
        e, found = self.exponent, self.evidence.convergence
        values: dict[str, Any] = {
            "dim": self.dim, "alpha": e.alpha if e else None,
            "interval": e.interval if e else (None, None), "prediction": self.prediction,
            "verdict": self.verdict,
            "relation": e.relation if e else "open" if self.verdict else None,
            "doubts": list(self.doubts), "runs": self.runs.done, "teachers": self.fitted.teachers,
            "local": [
                {"x": at.x, "alpha": at.alpha, "interval": (at.lo, at.hi)}
                for at in (e.local if e else ())
            ],
            "forecast": {"error": None, "interval": (None, None)} if not (e and e.forecast) else
            {"error": e.forecast[0], "interval": e.forecast[1]},
            "convergence": _plain_convergence(found),
        }  # fmt: skip
        if e and e.by_size:  # told as exponents of N and of the hidden weights
            order = self.fitted.order
            values["alpha_by_size"] = {
                name: {"value": e.by_size[name][0] / order,
                       "interval": [end / order for end in e.by_size[name][1]]}
                for name in ("N", "hidden")
            }  # fmt: skip
        if self.likely:
            values["prediction_interval"] = self.likely
        if self.setting.pairs:
            values["setting"] = self.setting.varying
        if self.rivals:
            values["rivals"] = [
                {"exponent": r.formula, "value": r.value, "survives": r.survives}
                for r in self.rivals
            ]
        return values

    def details(self) -> dict[str, Any]:
        """More values for fits.json: the fit, the changes by budget, and the variations."""
        e, found = self.exponent, self.evidence.convergence
        if e is None:
            return {}
        values: dict[str, Any] = {"fit": {
            "law": e.law, "status": e.status, "parameters": e.parameters,
            "intervals": e.intervals,
            "x": e.x.tolist(), "cells": e.n, "teacher_alpha": e.teacher_alpha.tolist(),
            "tests": e.tests, "advice": e.advice,
        }}  # fmt: skip
        values |= _plain_shape(e)
        if found:
            by_budget = {
                f"{factor:g}": {"x": c.x.tolist(), "teacher": c.teacher.tolist(),
                                "log_change_per_doubling": c.change.tolist()}
                for factor, c in found.by_budget.items()
            }  # fmt: skip
            values["convergence"] = {**_plain_convergence(found), "by_budget": by_budget}
        if self.evidence.variations:
            values["variations"] = [vars(v) for v in self.evidence.variations]
        return values


def _plain_shape(e: Exponent) -> dict[str, Any]:
    """The shape of the curve, the readings and, given ω, the limit."""
    values: dict[str, Any] = {
        "shape": {"kind": str(e.shape), "change": e.shape.change, "interval": e.shape.interval,
                  "delta": e.shape.delta},
        "readings": [
            {"name": one.name, "alpha": one.alpha, "interval": one.interval,
             "asked": one.asked is not None}
            for one in e.readings
        ],
    }  # fmt: skip
    if e.limit:
        values["limit"] = {
            "alpha": e.limit.alpha, "statistical": e.limit.statistical,
            "systematic": e.limit.systematic, "interval": e.limit.interval,
            "omega": e.limit.omega, "text": str(e.limit),
        }  # fmt: skip
    return values


def _plain_convergence(found: Convergence | None) -> dict[str, Any]:
    if found is None:
        return {"loss": None, "alpha": None}
    c = found.correction
    return {"loss": c.late, "alpha": c.alpha, "error": c.error}
