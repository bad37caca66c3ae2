"""Student's intervals of 95 % over independent units, and the verdict of an interval.

    mean         of values, one a unit
    slope        of least squares, of independent y
    difference   of two means (Welch 1947)
    jackknife    of any number, by its values without each group of units in turn

Without two units there is no interval: it is NOTHING, or endless of a jackknife. Numbers of
logarithms are turned back with `exp` and `of_logarithm`. The verdict is by what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED
from lab.scaling.scans.lines import student_quantile
from lab.scaling.scans.scan import Interval

NOTHING: Interval = (math.nan, math.nan)
Estimate = tuple[float, Interval]
"""A number and its interval."""


def inside(interval: Interval, allowed: Interval) -> str:
    """`agrees` for an interval that lies wholly in what is allowed, `contradicts` for one that lies
    wholly outside, else `undecided`."""
    (lo, hi), (low, high) = interval, allowed
    if not (math.isfinite(lo) and math.isfinite(hi)):
        return UNDECIDED
    if low <= lo and hi <= high:
        return AGREES
    return CONTRADICTS if hi < low or lo > high else UNDECIDED


def mean(values: np.ndarray) -> Estimate:
    """The mean; NaN of none."""
    if not values.size:
        return math.nan, NOTHING
    value = float(values.mean())
    if values.size < 2:
        return value, NOTHING
    half = float(student_quantile(values.size - 1) * values.std(ddof=1) / math.sqrt(values.size))
    return value, (value - half, value + half)


def slope(x: np.ndarray, y: np.ndarray) -> Estimate:
    """The slope of y over x."""
    centred = x - x.mean()
    value = float(centred @ y / (centred @ centred))
    left = y - y.mean() - value * centred
    if x.size < 3:
        return value, NOTHING
    error = math.sqrt(float(left @ left) / (x.size - 2) / float(centred @ centred))
    half = float(student_quantile(x.size - 2)) * error
    return value, (value - half, value + half)


def difference(a: np.ndarray, b: np.ndarray) -> Estimate:
    """The mean of a less that of b."""
    change = float(a.mean() - b.mean())
    if min(a.size, b.size) < 2:
        return change, NOTHING
    u, v = a.var(ddof=1) / a.size, b.var(ddof=1) / b.size
    dof = (u + v) ** 2 / max(u**2 / (a.size - 1) + v**2 / (b.size - 1), 1e-300)
    half = float(student_quantile(max(dof, 1.0)) * math.sqrt(u + v))
    return change, (change - half, change + half)


def jackknife(value: float, without: Sequence[float]) -> Interval:
    """The interval of a value, by those without each group in turn; without any, endless."""
    n, some = len(without), np.array(without)
    if n < 2 or not np.isfinite(some).all():
        return (-math.inf, math.inf)
    half = float(student_quantile(n - 1)) * math.sqrt((n - 1) * np.mean((some - some.mean()) ** 2))
    return value - half, value + half


def exp(of_logs: Estimate) -> Estimate:
    """A number and its interval, by those of its logarithm."""
    value, (low, high) = of_logs
    return math.exp(value), (math.exp(low), math.exp(high))


def of_logarithm(ends: Interval) -> Interval:
    """The interval of a number, by that of its logarithm; none where that is endless."""
    return (math.exp(ends[0]), math.exp(ends[1])) if all(map(math.isfinite, ends)) else NOTHING
