"""Student units beside teacher units: who specialises on whom, when, and how far.

ρ_in = |w_i·B_n| / (|w_i| |B_n|) is the overlap of student unit i with teacher unit n, without its
sign, which the second layer can take over. The min(K, M) pairs (i, n) of largest total |w_i·B_n| at
the end of training are matched, each unit once (Hungarian assignment, SciPy), and kept for all
times before; of a unit that vanished and one that did not the one that did not:

    own      mean ρ_in of matched pairs
    other    mean ρ_in′ of the same student units with all other teacher units
    escape   the first time at which own − other is ½, between two looks by a line
    matched  share of the pairs that end above ρ = `LEARNED`

On the plateau of soft committees own = other. Units that a second student unit has learned too
count once. What it does not do: match hidden layers after the first, nor teachers of one unit.

`WATCHED` trains networks (`lab.students.training`) and looks at them at their checkpoints; the
exact students are in `lab.students.committee`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from lab.spec import Group
from lab.students.solvers import DESCENT, Result, Solver, Tick

if TYPE_CHECKING:
    from lab.students.training import Cohort

LEARNED = 0.9
"""Overlap of a student unit that has learned a teacher unit."""
TINY = 1e-12
"""A length below which a unit has no direction."""
HALF = 0.5
"""Difference of overlaps at which units are told apart."""
ESCAPE, EXPECTED, MATCHED = "escape", "escape expected", "matched"
"""Details of a run: its escape time, that of exact learning from the same start, the share."""
LOOK = re.compile(r"(own|other)@(\S+)")


@dataclass(frozen=True)
class UnitPath:
    """Overlaps along training, see above."""

    times: Float[np.ndarray, " looks"]
    own: Float[np.ndarray, " looks"]
    other: Float[np.ndarray, " looks"]

    @property
    def escape(self) -> float | None:
        """The first time of a difference of HALF; None if there is none."""
        gap = self.own - self.other
        after = np.flatnonzero(gap >= HALF)
        if not after.size:
            return None
        i = int(after[0])
        if i == 0:
            return float(self.times[0])
        part = (HALF - gap[i - 1]) / (gap[i] - gap[i - 1])
        return float(self.times[i - 1] + part * (self.times[i] - self.times[i - 1]))

    @classmethod
    def of_details(cls, details: Mapping[str, float]) -> UnitPath:
        """Those that a run left at its looks."""
        found: dict[str, dict[float, float]] = {"own": {}, "other": {}}
        for name, value in details.items():
            if look := LOOK.fullmatch(name):
                found[look[1]][float(look[2])] = value
        times = sorted(found["own"])
        own, other = ([found[name][t] for t in times] for name in ("own", "other"))
        return cls(np.array(times), np.array(own), np.array(other))

    def details(self, every: int = 1) -> dict[str, float]:
        """The same by name, of every so many looks and the last one."""
        kept = [*range(0, self.times.size - 1, every), self.times.size - 1]
        named = {}
        for i in kept:
            named[f"own@{self.times[i]:.6g}"] = round(float(self.own[i]), 4)
            named[f"other@{self.times[i]:.6g}"] = round(float(self.other[i]), 4)
        return named


def along(
    times: Float[np.ndarray, " looks"],
    R: Float[np.ndarray, "looks K M"],
    lengths: Float[np.ndarray, "looks K"],
) -> tuple[UnitPath, float]:
    """The path of matched units, and the share of pairs that end above LEARNED.

    R: w_i·B_n, the teacher's units of length 1. lengths: |w_i|.
    """
    from scipy.optimize import linear_sum_assignment

    i, n = linear_sum_assignment(-np.abs(R[-1]))
    ρ = np.minimum(np.abs(R) / np.maximum(lengths, TINY)[:, :, None], 1.0)
    own = ρ[:, i, n]
    other = (ρ[:, i].sum(2) - own) / max(ρ.shape[2] - 1, 1)
    return UnitPath(times, own.mean(1), other.mean(1)), float((own[-1] >= LEARNED).mean())


def told(path: UnitPath, matched: float, every: int = 1) -> dict[str, float]:
    """Stored values of a run's units, by name."""
    escape = path.escape
    named = {MATCHED: matched} | ({} if escape is None else {ESCAPE: escape})
    return named | path.details(every)


def watch(group: Group, *, tick: Tick) -> list[Result]:
    """Train networks and look at their first layers at step 0 and at every checkpoint."""
    from lab.students import training

    looks: list[tuple[Cohort, int, np.ndarray]] = []

    def look(cohort: Cohort, step: int) -> None:
        looks.append((cohort, step, np.asarray(cohort.parameters["W0"], float)))

    results = training.train(group, tick=tick, watch=look)
    B = [teacher_units(task, group.root) for task in group.teachers]
    for cohort in {id(cohort): cohort for cohort, _, _ in looks}.values():
        steps, W = zip(*((step, w) for of, step, w in looks if of is cohort), strict=True)
        for t, s in itertools.product(range(len(B)), range(cohort.S)):
            w = np.stack([of_look[t, s] for of_look in W])
            path = along(np.array(steps, float), w @ B[t].T, np.linalg.norm(w, axis=2))
            cohort.details[t][s] |= told(*path)
    return results


def teacher_units(task: Any, root: int) -> Float[np.ndarray, "M N"]:
    """Directions of the first layer of a teacher, of length 1."""
    from lab.data import sets

    W = np.asarray(sets.source(task, root=root).networks[0][0][0], float)
    return np.asarray(W / np.linalg.norm(W, axis=1)[:, None])


WATCHED = Solver("lab.students.units:watch", DESCENT.flops, DESCENT.memory, compiled=True)
"""Networks whose units are matched."""
