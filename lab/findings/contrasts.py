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

from lab.findings.drawing import Frame, Scale, drawing, text
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Setting, StudyResults, named, value_text
from lab.findings.view import Answers, Chart, Charts, Rows, Section, TextTable, View, interval
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
    whole = [point for point in question.found("exponents") if _whole(point, count)]
    found = []
    for one, other in combinations(whole, 2):
        before, after = one.setting.varying, other.setting.varying
        if one.dim != other.dim or before.keys() != after.keys():
            continue
        differ = [name for name, value in before.items() if after[name] != value]
        if len(differ) == 1:
            found.append(_between(one, other, differ[0]))
    return tuple(sorted(found, key=lambda c: (c.name, c.dim)))


def _whole(point: ExponentResult, count: int) -> bool:
    """True if every planned teacher has its own exponent, so that pairs are pairs."""
    e = point.exponent
    return e is not None and e.status in USABLE and len(e.teacher_alpha) == count > 1


def _between(one: ExponentResult, other: ExponentResult, name: str) -> Contrast:
    assert one.exponent and other.exponent
    difference = other.exponent.teacher_alpha - one.exponent.teacher_alpha
    lower, upper = teacher_t(difference[None])
    before, after = one.setting.varying, other.setting.varying
    fixed = {k: v for k, v in before.items() if k != name}
    return Contrast(
        one.dim, name, before[name], after[name], fixed, float(difference.mean()),
        (float(lower[0]), float(upper[0])), difference.size,
    )  # fmt: skip


# ---- charts of the page: a row per difference, its name above its interval -----------------------


MOST = 40
"""Rows of one drawing; the others stand in a further one."""


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


def sections(answers: Answers) -> list[Section]:
    """The contrasts of all answers, one drawing per thing that was changed."""
    found = [c for answer in answers for c in answer.found("contrasts")]
    if not found:
        return []
    groups: dict[str, list[Difference]] = {}
    for c in found:
        groups.setdefault(c.name, []).append(_of(c))
    charts = [
        forest(some[i : i + MOST], name.split(".")[-1])
        for name, some in groups.items() for i in range(0, len(some), MOST)
    ]  # fmt: skip
    caption = (
        "Change of α between settings that differ in one thing, teacher by teacher: what all "
        f"settings owe to an easy or a hard teacher cancels. Bars: Student's t over "
        f"{found[0].teachers} differences. Filled: the interval leaves zero out."
    )
    every = [d for some in groups.values() for d in some]
    drawn = Charts("contrasts", "Differences between settings", charts, caption, rows(every))
    return [Section("Paired differences", [drawn])]


def _of(c: Contrast) -> Difference:
    change = f"{c.name.split('.')[-1]} {value_text(c.before)} → {value_text(c.after)}"
    name = ", ".join(filter(None, [c.label, named(c.fixed)]))
    return Difference(f"{change}  ({name})", c.change, c.interval)


def rows(differences: Sequence[Difference]) -> Rows:
    """The numbers of a forest plot."""
    return Rows(
        ("difference", "value", "lo", "hi"),
        [(d.name, *(f"{v:.4g}" for v in (d.value, *d.interval))) for d in differences],
    )


def forest(differences: Sequence[Difference], title: str) -> Chart:
    """One drawing of these differences."""
    step, width = 32.0, 480.0
    height = 16 + step * len(differences) + 40
    size = sorted(abs(d.value) for d in differences if math.isfinite(d.value))
    far = 4 * (size[-1] if size else 1.0)
    ends = [v for d in differences for v in (d.value, *d.interval) if abs(v) <= far]
    x = Scale.over([0.0, *ends], 14, width - 14)
    frame = Frame(x, Scale(0, 1, height - 40, 8))
    bottom = frame.y.start
    ticks = "".join(f"M{x(v):.1f} {bottom:.1f}V8" for v in x.ticks())
    parts = [f'<path class="grid" d="{ticks}"/>',
             f'<path class="line ink" d="M{x(0.0):.1f} {bottom:.1f}V8"/>',
             *(text(x(v), bottom + 14, f"{v:+g}" if v else "0", "tick mid") for v in x.ticks()),
             text(width / 2, bottom + 31, "difference of α", "label mid")]  # fmt: skip
    for i, d in enumerate(differences):
        y = 8 + step * (i + 0.75)
        low, high = (x(min(max(v, x.low), x.high)) for v in d.interval)
        css = "clear" if d.clear else "open"
        parts.append(f'<path class="bar ink" d="M{low:.1f} {y:.1f}H{high:.1f}"/>')
        if x.holds(d.value):
            parts.append(f'<circle class="difference {css}" cx="{x(d.value):.1f}" cy="{y:.1f}" '
                         f'r="4.5"/>')  # fmt: skip
        parts.append(text(16, y - 10, d.name, "label"))
    said = "; ".join(f"{d.name}: {d.value:+.2f}, [{d.interval[0]:+.2f}, {d.interval[1]:+.2f}]"
                     for d in differences)  # fmt: skip
    alt = f"Differences of exponents. {said}."
    return Chart(drawing(width, height, alt, *parts), title, alt)


# ---- view ----------------------------------------------------------------------------------------


COLUMNS = ("d", "from → to", "both", "Δα", "95 % interval")


def above(answers: Answers) -> list[TextTable]:
    """One table of all contrasts, which a terminal leaves to the report."""
    found = [c for answer in answers for c in answer.found("contrasts")]
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


VIEW = View(above=above, key="contrasts", json="fits", page=sections)
