"""Specialisation: overlaps of units, escape times, shares of matched units and losses at the end.

A unit of an interval is a teacher, or a seed where there is one teacher; of its seeds it has the
mean, of times and losses that of logarithms. Intervals are Student's t over these.

    growth   the slope of escape times over ln N by least squares, runs of all N independent
    escape   exp of the mean of log(escape time / that of N → ∞ from the same start), all K together
    matched  the mean share over runs of the K that is claimed about, or all
    floor    mean loss over theory's at every K, by the rule of `lab.findings.curves`
    gain, sooner   exp of the difference of mean logs of two K, Welch's t

Known bias: a time is read between two looks, and only of runs that specialise in their time; with
one that does not nothing is claimed of times. The slope is theory's for N → ∞ alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from lab.findings import intervals
from lab.findings.answer import Answer, Judgement
from lab.findings.curves import compared
from lab.findings.drawing import BLUE, GREY, VERMILLION, blank, literal, shades, stacked, styled
from lab.findings.expected import Expected
from lab.findings.intervals import NOTHING, inside
from lab.findings.study_results import ClaimedFinding, SettingRuns, StudyResults, named
from lab.findings.view import (
    Answers,
    CaptionedFigure,
    View,
    figure_of,
    file_of,
    findings_of,
    joined,
    number,
    table_of,
)
from lab.regimes.specialisation import Specialisation
from lab.scaling.judge.verdict import UNDECIDED
from lab.scaling.scans.scan import Interval
from lab.spec import Run
from lab.students.units import ESCAPE, EXPECTED, MATCHED, UnitPath
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MORE = "take more teachers or seeds."


@dataclass(frozen=True)
class StudentSize:
    """The runs of one K: values by independent unit; NaN of a unit with a run that has none.

    lacking: runs without an escape time. theory: loss at the end that theory knows, NaN if none.
    """

    K: int
    runs: int
    escape: Float[np.ndarray, " units"]
    expected: Float[np.ndarray, " units"]
    matched: Float[np.ndarray, " units"]
    loss: Float[np.ndarray, " units"]
    lacking: int
    theory: float
    paths: tuple[UnitPath, ...] = field(repr=False)


@dataclass(frozen=True)
class SpecialisationFound(ClaimedFinding):
    """One setting: N inputs, M units of the teacher, and what every K did."""

    N: int
    M: int
    sizes: tuple[StudentSize, ...]
    run: Run = field(repr=False)

    def plain(self) -> dict[str, Any]:
        """Means by K, under the names of JSON."""
        return {"label": self.label, "N": self.N, "M": self.M, "doubts": list(self.doubts), "K": [
            {"K": one.K, "runs": one.runs, "escape": _mean(one.escape, log=True),
             "matched": _mean(one.matched), "loss": _mean(one.loss, log=True),
             "theory": one.theory, "not_specialised": one.lacking}
            for one in self.sizes
        ]}  # fmt: skip


def _mean(values: np.ndarray, *, log: bool = False) -> dict[str, Any]:
    """A mean with its interval."""
    value, ends = intervals.exp(intervals.mean(np.log(values))) if log else intervals.mean(values)
    return {"value": value, "interval": ends}


def specialisations(question: StudyResults) -> tuple[SpecialisationFound, ...]:
    """One per setting, in the order of the grid."""
    study = question.study
    assert isinstance(study, Specialisation)
    return tuple(_found(study, one) for one in question.stored)


def _found(study: Specialisation, one: SettingRuns) -> SpecialisationFound:
    by_size: dict[int, list[tuple[Run, Any]]] = defaultdict(list)
    for run, row in one.done:
        by_size[study.x(run)].append((run, row))
    first = one.cells.scan[0][0]
    sizes = tuple(_size(one, K, some) for K, some in sorted(by_size.items()))
    return SpecialisationFound(
        first.drawn.dim,
        first.drawn.teacher_widths[0],
        sizes,
        first,
        at=one.setting,
        doubts=one.lacking,
    )


def _size(one: SettingRuns, K: int, done: Sequence[tuple[Run, Any]]) -> StudentSize:
    at: dict[int, list[tuple[float, float, float, float]]] = defaultdict(list)
    lacking = 0
    for run, row in done:
        escape = row.details.get(ESCAPE, math.nan)
        lacking += not math.isfinite(escape)
        at[one.unit(run)].append((
            math.log(escape), math.log(row.details.get(EXPECTED, math.nan)),
            row.details[MATCHED], math.log(row.loss or math.nan),
        ))  # fmt: skip
    means = np.array([np.mean(values, axis=0) for _, values in sorted(at.items())])
    escape, expected, matched, loss = means.T
    paths = tuple(UnitPath.of_details(row.details) for _, row in done)
    return StudentSize(
        K, len(done), np.exp(escape), np.exp(expected), matched, np.exp(loss), lacking,
        known_loss(done[0][0]), paths,
    )  # fmt: skip


def known_loss(run: Run) -> float:
    """The loss at the end of training that theory knows, NaN where it knows none."""
    from lab.models import Committee

    K, M = int(run.coordinate("units") or 0), run.drawn.teacher_widths[0]
    model, own, noise = Committee(K, M), dict(run.student.settings), run.drawn.noise
    if "rate" in own and noise > 0 and K >= M:
        return 2 * float(model.noise_floor(float(own["rate"]), noise))
    if "rate" not in own and not noise and K < M:
        return 2 * float(model.copy_average().error)
    return math.nan


# ---- claims --------------------------------------------------------------------------------------


def _late(sizes: Sequence[StudentSize]) -> str:
    """Sentence saying why no claim about times is judged; empty if every run has a time."""
    lacking, runs = sum(one.lacking for one in sizes), sum(one.runs for one in sizes)
    if not runs:
        return "no run of this size is done: run the study."
    return (
        f"{lacking} of {runs} runs do not specialise in their time: train longer, by student.time "
        "or training.steps." if lacking else ""
    )  # fmt: skip


def matched(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the share of matched units, at the K where it is smallest."""
    for found, at, value in question.beside(claim, "specialisation"):
        known = [(*intervals.mean(size.matched), size.K) for size in found.sizes]
        if not known:
            yield Judgement.unmeasured(claim, at, value, found.doubts, _late(()))
            continue
        share, ends, K = min(known)
        words = f"the share is smallest at K = {K}."
        yield _judged(claim, found, value, share, ends, words=(words,))


def escape(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge escape times of SGD over those of N → ∞ from the same first weights."""
    for found, at, value in question.beside(claim, "specialisation"):
        if why := _late(found.sizes):
            yield Judgement.unmeasured(claim, at, value, found.doubts, why)
            continue
        logs = np.concatenate([np.log(size.escape / size.expected) for size in found.sizes])
        yield _judged(claim, found, value, *intervals.exp(intervals.mean(logs[np.isfinite(logs)])))


def _judged(
    claim: Claim, found: SpecialisationFound, value: float, measured: float, interval: Interval,
    **more: Any,
) -> Judgement:  # fmt: skip
    return Judgement.of(claim, found, value, measured, interval, allowed=_allowed(claim, value),
                        advice=MORE, **more)  # fmt: skip


def _allowed(claim: Claim, value: float) -> Interval:
    """By the sense of the claim: above the value, or within its tolerance."""
    return claim.band(value) if claim.sense == "equal" else (value, math.inf)


def floor(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge mean losses at the end over theory's, K by K."""
    for found, at, value in question.beside(claim, "specialisation"):
        told = [
            Expected(size.K, math.nan, float(ratio.mean()),
                     float(ratio.std(ddof=1) / math.sqrt(ratio.size)), None, "exact", ratio.size)
            for size in found.sizes if math.isfinite(size.theory) and size.loss.size > 1
            for ratio in (size.loss / size.theory,)
        ]  # fmt: skip
        if not told:
            why = "no K has a loss that theory knows, and two teachers or seeds."
            yield Judgement.unmeasured(claim, at, value, found.doubts, why)
            continue
        verdict, e, shown = compared(told, claim.tolerance)
        words = f"measured / theory is farthest from 1 at K = {e.x:g}, of {len(told)} K."
        yield Judgement.of(claim, found, value, e.ratio, shown, verdict=verdict, advice=MORE,
                           at=f"K = {e.x:g}", words=(words,))  # fmt: skip


def gain(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the loss at the end of K = M over that of the largest K."""
    yield from _compared(question, claim, lambda size: size.loss, lambda some: "")


def sooner(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the escape time of K = M over that of the largest K."""
    yield from _compared(question, claim, lambda size: size.escape, _late)


def _compared(
    question: StudyResults, claim: Claim, of: Callable[[StudentSize], np.ndarray],
    why: Callable[[Sequence[StudentSize]], str],
) -> Iterator[Judgement]:  # fmt: skip
    for found, at, value in question.beside(claim, "specialisation"):
        own = next((size for size in found.sizes if size.K == found.M), None)
        most = found.sizes[-1] if found.sizes and found.sizes[-1].K > found.M else None
        if own is None or most is None or why((own, most)):
            told = why((own, most)) if own and most else _late(())
            yield Judgement.unmeasured(claim, at, value, found.doubts, told)
            continue
        words = f"of K = {own.K} over K = {most.K}."
        change = intervals.difference(np.log(of(own)), np.log(of(most)))
        yield _judged(claim, found, value, *intervals.exp(change), words=(words,))


def growth(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the slope of escape times over ln N, for every K and all settings that differ in N."""
    kinds: dict[tuple, list[tuple[SpecialisationFound, float]]] = defaultdict(list)
    for found, at, value in question.beside(claim, "specialisation"):
        kinds[at.pairs].append((found, value))
    for pairs, some in kinds.items():
        for K in sorted({size.K for found, _ in some for size in found.sizes}):
            yield _growth(claim, named(dict(pairs)), K, some)


def _growth(
    claim: Claim, name: str, K: int, some: Sequence[tuple[SpecialisationFound, float]]
) -> Judgement:
    from lab.models import Committee

    value, place = some[0][1], ", ".join(filter(None, [f"K = {K}", name]))
    sizes = [(found.N, size) for found, _ in some for size in found.sizes if size.K == K]
    doubts = tuple(dict.fromkeys(doubt for found, _ in some for doubt in found.doubts))
    why = _late([size for _, size in sizes])
    if why or len(sizes) < 2:
        why = why or "a slope needs two N: run the study."
        return Judgement(claim, None, math.nan, NOTHING, value, UNDECIDED, doubts, why, place)
    run = some[0][0].run
    own = dict(run.student.settings)
    λ = Committee(K, some[0][0].M).escape(float(own["rate"]), run.drawn.noise)
    rise, (low, high) = intervals.slope(
        np.concatenate([np.full(size.escape.size, math.log(N)) for N, size in sizes]),
        np.concatenate([size.escape for _, size in sizes]),
    )
    ends = (2 * λ * low, 2 * λ * high)
    verdict = UNDECIDED if doubts else inside(ends, _allowed(claim, value))
    words = (f"t = {rise:.1f} ln N + const, and {1 / (2 * λ):.1f} ln N by theory.",)
    return Judgement(
        claim, None, 2 * λ * rise, ends, value, verdict, doubts,
        MORE if verdict == UNDECIDED and not doubts else "", place, words=words,
    )  # fmt: skip


# ---- as people see it ----------------------------------------------------------------------------

HEAD = ("setting", "K", "escape", "95 % interval", "matched", "loss at the end", "by theory")


def _lines(found: SpecialisationFound) -> Iterator[tuple]:
    for one in found.sizes:
        time = _mean(one.escape, log=True)
        times = (time["value"], time["interval"])
        if one.lacking:
            times = (f"{one.lacking} of {one.runs} not yet", "–")
        yield (found.label, one.K, *times, f"{one.matched.mean():.2f}",
               _mean(one.loss, log=True)["value"], one.theory)  # fmt: skip


def sentences(_: Answer, found: SpecialisationFound) -> Iterator[str]:
    """Runs, and those that do not specialise."""
    lacking, runs = (sum(getattr(s, name) for s in found.sizes) for name in ("lacking", "runs"))
    yield f"{runs} runs" + (f", of which {lacking} do not specialise." if lacking else ".")


MOST = 8
"""Settings of one figure; the others stand in its table."""
SHOWN = 12
"""Runs of one K that are drawn."""


def _overlaps(found: Sequence[SpecialisationFound]) -> tuple[Figure, str]:
    """Overlaps along training, a column for each K."""
    found = found[:MOST]
    columns = max(len(one.sizes) for one in found)
    figure = blank(0.6 + 3.2 * columns, 0.5 + 2.6 * len(found))
    axes = figure.subplots(len(found), columns, squeeze=False, sharey=True)
    for row, one in zip(axes, found, strict=True):
        for ax in row[len(one.sizes) :]:
            ax.set_axis_off()
        for ax, size in zip(row, one.sizes, strict=False):
            _paths(ax, size, one)
    return figure, (
        "Mean overlap of matched units with their teacher unit (blue) and with the others (grey), "
        f"run by run, up to {SHOWN}; dotted, mean escape time. On the plateau both are alike."
    )


def _paths(ax: Axes, size: StudentSize, one: SpecialisationFound) -> None:
    for path in size.paths[:SHOWN]:
        ax.plot(path.times, path.other, "-", color=GREY, lw=0.8, alpha=0.6)
        ax.plot(path.times, path.own, "-", color=BLUE, lw=0.8, alpha=0.8)
    if not size.lacking:
        ax.axvline(float(np.exp(np.log(size.escape).mean())), color=VERMILLION, ls=":", lw=1.2)
    trained = one.run.student.trained
    ax.set(xlabel="steps" if trained else "steps / N", ylabel="overlap", ylim=(0, 1.03))
    if trained:
        ax.set_xscale("symlog", linthresh=float(size.paths[0].times[1]))
    ax.set_title(literal(f"{one.label}, K = {size.K}"), fontsize=9)


def _escapes(kinds: Sequence[Sequence[SpecialisationFound]]) -> tuple[Figure, str]:
    """Escape times over N, a panel for each of what varies besides."""
    figure, axes = stacked(len(kinds), 1, width=5.4, height=3.6)
    for (ax,), some in zip(axes, kinds, strict=True):
        every = sorted({size.K for one in some for size in one.sizes})
        for K, colour in zip(every, shades(len(every)), strict=True):
            at = [(one.N, intervals.mean(size.escape)) for one in some for size in one.sizes
                  if size.K == K and not size.lacking]  # fmt: skip
            if at:
                N, means = [N for N, _ in at], [value for _, (value, _) in at]
                bars = [[value - low, high - value] for _, (value, (low, high)) in at]
                ax.errorbar(N, means, yerr=np.array(bars).T, fmt="o-", color=colour, ms=4,
                            label=f"K = {K}")  # fmt: skip
        ax.set(xscale="log", xlabel="inputs N", ylabel="escape time")
        ax.set_title(literal(named(some[0].at.varying) or some[0].label.partition(",")[0]))
        ax.legend(fontsize=8)
    return figure, "Mean escape times over the number of inputs, bars of 95 % over runs."


def _plateaus(answers: Answers) -> list[CaptionedFigure]:
    """Escape times of settings that differ in N alone, where there are any."""
    kinds: dict[tuple, list[SpecialisationFound]] = defaultdict(list)
    for one in findings_of(answers, "specialisation"):
        if one.sizes:
            kinds[one.at.pairs].append(one)
    several = [some for some in kinds.values() if len(some) > 1]
    if not several:
        return []
    with styled():
        return [CaptionedFigure("escape", "Length of the plateau", *_escapes(several))]


def _mean_path(paths: Sequence[UnitPath]) -> Iterator[tuple[float, float, float]]:
    looks = min(path.times.size for path in paths)
    for i in range(looks):
        yield (float(paths[0].times[i]), float(np.mean([p.own[i] for p in paths])),
               float(np.mean([p.other[i] for p in paths])))  # fmt: skip


def measured(found: SpecialisationFound) -> str:
    """Escape times by K."""
    return "; ".join(
        f"K = {one.K}: {number(_mean(one.escape, log=True)['value'], '.3g')}" for one in found.sizes
    )


VIEW = View(
    above=table_of(
        "specialisation", "Escape times (steps/N of committees, steps of networks), shares of "
        "matched units that have learned their teacher unit, losses at the end, by the units K of "
        "the student:", HEAD, _lines, most=5,
    ),
    sentences=sentences,
    figures=joined(
        figure_of("specialisation", "Overlaps of units", _overlaps, name="overlaps",
                  of=lambda found: found.sizes),
        _plateaus,
    ),
    files=file_of("specialisation", ("label", "K", "time", "own", "other"), lambda found: (
        (found.label, size.K, f"{t:g}", own, other)
        for size in found.sizes for t, own, other in _mean_path(size.paths)
    ), name="overlaps", form=".4f"),
    key="specialisation",
    measured=measured,
)  # fmt: skip
