"""Contrasts: the change of the exponent between two settings that differ in one thing.

Settings share their teachers' draws, so the exponents are compared teacher by teacher: what all
settings owe to an easy or a hard teacher cancels. Interval: Student's t over the differences.

Beside them the lines over d: one per setting besides d, α = intercept + slope/d. Only points that
are decided enter, and a line needs three dimensions: an undecided exponent may be off by more than
its interval says. The fit is `lab.scaling.series.line`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from lab.findings.answer import Answer
from lab.findings.drawing import BLUE, blank, literal, styled, told
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import (
    Finding,
    Setting,
    SettingRuns,
    StudyResults,
    named,
    value_text,
)
from lab.findings.view import Answers, CaptionedFigure, Rows, TextTable, View, findings_of, interval
from lab.scaling.judge.verdict import UNDECIDED
from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.lines import student_quantile, teacher_t
from lab.scaling.series import Line, PowerOfDimension, across, series


@dataclass(frozen=True)
class Contrast(Finding):
    """α(after) − α(before) at one d; `fixed` is what both settings have in common."""

    dim: int | float
    name: str
    before: Any
    after: Any
    fixed: dict[str, Any]
    change: float
    interval: tuple[float, float]
    teachers: int

    @property
    def label(self) -> str:
        """The dimension as text."""
        return f"d = {self.dim}"

    @property
    def says(self) -> str:
        """The change of settings in words."""
        return f"{self.name.split('.')[-1]} {value_text(self.before)} → {value_text(self.after)}"

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


Logs = Mapping[float, Mapping[int, float]]
"""Mean log losses by x and teacher."""


def mean_logs(question: StudyResults, one: SettingRuns) -> Logs:
    """Mean logs over seeds of the losses that are fitted, x ascending."""
    values = question.reading(one)
    at: dict[float, dict[int, list[float]]] = {}
    rows = zip(values.x.tolist(), values.teacher.tolist(), values.value.tolist(), strict=True)
    for x, teacher, value in rows:
        if value > 0:
            at.setdefault(x, {}).setdefault(teacher, []).append(math.log(value))
    return {x: {k: float(np.mean(v)) for k, v in some.items()} for x, some in sorted(at.items())}


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
    name = ", ".join(filter(None, [c.label, named(c.fixed)]))
    return Difference(f"{c.says}  ({name})", c.change, c.interval)


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
    words = "Differences between settings, teacher by teacher (Student's t over {} differences):"
    rows = [(str(c.dim), c.says, named(c.fixed) or "–", f"{c.change:+.2f}", interval(c.interval))
            for c in found]  # fmt: skip
    return [TextTable(COLUMNS, rows, words.format(found[0].teachers), shown=())] if found else []


VIEW = View(above=above, figures=figures, key="contrasts", json="fits", title="Paired differences")


# ---- lines over d --------------------------------------------------------------------------------


FEWEST = 3
"""Dimensions that a line needs."""


@dataclass(frozen=True)
class OverDimensions(Finding):
    """The line of what varies besides d, None where too few dimensions are decided; and α = c/d^κ
    from all exponents, decided or not, where c/d is predicted."""

    name: str
    pairs: tuple[tuple[str, Any], ...]
    line: Line | None
    series: PowerOfDimension | None = None

    @property
    def label(self) -> str:
        """The settings that vary besides d, as text; empty where nothing does."""
        return self.name

    def plain(self) -> dict[str, Any]:
        """Slope and intercept, null without a line, and what entered."""
        line = self.line
        if line is None:
            nothing = {"value": None, "interval": [None, None]}
            return {"slope": nothing, "intercept": nothing}
        return {
            "slope": {"value": line.slope, "interval": line.slope_interval},
            "intercept": {"value": line.intercept, "interval": line.intercept_interval},
            "line": {"dims": line.dims, "fits": line.fit_p, "doubts": line.doubts},
        }


NO_LINE = OverDimensions("", (), None)


def lines(question: StudyResults) -> tuple[OverDimensions, ...]:
    """One per setting besides d, in the order of the grid."""
    together: dict[Setting, list[ExponentResult]] = defaultdict(list)
    for point in question.found("exponents"):
        together[replace(point.setting, dim=0)].append(point)
    found = []
    for s, some in together.items():
        line = _line(some)
        found.append(OverDimensions(s.name, s.pairs, line, _series(some),
                                    doubts=line.doubts if line else ()))  # fmt: skip
    return tuple(found)


def _series(points: Sequence[ExponentResult]) -> PowerOfDimension | None:
    """All exponents that are one number, pooled against the c of a prediction c/d."""
    told = [(p, p.exponent) for p in points
            if p.exponent and p.exponent.one_number and p.exponent.teachers > 1]  # fmt: skip
    told = [(p, e) for p, e in told if e.alpha > 0 and e.interval[1] > e.interval[0]]
    c = [p.prediction * p.dim for p, _ in told]
    if not c or not all(math.isclose(one, c[0], rel_tol=1e-9) for one in c):
        return None
    error = [(e.interval[1] - e.interval[0]) / 2 / float(student_quantile(e.teachers - 1))
             for _, e in told]  # fmt: skip
    return series([p.dim for p, _ in told], [e.alpha for _, e in told], error,
                  dof=sum(e.teachers - 1 for _, e in told), predicted=c[0])  # fmt: skip


def _line(points: Sequence[ExponentResult]) -> Line | None:
    """The line of α on 1/d over the points that are decided."""
    decided = [
        (p.dim, p.exponent) for p in points if p.exponent and p.verdict not in (UNDECIDED, None)
    ]
    dims, exponents = [dim for dim, _ in decided], [exponent for _, exponent in decided]
    if len(set(dims)) < FEWEST:
        return None
    line = across(dims, exponents)
    return line if math.isfinite(line.slope) else None


# ---- as people see them --------------------------------------------------------------------------


def line_sentences(_: Answer, found: OverDimensions) -> Iterator[str]:
    """The line with its intervals and what entered; nothing where too few d are decided."""
    line = found.line
    if line is not None:
        yield (
            f"α = {line.intercept:.2f} "
            f"{interval(line.intercept_interval)} + {line.slope:.2f} "
            f"{interval(line.slope_interval)} / d  "
            f"(95 % intervals; decided points only: d = {', '.join(f'{d:g}' for d in line.dims)}"
            + (f"; p of a line {line.fit_p:.2g}" if math.isfinite(line.fit_p) else "")
            + (f"; doubts: {', '.join(line.doubts)}" if line.doubts else "") + ")"
        )  # fmt: skip

    pooled = found.series
    if pooled is not None:
        yield (
            f"all exponents together, decided or not: α = {pooled.c:.2f} "
            f"{interval(pooled.c_interval)} / d, and with a free power d^−{pooled.kappa:.2f} "
            f"{interval(pooled.kappa_interval)}; p of the prediction {pooled.p:.2g} "
            f"(d = {', '.join(f'{d:g}' for d in pooled.dims)})"
        )


def line_part(found: Sequence[OverDimensions]) -> Mapping[str, Any]:
    """The one line of a study that varies nothing besides d; null where there are several."""
    return (found[0] if len(found) == 1 else NO_LINE).plain()


LINES = View(sentences=line_sentences, part=line_part)
