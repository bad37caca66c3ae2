"""Learning, whatever the student: one door for who runs a group.

`LEARNERS` holds every way to learn, by `Run.learner` and by whether the student is trained or
solved: "module:function" of (group, tick), imported when a group learns so. Adding one is an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.kinds.kind import load
from lab.spec import Group
from lab.students.result import Failed, Result

Tick = Callable[[int], None]
"""Told of student-steps as they are done; an exact student is one step, and 0 are told of where a
single step takes long. An exception that it raises abandons the group."""

LEARNERS: Mapping[tuple[str, bool], str] = {
    ("", True): "lab.students.descent.training:train",
    ("", False): "lab.students.algebra.solving:losses",
    ("data", True): "lab.students.limits.excesses:in_one_basin",
    ("data", False): "lab.students.algebra.solving:excesses",
    ("ntk", True): "lab.students.limits.excesses:over_tangents",
    ("dimension", False): "lab.students.algebra.estimating:dimensions",
}


def learn(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """Train every student of the group; results in the order of `group.runs()`.

    An exact student that fails does so alone; of networks, which train together, all do.
    """
    return [*load(LEARNERS[group.learner, group.trained])(group, tick=tick)]
