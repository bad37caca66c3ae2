"""The value that every estimator returns: a dimension with its error, or why there is none.

The 95 % interval is d exp(±1.96 se / d): errors of a ratio of distances are relative, and no
dimension is negative. It knows sampling only. What an estimator reads low or high by is the
business of `calibration.py`, which adds `corrected` and its interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lab.dimension.doubts import Doubt, Status

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """One estimate of the intrinsic dimension.

    Attributes:
        method: name of the estimator, as in `lab dimension --json`.
        dimension: the estimate as its authors define it, NaN where it is refused.
        se: its standard error, with the dependence of neighbouring points; NaN if unknown.
        interval: 95 % interval of sampling alone, (NaN, NaN) where refused.
        n: number of points, without duplicates.
        scale: mean distance to the farthest neighbour that was used, in the units of the points.
        status: whether there is an estimate, or why not.
        doubts: what may be wrong with it.
        corrected, corrected_interval: the estimate without its measured bias, and a 95 % interval
            over the manifolds that the points resemble; None where it cannot be corrected.
    """

    method: str
    dimension: float
    se: float
    interval: tuple[float, float]
    n: int
    scale: float
    status: Status = Status.ESTIMATED
    doubts: tuple[Doubt, ...] = ()
    corrected: float | None = None
    corrected_interval: tuple[float, float] | None = None


def estimated(
    method: str,
    dimension: float,
    se: float,
    n: int,
    scale: float,
    doubts: tuple[Doubt, ...] = (),
) -> Estimate:
    """An estimate with the interval that follows from its standard error."""
    if not (math.isfinite(dimension) and dimension > 0):
        return refused(method, Status.DEGENERATE, n)
    spread = math.exp(min(Z * se / dimension, 700.0))
    interval = (dimension / spread, dimension * spread)
    return Estimate(method, float(dimension), float(se), interval, n, float(scale), doubts=doubts)


def refused(method: str, status: Status, n: int) -> Estimate:
    """No estimate, and why."""
    return Estimate(method, NAN, NAN, (NAN, NAN), n, NAN, status)
