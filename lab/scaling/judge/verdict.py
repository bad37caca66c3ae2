"""The verdict on a predicted exponent, the doubts that forbid one, and what would decide it.

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

A doubt is measured or known from the design, never a matter of taste. Its direction says how the
true exponent may differ from the one that is quoted, and from that follows what it forbids:

    high    α may read high, the truth lies lower
    low     α may read low, the truth lies higher
    either  unknown
    beyond  these x say nothing of larger ones: it forbids verdicts on a limit, none on the range
    held    an interval, or the rule of the verdict, holds it already: it forbids nothing

`agrees` is forbidden by a doubt that could carry the truth out of the allowed exponents,
`contradicts` by one that could carry it in. So a lower bound is not confirmed by an exponent that
reads high, and not refuted by one that reads low. What is `undecided` without such a doubt says why
by one of REASONS.

At a truth on the edge either wrong answer has a probability of about 2.5 % at most, and where the
median interval is half of the allowed region the truth is confirmed in nine scans of ten; measured
for truths that the estimator assumes and for those that it does not: `benchmarks/coverage.py`.

What it does not do: compute intervals, or find doubts. Those of the losses and of training are
found in `exponent.py`, those of the runs and of the design in `lab.findings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, StrEnum
from typing import Any, NamedTuple

import numpy as np

from lab.scaling.scans.scan import Interval


class Direction(Enum):
    """Direction in which the true exponent may differ from the quoted one."""

    HIGH = "reads high"
    LOW = "reads low"
    EITHER = "may be wrong either way"
    BEYOND = "may be another one beyond these x"
    HELD = "is in the interval already"


class Doubt(StrEnum):
    """One doubt. Its value is the slug that tables and JSON carry; `meaning` completes the
    sentence "… : the exponent is doubtful because", `remedy` says what would remove it."""

    meaning: str
    remedy: str
    direction: Direction

    def __new__(cls, slug: str, direction: Direction, meaning: str, remedy: str) -> Doubt:
        doubt = str.__new__(cls, slug)
        doubt._value_ = slug
        doubt.direction, doubt.meaning, doubt.remedy = direction, meaning, remedy
        return doubt

    # ---- why nothing is decided ----
    INTERVAL_TOO_WIDE = (
        "interval-too-wide",
        Direction.HELD,
        "an interval that the verdict asks crosses the edge of what the prediction allows",
        "use more teachers, or a wider range of x",
    )
    READINGS_DIFFER = (
        "readings-differ",
        Direction.HELD,
        "one reading of the exponent lies inside of what the prediction allows, another outside",
        "remove what they differ in: train longer, or measure more of the smallest x",
    )
    NOT_YET_ASYMPTOTIC = (
        "not-yet-asymptotic",
        Direction.HELD,
        "what holds over these x does not say what holds in the limit",
        "go to larger x, declare the correction's ω, or judge the claim over the range",
    )
    # ---- found in the losses ----
    FEW_SIZES = (
        "few-sizes",
        Direction.BEYOND,
        "fewer than five x cannot show a bend",
        "scan at least five x, better eight",
    )
    FEW_DECADES = (
        "few-decades",
        Direction.BEYOND,
        "x spans less than a decade",
        "widen the range of x",
    )
    ONE_TEACHER = (
        "one-teacher",
        Direction.EITHER,
        "one teacher shows nothing of the scatter between teachers",
        "use at least 4 teachers",
    )
    BENT = (
        "bent",
        Direction.HELD,
        "the local exponent changes along x, so that no one power law holds over them",
        "go to larger x, and train longer there if it falls",
    )
    COMMON_NOISE = (
        "common-noise",
        Direction.HELD,
        "the mean curve scatters by more than the teachers differ; the interval includes it",
        "draw test points and data anew for each teacher, or look for a kink in the curve",
    )
    FIRST_X_OFF = (
        "first-x-off",
        Direction.HELD,
        "the smallest x lies off the line through the others for all teachers; the verdict asks "
        "the exponent without it too",
        "start the scan at larger x",
    )
    OTHER_COUNT = (
        "other-count",
        Direction.HELD,
        "the source of the formula counts size in another way; the verdict asks both counts",
        "name the count of the source, or take larger widths, where both agree",
    )
    WRONG_LAW = (
        "wrong-law",
        Direction.EITHER,
        "the residuals share a shape that the fitted law does not have",
        "choose another range of x, and look at the curve",
    )
    FLOOR = (
        "floor",
        Direction.EITHER,
        "a floor, fitted or measured, makes up most of the loss at large x",
        "lower the noise, take a wider student or train longer, or take smaller x",
    )
    # ---- found in the runs ----
    UNDER_TRAINED = (
        "under-trained",
        Direction.LOW,
        "more training, or slower descent, lowers the losses at large x by more than the verdict "
        "allows",
        "train longer at the largest x, and at a lower rate",
    )
    BUDGET_FLATTENS = (
        "budget-flattens",
        Direction.HIGH,
        "more training, or slower descent, lowers α by more than the verdict allows",
        "train longer, at the smallest x too",
    )
    UNCHECKED = (
        "unchecked",
        Direction.EITHER,
        "nothing shows that the students were trained long enough",
        "let the convergence checks finish, or plan some under [evidence]",
    )
    RATE_SENSITIVE = (
        "rate-sensitive",
        Direction.EITHER,
        "another rate, or another scale of the first weights, gives another exponent",
        "train longer, or search for the best rate at each x",
    )
    SATURATED = (
        "saturated",
        Direction.HIGH,
        "the largest students have as many parameters as their teacher, and can copy it",
        "drop the largest x, or take wider teachers",
    )
    DIVERGED = (
        "diverged",
        Direction.EITHER,
        "diverged runs are missing from the fit",
        "repeat them at a lower rate",
    )
    FAILED = (
        "failed",
        Direction.EITHER,
        "failed runs are missing from the fit",
        "run the study again, it tries them once more",
    )
    UNFINISHED = (
        "unfinished",
        Direction.EITHER,
        "planned runs are missing",
        "let the study finish",
    )
    REFERENCE_NOT_CONVERGED = (
        "reference-not-converged",
        Direction.EITHER,
        "a mean excess over the limit is negative, so the limit has not converged",
        "train the reference longer",
    )
    EXCESS_UNRESOLVED = (
        "excess-unresolved",
        Direction.EITHER,
        "a mean excess is not positive within its error",
        "take more repetitions or smaller x",
    )
    LIMIT_UNMEASURED = (
        "limit-unmeasured",
        Direction.LOW,
        "the loss of this student on unlimited data is not "
        "known, and part of the flattening may be it",
        "let the runs on unlimited data finish",
    )
    ILL_CONDITIONED = (
        "ill-conditioned",
        Direction.EITHER,
        "a system was solved with jitter or beyond double precision",
        "set a ridge or take fewer points",
    )
    # ---- known from the design ----
    COARSE = (
        "coarse",
        Direction.BEYOND,
        "fewer than eight points per dimension resolve neither the "
        "edges nor the folds of the manifold",
        "take a smaller d, or far more points",
    )
    ONE_POOL = (
        "one-pool",
        Direction.EITHER,
        "the units are orders of one pool of data that share most of their points, so their "
        "scatter says little about other data",
        "take training sets of at most half of the pool; in a scan over sizes, bring other data "
        "too",
    )
    POOL_LIMITED = (
        "pool-limited",
        Direction.LOW,
        "there are fewer than 20 candidates for each label, or none that the rule prefers, so that "
        "the pool limits what selection can gain",
        "take a larger pool or a smaller fraction, or smaller training sets",
    )
    DIMENSION = (
        "dimension",
        Direction.EITHER,
        "the error of the measured dimension carries the prediction across the verdict",
        "give more data, or task.dim if it is known",
    )
    LATE = (
        "late",
        Direction.BEYOND,
        "the exact losses of theory do not follow their asymptote at these x",
        "compare with the expected losses, or choose other x",
    )
    ROUGH_TARGET = (
        "rough-target",
        Direction.EITHER,
        "the predicted formula is about targets with two derivatives, and this target is rougher",
        "predict 'resolution', which follows the smoothness, or take a teacher of tanh units",
    )
    GAP_GROWS = (
        "gap-grows",
        Direction.LOW,
        "the gap between trained and exact losses grows with size, by more than a factor of 2 over "
        "the scan",
        "train the largest students longer, and at a lower rate",
    )
    EXTRAPOLATED = (
        "extrapolated",
        Direction.EITHER,
        "most test points lie in no simplex of near samples",
        "take a manifold without edges, or more points",
    )
    DISTRACTORS = (
        "distractors",
        Direction.EITHER,
        "this student cannot leave coordinates out: the d of the teacher is not the d of the data",
        "predict with the dimension of the inputs",
    )

    @property
    def words(self) -> str:
        """The doubt as a table's row says it."""
        return SAID.get(self.value, self.value.replace("-", " "))

    @property
    def of_formula(self) -> bool:
        """True if it is about the formula that a claim predicts by, and so not about a rival's."""
        return self is Doubt.ROUGH_TARGET

    @classmethod
    def of(cls, slug: str) -> Doubt:
        """The doubt of this slug. Raises ValueError if there is none."""
        find: Any = cls  # called with a value an enum finds its member, whatever `__new__` takes
        return find(slug)

    def forbids_agreement(self, sense: str, over: str) -> bool:
        """True if the truth may lie outside while the interval lies inside."""
        if self.direction is Direction.LOW:
            return sense == "equal"
        if self.direction is Direction.BEYOND:
            return over == "limit"
        return self.direction is not Direction.HELD

    def forbids_contradiction(self, over: str, *, below: bool) -> bool:
        """True if the truth may lie inside while the interval lies below (or above) it."""
        if self.direction is Direction.BEYOND:
            return over == "limit"
        explains = Direction.LOW if below else Direction.HIGH
        return self.direction in (explains, Direction.EITHER)


REASONS = (Doubt.INTERVAL_TOO_WIDE, Doubt.READINGS_DIFFER, Doubt.NOT_YET_ASYMPTOTIC)
"""Doubts that leave a point undecided where no other doubt forbids a verdict."""


SAID = {
    "few-sizes": "fewer than five x",
    "few-decades": "less than a decade of x",
    "first-x-off": "smallest x off",
    "other-count": "two counts of size",
    "wrong-law": "another law",
    "unchecked": "training unchecked",
    "diverged": "diverged runs",
    "failed": "failed runs",
    "unfinished": "missing runs",
    "coarse": "few points per dimension",
    "dimension": "error of d",
    "late": "asymptote not reached",
    "rate-sensitive": "depends on the rate",
    "saturated": "students as large as teachers",
    "budget-flattens": "more training flattens",
}
"""Plain words of the doubts whose slug alone does not say it."""
SHOWN = 2
"""Doubts that a table's row says; the report explains all."""


def briefly(doubts: Iterable[str]) -> str:
    """The doubts of a table's row in plain words, `none` or at most SHOWN: first the reasons why
    nothing is decided, then what forbids a verdict, then what an interval holds already; sentences
    by their beginning."""
    every = dict.fromkeys(doubts)
    first = sorted(every, key=_rank)[:SHOWN]
    slugs = set(Doubt)
    return ", ".join(Doubt.of(d).words if d in slugs else d.partition(":")[0]
                     for d in first) or "none"  # fmt: skip


def _rank(doubt: str) -> int:
    if doubt in REASONS:
        return 0
    held = doubt in set(Doubt) and Doubt.of(doubt).direction is Direction.HELD
    return 2 if held else 1


def known(doubts: Iterable[str]) -> tuple[Doubt, ...]:
    """The doubts of these slugs, each once, in order. Raises ValueError for an unknown slug."""
    return tuple(dict.fromkeys(map(Doubt.of, doubts)))


STRAIGHT, BENT, OPEN = "straight", "bent", "open"
"""Shapes of a curve; `open` is also a relation to a prediction that nothing is said of."""


# ---- verdicts ----

AGREES, CONTRADICTS, UNDECIDED = "agrees", "contradicts", "undecided"
VERDICTS = (AGREES, CONTRADICTS, UNDECIDED)
EQUALS, ABOVE, BELOW = "equals", "above", "below"
RANGE, LIMIT = "range", "limit"
OVER = (RANGE, LIMIT)
"""Ranges over which a claim may hold."""
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
    """Relation of a judged exponent to the predicted number p: `equals` where an equality agrees,
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
    """True if a rival exponent, an equality, is compatible: the interval meets rival·(1 ± τ).

    None where it is not, but a doubt could explain that, or a curve that is bent has no limit yet.
    Doubts of the claim's own formula explain nothing about a rival's.
    """
    lo, hi = interval
    low, high = sorted((rival * (1 - tolerance), rival * (1 + tolerance)))
    if low <= hi and lo <= high:
        return True
    found = [doubt for doubt in known(doubts) if not doubt.of_formula]
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
    """True if a doubt has a remedy that would decide: those that the numbers of teachers and x of
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
