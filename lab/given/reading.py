"""Coordinates and targets of a file or a bundled set, and the hash of their content.

    .csv .tsv .json …          a table: the column `target`, named y unless told, and the others
    .npz                       the arrays X and y, or the one that `target` names
    .npy                       a matrix, of which `target` is the number of a column
    digits, friedman1, …       a set that comes with scikit-learn, with its own targets

The readers are those of `lab dimension` (`lab.dimension.points`): nothing in a file is executed,
and what is missing, infinite, constant or no number is refused. The hash is of the numbers as they
were read, in their order, whatever the file, its format and its columns are called.

What it does not do: split, standardise, or fill in what is missing.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lab.dimension.neighbours import PointsError
from lab.dimension.points import (
    BUNDLED,
    GENERATED,
    SAMPLES,
    Source,
    array_source,
    asked_columns,
    opened,
    rows_of,
    unpacked,
    varying,
)
from lab.kinds.given import Asked
from lab.scaling.tables.formats import ending
from lab.scaling.tables.rows import quote

__all__ = ["Content", "PointsError", "read"]

TARGET = "y"
"""The name of the targets unless told."""
SEED = 0
"""Of generated sets."""


@dataclass(frozen=True, eq=False)
class Content:
    """What was read: points and targets, row by row, and sentences about what was left out. Equal
    are contents of one name and hash."""

    name: str
    x: Float[np.ndarray, "n D_amb"]
    y: Float[np.ndarray, "n out"]
    warnings: tuple[str, ...] = ()

    @functools.cached_property
    def hash(self) -> str:
        """sha256 of the numbers, in hex."""
        found = hashlib.sha256()
        for array in (self.x, self.y):
            found.update(str(array.shape).encode())
            found.update(np.ascontiguousarray(array, "<f8").tobytes())
        return found.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Content):
            return NotImplemented
        return (self.name, self.hash) == (other.name, other.hash)

    def __hash__(self) -> int:
        return hash((self.name, self.hash))


def read(asked: Asked) -> Content:
    """The content of a file or a bundled set.

    Raises PointsError, one sentence, for everything that cannot be read as finite, varying numbers
    with a target for each.
    """
    return _read(asked, _stamp(asked.path))


def _stamp(path: str) -> tuple[int, int] | None:
    """What changes when a file does; None for what is no file."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=8)
def _read(asked: Asked, stamp: tuple[int, int] | None) -> Content:
    if asked.path in BUNDLED + GENERATED:
        return _bundled(asked)
    try:
        return _file(asked)
    except PointsError as error:
        said = str(error).replace("--columns", "task.columns").replace("--where", "task.where")
        raise PointsError(said) from None


def _file(asked: Asked) -> Content:
    path, target = Path(asked.path), asked.target or TARGET
    if ending(path) == ".npz" and path.is_file():
        name, array, columns, notes = unpacked(path, asked.columns)
        found = array_source(name, array, notes=notes)
        label, of = unpacked(path, f"{target}:")[:2]
        targets = array_source(label, of[:, None] if of.ndim == 1 else of)
        if targets.n != found.n:
            raise PointsError(
                f"{path}: {name.rpartition(':')[2]} has {found.n} rows and {target} has "
                f"{targets.n}; every point needs its target."
            )
        wanted, named = asked_columns(found, columns), list(targets.columns)
    else:
        found, columns = opened(path, asked.columns)
        targets, named = found, asked_columns(found, target)
        wanted = [c for c in asked_columns(found, columns) if c not in named]
        if not wanted:
            raise PointsError(f"{path} has no column besides {target}; a target needs coordinates.")
    keep = rows_of(found, asked.where)
    points = varying(found.name, wanted, _matrix(found, wanted, keep), leave_out=False)
    y = _matrix(targets, named, keep)
    return Content(found.name, points.values, y, (*found.notes, *points.warnings))


def _matrix(of: Source, columns: list[str], keep: np.ndarray) -> np.ndarray:
    """Numbers without a gap: what is learned from decides a result, and nobody else fills it in."""
    values = of.matrix(columns, keep).astype(np.float64, copy=False)
    bad = ~np.isfinite(values)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        name = quote(columns[j])
        remedy = f"{name} is not missing" if np.isnan(values[i, j]) else f"{name} < 1e308"
        raise PointsError(
            f"{of.name}, {of.places()[int(keep[i])]}: {columns[j]} is {values[i, j]}; fill it in "
            f"or leave the row or the column out, as by --where \"{remedy}\"."
        )
    return values


def _bundled(asked: Asked) -> Content:
    """A set that comes with scikit-learn; generated ones with label noise of their own."""
    from sklearn import datasets

    if asked.path in GENERATED:
        make = getattr(datasets, f"make_{asked.path}")
        x, y = make(n_samples=asked.points or SAMPLES, random_state=SEED)
        noise = np.random.default_rng(SEED).standard_normal(len(y))
        y = y + asked.noise * y.std() * noise
        x, y = x.astype(np.float32), y.astype(np.float32)  # the same under any library of sines
    else:
        found = getattr(datasets, f"load_{asked.path}")()
        x, y = found.data, found.target
    names = [*map(str, range(x.shape[1]))]
    points = varying(asked.path, names, x.astype(float), leave_out=True)
    return Content(
        asked.path, points.values, np.asarray(y, float).reshape(len(x), -1), points.warnings
    )
