"""Intrinsic dimension: [measure] of what networks see and make of it, and the kind `dimension`.

`dimension` of [measure] names places, sets of points whose intrinsic dimension is estimated:

    input                                      the points as the student sees them
    teacher.LAYER[.before]                     a hidden layer of the teacher
    student.LAYER[.before][.initialisation]    a hidden layer of the student

LAYER is a number from 1, or `last`. A layer is taken after its activation or, with `.before`,
before it; a student's after its training or, with `.initialisation`, before its first step. The
teacher of a product has a network per factor, whose layers stand side by side.

Points are the first n of the test set. What all students of a teacher share, its input and the
teacher's own layers, is measured once per teacher; a student's layers before its first step or as
they are after its last one (where early stopping chose an earlier step for the loss, too). The
details of a result get the estimate by one method (`lab.dimension`), and nothing where there is
none, as of a layer that holds fewer than 20 different points.

The kind `dimension` learns nothing: it stands where students do, so that a grid, a store and a
report know estimators of the dimension of points of known d as they know students. All estimators
of a group see the same points and share one search of their neighbours. The loss is |d̂ − d| / d of
the corrected estimate. Names are those of `lab dimension`, at the settings that its correction was
measured at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import AfterValidator, Field

from lab.data.task import TEST_POINTS
from lab.data.user_data import AnyTask
from lab.grids import Grid, Table, Texts, Whole
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.mistakes import shown
from lab.spec import Group, MeasureSpec, Run
from lab.students.exact import Exact
from lab.students.solvers import Failed, Result, one_by_one

if TYPE_CHECKING:
    from jaxtyping import Array

    from lab.dimension import Estimate
    from lab.kinds.student import StudyInterface
    from lab.students.batches import BatchSource, Layers

Method = Literal[
    "two-nn-linear", "two-nn-mle", "mle", "mle-inverse", "knn", "gride", "correlation", "pca"
]
_GRAMMAR = re.compile(
    r"input|(teacher|student)\.(last|[1-9]\d{0,3})(\.before)?(\.initialisation)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ProbeSite:
    """Place at which points are taken. layer: from 1, 0 for the last; network: input, teacher or
    student."""

    network: str
    layer: int = 0
    before: bool = False
    initial: bool = False

    @classmethod
    def of(cls, text: str) -> ProbeSite:
        """The place of this name. Raises ValueError, a sentence, where there is none."""
        found = _GRAMMAR.fullmatch(text)
        if not found:
            raise ValueError(
                f"{shown(text)} is no place to measure at; give \"input\", \"teacher.LAYER\" or "
                "\"student.LAYER\", LAYER a number from 1 or \"last\", as in \"student.last\", "
                "\"student.1.before\", \"student.last.before.initialisation\""
            )
        network, layer, before, initial = found.groups()
        if network == "teacher" and initial:
            raise ValueError(f"'{text}': a teacher is never trained; leave .initialisation out")
        number = 0 if layer in (None, "last") else int(layer)
        return cls(network or "input", number, bool(before), bool(initial))


@dataclass(frozen=True, slots=True)
class Dimension:
    """The dimension of one place of one run, as the details of its result have it:

    dimension.PLACE              the estimate as its authors define it
    dimension.PLACE.se           its standard error
    dimension.PLACE.corrected    without its measured bias
    dimension.PLACE.low, .high   95 % interval of that
    dimension.PLACE.doubted      1 where the points resemble none of the correction's references
    """

    value: float
    se: float
    corrected: float
    low: float
    high: float
    doubted: float

    def details(self, place: str) -> dict[str, float]:
        """Its numbers under those names."""
        return {column(place, f.name): getattr(self, f.name) for f in fields(self)}

    @classmethod
    def of(cls, details: Mapping[str, float], place: str) -> Dimension | None:
        """Measurement at this place, None where there is none."""
        if column(place) not in details:
            return None
        return cls(*(details[column(place, f.name)] for f in fields(cls)))


def measured(runs: Iterable[Run]) -> tuple[str, ...]:
    """The places at which any of these runs measures, in their order."""
    asked = dict.fromkeys(run.measure for run in runs)
    return tuple(dict.fromkeys(place for one in asked if one for place in one.dimension))


def column(place: str, of: str = "value") -> str:
    """The name of one number of a place."""
    return f"dimension.{place}" if of == "value" else f"dimension.{place}.{of}"


def _places(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        ProbeSite.of(name)
    return names


Places = Annotated[Texts, AfterValidator(_places)]


class Measure(Table):
    """Measurements beside the loss: the `dimension` at these places, on the first `n` points of
    the test set, by one estimator of `lab dimension`. Of networks only.

    At d = 2 … 10 and n = 5000 TwoNN's likelihood differs least between manifolds of one d.
    """

    dimension: Places = ()
    n: Annotated[Whole, Field(ge=250, le=TEST_POINTS)] = 5000
    method: Method = "two-nn-mle"

    def resolved(self) -> MeasureSpec | None:
        """Specification for a run; None where no place is named."""
        return MeasureSpec(self.dimension, self.n, self.method) if self.dimension else None

    def wrong(self) -> Iterator[str]:
        if not self.dimension and self.model_fields_set & {"n", "method"}:
            yield "dimension: is missing, and needed; say where, as in dimension = \"student.last\""

    def mistaken(self, tasks: Iterable[AnyTask], students: Iterable[StudentSpec]) -> Iterator[str]:
        """Places that these teachers or students do not have, as `table.key: sentence`."""
        depths = {
            "teacher": {len(task.teacher_widths) for task in tasks},
            "student": {STUDENTS[one.kind].layers(one) for one in students},
        }
        for text in self.dimension:
            place = ProbeSite.of(text)
            least = min(depths.get(place.network, {1}), default=1)
            if least < max(place.layer, 1):
                many = "no hidden layer" if not least else f"{least} hidden layer"
                yield (
                    f"measure.dimension: '{text}', but a {place.network} of this study has {many}"
                    f"{'s' if least > 1 else ''}; name a layer that all of them have"
                )


@STUDENTS.add
class Estimator(Exact):
    """Number of dimensions of points, by each `method`."""

    kind: Literal["dimension"] = "dimension"
    method: Grid[Method] = ("two-nn-mle",)

    solvers: ClassVar[Mapping[str, str]] = {"dimension": "lab.students.solvers:ESTIMATING"}
    parametric: ClassVar[bool] = False

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return True

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        if study.learner != "dimension":
            yield (
                "student.kind: a dimension student learns nothing; take regime = \"dimension\", or "
                "name a kind that learns"
            )

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return 0


@dataclass(frozen=True)
class DimensionProbe:
    """Measurements of a group of runs. `known` is, by teacher, what all its students
    share; `x` the points as they see them; `tick` is told that time passes."""

    asked: MeasureSpec | None
    known: tuple[Mapping[str, float], ...]
    x: Float[Array, "T D_amb n"]
    tick: Callable[[int], None]

    @classmethod
    def of(
        cls,
        asked: MeasureSpec | None,
        given: BatchSource,
        tick: Callable[[int], None],
    ) -> DimensionProbe:
        """Measure what the students of each teacher share."""
        x = given.test[0]
        if asked is None:
            return cls(None, ({},) * len(x), x[..., :0], tick)
        known = []
        for t in range(len(x)):
            found: dict[str, float] = {}
            layers: Layers = ()
            for name in asked.dimension:
                place = ProbeSite.of(name)
                if place.network == "student":
                    continue
                if place.network == "teacher":
                    layers = layers or given.teacher(t)
                    points = _at(layers, place)
                else:
                    points = x[t]
                found |= dimension(name, points[:, : asked.n].T, asked.method)
                tick(0)
            known.append(found)
        return cls(asked, tuple(known), x[..., : asked.n], tick)

    def of_students(
        self,
        student: StudentSpec,
        parameters: Any,
        scale: Float[Array, " T"],
        *,
        initial: bool,
    ) -> Iterator[tuple[tuple[int, int], dict[str, float]]]:
        """Dimensions of the students [T, S] with these parameters, by teacher and seed; of those
        places that are `initial`, or of the others."""
        if self.asked is None:
            return
        places = {name: ProbeSite.of(name) for name in self.asked.dimension}
        wanted = {
            name: p for name, p in places.items() if (p.network, p.initial) == ("student", initial)
        }
        if not wanted:
            return
        import jax

        T, S = jax.tree.leaves(parameters)[0].shape[:2]
        for t, s in np.ndindex(T, S):
            one = jax.tree.map(lambda leaf, at=(t, s): leaf[at], parameters)
            layers = _of_student()(student, one, scale[t] * self.x[t])
            found: dict[str, float] = {}
            for name, place in wanted.items():
                found |= dimension(name, _at(layers, place).T, self.asked.method)
                self.tick(0)
            yield (t, s), found


def dimension(name: str, points: Float[Array, "n w"], method: str) -> dict[str, float]:
    """The details of one place; empty where there is no estimate."""
    from lab.dimension import PointsError, measure

    try:
        estimates = measure(np.asarray(points, float)).estimates
    except PointsError:
        return {}
    found = quoted(estimates, method)
    return found.details(name) if found else {}


def quoted(estimates: Iterable[Estimate], method: str) -> Dimension | None:
    """Stored values of the estimate by one method, None where that is refused."""

    from lab.dimension.estimate import DimensionDoubt

    e = next(e for e in estimates if e.method == method)
    if e.corrected is None or e.corrected_interval is None:
        return None
    found = (
        e.dimension,
        e.se,
        e.corrected,
        *e.corrected_interval,
        DimensionDoubt.UNLIKE in e.doubts,
    )
    return Dimension(*map(float, found))


def _at(layers: Layers, place: ProbeSite) -> Float[Array, "w n"]:
    return layers[place.layer - 1][0 if place.before else 1]


@cache
def _of_student() -> Callable[..., Layers]:
    """The compiled hidden layers of (student, parameters, x)."""
    import jax

    @partial(jax.jit, static_argnums=0)
    def layers(student: StudentSpec, parameters: Any, x: Any) -> Any:
        network: Any = STUDENTS[student.kind].network()
        return network.hidden(student, parameters, x)

    return layers


def dimensions(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """One result per estimator and draw, in the order of `group.runs()`."""
    return one_by_one(group, _dimensions, tick)


def _dimensions(runs: list[Run]) -> Callable[[Run], Result]:
    """The dimensions of the points of one task."""
    from lab.data import sets
    from lab.dimension import measure

    task, root = runs[0].drawn, runs[0].root

    @cache
    def estimates(n: int, draw: int) -> tuple[Estimate, ...]:
        return measure(sets.points(task, n, draw=draw, root=root)).estimates

    def dimension(run: Run) -> Result:
        assert run.size is not None  # points are drawn
        one = quoted(estimates(run.size, run.seed), str(dict(run.student.settings)["method"]))
        loss = abs(one.corrected / task.input_dim - 1) if one else float("nan")
        return Result.of_loss(run, loss, 1.0, one.details("input") if one else {})

    return dimension
