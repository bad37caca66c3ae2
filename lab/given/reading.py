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
from lab.scaling.tables.rows import empty, quote

__all__ = ["Content", "PointsError", "read"]

TARGET = "y"
"""The name of the targets unless told."""
MOST_LABELS = 1000
"""Labels of a column that become coordinates."""
SEED = 0
"""Of generated sets."""


@dataclass(frozen=True, eq=False)
class Content:
    """What was read: points and targets, row by row, and sentences about what was left out. Equal
    are contents of one name and hash. labels: those of targets that are text, which then are their
    numbers in alphabetical order. columns: names of the coordinates."""

    name: str
    x: Float[np.ndarray, "n D_amb"]
    y: Float[np.ndarray, "n out"]
    warnings: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

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
        of = of[:, None] if of.ndim == 1 else of
        texts = of.dtype.kind in "USb" and of.ndim == 2 and of.shape[1] == 1
        labels: tuple[str, ...] = ()
        if texts:
            of, labels = _labelled(list(map(str, of[:, 0].tolist())))
        targets = array_source(label, of)
        if targets.n != found.n:
            raise PointsError(
                f"{path}: {name.rpartition(':')[2]} has {found.n} rows and {target} has "
                f"{targets.n}; every point needs its target."
            )
        wanted, named = asked_columns(found, columns), list(targets.columns)
    else:
        found, columns = opened(path, asked.columns)
        targets, named, labels = found, asked_columns(found, target), ()
        wanted = [c for c in asked_columns(found, columns) if c not in named]
        if len(named) == 1 and not found.numeric(named[0]):
            cells = [None if empty(cell) else str(cell).strip() for cell in found.cells(named[0])]
            if all(cell is not None for cell in cells):
                codes, labels = _labelled([cell or "" for cell in cells])
                targets, named = array_source(f"{path}:{target}", codes), ["0"]
        if not wanted:
            raise PointsError(f"{path} has no column besides {target}; a target needs coordinates.")
    keep = rows_of(found, asked.where)
    hot = [name for name in asked.one_hot if name in wanted]
    for name in asked.one_hot:
        if name not in wanted:
            raise PointsError(
                f"{path}: one_hot names {name!r}, which is no coordinate; leave it out."
            )
    plain = [name for name in wanted if name not in hot]
    parts = [_matrix(found, plain, keep)] if plain else []
    names = list(plain)
    for name in hot:
        values, called = _one_hot(found, name, keep)
        parts.append(values)
        names += called
    points = varying(found.name, names, np.concatenate(parts, axis=1), leave_out=False)
    y = _matrix(targets, named, keep)
    said = (*found.notes, *points.warnings)
    return Content(found.name, points.values, y, said, labels, points.columns)


def _labelled(cells: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as their numbers in alphabetical order, and the labels."""
    labels, at = np.unique(np.array(cells), return_inverse=True)
    return at.astype(np.float64)[:, None], tuple(labels.tolist())


def _one_hot(found: Source, name: str, keep: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """A coordinate for each label of a column, and their names."""
    every = found.cells(name)
    cells = ["" if empty(every[i]) else str(every[i]).strip() for i in keep.tolist()]
    codes, labels = _labelled(cells)
    if len(labels) > MOST_LABELS:
        raise PointsError(
            f"{found.name}: {name} has {len(labels)} labels, and {MOST_LABELS} are the limit of "
            "one_hot; leave it out."
        )
    hot = (codes == np.arange(len(labels))).astype(np.float64)
    return hot, [f"{name} = {label or 'missing'}" for label in labels]


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
