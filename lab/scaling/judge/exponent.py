"""A judged exponent: its readings, the shape of its curve, what is in doubt, and the verdict.

A reading is the exponent in one of the ways that it can be read, with its own interval,

    as measured                the least-squares slopes over all x
    with unlimited training    with what more training would add, where budgets were varied
    without the smallest x     where that x is no part of a bend
    by the other count         by all parameters or by the hidden weights, where size is counted

and `asked`, what the verdict asks of it: all of its interval, seven tenths of it, or nothing.
Without the smallest x it asks the whole interval where that x is off for all teachers, and SHARE of
it otherwise, for a shift of the noise's size escapes the test. Where the other x bend too, nothing
is asked of them.

The shape is a finding of its own. With Δ the change of the local exponent from the smallest to the
largest x, of least-squares parabolas, and δ relative to the prediction like the tolerance,

    straight   the 95 % interval of Δ lies within ± δ p: equivalence
    bent       it does not, and that of level .99 leaves out 0
    open       neither

`judge` takes an estimate that is there already (`scans/estimate.py`), at next to no cost, so that
one estimate can be judged by several predictions, or once more when a doubt has come to light. The
rule of the verdict is in `verdict.py`.

What it does not do: estimate, or doubt the runs; see `lab.findings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.judge import verdict as rule
from lab.scaling.judge.verdict import BENT, OPEN, STRAIGHT, Doubt, known
from lab.scaling.scans.estimate import (
    FEWEST,
    STATUS,
    USABLE,
    Correction,
    Estimates,
    ExponentEstimate,
    LocalExponent,
    estimate,
)
from lab.scaling.scans.scan import COUNTS, Interval, Scan

MEASURED = "as measured"
TRAINED = "with unlimited training"
WITHOUT = "without the smallest x"
BY_COUNT = dict(zip(COUNTS, ("by hidden weights", "by all parameters"), strict=True))
SIGNIFICANT = 0.01
SHARE = 0.7
"""Share of the interval without the smallest x that the verdict asks where that x is not off."""


class Shape(str):
    """`straight`, `bent` or `open`, with the numbers behind it.

    change: exponent at the largest x minus that at the smallest, and its 95 % interval, of
    least-squares parabolas; NaN where none was fitted. delta: the change up to which a curve is
    straight, in units of α. first, last: local exponents at both ends; None without any.
    """

    change: float
    interval: Interval
    delta: float
    first: LocalExponent | None
    last: LocalExponent | None

    def __new__(
        cls, kind: str, change: float = np.nan, interval: Interval = (np.nan, np.nan),
        delta: float = np.nan, ends: tuple[LocalExponent, ...] = (),
    ) -> Shape:  # fmt: skip
        shape = super().__new__(cls, kind)
        shape.change, shape.interval, shape.delta = change, interval, delta
        shape.first, shape.last = (ends[0], ends[-1]) if len(ends) > 1 else (None, None)
        return shape

    @property
    def direction(self) -> str:
        """The local exponent `falls` or `rises` towards large x where the curve is bent."""
        return ("falls" if self.change < 0 else "rises") if self == BENT else ""


class QuotedInterval(NamedTuple):
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
) -> tuple[QuotedInterval, ...]:
    """The readings of scan i, as measured first. both: whether the other count of size is asked."""
    alpha, ends = float(e.alpha[i]), (float(e.lower[i]), float(e.upper[i]))
    found = [QuotedInterval(MEASURED, alpha, ends, ends)]
    if correction:
        more = alpha + correction.alpha
        trained = (
            more - float(np.hypot(alpha - ends[0], 2 * correction.error)),
            more + float(np.hypot(ends[1] - alpha, 2 * correction.error)),
        )
        found.append(QuotedInterval(TRAINED, more, trained, trained))
    if e.rest is not None and e.drawn and np.isfinite(e.rest.half[i]):
        found.append(_without(e, i))
    if len(e.by_count) > 1:
        for name, value, half in zip(COUNTS, e.by_count[:, i], e.by_count_half[:, i], strict=True):
            if value != e.alpha[i]:
                own = (float(value - half), float(value + half))
                found.append(
                    QuotedInterval(BY_COUNT[name], float(value), own, own if both else None)
                )
    return tuple(found)


def _without(e: Estimates, i: int) -> QuotedInterval:
    assert e.rest is not None
    value, half = float(e.rest.alpha[i]), float(e.rest.half[i])
    share = 1.0 if e.rest.off[i] else SHARE
    asked = None if e.rest.bends[i] else (value - share * half, value + share * half)
    return QuotedInterval(WITHOUT, value, (value - half, value + half), asked)


def shape(e: Estimates, i: int, delta: float, local: tuple[LocalExponent, ...] = ()) -> Shape:
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


def doubts_of_losses(e: Estimates, i: int, form: Shape) -> tuple[Doubt, ...]:
    """Doubts from the losses of scan i."""
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


# ---- the judged exponent ----

LATE_FALL = 0.10
"""Fall of the loss under more training, at the largest x, beyond which α waits for it."""


@dataclass(frozen=True)
class Exponent(ExponentEstimate):
    """An estimate and what it answers.

    interval: the 95 % interval of `alpha`, the exponent over the measured range. readings: it and
    what else the verdict asks, see `QuotedInterval`. shape: `straight`, `bent` or `open`, with the
    change of the local exponent. doubts: slugs of `Doubt`; of an undecided point they hold
    at least one reason. prediction, sense, tolerance, over: what was asked. verdict, relation: None
    without a prediction. advice: what would decide an undecided point. With a prediction `tests`
    also has `equal` (α = prediction, Student) and `bound` (α ≥ prediction).
    """

    interval: Interval
    readings: tuple[QuotedInterval, ...]
    shape: Shape
    doubts: tuple[Doubt, ...]
    prediction: float | int | None
    sense: str
    tolerance: float | int
    over: str
    verdict: str | None
    relation: str | None
    advice: str

    @property
    def one_number(self) -> bool:
        """True if α sums the curve up: it may be quoted, and the curve is not bent."""
        return self.status in USABLE and self.shape != BENT

    @property
    def ends(self) -> tuple[LocalExponent, LocalExponent] | None:
        """The first and the last local exponent of a bent curve."""
        first, last = self.shape.first, self.shape.last
        return (first, last) if self.shape == BENT and first and last else None


def exponent(
    scan: Scan,
    *,
    prediction: float | int | None = None,
    sense: str = "bound",
    tolerance: float | int = 0.15,
    over: str = "limit",
    delta: float | int | None = None,
    omega: float | int | None = None,
    law: str = "power",
    correction: Correction | None = None,
    drawn: bool = True,
    replicates: int = 2000,
    seed: int = 0,
    doubts: Sequence[str] = (),
) -> Exponent:
    """Estimate the exponent of a scan and judge a prediction by it, in one step; see `estimate` and
    `judge`."""
    found = estimate(scan, law=law, correction=correction, omega=omega, drawn=drawn,
                     replicates=replicates, seed=seed)  # fmt: skip
    return judge(found, prediction=prediction, sense=sense, tolerance=tolerance, over=over,
                 delta=delta, doubts=doubts)  # fmt: skip


def judge(
    found: ExponentEstimate,
    *,
    prediction: float | int | None = None,
    sense: str = "bound",
    tolerance: float | int = 0.15,
    over: str = "limit",
    delta: float | int | None = None,
    both: bool = False,
    doubts: Sequence[str] = (),
) -> Exponent:
    """Judge a prediction by an estimate.

    prediction, sense, tolerance, over: see `verdict.py`. delta: the change of the local exponent
    from end to end, relative to the prediction (without one, to α), up to which the curve is
    straight; twice the tolerance where None. both: whether both counts of size are asked. doubts:
    slugs that the caller knows of; those found in the data are appended.
    Raises ValueError for an unknown sense, place or doubt, or a prediction, tolerance or delta that
    is not positive.
    """
    if prediction is not None:
        rule.allowed(prediction, sense, tolerance)
    if over not in rule.OVER:
        raise ValueError(f"over is {over!r}; it must be 'range' or 'limit'.")
    if delta is not None and not (np.isfinite(delta) and delta > 0):
        raise ValueError(f"delta is {delta}; it must be positive, such as 0.3.")
    own: dict[str, Any] = {
        field.name: getattr(found, field.name) for field in fields(ExponentEstimate)
    }
    asked: dict[str, Any] = dict(prediction=prediction, sense=sense, tolerance=tolerance, over=over)
    e = found.arrays
    if e is None:
        said, related = (None, None) if prediction is None else (rule.UNDECIDED, rule.OPEN)
        return Exponent(
            **own, **asked, interval=(np.nan, np.nan), readings=(), shape=Shape(OPEN),
            doubts=known([*doubts, Doubt.FEW_SIZES]), verdict=said, relation=related,
            advice=found.refusal,
        )  # fmt: skip
    unit = abs(found.alpha) if prediction is None else prediction
    form = shape(e, 0, unit * (2 * tolerance if delta is None else delta), found.local)
    read = readings(e, 0, correction=found.correction, both=both)
    other = (Doubt.OTHER_COUNT,) if both and len(e.by_count) > 1 else ()
    every = known([*doubts, *_of_training(found, tolerance), *doubts_of_losses(e, 0, form), *other])
    own["tests"] = {name: found.tests[name] for name in e.tests}
    if prediction is not None and found.teachers > 1:
        own["tests"] |= against(found.teacher_alpha, prediction)
    said, related, advice, every = _said(
        found, read, form, every, prediction, sense, tolerance, over
    )
    return Exponent(
        **own, **asked, interval=read[0].interval, readings=read, shape=form, doubts=every,
        verdict=said, relation=related, advice=advice,
    )  # fmt: skip


def _said(
    found: ExponentEstimate, read: Sequence[QuotedInterval], form: Shape, doubts: tuple[Doubt, ...],
    prediction: float | int | None, sense: str, tolerance: float | int, over: str,
) -> tuple[str | None, str | None, str, tuple[Doubt, ...]]:  # fmt: skip
    """Verdict, relation, advice and the doubts with the reason; nothing without a prediction."""
    if prediction is None:
        return None, None, "", doubts
    e = found.arrays
    assert e is not None
    asked = [one.asked for one in read if one.asked is not None]
    usable = found.status in USABLE
    place: dict[str, Any] = dict(
        prediction=prediction, tolerance=tolerance, over=over, shape=ruling(e, form),
        limit=found.limit.interval if found.limit else None,
    )  # fmt: skip
    said = rule.verdict(asked, sense=sense, usable=usable, doubts=doubts, **place)
    related = rule.relation(asked, said.verdict, doubts=doubts, **place)
    every = known([*doubts, *([said.reason] if said.reason else [])])
    if not usable:
        advice = f"{STATUS[found.status]}: widen the range of x or add seeds."
        return said.verdict, related, advice, every
    if said.verdict != rule.UNDECIDED:
        return said.verdict, related, "", every
    ends = (float(found.x[0]), float(found.x[-1]))
    advice = rule.advice(
        found.alpha, asked, teachers=found.teachers, doubts=every, x=ends, prediction=prediction,
        sense=sense, tolerance=tolerance, over=over,
    )  # fmt: skip
    return said.verdict, related, advice, every


def against(alpha: Float[np.ndarray, " teachers"], prediction: float | int) -> dict[str, float]:
    """Student's tests of the teachers' mean exponent: p of `equal` and, one-sided, of `bound`
    (α ≥ prediction)."""
    error = alpha.std(ddof=1) / np.sqrt(alpha.size)
    below = float(special.stdtr(alpha.size - 1, (alpha.mean() - prediction) / max(error, 1e-300)))
    return {"equal": 2 * min(below, 1 - below), "bound": below}


def _of_training(found: ExponentEstimate, tolerance: float | int) -> tuple[Doubt, ...]:
    """More training is in the interval; it is a doubt where it is large."""
    correction, matters = found.correction, tolerance / 2 * abs(found.alpha)
    if correction is None:
        return ()
    if correction.alpha < -matters:
        return (Doubt.BUDGET_FLATTENS,)
    if correction.alpha > matters or correction.late < np.log(1 - LATE_FALL):
        return (Doubt.UNDER_TRAINED,)
    return ()
