"""The exponent of one scan, judged: with its quoted interval, its doubts and a verdict.

    estimate.py    α, by its methods and under its counts of size        knows no question
    reading.py     the readings of it, each with its interval, and the shape of the curve
    doubts         those of the losses, of the training, and those that the caller knows of
    verdict.py     the predicted exponent against all of them

`judge` takes these steps for an estimate that is there already, at next to no cost, so that one
estimate can be judged by several predictions, or once more when a doubt has come to light.

What it does not do: estimate; see `scans/estimate.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.scaling.judge import reading
from lab.scaling.judge import verdict as rule
from lab.scaling.judge.doubts import Doubt, known
from lab.scaling.judge.reading import Reading, Shape
from lab.scaling.scans.estimate import Correction, Estimate, Local, estimate
from lab.scaling.scans.estimates import STATUS, USABLE
from lab.scaling.scans.intervals import Interval
from lab.scaling.scans.scan import Scan

LATE_FALL = 0.10
"""Fall of the loss under more training, at the largest x, beyond which α waits for it."""


@dataclass(frozen=True)
class Exponent(Estimate):
    """An estimate and what it answers.

    interval: the 95 % interval of `alpha`, the exponent over the measured range. readings: it and
    what else the verdict asks, see `reading.py`. shape: `straight`, `bent` or `open`, with the
    change of the local exponent. doubts: slugs of `doubts.Doubt`; of an undecided point they hold
    at least one reason. prediction, sense, tolerance, over: what was asked. verdict, relation: None
    without a prediction. advice: what would decide an undecided point. With a prediction `tests`
    also has `equal` (α = prediction, Student) and `bound` (α ≥ prediction).
    """

    interval: Interval
    readings: tuple[Reading, ...]
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
        """Whether α sums the curve up: it may be quoted, and the curve is not bent."""
        return self.status in USABLE and self.shape != reading.BENT

    @property
    def ends(self) -> tuple[Local, Local] | None:
        """The first and the last local exponent of a bent curve."""
        first, last = self.shape.first, self.shape.last
        return (first, last) if self.shape == reading.BENT and first and last else None


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
    found: Estimate,
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
    own: dict[str, Any] = {field.name: getattr(found, field.name) for field in fields(Estimate)}
    asked: dict[str, Any] = dict(prediction=prediction, sense=sense, tolerance=tolerance, over=over)
    e = found.arrays
    if e is None:
        said, related = (None, None) if prediction is None else (rule.UNDECIDED, rule.OPEN)
        return Exponent(
            **own, **asked, interval=(np.nan, np.nan), readings=(), shape=Shape(reading.OPEN),
            doubts=known([*doubts, Doubt.FEW_SIZES]), verdict=said, relation=related,
            advice=found.refusal,
        )  # fmt: skip
    unit = abs(found.alpha) if prediction is None else prediction
    form = reading.shape(e, 0, unit * (2 * tolerance if delta is None else delta), found.local)
    read = reading.readings(e, 0, correction=found.correction, both=both)
    other = (Doubt.OTHER_COUNT,) if both and len(e.by_count) > 1 else ()
    every = known([*doubts, *_of_training(found, tolerance), *reading.doubts(e, 0, form), *other])
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
    found: Estimate, read: Sequence[Reading], form: Shape, doubts: tuple[Doubt, ...],
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
        prediction=prediction, tolerance=tolerance, over=over, shape=reading.ruling(e, form),
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


def _of_training(found: Estimate, tolerance: float | int) -> tuple[Doubt, ...]:
    """More training is in the interval; it is a doubt where it is large."""
    correction, matters = found.correction, tolerance / 2 * abs(found.alpha)
    if correction is None:
        return ()
    if correction.alpha < -matters:
        return (Doubt.BUDGET_FLATTENS,)
    if correction.alpha > matters or correction.late < np.log(1 - LATE_FALL):
        return (Doubt.UNDER_TRAINED,)
    return ()
