"""A quantity that a study may make a claim about, as a regime that answers it knows it.

    alpha      exponent α of L ∝ x^−α                                  exponent = "4/d"
    curve      mean loss over its exact risk, at every x               no formula
    peak       position of the largest loss on the axis of x           value = "p" or "n"
    dimension  share of 95 % intervals that hold the true d            value = 0.9

and `difference` of exponents in `selection.py`, beside its regime.

A regime has its own in `Regime.quantities`, the first of which a claim is about that names none. A
quantity of your own is one more `Quantity` there; nothing else has to know it.
What it does not do: answer. `answer` names who does, and is loaded when there is a store to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from lab import theory
from lab.data.user_data import AnyTask
from lab.grids import Setting
from lab.kinds.student import STUDENTS, StudentSpec
from lab.tables.prediction import Claim, ClaimTable

FORMULAS = ("exponent", "value")
"""The keys of [prediction] under which a formula may stand."""

Value = Callable[[Any, AnyTask, StudentSpec, Setting], float]
"""The value of a formula for a regime, one task and one student. Raises PredictionError."""


def anything(_: ClaimingStudy) -> Iterator[str]:
    """Every study of the regime can be asked."""
    return iter(())


def of_study(study: ClaimingStudy, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    """The value of a formula in the symbols of the study."""
    return theory.parse(formula).value(
        {**task.symbols(), **STUDENTS[student.kind].symbols(student)}
    )


@dataclass(frozen=True)
class Quantity:
    """A quantity that a study may claim.

    name: as in `quantity = "alpha"`. symbol: as claims are told. says: what it is.
    answer: who answers, "module:function" of (question, claim), which returns one
        `lab.findings.answer.Judgement` per setting.
    key: under which the formula stands; empty where it takes none, `default` is then what is told.
    default: the formula of a claim that has none; None where it must have one.
    senses, over: those that it takes, the default first. tolerance: the default; 0 if it has none.
    fitted: whether the values that were fitted answer it, without the runs they came from.
    signed: whether its value may be 0 or negative, and its tolerance is absolute.
    value: the value of its formula. takes: why a study cannot be asked for it, in sentences.
    """

    name: str
    symbol: str
    says: str
    answer: str
    key: str = "value"
    default: str | float | None = None
    senses: tuple[str, ...] = ("equal", "bound")
    over: tuple[str, ...] = ("range",)
    tolerance: float = 0.15
    rivals: bool = False
    fitted: bool = False
    signed: bool = False
    value: Value = of_study
    takes: Callable[[Any], Iterator[str]] = anything

    def claim(self, asked: ClaimTable) -> Claim:
        """The claim that is written, with what is left out filled in."""
        written = getattr(asked, self.key) if self.key else None
        formula = written if written is not None or not self.key else self.default
        text = str(self.default) if not self.key else theory.parse(formula or 0).text
        return Claim(
            self.name, self.symbol, self.key, formula, text, asked.sense or self.senses[0],
            self.tolerance if asked.tolerance is None else asked.tolerance, asked.rivals,
            asked.over or self.over[0], len(self.over) > 1, tuple(asked.where.items()),
            asked.omega, asked.delta, asked.size, self.signed,
        )  # fmt: skip

    def mistakes(self, asked: ClaimTable) -> Iterator[str]:
        """Mistakes in a claim about it, as `key: sentence`."""
        own = f"'{self.key}'" if self.key else "no formula"
        for key in FORMULAS:
            if key != self.key and getattr(asked, key) is not None:
                yield f"{key}: unknown key '{key}' here; a claim about {self.name} has {own}"
        if self.key and self.default is None and getattr(asked, self.key) is None:
            yield f"{self.key}: is missing, and a claim about {self.name} needs it"
        if asked.sense is not None and asked.sense not in self.senses:
            senses = " or ".join(f'"{sense}"' for sense in self.senses)
            yield f"sense: {self.name} is not claimed as '{asked.sense}'; take {senses}"
        if asked.over is not None and asked.over not in self.over:
            over = " or ".join(f'"{over}"' for over in self.over)
            yield f"over: {self.name} is not claimed over the {asked.over}; take {over}"
        if asked.tolerance is not None and not self.tolerance:
            yield f"tolerance: a claim about {self.name} has none; leave it out"
        for key in ("omega", "delta", "size"):
            if getattr(asked, key) is not None and not self.fitted:
                yield f"{key}: a claim about {self.name} has none; leave it out"
        if asked.where and self.fitted:
            yield f"where: a claim about {self.name} is about every setting; take panels"
        if asked.rivals and not self.rivals:
            yield f"rivals: a claim about {self.name} has none; leave them out"


if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface
    from lab.regimes.axes import Axis
    from lab.spec import Run

    class ClaimingStudy(StudyInterface, Protocol):
        """A study (`lab.regimes.regime.Regime`) as its checks and its quantities know it."""

        accepts_finite_data: ClassVar[bool]
        quantities: ClassVar[tuple[Quantity, ...]]

        @property
        def predictions(self) -> tuple[ClaimTable, ...]: ...
        @property
        def repetitions(self) -> int: ...
        @property
        def axis(self) -> Axis: ...
        @property
        def has_size_counts(self) -> bool: ...
        def quantity(self, of: ClaimTable | Claim) -> Quantity: ...
        def setting(self, run: Run) -> tuple[Any, ...]: ...
        def predicted(
            self,
            task: AnyTask,
            student: StudentSpec | None = None,
            formula: str | float | None = None,
        ) -> float: ...


def _exponent(study: ClaimingStudy, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    return study.predicted(task, student, formula)


def known_risk(study: ClaimingStudy) -> Iterator[str]:
    if not STUDENTS[study.student.kind].risk:
        known = ", ".join(kind for kind, table in STUDENTS.items() if table.risk)
        yield (
            f"the exact risk of {study.student.kind} students is unknown; take {known}, or claim "
            "something else"
        )


def _position(study: ClaimingStudy, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    """p: parameters of the student, where D is scanned; n: training samples, where it is not."""
    if study.scans_model_size:
        known = {"n": float(study.sizes[0])} if study.sizes[0] else {}
    else:
        known = {"p": float(student.parameters(task.D_amb, task.outputs))}
    own = {name: value for name, value in task.symbols().items() if name != "p"}
    return theory.parse(formula).value({**own, **STUDENTS[student.kind].symbols(student), **known})


def _share(study: ClaimingStudy, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    share = theory.parse(formula).value({})
    if not 0 < share < 1:
        raise theory.PredictionError(
            f"{share:g} is no share of intervals; give one above 0 and less than 1"
        )
    return share


ALPHA = Quantity(
    "alpha", "α", "the exponent of L ∝ x^−α", "lab.findings.exponents:claimed", key="exponent",
    default="4/d", senses=("bound", "equal"), over=("limit", "range"), rivals=True,
    fitted=True, value=_exponent,
)  # fmt: skip
CURVE = Quantity(
    "curve", "mean loss", "the mean loss at every x, beside its exact risk",
    "lab.findings.curves:curve", key="", default="theory's at every x", senses=("equal",),
    tolerance=0.05, takes=known_risk,
)  # fmt: skip
PEAK = Quantity(
    "peak", "position of the peak", "where on the axis of x the loss is largest",
    "lab.findings.curves:peak", senses=("equal",), tolerance=0.1, value=_position,
)  # fmt: skip
DIMENSION = Quantity(
    "dimension", "coverage", "the share of 95 % intervals that hold the true d",
    "lab.findings.coverage:claimed", default=0.9, senses=("covers",), tolerance=0.0, value=_share,
)  # fmt: skip
