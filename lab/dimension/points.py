"""The points of a file, or of a data set that comes with scikit-learn.

    .csv .tsv .json .parquet   a table whose columns are coordinates, read as `lab fit` reads it
    .npy                       an array, one row per point
    .npz                       the array X, the only one, or the one that `columns` begins with,
                               as in "train:0,1,2" or "train:"
    digits, swiss_roll, …      a bundled set by its name; generated ones have 2000 points

Nothing in a file is executed: arrays are read without pickle. Every mistake is one sentence.

What it does not do: fill in missing values, standardise, or encode text.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lab.dimension.neighbours import PointsError
from lab.mistakes import guessed, unknown
from lab.scaling.tables.formats import ENDINGS, ending, read_rows
from lab.scaling.tables.rows import NUMBER, Rows, TableError
from lab.scaling.tables.where import ConditionError, parse_condition

ARRAYS = (".npy", ".npz")
BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
GENERATED = ("friedman1", "friedman2", "friedman3", "s_curve", "swiss_roll")
SAMPLES = 2000
VARYING = "varying"
"""What `columns` says to take all columns that are not constant."""
NAMED = 5
"""How many offending columns a sentence names."""


@dataclass(frozen=True)
class Points:
    """Coordinates with their names, and what was left out of them."""

    name: str
    columns: tuple[str, ...]
    values: Float[np.ndarray, "n ambient"]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Columns by name before any is chosen. `numbers(name, rows)` gives finite coordinates."""

    name: str
    columns: tuple[str, ...]
    n: int
    numbers: Callable[[str, np.ndarray], np.ndarray]
    cells: Callable[[str], list]
    places: Callable[[], list[str]]


def read_points(source: str | Path, columns: str | None = None, where: str | None = None) -> Points:
    """The points of a file or of a bundled set.

    Args:
        source: a path, or the name of a bundled set.
        columns: names of the coordinates, separated by commas (numbers from 0 for arrays);
            'varying' takes all that are not constant; default: all.
        where: which rows to take, as in `lab fit`.

    Raises PointsError, one sentence, for everything that cannot be read as finite, varying numbers.
    """
    name = str(source)
    if name in BUNDLED + GENERATED:
        found, chosen, bundled = _bundled(name), columns, True
    else:
        (found, chosen), bundled = opened(Path(source), columns), False
    keep = rows_of(found, where)
    asked = asked_columns(found, chosen)
    values = np.empty((keep.size, len(asked)))
    for j, column in enumerate(asked):
        values[:, j] = found.numbers(column, keep)
    return varying(found.name, asked, values, leave_out=bundled or chosen == VARYING)


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
            else f"leave {'it' if len(names) == 1 else 'them'} out by --columns, or give "
            f"--columns {VARYING}"
        )
        raise PointsError(f"{name}: {said} {many} constant; {remedy}.")
    if len(values) < 2 or not constant.any():
        return Points(name, tuple(asked), values)
    kept = tuple(c for c, same in zip(asked, constant, strict=True) if not same)
    gone = int(constant.sum())
    said = "1 constant column was" if gone == 1 else f"{gone} constant columns were"
    return Points(name, kept, values[:, ~constant], (f"{said} left out.",))


# ---- which rows and columns ----


def rows_of(found: Source, where: str | None) -> np.ndarray:
    if where is None:
        return np.arange(found.n)
    try:
        parts = parse_condition(where)
        for part in parts:
            _known(found, part.column)
        used = dict.fromkeys(part.column for part in parts)
        table = Rows(found.name, {c: found.cells(c) for c in used}, found.places())
        keep = list(range(found.n))
        for part in parts:
            keep = part.rows(table, keep)
    except (ConditionError, TableError) as error:
        raise PointsError(str(error)) from None
    if not keep:
        raise PointsError(f"{found.name} has no rows where {where}.")
    return np.array(keep, dtype=np.int64)


def asked_columns(found: Source, columns: str | None) -> list[str]:
    if columns is None or (columns == VARYING and VARYING not in found.columns):
        return list(found.columns)
    asked = [name.strip() for name in columns.split(",")]
    for name in asked:
        _known(found, name)
    twice = next((name for name in asked if asked.count(name) > 1), None)
    if twice is not None:
        raise PointsError(f"--columns names {twice!r} twice; keep one.")
    return asked


def _known(found: Source, column: str) -> None:
    if column not in found.columns:
        known = found.columns[:20]
        more = "" if len(known) == len(found.columns) else ", …"
        near = guessed("column", column, found.columns)
        raise PointsError(f"{found.name}: {near}; its columns are {', '.join(known)}{more}.")


# ---- files ----


def opened(path: Path, columns: str | None) -> tuple[Source, str | None]:
    kind = ending(path)
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
    if not path.is_file():
        raise PointsError(f"{path} is not a file; give a path, or the name of a bundled set.")
    if kind in ENDINGS:
        try:
            return _table(read_rows(path)), columns
        except TableError as error:
            raise PointsError(str(error)) from None
    return _loaded(path, columns)


def _table(rows: Rows) -> Source:
    header = tuple(rows.columns)
    if header and all(NUMBER.fullmatch(name) for name in header):
        raise PointsError(
            f"{rows.path}: its first line is {', '.join(header[:3])}, numbers where the names of "
            "the columns belong; add a line of names."
        )
    if "" in header:
        raise PointsError(f"{rows.path} has a column without a name; name it in the first line.")

    def numbers(name: str, keep: np.ndarray) -> np.ndarray:
        return _cells(rows, name, keep)

    return Source(
        rows.path, header, len(rows), numbers, lambda name: rows.columns[name], lambda: rows.places
    )


def _cells(rows: Rows, name: str, keep: np.ndarray) -> np.ndarray:
    """One column of a table as finite numbers."""
    out = np.empty(keep.size)
    for j, i in enumerate(keep.tolist()):
        try:
            value = rows.number(name, i)
        except TableError as error:
            said = str(error).rstrip(".")
            raise PointsError(
                f"{rows.path}, {said}; choose the numeric columns by --columns."
            ) from None
        if value is None or not np.isfinite(value):
            what = "empty" if value is None else value
            raise PointsError(
                f"{rows.path}, {rows.places[i]}: {name} is {what}; fill it in or leave the row or "
                f"the column out, as by --where \"{name} is not missing\"."
            )
        out[j] = value
    return out


def _loaded(path: Path, columns: str | None) -> tuple[Source, str | None]:
    """The array of a file as a source, and the columns to take of it."""
    name, found, rest = unpacked(path, columns)
    return array_source(name, found), rest


def unpacked(path: Path, columns: str | None) -> tuple[str, np.ndarray, str | None]:
    """The name of the array in a file, the array, and the columns to take of it; nothing is
    unpickled. Raises PointsError, one sentence."""
    failures = (
        ValueError, OSError, EOFError, MemoryError, KeyError, SyntaxError, OverflowError,
        zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, TypeError,
    )  # fmt: skip
    name, rest = str(path), columns
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.ndarray):
                which, rest = _member(path, found.files, columns)
                name, found = f"{path}:{which}", found[which]
    except PointsError:
        raise
    except failures as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        if "allow_pickle" in reason:
            reason = "it holds Python objects, which are not read; save it as numbers"
        raise PointsError(f"{path} cannot be read: {reason.rstrip('.')}.") from None
    return name, found, rest


def _member(path: Path, names: list[str], columns: str | None) -> tuple[str, str | None]:
    """Which array of an archive, and the columns to take of it."""
    if not names:
        raise PointsError(f"{path} holds no arrays.")
    name, sign, rest = (columns or "").partition(":")
    if sign:
        if name not in names:
            raise PointsError(f"{path}: {unknown('array', name, names)}.")
        return name, rest.strip() or None
    if "X" in names or len(names) == 1:
        return "X" if "X" in names else names[0], columns
    raise PointsError(
        f"{path} holds the arrays {', '.join(names)} and no X; say which, as in --columns "
        f"{names[0]}:"
    )


def array_source(name: str, array: np.ndarray, columns: tuple[str, ...] | None = None) -> Source:
    if array.dtype.kind not in "iuf":
        raise PointsError(f"{name} holds values of type {array.dtype}, not real numbers.")
    if array.ndim != 2 or array.shape[1] == 0:
        shape = " × ".join(map(str, array.shape)) or "a single number"
        raise PointsError(
            f"{name} is {shape}; it must have one row per point, as x.reshape(len(x), -1) has."
        )
    columns = columns or tuple(map(str, range(array.shape[1])))
    at = {column: j for j, column in enumerate(columns)}

    def numbers(column: str, keep: np.ndarray) -> np.ndarray:
        values = array[keep, at[column]].astype(np.float64)
        bad = ~np.isfinite(values)
        if bad.any():
            row = int(keep[np.flatnonzero(bad)[0]])
            raise PointsError(
                f"{name}, row {row}, column {column} is {values[bad][0]}; leave such rows out."
            )
        return values

    return Source(
        name,
        columns,
        len(array),
        numbers,
        lambda column: array[:, at[column]].tolist(),
        lambda: [f"row {i}" for i in range(len(array))],
    )


def _bundled(name: str) -> Source:
    """A set that comes with scikit-learn; nothing is downloaded."""
    from sklearn import datasets

    if name in GENERATED:
        values = getattr(datasets, f"make_{name}")(n_samples=SAMPLES, random_state=0)[0]
        return array_source(name, values)
    found = getattr(datasets, f"load_{name}")()
    return array_source(name, found.data, tuple(map(str, found.feature_names)))
