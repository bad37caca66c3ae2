"""[task]: what is to be learned, as a study file says it and resolved; [data]: training sets.

A task is a manifold, its embedding, a teacher, and the loss. `Task` is the table, with its grids;
a `TaskSpec` has one value in every field and is a part of a run's fingerprint. Data that a user
brings are in `lab.data.user_data`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from lab.canonical import Part
from lab.data.activations import smoothness_of
from lab.data.covariances import CovarianceSettings, of_covariance
from lab.data.manifolds import MANIFOLDS, Embedding, Manifold, Shape, chart
from lab.data.selection import ENOUGH, FEWEST_ROUNDS, INDEPENDENT, Rule, SelectionSpec
from lab.data.teachers import FIELD_TEST_POINTS, TEACHERS, NetworkTeacher, ResolvedTeacher, Teacher
from lab.grids import Dims, Floats, Grid, PositiveFloat, PositiveInt, Table, said
from lab.kinds import OneOf

TEST_POINTS = 20_000
"""Points that losses are taken on."""
WIDE_TEST_POINTS = 500
"""The same beside the limit of infinite width, shared by network and limits: the law is one of any
test set."""
POPULATION = 2_048
"""Points that are the whole world where training sets are drawn from it."""

Power = Annotated[float, Field(ge=0.1, le=100)]
"""The p of a loss |y − ŷ|^p."""


class Task(Table):
    """Task of a study: a manifold with teachers, the noise and the loss."""

    manifold: Annotated[Manifold, OneOf(MANIFOLDS)]
    embedding: Embedding = Embedding()
    teacher: Annotated[Teacher, OneOf(TEACHERS)] = NetworkTeacher()
    loss: Literal["mse", "power", "kl"] = "mse"
    power: Grid[Power] | None = None
    noise: Floats = (0.0,)

    @model_validator(mode="before")
    @classmethod
    def _without_randomness(cls, values: Any) -> Any:
        """Infinitely many modes of given powers are one target."""
        manifold = values.get("manifold") if isinstance(values, dict) else None
        if not isinstance(manifold, dict) or manifold.get("kind") != "spectral":
            return values
        teacher = values.get("teacher", {})
        if manifold.get("modes") is not None or not isinstance(teacher, dict):
            return values
        return {**values, "teacher": {"count": 1, **teacher}}

    counted: ClassVar[str] = "task.teacher.count"
    """The key that says how many teachers there are."""
    n_available: ClassVar[int | None] = None
    """Number of samples there are; None if unlimited."""

    @property
    def count(self) -> int:
        """Teachers, the independent units of an interval."""
        return self.teacher.count

    @property
    def outputs(self) -> int:
        """Outputs of a target."""
        return self.teacher.outputs

    @property
    def noisy(self) -> bool:
        """True if targets have a part that cannot be learned."""
        return any(self.noise)

    @property
    def name(self) -> str:
        """Source of the points, in a word."""
        return self.manifold.kind

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions of the grid, where they are one."""
        return getattr(self.manifold, "dim", ())

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables whose grids make its tasks."""
        return self, self.manifold, self.teacher

    def mistakes(self, sizes: Sequence[int]) -> Iterator[str]:
        """Mistakes of the task together with training sets of these sizes."""
        return self.teacher.mistakes(sizes)

    @property
    def on_sphere(self) -> bool:
        """True if all points that the student sees are at one distance from the origin."""
        return self.manifold.on_sphere and self.embedding.kind in ("identity", "linear")

    @property
    def linear(self) -> bool:
        """True if the target is linear in the inputs, whose covariance is known."""
        return self.manifold.teacher is not None

    @property
    def endless(self) -> bool:
        """True if it is spectral with infinitely many modes, which cannot be drawn."""
        return self.linear and getattr(self.manifold, "modes", None) is None

    @property
    def descends(self) -> bool:
        """True if networks can be trained on it, by points drawn without limit."""
        return self.manifold.teacher is None and self.teacher.descends

    @property
    def solved_by(self) -> str:
        """The one kind of student that can learn it; empty where any can."""
        return self.teacher.solved_by

    @property
    def teacher_kind(self) -> str:
        """The kind of teacher; a manifold may bring its own."""
        return self.manifold.teacher or self.teacher.kind

    def specs(self, teachers: int) -> Iterator[TaskSpec]:
        """The resolved tasks of the grid, by as many teachers each."""
        t = self.teacher
        drawn = [ResolvedTeacher()] if self.manifold.teacher else t.grid()
        grid = itertools.product(
            self.manifold.factors_of(),
            self.manifold.shapes(),
            drawn,
            t.gain,
            self.power or (2.0,),
            self.noise,
            self.manifold.decays(),
            range(teachers),
        )
        for manifold, shape, one, gain, power, noise, decays, k in grid:
            yield TaskSpec(
                manifold, self.embedding.kind, self.embedding.ambient, one.widths,
                one.activation, one.bias, gain, t.outputs, t.normalise, self.loss, power,
                noise, k, self.teacher_kind, one.covariance, decays, one.signs, shape, one.ridge,
            )  # fmt: skip

    def wrong(self) -> Iterator[str]:
        for rule in (
            self._of_loss, self._of_spectral, self._of_ridges, self._of_classes, self._of_committee
        ):  # fmt: skip
            yield from said(rule)

    def _of_loss(self) -> Iterator[str]:
        if (self.loss == "power") != (self.power is not None):
            yield "'power' belongs to loss = \"power\", and that loss needs it"
        if self.loss == "kl" and self.teacher.outputs < 2:
            yield "loss = \"kl\" needs teacher.outputs of at least 2"
        if self.loss == "kl" and any(self.noise):
            yield "label noise is for loss = \"mse\" or \"power\", not \"kl\""

    def _of_spectral(self) -> Iterator[str]:
        if not self.manifold.teacher:
            return
        if self.teacher.model_fields_set - {"count", "kind"} or self.teacher.kind != "network":
            yield (
                "a spectral task has a linear teacher of its own; leave all but teacher.count out"
            )
        if self.endless and self.teacher.count > 1:
            yield "teacher.count: infinitely many modes are one target; leave it out"
        if self.embedding.kind != "identity" or self.loss != "mse":
            yield "a spectral task takes loss = \"mse\" and no embedding"

    def _of_ridges(self) -> Iterator[str]:
        if self.teacher.kind != "ridges" or self.manifold.teacher:
            return
        if self.manifold.kind != "sphere" or self.embedding.kind != "identity":
            yield "a teacher of ridges is known on spheres: kind = \"sphere\", and no embedding"
        if self.loss != "mse" or any(self.noise):
            yield "a teacher of ridges takes loss = \"mse\" and no noise"

    def _of_classes(self) -> Iterator[str]:
        if self.teacher.kind == "threshold" and not self.manifold.teacher:
            if self.loss != "mse" or any(self.noise):
                yield "classes of a threshold take loss = \"mse\" and no noise"

    def _of_committee(self) -> Iterator[str]:
        if self.teacher.kind != "committee" or self.manifold.teacher:
            return
        units = max(getattr(self.teacher, "units", (1,)))
        dims = getattr(self.manifold, "dim", ())
        if not dims or min(dims) < units:
            yield (
                f"teacher.units: {units} orthogonal units need so many coordinates; take fewer, or "
                f"manifold = {{ kind = \"gaussian\", dim = {5 * units} }}"
            )


@dataclass(frozen=True)
class TaskSpec(Part):
    """A resolved task: every field one value. `teacher` is the index k.

    teacher_kind: `network`; `field`, a Gaussian field of the `covariance`, which is its kind and
    (name, value) of its settings; `committee`, a soft committee; `spectral`, the target of a
    spectral manifold, whose `decays` are (a, b); `ridges`, a sum of ridges with weights of these
    `signs`; `singular`, one ridge of the power `ridge`; or `threshold`, the sign of a network.
    `selection`: how training points are chosen; None, at random.
    `shape` are the parameters of a manifold that has some beside its dimension.
    """

    manifold: tuple[tuple[str, int], ...]
    embedding: str
    ambient: int | None
    teacher_widths: tuple[int, ...]
    teacher_activation: str
    teacher_bias: float
    teacher_gain: float
    outputs: int
    normalise: bool
    loss: str
    power: float
    noise: float
    teacher: int
    teacher_kind: str = "network"
    covariance: CovarianceSettings | None = None
    decays: tuple[float, float] | None = None
    signs: str = ""
    shape: Shape = ()
    ridge: float | None = None
    selection: SelectionSpec | None = None

    __hash__ = Part.__hash__

    @cached_property
    def representative(self) -> TaskSpec:
        """Part shared with the tasks of other teachers: the task of index 0, one object."""
        return _one(replace(self, teacher=0))

    @cached_property
    def dim(self) -> int:
        """Intrinsic dimension d, the sum over the factors."""
        return sum(d for _, d in self.manifold)

    @cached_property
    def chart(self) -> int:
        """Coordinates in which the manifold itself is written: d, d + 1 (sphere), 2d (torus)."""
        return sum(chart(factor) for factor in self.manifold)

    @cached_property
    def D_amb(self) -> int:
        """Coordinates that the student sees."""
        return self.ambient or self.chart

    @property
    def test_points(self) -> int:
        """Points that losses are taken on; of a spectral task they are known exactly."""
        if self.decays or self.signs:
            return 0
        return FIELD_TEST_POINTS if self.covariance else TEST_POINTS

    def symbols(self) -> dict[str, Any]:
        """Values of the symbols of a prediction."""
        dims = tuple(d for _, d in self.manifold)
        symbols: dict[str, Any] = {"d": dims if len(dims) > 1 else dims[0], "p": self.power}
        if self.decays:
            a, b = self.decays
            symbols |= {"a": a, "b": b} | ({"alpha": b - 1} if a == b else {})
        if self.covariance:
            kind, settings = self.covariance
            symbols["teacher"] = of_covariance(kind, dict(settings))
        if self.smoothness is not None:
            symbols["s"] = self.smoothness
        return symbols

    @property
    def smoothness(self) -> float | None:
        """s, the number of square-integrable derivatives of the target, ∞ of smooth ones: ½ + p of
        networks of t₊^p (Sobolev, in L²; below the size of a wide teacher it is a field of that
        smoothness); None where it is unknown."""
        if self.covariance:
            kind, settings = self.covariance
            return of_covariance(kind, dict(settings)) / 2
        if self.teacher_kind == "singular":
            return (self.ridge or 0.0) + 0.5
        if self.teacher_kind == "threshold":
            return 0.5
        if self.teacher_kind in ("network", "committee"):
            return smoothness_of(self.teacher_activation) if self.teacher_widths else math.inf
        return 1.5 if self.teacher_kind == "ridges" and self.teacher_widths else None

    @property
    def localised(self) -> bool:
        """True if the target is rough in one place only, and smooth elsewhere."""
        return self.teacher_kind in ("singular", "threshold")

    @property
    def teacher_parameters(self) -> int:
        """Weights and biases of a network teacher, 0 of targets that are none."""
        if self.teacher_kind != "network":
            return 0
        networks = ((chart(factor), *self.teacher_widths, self.outputs) for factor in self.manifold)
        return sum(
            (m + 1) * n for layers in networks for m, n in zip(layers, layers[1:], strict=False)
        )

    @property
    def one_sign(self) -> bool:
        """True if the target is a sum of ridges of one sign."""
        return self.signs == "one"

    @property
    def random(self) -> bool:
        """True if teachers are drawn at random; the infinite sum of ridges of one sign is one
        target, and its teachers are repetitions; so are infinitely many modes."""
        endless = self.decays is not None and not self.dim
        return bool(self.teacher_widths) or not (self.one_sign or endless)

    def settings(self) -> dict[str, Any]:
        """Settings of the task that may be a grid, by name: all but the manifold and the index."""
        fixed: dict[str, Any] = {"p": self.power, "teacher.gain": self.teacher_gain,
                                 "noise": self.noise}  # fmt: skip
        fixed |= {f"manifold.{name}": value for name, value in self.shape}
        if self.decays:
            return fixed | {"a": self.decays[0], "b": self.decays[1]}
        if self.covariance:
            kind, settings = self.covariance
            named = {f"teacher.{name}": value for name, value in settings}
            return fixed | {"teacher.covariance": kind} | named
        if self.ridge is not None:
            return fixed | {"teacher.power": self.ridge}
        if self.signs:
            units = self.teacher_widths[0] if self.teacher_widths else 0
            return fixed | {"teacher.signs": self.signs, "teacher.units": units}
        return fixed | {
            "teacher.widths": self.teacher_widths,
            "teacher.bias": self.teacher_bias,
            "teacher.activation": self.teacher_activation,
        }

    @property
    def at_ends_of_d(self) -> tuple[TaskSpec, ...]:
        """Tasks at both ends of the interval of a measured d: none, d is known."""
        return ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the report on the data."""
        return ()

    @property
    def rng_salt(self) -> tuple[int, ...]:
        """Salt that separates its random draws from other tasks', beside the teacher's index."""
        return tuple(d for _, d in self.manifold)

    @property
    def labelling(self) -> int:
        """Operations of one label."""
        layers = (self.chart, *self.teacher_widths, self.outputs)
        return 2 * sum(m * n for m, n in zip(layers, layers[1:], strict=False))

    @property
    def input_dim(self) -> int:
        """Intrinsic dimension of the inputs: d, and one for each distractor."""
        return self.dim + (self.D_amb - self.chart if self.embedding == "features" else 0)


@lru_cache(maxsize=1024)
def _one(task: TaskSpec) -> TaskSpec:
    """One object for equal tasks."""
    return task


class Data(Table):
    """Training sets of `sizes` D, each the first D samples of one draw."""

    sizes: Dims


class SelectedData(Data):
    """Training sets whose points are chosen, each by one rule (`lab.data.selection`).

    selection: one rule, or several to compare. pool: candidates; or keep: the fraction of them that
    is labelled. rounds: times that students are asked; first: random labels before that, a quarter
    of the smallest set unless told. by: who says what is hard or easy, the `student` or, of
    thresholds, the `teacher`.
    """

    selection: Grid[Rule] = ("random",)
    pool: PositiveInt | None = None
    keep: Grid[PositiveFloat] | None = None
    rounds: PositiveInt | None = None
    first: PositiveInt | None = None
    by: Literal["student", "teacher"] = "student"

    @property
    def chosen(self) -> tuple[str, ...]:
        """The rules that choose, all but random."""
        return tuple(rule for rule in self.selection if rule != "random")

    @property
    def asking(self) -> tuple[str, ...]:
        """The rules that ask students."""
        return tuple(r for r in self.chosen if r not in INDEPENDENT and self.by == "student")

    def selections(self) -> Iterator[SelectionSpec | None]:
        """The resolved selections; None is random."""
        for rule in self.selection:
            if rule == "random":
                yield None
                continue
            for keep in self.keep or (0.0,):
                plain = SelectionSpec(rule, self.pool or 0, keep, by=self.by)
                yield (
                    plain
                    if rule not in self.asking
                    else replace(
                        plain, first=self.started, rounds=self.rounds or 0, until=max(self.sizes)
                    )
                )

    @property
    def started(self) -> int:
        """Random labels before the first round."""
        return self.first or max(2, min(self.sizes) // 4)

    def wrong(self) -> Iterator[str]:
        given = {"pool", "keep", "rounds", "first", "by"} & self.model_fields_set
        if given and not self.chosen:
            yield f"{min(given)}: nothing is selected at random; name a rule in 'selection' too"
        elif self.chosen:
            for rule in (self._of_candidates, self._of_rounds):
                yield from said(rule)

    def _of_candidates(self) -> Iterator[str]:
        most = max(self.sizes)
        if (self.pool is None) == (self.keep is None):
            yield (
                "pool: a selection chooses among candidates; give their number, as "
                f"pool = {ENOUGH * most}, or the fraction that is kept, as keep = 0.05, one of both"
            )
        elif self.pool is not None and self.pool <= most:
            yield (
                f"pool: {self.pool} candidates leave no choice for training sets of {most}; take "
                f"pool = {ENOUGH * most} or more"
            )
        elif self.keep is not None and max(self.keep) >= 1:
            yield (
                f"keep: {max(self.keep):g} keeps everything, and nothing is selected; give a "
                "fraction below 1, as keep = 0.05"
            )
        elif self.keep is not None and set(self.chosen) & set(INDEPENDENT):
            rule = next(r for r in self.chosen if r in INDEPENDENT)
            yield f"keep: {rule} points are an order of one pool; give 'pool' in its place"

    def _of_rounds(self) -> Iterator[str]:
        if self.by == "teacher":
            if set(self.chosen) - {"hard", "easy"} or self.rounds or not self.keep:
                yield (
                    'by: a teacher says what is "hard" or "easy" at once, of a fraction that is '
                    "kept; give 'keep', and neither rounds nor another selection"
                )
            return
        if not self.asking:
            extra = {"rounds", "first"} & self.model_fields_set
            if extra:
                yield f"{min(extra)}: no student is asked for {self.chosen[0]} points; leave it out"
        elif self.rounds is None:
            yield (
                f"rounds: {self.asking[0]} points are chosen by students that have learned from "
                f"labels; say how often they are asked, as rounds = 8, at least {FEWEST_ROUNDS}"
            )
        elif self.rounds < FEWEST_ROUNDS:
            yield (
                f"rounds: {self.rounds} is too few for what is learned to be used; take at least "
                f"{FEWEST_ROUNDS}"
            )
        elif min(self.sizes) <= self.started:
            yield (
                f"first: {self.started} random labels are all of the smallest training set of "
                f"{min(self.sizes)}; take fewer, a quarter of it or less, or larger sizes"
            )


class Draws(Data):
    """Training sets drawn anew: `draws` independent ones of each size."""

    draws: PositiveInt


def squared(loss: str, power: float) -> bool:
    """True if a loss, as `lab.data.sets.losses` names it, is a mean of squares."""
    return loss == "mse" or (loss == "power" and power == 2)
