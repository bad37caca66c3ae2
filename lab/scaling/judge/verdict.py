"""The verdict on a predicted exponent, what it is in relation to a bound, and what would decide it.

With p the prediction and τ its relative tolerance, the theory allows

    sense "bound":  [p(1−τ), ∞)         (an exponent above a lower bound agrees)
    sense "equal":  [p(1−τ), p(1+τ)]

    agrees       the quoted 95 % interval lies wholly in the allowed region
    contradicts  it lies wholly outside
    undecided    everything else: too wide, an unusable fit, or a doubt that forbids the answer

Where a bend that matters cannot be excluded, more is asked, of a parabola through the same losses:
`agrees` needs the interval of its slope half a range beyond the largest x to lie there too, and
`contradicts` that one and the slope at the smallest x, because what flattens may lack training. A
doubt forbids an answer if it could carry the truth across the edge of the region: see `doubts.py`.
At a truth on the edge either wrong answer has a probability of at most 2.5 %, measured for truths
that the estimator assumes and for those that it does not: `benchmarks/coverage.py`.

What it does not do: compute intervals, or find doubts; see `reading.py`.
"""

from collections.abc import Sequence

import numpy as np

from lab.scaling.judge.doubts import NO_NUMBER, Direction, Doubt, known
from lab.scaling.scans.intervals import Interval

AGREES, CONTRADICTS, UNDECIDED = "agrees", "contradicts", "undecided"
VERDICTS = (AGREES, CONTRADICTS, UNDECIDED)
EQUALS, ABOVE, BELOW, OPEN = "equals", "above", "below", "open"
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


def verdict(
    interval: Interval,
    *,
    prediction: float | int,
    sense: str,
    tolerance: float | int,
    head: Interval | None = None,
    beyond: Interval | None = None,
    usable: bool = True,
    doubts: Sequence[str] = (),
) -> str:
    """`agrees`, `contradicts` or `undecided`, by the rule of this file.

    head, beyond: intervals of the slopes at the smallest x and beyond the largest, asked too where
    they are given. usable: whether the status of the fit allows quoting it. doubts: slugs of
    `doubts.Doubt`. Raises ValueError for an unknown sense or doubt, or a prediction or tolerance
    that is not positive.
    """
    low, high = allowed(prediction, sense, tolerance)
    late = [ends for ends in (interval, beyond) if ends is not None]
    every = [*late, *([] if head is None else [head])]
    found = known(doubts)
    if not usable or any(np.isnan(ends).any() for ends in every):
        return UNDECIDED
    if all(low <= lo and hi <= high for lo, hi in late):
        return UNDECIDED if any(d.forbids_agreement(sense) for d in found) else AGREES
    for below in (True, False):
        if all(hi < low if below else lo > high for lo, hi in every):
            forbidden = any(d.forbids_contradiction(below=below) for d in found)
            return UNDECIDED if forbidden else CONTRADICTS
    return UNDECIDED


def relation(
    interval: Interval,
    judged: str,
    *,
    prediction: float | int,
    tolerance: float | int,
    head: Interval | None = None,
    beyond: Interval | None = None,
    doubts: Sequence[str] = (),
) -> str:
    """What a judged exponent is to the predicted number p: `equals` where an equality agrees,
    `above` where the interval, and the slope beyond the largest x where it is asked, lie beyond
    p(1 + τ), `below` where an equality contradicts, else `open`, which is all that an undecided one
    is. head, beyond, doubts: as in `verdict`. A doubt that could undo it leaves it open."""
    if judged == UNDECIDED:
        return OPEN
    as_equal = verdict(interval, head=head, beyond=beyond, doubts=doubts, sense="equal",
                       prediction=prediction, tolerance=tolerance)  # fmt: skip
    if as_equal == AGREES:
        return EQUALS
    high = allowed(prediction, "equal", tolerance)[1]
    late = [ends for ends in (interval, beyond) if ends is not None]
    if all(lo > high for lo, _ in late):
        undone = any(d.forbids_contradiction(below=False) for d in known(doubts))
        return OPEN if undone else ABOVE
    return BELOW if as_equal == CONTRADICTS else OPEN


def survives(
    interval: Interval, rival: float | int, tolerance: float | int, doubts: Sequence[str] = ()
) -> bool | None:
    """Whether a rival exponent, an equality, is compatible: the interval meets rival·(1 ± τ).

    None where it is not, but a doubt could explain that.
    """
    lo, hi = interval
    low, high = sorted((rival * (1 - tolerance), rival * (1 + tolerance)))
    if low <= hi and lo <= high:
        return True
    explained = any(d.forbids_contradiction(below=hi < low) for d in known(doubts))
    return None if explained else False


def advice(
    alpha: float,
    interval: Interval,
    *,
    prediction: float | int,
    sense: str,
    tolerance: float | int,
    beyond: Interval | None,
    teachers: int,
    x: tuple[float, float],
    doubts: Sequence[str],
) -> str:
    """A sentence that says what would decide an undecided point.

    beyond: as in `verdict`. x: the smallest and the largest. Errors are taken to fall with the root
    of the number of teachers, and with the power −3/2 of the decades at the same spacing.
    """
    low, high = allowed(prediction, sense, tolerance)
    remedies = [d.remedy for d in known(doubts) if d.direction is not Direction.HELD]
    asked = [(alpha, interval)] + ([] if beyond is None else [(sum(beyond) / 2, beyond)])
    wide, need = 0.0, 0.0
    for value, (lo, hi) in asked:
        edges = [abs(value - edge) for edge in (low, high) if np.isfinite(edge)]
        half = (hi - lo) / 2
        factor = half / max(min(edges), 1e-12)
        if factor > wide:
            wide, need, is_half, is_tail = factor, min(edges), half, value is not alpha
    parts = []
    if NO_NUMBER.intersection(doubts):
        parts.append("the curve is no power law over these x; more of the same would not decide")
    elif not np.isfinite(wide):
        parts.append("there is no interval")
    elif wide > 1:
        of_tail = " of the slope beyond the largest x" if is_tail else ""
        ways = [f"at least {4 if teachers < 2 else max(4, teachers + 1)} teachers"]
        if teachers > 1:
            several = int(np.ceil(teachers * wide**2))
            ways = [f"about {several} teachers instead of {teachers}"] * (several <= MOST_TEACHERS)
            decades = np.log10(x[1] / x[0])
            longer = decades * (wide ** (2 / 3) - 1)
            if longer <= MOST_DECADES:
                ways.append(f"x up to {x[1] * 10**longer:.2g} at the same spacing")
        close = f"±{is_half:.2g}{of_tail} where ±{need:.2g} is needed"
        parts.append(
            f"{close}: {' or '.join(ways)} would decide"
            if ways
            else f"{close}: the exponent lies too near the edge of the allowed region"
        )
    return "; ".join([*parts, *remedies]) + "." if parts or remedies else ""


def explain(doubts: Sequence[str]) -> list[str]:
    """One sentence per doubt: what it means, in which direction it pushes α, what removes it."""
    return [
        f"{d}: {d.meaning}; α {d.direction.value}; {d.remedy}."
        if d.direction is not Direction.HELD else f"{d}: {d.meaning}; {d.remedy}."
        for d in map(Doubt.of, doubts)
    ]  # fmt: skip
