"""The points of a file, or of a data set that comes with scikit-learn.

    .csv .tsv .json .parquet …  a table whose columns are coordinates, read as `lab fit` reads it
    .npy                        an array, one row per point
    .npz                        the array X, the only one, or the one that `columns` begins with,
                                as in "train:0,1,2" or "train:"; a sparse matrix of SciPy
    digits, swiss_roll, …       a bundled set by its name; generated ones have 2000 points

Files are opened and bounded in `lab.scaling.tables.files`. Rows with a missing value are left out
and told. Every mistake is one sentence.

What it does not do: fill in missing values, standardise, or encode text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from lab.dimension.neighbours import PointsError
from lab.mistakes import guessed, unknown
from lab.scaling.tables.files import ARRAYS, array_of, ending, several
from lab.scaling.tables.formats import ENDINGS, Places, read_rows
from lab.scaling.tables.rows import (
    OTHER_COLUMN,
    ConditionError,
    TableError,
    UserTable,
    listed,
    parse_condition,
    quote,
)

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
GENERATED = ("friedman1", "friedman2", "friedman3", "s_curve", "swiss_roll")
SAMPLES = 2000
VARYING = "varying"
"""Value of `columns` that takes all columns of numbers that are not constant."""
NAMED = 5
"""Largest number of offending columns that a sentence names."""


@dataclass(frozen=True)
class Points:
    """Coordinates with their names, and what was left out of them."""

    name: str
    columns: tuple[str, ...]
    values: Num[np.ndarray, "n ambient"]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PointSource:
    """Columns by name before any is chosen.

    matrix(columns, rows): numbers, NaN where missing. cells(column): as they stand in the file.
    numeric(column): whether it has numbers and nothing else. places: of the rows. notes: sentences.
    """

    name: str
    columns: tuple[str, ...]
    n: int
    matrix: Callable[[list[str], np.ndarray], np.ndarray]
    cells: Callable[[str], Any]
    numeric: Callable[[str], bool]
    places: Callable[[], Any]
    notes: list[str]


def read_points(
    source: str | Path,
    columns: str | None = None,
    where: str | None = None,
    *,
    sample: int | None = None,
    decimal: str | None = None,
) -> Points:
    """The points of a file or of a bundled set.

    Args:
        source: a path, or the name of a bundled set.
        columns: names of the coordinates, separated by commas (numbers from 0 for arrays);
            'varying' takes all that are numbers and not constant; default: all.
        where: which rows to take, as in `lab fit`.
        sample: how many rows at most; more are drawn at random, the same every time.
        decimal: of tables, what separates decimals; default: as the cells tell.

    Raises PointsError, one sentence, for everything that cannot be read as finite, varying numbers.
    """
    name = str(source)
    if name in BUNDLED + GENERATED:
        found, chosen, bundled = _bundled(name), columns, True
    else:
        (found, chosen), bundled = opened(Path(source), columns, decimal), False
    keep, said = sampled(rows_of(found, where), sample)
    asked = asked_columns(found, chosen)
    values, keep, gone = complete(found, asked, keep)
    points = varying(found.name, asked, values, leave_out=bundled or chosen == VARYING)
    if chosen in (None, VARYING):
        said = [*said, *_counting(points)]
    return Points(
        points.name,
        points.columns,
        points.values.astype(np.float64, copy=False),
        (*found.notes, *said, *gone, *points.warnings),
    )


def sampled(keep: np.ndarray, sample: int | None) -> tuple[np.ndarray, list[str]]:
    """At most so many rows, in their order, and a sentence where there were more."""
    if sample is None or keep.size <= sample:
        return keep, []
    some = np.sort(np.random.default_rng(0).choice(keep, sample, replace=False))
    return some, [
        f"{sample} of {keep.size} rows were drawn at random; take more by `sample` {keep.size}."
    ]


def complete(
    found: PointSource, asked: list[str], keep: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The coordinates of the rows without a missing value, these rows, and what was left out."""
    values = found.matrix(asked, keep)
    if values.dtype.kind != "f":
        return values, keep, []
    infinite = np.isinf(values)
    if infinite.any():
        i, j = np.argwhere(infinite)[0]
        raise PointsError(
            f"{found.name}, {found.places()[keep[i]]}: {asked[j]} is {values[i, j]}; leave such "
            f"rows out, as by `where` \"{quote(asked[j])} < 1e308\", or the column."
        )
    missing = np.isnan(values)
    bad = missing.any(axis=1)
    if not bad.any():
        return values, keep, []
    lacking = [asked[j] for j in np.argsort(-missing.sum(axis=0)) if missing[:, j].any()]
    if 2 * bad.sum() > bad.size:
        raise PointsError(
            f"{found.name}: {bad.sum()} of {bad.size} rows lack a value, {lacking[0]!r} in "
            f"{missing[:, asked.index(lacking[0])].sum()}; fill it in, or leave the column out by "
            f"`columns`."
        )
    many = "1 row was" if bad.sum() == 1 else f"{bad.sum()} rows were"
    where = found.places()
    some = ", ".join(str(where[i]) for i in keep[bad][:NAMED]) + (
        ", …" if bad.sum() > NAMED else ""
    )
    names = ", ".join(lacking[:NAMED]) + (", …" if len(lacking) > NAMED else "")
    return values[~bad], keep[~bad], [f"{many} left out: no value of {names} ({some})."]


def varying(name: str, asked: list[str], values: np.ndarray, *, leave_out: bool) -> Points:
    """The points without constant columns, or a refusal that names them."""
    if not len(values):
        raise PointsError(f"{name} has no rows to measure; check the file or the condition.")
    constant = (values == values[0]).all(axis=0)
    if len(values) > 1 and constant.any() and (constant.all() or not leave_out):
        names = [repr(c) for c, same in zip(asked, constant, strict=True) if same]
        said = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        many = "is" if len(names) == 1 else "are"
        remedy = (
            "there is no dimension to measure"
            if constant.all()
            else f"leave {'it' if len(names) == 1 else 'them'} out by `columns`, or give "
            f"`columns` {VARYING}"
        )
        raise PointsError(f"{name}: {said} {many} constant; {remedy}.")
    if len(values) < 2 or not constant.any():
        return Points(name, tuple(asked), values)
    kept = tuple(c for c, same in zip(asked, constant, strict=True) if not same)
    gone = int(constant.sum())
    said = "1 constant column was" if gone == 1 else f"{gone} constant columns were"
    return Points(name, kept, values[:, ~constant], (f"{said} left out.",))


def _counting(points: Points) -> list[str]:
    """A sentence about a column that counts the rows, beside others."""
    if len(points.values) < 3 or len(points.columns) < 2:
        return []
    steps = np.diff(points.values, axis=0)
    even = np.flatnonzero((steps == steps[0]).all(axis=0) & (steps[0] != 0))
    return [
        f"column {points.columns[j]!r} counts the rows: unless it is a coordinate, leave it out by "
        "`columns`."
        for j in even[:1].tolist()
    ]


# ---- which rows and columns ----


def rows_of(found: PointSource, where: str | None) -> np.ndarray:
    if where is None:
        return np.arange(found.n)
    try:
        parts = parse_condition(where)
        for part in parts:
            _known(found, part.column)
        used = dict.fromkeys(part.column for part in parts)
        table = UserTable(found.name, {c: found.cells(c) for c in used}, found.places())
        keep = list(range(found.n))
        for part in parts:
            keep = part.rows(table, keep)
    except (ConditionError, TableError) as error:
        raise PointsError(str(error)) from None
    if not keep:
        raise PointsError(f"{found.name} has no rows where {where}.")
    return np.array(keep, dtype=np.int64)


def asked_columns(found: PointSource, columns: str | None) -> list[str]:
    if columns == VARYING and VARYING not in found.columns:
        names = [name for name in found.columns if found.numeric(name)]
        gone = [repr(name) for name in found.columns if name not in names]
        if gone:
            said = ", ".join(gone[:NAMED]) + (", …" if len(gone) > NAMED else "")
            found.notes.append(f"Columns that are no numbers were left out: {said}.")
        if not names:
            raise PointsError(f"{found.name} has no column of numbers; check how it is separated.")
        return names
    if columns is None:
        return list(found.columns)
    asked = [columns.strip()] if columns.strip() in found.columns else listed(columns)
    for name in asked:
        _known(found, name)
    twice = next((name for name in asked if asked.count(name) > 1), None)
    if twice is not None:
        raise PointsError(f"`columns` names {twice!r} twice; keep one.")
    return asked


def _known(found: PointSource, column: str) -> None:
    if column not in found.columns:
        known = found.columns[:20]
        more = "" if len(known) == len(found.columns) else ", …"
        near = guessed("column", column, found.columns)
        hint = (
            "; write a name with a comma in it in double quotes"
            if any("," in name for name in found.columns)
            else ""
        )
        raise PointsError(f"{found.name}: {near}; its columns are {', '.join(known)}{more}{hint}.")


# ---- files ----


def opened(
    path: Path, columns: str | None, decimal: str | None = None
) -> tuple[PointSource, str | None]:
    kind = ending(path)
    if several(path):
        kind = ENDINGS[0]
    if kind not in (*ENDINGS, *ARRAYS):
        if kind or path.exists():
            raise PointsError(
                f"{path}: its ending is none of {', '.join((*ENDINGS, *ARRAYS))}; rename it or "
                "save it in one of these formats."
            )
        raise PointsError(
            f"{path}: {unknown('data set', path.name, BUNDLED + GENERATED)}; a file needs its "
            "ending."
        )
    if not (path.is_file() or several(path)):
        raise PointsError(f"{path} is not a file; give a path, or the name of a bundled set.")
    if kind in ENDINGS:
        try:
            return table_source(read_rows(path, decimal=decimal)), columns
        except TableError as error:
            raise PointsError(str(error)) from None
    return _loaded(path, columns)


def table_source(rows: UserTable) -> PointSource:
    """The columns of a table."""
    if "" in rows.columns:
        raise PointsError(f"{rows.path} has a column without a name; name it in the first line.")

    def matrix(names: list[str], keep: np.ndarray) -> np.ndarray:
        values = np.empty((keep.size, len(names)))
        try:
            for j, name in enumerate(names):
                found = rows.cells(name)
                values[:, j] = found.values[keep]
                wrong = keep[found.wrong[keep]]
                if wrong.size:
                    rows.number(name, int(wrong[0]))
        except TableError as error:
            said = str(error).rstrip(".").removesuffix(OTHER_COLUMN)
            remedy = f"as by `columns` {VARYING}"
            raise PointsError(
                f"{rows.path}, {said}; choose the numeric columns by `columns`, {remedy}."
            ) from None
        return values

    return PointSource(
        rows.path, tuple(rows.columns), len(rows), matrix, lambda name: rows.columns[name],
        rows.numeric, lambda: rows.places, rows.notes,
    )  # fmt: skip


def unpacked(path: Path, columns: str | None) -> tuple[str, np.ndarray, str | None, list[str]]:
    """The name of the array in a file, the array, the columns to take of it, and sentences. Raises
    PointsError, one sentence."""
    try:
        return array_of(path, columns)
    except TableError as error:
        raise PointsError(str(error)) from None


def _loaded(path: Path, columns: str | None) -> tuple[PointSource, str | None]:
    """The array of a file as a source, and the columns to take of it."""
    name, found, rest, notes = unpacked(path, columns)
    return array_source(name, found, notes=notes), rest


def array_source(
    name: str,
    array: np.ndarray,
    columns: tuple[str, ...] | None = None,
    notes: list[str] | None = None,
) -> PointSource:
    if array.dtype.kind not in "iuf":
        raise PointsError(f"{name} holds values of type {array.dtype}, not real numbers.")
    if array.ndim != 2 or array.shape[1] == 0:
        shape = " × ".join(map(str, array.shape)) or "a single number"
        raise PointsError(
            f"{name} is {shape}; it must have one row per point, as x.reshape(len(x), -1) has."
        )
    columns = columns or tuple(map(str, range(array.shape[1])))
    at = {column: j for j, column in enumerate(columns)}

    def matrix(names: list[str], keep: np.ndarray) -> np.ndarray:
        which = [at[column] for column in names]
        whole = which == list(range(array.shape[1]))
        rows = array if keep.size == len(array) else array[keep]
        found = np.array(rows if whole else rows[:, which])
        return found if found.dtype == np.float32 else found.astype(np.float64)

    return PointSource(
        name, columns, len(array), matrix, lambda column: np.array(array[:, at[column]]),
        lambda column: True, lambda: Places("row", np.arange(len(array))),
        list(notes or ()),
    )  # fmt: skip


def _bundled(name: str) -> PointSource:
    """A set that comes with scikit-learn; nothing is downloaded."""
    from sklearn import datasets

    if name in GENERATED:
        values = getattr(datasets, f"make_{name}")(n_samples=SAMPLES, random_state=0)[0]
        return array_source(name, values)
    found = getattr(datasets, f"load_{name}")()
    return array_source(name, found.data, tuple(map(str, found.feature_names)))
