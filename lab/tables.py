"""The tables of a study file: task, student, data, prediction, evidence, as validated values.

Each class is one table, its fields the keys that it may have; what one table alone can get wrong is
refused here, what takes two of them in `lab.study`. Any value of a grid may be a list. [training]
is in `lab.recipe`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    Tag,
    model_validator,
)

from lab import catalogue, theory
from lab.catalogue import Setting
from lab.recipe import PositiveInt, Table, as_tuple

Activation = Literal["relu", "tanh", "erf", "gelu", "identity"]


def _as_shapes(value: Any) -> Any:
    """[96, 96] is one network of two layers, [[96, 96], [32]] a grid of two, [] a linear map."""
    if value and isinstance(value, list | tuple) and isinstance(value[0], list | tuple):
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)
    return (tuple(value),) if isinstance(value, list | tuple) else value


def _as_widths(value: Any) -> Any:
    """6 is one width, [6, 8] two of them, [[6, 8], [12, 16]] two students of unequal layers."""
    return tuple(tuple(v) if isinstance(v, list) else v for v in as_tuple(value))


def _distinct(grid: tuple) -> tuple:
    twice = [value for value, times in Counter(grid).items() if times > 1]
    if twice:
        text = list(twice[0]) if isinstance(twice[0], tuple) else repr(twice[0])
        raise ValueError(f"{text} is given twice; a list has every value once, leave one out")
    return grid


_Value = TypeVar("_Value")
Grid = Annotated[
    tuple[_Value, ...], BeforeValidator(as_tuple), Field(min_length=1), AfterValidator(_distinct)
]
"""One value or a list of different ones."""
Dims = Grid[PositiveInt]
Floats = Grid[NonNegativeFloat]
Positives = Grid[PositiveFloat]
Activations = Grid[Activation]
Names = Grid[str]
Shapes = Annotated[Grid[tuple[PositiveInt, ...]], BeforeValidator(_as_shapes)]
# of two kinds of value, the one that a mistake is told about is the one that was meant
_Width = Annotated[
    Annotated[PositiveInt, Tag("a number")] | Annotated[tuple[PositiveInt, ...], Tag("a list")],
    Discriminator(lambda value: "a list" if isinstance(value, tuple) else "a number"),
]
Widths = Annotated[Grid[_Width], BeforeValidator(_as_widths)]
Formula = Annotated[
    Annotated[str, Tag("a text")] | Annotated[float, Tag("a number")],
    Discriminator(lambda value: "a text" if isinstance(value, str) else "a number"),
]
Factors = Annotated[tuple[PositiveFloat, ...], BeforeValidator(as_tuple), AfterValidator(_distinct)]
"""As a grid, but there may be none."""
Formulas = Annotated[tuple[Formula, ...], BeforeValidator(as_tuple), AfterValidator(_distinct)]


class Factor(Table):
    """One factor of a product manifold."""

    kind: Literal["cube", "ball", "sphere", "torus", "gaussian"] = "cube"
    dim: PositiveInt


class Manifold(Table):
    """Where the data lie; `dim` is the intrinsic dimension d.

    `spectral` is Gaussian in `modes` dimensions of variance i^−b, with a linear target of power
    i^−a in them: the teacher belongs to it. `alpha` = α_K stands for a = b = 1 + α_K, isotropic
    weights; a = b = 0 is isotropic in the inputs too.
    """

    kind: Literal["cube", "ball", "sphere", "torus", "gaussian", "product", "spectral"] = "cube"
    dim: Dims | None = None
    factors: Annotated[tuple[Factor, ...], BeforeValidator(as_tuple)] | None = None
    a: Floats | None = None
    b: Floats | None = None
    alpha: Positives | None = None
    modes: PositiveInt | None = None

    @model_validator(mode="after")
    def _dims_or_factors(self) -> Manifold:
        spectral = ("a", "b", "alpha", "modes")
        given = {name for name in spectral if getattr(self, name) is not None}
        if self.kind == "spectral":
            complete = given in ({"a", "b", "modes"}, {"alpha", "modes"})
            if not complete or self.dim is not None or self.factors is not None:
                raise ValueError(
                    "a spectral task takes 'a', 'b' and 'modes', or 'alpha' and 'modes', and no "
                    "'dim'"
                )
            return self
        if given:
            raise ValueError(
                f"'a', 'b', 'alpha' and 'modes' are for kind = \"spectral\", not {self.kind}"
            )
        if self.kind == "product":
            if not self.factors or self.dim is not None:
                raise ValueError(
                    "a product manifold takes 'factors = [{kind, dim}, …]' and no 'dim'"
                )
        elif self.dim is None or self.factors is not None:
            raise ValueError(f"a {self.kind} takes 'dim' (a number or a list) and no 'factors'")
        return self

    def decays(self) -> tuple[tuple[float, float], ...]:
        """The pairs (a, b) of a spectral task."""
        if self.alpha:
            return tuple((1 + alpha, 1 + alpha) for alpha in self.alpha)
        return tuple(itertools.product(self.a or (), self.b or ()))


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
    """What gives the targets; `count` of them are drawn per dimension, with `outputs` each.

    A random network, or a Gaussian field of a `covariance` of `lab.catalogue` and its settings.
    """

    kind: Literal["network", "field"] = "network"
    widths: Shapes = ((96, 96),)
    activation: Activations = ("relu",)
    bias: Floats = (0.0,)
    gain: Positives = (1.0,)
    outputs: PositiveInt = 1
    count: PositiveInt = 5
    normalise: bool = True
    covariance: Names | None = None
    nu: Positives | None = None
    length: Positives | None = None
    depth: PositiveInt | None = None
    weight: PositiveFloat | None = None
    readout: PositiveFloat | None = None

    @model_validator(mode="after")
    def _network_or_field(self) -> Teacher:
        of_fields = {"covariance", "nu", "length", "depth", "weight", "readout"}
        foreign = {"widths", "activation"} if self.kind == "field" else of_fields
        for name in sorted(foreign & self.model_fields_set):
            other = "field" if self.kind == "network" else "network"
            raise ValueError(f"'{name}' is of kind = \"{other}\" teachers; leave it out")
        if self.kind == "field":
            if self.covariance is None:
                known = ", ".join(catalogue.COVARIANCES)
                raise ValueError(f"a field needs 'covariance', one of {known}")
            list(self.covariances())
        return self

    def covariances(self) -> Iterator[tuple[str, tuple[tuple[str, Setting], ...]]]:
        """The covariances of the grid, resolved."""
        names = ("nu", "length", "depth", "weight", "bias", "readout")
        for kind in self.covariance or ():
            for given in _product(self, [n for n in names if n in self.model_fields_set]):
                yield kind, tuple(sorted(catalogue.resolved_covariance(kind, given).items()))


class Task(Table):
    """What is to be learned."""

    manifold: Manifold
    embedding: Embedding = Embedding()
    teacher: Teacher = Teacher()
    loss: Literal["mse", "power", "kl"] = "mse"
    power: Positives | None = None
    noise: Floats = (0.0,)

    @property
    def on_sphere(self) -> bool:
        """Whether all points that the student sees are at one distance from the origin."""
        kinds = {factor.kind for factor in self.manifold.factors or (self.manifold,)}
        return kinds <= {"sphere", "torus"} and self.embedding.kind in ("identity", "linear")

    @property
    def teacher_kind(self) -> str:
        """network, field, or spectral, whose manifold brings its teacher."""
        return "spectral" if self.manifold.kind == "spectral" else self.teacher.kind

    @model_validator(mode="after")
    def _loss(self) -> Task:
        if (self.loss == "power") != (self.power is not None):
            raise ValueError("'power' belongs to loss = \"power\", and that loss needs it")
        if self.loss == "kl" and self.teacher.outputs < 2:
            raise ValueError("loss = \"kl\" needs teacher.outputs of at least 2")
        if self.loss == "kl" and any(self.noise):
            raise ValueError("label noise is for loss = \"mse\" or \"power\", not \"kl\"")
        if self.manifold.kind == "spectral":
            if self.teacher.model_fields_set - {"count"}:
                raise ValueError("a spectral task has a linear teacher of its own; leave all but "
                                 "teacher.count out")  # fmt: skip
            if self.embedding.kind != "identity" or self.loss != "mse":
                raise ValueError("a spectral task takes loss = \"mse\" and no embedding")
        return self


class Student(Table):
    """Who learns it. `widths` is the scan of resolution-width, one number elsewhere.

    The exact students of `lab.catalogue` take the settings named there instead of widths.
    """

    kind: Literal["mlp", "kernel", "random-features", "linear", "nearest", "simplex"] = "mlp"
    widths: Widths | None = None
    depth: PositiveInt | None = None
    activation: Activations = ("relu",)
    parametrisation: Literal["standard", "ntk"] = "standard"
    weight: PositiveFloat = Field(2.0, description="variance of a weight times its fan-in")
    bias: NonNegativeFloat = Field(0.5, description="standard deviation of a bias at the start")
    inputs: Literal["standardised", "raw"] = "standardised"
    seeds: PositiveInt = 2
    kernel: Names | None = None
    nu: Positives | None = None
    length: Positives | None = None
    readout: PositiveFloat | None = None
    ridge: Floats | None = None
    count: Dims | None = None
    features: Names | None = None
    neighbours: Dims | None = None
    domain: Names | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_seed(cls, values: Any) -> Any:
        """Nothing is random about most exact students: one seed is all there is."""
        if isinstance(values, dict) and values.get("kind") in set(catalogue.STUDENTS) - {
            *catalogue.RANDOM
        }:
            return {"seeds": 1, **values}
        return values

    @model_validator(mode="after")
    def _of_its_kind(self) -> Student:
        of_all = {"kind", "inputs", "seeds"}
        given = self.model_fields_set - of_all
        if self.kind == "mlp":
            own = {"widths", "depth", "activation", "parametrisation", "weight", "bias"}
            for name in sorted(given - own):
                raise ValueError(f"'{name}' is for exact students, not kind = \"mlp\"")
            if self.widths is None:
                raise ValueError("widths: is missing; every network needs it")
            return self
        list(self.settings())
        if self.seeds > 1 and self.kind not in catalogue.RANDOM:
            raise ValueError(f"seeds: nothing is random about {self.kind} students; leave it out")
        return self

    @property
    def exact(self) -> bool:
        """Whether no descent trains this student."""
        return self.kind != "mlp"

    def settings(self) -> Iterator[dict[str, Setting]]:
        """The settings of the grid of an exact student, resolved."""
        names = self.model_fields_set - {"kind", "inputs", "seeds"}
        for given in _product(self, sorted(names)):
            yield catalogue.resolved(self.kind, given)


def _product(table: Table, names: list[str]) -> Iterator[Mapping[str, Setting]]:
    """One mapping per combination of the values of these keys, each one value or a grid."""
    grids = [as_tuple(getattr(table, name)) for name in names]
    for values in itertools.product(*grids):
        yield dict(zip(names, values, strict=True))


class Data(Table):
    """The training sets: sizes D. In resolution-data each is the first D samples of one draw;
    variance-data takes `draws` independent sets of each size; variance-width takes one size."""

    sizes: Dims
    draws: PositiveInt | None = None


class Prediction(Table):
    """The number in the question, written before the run, and others to tell it from."""

    exponent: Formula = "4/d"
    sense: Literal["bound", "equal"] = "bound"
    tolerance: Annotated[float, Field(gt=0, lt=1, description="relative")] = 0.15
    rivals: Formulas = ()

    @property
    def text(self) -> str:
        """The predicted exponent as it is written."""
        return theory.parse(self.exponent).text


class Size(Table):
    """[scan]: what x is in a scan over the size of networks. Whatever is declared, the interval
    holds what the other counts would say.

    `N` all trainable parameters, `hidden` the weights between hidden layers (with one hidden layer,
    all but the output biases), `width` the width of a layer; a prediction is an exponent of N, and
    stands for twice as much of the width of two layers and more.
    """

    size: Literal["N", "hidden", "width"] = "N"


class Evidence(Table):
    """Evidence of convergence: the scans of this share of the teachers, of at least two, trained
    again with `budgets` × steps; and of one teacher of one setting with `rates` × the rate and with
    `weights` × the variance of the first weights. `until`: the largest budget that
    `lab run --until-converged` may give to an x, in units of the steps."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.25
    budgets: Positives = (0.5, 2.0)
    rates: Factors = (0.5, 2.0)
    weights: Factors = (0.5, 2.0)
    until: Annotated[float, Field(ge=1, le=64)] = 8.0

    @model_validator(mode="after")
    def _far_enough(self) -> Evidence:
        if max(self.budgets) < 1.5:
            raise ValueError(
                f"budgets: {max(self.budgets):g} × the steps shows too little; give one of at "
                "least 1.5, such as budgets = [0.5, 2.0]"
            )
        for name in ("budgets", "rates", "weights"):
            if 1.0 in getattr(self, name):
                raise ValueError(f"{name}: 1 repeats the scan itself; leave it out")
        return self
