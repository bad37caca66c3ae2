"""[task] with `data`: data that somebody brings, in place of a manifold and a teacher.

    data           a path, relative to the study file, or a bundled set such as digits
    target         the column of the targets, or the array of an .npz: y unless told
    columns        the coordinates; all other columns unless told
    one_hot        columns of labels, each label a coordinate of its own
    targets        numbers, or classes: integers, text, or True and False
    validation, test, split       shares of the points, and the seed of the shuffle that divides
    subsets        random orders of the pool, which take the place of teachers
    dim            the dimension d of the data: a number, or measured on the pool

Reads the data when it is checked, for their content is what identifies them (`lab.given`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, core_schema

from lab.data.user_data import Asked, Facts, GivenSpec, Split
from lab.grids import Grid, Line, NonNegativeFloat, PositiveFloat, PositiveInt, Table, Whole
from lab.kinds.kind import load, tagged
from lab.tables.task import Task

GENERATED = ("friedman1", "friedman2", "friedman3", "s_curve", "swiss_roll")
BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine", *GENERATED)
"""Sets that come with scikit-learn."""

Share = Annotated[float, Field(gt=0, lt=0.9)]
Dimension = Annotated[
    Annotated[Literal["measured"], Tag("a text")] | Annotated[PositiveFloat, Tag("a number")],
    Discriminator(lambda value: "a text" if isinstance(value, str) else "a number"),
]


class Given(Table):
    """Data that somebody brings."""

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
    """Who reads, see `load`."""

    @property
    def count(self) -> int:
        """Random orders of the pool, the units of an interval."""
        return self.subsets

    @property
    def outputs(self) -> int:
        """Targets of a point, or classes."""
        return self.facts.outputs

    @property
    def everything(self) -> int:
        """Samples of the pool."""
        return self.facts.pool

    @property
    def name(self) -> str:
        """The set or file, without its folder."""
        return Path(self.data).name

    @property
    def asked(self) -> Asked:
        """What is read."""
        names = (f'"{name}"' if "," in name else name for name in self.columns or ())
        columns = ",".join(names) or None
        return Asked(
            self.data, columns, self.target, self.where, self.points, self.noise,
            tuple(self.one_hot or ()),
        )  # fmt: skip

    @property
    def divided(self) -> Split:
        """How it is divided; classes are what cross-entropy is about, and numbers all else."""
        kind = self.targets or ("classes" if self.loss == "cross-entropy" else "numbers")
        classes = kind == "classes"
        return Split(self.validation, self.test, self.split, classes, self.standardise)

    @property
    def facts(self) -> Facts:
        """What was found in the data. Raises ValueError, one sentence, where nothing can be."""
        return load(self.read)(self.asked, self.divided, measured=self.dim == "measured")

    def specs(self, teachers: int) -> Iterator[GivenSpec]:
        """The resolved tasks, one per random order of the pool."""
        found = self.facts
        loss = "kl" if self.loss == "cross-entropy" else "mse"
        dim = found.dim if isinstance(self.dim, str) else self.dim
        assert dim is not None  # it was measured
        for k in range(teachers):
            yield GivenSpec(
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
        """What it gets wrong together with training sets of these sizes."""
        if max(sizes, default=0) > self.everything:
            yield (
                f"data.sizes: {max(sizes)} is more than the pool of {self.everything} points; take "
                f"sizes of at most {self.everything}, better half of it"
            )


def located(data: Any, folder: Path) -> Any:
    """A path that starts at this folder; the name of a bundled set stays."""
    return str(folder / data) if isinstance(data, str) and data not in BUNDLED else data


class ByData:
    """Annotation of a field that holds a `Given` where `data` is a key, and a `Task` otherwise."""

    kinds: ClassVar[Mapping[str, type[Table]]] = {"drawn": Task, "given": Given}

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
