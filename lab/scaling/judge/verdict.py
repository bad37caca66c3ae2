"""The verdict on a predicted exponent, what it is in relation to a bound, and what would decide it.

With p the prediction and τ its relative tolerance, the theory allows

    sense "bound":  [p(1−τ), ∞)         (an exponent above a lower bound agrees)
    sense "equal":  [p(1−τ), p(1+τ)]

and a claim says where it holds, over the measured `range` or in the `limit` of large x.

    agrees       every reading that is asked lies wholly in the allowed region; a claim about the
                 limit asks besides that the curve is not bent
    contradicts  every one lies wholly outside, on one side; a claim about the limit asks besides
                 that the limit given the declared ω lies there too, or without an ω that the curve
                 is straight
    undecided    everything else: an interval across an edge, readings that differ, not yet
                 asymptotic, an unusable fit, or a doubt that forbids the answer

A doubt forbids an answer if it could carry the truth across the edge of the region: see
`doubts.py`. At a truth on the edge either wrong answer has a probability of about 2.5 % at most,
and where the median interval is half of the allowed region the truth is confirmed in nine scans of
ten; measured for truths that the estimator assumes and for those that it does not:
`benchmarks/coverage.py`.

What it does not do: compute intervals, or find doubts; see `reading.py`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lab.scaling.judge.doubts import REASONS, Direction, Doubt, known
from lab.scaling.judge.reading import BENT, STRAIGHT
from lab.scaling.scans.intervals import Interval

AGREES, CONTRADICTS, UNDECIDED = "agrees", "contradicts", "undecided"
VERDICTS = (AGREES, CONTRADICTS, UNDECIDED)
EQUALS, ABOVE, BELOW, OPEN = "equals", "above", "below", "open"
RANGE, LIMIT = "range", "limit"
OVER = (RANGE, LIMIT)
"""Where a claim holds."""
MOST_TEACHERS = 200
MOST_DECADES = 3.0


def allowed(prediction: float | int, sense: str, tolerance: float | int) -> Interval:
    """The exponents that agree with the prediction."""
    if sense not in ("bound", "equal"):
        raise ValueError(f"sense is {sense!r}; it must be 'bound' or 'equal'.")
    if not (np.isfinite(prediction) and prediction > 0):
        raise ValueError(f"the prediction is {prediction}; it must be a positive number.")
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"the tolerance is {tolerance}; it must be positive, such as 0.15.")
    return prediction * (1 - tolerance), (
        np.inf if sense == "bound" else prediction * (1 + tolerance)
    )


class Said(NamedTuple):
    """A verdict, and where it is undecided the reason that is no doubt already; None else."""

    verdict: str
    reason: Doubt | None = None


def verdict(
    asked: Sequence[Interval],
    *,
    prediction: float | int,
    sense: str,
    tolerance: float | int,
    over: str = LIMIT,
    shape: str = STRAIGHT,
    limit: Interval | None = None,
    usable: bool = True,
    doubts: Sequence[str] = (),
) -> Said:
    """The verdict by the rule of this file.

    asked: the intervals of the readings that are asked, at least one. over, shape, limit: where the
    claim holds, the shape of the curve, and the interval of the limit given ω. usable: whether the
    status of the fit allows quoting it. doubts: slugs of `doubts.Doubt`. Raises ValueError for an
    unknown sense, place or doubt, or a prediction or tolerance that is not positive.
    """
    low, high = allowed(prediction, sense, tolerance)
    if over not in OVER:
        raise ValueError(f"over is {over!r}; it must be 'range' or 'limit'.")
    found = known(doubts)
    if not usable or any(np.isnan(ends).any() for ends in asked):
        return Said(UNDECIDED, Doubt.INTERVAL_TOO_WIDE)
    if all(low <= lo and hi <= high for lo, hi in asked):
        if over == LIMIT and shape == BENT:
            return Said(UNDECIDED, Doubt.NOT_YET_ASYMPTOTIC)
        forbidden = any(d.forbids_agreement(sense, over) for d in found)
        return Said(UNDECIDED if forbidden else AGREES)
    for below in (True, False):
        if all(_outside(ends, low, high, below) for ends in asked):
            there = shape == STRAIGHT if limit is None else _outside(limit, low, high, below)
            if over == LIMIT and not there:
                return Said(UNDECIDED, Doubt.NOT_YET_ASYMPTOTIC)
            forbidden = any(d.forbids_contradiction(over, below=below) for d in found)
            return Said(UNDECIDED if forbidden else CONTRADICTS)
    crosses = any(lo <= edge <= hi for lo, hi in asked for edge in (low, high))
    return Said(UNDECIDED, Doubt.INTERVAL_TOO_WIDE if crosses else Doubt.READINGS_DIFFER)


def _outside(ends: Interval, low: float, high: float, below: bool) -> bool:
    return ends[1] < low if below else ends[0] > high


def relation(
    asked: Sequence[Interval],
    judged: str,
    *,
    prediction: float | int,
    tolerance: float | int,
    over: str = LIMIT,
    shape: str = STRAIGHT,
    limit: Interval | None = None,
    doubts: Sequence[str] = (),
) -> str:
    """What a judged exponent is to the predicted number p: `equals` where an equality agrees,
    `above` where the readings lie beyond p(1 + τ), `below` where an equality contradicts, else
    `open`, which is all that an undecided one is. Arguments as in `verdict`."""
    if judged == UNDECIDED:
        return OPEN
    said = verdict(asked, doubts=doubts, sense="equal", prediction=prediction,
                   tolerance=tolerance, over=over, shape=shape, limit=limit).verdict  # fmt: skip
    if said == AGREES:
        return EQUALS
    if said == UNDECIDED:
        return OPEN
    return BELOW if asked[0][1] < prediction else ABOVE


def survives(
    interval: Interval,
    rival: float | int,
    tolerance: float | int,
    doubts: Sequence[str] = (),
    over: str = LIMIT,
) -> bool | None:
    """Whether a rival exponent, an equality, is compatible: the interval meets rival·(1 ± τ).

    None where it is not, but a doubt could explain that, or a curve that is bent has no limit yet.
    """
    lo, hi = interval
    low, high = sorted((rival * (1 - tolerance), rival * (1 + tolerance)))
    if low <= hi and lo <= high:
        return True
    found = known(doubts)
    explained = any(d.forbids_contradiction(over, below=hi < low) for d in found)
    explained |= over == LIMIT and Doubt.BENT in found
    return None if explained else False


def advice(
    alpha: float,
    asked: Sequence[Interval],
    *,
    prediction: float | int,
    sense: str,
    tolerance: float | int,
    teachers: int,
    x: tuple[float, float],
    doubts: Sequence[str],
    over: str = LIMIT,
) -> str:
    """A sentence that says what would decide an undecided point.

    asked, over: as in `verdict`. x: the smallest and the largest. Errors are taken to fall with the
    root of the number of teachers, and with the power −3/2 of the decades at the same spacing.
    """
    low, high = allowed(prediction, sense, tolerance)
    found = known(doubts)
    remedies = [d.remedy for d in found if _explains(d, over)]
    wide, need, half = 0.0, 0.0, 0.0
    for lo, hi in asked:
        room = [abs((lo + hi) / 2 - edge) for edge in (low, high) if np.isfinite(edge)]
        factor = (hi - lo) / 2 / max(min(room), 1e-12)
        if factor > wide:
            wide, need, half = factor, min(room), (hi - lo) / 2
    parts = []
    if not np.isfinite(alpha) or not np.isfinite(half):
        parts.append("there is no interval")
    elif wide > 1 and Doubt.NOT_YET_ASYMPTOTIC not in found:
        ways = [f"at least {4 if teachers < 2 else max(4, teachers + 1)} teachers"]
        if teachers > 1:
            several = int(np.ceil(teachers * wide**2))
            ways = [f"about {several} teachers instead of {teachers}"] * (several <= MOST_TEACHERS)
            decades = np.log10(x[1] / x[0])
            longer = decades * (wide ** (2 / 3) - 1)
            if longer <= MOST_DECADES:
                ways.append(f"x up to {x[1] * 10**longer:.2g} at the same spacing")
        close = f"±{half:.2g} where ±{need:.2g} is needed"
        parts.append(
            f"{close}: {' or '.join(ways)} would decide"
            if ways
            else f"{close}: the exponent lies too near the edge of the allowed region"
        )
    return "; ".join([*parts, *remedies]) + "." if parts or remedies else ""


def _explains(doubt: Doubt, over: str) -> bool:
    """Whether a doubt has a remedy that would decide: those that the numbers of teachers and x of
    the advice say better, and those that forbid nothing here, have none."""
    if doubt in (Doubt.NOT_YET_ASYMPTOTIC, Doubt.READINGS_DIFFER):
        return True
    if doubt in REASONS or doubt.direction is Direction.HELD:
        return False
    return over == LIMIT or doubt.direction is not Direction.BEYOND


def explain(doubts: Sequence[str]) -> list[str]:
    """One sentence per doubt: what it means, in which direction it pushes α, what removes it."""
    return [
        f"{d}: {d.meaning}; α {d.direction.value}; {d.remedy}."
        if d.direction is not Direction.HELD else f"{d}: {d.meaning}; {d.remedy}."
        for d in map(Doubt.of, doubts)
    ]  # fmt: skip
