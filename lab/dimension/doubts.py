"""Statuses and doubts of a dimension: why there is no estimate, and what may be wrong with one.

A doubt is measured, never a matter of taste. Its value is the slug that tables carry; `meaning`
completes the sentence "… is doubtful because", `remedy` says what would remove it, and `direction`
how the true dimension may differ from the one that is quoted.

What it does not do: find doubts. Estimators find their own, `calibration.py` those of the
correction, `measurement.py` those of the points.
"""

from __future__ import annotations

from enum import Enum, StrEnum


class Direction(Enum):
    """How the true dimension may differ from the quoted one."""

    HIGH = "may read high"
    LOW = "may read low"
    EITHER = "may be wrong either way"


class Status(StrEnum):
    """Whether there is an estimate, and if not, why. Its `meaning` is a clause."""

    meaning: str

    def __new__(cls, slug: str, meaning: str) -> Status:
        status = str.__new__(cls, slug)
        status._value_, status.meaning = slug, meaning
        return status

    ESTIMATED = "estimated", "the estimate exists"
    TOO_FEW = "too-few-points", "it needs more points than there are"
    DEGENERATE = "degenerate", "distances of neighbours do not differ, as on a lattice"
    NO_COORDINATES = "no-coordinates", "it needs coordinates, and only distances were given"


class Doubt(StrEnum):
    """One doubt about an estimate that exists."""

    direction: Direction
    meaning: str
    remedy: str

    def __new__(cls, slug: str, direction: Direction, meaning: str, remedy: str) -> Doubt:
        doubt = str.__new__(cls, slug)
        doubt._value_ = slug
        doubt.direction, doubt.meaning, doubt.remedy = direction, meaning, remedy
        return doubt

    # ---- found in the points ----
    TIES = (
        "ties",
        Direction.EITHER,
        "many neighbours are equally far, as among rounded or categorical values",
        "measure finer values",
    )
    ORDER = (
        "order",
        Direction.EITHER,
        "nearest neighbours are consecutive rows, as along a path that was sampled densely, where "
        "their distance tells the step and not the set",
        "leave out neighbours in the order of the rows by --exclude-window, or take fewer rows",
    )
    ABOVE = (
        "above-coordinates",
        Direction.HIGH,
        "it is above the number of coordinates, which no set in them can have",
        "look for consecutive rows, rounded values, ties or copies",
    )
    # ---- found in the scales ----
    NO_PLATEAU = (
        "no-plateau",
        Direction.EITHER,
        "the estimate changes with the size of the neighbourhood",
        "look at the estimate against scale; noise reads high at small scales, edges read low at "
        "large ones",
    )
    # ---- found in the correction ----
    UNLIKE = (
        "unlike-references",
        Direction.EITHER,
        "its estimates change with scale as on no manifold that the correction was measured on",
        "read the estimates as they are, uncorrected",
    )
    OUTSIDE_N = (
        "outside-n",
        Direction.EITHER,
        "the correction was not measured at this number of points, and there is none",
        "give 250 to 20 000 points",
    )
    OUTSIDE_D = (
        "outside-d",
        Direction.LOW,
        "the correction was measured up to dimension 24, and there is none beyond",
        "read it as a lower bound",
    )
    UNCALIBRATED = (
        "uncalibrated",
        Direction.LOW,
        "the correction was not measured for these settings",
        "take --k 5, 10 or 20 and --discard 0.1",
    )


def sentence(doubt: Doubt) -> str:
    """'slug: what it means; what to do about it.'"""
    return f"{doubt.value}: {doubt.meaning}; {doubt.remedy}."
