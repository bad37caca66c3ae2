"""selection: the same students and teachers on training sets that are chosen by several rules.

Theory expects three answers. Targets that are equally rough everywhere keep their exponent, and
chosen points gain a constant (Krieg & Sonnleitner, arXiv 2109.04106, of optimal and random points).
Targets that are singular on a hyperplane are learned as if they were smooth, and boundaries of
classes lose one dimension, where students say which points they need: `lab.theory.selected`. All of
it is L ∝ D^−α with D the labels that were used; candidates that were only looked at do not count.

    alpha       the exponent under each rule; `resolution` is the prediction of its own
    difference  α(rule) − α(random), teacher by teacher

What it does not do: say what carries the exponent of one's own data, or mix rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from lab import theory
from lab.data.user_data import AnyTask
from lab.grids import Setting
from lab.kinds.student import StudentSpec
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES
from lab.regimes.resolution import OverData
from lab.tables.prediction import ClaimTable, ClaimTables


def _difference(study: Any, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    """The value of a formula, or the difference of the two exponents that are predicted."""
    if formula != theory.RESOLUTION:
        return theory.parse(formula).value({**task.symbols()})
    alone = replace(task, selection=None)
    chosen, random = (study.predicted(one, student, formula) for one in (task, alone))
    return float(chosen - random)


DIFFERENCE = Quantity(
    "difference", "Δα", "α(rule) − α(random), teacher by teacher",
    "lab.findings.selections:difference", default=theory.RESOLUTION, tolerance=0.15,
    value=_difference, signed=True,
)  # fmt: skip


@REGIMES.add
class Selection(OverData):
    """Loss against the number of labels, under several rules that choose them."""

    regime: Literal["selection"] = "selection"
    predictions: ClaimTables = (
        ClaimTable(exponent=theory.RESOLUTION, sense="equal"),
        ClaimTable(quantity="difference"),
    )

    quantities: ClassVar[tuple[Quantity, ...]] = (*OverData.quantities, DIFFERENCE)
    findings: ClassVar[tuple[str, ...]] = tuple(
        "selections" if kind == "contrasts" else kind for kind in OverData.findings
    )

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        if "random" not in self.data.selection or not self.data.chosen:
            yield (
                "data.selection: rules are compared with random points; give \"random\" and "
                "another one, as selection = [\"random\", \"farthest\"]"
            )
        if self.prediction is None:
            yield (
                "prediction: exponents are fitted, and their differences taken, where one is "
                "claimed; add a claim about alpha, as exponent = \"resolution\""
            )
        if self.task.count < 2:
            yield f"{self.task.counted}: differences are paired over teachers; take at least 2"
