"""A given task: data that somebody brings, in place of a teacher. Resolved, as a `TaskSpec` is.

Its identity is the hash of what was read, and what is done with it: where the data are found, and
what was measured of them, is carried along and is no part of a run's fingerprint. `teacher` is the
index of a random order of the pool, the unit that takes a teacher's place.

Plain values; who reads and splits is `lab.given`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from lab.canonical import Part

MOST_SHARED = 0.5
"""Share of a pool in the largest training set beyond which the scatter between its random orders is
too small, see `lab.findings.exponents`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read: a file or a bundled set, and which columns and rows of it.

    one_hot: columns of labels, each of which is a coordinate of its own, 1 where it stands.

    points, noise: of generated sets, how many points, and the standard deviation of the label noise
    in units of the target's.
    """

    path: str
    columns: str | None = None
    target: str | None = None
    where: str | None = None
    points: int | None = None
    noise: float = 0.0
    one_hot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """How data become tasks.

    Attributes:
        validation, test: shares of all points; the rest is the pool.
        seed: of the shuffle that divides them, the same for every unit.
        classes: whether targets are integer classes, each an output of its own.
        standardise: `columns`, each by its own mean and standard deviation in the pool, or `whole`,
            all by one.
    """

    validation: float
    test: float
    seed: int
    classes: bool
    standardise: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found in the data.

    Attributes:
        content: sha256 of coordinates and targets, in hex.
        coordinates, outputs: of a point, and of a target.
        pool, validation, test: points.
        dim, ends: intrinsic dimension of the pool and its 95 % interval; None: not asked.
        notes: sentences for the report.
    """

    content: str
    coordinates: int
    outputs: int
    pool: int
    validation: int
    test: int
    dim: float | None
    ends: tuple[float, float] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GivenSpec(Part):
    """A resolved given task. What is not compared does not decide a result."""

    content: str
    loss: str
    split: Split
    teacher: int
    asked: Asked = field(compare=False)
    facts: Facts = field(compare=False)
    dim: float = field(compare=False)
    """Intrinsic dimension d of the data, measured or said."""
    ends: tuple[float, float] | None = field(compare=False, default=None)
    """95 % interval of a measured d."""

    __hash__ = Part.__hash__

    # what a drawn task has besides
    power: ClassVar[float] = 2.0
    noise: ClassVar[float] = 0.0
    embedding: ClassVar[str] = ""
    teacher_kind: ClassVar[str] = "given"
    teacher_widths: ClassVar[tuple[int, ...]] = ()
    teacher_activation: ClassVar[str] = ""
    teacher_bias: ClassVar[float] = 0.0
    teacher_gain: ClassVar[float] = 1.0
    covariance: ClassVar[None] = None
    decays: ClassVar[None] = None
    smoothness: ClassVar[None] = None
    one_sign: ClassVar[bool] = False
    teacher_parameters: ClassVar[int] = 0
    labelling: ClassVar[int] = 0

    @cached_property
    def alike(self) -> GivenSpec:
        """What it has in common with the other orders of the same pool: that of index 0."""
        return replace(self, teacher=0)

    @property
    def manifold(self) -> tuple[tuple[str, int], ...]:
        """What stands for a manifold: the data, with their coordinates."""
        return (("data", self.facts.coordinates),)

    @property
    def D_amb(self) -> int:
        """Coordinates that the student sees."""
        return self.facts.coordinates

    @property
    def chart(self) -> int:
        """The same: nobody knows a better chart."""
        return self.facts.coordinates

    @property
    def outputs(self) -> int:
        """Targets of a point, or classes."""
        return self.facts.outputs

    @property
    def input_dim(self) -> float:
        """Intrinsic dimension of the inputs."""
        return self.dim

    @property
    def test_points(self) -> int:
        """Points that losses are taken on."""
        return self.facts.test

    @property
    def random(self) -> bool:
        """Whether units are drawn at random: they are random orders of the pool."""
        return True

    @property
    def world(self) -> tuple[int, ...]:
        """What tells its random draws from those of other tasks, beside the unit's index."""
        return (int(self.content[:7], 16),)

    @property
    def likely(self) -> tuple[GivenSpec, ...]:
        """The same data, were their dimension at either end of its interval."""
        return tuple(replace(self, dim=d, ends=None) for d in self.ends or ())

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report has to say of the data."""
        return self.facts.notes

    def symbols(self) -> Mapping[str, Any]:
        """What the symbols of a prediction stand for."""
        return {"d": self.dim, "p": self.power}

    def settings(self) -> Mapping[str, Any]:
        """What of the task may be a grid."""
        return {}
