"""Values of a study file: strict tables, numbers, and grids of different values.

Any value of a grid may stand alone or in a list. Numbers are finite, and neither text nor true and
false are numbers.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from lab.mistakes import Place

Setting = float | int | str
"""One value of a grid."""


class ValidationPass(Enum):
    """Passes over the tables of a file, the context of their validation; in Python there is none,
    and a table that is wrong is refused as a whole.

    TYPES: every value for itself, so that all wrong ones are found. LEFT: what is right of them,
    for the rules that do not ask for the others.
    """

    TYPES = "types"
    LEFT = "left"


class Unsaid(Exception):
    """A rule asked for a value that was given wrongly: it says nothing."""


_WRONG = object()
"""Stands for a value that could not be read until its table is made without it."""


class Table(BaseModel):
    """A table of a study file: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def wrong(self) -> Iterator[str]:
        """Mistakes of its values together, as `key: sentence`, or a sentence of the table."""
        return iter(())

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise Unsaid(name)
            return super().__getattr__(name)

    @model_validator(mode="before")
    @classmethod
    def _left(cls, values: Any, info: Any) -> Any:
        if info.context is not ValidationPass.LEFT or not isinstance(values, dict):
            return values
        keys = {f.alias or name: f.is_required() for name, f in cls.model_fields.items()}
        missing = {key: _WRONG for key, needed in keys.items() if needed and key not in values}
        return {key: value for key, value in values.items() if key in keys} | missing

    @field_validator("*", mode="wrap")
    @classmethod
    def _left_of_field(cls, value: Any, handler: Any, info: Any) -> Any:
        if info.context is not ValidationPass.LEFT:
            return handler(value)
        try:
            return _WRONG if value is _WRONG else handler(value)
        except ValueError:  # a ValidationError too
            return _WRONG

    @model_validator(mode="after")
    def _ruled(self, info: Any) -> Table:
        if info.context is ValidationPass.LEFT:
            for name in [name for name, value in self.__dict__.items() if value is _WRONG]:
                del self.__dict__[name]
        elif info.context is None:
            wrong = [*self.wrong()]
            if wrong:
                raise ValueError("\n".join(wrong))
        return self


def said(rule: Callable[[], Iterable[str]]) -> Iterator[str]:
    """Mistakes by a rule, until it needs a value that is invalid itself."""
    try:
        yield from rule()
    except Unsaid:
        return


def rules(table: Table, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Mistakes of a table and of those in it: a table that is wrong in itself is left
    out of the rules of the one around it."""
    for name, field in type(table).model_fields.items():
        value = table.__dict__.get(name)
        inner = [one for one in as_tuple(value) if isinstance(one, Table)]
        key = field.alias or name
        numbered = len(inner) > 1
        found = [mistake for i, one in enumerate(inner)
                 for mistake in rules(one, (*place, key, *[str(i)] * numbered))]  # fmt: skip
        if found:
            del table.__dict__[name]
            yield from found
    for sentence in said(table.wrong):
        yield place, sentence


def as_tuple(value: Any) -> Any:
    """A list is a tuple, and any other value a tuple of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def product(table: Table, names: list[str]) -> Iterator[Mapping[str, Setting]]:
    """One mapping per combination of the values of these keys, each one value or a grid."""
    grids = [as_tuple(getattr(table, name)) for name in names]
    for values in itertools.product(*grids):
        yield dict(zip(names, values, strict=True))


def one_by_one(table: Table, names: list[str]) -> Iterator[Mapping[str, Setting]]:
    """The part of `product` that differs in one key from the first value of every grid."""
    grids = {name: as_tuple(getattr(table, name)) for name in names}
    first = {name: grid[0] for name, grid in grids.items()}
    yield first
    for name, grid in grids.items():
        for value in grid[1:]:
            yield {**first, name: value}


def combinations(table: Table) -> int:
    """Number of values of `product` of all its grids; a list of tables is none."""
    grids = (value for value in table.__dict__.values() if isinstance(value, tuple))
    return math.prod(len(grid) for grid in grids if grid and not isinstance(grid[0], Table))


def _as_whole(value: Any) -> Any:
    """1e4 is a whole number, though TOML calls it a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


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


def _held_by_float32(value: float) -> float:
    if 0 < abs(value) < SMALLEST:
        raise ValueError(f"{value:g} is out of range: give 0, or a number above {SMALLEST:g}")
    return value


MOST = 10**12
"""The largest count of anything: steps, samples, units."""
DEEPEST = 1_000
"""The largest number of layers."""
LARGEST, SMALLEST = 1e30, 1e-30
"""Largest number that float32 holds with room for squares of sums."""

Whole = Annotated[int, BeforeValidator(_as_whole)]
PositiveInt = Annotated[Whole, Field(gt=0, le=MOST)]
Depth = Annotated[Whole, Field(gt=0, le=DEEPEST)]
NonNegativeFloat = Annotated[float, Field(ge=0, le=LARGEST), AfterValidator(_held_by_float32)]
PositiveFloat = Annotated[float, Field(gt=0, le=LARGEST), AfterValidator(_held_by_float32)]


def _plain(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; write some text")
    if not text.isprintable():
        raise ValueError("has a line break or control character; write one line of plain text")
    return text


Line = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_plain)]
"""A line of plain text."""

_Value = TypeVar("_Value")
Grid = Annotated[
    tuple[_Value, ...], BeforeValidator(as_tuple), Field(min_length=1), AfterValidator(_distinct)
]
"""One value or a list of different ones."""
Dims = Grid[PositiveInt]
Floats = Grid[NonNegativeFloat]
Positives = Grid[PositiveFloat]
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
Texts = Annotated[tuple[str, ...], BeforeValidator(as_tuple), AfterValidator(_distinct)]
"""The same, of names."""
Formulas = Annotated[tuple[Formula, ...], BeforeValidator(as_tuple), AfterValidator(_distinct)]
