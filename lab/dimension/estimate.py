"""A dimension with its error, or why there is none, and what may be wrong with it.

The 95 % interval is d exp(±1.96 se / d): errors of a ratio of distances are relative, and no
dimension is negative. It knows sampling only. What an estimator reads low or high by is the
business of `calibration.py`, which adds `corrected` and its interval.

A doubt is measured, never a matter of taste. Its value is the slug that tables carry; `meaning`
completes the sentence "… is doubtful because", `remedy` says what would remove it, and `direction`
how the true dimension may differ from the one that is quoted. Estimators find doubts of their own,
`calibration.py` those of the correction, `measurement.py` those of the points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, StrEnum


class BiasDirection(Enum):
    """Direction in which the true dimension may differ from the quoted one."""

    HIGH = "may read high"
    LOW = "may read low"
    EITHER = "may be wrong either way"


class Status(StrEnum):
    """Status of an estimate: estimated, or the reason why not. Its `meaning` is a clause."""

    meaning: str

    def __new__(cls, slug: str, meaning: str) -> Status:
        status = str.__new__(cls, slug)
        status._value_, status.meaning = slug, meaning
        return status

    ESTIMATED = "estimated", "the estimate exists"
    TOO_FEW = "too-few-points", "it needs more points than there are"
    DEGENERATE = "degenerate", "distances of neighbours do not differ, as on a lattice"
    NO_COORDINATES = "no-coordinates", "it needs coordinates, and only distances were given"


class DimensionDoubt(StrEnum):
    """One doubt about an estimate that exists."""

    direction: BiasDirection
    meaning: str
    remedy: str

    def __new__(
        cls, slug: str, direction: BiasDirection, meaning: str, remedy: str
    ) -> DimensionDoubt:
        doubt = str.__new__(cls, slug)
        doubt._value_ = slug
        doubt.direction, doubt.meaning, doubt.remedy = direction, meaning, remedy
        return doubt

    # ---- found in the points ----
    TIES = (
        "ties",
        BiasDirection.EITHER,
        "many neighbours are equally far, as among rounded or categorical values",
        "measure finer values",
    )
    ORDER = (
        "order",
        BiasDirection.EITHER,
        "nearest neighbours are consecutive rows, as along a path that was sampled densely, where "
        "their distance tells the step and not the set",
        "leave out neighbours in the order of the rows by `exclude_window`, or take fewer rows",
    )
    ABOVE = (
        "above-coordinates",
        BiasDirection.HIGH,
        "it is above the number of coordinates, which no set in them can have",
        "look for consecutive rows, rounded values, ties or copies",
    )
    PAIRS = (
        "near-copies",
        BiasDirection.LOW,
        "many points have one neighbour far nearer than all others, as copies with some noise have",
        "keep one point of each such pair",
    )
    # ---- found in the scales ----
    NO_PLATEAU = (
        "no-plateau",
        BiasDirection.EITHER,
        "the estimate changes with the size of the neighbourhood",
        "look at the estimate against scale; noise reads high at small scales, edges read low at "
        "large ones",
    )
    # ---- found in the correction ----
    UNLIKE = (
        "unlike-references",
        BiasDirection.EITHER,
        "its estimates change with scale as on no manifold that the correction was measured on",
        "read the estimates as they are, uncorrected",
    )
    OUTSIDE_N = (
        "outside-n",
        BiasDirection.EITHER,
        "the correction was not measured at this number of points, and there is none",
        "give 250 to 20 000 points",
    )
    OUTSIDE_D = (
        "outside-d",
        BiasDirection.LOW,
        "the correction was measured up to dimension 24, and there is none beyond",
        "read it as a lower bound",
    )
    UNCALIBRATED = (
        "uncalibrated",
        BiasDirection.LOW,
        "the correction was not measured for these settings",
        "take `k` 5, 10 or 20 and `discard` 0.1",
    )


def sentence(doubt: DimensionDoubt) -> str:
    """'slug: what it means; what to do about it.'"""
    return f"{doubt.value}: {doubt.meaning}; {doubt.remedy}."


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
    doubts: tuple[DimensionDoubt, ...] = ()
    corrected: float | None = None
    corrected_interval: tuple[float, float] | None = None


def estimated(
    method: str,
    dimension: float,
    se: float,
    n: int,
    scale: float,
    doubts: tuple[DimensionDoubt, ...] = (),
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
