"""The outlook of a study: what is stored, what is left, and what that takes on this machine.

The store's measured seconds correct the model's; without any, a glance at this machine's speed.
Nothing is trained, and no JAX is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.duration import duration
from lab.execution import clock, engines, plan
from lab.execution.plan import Cost, Left
from lab.execution.store import Store
from lab.study import Study


@dataclass(frozen=True)
class Outlook:
    """What a study has and lacks. `bill` is of one lane, `lanes` are trained side by side. source:
    a sentence where what it has was read from a table, in place of a store."""

    question: str
    left: Left
    bill: Cost
    lanes: int
    source: str = ""

    @property
    def seconds(self) -> float:
        """Seconds that the rest takes on all lanes, each of which loads every program; compilation
        aside."""
        return self.bill.seconds / self.lanes + clock.LOAD * self.bill.programs

    @property
    def compile_seconds(self) -> float:
        """Seconds of compilation at most: programs that were compiled before cost none."""
        return clock.COMPILE * self.bill.programs / self.lanes

    @property
    def memory(self) -> float:
        """Bytes of arrays at once at most."""
        return self.bill.memory * self.lanes

    def plain(self) -> dict[str, Any]:
        """What `lab plan --json` prints."""
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


def outlook(study: Study, path: Path, *, tables: bool = False) -> Outlook:
    """The outlook of a study whose store is in this folder, if there is one yet. tables: whether,
    without one, the runs of the report's table are there: `lab run` trains them again."""
    with Store.read(path, overrides=study.origin.overrides, tables=tables) as store:
        states, measured = store.spent()
        source = store.source
    left = plan.left(study, states)
    keyed = {p.run: p.run.fingerprint() for p in study.plan} if measured else {}
    spent = {run: measured[key] for run, key in keyed.items() if key in measured}
    model = sum(map(clock.seconds, plan.groups(spent)))
    correction = sum(spent.values()) / model if spent else 1 / clock.speed()
    bill = plan.cost(plan.groups(left.missing), correction=correction)
    return Outlook(study.question, left, bill, engines.cores(), source)
