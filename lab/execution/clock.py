"""The clock: how long a group takes on one CPU lane, by a model.

Object: lane-seconds w(group), compilation aside. A step of the S students of one shape takes

    O + S [F/R + c·B·U + Σ_m (t_m + F_m/R_m)],

F the operations of forward and backward pass on a batch of B, U the units whose activations are
passed over, m the matrices that Muon orthogonalises (F_m operations of Newton–Schulz); a small one
in outer products, t_m and R_m of another kind than those of a large one. Labels, evaluations and
the loading of programs come on top. Exact students take their operations and a moment each.

The constants were measured on one lane of a core whose float32 matrix product runs at `CORE`
(DECISIONS.md); `speed` is how much faster this machine's core is. What a store has measured
corrects both. Does not know how many lanes there are.
"""

from __future__ import annotations

import time
from functools import cache, lru_cache

import numpy as np

from lab.kinds.student import STUDENTS, StudentSpec
from lab.spec import TEST_POINTS, Group
from lab.students import solvers

CORE, SIDE = 6e10, 64
"""FLOP/s of NumPy's float32 product of this side on the core of which the constants are."""
STUDENTS_RATE = 6e10
"""FLOP/s of students' matrix products."""
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
SMALL = 12
"""The smaller side up to which Muon works in outer products (`students.descent.muon`)."""
SMALL_RATE, SMALL_MATRIX = 5e9, 1e-6
LARGE_RATE, LARGE_MATRIX = 6e8, 5e-6
"""FLOP/s of five Newton–Schulz iterations, and the seconds of their calls; of a large matrix per
row, up to `STUDENTS_RATE`."""
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
    if group.training.optimiser != "muon":
        return found
    matrices = solvers.matrices(group, student)[:-1]
    return found + group.training.steps * sum(map(_orthogonalising, matrices))


def _orthogonalising(sides: tuple[int, int]) -> float:
    m, n = min(sides), max(sides)
    flops = 5 * (4 * m * m * n + 2 * m**3)
    if m <= SMALL:
        return SMALL_MATRIX + flops / SMALL_RATE
    return LARGE_MATRIX + flops / min(LARGE_RATE * m, STUDENTS_RATE)


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
