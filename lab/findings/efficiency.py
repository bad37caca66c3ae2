"""Sample efficiency: samples to a loss against the size of the student, and what larger ones save.

Of the geometric mean of all units' curves (`frontiers.observed`, on unlimited data or the largest
training set) the first crossing of each of `curve.targets` is interpolated in the logarithms of
samples and loss, size by size (Kaplan et al., arXiv 2001.08361, §1: larger models need fewer
samples to reach a loss). A size that never reaches it has none, and is told. The saving

    E(smallest size that reaches it) / E(largest size)

is what a claim is about, at the first target; its interval is Student's of the jackknife over
units, in log, and of one unit, where nothing is random, a point.

Known bias: the saving has a limit, for the largest size cannot be faster than the spectrum of the
task lets it; it grows without limit as the target comes down to the smallest size's own limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Answer, Judgement
from lab.findings.batches import crossing
from lab.findings.drawing import blank, decades, literal, shades
from lab.findings.frontiers import Columns, geometric_mean, groups, observed, where
from lab.findings.intervals import jackknife, of_logarithm
from lab.findings.study_results import ClaimedFinding, SettingRuns, StudyResults
from lab.findings.view import View, figure_of, file_of, table_of
from lab.regimes.stepwise import LearningCurve
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST = 2
"""Sizes that reach a loss, so that one saves something."""


@dataclass(frozen=True)
class Efficiency:
    """Samples to one loss. sizes, samples: those that reach it, ascending in N; saving: with its
    interval, NaN of fewer than FEWEST sizes; out of how many sizes."""

    target: float
    sizes: tuple[float, ...]
    samples: tuple[float, ...]
    saving: float
    interval: Interval
    of: int


@dataclass(frozen=True)
class EfficiencyFound(ClaimedFinding):
    """Every target of one setting; units of `planned` units have every size."""

    targets: tuple[Efficiency, ...]
    units: int
    planned: int

    def plain(self) -> dict[str, Any]:
        """Samples by size, target by target."""
        return {
            "label": self.label, "units": self.units, "doubts": list(self.doubts),
            "targets": [
                {"target": one.target, "saving": one.saving, "interval": one.interval,
                 "samples": dict(zip(map(int, one.sizes), one.samples, strict=True))}
                for one in self.targets
            ],
        }  # fmt: skip


def efficiencies(question: StudyResults) -> tuple[EfficiencyFound, ...]:
    """One per setting of a study that counts samples to a loss."""
    study = question.study
    assert isinstance(study, LearningCurve)
    if not study.curve.targets:
        return ()
    return tuple(_found(study, one) for one in question.stored)


def _found(study: LearningCurve, one: SettingRuns) -> EfficiencyFound:
    columns, units, planned, doubts = observed(one)
    main = where(columns, columns["D"] == columns["D"].max(initial=0))
    targets = tuple(_target(main, target) for target in study.curve.targets)
    return EfficiencyFound(targets, units, planned, at=one.setting, doubts=doubts)


def _target(c: Columns, target: float) -> Efficiency:
    sizes, samples = reached(c, target)
    saving, interval = math.nan, (math.nan, math.nan)
    if sizes.size >= FEWEST:
        saving = float(samples[0] / samples[-1])
        without = []
        for some in groups(c):
            other, its = reached(some, target)
            pair = [its[other == N] for N in (sizes[0], sizes[-1])]
            without.append(math.log(float(pair[0][0] / pair[1][0]))
                           if pair[0].size and pair[1].size else math.nan)  # fmt: skip
        ends = jackknife(math.log(saving), without) if without else 2 * (math.log(saving),)
        interval = of_logarithm(ends)
    return Efficiency(target, tuple(sizes.tolist()), tuple(samples.tolist()), saving, interval,
                      np.unique(c["N"]).size)  # fmt: skip


def reached(c: Columns, target: float) -> tuple[np.ndarray, np.ndarray]:
    """The sizes whose mean curve reaches a loss, ascending, and the samples that they take."""
    found = []
    for N in np.unique(c["N"]):
        rows = c["N"] == N
        samples, loss = geometric_mean(c["samples"][rows], c["loss"][rows])
        E = crossing(samples, np.log(loss), math.log(target))
        if math.isfinite(E):
            found.append((N, E))
    sizes, samples = np.array(found).reshape(-1, 2).T
    return sizes, samples


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge a claim about the saving, setting by setting."""
    for found, at, prediction in question.beside(claim, "efficiency"):
        one = found.targets[0]
        if not math.isfinite(one.saving):
            yield Judgement.unmeasured(claim, at, prediction, found.doubts, (
                f"{len(one.sizes)} of {one.of} sizes reach L = {one.target:g}: go on running, give "
                "more steps, or take a target that is not as low."
            ))  # fmt: skip
            continue
        words = (
            f"N = {one.sizes[0]:g} takes {one.samples[0]:.3g} samples to L = {one.target:g}, and "
            f"N = {one.sizes[-1]:g} takes {one.samples[-1]:.3g}.",
        )
        yield Judgement.of(claim, found, prediction, one.saving, one.interval, words=words)


# ---- view ----------------------------------------------------------------------------------------


HEAD = ("setting", "loss", "sizes that reach it", "samples, smallest", "samples, largest", "saving",
        "95 % interval")  # fmt: skip


def _lines(found: EfficiencyFound) -> Iterator[tuple]:
    for one in found.targets:
        if one.sizes:
            yield (found.label, f"{one.target:g}", f"{len(one.sizes)} of {one.of}",
                   one.samples[0], one.samples[-1], one.saving, one.interval)  # fmt: skip


def sentences(_: Answer, found: EfficiencyFound) -> Iterator[str]:
    """Targets that some sizes do not reach."""
    for one in found.targets:
        if len(one.sizes) < one.of:
            yield f"L = {one.target:g} is reached by {len(one.sizes)} of {one.of} sizes."


def _drawn(found: Sequence[EfficiencyFound]) -> tuple[Figure, str]:
    """A panel per setting: samples to each loss against N."""
    figure = blank(max(5.5, 4.6 * len(found)), 3.9)
    for ax, one in zip(figure.subplots(1, len(found), squeeze=False)[0], found, strict=True):
        for target, colour in zip(one.targets, shades(len(one.targets)), strict=True):
            ax.plot(target.sizes, target.samples, "o-", color=colour, ms=4, lw=1.0,
                    label=f"L = {target.target:g}")  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel="size N", ylabel="samples to the loss",
               title=literal(one.label))  # fmt: skip
        decades(ax)
        ax.legend(fontsize=8.5)
    return figure, (
        "Samples that a size N takes to reach a relative loss, by the geometric mean of all "
        "curves; sizes that never reach it are left out."
    )


def measured(found: EfficiencyFound) -> str:
    """The savings."""
    return ", ".join(f"saving {one.saving:.3g} at L = {one.target:g}" for one in found.targets
                     if math.isfinite(one.saving))  # fmt: skip


VIEW = View(
    above=table_of(
        "efficiency", "Samples to a loss, of the smallest size that reaches it and of the largest:",
        HEAD, _lines, most=4,
    ),
    sentences=sentences,
    figures=figure_of("efficiency", "Sample efficiency", _drawn,
                      of=lambda found: any(one.sizes for one in found.targets)),
    files=file_of("efficiency", ("label", "loss", "N", "samples"), lambda found: (
        (found.label, f"{one.target:g}", f"{N:g}", E)
        for one in found.targets for N, E in zip(one.sizes, one.samples, strict=True)
    )),
    key="efficiency",
    measured=measured,
)  # fmt: skip
