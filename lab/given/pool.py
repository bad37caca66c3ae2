"""Given data as a task: a pool to learn from, a validation set and a test set.

The division is fixed by a shuffle of its own seed, the same for every unit; classes are spread so
that each has its share everywhere. Means and standard deviations are those of the pool alone.
Targets that are numbers have mean 0 and variance 1 on the pool; class c is the unit vector e_c.

`facts` is what a study knows of its data before anything is trained, the dimension d of the pool
among it: the median of the estimates that look at the nearest neighbours, corrected for their bias,
and the hull of their 95 % intervals, for on real data they differ by scale more than by sampling.

What it does not do: draw subsets; see `lab.task.subsets`.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.given.reading import Content, PointsError, read
from lab.kinds.given import Asked, Facts, GivenSpec, Split
from lab.mistakes import StudyError

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


def pool(task: GivenSpec) -> Pool:
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


def facts(asked: Asked, split: Split, *, measured: bool) -> Facts:
    """What a study has to know of its data; measured: whether their dimension is asked.

    Raises PointsError, one sentence, for data that no study can be made of.
    """
    return _facts(read(asked), split, measured)


@functools.lru_cache(maxsize=8)
def _pool(content: Content, split: Split) -> Pool:
    parts = _divided(content, split)
    x = _standardised(content.x, parts[0], split.standardise)
    y = _one_hot(content) if split.classes else _centred(content, parts[0])
    return Pool(*(array[part] for part in parts for array in (x, y)))


@functools.lru_cache(maxsize=8)
def _facts(content: Content, split: Split, measured: bool) -> Facts:
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
    return Facts(
        content.hash, content.x.shape[1], outputs, sizes[0], sizes[1], sizes[2], dim, ends, notes
    )


def _refuse(content: Content, split: Split) -> None:
    """What no study can be made of, as PointsError."""
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


def _one_hot(content: Content) -> np.ndarray:
    labels, at = np.unique(content.y[:, 0], return_inverse=True)
    return np.eye(labels.size)[at]


def _repeated(found: Pool) -> tuple[str, ...]:
    """Said where test points are points of the pool."""
    known = {row.tobytes() for row in found.x}
    n = sum(row.tobytes() in known for row in found.x_test)
    if not n:
        return ()
    return (
        f"{n} of the {len(found.x_test)} test points have the coordinates of a point of the pool, "
        "and their loss is one of memory.",
    )


def _copied(content: Content) -> tuple[str, ...]:
    """Said where a coordinate is the target itself, but for its unit."""
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
