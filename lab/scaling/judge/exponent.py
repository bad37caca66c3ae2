"""The exponent of one scan, judged: with its quoted interval, its doubts and a verdict.

    estimate.py    α, by its methods and under its counts of size        knows no question
    reading.py     the interval that is quoted, and what the losses leave in doubt at a tolerance
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

from lab.scaling.judge import verdict as rule
from lab.scaling.judge.doubts import NO_NUMBER, Doubt, known
from lab.scaling.judge.reading import Reading, readings
from lab.scaling.scans.estimate import Correction, Estimate, Local, estimate
from lab.scaling.scans.estimates import STATUS, USABLE
from lab.scaling.scans.intervals import Interval
from lab.scaling.scans.scan import Scan

LATE_FALL = 0.10
"""Fall of the loss under more training, at the largest x, beyond which α waits for it."""


@dataclass(frozen=True)
class Exponent(Estimate):
    """An estimate and what it answers.

    interval: THE 95 % interval. head, beyond: those of the slopes of a parabola at the smallest x
    and half a range beyond the largest, where the verdict asks them too. doubts: slugs of
    `doubts.Doubt`. prediction, sense, tolerance: what was asked. verdict, relation: None without a
    prediction. advice: what would decide an undecided point. With a prediction `tests` also has
    `equal` (α = prediction, Student) and `bound` (α ≥ prediction).
    """

    interval: Interval
    head: Interval | None
    beyond: Interval | None
    doubts: tuple[Doubt, ...]
    prediction: float | int | None
    sense: str
    tolerance: float | int
    verdict: str | None
    relation: str | None
    advice: str

    @property
    def one_number(self) -> bool:
        """Whether the curve is a power law as far as the data tell, so that α is one number."""
        return self.status in USABLE and not NO_NUMBER.intersection(self.doubts)

    @property
    def ends(self) -> tuple[Local, Local] | None:
        """The first and the last local exponent, where they are to be shown instead of α."""
        several = len(self.local) > 1
        return (self.local[0], self.local[-1]) if several and not self.one_number else None


def exponent(
    scan: Scan,
    *,
    prediction: float | int | None = None,
    sense: str = "bound",
    tolerance: float | int = 0.15,
    law: str = "power",
    correction: Correction | None = None,
    straight: bool = False,
    replicates: int = 2000,
    seed: int = 0,
    doubts: Sequence[str] = (),
) -> Exponent:
    """Estimate the exponent of a scan and judge a prediction by it, in one step; see `estimate` and
    `judge`."""
    found = estimate(scan, law=law, correction=correction, replicates=replicates, seed=seed)
    return judge(found, prediction=prediction, sense=sense, tolerance=tolerance,
                 straight=straight, doubts=doubts)  # fmt: skip


def judge(
    found: Estimate,
    *,
    prediction: float | int | None = None,
    sense: str = "bound",
    tolerance: float | int = 0.15,
    straight: bool = False,
    doubts: Sequence[str] = (),
) -> Exponent:
    """Judge a prediction by an estimate.

    prediction, sense, tolerance: see `verdict.py`; the tolerance also says which bends matter, so
    the quoted interval and the doubts depend on it with and without a prediction. straight: whether
    theory knows the curve, and that it does not bend over these x: then none need be excluded,
    though one that is seen is told. doubts: slugs that the caller knows of; those found in the data
    are appended.
    Raises ValueError for an unknown sense or doubt, or a prediction or tolerance that is not
    positive.
    """
    if prediction is not None:
        rule.allowed(prediction, sense, tolerance)
    own: dict[str, Any] = {field.name: getattr(found, field.name) for field in fields(Estimate)}
    if found.arrays is None:
        said, related = (None, None) if prediction is None else (rule.UNDECIDED, rule.OPEN)
        return Exponent(
            **own, interval=(np.nan, np.nan), head=None, beyond=None, doubts=known(doubts),
            prediction=prediction, sense=sense, tolerance=tolerance, verdict=said, relation=related,
            advice=found.refusal,
        )  # fmt: skip
    (reading,) = readings(found.arrays, tolerance, straight=straight)
    interval, head, beyond = _moved(found.correction, float(found.arrays.alpha[0]), reading)
    every = known([*doubts, *_of_training(found, tolerance), *reading.doubts])
    said, related, advice = _said(
        found, interval, head, beyond, every, prediction, sense, tolerance
    )
    own["tests"] = {name: found.tests[name] for name in found.arrays.tests}
    if prediction is not None and found.teachers > 1:
        own["tests"] |= against(found.teacher_alpha, prediction)
    return Exponent(
        **own, interval=interval, head=head, beyond=beyond, doubts=every,
        prediction=prediction, sense=sense, tolerance=tolerance, verdict=said, relation=related,
        advice=advice,
    )  # fmt: skip


def _said(
    found: Estimate, interval: Interval, head: Interval | None, beyond: Interval | None,
    doubts: tuple[Doubt, ...], prediction: float | int | None, sense: str, tolerance: float | int,
) -> tuple[str | None, str | None, str]:  # fmt: skip
    """Verdict, relation and advice on what was asked; none where there is no prediction."""
    if prediction is None:
        return None, None, ""
    usable = found.status in USABLE
    said = rule.verdict(interval, head=head, beyond=beyond, usable=usable, doubts=doubts,
                        prediction=prediction, sense=sense, tolerance=tolerance)  # fmt: skip
    related = rule.relation(interval, said, head=head, beyond=beyond, doubts=doubts,
                            prediction=prediction, tolerance=tolerance)  # fmt: skip
    if not usable:
        return said, related, f"{STATUS[found.status]}: widen the range of x or add seeds."
    if said != rule.UNDECIDED:
        return said, related, ""
    ends = (float(found.x[0]), float(found.x[-1]))
    advice = rule.advice(
        found.alpha, interval, beyond=beyond, teachers=found.teachers, doubts=doubts, x=ends,
        prediction=prediction, sense=sense, tolerance=tolerance,
    )  # fmt: skip
    return said, related, advice


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


def _moved(
    more: Correction | None, alpha: float, reading: Reading
) -> tuple[Interval, Interval | None, Interval | None]:
    """The intervals of a reading of this α with the correction for more training in them."""
    shift, error = (more.alpha, more.error) if more else (0.0, 0.0)
    head, beyond = (ends and _widened(ends, sum(ends) / 2, shift, error)
                    for ends in (reading.head, reading.beyond))  # fmt: skip
    return _widened(reading.interval, alpha, shift, error), head, beyond


def _widened(ends: Interval, centre: float, shift: float, error: float) -> Interval:
    """An interval that holds both readings: as trained, and moved by a correction and widened by
    twice its error, in quadrature."""
    lo, hi = ends
    return (float(min(lo, centre + shift - np.hypot(centre - lo, 2 * error))),
            float(max(hi, centre + shift + np.hypot(hi - centre, 2 * error))))  # fmt: skip
