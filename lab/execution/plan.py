"""Plan: what is left of a study, packed into groups of runs, and what these cost.

A group is the unit of training, of commitment to the store and of progress: the students of one
teacher (several teachers on a GPU) under one recipe, all shapes and seeds together, split where
their arrays would pass the memory limit, or in the sizes that a cluster likes, where that changes
no digit. No JAX here: `lab plan` starts nothing.

Lane-seconds w(group), on one CPU lane and compilation aside, are a model. A step of the S students
of one shape takes

    O + S [F/R + c·B·U + t],

F the operations of forward and backward pass on a batch of B, U the units whose activations are
passed over, t what the optimiser says of a step (`lab.kinds.optimisers`); R and c depend on the
precision. The points of a batch are drawn once for all shapes. The algebra of whole-problem rules,
labels, evaluations and the loading of programs come on top. Exact students take their operations
and a moment each. The constants were measured on one lane of a core whose float32 matrix product
runs at `CORE` (DECISIONS.md); `core_speed` is how much faster this machine's core is. What a store
has measured corrects both.

The summary of a plan says what is stored, what the rest takes on this machine, and whether it fits.
Memory is checked with one student of every kind and size, one teacher and one seed: what a group
holds at least, whatever else is packed beside it.

The pace of a training in progress: with a fraction f of the model lane-seconds done after t seconds
on n lanes, of which c lane-seconds went into compiling k of K programs, the rest takes

    (n t − c) (1 − f)/(f n)  +  c (K − k)/(k n)      seconds,

so that programs that were compiled at the beginning are not expected again and again. The model
errs by a constant factor only where f is concerned.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lab.config.study import Study
from lab.data.task import TEST_POINTS
from lab.data.user_data import AnyTask
from lab.execution import budgets
from lab.execution.engine import cores
from lab.execution.store import Store
from lab.kinds.optimisers import OPTIMISERS, STUDENTS_RATE
from lab.kinds.student import STUDENTS, StudentSpec
from lab.mistakes import StudyError, duration
from lab.regimes import cross_checks
from lab.regimes.regime import Regime
from lab.spec import Group, Planned, Run
from lab.students import solvers

CORE, SIDE = 6e10, 64
"""FLOP/s of NumPy's float32 product of this side on the core of which the constants are."""
LABELS_RATE = 2.5e10
"""FLOP/s of a teacher's, whose arrays leave the cache."""
COORDINATE = 5e-9
"""Seconds in which a coordinate of a point is drawn, or taken from a pool or a set."""
UNIT = 1.5e-9
"""Seconds of all elementwise passes over one activation of one sample, forward and back."""
DOUBLE, DOUBLE_UNIT = 2.3, 3.0
"""Seconds in float64 over those in float32, of products and of passes over activations: a step of
widths 8 to 72 and batches of 200 to 4000 takes what the model says to a third. Labels and points
take about as long in both."""
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
LOAD = 0.5
"""Seconds in which a lane traces a program for a kind of task and loads it from the cache; each
kind traces its own, also where the compiled program is that of another one."""
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
    points = sum(steps * batch for steps, batch, _ in group.training.stages)
    shared = solvers.label_flops(group) / LABELS_RATE
    shared += points * group.teachers[0].D_amb * COORDINATE
    return len(group.teachers) * (students + shared + measured)


def _double(group: Group) -> tuple[float, float]:
    return (DOUBLE, DOUBLE_UNIT) if group.training.precision == "float64" else (1.0, 1.0)


def _student_seconds(group: Group, student: StudentSpec) -> float:
    """Seconds of the training of one student besides the calls of its steps."""
    units = STUDENTS[student.kind].hidden_units(student)
    products, passes = _double(group)
    one = products * solvers.student_flops(group, student) / STUDENTS_RATE + passes * UNIT * units
    looks = EVALUATIONS + len(group.training.checkpoints)
    found = solvers.samples(group) * one
    found += looks * TEST_POINTS * products * EVALUATED_UNIT * units
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
    """Cost of groups; `seconds` of one lane, `memory` in bytes of the largest group. loads: pairs
    of a kind of task and a program."""

    runs: int
    groups: int
    programs: int
    loads: int
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
    return {program for _, program in loads(found)}


def loads(found: Iterable[Group]) -> set[tuple[AnyTask, tuple]]:
    """The same with each kind of task that they are traced for."""
    return {
        (task.representative,
         (task.D_amb, student, len(seeds), len(g.teachers), batch, recipe.optimiser,
          recipe.polish_by, recipe.precision))
        for g in found
        if solvers.of(g).compiled
        for task, recipe in [(g.teachers[0], g.training)]
        for student, _, seeds in g.shapes
        for _, batch, _ in recipe.stages or ((0, recipe.polish_batch, 0.0),)
    }  # fmt: skip


def cost(found: list[Group], *, correction: float = 1.0) -> Cost:
    """The bill for these groups on one CPU lane; `correction` is measured / modelled seconds."""
    kinds = Counter(group.representative for group in found).items()
    traced = loads(g for g, _ in kinds)
    return Cost(
        runs=sum(many * g.students for g, many in kinds),
        groups=len(found),
        programs=len({program for _, program in traced}),
        loads=len(traced),
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


# ---- the summary, and the pace -------------------------------------------------------------------


@dataclass(frozen=True)
class PlanSummary:
    """Runs that a study has and lacks. `bill` is of one lane, `lanes` are trained side by side.
    longer: the bill of what `--until-converged` may add, at most; None where nothing is checked.
    source: a sentence where the runs were read from a table, in place of a store."""

    question: str
    left: Left
    bill: Cost
    lanes: int
    longer: Cost | None = None
    source: str = ""

    @property
    def seconds(self) -> float:
        """Seconds that the rest takes on all lanes, each of which loads every program for every
        kind of task; compilation aside."""
        return self.bill.seconds / self.lanes + LOAD * self.bill.loads

    @property
    def compile_seconds(self) -> float:
        """Seconds of compilation at most: programs that were compiled before cost none."""
        return COMPILE * self.bill.programs / self.lanes

    @property
    def memory(self) -> float:
        """Bytes of arrays at once at most."""
        return self.bill.memory * self.lanes

    def plain(self) -> dict[str, Any]:
        """JSON value of the summary (`lab plan --json`)."""
        left, bill = self.left, self.bill
        return {
            "planned": left.planned, "left": bill.runs, "groups": bill.groups,
            "programs": bill.programs, "student_steps": bill.student_steps, "flops": bill.flops,
            "seconds": self.seconds, "compile_seconds": self.compile_seconds,
            "memory_bytes": self.memory, "lanes": self.lanes,
            "seconds_longer": self.longer and self.longer.seconds / self.lanes,
        }  # fmt: skip

    def __str__(self) -> str:
        left, bill = self.left, self.bill
        return "\n".join([
            self.question,
            f"runs      {left.planned} planned, {left.planned - bill.runs} stored, {bill.runs} "
            "left",
            f"groups    {bill.groups}, committed one by one; {bill.programs} programs to compile",
            f"work      {bill.student_steps:.3g} student-steps, {bill.flops:.3g} FLOP",
            f"time      about {duration(self.seconds)} on {self.lanes} cores, and at most "
            f"{duration(self.compile_seconds)} to compile",
            f"memory    at most {self.memory / 2**20:.0f} MiB of arrays at once, {self.lanes} "
            "groups in flight",
            *([f"longer    with --until-converged {self.longer.runs} more runs at most, about "
               f"{duration(self.longer.seconds / self.lanes)} more"] if self.longer else []),
        ])  # fmt: skip


def summarise(study: Study, path: Path, *, tables: bool = False) -> PlanSummary:
    """The summary of a study whose store is in this folder, if there is one yet. tables: whether,
    without one, the runs of the report's table are there: `lab run` trains them again."""
    with Store.read(path, overrides=study.origin.overrides, tables=tables) as store:
        states, measured = store.spent()
        source = store.source
    rest = left(study.plan, states)
    pace = measured_pace(study.plan, measured) or 1 / core_speed()
    bill = cost(groups(rest.missing), correction=pace)
    more = left((one for scan in study.scans for one in budgets.every(scan)), states).missing
    longer = cost(groups(more), correction=pace) if more else None
    return PlanSummary(study.question, rest, bill, cores(), longer, source)


def measured_pace(plan: Iterable[Planned], measured: Mapping[str, float]) -> float | None:
    """Measured over modelled seconds of the runs of a plan that were measured, by fingerprint; None
    where none was."""
    keyed = {p.run: p.run.fingerprint() for p in plan} if measured else {}
    spent = {run: measured[key] for run, key in keyed.items() if measured.get(key)}
    model = sum(map(lane_seconds, groups(spent)))
    return sum(spent.values()) / model if model else None


PER_RUN = 2000.0
"""Bytes of a planned run with its fingerprint and its row."""


def memory_available(
    root: Path = Path("/sys/fs/cgroup"), here: Path = Path("/proc/self/cgroup")
) -> tuple[float, str]:
    """Bytes of memory that this process may have, and who says so: the machine, or where that is
    less its control group or one around it, of version 1 or 2."""
    physical = float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    allowed = min(_limits(root, here), default=physical)
    return (allowed, "its control group") if allowed < physical else (physical, "this machine")


def _limits(root: Path, here: Path) -> Iterator[float]:
    """Limits in the files of control groups: of this process' group and of all around it."""
    with suppress(OSError, ValueError):
        for line in here.read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            if "memory" in controllers.split(","):
                top, name = root / "memory", "memory.limit_in_bytes"
            elif not controllers:
                top, name = root, "memory.max"
            else:
                continue
            place = top / own.strip("/")
            # a container may see its own group at the top, whatever its path is outside
            for folder in (place, *place.parents[: len(place.relative_to(top).parts)], top):
                with suppress(OSError, ValueError):  # the top has no file; "max" is no number
                    yield float((folder / name).read_text())


def check_memory(study: Study) -> None:
    """Raise StudyError, with the bytes, for a study that does not fit."""
    room, whose = memory_available()
    wrong = [
        *_plan_refusals(sum(map(cross_checks.runs, study.panels)), room, whose),
        *dict.fromkeys(
            said for panel in study.panels for said in memory_refusals(panel, room, whose)
        ),
    ]
    if wrong:
        raise StudyError(wrong)


def _plan_refusals(runs: int, room: float, whose: str) -> Iterator[str]:
    if runs * PER_RUN > room:
        yield (
            f"memory: the plan of {cross_checks.many(runs)} runs needs "
            f"{runs * PER_RUN / 2**30:.3g} GiB, and {whose} has {room / 2**30:.3g} GiB; "
            "take a smaller grid, fewer teachers or seeds"
        )


def memory_refusals(study: Regime, room: float, whose: str = "this machine") -> Iterator[str]:
    """Per task and student what does not fit into `room` bytes, each a sentence; the first 3."""
    tasks = {(t.D_amb, t.teacher_widths, t.outputs, t.covariance): t for t in study.tasks(1)}
    sizes = {None, max((D for D in study.sizes if D), default=None)} & {*study.sizes}
    sizes |= {max((D for D in study.sizes if D), default=None)}
    told = 0
    for task in tasks.values():
        labels = 8.0 * sum(m * n for m, n in zip(task.teacher_widths, task.teacher_widths[1:],
                                                 strict=False))  # fmt: skip
        for student in study.students():
            for D in sizes:
                one = Group((task,), ((student, D, (0,)),), study.recipe, study.seed, study.learner)
                needed = solvers.of(one).memory(one) + labels
                if needed > room:
                    yield (
                        f"memory: a student of N = {student.parameters(task.D_amb, task.outputs)} "
                        f"in {task.D_amb} coordinates"
                        + (f" with D = {D}" if D else "")
                        + f" needs {needed / 2**30:.3g} GiB for its arrays, and {whose} has "
                        f"{room / 2**30:.3g} GiB; take smaller ones, or a larger machine"
                    )
                    told += 1
                    if told == 3:
                        return


SEEN = 0.02
"""Fraction from which on the rest is estimated."""


class Pace:
    """Pace of a training: takes every step (`tick`) and group (`finish`), gives fraction and rest.

    compiling: gives the lane-seconds of compilation so far.
    """

    def __init__(self, groups: Sequence[Group], lanes: int, compiling: Callable[[], float]) -> None:
        self._compiling = compiling
        self._lanes = max(min(lanes, len(groups)), 1)
        self._work = {id(g): lane_seconds(g) for g in groups}
        self._total = sum(self._work.values())
        self._programs = len(programs({g.representative for g in groups}))
        self._known: set[tuple] = set()
        self._begun: dict[int, Group] = {}
        self._advanced: dict[int, int] = {}
        self._finished = 0.0

    def tick(self, group: Group, student_steps: int) -> None:
        """Student-steps that a group has done; called from any lane."""
        if id(group) not in self._begun:
            self._known |= programs([group])
            self._advanced[id(group)] = 0
            self._begun[id(group)] = group
        self._advanced[id(group)] += student_steps

    def finish(self, group: Group) -> None:
        """The group is done; called from one thread."""
        self._begun.pop(id(group), None)
        self._known |= programs([group])
        self._finished += self._work[id(group)]

    @property
    def at_work(self) -> tuple[tuple[Group, float], ...]:
        """The groups that have begun and are not done, each with the fraction of it that is."""
        begun = [(g, self._advanced[id(g)]) for g in [*self._begun.values()]]
        return tuple((g, min(n / max(g.student_steps, 1), 1.0)) for g, n in begun if n > 0)

    @property
    def fraction(self) -> float:
        """Share of the work that is done, by the model."""
        done = self._finished + sum(self._work[id(g)] * part for g, part in self.at_work)
        return min(done / self._total, 1.0) if self._total else 1.0

    def seconds_left(self, seconds: float) -> float | None:
        """The rest after so many seconds of training; None until enough is done to tell."""
        fraction = self.fraction
        if fraction <= SEEN:
            return None
        compiled, known = self._compiling(), len(self._known)
        trained = max(self._lanes * seconds - compiled, 0.0)
        left = trained * (1 - fraction) / fraction
        if known:
            left += compiled * (self._programs - known) / known
        return left / self._lanes
