"""Contrasts: the change of the exponent between two settings that differ in one thing.

Settings share their teachers' draws, so the exponents are compared teacher by teacher: what all
settings owe to an easy or a hard teacher cancels. Interval: Student's t over the differences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from lab.findings.drawing import BLUE, blank, literal, styled, told
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Setting, StudyResults, named, value_text
from lab.findings.view import Answers, CaptionedFigure, Rows, TextTable, View, findings_of, interval
from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.lines import teacher_t


@dataclass(frozen=True)
class Contrast:
    """α(after) − α(before) at one d; `fixed` is what both settings have in common."""

    dim: int | float
    name: str
    before: Any
    after: Any
    fixed: dict[str, Any]
    change: float
    interval: tuple[float, float]
    teachers: int
    setting: Setting | None = None
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The dimension as text."""
        return f"d = {self.dim}"

    def plain(self) -> dict[str, Any]:
        """The change of settings, and its effect."""
        return {
            "dim": self.dim, "setting": self.name, "before": self.before, "after": self.after,
            "fixed": self.fixed, "change": self.change, "interval": self.interval,
            "teachers": self.teachers,
        }  # fmt: skip


def contrasts(question: StudyResults) -> tuple[Contrast, ...]:
    """Every pair of points whose settings differ in one value, where all teachers were fitted."""
    count = question.study.task.count
    points = [point for point in question.found("exponents") if whole(point, count)]
    found = []
    for one, other in combinations(points, 2):
        before, after = one.setting.varying, other.setting.varying
        if one.dim != other.dim or before.keys() != after.keys():
            continue
        differ = [name for name, value in before.items() if after[name] != value]
        if len(differ) == 1:
            found.append(between(one, other, differ[0]))
    return tuple(sorted(found, key=lambda c: (c.name, c.dim)))


def whole(point: ExponentResult, count: int) -> bool:
    """True if every planned teacher has its own exponent, so that pairs are pairs."""
    e = point.exponent
    return e is not None and e.status in USABLE and len(e.teacher_alpha) == count > 1


def between(one: ExponentResult, other: ExponentResult, name: str) -> Contrast:
    """The paired difference of two exponents whose settings differ in the value of this name."""
    assert one.exponent and other.exponent
    difference = other.exponent.teacher_alpha - one.exponent.teacher_alpha
    lower, upper = teacher_t(difference[None])
    before, after = one.setting.varying, other.setting.varying
    fixed = {k: v for k, v in before.items() if k != name}
    return Contrast(
        one.dim, name, before[name], after[name], fixed, float(difference.mean()),
        (float(lower[0]), float(upper[0])), difference.size,
    )  # fmt: skip


# ---- figures: a row per difference ---------------------------------------------------------------


MOST = 40
"""Rows of one figure; the others stand in a further one."""


@dataclass(frozen=True)
class Difference:
    """A difference of two exponents, named, with its 95 % interval."""

    name: str
    value: float
    interval: tuple[float, float]

    @property
    def clear(self) -> bool:
        """True if the interval leaves zero out."""
        return self.interval[0] > 0 or self.interval[1] < 0


def figures(answers: Answers) -> list[CaptionedFigure]:
    """The contrasts of all answers, by the thing that was changed."""
    found = findings_of(answers, "contrasts")
    caption = (
        "Change of α between settings that differ in one thing, teacher by teacher: what all "
        "settings owe to an easy or a hard teacher cancels. Bars: 95 % intervals, Student's t over "
        "differences. Filled: the interval leaves zero out."
    )
    every = [_of(c) for c in found]
    parts = [every[i : i + MOST] for i in range(0, len(every), MOST)]
    return [
        forest(some, f"contrasts{f'-{i}' if len(parts) > 1 else ''}",
               "Differences between settings", caption)
        for i, some in enumerate(parts, 1)
    ]  # fmt: skip


def _of(c: Contrast) -> Difference:
    change = f"{c.name.split('.')[-1]} {value_text(c.before)} → {value_text(c.after)}"
    name = ", ".join(filter(None, [c.label, named(c.fixed)]))
    return Difference(f"{change}  ({name})", c.change, c.interval)


def forest(
    differences: Sequence[Difference], name: str, title: str, caption: str
) -> CaptionedFigure:
    """The figure of these differences, a row each."""
    ends = [v for d in differences for v in d.interval if math.isfinite(v)]
    far = 4 * max((abs(d.value) for d in differences if math.isfinite(d.value)), default=0) or 0.1
    with styled():
        figure = blank(7.6, 1.0 + 0.3 * len(differences))
        ax = figure.subplots()
        ax.axvline(0, color="black", lw=1)
        for y, d in enumerate(differences):
            ax.plot(d.interval, [y] * 2, "-", color=BLUE, lw=1.4)
            face = BLUE if d.clear else "white"
            (mark,) = ax.plot(d.value, y, "o", color=BLUE, mfc=face, ms=6, zorder=3)
            told(mark, _said(d))
        ax.set_yticks(range(len(differences)), [literal(d.name) for d in differences], fontsize=9)
        ax.set_ylim(len(differences) - 0.4, -0.6)
        low, high = min([-far / 40, *ends]), max([far / 40, *ends])
        ax.set_xlim(max(1.1 * low, -far), min(1.1 * high, far))  # one wild interval hides all
        ax.set_xlabel(r"difference of $\alpha$")
        ax.grid(axis="y", visible=False)
    numbers = [(d.name, *(f"{v:.4g}" for v in (d.value, *d.interval))) for d in differences]
    return CaptionedFigure(
        name, title, figure, caption, f"{title}. {'; '.join(map(_said, differences))}.",
        Rows(("difference", "value", "lo", "hi"), numbers),
    )  # fmt: skip


def _said(d: Difference) -> str:
    return f"{d.name}: {d.value:+.2f}, [{d.interval[0]:+.2f}, {d.interval[1]:+.2f}]"


# ---- view ----------------------------------------------------------------------------------------


COLUMNS = ("d", "from → to", "both", "Δα", "95 % interval")


def above(answers: Answers) -> list[TextTable]:
    """One table of all contrasts, which a terminal leaves to the report."""
    found = findings_of(answers, "contrasts")
    if not found:
        return []
    words = (
        "Differences between settings, teacher by teacher (Student's t over "
        f"{found[0].teachers} differences):"
    )
    return [TextTable(COLUMNS, [_cells(c) for c in found], words, shown=())]


def _cells(c: Contrast) -> tuple[str, ...]:
    change = f"{c.name.split('.')[-1]} {value_text(c.before)} → {value_text(c.after)}"
    both = named(c.fixed) or "–"
    return (str(c.dim), change, both, f"{c.change:+.2f}", interval(c.interval))


VIEW = View(above=above, figures=figures, key="contrasts", json="fits", title="Paired differences")
