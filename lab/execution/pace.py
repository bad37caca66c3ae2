"""The pace of a training in progress: what fraction is done, and how long the rest takes.

Object: the groups of one training, each with its model lane-seconds w (`clock.seconds`). With a
fraction f of it done after t seconds on n lanes, of which c lane-seconds went into compiling k of
K programs, the rest takes

    (n t − c) (1 − f)/(f n)  +  c (K − k)/(k n)      seconds,

so that programs that were compiled at the beginning are not expected again and again. The model
errs by a constant factor only where f is concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.execution import clock, plan
from lab.spec import Group

SEEN = 0.02
"""Fraction from which on the rest is estimated."""


class Pace:
    """Told of every step (`tick`) and group (`finish`); asked for the fraction and the rest.

    compiling: gives the lane-seconds of compilation so far.
    """

    def __init__(self, groups: Sequence[Group], lanes: int, compiling: Callable[[], float]) -> None:
        self._compiling = compiling
        self._lanes = max(min(lanes, len(groups)), 1)
        self._work = {id(g): clock.seconds(g) for g in groups}
        self._total = sum(self._work.values())
        self._programs = len(plan.programs({g.alike for g in groups}))
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
