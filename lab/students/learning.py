"""Learning, whatever the student: one door for who runs a group.

`LEARNERS` holds every way to learn, by `Run.learner` and by whether the student is trained or
solved. Adding one is an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.spec import Group
from lab.students.algebra import estimating, solving
from lab.students.descent import training
from lab.students.limits import excesses
from lab.students.result import Failed, Result

Tick = Callable[[int], None]
"""Told of student-steps as they are done; an exact student is one step, and 0 are told of where a
single step takes long. An exception that it raises abandons the group."""

Learner = Callable[[Group, Tick], list[Result | Failed]]
"""Trains every student of a group; results in the order of `group.runs()`."""

LEARNERS: Mapping[tuple[str, bool], Learner] = {
    ("", True): lambda group, tick: [*training.train(group, tick=tick)],
    ("", False): solving.losses,
    ("data", True): excesses.in_one_basin,
    ("data", False): solving.excesses,
    ("ntk", True): excesses.over_tangents,
    ("dimension", False): estimating.dimensions,
}


def learn(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """Train every student of the group; results in the order of `group.runs()`.

    An exact student that fails does so alone; of networks, which train together, all do.
    """
    return LEARNERS[group.learner, group.trained](group, tick)
