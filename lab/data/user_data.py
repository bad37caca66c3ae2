"""[task] with `data`: user data, in place of a manifold and a teacher.

    data           a path, relative to the study file, or a bundled set such as digits
    target         the column of the targets, or the array of an .npz: y unless told
    columns        the coordinates; all other columns unless told
    one_hot        columns of labels, each label a coordinate of its own
    targets        numbers, or classes: integers, text, or True and False
    validation, test, split       shares of the points, and the seed of the shuffle that divides
    subsets        random orders of the pool, which take the place of teachers
    dim            the dimension d of the data: a number, or measured on the pool

`UserData` is the table, a `UserDataSpec` one resolved task. Its identity is the hash of what was
read, and what is done with it: where the data are found, and what was measured of them, is carried
along and is no part of a run's fingerprint. `teacher` is the index of a random order of the pool.
The data are read when the study is checked, by `lab.data.reading`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, core_schema

from lab.canonical import Part
from lab.data.selection import SelectionSpec
from lab.data.task import Task, TaskSpec
from lab.grids import Grid, Line, NonNegativeFloat, PositiveFloat, PositiveInt, Table, Whole
from lab.kinds import load, tagged

MOST_SHARED = 0.5
"""Share of a pool in the largest training set beyond which the scatter between its random orders is
too small, see `lab.findings.exponents`."""


@dataclass(frozen=True, slots=True)
class DatasetQuery:
    """Data source: a file or a bundled set, and which columns and rows of it.

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
    """Rules that turn data into tasks.

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
class DatasetSummary:
    """Summary of the data.

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
class UserDataSpec(Part):
    """A resolved task of such data. What is not compared does not decide a result."""

    content: str
    loss: str
    split: Split
    teacher: int
    asked: DatasetQuery = field(compare=False)
    facts: DatasetSummary = field(compare=False)
    dim: float = field(compare=False)
    """Intrinsic dimension d of the data, measured or said."""
    ends: tuple[float, float] | None = field(compare=False, default=None)
    """95 % interval of a measured d."""
    selection: SelectionSpec | None = None
    """Rule that chooses training points; None, at random."""

    __hash__ = Part.__hash__

    # what a drawn task has besides
    power: ClassVar[float] = 2.0
    noise: ClassVar[float] = 0.0
    embedding: ClassVar[str] = ""
    teacher_widths: ClassVar[tuple[int, ...]] = ()
    teacher_activation: ClassVar[str] = ""
    teacher_bias: ClassVar[float] = 0.0
    teacher_gain: ClassVar[float] = 1.0
    covariance: ClassVar[None] = None
    decays: ClassVar[None] = None
    smoothness: ClassVar[None] = None
    teacher_kind: ClassVar[str] = "given"
    one_sign: ClassVar[bool] = False
    teacher_parameters: ClassVar[int] = 0
    labelling: ClassVar[int] = 0

    @cached_property
    def representative(self) -> UserDataSpec:
        """Part shared with the other orders of the same pool: the task of index 0."""
        return replace(self, teacher=0)

    @property
    def manifold(self) -> tuple[tuple[str, int], ...]:
        """Stand-in for a manifold: the data, with their coordinates."""
        return (("data", self.facts.coordinates),)

    @property
    def D_amb(self) -> int:
        """Coordinates that the student sees."""
        return self.facts.coordinates

    @property
    def chart(self) -> int:
        """The same: no better chart is known."""
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
        """True if units are drawn at random: they are random orders of the pool."""
        return True

    @property
    def rng_salt(self) -> tuple[int, ...]:
        """Salt that separates its random draws from other tasks', beside the unit's index."""
        return (int(self.content[:7], 16),)

    @property
    def at_ends_of_d(self) -> tuple[UserDataSpec, ...]:
        """The same data with their dimension at either end of its interval."""
        return tuple(replace(self, dim=d, ends=None) for d in self.ends or ())

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the report on the data."""
        return self.facts.notes

    def symbols(self) -> Mapping[str, Any]:
        """Values of the symbols of a prediction."""
        return {"d": self.dim, "p": self.power}

    def settings(self) -> Mapping[str, Any]:
        """Settings of the task that may be a grid."""
        return {}


GENERATED = ("friedman1", "friedman2", "friedman3", "s_curve", "swiss_roll")
BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine", *GENERATED)
"""Sets that come with scikit-learn."""

Share = Annotated[float, Field(gt=0, lt=0.9)]
Dimension = Annotated[
    Annotated[Literal["measured"], Tag("a text")] | Annotated[PositiveFloat, Tag("a number")],
    Discriminator(lambda value: "a text" if isinstance(value, str) else "a number"),
]


class UserData(Table):
    """User data in place of a manifold and a teacher."""

    data: Line
    columns: Grid[Line] | None = None
    target: Line | None = None
    where: Line | None = None
    one_hot: Grid[Line] | None = None
    points: PositiveInt | None = None
    noise: NonNegativeFloat = 0.0
    targets: Literal["numbers", "classes"] | None = None
    loss: Literal["mse", "cross-entropy"] = "mse"
    validation: Share = 0.2
    test: Share = 0.2
    split: Annotated[Whole, Field(ge=0, lt=2**31)] = 0
    standardise: Literal["columns", "whole"] = "columns"
    subsets: PositiveInt = 5
    dim: Dimension = "measured"

    counted: ClassVar[str] = "task.subsets"
    noisy: ClassVar[bool] = True
    on_sphere: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    descends: ClassVar[bool] = True
    solved_by: ClassVar[str] = ""
    teacher_kind: ClassVar[str] = "given"
    dims: ClassVar[tuple[int, ...]] = ()
    tables: ClassVar[tuple[Table, ...]] = ()
    read: ClassVar[str] = "lab.data.reading:facts"
    """The reader, "module:function", see `load`."""

    @property
    def count(self) -> int:
        """Random orders of the pool, the units of an interval."""
        return self.subsets

    @property
    def outputs(self) -> int:
        """Targets of a point, or classes."""
        return self.facts.outputs

    @property
    def n_available(self) -> int:
        """Samples of the pool."""
        return self.facts.pool

    @property
    def name(self) -> str:
        """The set or file, without its folder."""
        return Path(self.data).name

    @property
    def asked(self) -> DatasetQuery:
        """Data source."""
        names = (f'"{name}"' if "," in name else name for name in self.columns or ())
        columns = ",".join(names) or None
        return DatasetQuery(
            self.data, columns, self.target, self.where, self.points, self.noise,
            tuple(self.one_hot or ()),
        )  # fmt: skip

    @property
    def divided(self) -> Split:
        """Division into sets; classes are what cross-entropy is about, and numbers all else."""
        kind = self.targets or ("classes" if self.loss == "cross-entropy" else "numbers")
        classes = kind == "classes"
        return Split(self.validation, self.test, self.split, classes, self.standardise)

    @property
    def facts(self) -> DatasetSummary:
        """Summary of the data. Raises ValueError, one sentence, where nothing can be."""
        return load(self.read)(self.asked, self.divided, measured=self.dim == "measured")

    def specs(self, teachers: int) -> Iterator[UserDataSpec]:
        """The resolved tasks, one per random order of the pool."""
        found = self.facts
        loss = "kl" if self.loss == "cross-entropy" else "mse"
        dim = found.dim if isinstance(self.dim, str) else self.dim
        assert dim is not None  # it was measured
        for k in range(teachers):
            yield UserDataSpec(
                found.content, loss, self.divided, k, self.asked, found, dim, found.ends
            )

    def wrong(self) -> Iterator[str]:
        if self.validation + self.test > 0.9:
            yield "validation: with the test set it leaves less than a tenth for the pool"
            return
        if self.loss == "cross-entropy" and self.targets == "numbers":
            yield "targets: cross-entropy is of classes; leave it out, or take loss = \"mse\""
            return
        own = {"columns", "target", "where", "one_hot"} & self.model_fields_set
        if self.data in BUNDLED and own:
            yield f"{min(own)}: a bundled set is taken as it is; leave it out"
            return
        made = {"points", "noise"} & self.model_fields_set
        if self.data not in GENERATED and made:
            yield f"{min(made)}: is for generated sets, {', '.join(GENERATED)}; leave it out"
            return
        try:
            _ = self.facts
        except ValueError as error:
            yield f"data: {str(error).rstrip('.')}"

    def mistakes(self, sizes: Sequence[int]) -> Iterator[str]:
        """Mistakes of the task together with training sets of these sizes."""
        if max(sizes, default=0) > self.n_available:
            n = self.n_available
            yield (
                f"data.sizes: {max(sizes)} is more than the pool of {n} points; take sizes of at "
                f"most {n}, better half of it"
            )


def located(data: Any, folder: Path) -> Any:
    """A path that starts at this folder; the name of a bundled set stays."""
    return str(folder / data) if isinstance(data, str) and data not in BUNDLED else data


class ByData:
    """Annotation of a field: a `UserData` where `data` is a key, and a `Task` otherwise."""

    kinds: ClassVar[Mapping[str, type[Table]]] = {"drawn": Task, "given": UserData}

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def tag(value: Any) -> str | None:
            if isinstance(value, Mapping):
                return tagged("given" if "data" in value else "drawn")
            names = [name for name, table in self.kinds.items() if isinstance(value, table)]
            return tagged(names[0]) if names else None

        choices = {tagged(kind): handler.generate_schema(t) for kind, t in self.kinds.items()}
        return core_schema.tagged_union_schema(choices, discriminator=tag)


AnyTask = TaskSpec | UserDataSpec
