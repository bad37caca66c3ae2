"""Curves that fall, rise and fall: minimum, peak, minimum; where the training set is learned.

A unit is a teacher with its training set, or a seed where there is one teacher; its log test loss
at every x is a mean over its seeds. Only units with every x enter. Of a map the curve is that at
the largest value of the second axis.

Of the mean curve ℓ(x) the largest rise is R = max over x < x′ of ℓ(x′) − ℓ(x), its ends the first
minimum and the peak; the second minimum is the smallest ℓ from the peak on, and the second descent
S = max over x″ from the peak on of min over x before it of ℓ(x) − ℓ(x″). **Their intervals** come
from all pairs of x at once: Student's t over units for each ℓ(x′) − ℓ(x), at 1 − .05/pairs
(Bonferroni), so that all hold together with 95 %. R and S grow with every difference, and lie
between their values at the lower and at the upper ends. So the accident that a place was chosen by
is paid for: a flat curve has a rise in 5 % of cases or fewer. Units share nothing but, where the
data are given, their pool.

**The place of the peak** is a set of x, as in `lab.findings.curves`: all from the first minimum on
whose mean log loss may be the largest with 95 %, and what lies between them and their neighbours. A
set that reaches an end of the scan decides nothing.

**The threshold** is the x between which the mean log training error crosses `scan.fitted`: of
samples the last D that is learned by heart, of width and steps the first x that does. Its bracket
has no error over units.

Known bias: intervals are wide for many x and few units; R is too large by what the largest of many
accidents is; S takes the place of the peak as known; between two x the curve may be higher.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from lab.findings.answer import Judgement
from lab.findings.curves import EDGE, LEVEL, compared, peak_set
from lab.findings.expected import Expected, expected_risk
from lab.findings.exponents import doubts_of_runs
from lab.findings.intervals import NOTHING, inside
from lab.findings.study_results import ClaimedFinding, Setting, SettingRuns, StudyResults
from lab.kinds import load
from lab.kinds.student import STUDENTS
from lab.regimes.descent import Descent
from lab.scaling.judge.verdict import UNDECIDED, Doubt
from lab.scaling.scans.lines import student_quantile
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

FORBID = {Doubt.DIVERGED, Doubt.FAILED, Doubt.UNFINISHED, Doubt.ONE_POOL}
"""Doubts of the runs under which nothing is judged."""
FEWEST = 4
SMALLEST = 1e-30
"""A loss relative to the constant student's below which nothing is left."""


@dataclass(frozen=True)
class MeanLoss:
    """A mean loss at one place: x and the value of the second axis, 0 where there is none; the
    split; the unit; the loss, relative, a geometric mean over seeds; its exact mean, NaN where
    it is unknown; and the mean over seeds of loss / exact mean."""

    x: float
    other: float
    split: str
    unit: int
    loss: float
    exact: float
    ratio: float


@dataclass(frozen=True)
class LossRatio:
    """A ratio of losses with its 95 % interval, NaN where there is none."""

    value: float
    interval: Interval

    @classmethod
    def of_logs(cls, value: float, low: float, high: float) -> LossRatio:
        """The same of logarithms."""
        return cls(math.exp(value), (math.exp(low), math.exp(high)))


def largest_rise(curve: Float[np.ndarray, " x"]) -> tuple[int, int, int]:
    """Indices of the first minimum and the peak, the ends of the largest rise, and of the smallest
    value from the peak on."""
    peak = 1 + int(np.argmax(curve[1:] - np.minimum.accumulate(curve)[:-1]))
    first = int(np.argmin(curve[:peak]))
    return first, peak, peak + int(np.argmin(curve[peak:]))


@dataclass(frozen=True)
class DescentCurve:
    """The mean curve: x of the first minimum, the peak and the second minimum; the rise between the
    first two, and how many times lower the second minimum is than the first."""

    x: Float[np.ndarray, " x"]
    logs: Float[np.ndarray, "units x"] = field(repr=False)

    @cached_property
    def places(self) -> tuple[int, int, int]:
        """Indices on the mean curve."""
        return largest_rise(self.logs.mean(0))

    @cached_property
    def factors(self) -> tuple[LossRatio, LossRatio]:
        """The rise and the second descent."""
        n, m = self.logs.shape
        mean = self.logs.mean(0)
        steps = np.subtract.outer(mean, mean).T  # [x, x′], by how much x′ is larger
        half = np.full((m, m), math.nan)
        if n > 1:
            level = 1 - LEVEL / (m * (m - 1) / 2)
            centred = self.logs - mean
            products = centred.T @ centred
            own = np.diag(products)
            variance = np.maximum(own[:, None] + own - 2 * products, 0) / (n - 1) / n
            half = float(student_quantile(n - 1, level)) * np.sqrt(variance)
        top = self.places[1]
        later = np.triu_indices(m, 1)
        rises = [float(d[later].max()) for d in (steps, steps - half, steps + half)]
        falls = [float((-d[:top, top:]).min(0).max()) for d in (steps, steps + half, steps - half)]
        return LossRatio.of_logs(*rises), LossRatio.of_logs(*falls)

    @property
    def rises(self) -> bool:
        """True if the rise is larger than its error."""
        return self.factors[0].interval[0] > 1

    @cached_property
    def peak_interval(self) -> tuple[Interval, bool]:
        """The x between which the peak lies, and whether it may lie at an end of the scan."""
        first = self.places[0]
        if len(self.logs) < 2:
            return NOTHING, False
        found = first + peak_set(self.logs[:, first:])
        low, high = int(found[0]), int(found[-1])
        ends = float(self.x[max(low - 1, 0)]), float(self.x[min(high + 1, self.x.size - 1)])
        return ends, low == 0 or high == self.x.size - 1


@dataclass(frozen=True)
class DescentFound(ClaimedFinding):
    """The losses of one setting, and their shape; None where no unit has every x, or x are few.

    threshold: the x between which the training set is learned by heart, NaN where none are.
    """

    study: Descent
    entries: tuple[MeanLoss, ...] = field(repr=False)
    units: int
    planned: int
    shape: DescentCurve | None
    threshold: Interval
    noisy: bool

    @property
    def others(self) -> list[float]:
        """Values of the second axis."""
        return sorted({e.other for e in self.entries})

    def mean(self, split: str, other: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """x, and the geometric mean over units at a value of the second axis, the largest unless
        told."""
        return mean_curve(self.entries, split, other)

    def exact(self) -> tuple[np.ndarray, np.ndarray]:
        """x, and the mean over units of the exact risk there, at the largest second value; NaN
        where it is unknown."""
        at: dict[float, list[float]] = defaultdict(list)
        last = max(self.others, default=0.0)
        for e in self.entries:
            if e.split == "test" and e.other == last:
                at[e.x].append(e.exact)
        x = sorted(at)
        return np.array(x, float), np.array([float(np.mean(at[v])) for v in x], float)

    def plain(self) -> dict[str, Any]:
        """The shape of the curve, under the names of JSON."""
        told: dict[str, Any] = {"label": self.label, "units": self.units}
        told |= {"threshold": self.threshold, "doubts": list(self.doubts)}
        if self.shape is None:
            return told
        x, (rise, second) = self.shape.x, self.shape.factors
        first, peak, last = (float(x[i]) for i in self.shape.places)
        ends, edge = self.shape.peak_interval
        return told | {
            "first_minimum": first, "peak": {"value": peak, "interval": ends, "edge": edge},
            "second_minimum": last,
            "rise": {"value": rise.value, "interval": rise.interval},
            "second_descent": {"value": second.value, "interval": second.interval},
        }  # fmt: skip


def mean_curve(
    entries: Sequence[MeanLoss], split: str, other: float | None = None
) -> tuple[Float[np.ndarray, " x"], Float[np.ndarray, " x"]]:
    """x, and the geometric mean of the losses of a split there, at a value of the second axis, the
    largest unless told."""
    other = max((e.other for e in entries), default=0.0) if other is None else other
    at: dict[float, list[float]] = defaultdict(list)
    for e in entries:
        if e.split == split and e.other == other:
            at[e.x].append(math.log(e.loss))
    x = sorted(at)
    return np.array(x, float), np.array([math.exp(np.mean(at[v])) for v in x], float)


def descents(question: StudyResults) -> tuple[DescentFound, ...]:
    """One per setting, in the order of the grid."""
    study = question.study
    assert isinstance(study, Descent)
    return tuple(_found(study, one) for one in question.stored)


def _found(study: Descent, one: SettingRuns) -> DescentFound:
    whole, planned = one.units("done")
    entries = _entries(study, one, whole)
    shape = _shape(entries)
    noisy = study.task.n_available is not None or any(run.task.noise for run, _ in one.cells.scan)
    return DescentFound(
        study, entries, len(whole), planned, shape, _threshold(study, entries), noisy,
        at=one.setting, doubts=doubts_of_runs(study, one, FORBID),
    )  # fmt: skip


def _entries(study: Descent, one: SettingRuns, whole: set[int]) -> tuple[MeanLoss, ...]:
    """Mean losses of whole units over seeds by x, second axis, split and unit."""
    names = [axis.coordinate for axis in study.axes]
    every: dict[tuple[float, float, str, int], list[tuple[float, float]]] = defaultdict(list)
    for run, row in one.done:
        if one.unit(run) not in whole or not row.scale:
            continue
        seen = row.observed()
        steps = [o.step for o in seen]
        last = row.best_step if run.training.stopping == "best" else max(steps, default=0)
        at = dict.fromkeys(steps) if "S" in names else dict.fromkeys([last])
        exact = dict(zip(at, _exact(run, [*at]), strict=True))
        for o in seen:
            if o.step not in at or ("S" in names and not o.step > 0) or not 0 <= o.loss < math.inf:
                continue
            split = "test" if o.split == "population" else o.split
            place = [float(run.coordinate(name, o.step) or 0) for name in names]
            key = (place[0], place[1] if len(place) > 1 else 0.0, split, one.unit(run))
            every[key].append((o.loss / row.scale, exact[o.step] / row.scale))
    return tuple(_mean_loss(key, np.array(both)) for key, both in sorted(every.items()))


def _mean_loss(key: tuple[float, float, str, int], both: Float[np.ndarray, "seeds 2"]) -> MeanLoss:
    """losses that are 0 count as the smallest there are."""
    loss, exact = both[:, 0], both[:, 1]
    geometric = float(np.exp(np.log(np.maximum(loss, SMALLEST)).mean()))
    return MeanLoss(*key, geometric, float(exact.mean()), float((loss / exact).mean()))


def _exact(run: Any, steps: Sequence[float]) -> list[float]:
    """The exact mean loss at each step, NaN where it is unknown or it has no variance."""
    kind = STUDENTS[run.student.kind]
    if kind.risk_at:
        return [float(v) for v in load(kind.risk_at)(run, np.array(steps))]
    known = expected_risk(run)
    value = known.mean if known and known.varies and math.isfinite(known.mean) else math.nan
    return [value for _ in steps]


def _shape(entries: Sequence[MeanLoss]) -> DescentCurve | None:
    last = max((e.other for e in entries), default=0.0)
    test = [e for e in entries if e.split == "test" and e.other == last and e.loss > 0]
    x = sorted({e.x for e in test})
    of: dict[int, dict[float, float]] = defaultdict(dict)
    for e in test:
        of[e.unit][e.x] = math.log(e.loss)
    whole = [[one[v] for v in x] for one in of.values() if len(one) == len(x)]
    if len(x) < FEWEST or not whole:
        return None
    return DescentCurve(np.array(x), np.array(whole))


def _threshold(study: Descent, entries: Sequence[MeanLoss]) -> Interval:
    """The x on either side of the crossing of the training error."""
    x, train = mean_curve(entries, "train")
    fitted = train <= study.scan.fitted
    if not fitted.any() or fitted.all():
        return NOTHING
    if study.scan.axis[0] == "samples":
        i = int(np.flatnonzero(fitted)[-1])
        return (float(x[i]), float(x[i + 1])) if i + 1 < x.size else NOTHING
    i = int(np.flatnonzero(fitted)[0])
    return (float(x[i - 1]), float(x[i])) if i else NOTHING


# ---- claims --------------------------------------------------------------------------------------


MORE = "take more teachers or seeds."


def _each(question: StudyResults, claim: Claim) -> Iterator[tuple[DescentFound, Setting, float]]:
    """Findings, their settings and what the claim's formula gives there, 1 where it has none."""
    if claim.key:
        return question.beside(claim, "descent")
    return ((found, found.at, 1.0) for found in question.found("descent"))


def too_short(found: DescentFound) -> str:
    """Sentence on what a curve lacks."""
    if not found.units:
        return "a curve needs a teacher, or seed, with every x: go on running."
    return f"a curve needs {FEWEST} values of x, and two teachers or seeds."


Read = tuple[float, Interval, str, str, tuple[str, ...]]
"""Measured value with its interval, the verdict, what would decide it, and words."""


def _answered(
    question: StudyResults, claim: Claim,
    read: Callable[[DescentFound, DescentCurve, float], Read],
) -> Iterator[Judgement]:  # fmt: skip
    """A claim about the shape of every setting; what is doubted, or has no shape, is undecided."""
    for found, at, value in _each(question, claim):
        if found.shape is None or len(found.shape.logs) < 2:
            why = too_short(found)
            yield Judgement.unmeasured(claim, at, value, found.doubts, why)
            continue
        measured, interval, verdict, advice, words = read(found, found.shape, value)
        doubted = found.doubts and math.isfinite(measured)
        yield Judgement(
            claim, at, measured, interval, value, UNDECIDED if found.doubts else verdict,
            found.doubts, advice if verdict == UNDECIDED and not doubted else "", words=words,
            more={"edge": found.shape.peak_interval[1]},
        )  # fmt: skip


def _factor(
    question: StudyResults, claim: Claim, which: int, allowed: Callable[[float], Interval]
) -> Iterator[Judgement]:
    """A claim about the rise (0), or about the second descent (1), which needs a peak."""

    def read(found: DescentFound, shape: DescentCurve, value: float) -> Read:
        one = shape.factors[which]
        verdict, advice = inside(one.interval, allowed(value)), MORE
        if which and not shape.rises:
            verdict, advice = UNDECIDED, "no peak is seen, and so no descent after it."
        elif which and shape.peak_interval[1]:
            verdict, advice = UNDECIDED, EDGE
        first, peak, _ = (shape.x[i] for i in shape.places)
        symbol = found.study.axis.symbol
        words = f"the largest rise of the mean curve is from {symbol} = {first:g} to {peak:g}."
        return one.value, one.interval, verdict, advice, () if which else (words,)

    return _answered(question, claim, read)


def rise(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the rise before the peak, by how many times the loss grows."""
    return _factor(question, claim, 0, lambda value: (value, math.inf))


def none(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge that the largest rise is no larger than the tolerance."""
    return _factor(question, claim, 0, lambda _: (0.0, 1 + claim.tolerance))


def second(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge how many times lower the second minimum is than the first."""
    return _factor(question, claim, 1, lambda value: (value, math.inf))


def peak(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the place of the peak beside the position that is claimed."""
    return _answered(question, claim, lambda found, shape, value: _placed(
        found, claim, value, shape, (1.0, 1.0)))  # fmt: skip


def threshold(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the place of the peak over the place where the training set is learned by heart."""

    def read(found: DescentFound, shape: DescentCurve, value: float) -> Read:
        if all(map(math.isfinite, found.threshold)):
            return _placed(found, claim, value, shape, found.threshold)
        return math.nan, NOTHING, UNDECIDED, (
            f"the training error does not cross {found.study.scan.fitted:g} of the constant "
            "student's: scan x on both sides of it, or train longer."
        ), ()  # fmt: skip

    return _answered(question, claim, read)


def _placed(
    found: DescentFound, claim: Claim, value: float, shape: DescentCurve, over: Interval
) -> Read:
    """The position of the peak, over an x that is known between two others."""
    (low, high), edge = shape.peak_interval
    symbol = found.study.axis.symbol
    ends = (low / over[1], high / over[0])
    place = float(shape.x[shape.places[1]]) / math.sqrt(over[0] * over[1])
    if not shape.rises:
        return place, ends, UNDECIDED, "the loss does not rise by more than its error.", ()
    if edge:
        return place, ends, UNDECIDED, EDGE, ()
    verdict = inside(ends, claim.band(value))
    return place, ends, verdict, "scan more x there, or take more teachers or seeds.", (
        f"the peak is between {symbol} = {low:g} and {high:g}.",
    )  # fmt: skip


def curve(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge that mean losses are their exact means at every x that tells, by `curves.compared`."""
    for found, at, _ in _each(question, claim):
        told = ratios(found)
        if not told:
            why = "no x has an exact risk with a variance, and two teachers or seeds."
            yield Judgement.unmeasured(claim, at, 1.0, found.doubts, why)
            continue
        verdict, e, shown = compared(told, claim.tolerance)
        verdict = UNDECIDED if found.doubts else verdict
        symbol = found.study.axis.symbol
        words = (
            f"measured / exact is farthest from 1 at {symbol} = {e.x:g}, of {len(told)} x: "
            f"{e.ratio:.3f} [{shown[0]:.3f}, {shown[1]:.3f}]."
        )
        yield Judgement(
            claim, at, e.ratio, shown, 1.0, verdict, found.doubts,
            MORE if verdict == UNDECIDED and not found.doubts else "", at=f"{symbol} = {e.x:g}",
            words=(words,), more={"compared": [one.x for one in told]},
        )  # fmt: skip


def ratios(found: DescentFound) -> list[Expected]:
    """Mean over units of measured / exact, by x."""
    at: dict[float, list[float]] = defaultdict(list)
    last = max(found.others, default=0.0)
    for e in found.entries:
        if e.split == "test" and e.other == last and math.isfinite(e.ratio):
            at[e.x].append(e.ratio)
    told = []
    for x in sorted(at):
        many = np.array(at[x])
        if many.size > 1:
            error = float(many.std(ddof=1) / math.sqrt(many.size))
            told.append(Expected(x, math.nan, float(many.mean()), error, None, "exact", many.size))
    return told
