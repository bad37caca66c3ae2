"""A regime: the question that a study asks, as a table of the study file.

`Regime` is what all regimes have in common, and the contract of one: `axis` and `ordinate` are what
is plotted against what, `learner` is the way its students learn, `cells` is everything that has to
be trained with its x and setting, `reading` is what the estimator sees of the rows, `law` is what
theory allows to fit to it, `mistakes` is what its tables get wrong together, `scans` are the scans
that it is made of, `quantities` is what may be claimed of it, and `findings` are the kinds of
answer that it wants.

Adding a regime: a file with a subclass, under `@REGIMES.add`. Knows nothing of JAX, of paths or of
what a run costs.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PrivateAttr, field_serializer

from lab import theory
from lab.data.task import Task
from lab.data.user_data import AnyTask, ByData, UserData
from lab.grids import Line, Table, Whole, said
from lab.kinds import Kinds, OneOf, load
from lab.kinds.student import Reference, Student, StudentSpec
from lab.regimes import axes, cross_checks
from lab.regimes.axes import Axis, Cell, Key, Ordinate, Values
from lab.regimes.quantity import ALPHA, CURVE, PEAK, Quantity
from lab.spec import NO_TRAINING, MeasureSpec, Planned, Run, TrainingSpec
from lab.students import STUDENTS
from lab.tables.prediction import Claim, ClaimTable, ClaimTables


@dataclass(frozen=True)
class Origin:
    """Origin of a study: the file and the tables that it was read from, and what overrode them.

    It is no part of a study: studies that differ in nothing else are equal, and no run knows of it.
    The store keeps it (`lab.execution.registration`), so that two files of one name are told apart
    and a report names the overrides under which it was made.

    file: as it was named, None for tables. tables: sha256 of them, before the overrides, in hex;
    None for a study that was not read. overrides: such as "training.steps=2000". argv: the words
    after `lab` of the command that trains it, where one does.
    """

    file: str | None = field(default=None, compare=False)
    tables: str | None = field(default=None, compare=False)
    overrides: tuple[str, ...] = field(default=(), compare=False)
    argv: tuple[str, ...] = field(default=(), compare=False)

    def command(self, verb: str, *more: str) -> list[str]:
        """The words after `lab` of a command on the study, with its overrides."""
        sets = [word for one in self.overrides for word in ("--set", one)]
        return [verb, self.file or "STUDY", *sets, *more]


def origin_of(tables: Mapping[str, Any], overrides: Sequence[str], file: str | None) -> Origin:
    """The origin of a study of these tables, as they stood before the overrides."""
    text = json.dumps(tables, sort_keys=True, default=str)
    named = tuple(override.strip() for override in overrides)
    return Origin(file, hashlib.sha256(text.encode()).hexdigest(), named)


COUNTED = ("test", "best")
"""The observation that the loss of a row is."""
REGIMES = Kinds("", key="regime")
"""Every regime by its name."""

Rows = Sequence[tuple[Run, Any]]
"""Finished runs of one setting, as planned, and their rows (`lab.execution.store.Row`)."""


def saturates(task: AnyTask, student: StudentSpec) -> bool:
    """True if a student has as many parameters as its teacher: below that a wide teacher is a field
    of its smoothness, from there on students can copy it."""
    teacher = task.teacher_parameters
    return 0 < teacher <= student.parameters(task.D_amb, task.outputs)


class Regime(Table):
    """A study of one regime. The same class is the Python API: `lab.read` makes one from tables."""

    schema_: Annotated[int, Field(ge=1, le=1)] = Field(1, alias="schema")
    question: Line
    regime: str
    title: Annotated[Line, Field(description="what tells panels of one file apart")] = ""
    seed: Annotated[Whole, Field(ge=0, lt=2**31)] = 0
    task: Annotated[Task | UserData, ByData()]
    student: Annotated[Student, OneOf(STUDENTS)]
    predictions: ClaimTables = (ClaimTable(),)
    _origin: Origin = PrivateAttr(default=Origin())
    _level: float = PrivateAttr(default=0.95)

    learner: ClassVar[str] = ""
    """Solver of its students: a key of the `solvers` of their kind, or "module:NAME" of a
    `lab.students.solvers.Solver` of its own."""
    findings: ClassVar[tuple[str, ...]] = (
        "exponents", "calibrated", "lines", "contrasts", "expected", "records"
    )  # fmt: skip
    """The kinds of finding that it is asked for, in the order in which they are told."""
    quantities: ClassVar[tuple[Quantity, ...]] = (ALPHA, CURVE, PEAK)
    """Quantities that it can answer; a claim is about the first unless it names another."""
    scans_model_size: ClassVar[bool] = False
    """True if x is a size of the student, and not of the training set."""
    averages_repeats: ClassVar[bool] = False
    """True if a value that is fitted is a mean over repetitions."""
    accepts_finite_data: ClassVar[bool] = False
    """True if it makes do with a limited number of data, so that a user may bring them."""
    omega: ClassVar[float | None] = None
    """ω of the correction 1 + B x^−ω that theory knows of this regime's curve, for the limit of
    its exponent; None where theory knows none."""
    resamples_data: ClassVar[bool] = False
    """True if the model is fixed and its training sets are drawn anew."""
    counts: ClassVar[tuple[str, str]] = COUNTED
    """Observations that are the values of a run: those of a split, and of them the one of the step
    that counts ("best"), of the last step ("last"), or every one ("all")."""

    # ---- what is plotted against what ---------------------------------------------------------

    @property
    def axis(self) -> Axis:
        """Axis of the scan."""
        return axes.DATA

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The coordinates that losses are a function of: what is scanned, or the two of a plane."""
        return (self.axis,)

    @property
    def ordinate(self) -> Ordinate:
        """Ordinate of the fit."""
        return axes.LOSS

    @property
    def law(self) -> str:
        """The law that the theory allows: without a floor where L∞ is 0 or measured, else with one.

        L∞ is 0 on noise-free targets for students that become able to learn everything; noise,
        ridges and fixed models have a floor.
        """
        ridge = any(getattr(self.student, "ridge", None) or ())
        if self.task.noisy or ridge:
            return "power+floor"
        vanishes = self.student.limit_loss_is_zero(self.task, sized=self.scans_model_size)
        return "power" if vanishes else "power+floor"

    # ---- what is trained ----------------------------------------------------------------------

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The sizes D of the training sets; None is unlimited fresh data. All data that there are,
        unless the regime has sizes of its own."""
        return (self.task.n_available,)

    @property
    def repetitions(self) -> int:
        """Seeds: students that differ in what they draw themselves, or draws of the data."""
        return self.student.seeds

    @property
    def recipe(self) -> TrainingSpec:
        """Training of every student of the study."""
        return NO_TRAINING

    @property
    def measured(self) -> MeasureSpec | None:
        """Measurements of every student beside its loss."""
        return None

    def tasks(self, teachers: int) -> Iterator[AnyTask]:
        """The resolved tasks of the grid, by as many teachers each."""
        return self.task.specs(teachers)

    def students(self) -> Iterator[StudentSpec]:
        """The resolved students of the grid."""
        return self.student.specs(inputs="raw" if self.task.linear else None)

    def runs(self) -> Iterator[Run]:
        """The runs of the scan: the product of the grid."""
        shapes = [*itertools.product(self.students(), self.sizes, range(self.repetitions))]
        recipe, root, learner = self.recipe, self.seed, self.learner
        measured = self.measured
        for task in self.tasks(self.task.count):
            for student, D, s in shapes:
                yield Run(task, student, recipe, D, s, root, learner, measured)

    def cells(self) -> Iterator[Cell]:
        """Everything that has to be trained: the scan, then the limits and the checks of it."""
        runs = [*self.runs()]
        for run in runs:
            yield self.cell(Planned(run), run)
        for task in self.tasks(self.task.count):
            yield from self.limits(task)
        for run in runs:
            yield from self.checks(run)

    def cell(self, planned: Planned, base: Run) -> Cell:
        """A planned run as a cell of the scan of `base`."""
        # no teacher, seed or recipe moves a run from its place
        key = (base.task.representative, base.student, base.size)
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = (self.x(base), self.setting(base))
        return Cell(planned, base, *place)

    @cached_property
    def places(self) -> dict[tuple, tuple[int, Key]]:
        """x and setting of the runs so far, by what decides them."""
        return {}

    def limits(self, task: AnyTask) -> Iterator[Cell]:
        """Runs of one task whose losses are the limit that its scan is an excess over."""
        return iter(())

    def checks(self, run: Run) -> Iterator[Cell]:
        """Repetitions of a run of the scan that show whether it can be believed."""
        return iter(())

    @cached_property
    def all_cells(self) -> tuple[Cell, ...]:
        """All cells, once and for all: a run's fingerprint is then worked out once."""
        return tuple(self.cells())

    @cached_property
    def plan(self) -> tuple[Planned, ...]:
        """Every run of the study with its role; what two parts have in common stands once."""
        return tuple(dict.fromkeys(cell.planned for cell in self.all_cells))

    @property
    def trained(self) -> bool:
        """True if students descend for a number of steps, so that it can be too little."""
        return self.student.trained and not self.learner

    @cached_property
    def checked(self) -> frozenset[int]:
        """Indices k of the teachers whose scans are repeated with other budgets."""
        return frozenset()

    @property
    def budgets(self) -> tuple[float, ...]:
        """The budgets, in units of the scan's, with which checked teachers are trained again."""
        return ()

    @property
    def most(self) -> float:
        """The largest budget, in units of the scan's, that an x may be raised to."""
        return 1.0

    @property
    def has_size_counts(self) -> bool:
        """True if x is a size of networks, which can be counted in several ways."""
        return False

    # ---- x and what stays fixed ---------------------------------------------------------------

    def x(self, run: Run) -> int:
        """The quantity that is scanned: a size of the student, or D. No teacher, seed or recipe
        changes it. 0 stands for unlimited data."""
        name = self.axes[0].coordinate or ("N" if self.scans_model_size else "D")
        return int(run.coordinate(name) or 0)

    def setting(self, run: Run) -> Key:
        """Setting that the runs of one scan share."""
        task, student, size = run.task, run.student, run.size
        if self.scans_model_size:
            student = STUDENTS[student.kind].same_but_size(student)
        else:
            size = None
        fixed = {
            **task.settings(),
            "student.widths": student.widths,
            "student.activation": student.activation,
            **{f"student.{name}": value for name, value in student.settings},
            "data.size": size,
        }
        return (task.manifold, *fixed.items())

    def order(self, task: AnyTask, student: StudentSpec) -> int:
        """Number of powers of x in the prediction's N."""
        return 1

    # ---- what is claimed ----------------------------------------------------------------------

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """Claims of the study, in the order of its file, each with everything filled in."""
        return tuple(self.quantity(asked).claim(asked) for asked in self.predictions)

    @property
    def prediction(self) -> Claim | None:
        """The first claim about the exponent α; None where the study makes none."""
        return next((claim for claim in self.claims if claim.quantity == ALPHA.name), None)

    def quantity(self, of: ClaimTable | Claim) -> Quantity:
        """Quantity of a claim. Raises LookupError where the regime cannot answer it."""
        for known in self.quantities:
            if of.quantity in (known.name, None):
                return known
        raise LookupError(f"{self.regime} cannot answer '{of.quantity}'")

    @field_serializer("predictions", mode="wrap")
    def _one_or_many(self, value: Any, handler: Any) -> Any:
        """One claim is a table, as most files write it."""
        told = handler(value)
        return told[0] if len(told) == 1 else told

    def predicted(
        self,
        task: AnyTask,
        student: StudentSpec | None = None,
        formula: str | float | None = None,
        size: str | None = None,
    ) -> float:
        """The predicted exponent for one task and student, or the value of another formula: of N,
        and as many times larger of the width as N has powers of it. size: the count that the
        formula is of; one of the `width` is of as many powers of N less.

        Raises PredictionError for a formula without a value here, and where none is predicted."""
        symbols: dict[str, Any] = {**task.symbols()}
        if student:
            symbols |= STUDENTS[student.kind].symbols(student)
        text = formula if formula is not None else self.prediction and self.prediction.formula
        if text is None:
            raise theory.PredictionError("this study predicts no exponent; add a claim about alpha")
        order: float = self.order(task, student) if student else 1
        if student and size == "width":
            order /= student.leading(task.D_amb, task.outputs)[1]
        if student and text == theory.RESOLUTION:
            return order * self.resolved(task, student).value
        if student and text == theory.REFERENCE:
            return order * self.referred(task, student)
        return order * theory.parse(text).value(symbols)

    def resolved(self, task: AnyTask, student: StudentSpec) -> theory.Resolved:
        """The exponent of N, or of D, that the table of `lab.theory.exponents` has for this target
        and student; of a kernel, that of `kernel(teacher, student)`.

        Raises PredictionError, one sentence, for an unknown pair."""
        kind = STUDENTS[student.kind]
        pieces, named = kind.pieces(student), kind.symbols(student)
        if "student" in named and "teacher" in task.symbols():
            formula = "kernel(teacher, student)"
            value = theory.parse(formula).value({**task.symbols(), **named})
            return theory.Resolved(formula, value, "theorem", theory.SPIGLER)
        if pieces is None or len(task.manifold) != 1 or task.power != 2:
            raise theory.PredictionError(
                f"no resolution exponent is known for {student.kind} students of this target; "
                "predict a formula such as '4/d'"
            )
        if task.smoothness is None and not task.one_sign:
            raise theory.PredictionError(
                "the smoothness of this target is not known, and so no resolution exponent; "
                "predict a formula such as '4/d'"
            )
        return theory.resolution(
            pieces, d=float(task.dim), s=task.smoothness or 1.5, one_sign=task.one_sign
        )

    def reference(self, task: AnyTask, student: StudentSpec) -> Reference | None:
        """Losses without a free parameter beside those of this scan; None where none are known
        any."""
        name = STUDENTS[student.kind].reference
        return load(name)(self, task, student) if name else None

    def referred(self, task: AnyTask, student: StudentSpec) -> float:
        """The slope of an exact reference over the x of this scan.

        Raises PredictionError, one sentence, where there is none."""
        found = self.reference(task, student)
        slope = found.slope if found else None
        if slope is None:
            raise theory.PredictionError(
                f"no exact reference is known for {student.kind} students of this target; predict "
                "'resolution', or a formula such as '4/d'"
            )
        return float(slope)

    def prediction_range(
        self,
        task: AnyTask,
        student: StudentSpec,
        formula: str | float | None = None,
        size: str | None = None,
    ) -> tuple[float, ...]:
        """The prediction at the ends of the interval of a measured d, the smaller first; none where
        d is known or is not in it."""
        ends = task.at_ends_of_d
        values = sorted({self.predicted(other, student, formula, size) for other in ends})
        return tuple(values) if len(values) > 1 else ()

    # ---- what the estimator sees --------------------------------------------------------------

    def losses(self, done: Rows) -> Values:
        """The relative losses of finished runs, run by run, or of every observation that counts."""
        if self.counts != COUNTED:
            return self._observed(done)
        return Values(
            np.array([self.x(run) for run, _ in done], float),
            np.array([row.relative for _, row in done], float),
            np.array([run.task.teacher for run, _ in done], int),
            np.array([run.seed for run, _ in done], int),
        )

    def _observed(self, done: Rows) -> Values:
        """The losses of the observations that count, each at the x of its step."""
        from lab.scaling.judge.verdict import Doubt

        split, which = self.counts
        name = self.axes[0].coordinate
        found, lost = [], False
        for run, row in done:
            seen = [o for o in row.observed() if o.split == split]
            some = {"all": seen, "last": seen[-1:],
                    "best": [o for o in seen if o.step == row.best_step]}[which]  # fmt: skip
            for o in some:
                at = run.coordinate(name, o.step) if name else self.x(run)
                if row.scale and at and 0 < o.loss < math.inf:
                    found.append((at, o.loss / row.scale, run.task.teacher, run.seed))
                else:
                    lost = True
        x, value, teacher, seed = np.array(found, float).reshape(-1, 4).T
        whole = Values(x, value, teacher.astype(int), seed.astype(int))
        return whole.doubted(Doubt.DIVERGED) if lost else whole

    def reading(self, done: Rows, limits: Rows = ()) -> Values:
        """Rows to fit of finished runs, given those of their limits with the same budget."""
        return self.losses(done)

    def kept(self, run: Run, scale: float | None, seen: Sequence[Any]) -> Sequence[Any]:
        """The observations of a run, in the order of its steps, that stand in its table of text:
        all, unless the regime reads few of many. scale: the loss that a relative one is 1 of."""
        return seen

    # ---- the study as a whole -----------------------------------------------------------------

    @property
    def origin(self) -> Origin:
        """Origin of the study."""
        return self._origin

    def of(self, origin: Origin) -> Regime:
        """The same study, read from there."""
        found = self.model_copy()
        found._origin = origin
        return found

    @property
    def level(self) -> float:
        """The level of the interval of its exponent: .95, and more at the looks of a sequence."""
        return self._level

    def looked(self, teachers: int, level: float) -> Regime:
        """The same study of so many drawn teachers, at a look of this level. Its other runs are
        those of the study as it is: a run knows its teacher's index, and not how many there are."""
        assert isinstance(self.task, Task)
        teacher = self.task.teacher.model_copy(update={"count": teachers})
        found = self._with(task=self.task.model_copy(update={"teacher": teacher}))
        found._level = level
        return found

    def denser(self, level: float) -> Regime | None:
        """The same study with a size between every two of its scan, the rounded geometric mean, at
        a look of this level; None where no size is scanned, or none lies between."""
        table, key = "data", "sizes"
        if self.axis in (axes.N, axes.HIDDEN, axes.WIDTH, axes.UNITS):
            table, key = "student", self.student.size_key or ""
        elif self.axis != axes.DATA:
            return None
        of = getattr(self, table, None)
        sizes = getattr(of, key, ())
        more = axes.denser(sizes)
        if of is None or more == sizes:
            return None
        found = self._with(**{table: of.model_copy(update={key: more})})
        found._level = level
        return found

    def _with(self, **tables: Any) -> Regime:
        """The same study with these tables for its own."""
        found = self.model_copy(update=tables)
        for name in set(vars(found)) - set(type(found).model_fields):
            del vars(found)[name]  # what was worked out for the other tables
        return found

    @property
    def panels(self) -> tuple[Regime, ...]:
        """The studies of the file: a file without [[panel]] tables has one."""
        return (self,)

    @property
    def scans(self) -> tuple[Regime, ...]:
        """The studies that scan one quantity each."""
        return (self,)

    def mistakes(self) -> Iterator[str]:
        """Mistakes of the tables together, as `table.key: sentence`."""
        return cross_checks.mistakes(self)

    def wrong(self) -> Iterator[str]:
        large = [*said(lambda: cross_checks.too_large(self))]
        # the common tables alone are read where a file names no regime that there is
        if large or type(self) is Regime:
            yield from large
        else:
            yield from self.mistakes()
