"""What a group of exact students costs, or of networks beside their limit: operations and bytes.

Orders of magnitude with the leading constants: solving D × D or P × P systems, evaluating kernels
and neighbours, and drawing a Gaussian field. The store's measured seconds correct them.
"""

from __future__ import annotations

import math

from lab.catalogue import FIELD_TEST_POINTS
from lab.spec import POPULATION, TEST_POINTS, WIDE_TEST_POINTS, Group, StudentSpec, TaskSpec

NEWTON_STEPS = 10
"""Steps of a network from the population optimum to that of its data."""
KERNEL = 60
"""Operations of one kernel entry besides the distance."""
SEARCH = 200
"""Operations per point and logarithm of the set in a neighbour search or triangulation."""

WIDE_BLOCK = 250
"""Test points of a wide network evaluated at once, `lab.students.limits.tangent.BLOCK`."""
ACTIVATION = 1_400
"""Operations that take as long as erf of one float64 in and out of memory (measured: 14 ns)."""


def flops(group: Group) -> float:
    """Operations of all students of the group and of the teachers' targets."""
    task = group.teachers[0]
    one = sum(
        len(s) * (_wide(student, D, group.training.steps) if group.limit == "ntk"
                  else _student(student, D, task))
        for student, D, s in group.shapes
    )  # fmt: skip
    if task.teacher_kind == "field":
        one += (_test_points(task) + _largest(group)) ** 3 / 3
    return len(group.teachers) * one


def memory(group: Group) -> float:
    """Bytes at the peak of the group: one student at a time, and the field's factor."""
    task = group.teachers[0]
    D, test = _largest(group), _test_points(task)
    kernel = any(student.kind == "kernel" for student, _, _ in group.shapes)
    P = max(int(dict(student.settings).get("count", 0)) for student, _, _ in group.shapes)
    numbers = task.D_amb * (D + test) + P * (max(D, 2000) + P)
    numbers += 2 * D**2 + 2000 * D if kernel else 0
    if group.limit == "ntk":
        numbers += 8 * WIDE_BLOCK * max(sum(student.widths) for student, _, _ in group.shapes)
    if task.teacher_kind == "field":
        numbers = max(numbers, 2 * (D + test) ** 2)
    return 8 * numbers


def _student(student: StudentSpec, D: int | None, task: TaskSpec) -> float:
    m, test, samples = task.D_amb, _test_points(task), D or 0
    if student.kind == "kernel":
        entries = (2 * m + KERNEL) * samples * (samples + test)
        return entries + samples**3 / 3
    if student.kind in ("nearest", "simplex"):
        cells = math.factorial(min(m, 6)) if student.kind == "simplex" else 1
        return SEARCH * cells * (samples + test) * math.log2(samples + 2)
    if student.kind == "mlp":  # of one basin: Hessians on the whole population
        N = student.parameters(m, task.outputs)
        return NEWTON_STEPS * 10 * N**2 * POPULATION
    if student.kind == "linear":
        return 4 * max(m, samples) * min(m, samples) ** 2 + 2 * m * test
    P = int(dict(student.settings)["count"])
    return 2 * m * P * (samples + test) + 2 * max(samples, P) * min(samples or P, P) ** 2


def _wide(student: StudentSpec, D: int | None, steps: int) -> float:
    """A network and its mirror image: descent, both functions and the tangent kernel."""
    evaluated = 6 * WIDE_TEST_POINTS + 4 * steps * (D or 0)
    return ACTIVATION * sum(student.widths) * evaluated


def _test_points(task: TaskSpec) -> int:
    return {"field": FIELD_TEST_POINTS, "spectral": 0}.get(task.teacher_kind, TEST_POINTS)


def _largest(group: Group) -> int:
    return max(D or 0 for _, D, _ in group.shapes)
