"""Summary of a plan: what is stored, what the rest takes on this machine, and whether it fits.

The store's measured seconds correct the model's; without any, a glance at this machine's speed.
Memory is checked with one student of every kind and size, one teacher and one seed: what a group
holds at least, whatever else is packed beside it. Nothing is trained, and no JAX is loaded.

The pace of a training in progress: with a fraction f of the model lane-seconds done after t seconds
on n lanes, of which c lane-seconds went into compiling k of K programs, the rest takes

    (n t − c) (1 − f)/(f n)  +  c (K − k)/(k n)      seconds,

so that programs that were compiled at the beginning are not expected again and again. The model
errs by a constant factor only where f is concerned.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.config.study import Study
from lab.execution import engine, plan
from lab.execution.plan import Cost, Left
from lab.execution.store import Store
from lab.mistakes import StudyError, duration
from lab.regimes import cross_checks
from lab.regimes.regime import Regime
from lab.spec import Group
from lab.students import solvers


@dataclass(frozen=True)
class PlanSummary:
    """Runs that a study has and lacks. `bill` is of one lane, `lanes` are trained side by side.
    source: a sentence where the runs were read from a table, in place of a store."""

    question: str
    left: Left
    bill: Cost
    lanes: int
    source: str = ""

    @property
    def seconds(self) -> float:
        """Seconds that the rest takes on all lanes, each of which loads every program; compilation
        aside."""
        return self.bill.seconds / self.lanes + plan.LOAD * self.bill.programs

    @property
    def compile_seconds(self) -> float:
        """Seconds of compilation at most: programs that were compiled before cost none."""
        return plan.COMPILE * self.bill.programs / self.lanes

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
        ])  # fmt: skip


def summarise(study: Study, path: Path, *, tables: bool = False) -> PlanSummary:
    """The summary of a study whose store is in this folder, if there is one yet. tables: whether,
    without one, the runs of the report's table are there: `lab run` trains them again."""
    with Store.read(path, overrides=study.origin.overrides, tables=tables) as store:
        states, measured = store.spent()
        source = store.source
    left = plan.left(study.plan, states)
    keyed = {p.run: p.run.fingerprint() for p in study.plan} if measured else {}
    spent = {run: measured[key] for run, key in keyed.items() if key in measured}
    model = sum(map(plan.lane_seconds, plan.groups(spent)))
    correction = sum(spent.values()) / model if spent else 1 / plan.core_speed()
    bill = plan.cost(plan.groups(left.missing), correction=correction)
    return PlanSummary(study.question, left, bill, engine.cores(), source)


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
    """Told of every step (`tick`) and group (`finish`); asked for the fraction and the rest.

    compiling: gives the lane-seconds of compilation so far.
    """

    def __init__(self, groups: Sequence[Group], lanes: int, compiling: Callable[[], float]) -> None:
        self._compiling = compiling
        self._lanes = max(min(lanes, len(groups)), 1)
        self._work = {id(g): plan.lane_seconds(g) for g in groups}
        self._total = sum(self._work.values())
        self._programs = len(plan.programs({g.representative for g in groups}))
        self._known: set[tuple] = set()
        self._begun: dict[int, Group] = {}
        self._advanced: dict[int, int] = {}
        self._finished = 0.0

    def tick(self, group: Group, student_steps: int) -> None:
        """Student-steps that a group has done; called from any lane."""
        if id(group) not in self._begun:
            self._known |= plan.programs([group])
            self._advanced[id(group)] = 0
            self._begun[id(group)] = group
        self._advanced[id(group)] += student_steps

    def finish(self, group: Group) -> None:
        """The group is done; called from one thread."""
        self._begun.pop(id(group), None)
        self._known |= plan.programs([group])
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
