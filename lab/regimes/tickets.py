"""The regime `tickets`: subnetworks that are trained again from their first weights, by size.

A network of one hidden layer is trained; a share of its units is kept, set back to their first
weights, and trained again for as many steps (Frankle & Carbin, arXiv 1803.03635, by units). x is
the size N of what is kept, `student.widths`; a setting is the rule that keeps units, `student.rule`
(`lab.students.tickets`): by magnitude, by match with teacher units, at random, and dense networks
of the same N that were drawn at that size. Losses are of unlimited fresh data.

    alpha       the exponent of L ∝ N^−α under each rule
    keeps       α(rule) − α(dense), teacher by teacher: whether a ticket keeps the exponent
    advantage   L(random)/L(rule) at equal N, a geometric mean over sizes, teacher by teacher

What it does not do: mask single weights, rewind to a later step, prune a little at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from lab import theory
from lab.data.user_data import AnyTask
from lab.grids import Setting
from lab.kinds.student import StudentSpec
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES
from lab.regimes.resolution import ResolutionWidth
from lab.students.tickets import Ticket
from lab.tables.prediction import ClaimTable, ClaimTables

FRACTIONS = 5
"""Sizes of subnetworks that a study has at least."""


def _difference(study: Any, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    return theory.parse(formula).value({**task.symbols()})


KEEPS = Quantity(
    "keeps", "Δα", "α(rule) − α(dense), teacher by teacher", "lab.findings.tickets:keeps",
    default=0.0, senses=("equal", "bound"), tolerance=0.15, value=_difference, signed=True,
)  # fmt: skip
ADVANTAGE = Quantity(
    "advantage", "random over ticket",
    "the loss of a random subnetwork over that of the rule at equal N, teacher by teacher",
    "lab.findings.tickets:advantage", default=1.0, senses=("bound",), tolerance=0.0,
)  # fmt: skip


@REGIMES.add
class Tickets(ResolutionWidth):
    """Loss against the size of subnetworks, under several rules that keep units."""

    regime: Literal["tickets"] = "tickets"  # type: ignore[assignment]
    predictions: ClaimTables = (
        ClaimTable(quantity="advantage"),
        ClaimTable(quantity="keeps"),
    )

    accepts_finite_data: ClassVar[bool] = False
    quantities: ClassVar[tuple[Quantity, ...]] = (
        *ResolutionWidth.quantities, KEEPS, ADVANTAGE,
    )  # fmt: skip
    findings: ClassVar[tuple[str, ...]] = tuple(
        "tickets" if kind == "contrasts" else kind for kind in ResolutionWidth.findings
    )

    def mistakes(self) -> Iterator[str]:
        student = self.student
        if not isinstance(student, Ticket):
            yield (
                "student.kind: subnetworks are those of a ticket; take kind = \"ticket\" with of = "
                "64 and rule = [\"magnitude\", \"random\", \"dense\"]"
            )
            return
        yield from super().mistakes()
        if "random" not in student.rule or "dense" not in student.rule or len(student.rule) < 3:
            yield (
                "student.rule: tickets are compared with random subnetworks and dense networks; "
                "give rule = [\"magnitude\", \"random\", \"dense\"]"
            )
        if len(student.widths) < FRACTIONS:
            yield (
                f"student.widths: {len(student.widths)} sizes; give {FRACTIONS} or more fractions "
                f"of {student.of} units"
            )
        if self.task.count < 2:
            yield f"{self.task.counted}: differences are paired over teachers; take at least 2"
        task: Any = self.task
        if "match" in student.rule and (
            task.teacher_kind not in ("network", "committee")
            or task.embedding.kind != "identity"
            or not all(one.teacher_widths for one in task.specs(1))
        ):
            yield (
                "student.rule: \"match\" keeps units that are near those of a teacher; take a "
                "network with widths and no embedding, or leave it out"
            )
