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
        self._groups, self._compiling = groups, compiling
        self._lanes = max(min(lanes, len(groups)), 1)
        self._work = {id(g): clock.seconds(g) for g in groups}
        self._total = sum(self._work.values())
        self._advanced = dict.fromkeys(self._work, 0)
        self._begun, self._new = -1, 0.0

    def tick(self, group: Group, student_steps: int) -> None:
        """Student-steps that a group has done; called from any lane."""
        self._advanced[id(group)] += student_steps

    def finish(self, group: Group) -> None:
        """The group is done."""
        self._advanced[id(group)] = group.student_steps

    @property
    def fraction(self) -> float:
        """Share of the work that is done, by the model."""
        done = sum(
            self._work[id(g)] * min(self._advanced[id(g)] / max(g.student_steps, 1), 1.0)
            for g in self._groups
        )
        return min(done / self._total, 1.0) if self._total else 1.0

    def seconds_left(self, seconds: float) -> float | None:
        """The rest after so many seconds of training; None until enough is done to tell."""
        fraction = self.fraction
        if fraction <= SEEN:
            return None
        compiled = self._compiling()
        trained = max(self._lanes * seconds - compiled, 0.0)
        left = trained * (1 - fraction) / fraction + compiled * self._programs_left()
        return left / self._lanes

    def _programs_left(self) -> float:
        """(K − k)/k: programs of groups that have not begun, over those of the others."""
        begun = [g for g in self._groups if self._advanced[id(g)]]
        if len(begun) != self._begun:  # it changes with a group, and is asked for all the time
            self._begun, known = len(begun), plan.programs(begun)
            self._new = (plan.programs(self._groups) - known) / known if known else 0.0
        return self._new
