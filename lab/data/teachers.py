"""Teachers: what gives the targets. A random network, a Gaussian field, or a sum of ridges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from lab.data.activations import Activations
from lab.data.covariances import SETTINGS, Covariances, resolved_covariance
from lab.grids import (
    Depth,
    Floats,
    Grid,
    PositiveFloat,
    PositiveInt,
    Positives,
    Setting,
    Shapes,
    Table,
    Whole,
    one_by_one,
    product,
)
from lab.kinds.kind import Kinds

TEACHERS = Kinds("network")
"""Every kind of teacher by its name."""

FIELD_POINTS = 16_384
"""The largest number of points that one Gaussian field is drawn at: 2 GiB for the factor."""
FIELD_TEST_POINTS = 4_096
"""Of these, the test points: a field is drawn at test and training points together."""

Covariance = tuple[str, tuple[tuple[str, Setting], ...]]
"""A covariance and its settings, resolved and sorted."""


@dataclass(frozen=True)
class Drawn:
    """A resolved teacher without its index; what belongs to another kind is empty or None."""

    widths: tuple[int, ...] = ()
    activation: str = ""
    bias: float = 0.0
    covariance: Covariance | None = None
    signs: str = ""


class Teacher(Table):
    """What gives the targets; `count` of them are drawn per dimension, with `outputs` each."""

    kind: str
    gain: Positives = (1.0,)
    outputs: PositiveInt = 1
    count: PositiveInt = 5
    normalise: bool = True

    descends: ClassVar[bool] = True
    """Whether networks can be trained on its targets, drawn without limit."""
    solved_by: ClassVar[str] = ""
    """The one kind of student that can learn its targets; empty where any can."""

    def grid(self) -> Iterator[Drawn]:
        """The resolved teachers of the grid."""
        raise NotImplementedError

    def mistakes(self, sizes: Sequence[int]) -> Iterator[str]:
        """What it gets wrong together with training sets of these sizes."""
        return iter(())


@TEACHERS.add
class Network(Teacher):
    """A random network of `lab.task.teachers`."""

    kind: Literal["network"] = "network"
    widths: Shapes = ((96, 96),)
    activation: Activations = ("relu",)
    bias: Floats = (0.0,)

    def grid(self) -> Iterator[Drawn]:
        for settings in itertools.product(self.widths, self.activation, self.bias):
            yield Drawn(*settings)


@TEACHERS.add
class Field(Teacher):
    """A Gaussian field of a `covariance` and its settings, at as many points as memory holds."""

    kind: Literal["field"] = "field"
    covariance: Covariances
    nu: Positives | None = None
    length: Positives | None = None
    depth: Depth | None = None
    weight: PositiveFloat | None = None
    bias: Floats | None = None
    readout: PositiveFloat | None = None

    descends: ClassVar[bool] = False

    def wrong(self) -> Iterator[str]:
        for kind in self.covariance:
            for values in one_by_one(self, self._given()):
                try:
                    resolved_covariance(kind, values)
                except ValueError as error:
                    yield str(error)

    def _given(self) -> list[str]:
        return [name for name in SETTINGS if name in self.model_fields_set]

    def grid(self) -> Iterator[Drawn]:
        for kind in self.covariance:
            for values in product(self, self._given()):
                settings = resolved_covariance(kind, values)
                yield Drawn(covariance=(kind, tuple(sorted(settings.items()))))

    def mistakes(self, sizes: Sequence[int]) -> Iterator[str]:
        room = FIELD_POINTS - FIELD_TEST_POINTS
        if max(sizes, default=0) > room:
            yield (
                f"data.sizes: a Gaussian field is drawn at D and {FIELD_TEST_POINTS} "
                f"test points together, at most {FIELD_POINTS}; take D ≤ {room}"
            )


@TEACHERS.add
class RidgesTeacher(Teacher):
    """Ridges Σ_j c_j |v_j·x| on a sphere, of uniform directions and of weights 1/M with one sign or
    ±1/√M with random signs; units = 0 is the limit of infinitely many of one sign, f = 1."""

    kind: Literal["ridges"] = "ridges"
    signs: Grid[Literal["one", "random"]] = ("one",)
    units: Grid[Whole] = (0,)

    descends: ClassVar[bool] = False
    solved_by: ClassVar[str] = "ridges"

    @model_validator(mode="before")
    @classmethod
    def _without_randomness(cls, values: Any) -> Any:
        """Infinitely many ridges of one sign are one target."""
        if isinstance(values, dict) and values.get("units", 0) in (0, [0]):
            return {"count": 1, **values}
        return values

    def wrong(self) -> Iterator[str]:
        if 0 in self.units and "random" in self.signs:
            yield "units: ridges of random signs need a number of them, such as units = 4096"
        if self.units == (0,) and self.count > 1:
            yield "count: infinitely many ridges of one sign are one target; leave it out"
        if self.gain != (1.0,) or self.outputs > 1 or not self.normalise:
            yield "gain, outputs and normalise: ridges have none of these; leave them out"

    def grid(self) -> Iterator[Drawn]:
        for signs, units in itertools.product(self.signs, self.units):
            yield Drawn(widths=(units,) if units else (), signs=signs)
