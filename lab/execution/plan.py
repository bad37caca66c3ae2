"""What is left of a study and what it will cost: groups of runs, FLOPs, seconds, memory.

A group is the unit of training, of commitment to the store and of progress: the students of one
teacher (several teachers on a GPU) under one recipe, all shapes and seeds together, split where
their arrays would pass the memory limit. Costs are a model (`clock`, `costs`); the store's
measured seconds correct it. No JAX here: `lab plan` starts nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from lab.execution import clock
from lab.spec import AnyTask, Group, Run
from lab.students import solvers

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
    """What groups need; `seconds` of one lane, `memory` in bytes of the largest group."""

    runs: int
    groups: int
    programs: int
    student_steps: int
    flops: float
    seconds: float
    memory: float


def left(study: Any, states: Mapping[str, str]) -> Left:
    """Planned minus stored, of anything that has a `plan`.

    A failed run counts as missing and is tried again.
    """
    runs = list(dict.fromkeys(planned.run for planned in study.plan))
    found = [states.get(run.fingerprint()) for run in runs]
    missing = tuple(
        run for run, s in zip(runs, found, strict=True) if s not in ("done", "diverged")
    )
    counts = {s: found.count(s) for s in ("done", "diverged", "failed")}
    checks = frozenset(missing)
    if checks:
        checks -= {p.run for p in study.plan if p.role == "scan" or (p.role, p.factor) == FIRST}
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
        alike = (run.task.alike, run.training, run.root, run.learner, run.measure, run.start,
                 run.round, fresh, solver)  # fmt: skip
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
                parts = _split(whole.alike, memory_limit)
                packed += [replace(whole, shapes=part) for part in parts]
    late = frozenset(checks)
    return sorted(
        packed, key=lambda g: (bool(late) and late.issuperset(g.runs()), -clock.seconds(g))
    )


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
    kinds = Counter(group.alike for group in found).items()
    return Cost(
        runs=sum(many * g.students for g, many in kinds),
        groups=len(found),
        programs=len(programs(g for g, _ in kinds)),
        student_steps=sum(many * g.student_steps for g, many in kinds),
        flops=sum(many * solvers.of(g).flops(g) for g, many in kinds),
        seconds=correction * sum(many * clock.seconds(g) for g, many in kinds),
        memory=max((solvers.of(g).memory(g) for g, _ in kinds), default=0.0),
    )
