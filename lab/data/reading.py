"""Coordinates and targets of a file or a bundled set, their hash, and their division.

    .csv .tsv .json …          a table: the column `target`, named y unless told, and the others
    .npz                       the arrays X and y, or the one that `target` names
    .npy                       a matrix, of which `target` is the number of a column
    digits, friedman1, …       a set that comes with scikit-learn, with its own targets

The readers are those of `lab dimension` (`lab.dimension.points`): nothing in a file is executed,
and what is missing, infinite, constant or no number is refused. The hash is of the numbers as they
were read, in their order, whatever the file, its format and its columns are called.

A pool to learn from, a validation set and a test set are divided by a shuffle of its own seed, the
same for every unit; classes are spread so that each has its share everywhere. Means and standard
deviations are those of the pool alone. Targets that are numbers have mean 0 and variance 1 on the
pool; class c is the unit vector e_c.

`facts` is what a study knows of its data before anything is trained, the dimension d of the pool
among it: the median of the estimates that look at the nearest neighbours, corrected for their bias,
and the hull of their 95 % intervals, for on real data they differ by scale more than by sampling.

What it does not do: fill in what is missing, or draw random orders of the pool.
"""

from __future__ import annotations

import functools
import hashlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lab.data.user_data import DatasetQuery, DatasetSummary, Split, UserDataSpec
from lab.dimension.neighbours import PointsError
from lab.dimension.points import (
    BUNDLED,
    GENERATED,
    SAMPLES,
    PointSource,
    array_source,
    asked_columns,
    opened,
    rows_of,
    unpacked,
    varying,
)
from lab.mistakes import StudyError
from lab.scaling.tables.files import ending
from lab.scaling.tables.rows import empty, quote

TARGET = "y"
"""The name of the targets unless told."""
MOST_LABELS = 1000
"""Labels of a column that become coordinates."""
SEED = 0
"""Number of points of generated sets."""


@dataclass(frozen=True, eq=False)
class Content:
    """Points and targets as read, row by row, and sentences about what was left out. Equal
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


def read(asked: DatasetQuery) -> Content:
    """The content of a file or a bundled set.

    Raises PointsError, one sentence, for everything that cannot be read as finite, varying numbers
    with a target for each.
    """
    return _read(asked, _stamp(asked.path))


def _stamp(path: str) -> tuple[int, int] | None:
    """Stamp that changes when a file does; None for what is no file."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=8)
def _read(asked: DatasetQuery, stamp: tuple[int, int] | None) -> Content:
    if asked.path in BUNDLED + GENERATED:
        return _bundled(asked)
    try:
        return _file(asked)
    except PointsError as error:
        said = re.sub("`(columns|where)`", r"task.\1", str(error))
        raise PointsError(said) from None


def _file(asked: DatasetQuery) -> Content:
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


def _one_hot(found: PointSource, name: str, keep: np.ndarray) -> tuple[np.ndarray, list[str]]:
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


def _matrix(of: PointSource, columns: list[str], keep: np.ndarray) -> np.ndarray:
    """Numbers without a gap: what is learned from decides a result, so the lab fills in nothing."""
    values = of.matrix(columns, keep).astype(np.float64, copy=False)
    bad = ~np.isfinite(values)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        name = quote(columns[j])
        remedy = f"{name} is not missing" if np.isnan(values[i, j]) else f"{name} < 1e308"
        raise PointsError(
            f"{of.name}, {of.places()[int(keep[i])]}: {columns[j]} is {values[i, j]}; fill it in "
            f"or leave the row or the column out, as by `where` \"{remedy}\"."
        )
    return values


def _bundled(asked: DatasetQuery) -> Content:
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


LEAST = 20
"""Points of the pool, the validation set and the test set, each."""
MOST_CLASSES = 1000
LOCAL = ("two-nn-mle", "mle", "gride")
"""The estimates that d is of: 2, 10 and 4 nearest neighbours."""


@dataclass(frozen=True)
class Pool:
    """Points and targets, standardised, row by row."""

    x: Float[np.ndarray, "pool D_amb"]
    y: Float[np.ndarray, "pool out"]
    x_validation: Float[np.ndarray, "validation D_amb"]
    y_validation: Float[np.ndarray, "validation out"]
    x_test: Float[np.ndarray, "test D_amb"]
    y_test: Float[np.ndarray, "test out"]


def divided(task: UserDataSpec) -> Pool:
    """The data of a task. Raises StudyError if they changed since the task was read."""
    try:
        found = read(task.asked)
    except PointsError as error:
        raise StudyError([str(error)]) from None
    if found.hash != task.content:
        raise StudyError(
            [f"{task.asked.path}: has changed since the study was read; start again with the data "
             "as they are now"]
        )  # fmt: skip
    return _pool(found, task.split)


def facts(asked: DatasetQuery, split: Split, *, measured: bool) -> DatasetSummary:
    """Summary of the data for a study; measured: whether their dimension is asked.

    Raises PointsError, one sentence, for data that no study can be made of.
    """
    return _facts(read(asked), split, measured)


@functools.lru_cache(maxsize=8)
def _pool(content: Content, split: Split) -> Pool:
    parts = _divided(content, split)
    x = _standardised(content.x, parts[0], split.standardise)
    y = _unit_vectors(content) if split.classes else _centred(content, parts[0])
    return Pool(*(array[part] for part in parts for array in (x, y)))


@functools.lru_cache(maxsize=8)
def _facts(content: Content, split: Split, measured: bool) -> DatasetSummary:
    _refuse(content, split)
    found = _pool(content, split)
    dim, ends, said = _dimension(found) if measured else (None, None, ())
    sizes = len(found.x), len(found.x_validation), len(found.x_test)
    outputs = found.y.shape[1]
    targets = f"{outputs} classes" if split.classes else (
        "one target" if outputs == 1 else f"{outputs} targets"
    )  # fmt: skip
    notes = (
        f"The data, {content.name}: {sum(sizes)} points of {content.x.shape[1]} coordinates with "
        f"{targets}; {sizes[0]} are the pool, {sizes[1]} the validation set and {sizes[2]} the "
        f"test set (sha256 {content.hash[:12]}).",
        *content.warnings,
        *_repeated(found),
        *_copied(content),
        *said,
    )
    return DatasetSummary(
        content.hash, content.x.shape[1], outputs, sizes[0], sizes[1], sizes[2], dim, ends, notes
    )


def _refuse(content: Content, split: Split) -> None:
    """Raise PointsError for data that no study can be made of."""
    name, n, y = content.name, len(content.x), content.y
    if content.labels and not split.classes:
        some = ", ".join(map(repr, content.labels[:3]))
        raise PointsError(
            f"{name}: the targets are text ({some}, …), not real numbers; take targets = "
            "\"classes\", with loss = \"mse\" or \"cross-entropy\"."
        )
    validation, test = round(n * split.validation), round(n * split.test)
    sizes = (n - validation - test, validation, test)
    if min(sizes) < LEAST:
        raise PointsError(
            f"{name} has {n} points, which makes a pool of {sizes[0]}, {sizes[1]} for validation "
            f"and {sizes[2]} for the test; each needs {LEAST}, give more points or other shares."
        )
    if not split.classes:
        if (y == y[0]).all(axis=0).any():
            raise PointsError(f"{name}: a target is constant, and there is nothing to learn.")
        return
    if y.shape[1] > 1 or (y != np.round(y)).any():
        raise PointsError(
            f"{name}: classes are one column of integers, and these targets are not; take targets "
            "= \"numbers\" with loss = \"mse\"."
        )
    labels, counts = np.unique(y, return_counts=True)
    if labels.size < 2:
        raise PointsError(f"{name}: all points are of class {labels[0]:g}; give two at least.")
    if labels.size > MOST_CLASSES:
        raise PointsError(
            f"{name} has {labels.size} classes, and {MOST_CLASSES} are the limit; are these "
            "numbers? Then take targets = \"numbers\"."
        )
    parts = _divided(content, split)
    for c, label in enumerate(labels):
        if any(not (y[part] == label).any() for part in parts):
            raise PointsError(
                f"{name}: class {label:g} has {counts[c]} points, too few for pool, validation and "
                "test set; leave it out or give more."
            )


def _divided(content: Content, split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the pool, the validation set and the test set."""
    n = len(content.x)
    rng = np.random.default_rng([zlib.crc32(b"split"), split.seed])
    order = rng.permutation(n)
    if split.classes:  # every stretch of the order has each class in proportion
        _, label, counts = np.unique(content.y[order, 0], return_inverse=True, return_counts=True)
        rank = np.empty(n)
        for c, count in enumerate(counts):
            rank[label == c] = (np.arange(count) + rng.uniform()) / count
        order = order[np.argsort(rank, kind="stable")]
    test, validation = round(n * split.test), round(n * split.validation)
    return order[test + validation :], order[test : test + validation], order[:test]


def _standardised(x: np.ndarray, rows: np.ndarray, how: str) -> np.ndarray:
    """Columns without their mean, divided by one scale or by one each; a column that is constant on
    the pool says nothing there, and is zero everywhere."""
    centred = x - x[rows].mean(axis=0)
    spread = centred[rows].std(axis=0)
    told = spread > 1e-12 * np.abs(x[rows]).max(axis=0, initial=0)
    scale = spread if how == "columns" else np.full_like(spread, np.sqrt(np.mean(spread**2)))
    return np.where(told, centred, 0.0) / np.where(told, scale, 1.0)


def _centred(content: Content, rows: np.ndarray) -> np.ndarray:
    y = content.y[rows]
    spread = y.std(axis=0)
    if not (spread > 0).all():
        raise PointsError(f"{content.name}: a target is constant on the pool; give more points.")
    return (content.y - y.mean(axis=0)) / spread


def _unit_vectors(content: Content) -> np.ndarray:
    labels, at = np.unique(content.y[:, 0], return_inverse=True)
    return np.eye(labels.size)[at]


def _repeated(found: Pool) -> tuple[str, ...]:
    """Warning: test points are also in the training pool."""
    known = {row.tobytes() for row in found.x}
    n = sum(row.tobytes() in known for row in found.x_test)
    if not n:
        return ()
    return (
        f"{n} of the {len(found.x_test)} test points have the coordinates of a point of the pool, "
        "so their loss measures memorisation.",
    )


def _copied(content: Content) -> tuple[str, ...]:
    """Warning: a coordinate equals the target but for its unit."""
    y = content.y - content.y.mean(axis=0)
    x = content.x - content.x.mean(axis=0)
    size = np.sqrt((x * x).sum(axis=0))
    for target in y.T:
        along = np.abs(target @ x) / np.maximum(size * np.sqrt(target @ target), 1e-300)
        same = np.flatnonzero(along > 1 - 1e-12)
        if same.size:
            name = content.columns[same[0]] if content.columns else str(same[0])
            return (
                f"The coordinate {name} is the target but for its unit: there is nothing to learn "
                "that it does not say; leave it out by task.columns.",
            )
    return ()


def _dimension(found: Pool) -> tuple[float, tuple[float, float], tuple[str, ...]]:
    """d of the pool, its interval, and sentences."""
    from lab.dimension.measurement import measure

    said = measure(found.x)
    local = [e for e in said.estimates if e.method in LOCAL and e.dimension > 0]
    if not local:
        raise PointsError("the dimension of the pool cannot be measured; give it as task.dim.")
    centre = float(np.median([e.corrected or e.dimension for e in local]))
    ends = [e.corrected_interval or e.interval for e in local]
    low, high = min(lo for lo, _ in ends), max(hi for _, hi in ends)
    high = min(high, float(found.x.shape[1]))  # where the correction knows no end, coordinates do
    d, low, high = (float(f"{value:.3g}") for value in (centre, low, high))
    words = (
        f"Measured on the pool: d = {d:g}, interval [{low:g}, {high:g}], the median and the hull "
        f"of {', '.join(LOCAL[:-1])} and {LOCAL[-1]}, corrected for bias; a prediction with d is "
        "judged at both ends of it."
    )
    return d, (low, high), (words, *said.warnings)
