"""Axes of a study, the cells of its scans and the values that are fitted.

Axes and ordinates are words for tables and figures. The regime gives them, and the x and the
setting of every cell, once: no code downstream asks again which regime it is, what the x of a run
is or what stays fixed in its scan.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.spec import Planned, Run


@dataclass(frozen=True)
class Axis:
    """Scanned coordinate: its symbol, as in N, its words, as in "trainable parameters N", and its
    name among the coordinates (`lab.spec.COORDINATES`), "" for a regime with an x of its own."""

    symbol: str
    words: str
    coordinate: str = ""


@dataclass(frozen=True)
class Ordinate:
    """Fitted quantity: `unit` in a table, `label` at the axis of a figure, `words` that end a
    sentence."""

    unit: str
    label: str
    words: str


N = Axis("N", "trainable parameters N", "N")
HIDDEN = Axis("N_h", "weights between hidden layers N_h", "hidden")
WIDTH = Axis("w", "width w of the hidden layers", "width")
UNITS = Axis("n", "hidden units n", "units")
STUDENT_UNITS = Axis("K", "units K of the student", "units")
DATA = Axis("D", "training samples D", "D")
STEPS = Axis("S", "steps S", "S")
BATCH = Axis("B", "batch B", "batch")
COMPUTE = Axis("C", "compute C", "C")
POINTS = Axis("n", "points n", "D")

LOSS = Ordinate("relative loss", "test loss, relative", "the relative test loss")
OVER_UNLIMITED_DATA = Ordinate(
    "excess over unlimited data",
    "excess over unlimited data, relative",
    "the excess of the relative test loss over that of the same students on unlimited data",
)
DIMENSION = Ordinate(
    "relative error of d",
    "relative error of the dimension",
    "the relative error of the corrected dimension",
)


def excess_over(limit: str) -> Ordinate:
    """The mean excess over a limit that is named in words."""
    return Ordinate(
        "mean excess",
        "mean excess over the limit, relative",
        f"the mean excess of the relative loss over its limit, {limit}",
    )


Key = tuple[Any, ...]
"""A setting, everything of the grid that is neither x, teacher nor seed: the manifold, then (name,
value)."""


Size = int | tuple[int, ...]
"""A size of a scan: a number, or the widths of the layers."""


def denser(sizes: tuple[Size, ...]) -> tuple[Size, ...]:
    """The sizes, and the rounded geometric mean of every two that follow each other."""
    found: dict[Size, None] = dict.fromkeys(sizes[:1])
    for first, second in itertools.pairwise(sizes):
        if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
            pairs = zip(first, second, strict=True)
            found[tuple(round(math.sqrt(a * b)) for a, b in pairs)] = None
        elif isinstance(first, int) and isinstance(second, int):
            found[round(math.sqrt(first * second))] = None
        found[second] = None
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Cell:
    """One planned run of a study: `base` is the run of the scan that it repeats, the run itself if
    it is no check; x and setting are those of `base`."""

    planned: Planned
    base: Run
    x: int
    setting: Key

    @property
    def run(self) -> Run:
        """Run to train."""
        return self.planned.run

    @property
    def role(self) -> str:
        """scan, limit, or the kind of check."""
        return self.planned.role

    @property
    def factor(self) -> float:
        """Factor of a check's budget, rate or variance over the scan's."""
        return self.planned.factor


@dataclass(frozen=True)
class Values:
    """Rows to fit: x, value, teacher and seed of every entry, what the value is, and doubts.

    Arrays [entries]; `seed` is 0 where a value is a mean over repetitions.
    """

    x: np.ndarray
    value: np.ndarray
    teacher: np.ndarray
    seed: np.ndarray
    unit: str = "relative loss"
    doubts: tuple[str, ...] = ()

    def lowest(self) -> Values:
        """The lowest value of each teacher and x, of seeds that are starts of one minimisation."""
        at = np.stack([self.teacher, self.x], axis=1)
        cells, where = np.unique(at, axis=0, return_inverse=True)
        value = np.full(len(cells), np.inf)
        np.minimum.at(value, where.ravel(), self.value)
        zeros = np.zeros(len(cells), int)
        return replace(
            self, x=cells[:, 1], value=value, teacher=cells[:, 0].astype(int), seed=zeros
        )

    def doubted(self, *doubts: str) -> Values:
        """The same with more doubts."""
        return replace(self, doubts=(*self.doubts, *doubts))
