"""Rows that look like checkpoints of one model, which are not independent.

A model trained once gives a row per checkpoint, and what is peculiar to it (shape, data order,
seed) is in all of them. An interval over rows is then too short, often by a factor of two;
whole models must be resampled. Two signs are looked for, in columns that no one named as a group:

    named    a column whose name has one of the words in NAMED (model, run, teacher, …) with at
             least three labels, most rows in labels of two rows or more. A label of a `model`
             has one size throughout: else it names an architecture.
    shared   the size (x of a law of two variables, or a column of SIZES beside an x of DATA) takes
             values on three rows or more, each with another amount of data; so for most rows. In
             the file the data rise within each size, as a log of a training has them, or the
             residuals are alike within sizes, as those of a designed grid are not (F, p < 0.01).

The sentence quotes the intraclass correlation of the residuals (Fisher 1925), near 1 where groups
matter and near 0 where they do not:

    (s_b² − s_w²)/(s_b² + (n₀ − 1) s_w²),  mean squares between and within groups of n₀ rows.

What it does not do: decide. A grid of independent trainings looks the same when it is sorted.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from lab.scaling.tables.rows import Rows

NAMED = frozenset({"model", "run", "teacher", "group", "trial", "experiment", "trajectory", "job"})
SIZES = frozenset({"parameters", "params", "param", "n", "size", "width"})
DATA = frozenset(
    {
        "tokens",
        "token",
        "d",
        "data",
        "samples",
        "examples",
        "steps",
        "step",
        "iterations",
        "epochs",
        "epoch",
    }
)
ALIKE = 0.01


def looks_like_checkpoints(
    rows: Rows,
    keep: Sequence[int],
    names: Mapping[str, str],
    residual: Float[np.ndarray, " points"],
) -> str | None:
    """A sentence about rows that belong together and its remedy, or None.

    rows, keep: the table and the rows fitted. names: variable → column (x, or x and y of a law of
        size and data, and L).
    residual: of each row fitted.
    """
    size, data = (names["x"], names["y"]) if "y" in names else (None, names["x"])
    used = set(names.values())
    sizes = (
        [size]
        if size
        else [
            name
            for name in rows.columns
            if name not in used and _words(name) & SIZES and _words(data) & DATA
        ]
    )
    for name in rows.columns:
        words = _words(name)
        if name in used or not words & NAMED:
            continue
        label = _labels(rows, name, keep)
        one_size = (
            "model" not in words
            or not sizes
            or all(
                len({rows.text(sizes[0], keep[i]) for i in np.flatnonzero(label == g).tolist()})
                == 1
                for g in range(label.max() + 1)
            )
        )
        if label.max() >= 2 and one_size and _share(label, 2) > 0.5:
            return _sentence(
                name, label, residual, f"{label.size} rows have {label.max() + 1} values of {name}"
            )
    for name in sizes:
        label = _labels(rows, name, keep)
        if label.max() < 2 or _share(label, 3) <= 0.5:
            continue
        along = rows.numbers(data, keep)
        members = [np.flatnonzero(label == g) for g in range(label.max() + 1)]
        inside = [along[m] for m in members if m.size >= 3]
        if any(np.unique(part).size < part.size / 2 or np.ptp(part) == 0 for part in inside):
            continue
        steps = np.sign(np.concatenate([np.diff(part) for part in inside]))
        if abs(steps.mean()) > 0.6 or intraclass(label, residual)[1] < ALIKE:
            return _sentence(
                name,
                label,
                residual,
                f"{label.size} rows share {label.max() + 1} values of {name} and differ in {data}",
            )
    return None


def intraclass(
    label: Int[np.ndarray, " points"], value: Float[np.ndarray, " points"]
) -> tuple[float, float]:
    """Intraclass correlation, and p of `groups do not differ` (F)."""
    n, count = value.size, np.bincount(label)
    mean = np.bincount(label, value) / count
    dof = count.size - 1, n - count.size
    if min(dof) < 1:
        return np.nan, np.nan
    between = count @ (mean - value.mean()) ** 2 / dof[0]
    within = max(((value - mean[label]) ** 2).sum() / dof[1], 1e-300)
    per_group = (n - (count**2).sum() / n) / dof[0]
    return (
        float((between - within) / (between + (per_group - 1) * within)),
        float(special.fdtrc(*dof, between / within)),
    )


def _sentence(name: str, label: np.ndarray, residual: np.ndarray, what: str) -> str:
    correlation, p = intraclass(label, residual)
    like = "are alike" if p < ALIKE else "are not alike beyond chance"
    return (
        f"{what}: if those are checkpoints of one model or otherwise belong together, they "
        f"are not independent (their residuals {like}, intraclass correlation "
        f"{correlation:.2f}) and intervals that count rows are wrong, mostly too short; give "
        f"--group {name!r} to count them together."
    )


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def _labels(rows: Rows, name: str, keep: Sequence[int]) -> Int[np.ndarray, " points"]:
    """The label of each row as an integer; rows without one are alone."""
    found = [rows.text(name, i) or f"\0{i}" for i in keep]
    return np.unique(found, return_inverse=True)[1]


def _share(label: np.ndarray, least: int) -> float:
    """Share of rows in labels of at least `least` rows."""
    count = np.bincount(label)
    return float(count[count >= least].sum() / label.size)
