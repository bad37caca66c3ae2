"""Values of a study file: strict tables, numbers, and grids of different values.

Any value of a grid may stand alone or in a list. Numbers are finite, and neither text nor true and
false are numbers.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    Tag,
)

Setting = float | int | str
"""One value of a grid."""


class Table(BaseModel):
    """A table of a study file: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def as_tuple(value: Any) -> Any:
    """A list is a tuple, and any other value a tuple of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def product(table: Table, names: list[str]) -> Iterator[Mapping[str, Setting]]:
    """One mapping per combination of the values of these keys, each one value or a grid."""
    grids = [as_tuple(getattr(table, name)) for name in names]
    for values in itertools.product(*grids):
        yield dict(zip(names, values, strict=True))


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


Whole = Annotated[int, BeforeValidator(_as_whole)]
PositiveInt = Annotated[Whole, Field(gt=0)]

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
Formulas = Annotated[tuple[Formula, ...], BeforeValidator(as_tuple), AfterValidator(_distinct)]
