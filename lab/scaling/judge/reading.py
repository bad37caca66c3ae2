"""What the losses of a scan say to a question of a certain tolerance: an interval, and doubts.

A bend of the curve matters where it moves α by more than half of the tolerance τ. So what is quoted
depends on τ, though not on the predicted number:

    bend significant, may matter    a doubt, `flattens` or `steepens`
    bend significant, surely small  the interval reaches the slope at the largest x
    none significant, one that      `bend-unresolved`, and the slopes at both ends are asked too,
    matters is not excluded         unless theory knows that the curve does not bend

What it does not do: ask the prediction; see `verdict.py`. Doubt the runs; see `lab.answers`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lab.scaling.judge.doubts import Doubt
from lab.scaling.scans.estimates import FEWEST, SIGNIFICANT, Estimates
from lab.scaling.scans.intervals import Interval


class Reading(NamedTuple):
    """The quoted interval, those of the slopes at both ends where the verdict must ask them too,
    and the doubts of the data. What more training would change is in none of them."""

    interval: Interval
    head: Interval | None
    beyond: Interval | None
    doubts: tuple[Doubt, ...]


def readings(e: Estimates, tolerance: float | int, *, straight: bool = False) -> list[Reading]:
    """The reading of every scan, for a question of this tolerance.

    A bend matters where it moves α by more than half of the tolerance. A significant bend that may
    matter is `flattens` or `steepens`; one that surely does not is held by the interval, which then
    reaches the slope at the largest x. Where none is significant but one that matters cannot be
    excluded, the doubt is `bend-unresolved`, and the slope at the largest x is asked too; where a
    floor is fitted there is no such slope, for a floor and a bend cannot be told apart.
    """
    matters = tolerance / 2 * np.abs(e.alpha)
    with np.errstate(invalid="ignore"):
        excluded = e.drift_bound <= matters
        wrong = (np.abs(e.ahead) > e.ahead_half) & (np.abs(e.ahead_alpha) > matters)
        broken = e.tests["law"] < SIGNIFICANT
        apart = e.tests["teachers"] < SIGNIFICANT
    bends = e.bends & ~excluded & (np.abs(e.drift) > matters / 2)
    held = e.bends & excluded
    lower = np.where(held, np.fmin(e.lower, e.tail[0]), e.lower)
    upper = np.where(held, np.fmax(e.upper, e.tail[1]), e.upper)
    several = len(e.by_count) > 1
    counted = np.ptp(e.by_count, axis=0) > (e.by_count_half[-1] if several else np.inf)
    floor = np.zeros(e.alpha.size, bool)
    if e.floors is not None:
        floor = (e.floors.share > 0.5).sum(1) > 0.5 * e.points
    flags = {
        Doubt.FEW_SIZES: e.points < FEWEST,
        Doubt.FEW_DECADES: np.full(e.alpha.size, np.ptp(e.log_x) < np.log(10) * (1 - 1e-9)),
        Doubt.ONE_TEACHER: np.isfinite(e.teacher_alpha).sum(1) == 1,
        Doubt.FLATTENS: bends & (e.drift < 0),
        Doubt.STEEPENS: bends & (e.drift > 0),
        Doubt.BEND_UNRESOLVED: ~excluded & ~bends & (not straight),
        Doubt.WRONG_LAW: broken,
        Doubt.FORECAST_FAILED: wrong,
        Doubt.COUNTING: counted,
        Doubt.INTERVALS_DISAGREE: apart,
        Doubt.FLOOR: floor,
    }
    found = []
    for i in range(e.alpha.size):
        head: Interval | None = None
        beyond: Interval | None = None
        if not excluded[i] and not straight and np.isfinite(e.beyond[0][i]):
            head, beyond = ((float(lo[i]), float(hi[i])) for lo, hi in (e.head, e.beyond))
        doubts = tuple(doubt for doubt, flag in flags.items() if flag[i])
        found.append(Reading((float(lower[i]), float(upper[i])), head, beyond, doubts))
    return found
