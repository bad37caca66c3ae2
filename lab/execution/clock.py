"""The clock: how long a group takes on one CPU lane, by a model.

Object: lane-seconds w(group), compilation aside. A step of the S students of one shape takes

    O + S [F/R + c·B·U + t],

F the operations of forward and backward pass on a batch of B, U the units whose activations are
passed over, t what the optimiser says of a step (`lab.kinds.optimisers`). The algebra of
whole-problem rules, labels, evaluations and the loading of programs come on top. Exact students
take their operations and a moment each.

The constants were measured on one lane of a core whose float32 matrix product runs at `CORE`
(DECISIONS.md); `speed` is how much faster this machine's core is. What a store has measured
corrects both. Does not know how many lanes there are.
"""

from __future__ import annotations

import time
from functools import cache, lru_cache

import numpy as np

from lab.kinds.optimisers import OPTIMISERS, STUDENTS_RATE
from lab.kinds.student import STUDENTS, StudentSpec
from lab.spec import TEST_POINTS, Group
from lab.students import solvers

CORE, SIDE = 6e10, 64
"""FLOP/s of NumPy's float32 product of this side on the core of which the constants are."""
LABELS_RATE = 2.5e10
"""FLOP/s of a teacher's, whose arrays leave the cache."""
UNIT = 1.5e-9
"""Seconds of all elementwise passes over one activation of one sample, forward and back."""
STEP = 1.2e-5
"""Seconds that one step of a shape takes besides."""
EVALUATED_UNIT = 4e-9
"""Seconds of the forward pass of one activation of one test point, its product included."""
EVALUATIONS = 13
"""Times that losses are taken, besides those at checkpoints."""
EXACT_RATE = 6e9
"""FLOP/s of pivoted factorisations in float64."""
EXACT = 1.5e-3
"""Seconds of drawing the data of an exact student, and of all calls."""
LOAD = 0.4
"""Seconds in which a lane traces a program and loads it from the cache."""
COMPILE = 2.3
"""Seconds of compiling a program that is not there."""


def seconds(group: Group) -> float:
    """Lane-seconds of a group on the reference core, compilation aside."""
    return _seconds(group.alike)


@lru_cache(maxsize=4096)
def _seconds(group: Group) -> float:
    """Of groups that differ in their teachers' indices alone."""
    solver = solvers.of(group)
    if not solver.compiled:
        return solver.flops(group) / EXACT_RATE + EXACT * group.students
    if solver is not solvers.DESCENT:
        return solver.flops(group) / STUDENTS_RATE
    students = sum(
        STEP * group.training.steps + len(seeds) * _student(group, student)
        for student, _, seeds in group.shapes
    )
    measured = solvers.measured_flops(group) / EXACT_RATE
    return len(group.teachers) * (students + solvers.label_flops(group) / LABELS_RATE + measured)


def _student(group: Group, student: StudentSpec) -> float:
    """Seconds of the training of one student besides the calls of its steps."""
    units = STUDENTS[student.kind].hidden_units(student)
    one = solvers.student_flops(group, student) / STUDENTS_RATE + UNIT * units
    looks = EVALUATIONS + len(group.training.checkpoints)
    found = solvers.samples(group) * one + looks * TEST_POINTS * EVALUATED_UNIT * units
    found += solvers.algebra_seconds(group, student)
    rule = OPTIMISERS.get(group.training.optimiser)
    if rule is None or not group.training.stages:
        return found
    return found + group.training.steps * rule.seconds(solvers.matrices(group, student)[:-1])


@cache
def speed() -> float:
    """How many times as fast as the reference core one core of this machine is; takes 50 ms.

    The shortest of many laps of products so small that BLAS takes one thread: what the machine can
    do, and not what else it does at the moment.
    """
    a = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    out = np.empty_like(a)
    laps = []
    for _ in range(50):
        start = time.perf_counter()
        for _ in range(100):
            np.matmul(a, a, out=out)
        laps.append(time.perf_counter() - start)
    return 100 * 2 * SIDE**3 / min(laps) / CORE
