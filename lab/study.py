"""A study: one TOML file that asks a question, as validated, frozen values.

`read(path)` gives a `Study` or raises `StudyError` with every mistake of the file at once, each a
sentence with its line. `Study.runs()` is the flat list of everything that has to be trained: the
product of the grid, as `Run` values that hold nothing but plain resolved settings. The fingerprint
of a `Run` is its identity in the store.

Knows nothing of JAX, of paths or of what a run costs: see `lab.runs`.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from lab import theory
from lab.mistakes import StudyError, sentences
from lab.recipe import Table, Training
from lab.spec import Planned, Run, StudentSpec, TaskSpec

Regime = Literal["resolution-width", "resolution-data"]
Activation = Literal["relu", "tanh", "erf", "gelu", "identity"]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _as_shapes(value: Any) -> Any:
    """[96, 96] is one network of two layers, [[96, 96], [32]] a grid of two, [] a linear map."""
    if value and isinstance(value, list | tuple) and isinstance(value[0], list | tuple):
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)
    return (tuple(value),) if isinstance(value, list | tuple) else value


def _as_widths(value: Any) -> Any:
    """6 is one width, [6, 8] two of them, [[6, 8], [12, 16]] two students of unequal layers."""
    return tuple(tuple(v) if isinstance(v, list) else v for v in _as_tuple(value))


_grid = BeforeValidator(_as_tuple)
Dims = Annotated[tuple[PositiveInt, ...], _grid, Field(min_length=1)]
Shapes = Annotated[
    tuple[tuple[PositiveInt, ...], ...],
    BeforeValidator(_as_shapes),
    Field(min_length=1),
]
Widths = Annotated[
    tuple[PositiveInt | tuple[PositiveInt, ...], ...],
    BeforeValidator(_as_widths),
    Field(min_length=1),
]
Floats = Annotated[tuple[NonNegativeFloat, ...], _grid, Field(min_length=1)]
Activations = Annotated[tuple[Activation, ...], _grid, Field(min_length=1)]


class Factor(Table):
    """One factor of a product manifold."""

    kind: Literal["cube", "ball", "sphere", "torus", "gaussian"] = "cube"
    dim: PositiveInt


class Manifold(Table):
    """Where the data lie; `dim` is the intrinsic dimension d."""

    kind: Literal["cube", "ball", "sphere", "torus", "gaussian", "product"] = "cube"
    dim: Dims | None = None
    factors: tuple[Factor, ...] | None = None

    @model_validator(mode="after")
    def _dims_or_factors(self) -> Manifold:
        if self.kind == "product":
            if not self.factors or self.dim is not None:
                raise ValueError(
                    "a product manifold takes 'factors = [{kind, dim}, …]' and no 'dim'"
                )
        elif self.dim is None or self.factors is not None:
            raise ValueError(f"a {self.kind} takes 'dim' (a number or a list) and no 'factors'")
        return self


class Embedding(Table):
    """How a point of the manifold reaches the student: in `ambient` coordinates."""

    kind: Literal["identity", "features", "linear", "curved"] = "identity"
    ambient: PositiveInt | None = None

    @model_validator(mode="after")
    def _ambient(self) -> Embedding:
        if self.kind == "identity" and self.ambient is not None:
            raise ValueError("the identity embedding has no 'ambient'; leave it out")
        if self.kind != "identity" and self.ambient is None:
            raise ValueError(f"the {self.kind} embedding needs 'ambient = …' coordinates")
        return self


class Teacher(Table):
    """A random network; `count` of them are drawn per dimension. One output per `outputs`."""

    widths: Shapes = ((96, 96),)
    activation: Activations = ("relu",)
    bias: Floats = (0.0,)
    gain: Annotated[tuple[PositiveFloat, ...], _grid, Field(min_length=1)] = (1.0,)
    outputs: PositiveInt = 1
    count: PositiveInt = 5
    normalise: bool = True


class Task(Table):
    """What is to be learned."""

    manifold: Manifold
    embedding: Embedding = Embedding()
    teacher: Teacher = Teacher()
    loss: Literal["mse", "power", "kl"] = "mse"
    power: PositiveFloat | None = None
    noise: Floats = (0.0,)

    @model_validator(mode="after")
    def _loss(self) -> Task:
        if (self.loss == "power") != (self.power is not None):
            raise ValueError("'power' belongs to loss = \"power\", and that loss needs it")
        if self.loss == "kl" and self.teacher.outputs < 2:
            raise ValueError("loss = \"kl\" needs teacher.outputs of at least 2")
        if self.loss == "kl" and any(self.noise):
            raise ValueError("label noise is for loss = \"mse\" or \"power\", not \"kl\"")
        return self


class Student(Table):
    """Who learns it. `widths` is the scan of resolution-width, one number elsewhere."""

    kind: Literal["mlp"] = "mlp"
    widths: Widths
    depth: PositiveInt | None = None
    activation: Activations = ("relu",)
    parametrisation: Literal["standard", "ntk"] = "standard"
    weight: PositiveFloat = Field(2.0, description="variance of a weight times its fan-in")
    bias: NonNegativeFloat = Field(0.5, description="standard deviation of a bias at the start")
    inputs: Literal["standardised", "raw"] = "standardised"
    seeds: PositiveInt = 2


class Data(Table):
    """Training sets of resolution-data: sizes D, each the first D samples of one draw."""

    sizes: Annotated[tuple[PositiveInt, ...], _grid, Field(min_length=1)]


class Prediction(Table):
    """The number in the question, written before the run."""

    exponent: str | float = "4/d"
    sense: Literal["bound", "equal"] = "bound"
    tolerance: Annotated[float, Field(gt=0, lt=1, description="relative")] = 0.15


class Evidence(Table):
    """Evidence of convergence: the scans of this share of the teachers, with `budget` × steps."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.1
    budget: Annotated[float, Field(gt=1)] = 2.0


# ---- the study ---------------------------------------------------------------------------------


class Study(Table):
    """A validated study file. The same class is the Python API: `Study(**tables)`."""

    schema_: Literal[1] = Field(1, alias="schema")
    question: Annotated[str, Field(min_length=1)]
    regime: Regime
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    task: Task
    student: Student
    data: Data | None = None
    training: Training = Training()
    prediction: Prediction = Prediction()
    evidence: Evidence = Evidence()

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        wrong = list(self._mistakes())
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _mistakes(self) -> Iterator[str]:
        scan = self.student.widths
        if self.regime == "resolution-width":
            if self.data is not None:
                yield "[data]: resolution-width draws fresh data without limit; leave [data] out"
            if len(set(map(str, scan))) < 3:
                yield _too_few("student.widths", len(set(map(str, scan))))
        else:
            if self.data is None:
                yield "[data]: resolution-data scans the training set: give 'sizes = [256, …]'"
            elif len(set(self.data.sizes)) < 3:
                yield _too_few("data.sizes", len(set(self.data.sizes)))
            if self.training.optimiser == "lbfgs" or self.training.polish:
                yield (
                    "training.optimiser: L-BFGS needs fresh data (resolution-width), where it "
                    "cannot fit the training set by heart"
                )
            for D in self.data.sizes if self.data else ():
                if self._stages_batch() > D:
                    yield (
                        f"training.batch: {self._stages_batch()} is more than the training set "
                        f"of data.sizes = {D}; take a batch of at most {D}"
                    )
        if self.student.depth is not None and any(isinstance(w, tuple) for w in scan):
            yield "student.depth: widths that list their layers have their depth; leave it out"
        for task in self._tasks(teachers=1):
            if task.D_amb < task.chart:
                yield (
                    f"task.embedding.ambient: {task.D_amb} coordinates cannot hold a manifold of "
                    f"d = {task.dim} that needs {task.chart}; take ambient ≥ {task.chart}"
                )
        try:
            for task in self._tasks(teachers=1):
                self.predicted(task)
        except theory.PredictionError as error:
            yield f"prediction.exponent: {error}"

    def _stages_batch(self) -> int:
        return max((b for _, b, _ in self.training.resolved().stages), default=0)

    def _tasks(self, teachers: int) -> Iterator[TaskSpec]:
        m, t = self.task.manifold, self.task.teacher
        manifolds = (
            [tuple((f.kind, f.dim) for f in m.factors or ())]
            if m.kind == "product"
            else [((m.kind, d),) for d in m.dim or ()]
        )
        loss_power = {"mse": 2.0, "kl": 2.0}.get(self.task.loss, self.task.power)
        grid = itertools.product(
            manifolds, t.widths, t.activation, t.bias, t.gain, self.task.noise, range(teachers)
        )
        for manifold, widths, activation, bias, gain, noise, k in grid:
            yield TaskSpec(
                manifold, self.task.embedding.kind, self.task.embedding.ambient, widths,
                activation, bias, gain, t.outputs, t.normalise, self.task.loss, loss_power,
                noise, k,
            )  # fmt: skip

    def _students(self) -> Iterator[StudentSpec]:
        s = self.student
        for activation, width in itertools.product(s.activation, s.widths):
            widths = width if isinstance(width, tuple) else (width,) * (s.depth or 2)
            yield StudentSpec(
                s.kind, widths, activation, s.parametrisation, s.weight, s.bias, s.inputs
            )

    def predicted(self, task: TaskSpec) -> float:
        """The predicted exponent for one task, from the text of the prediction."""
        dims = tuple(d for _, d in task.manifold)
        symbols = {"d": dims if len(dims) > 1 else dims[0], "p": task.power}
        return theory.parse(self.prediction.exponent).value(symbols)

    @cached_property
    def plan(self) -> tuple[Planned, ...]:
        """Every run of the study, and after them the checks with the larger budget.

        The checks repeat whole scans, so that they tell the change in α as well as in loss: a
        `share` of the teachers, at least one, drawn by hash of the study's seed, so that a longer
        grid never changes which were drawn before. All seeds of a teacher come along: the checks
        then train in the programs that are compiled already.
        """
        recipe = self.training.resolved()
        sizes = self.data.sizes if self.data else (None,)
        runs, checks = [], []
        for task in self._tasks(self.task.teacher.count):
            for student, D, s in itertools.product(
                self._students(), sizes, range(self.student.seeds)
            ):
                runs.append(Planned(Run(task, student, recipe, D, s, self.seed), check=False))
                if task.teacher in self.checked:
                    doubled = recipe.scaled(self.evidence.budget)
                    checks.append(Planned(Run(task, student, doubled, D, s, self.seed), True))
        return (*runs, *checks)

    @cached_property
    def checked(self) -> frozenset[int]:
        """Indices k of the teachers whose scans are repeated with the larger budget."""
        if self.evidence.share == 0:
            return frozenset()

        def draw(k: int) -> str:
            return hashlib.sha256(f"{self.seed}:{k}".encode()).hexdigest()

        ordered = sorted(range(self.task.teacher.count), key=draw)
        return frozenset(ordered[: max(1, math.floor(self.evidence.share * len(ordered) + 0.5))])

    def x(self, run: Run) -> int:
        """The quantity that the study scans: N or D."""
        return run.N if self.regime == "resolution-width" else int(run.size or 0)


def _too_few(field: str, n: int) -> str:
    return (
        f"{field}: {n} value{'s' if n != 1 else ''} cannot carry an exponent; "
        "give at least three different ones, better six"
    )


# ---- reading -----------------------------------------------------------------------------------


def read(path: str | Path, overrides: tuple[str, ...] = ()) -> Study:
    """The study in a TOML file, with overrides such as `training.steps=2000` applied.

    Raises StudyError with all mistakes of the file, one sentence each.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = f"`lab init {path}` writes a study to start from"
        raise StudyError([f"{path}: no such file; {remedy}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError([f"{path}: cannot be read as text ({error})"]) from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError([f"{path}: not TOML: {error}"]) from None
    for override in overrides:
        _apply(tables, override)
    return validate(tables, text=text, name=str(path))


def validate(tables: Mapping[str, Any], *, text: str = "", name: str = "study") -> Study:
    """A study from parsed tables; `text` gives the line numbers of the mistakes."""
    try:
        return Study.model_validate(tables)
    except ValidationError as error:
        raise StudyError(sentences(error, Study, text=text, name=name)) from None


def _apply(tables: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"] if sign else None
    except tomllib.TOMLDecodeError:
        parsed = None
    if parsed is None:
        raise StudyError(
            [f"--set {override}: expected key=value with a TOML value, as in training.steps=2000"]
        )
    *parents, last = key.strip().split(".")
    for parent in parents:
        tables = tables.setdefault(parent, {})
        if not isinstance(tables, dict):
            raise StudyError([f"--set {override}: '{parent}' is a value, not a table"])
    tables[last] = parsed
