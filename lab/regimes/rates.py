"""The regime `rate-class`: how the error of a learner falls with its number n of labels.

Errors of classification without noise fall exponentially, as 1/n, as log(n)/n, or slower: see
`lab.scaling.rates`, which tells them apart. x is n, `data.sizes`; every run has points of its
own, `data.draws` of each n. The learners are `realisable` students on [0, 1], whose exact means
and classes are known; a claim is about the class, or about the exponent α of a power.

Nothing is trained, and nothing is extrapolated: a class is that of the n that were measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from lab.data.task import Draws
from lab.data.user_data import AnyTask
from lab.grids import Setting
from lab.kinds.student import StudentSpec
from lab.regimes import axes
from lab.regimes.axes import Axis
from lab.regimes.quantity import CURVE, Quantity
from lab.regimes.regime import REGIMES, Regime
from lab.students.rates import Realisable
from lab.tables.prediction import ClaimTable, ClaimTables

FEWEST_N = 5
FEWEST_DRAWS = 20


def _known_exponent(study: Any, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    """s: the decay of the masses."""
    from lab import theory

    decay = float(dict(student.settings).get("decay", 1.0))
    return theory.parse(formula).value({"s": decay})


RATE = Quantity(
    "rate-class", "class of the rate", "exponential, linear, log n/n or slow",
    "lab.findings.rates:claimed", key="", default="theory's", senses=("equal",), tolerance=0.0,
)  # fmt: skip
SLOWNESS = Quantity(
    "alpha-n", "α", "the exponent of E ∝ n^−α", "lab.findings.rates:exponent", senses=("equal",),
    tolerance=0.1, value=_known_exponent,
)  # fmt: skip


@REGIMES.add
class RateClasses(Regime):
    """Errors of learners against their number of labels."""

    regime: Literal["rate-class"] = "rate-class"
    data: Draws
    predictions: ClaimTables = (ClaimTable(quantity="rate-class"),)

    learner: ClassVar[str] = "rate"
    resamples_data: ClassVar[bool] = True
    findings: ClassVar[tuple[str, ...]] = ("rates", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (RATE, SLOWNESS, CURVE)

    @property
    def axis(self) -> Axis:
        return axes.POINTS

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return self.data.sizes

    @property
    def repetitions(self) -> int:
        return self.data.draws

    def tasks(self, teachers: int) -> Iterator[AnyTask]:
        """The learners bring their targets: one task."""
        return self.task.specs(1)

    def mistakes(self) -> Iterator[str]:
        if not isinstance(self.student, Realisable):
            yield (
                "student.kind: classes of rates are of learners without label noise; take kind = "
                "\"realisable\""
            )
            return
        yield from super().mistakes()
        if self.task.name != "cube" or self.task.dims != (1,):
            yield (
                "task.manifold: realisable students learn labels on an interval; take manifold = "
                "{ kind = \"cube\", dim = 1 }"
            )
        if len(self.data.sizes) < FEWEST_N:
            yield f"data.sizes: {len(self.data.sizes)} n show no class; give {FEWEST_N} or more"
        if self.data.draws < FEWEST_DRAWS:
            yield (
                f"data.draws: {self.data.draws} errors of each n are no mean; give {FEWEST_DRAWS} "
                "or more, better 400"
            )
        if min(self.data.sizes) < 2:
            yield "data.sizes: laws of n begin at 2; leave 1 out"
