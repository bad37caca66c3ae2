"""Plan: what is left of a study, packed into groups of runs, and what these cost.

A group is the unit of training, of commitment to the store and of progress: the students of one
teacher (several teachers on a GPU) under one recipe, all shapes and seeds together, split where
their arrays would pass the memory limit, or in the sizes that a cluster likes, where that changes
no digit. No JAX here: `lab plan` starts nothing.

Lane-seconds w(group), on one CPU lane and compilation aside, are a model. A step of the S students
of one shape takes

    O + S [F/R + c·B·U + t],

F the operations of forward and backward pass on a batch of B, U the units whose activations are
passed over, t what the optimiser says of a step (`lab.kinds.optimisers`). The algebra of
whole-problem rules, labels, evaluations and the loading of programs come on top. Exact students
take their operations and a moment each. The constants were measured on one lane of a core whose
float32 matrix product runs at `CORE` (DECISIONS.md); `core_speed` is how much faster this machine's
core is. What a store has measured corrects both.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from lab.data.task import TEST_POINTS
from lab.data.user_data import AnyTask
from lab.kinds.optimisers import OPTIMISERS, STUDENTS_RATE
from lab.kinds.student import STUDENTS, StudentSpec
from lab.spec import Group, Planned, Run
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


def lane_seconds(group: Group) -> float:
    """Lane-seconds of a group on the reference core, compilation aside."""
    return _lane_seconds(group.representative)


@lru_cache(maxsize=4096)
def _lane_seconds(group: Group) -> float:
    """`lane_seconds`, cached for groups that differ in their teachers' indices alone."""
    solver = solvers.of(group)
    if not solver.compiled:
        return solver.flops(group) / EXACT_RATE + EXACT * group.students
    if solver is not solvers.DESCENT:
        return solver.flops(group) / STUDENTS_RATE
    students = sum(
        STEP * group.training.steps + len(seeds) * _student_seconds(group, student)
        for student, _, seeds in group.shapes
    )
    measured = solvers.measured_flops(group) / EXACT_RATE
    return len(group.teachers) * (students + solvers.label_flops(group) / LABELS_RATE + measured)


def _student_seconds(group: Group, student: StudentSpec) -> float:
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
def core_speed() -> float:
    """Speed of one core of this machine, in units of the reference core's; takes 50 ms.

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


MEMORY_LIMIT = 1 << 30
"""Bytes of arrays that one group may hold."""
MOST_SEEDS = 16
"""Seeds of one shape in one program: more no longer fit a core's cache (measured: 64 students of
width 64 take 15 % longer each than 16)."""

FIRST = ("limit", 1.0)
"""The limits that are fitted, and no check."""


@dataclass(frozen=True)
class Left:
    """The state of a study in the store: planned = done + diverged + missing, and those that failed
    are missing. `checks`: the missing runs that only check others."""

    planned: int
    done: int
    diverged: int
    failed: int
    missing: tuple[Run, ...]
    checks: frozenset[Run] = frozenset()


@dataclass(frozen=True)
class Cost:
    """Cost of groups; `seconds` of one lane, `memory` in bytes of the largest group."""

    runs: int
    groups: int
    programs: int
    student_steps: int
    flops: float
    seconds: float
    memory: float


def left(planned: Iterable[Planned], states: Mapping[str, str]) -> Left:
    """Planned minus stored.

    A failed run counts as missing and is tried again.
    """
    planned = tuple(planned)
    runs = list(dict.fromkeys(one.run for one in planned))
    found = [states.get(run.fingerprint()) for run in runs]
    missing = tuple(
        run for run, s in zip(runs, found, strict=True) if s not in ("done", "diverged")
    )
    counts = {s: found.count(s) for s in ("done", "diverged", "failed")}
    checks = frozenset(missing)
    if checks:
        checks -= {p.run for p in planned if p.role == "scan" or (p.role, p.factor) == FIRST}
    return Left(len(runs), counts["done"], counts["diverged"], counts["failed"], missing, checks)


def groups(
    runs: Iterable[Run],
    *,
    teachers: int = 1,
    memory_limit: float = MEMORY_LIMIT,
    checks: Collection[Run] = (),
) -> list[Group]:
    """Runs packed into groups of up to `teachers` teachers, costliest group first, and groups of
    nothing but `checks` after all others.

    So what was trained before an interrupt has something that can be fitted. Beyond that the order
    matters to the clock only: starting with the longest evens out the lanes.
    """
    together: dict[tuple, dict[AnyTask, dict[tuple, list[int]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for run in runs:
        fresh = run.size is None  # a stream of its own, not the nested training sets
        solver = solvers.named(run.student.kind, run.learner)
        alike = (run.task.representative, run.training, run.root, run.learner, run.measure,
                 run.start, run.round, fresh, solver, _asked(run))  # fmt: skip
        together[alike][run.task][run.student, run.size].append(run.seed)
    packed = []
    for (_, training, root, learner, measure, start, round_, *_), tasks in together.items():
        # Teachers share a group only if they miss the same shapes and seeds.
        by_shapes: dict[tuple, list[AnyTask]] = defaultdict(list)
        for task, shapes in tasks.items():
            key = tuple((student, D, tuple(sorted(s))) for (student, D), s in shapes.items())
            by_shapes[key].append(task)
        for same, alike_tasks in by_shapes.items():
            for first in range(0, len(alike_tasks), teachers):
                some = tuple(alike_tasks[first : first + teachers])
                whole = Group(some, same, training, root, learner, measure, start, round_)
                parts = _split(whole.representative, memory_limit)
                packed += [replace(whole, shapes=part) for part in parts]
    late = frozenset(checks)
    return sorted(
        packed, key=lambda g: (bool(late) and late.issuperset(g.runs()), -lane_seconds(g))
    )


def _asked(run: Run) -> StudentSpec | None:
    """The student whose seeds are asked together which labels come next, if they are."""
    chosen = run.task.selection
    return run.student if chosen and chosen.between_runs else None


@lru_cache(maxsize=4096)
def _split(group: Group, limit: float) -> list[tuple]:
    """Cut the shapes so that each part stays under the limit; one student at least.

    Students that learn one after the other stay together and share the teacher's targets.
    """
    if not solvers.of(group).compiled:
        return [group.shapes]
    parts: list[list] = [[]]
    used = 0.0
    for student, D, seeds in group.shapes:
        one = len(group.teachers) * solvers.student_bytes(group, student)
        room = min(MOST_SEEDS, max(1, int(limit / one)))
        for start in range(0, len(seeds), room):
            some = seeds[start : start + room]
            if parts[-1] and used + one * len(some) > limit:
                parts.append([])
                used = 0.0
            parts[-1].append((student, D, some))
            used += one * len(some)
    return [tuple(part) for part in parts]


def programs(found: Iterable[Group]) -> set[tuple]:
    """The compiled training programs of these groups, each by what tells it apart."""
    return {
        (g.teachers[0].D_amb, student, len(seeds), len(g.teachers), batch, g.training.optimiser,
         g.training.polish_by, g.training.precision)
        for g in found
        if solvers.of(g).compiled
        for student, _, seeds in g.shapes
        for _, batch, _ in g.training.stages or ((0, g.training.polish_batch, 0.0),)
    }  # fmt: skip


def cost(found: list[Group], *, correction: float = 1.0) -> Cost:
    """The bill for these groups on one CPU lane; `correction` is measured / modelled seconds."""
    kinds = Counter(group.representative for group in found).items()
    return Cost(
        runs=sum(many * g.students for g, many in kinds),
        groups=len(found),
        programs=len(programs(g for g, _ in kinds)),
        student_steps=sum(many * g.student_steps for g, many in kinds),
        flops=sum(many * solvers.of(g).flops(g) for g, many in kinds),
        seconds=correction * sum(many * lane_seconds(g) for g, many in kinds),
        memory=max((solvers.of(g).memory(g) for g, _ in kinds), default=0.0),
    )


SHORTEST, LONGEST = 10.0, 300.0
"""Seconds that a task of a cluster should take at least and at most."""
ROUNDS = 4
"""Tasks for every lane, at least, if there are as many groups: so the last of them end
together."""


def parted(group: Group, longest: float | None) -> list[Group]:
    """The group in parts of about `longest` seconds, where it can be parted."""
    fresh = all(D is None for _, D, _ in group.shapes)
    if longest is None or not fresh or solvers.of(group) is not solvers.DESCENT:
        return [group]
    parts: list[Group] = []
    for shape in group.shapes:
        more = replace(parts[-1], shapes=(*parts[-1].shapes, shape)) if parts else None
        if more and lane_seconds(more) <= longest:
            parts[-1] = more
        else:
            parts.append(replace(group, shapes=(shape,)))
    return parts


def next_batch(todo: deque[Group], *, left: float, lanes: int, pace: float) -> list[Group]:
    """Take the groups of a cluster's next task off those to do.

    left: modelled seconds of all that is to do. pace: measured over modelled seconds of groups.
    """
    enough = min(max(pace * left / (ROUNDS * max(lanes, 1)), SHORTEST), LONGEST)
    taken, seconds = [todo.popleft()], 0.0
    seconds += pace * lane_seconds(taken[0])
    while todo and seconds < enough and seconds + pace * lane_seconds(todo[0]) <= LONGEST:
        seconds += pace * lane_seconds(todo[0])
        taken.append(todo.popleft())
    return taken
