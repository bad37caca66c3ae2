"""Contrasts: the change of the exponent between two settings that differ in one thing.

Settings share their teachers' draws, so the exponents are compared teacher by teacher: what all
settings owe to an easy or a hard teacher cancels. Interval: Student's t over the differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Setting, StudyResults
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
        """What was changed at which settings, and what came of it."""
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
    """Whether every planned teacher has its own exponent, so that pairs are pairs."""
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
