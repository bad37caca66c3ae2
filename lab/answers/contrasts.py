"""Contrasts: the change of the exponent between two settings that differ in one thing.

Settings share their teachers' draws, so the exponents are compared teacher by teacher: what all
settings owe to an easy or a hard teacher cancels. Interval: Student's t over the differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from lab.answers.answer import Answer, Point
from lab.plain import plain
from lab.scaling.scans.estimates import USABLE
from lab.scaling.scans.intervals import teacher_t


@dataclass(frozen=True)
class Contrast:
    """α(after) − α(before) at one d; `fixed` is what both settings have in common."""

    dim: int
    name: str
    before: Any
    after: Any
    fixed: dict[str, Any]
    change: float
    interval: tuple[float, float]
    teachers: int


def contrasts(answer: Answer) -> tuple[Contrast, ...]:
    """Every pair of points whose settings differ in one value, where all teachers were fitted."""
    found = []
    for one, other in combinations(answer.points, 2):
        if one.dim != other.dim or one.setting.keys() != other.setting.keys():
            continue
        differ = [name for name, value in one.setting.items() if other.setting[name] != value]
        if len(differ) == 1 and _whole(answer, one) and _whole(answer, other):
            found.append(_between(one, other, differ[0]))
    return tuple(sorted(found, key=lambda c: (c.name, c.dim)))


def _whole(answer: Answer, point: Point) -> bool:
    """Whether every planned teacher has its own exponent, so that pairs are pairs."""
    e = point.exponent
    count = answer.study.task.teacher.count
    return e is not None and e.status in USABLE and len(e.teacher_alpha) == count > 1


def _between(one: Point, other: Point, name: str) -> Contrast:
    assert one.exponent and other.exponent
    difference = other.exponent.teacher_alpha - one.exponent.teacher_alpha
    lower, upper = teacher_t(difference[None])
    fixed = {k: v for k, v in one.setting.items() if k != name}
    return Contrast(
        one.dim, name, one.setting[name], other.setting[name], fixed, float(difference.mean()),
        (float(lower[0]), float(upper[0])), difference.size,
    )  # fmt: skip


def as_json(found: Contrast) -> dict[str, Any]:
    """One contrast as plain values."""
    return plain({
        "dim": found.dim, "setting": found.name, "before": found.before, "after": found.after,
        "fixed": found.fixed, "change": found.change, "interval": found.interval,
        "teachers": found.teachers,
    })  # fmt: skip
