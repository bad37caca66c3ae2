"""Coverage: how often the intervals of an estimator of the dimension hold the true d.

    raw         d̂ exp(±1.96 se / d̂), the error of sampling alone
    corrected   the interval of the estimate without its measured bias (`lab.dimension.calibration`)

Cases of one estimator on one manifold, all d, n and draws, are independent: their share has the
interval of Clopper and Pearson. It agrees with the coverage that was predicted where it lies above
it, and contradicts it where it lies below.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Answer, Judgement
from lab.findings.drawing import BLUE, GREEN, GREY, ORANGE, VERMILLION, grid, literal
from lab.findings.intervals import inside
from lab.findings.study_results import Finding, StudyResults
from lab.findings.view import (
    Answers,
    TextTable,
    View,
    figure_of,
    file_of,
    findings_of,
    interval,
)
from lab.scaling.judge.verdict import AGREES, UNDECIDED
from lab.scaling.scans.scan import Interval
from lab.students.dimensions import Dimension
from lab.tables.prediction import Claim
from lab.theory import parse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True)
class CoverageCell:
    """The draws of one d and n: means of the estimates, and how many intervals hold d. width:
    median ratio of the corrected interval's ends; doubted: points like no reference."""

    d: int | float
    n: int
    draws: int
    raw: float
    corrected: float
    raw_held: int
    held: int
    doubted: int
    width: float


@dataclass(frozen=True)
class Coverage(Finding):
    """One estimator on the points of one panel. least: the coverage that was predicted."""

    points: str
    method: str
    cells: tuple[CoverageCell, ...]
    least: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", inside(self.interval, (self.least, math.inf)))

    @property
    def label(self) -> str:
        """The points and the estimator."""
        return ", ".join(filter(None, [self.points, self.method]))

    @property
    def cases(self) -> int:
        """Sets of points."""
        return sum(cell.draws for cell in self.cells)

    def share(self, of: str) -> float:
        """The share of all cases of `raw_held`, `held` or `doubted`."""
        return sum(getattr(cell, of) for cell in self.cells) / self.cases

    @property
    def interval(self) -> Interval:
        """95 % interval of the share that is held, corrected."""
        return share_interval(sum(cell.held for cell in self.cells), self.cases)

    def plain(self) -> dict[str, Any]:
        """The shares, and every cell."""
        return {
            "points": self.points, "method": self.method, "cases": self.cases,
            "coverage": self.share("held"), "interval": self.interval,
            "raw_coverage": self.share("raw_held"), "doubted": self.share("doubted"),
            "verdict": self.verdict, "cells": [vars(cell) for cell in self.cells],
        }  # fmt: skip


def coverage(question: StudyResults) -> tuple[Coverage, ...]:
    """One per estimator, in the order of the grid."""
    found: dict[str, dict[tuple[int | float, int], list[Dimension]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for one in question.stored:
        for run, row in one.done:
            known = Dimension.of(row.details, "input")
            if known is not None and run.size is not None:
                method = str(dict(run.student.settings)["method"])
                found[method][run.task.input_dim, run.size].append(known)
    study = question.study
    least = _least(study.claims[0])
    return tuple(
        Coverage(study.title, method, tuple(_cell(*at, cells[at]) for at in sorted(cells)), least)
        for method, cells in found.items()
    )


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """A claim about the share of intervals that hold d, of every estimator on these points."""
    for found in question.found("coverage"):
        same = found.least == _least(claim)
        one = found if same else replace(found, least=_least(claim))
        advice = "more draws narrow the interval of the share." if one.verdict == UNDECIDED else ""
        yield Judgement(
            claim, None, one.share("held"), one.interval, one.least, one.verdict, one.doubts,
            advice, place=one.label, evidence=one, kind="coverage",
        )  # fmt: skip


def _least(claim: Claim) -> float:
    return parse(claim.text).value({})


def _cell(d: int | float, n: int, some: Sequence[Dimension]) -> CoverageCell:
    raw = np.array([(one.value, one.se) for one in some])
    ends = np.array([(one.low, one.high) for one in some])
    off = np.abs(np.log(raw[:, 0] / d))
    return CoverageCell(
        d, n, len(some), float(raw[:, 0].mean()), float(np.mean([one.corrected for one in some])),
        int(np.sum(off <= Z * raw[:, 1] / raw[:, 0])),
        int(np.sum((ends[:, 0] <= d) & (d <= ends[:, 1]))),
        int(sum(one.doubted for one in some)), float(np.median(ends[:, 1] / ends[:, 0])),
    )  # fmt: skip


def share_interval(held: int, cases: int) -> Interval:
    """Clopper and Pearson's 95 % interval of a share."""
    from scipy.special import betaincinv

    low = float(betaincinv(held, cases - held + 1, 0.025)) if held else 0.0
    high = float(betaincinv(held + 1, cases - held, 0.975)) if held < cases else 1.0
    return low, high


CATEGORIES = (BLUE, ORANGE, GREEN, VERMILLION, "black", GREY)


SHOWN = (0.6, 1.6)


def _bias(found: list[Coverage]) -> tuple[Figure, str]:
    """Estimates over the true d at the largest n, a panel per estimator."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    methods = [*dict.fromkeys(one.method for one in found)]
    points = [*dict.fromkeys(one.points for one in found)]
    colours = dict(zip(points, itertools.cycle(CATEGORIES), strict=False))
    dims = sorted({cell.d for one in found for cell in one.cells})
    most = max(cell.n for one in found for cell in one.cells)
    figure, axes = grid(len(methods), margin=1.0, height=2.6, sharex=True, sharey=True)
    for ax, method in zip(axes, methods, strict=True):
        for one in found:
            if one.method != method:
                continue
            cells = [cell for cell in one.cells if cell.n == most]
            d, colour = np.array([cell.d for cell in cells]), colours[one.points]
            ax.plot(d, [c.raw for c in cells] / d, ":", color=colour, lw=1.1)
            ax.plot(d, [c.corrected for c in cells] / d, ".-", color=colour, lw=1.2,
                    label=literal(one.points) or "points")  # fmt: skip
        ax.axhline(1, color="black", lw=0.9)
        ax.set(title=method, xlabel="d", xscale="log", ylabel="estimate / d")
        ax.set_ylim(*SHOWN)
        ax.xaxis.set_major_locator(FixedLocator(dims))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda d, _: f"{d:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    axes[min(2, len(axes) - 1)].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return figure, (
        f"Estimates over the true d at n = {most}, means over draws, a line per manifold. Dotted: "
        "raw, as the estimator's authors define it; solid: corrected for the bias that was "
        "measured on manifolds of known d."
    )


# ---- view ----------------------------------------------------------------------------------------


def above(answers: Answers) -> list[TextTable]:
    """Points against estimators: the share of corrected intervals that hold d."""
    found = findings_of(answers, "coverage")
    if not found:
        return []
    methods = dict.fromkeys(one.method for one in found)
    agree = sum(one.verdict == AGREES for one in found)
    words = (
        f"Share of 95 % intervals that hold d, corrected (in brackets: raw). Predicted: at least "
        f"{found[0].least:g}; {agree} of {len(found)} agree (? undecided, ! contradicts):"
    )
    by = {(one.points, one.method): one for one in found}
    points = dict.fromkeys(one.points for one in found)
    rows = [(p or "points", *(_share(by.get((p, m))) for m in methods)) for p in points]
    return [TextTable(("points", *methods), rows, words)]


def _share(one: Coverage | None) -> str:
    if one is None:
        return "–"
    mark = "" if one.verdict == AGREES else " ?" if one.verdict == "undecided" else " !"
    return f"{one.share('held'):.2f} ({one.share('raw_held'):.2f}){mark}"


def sentences(_: Answer, found: Coverage) -> Iterator[str]:
    """The share with its interval, if it does not agree."""
    if found.verdict != AGREES:
        yield (
            f"the corrected interval holds d in {found.share('held'):.3f} "
            f"{interval(found.interval)} of {found.cases} cases, {found.verdict}; "
            f"{found.share('doubted'):.2f} of them are doubted."
        )


VIEW = View(
    above=above,
    sentences=sentences,
    figures=figure_of("coverage", "Estimated dimensions over the true ones", _bias, name="bias"),
    files=file_of("coverage", ("points", "method", "d", "n", "draws", "raw", "corrected",
                               "raw_held", "held", "doubted", "width"), lambda one: (
        (one.points, one.method, *astuple(cell)) for cell in one.cells
    ), form=""),
    key="coverage",
)  # fmt: skip
