"""A cell of a scan: a planned run, its x and its setting; and what a scan's rows read.

Nobody downstream asks again what the x of a run is, or what stays fixed in its scan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.spec import Planned, Run

Key = tuple[Any, ...]
"""A setting, everything of the grid that is neither x, teacher nor seed: the manifold, then (name,
value)."""


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
        """What is trained."""
        return self.planned.run

    @property
    def role(self) -> str:
        """scan, limit, or the kind of check."""
        return self.planned.role

    @property
    def factor(self) -> float:
        """How many times the budget, rate or variance of the scan a check has."""
        return self.planned.factor


@dataclass(frozen=True)
class Values:
    """What is fitted: x, value, teacher and seed of every entry, what the value is, and doubts.

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
