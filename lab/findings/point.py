"""A point: the exponent of one setting, what stands behind it and what it means.

Object: α of L(x) ∝ x^−α over the scan of one setting, judged against the prediction that was
written beforehand, with the evidence that the students had converged and the state of the runs.
What it does not do: estimate (`lab.scaling.scans.exponent`), or gather from the store
(`exponents.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.findings.convergence import Convergence, Variation
from lab.findings.setting import Setting
from lab.scaling import Exponent
from lab.tables.prediction import Claim


@dataclass(frozen=True)
class Rival:
    """Another exponent written beforehand, taken as an equality. survives: None if undecidable."""

    formula: str
    value: float
    survives: bool | None


@dataclass(frozen=True)
class Fitted:
    """What was fitted.

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
        """How many teachers have a value."""
        return len({teacher for _, _, teacher, _ in self.rows})


@dataclass(frozen=True)
class Runs:
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
class Evidence:
    """Whether the design bears the exponent: what other budgets, slower descent, other rates
    and first weights change, and what is known of the premises of the prediction, as sentences."""

    convergence: Convergence | None = None
    variations: tuple[Variation, ...] = ()
    premises: tuple[str, ...] = ()


@dataclass(frozen=True)
class Point:
    """The exponent of one setting: what was predicted, what was measured, what it means.

    prediction, verdict: NaN and None where nothing is claimed of α. exponent: None where nothing
    could be fitted. advice: what would decide an undecided point.
    likely: the prediction at the ends of the interval of a measured d, the smaller first.
    """

    setting: Setting
    prediction: float
    exponent: Exponent | None
    verdict: str | None
    doubts: tuple[str, ...]
    advice: str
    rivals: tuple[Rival, ...] = ()
    fitted: Fitted = Fitted()
    runs: Runs = Runs()
    evidence: Evidence = Evidence()
    likely: tuple[float, ...] = ()
    claim: Claim | None = None

    @property
    def dim(self) -> int | float:
        """The intrinsic dimension d."""
        return self.setting.dim

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.setting.label

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
        """What fits.json has besides: the fit, the changes by budget, and the variations."""
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
