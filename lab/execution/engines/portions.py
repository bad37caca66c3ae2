"""Portions: groups in the sizes that a cluster likes, where that changes no digit.

The shapes of a group share its stream of labelled batches and nothing else, so that networks on
fresh data may be parted between shapes, at the price of labelling twice. Seeds of one shape train
in one program, training sets of all sizes are drawn together, and exact students share a solved
world: these stay together. Small groups travel together as an errand, and stay groups.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from lab.execution import clock
from lab.spec import Group
from lab.students import solvers

SHORTEST, LONGEST = 10.0, 300.0
"""Seconds that an errand should take at least and at most."""
ROUNDS = 4
"""Errands for every lane, at least, if there are as many groups: so the last of them end
together."""


def parted(group: Group, longest: float | None) -> list[Group]:
    """The group in parts of about `longest` seconds, where it can be parted."""
    fresh = all(D is None for _, D, _ in group.shapes)
    if longest is None or not fresh or solvers.of(group) is not solvers.DESCENT:
        return [group]
    parts: list[Group] = []
    for shape in group.shapes:
        more = replace(parts[-1], shapes=(*parts[-1].shapes, shape)) if parts else None
        if more and clock.seconds(more) <= longest:
            parts[-1] = more
        else:
            parts.append(replace(group, shapes=(shape,)))
    return parts


def errand(todo: deque[Group], *, left: float, lanes: int, pace: float) -> list[Group]:
    """Take the groups of the next errand off those to do.

    left: modelled seconds of all that is to do. pace: measured over modelled seconds of groups.
    """
    enough = min(max(pace * left / (ROUNDS * max(lanes, 1)), SHORTEST), LONGEST)
    taken, seconds = [todo.popleft()], 0.0
    seconds += pace * clock.seconds(taken[0])
    while todo and seconds < enough and seconds + pace * clock.seconds(todo[0]) <= LONGEST:
        seconds += pace * clock.seconds(todo[0])
        taken.append(todo.popleft())
    return taken
