"""Readings of one exponent, the shape of its curve, and what the losses leave in doubt.

A reading is the exponent in one of the ways that it can be read, with its own interval,

    as measured                the least-squares slopes over all x
    with unlimited training    with what more training would add, where budgets were varied
    without the smallest x     where that x is no part of a bend
    by the other count         by all parameters or by the hidden weights, where size is counted

and `asked`, what the verdict asks of it: all of its interval, half of it, or nothing. Without the
smallest x it asks the whole interval where that x is off for all teachers, and otherwise half of
it: a shift of twice the seeds' scatter escapes the test in a tenth of the scans of four teachers,
and they alone gave wrong verdicts in .05. Where the other x bend too, nothing is asked of them.

The shape is a finding of its own. With Δ the change of the local exponent from the smallest to the
largest x, of least-squares parabolas, and δ relative to the prediction like the tolerance,

    straight   the 95 % interval of Δ lies within ± δ p: equivalence
    bent       it does not, and that of level .99 leaves out 0
    open       neither

What it does not do: ask the prediction; see `verdict.py`. Doubt the runs; see `lab.findings`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lab.scaling.judge.doubts import Doubt
from lab.scaling.scans.estimate import Correction, Local
from lab.scaling.scans.estimates import FEWEST, Estimates
from lab.scaling.scans.intervals import Interval
from lab.scaling.scans.scan import COUNTS

STRAIGHT, BENT, OPEN = "straight", "bent", "open"
MEASURED = "as measured"
TRAINED = "with unlimited training"
WITHOUT = "without the smallest x"
BY_COUNT = dict(zip(COUNTS, ("by hidden weights", "by all parameters"), strict=True))
SIGNIFICANT = 0.01
SHARE = 0.5
"""Of the interval without the smallest x, what the verdict asks where that x is not off."""


class Shape(str):
    """`straight`, `bent` or `open`, with the numbers behind it.

    change: exponent at the largest x minus that at the smallest, and its 95 % interval, of
    least-squares parabolas; NaN where none was fitted. delta: the change up to which a curve is
    straight, in units of α. first, last: local exponents at both ends; None without any.
    """

    change: float
    interval: Interval
    delta: float
    first: Local | None
    last: Local | None

    def __new__(
        cls, kind: str, change: float = np.nan, interval: Interval = (np.nan, np.nan),
        delta: float = np.nan, ends: tuple[Local, ...] = (),
    ) -> Shape:  # fmt: skip
        shape = super().__new__(cls, kind)
        shape.change, shape.interval, shape.delta = change, interval, delta
        shape.first, shape.last = (ends[0], ends[-1]) if len(ends) > 1 else (None, None)
        return shape

    @property
    def direction(self) -> str:
        """The local exponent `falls` or `rises` towards large x where the curve is bent."""
        return ("falls" if self.change < 0 else "rises") if self == BENT else ""


class Reading(NamedTuple):
    """One reading of the exponent with its 95 % interval, and what of it the verdict asks."""

    name: str
    alpha: float
    interval: Interval
    asked: Interval | None


def readings(
    e: Estimates,
    i: int = 0,
    *,
    correction: Correction | None = None,
    both: bool = False,
) -> tuple[Reading, ...]:
    """The readings of scan i, as measured first. both: whether the other count of size is asked."""
    alpha, ends = float(e.alpha[i]), (float(e.lower[i]), float(e.upper[i]))
    found = [Reading(MEASURED, alpha, ends, ends)]
    if correction:
        more = alpha + correction.alpha
        trained = (
            more - float(np.hypot(alpha - ends[0], 2 * correction.error)),
            more + float(np.hypot(ends[1] - alpha, 2 * correction.error)),
        )
        found.append(Reading(TRAINED, more, trained, trained))
    if e.rest is not None and e.drawn and np.isfinite(e.rest.half[i]):
        found.append(_without(e, i))
    if len(e.by_count) > 1:
        for name, value, half in zip(COUNTS, e.by_count[:, i], e.by_count_half[:, i], strict=True):
            if value != e.alpha[i]:
                own = (float(value - half), float(value + half))
                found.append(Reading(BY_COUNT[name], float(value), own, own if both else None))
    return tuple(found)


def _without(e: Estimates, i: int) -> Reading:
    assert e.rest is not None
    value, half = float(e.rest.alpha[i]), float(e.rest.half[i])
    share = 1.0 if e.rest.off[i] else SHARE
    asked = None if e.rest.bends[i] else (value - share * half, value + share * half)
    return Reading(WITHOUT, value, (value - half, value + half), asked)


def shape(e: Estimates, i: int, delta: float, local: tuple[Local, ...] = ()) -> Shape:
    """The shape of scan i. delta: the change up to which it is straight, in units of α; local: its
    local exponents. `open` where a floor is fitted, or with fewer than five x."""
    if e.change is None or not np.isfinite(e.change.half[i]):
        return Shape(OPEN, delta=delta, ends=local)
    change, half = float(e.change.value[i]), float(e.change.half[i])
    kind = OPEN
    if e.points[i] >= FEWEST and abs(change) + half < delta:
        kind = STRAIGHT
    elif e.points[i] >= FEWEST and e.change.bent[i]:
        kind = BENT
    return Shape(kind, change, (change - half, change + half), delta, local)


def ruling(e: Estimates, form: Shape) -> str:
    """The shape that a verdict on a limit goes by. A law with a floor cannot be told from a bend,
    and its exponent is one of the law: it counts as straight unless `wrong-law` doubts it."""
    return STRAIGHT if e.floors is not None else form


def doubts(e: Estimates, i: int, form: Shape) -> tuple[Doubt, ...]:
    """What the losses of scan i leave in doubt."""
    floor = e.floors is not None and np.sum(e.floors.share[i] > 0.5) > 0.5 * e.points[i]
    flags = {
        Doubt.FEW_SIZES: e.points[i] < FEWEST,
        Doubt.FEW_DECADES: np.ptp(e.log_x) < np.log(10) * (1 - 1e-9),
        Doubt.ONE_TEACHER: e.drawn and np.isfinite(e.teacher_alpha[i]).sum() == 1,
        Doubt.BENT: form == BENT,
        Doubt.COMMON_NOISE: e.floors is None and e.tests["common"][i] < SIGNIFICANT,
        Doubt.FIRST_X_OFF: e.rest is not None and e.rest.off[i],
        Doubt.WRONG_LAW: e.floors is not None and e.tests["law"][i] < SIGNIFICANT,
        Doubt.FLOOR: floor,
    }
    return tuple(doubt for doubt, flag in flags.items() if flag)
