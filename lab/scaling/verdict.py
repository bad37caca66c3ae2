"""The verdict on a predicted exponent, and what would decide an open one.

With p the prediction and τ its relative tolerance, the theory allows

    sense "bound":  [p(1−τ), ∞)         (an exponent above a lower bound agrees)
    sense "equal":  [p(1−τ), p(1+τ)]

    agrees       the 95 % interval lies wholly in the allowed region; or the estimate lies in it
                 and the interval is short enough to mean something: half-width ≤ 2τp.
                 Not where x spans too little or the excess has no limit, see UNSOUND.
    contradicts  the interval lies wholly outside, and no doubt could explain it.
    undecided    everything else: too wide, unusable fit, or a doubt that could explain it.

What it does not do: compute intervals, or find doubts; see `exponent.py`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lab.scaling.intervals import Interval, student_quantile

AGREES, CONTRADICTS, UNDECIDED = "agrees", "contradicts", "undecided"
MEANINGFUL = 2.0  # half-width an agreement may have, in units of the tolerance τp
MOST_TEACHERS = 200
REMEDY = {
    "under-trained": "the students are under-trained: train longer at the largest x",
    "saturated": "students near the teacher's size can represent it: drop the largest x",
    "floor": "a floor makes up most of the loss at most x: lower the noise or the smallest x",
    "few-decades": "x spans less than a decade: widen it",
    "diverged": "diverged runs are missing from the fit: repeat them at a lower rate",
    "steepening": "the curve steepens towards large x: start the scan at larger x",
    "wrong-law": "the curve is not a power law with a floor: choose a narrower range of x",
    "reference-not-converged": "a mean excess is negative: the limit that it is counted from is "
    "no limit; train the reference longer",
    "excess-unresolved": "a mean excess is not positive within its error: take more repetitions "
    "or smaller x",
    "ill-conditioned": "a system was solved with jitter or beyond double precision: set a ridge or "
    "take fewer points",
    "one-teacher": "one teacher shows nothing of the scatter between teachers: use at least 4",
}
UNSOUND = frozenset({"few-decades", "reference-not-converged"})
"""Doubts under which not even an interval around the prediction means agreement."""


def verdict(
    alpha: float,
    interval: Interval,
    *,
    prediction: float | int,
    sense: str,
    tolerance: float | int,
    usable: bool = True,
    doubts: Sequence[str] = (),
) -> str:
    """`agrees`, `contradicts` or `undecided`, by the rule of this file.

    usable: whether the status of the fit allows quoting it. Doubts named in REMEDY forbid
    `contradicts`; those in UNSOUND forbid `agrees` too.
    Raises ValueError for an unknown sense, or a prediction or tolerance that is not positive.
    """
    low, high = allowed(prediction, sense, tolerance)
    lo, hi = interval
    if not usable or not np.isfinite([alpha, lo]).all() or np.isnan(hi):
        return UNDECIDED
    if hi < low or lo > high:
        return UNDECIDED if any(doubt in REMEDY for doubt in doubts) else CONTRADICTS
    short = (hi - lo) / 2 <= MEANINGFUL * tolerance * prediction
    if (low <= lo and hi <= high) or (short and low <= alpha <= high):
        return UNDECIDED if UNSOUND.intersection(doubts) else AGREES
    return UNDECIDED


def survives(
    interval: Interval, rival: float | int, tolerance: float | int, doubts: Sequence[str] = ()
) -> bool | None:
    """Whether a rival exponent, an equality, is compatible: the interval meets rival·(1 ± τ).

    None where it is not, but a doubt could explain that. Students that are under-trained at large
    x flatten their curve: that doubt explains a rival above the interval, none below it.
    """
    lo, hi = interval
    low, high = sorted((rival * (1 - tolerance), rival * (1 + tolerance)))
    if low <= hi and lo <= high:
        return True
    below = high < lo
    explain = [d for d in doubts if d in REMEDY and not (below and d == "under-trained")]
    return None if explain else False


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


def advice(
    alpha: float,
    interval: Interval,
    *,
    prediction: float | int,
    sense: str,
    tolerance: float | int,
    teachers: int,
    deviation: float,
    doubts: Sequence[str],
    reach: Callable[[float], float | None],
) -> str:
    """A sentence that says what would decide an undecided point.

    deviation: standard deviation of the teachers' exponents. reach: half-width → the largest x
    that a scan of the same spacing needs for it, None if out of reach.
    """
    remedies = [REMEDY[doubt] for doubt in doubts if doubt in REMEDY]
    low, high = allowed(prediction, sense, tolerance)
    lo, hi = interval
    if remedies and not (lo <= high and low <= hi):
        side = "below" if hi < low else "above"
        return f"the interval lies {side} the prediction, but {'; '.join(remedies)}."
    inside = low <= alpha <= high
    if inside:
        target = MEANINGFUL * tolerance * prediction
        if sense == "bound":
            target = max(target, alpha - low)
    else:
        target = low - alpha if alpha < low else alpha - high
    half = (hi - lo) / 2
    if inside and half <= target and remedies:
        return f"the interval is short enough, but {'; '.join(remedies)}."
    ways = []
    if teachers > 1 and np.isfinite(deviation):
        need = teachers_for(target, deviation)
        if need is not None:
            ways.append(f"about {max(need, teachers + 1)} teachers instead of {teachers}")
    elif teachers == 1:
        ways.append("at least 4 teachers")
    largest = reach(target)
    if largest is not None:
        ways.append(f"x up to {largest:.2g}")
    decide = (
        f"{' or '.join(ways)} would decide"
        if ways
        else f"no more than {MOST_TEACHERS} teachers would decide; lower the noise between seeds"
    )
    wide = f"±{half:.2g} where ±{target:.2g} is needed" if np.isfinite(half) else "no interval"
    return "; ".join([f"{wide}: {decide}", *remedies]) + "."


def teachers_for(half_width: float, deviation: float) -> int | None:
    """The fewest teachers K with t_{K−1} s/√K ≤ half_width; None beyond MOST_TEACHERS."""
    count = np.arange(2, MOST_TEACHERS + 1)
    enough = student_quantile(count - 1.0) * deviation / np.sqrt(count) <= half_width
    return int(count[enough.argmax()]) if enough.any() else None
