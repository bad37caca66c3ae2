"""Losses of several sizes at equal compute: curves of one size each, and valleys over sizes.

    SizeCurve   log loss of one size over log C, a monotone cubic through its checkpoints
    Valley      log loss over log N at one C, of curves that are interpolated there, or of rows in
                groups of equal C; a parabola or a spline goes through it

Where the envelope touches curves, and which size is the best, is in `lab.scaling.frontier`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FEWEST = 4
"""Sizes, points of a frontier, and sizes of an isoFLOP group that carry an estimate."""
STEPS = 6
"""Steps that make a curve."""
NEAR = 2.0
"""Half-width in log N of the points that a parabola is laid through, if they are FEWEST or more."""
SAME = 0.1
"""Rows whose log C differ by less are one isoFLOP group, where no groups are named."""
WIDE = 0.5
"""Range of log C beyond which rows are no isoFLOP group."""
LEVELS = 24
"""IsoFLOP levels that curves are interpolated to."""


class FrontierError(ValueError):
    """Observations that have no frontier. One sentence, with what would give one."""


@dataclass(frozen=True)
class SizeCurve:
    """One size's log loss over log C, as a monotone cubic; its last loss and how flat it ends; cost
    is the geometric mean of C/(N S)."""

    size: float
    cost: float
    low: float
    high: float
    of: Any
    last: float
    ends: float

    def at(self, log_C: np.ndarray) -> np.ndarray:
        """log L, ∞ outside of the curve."""
        inside = (log_C >= self.low) & (log_C <= self.high)
        return np.where(inside, self.of(np.clip(log_C, self.low, self.high)), np.inf)


def size_curves(
    size: np.ndarray, steps: np.ndarray, loss: np.ndarray, compute: np.ndarray, label: np.ndarray
) -> list[SizeCurve]:
    """Curves by size, smallest first; runs of one size by their geometric mean at equal C."""
    from scipy.interpolate import PchipInterpolator

    for one in np.unique(label):
        if np.unique(size[label == one]).size > 1:
            raise FrontierError(f"run {one} has several sizes; a run is one size's curve")
    found = []
    for N in np.unique(size):
        rows = size == N
        log_C, where = np.unique(np.log(compute[rows]).round(9), return_inverse=True)
        if log_C.size < STEPS:
            continue
        log_loss = np.bincount(where, np.log(loss[rows])) / np.bincount(where)
        later = np.bincount(where, np.log(steps[rows])) / np.bincount(where)
        if (np.diff(later) <= 0).any():
            raise FrontierError(f"C falls as the steps of N = {N:g} rise; give each row its own C")
        if log_loss[-1] > log_loss[0] + 0.01:
            raise FrontierError(f"the loss of N = {N:g} rises over its steps; leave that run out")
        tail = log_C >= log_C[-1] - np.log(10)
        ends = -np.polyfit(log_C[tail], log_loss[tail], 1)[0] if tail.sum() > 1 else np.inf
        found.append(
            SizeCurve(float(N), float(np.exp(np.mean(np.log(compute[rows] / N / steps[rows])))),
                   log_C[0], log_C[-1], PchipInterpolator(log_C, log_loss),
                   float(np.exp(log_loss[-1])), ends)
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class Valley:
    """Log loss over log N and log S at equal compute, N ascending."""

    log_C: float
    log_N: np.ndarray
    log_S: np.ndarray
    log_L: np.ndarray


def groups_of_rows(
    size: np.ndarray, compute: np.ndarray, run: np.ndarray | None
) -> list[np.ndarray]:
    """Rows of each isoFLOP group: those that are named alike, or have equal C; none where the rows
    are named as curves, or their C does not fall into groups of several sizes."""
    if run is None:
        order = np.argsort(compute)
        cut = np.flatnonzero(np.diff(np.log(compute[order])) > SAME) + 1
        found = np.split(order, cut)
    else:
        found = [np.flatnonzero(run == one) for one in np.unique(run)]
    many = [rows for rows in found if np.unique(size[rows]).size >= FEWEST]
    wide = any(np.ptp(np.log(compute[rows])) > WIDE for rows in many)
    return [] if wide or len(many) < FEWEST or 2 * len(many) < len(found) else found


def valleys_of_rows(
    groups: list[np.ndarray], size: np.ndarray, steps: np.ndarray, loss: np.ndarray,
    compute: np.ndarray,
) -> list[Valley]:  # fmt: skip
    """Valleys of groups, or of all rows of about equal C where there are no groups."""
    if not groups:
        order = np.argsort(compute)
        groups = np.split(order, np.flatnonzero(np.diff(np.log(compute[order])) > SAME) + 1)
    found = []
    for rows in groups:
        log_N, where = np.unique(np.log(size[rows]), return_inverse=True)
        log_S, log_L = (
            np.bincount(where, np.log(v[rows])) / np.bincount(where) for v in (steps, loss)
        )
        found.append(Valley(float(np.log(compute[rows]).mean()), log_N, log_S, log_L))
    return sorted(found, key=lambda one: one.log_C)


def valleys_of_curves(curves: list[SizeCurve]) -> list[Valley]:
    """Valleys of curves that are interpolated to LEVELS of C, each with FEWEST of them or more."""
    low, high = np.sort([c.low for c in curves]), np.sort([c.high for c in curves])[::-1]
    log_N, cost = (np.log([getattr(c, name) for c in curves]) for name in ("size", "cost"))
    found = []
    for level in np.linspace(low[FEWEST - 1], high[FEWEST - 1], LEVELS):
        log_L = np.array([float(c.at(np.array(level))) for c in curves])
        there = np.isfinite(log_L)
        found.append(Valley(level, log_N[there], (level - cost - log_N)[there], log_L[there]))
    return found


def parabola(x: np.ndarray, y: np.ndarray) -> tuple[Any, float, float]:
    """A parabola through the points near x = 0, the least, and their range: of losses with noise
    the vertex may lie beyond a neighbour of the least."""
    near = np.abs(x) <= NEAR
    near = near if near.sum() >= FEWEST else np.ones_like(near)
    return np.poly1d(np.polyfit(x[near], y[near], 2)), x[near].min(), x[near].max()


def spline(x: np.ndarray, y: np.ndarray) -> tuple[Any, float, float]:
    """A cubic spline through all points, and the range of the neighbours of x = 0, the least."""
    from scipy.interpolate import make_interp_spline

    best = int(np.searchsorted(x, 0.0))
    return make_interp_spline(x, y, 3), x[best - 1], x[best + 1]
