"""Groups in other sizes: the same runs, and the same digits."""

from collections import deque
from dataclasses import replace

import pytest
from scripted import descents

from lab.execution import plan
from lab.students import solvers


def test_parts_hold_the_same_runs_and_learn_the_same_digits():
    (group,) = descents(teachers=1)
    parts = plan.parted(group, 1e-9)
    assert len(parts) == len(group.shapes) > 1
    assert [run for part in parts for run in part.runs()] == group.runs()
    found = [repr(r) for part in parts for r in solvers.solve(part, tick=lambda n: None)]
    assert found == [repr(r) for r in solvers.solve(group, tick=lambda n: None)]


def test_what_has_to_stay_together_does(make_study, make_tables):
    pool = make_study(regime="resolution-data", student={"widths": 5, "seeds": 2},
                      data={"sizes": [32, 64, 128]})  # fmt: skip
    groups = plan.groups(p.run for p in pool.plan if p.run.size)
    assert groups and all(plan.parted(group, 1e-9) == [group] for group in groups)
    (group,) = descents(teachers=1)
    assert plan.parted(group, None) == plan.parted(group, 1e9) == [group]
    most = plan.lane_seconds(replace(group, shapes=group.shapes[:-1]))
    assert [len(part.shapes) for part in plan.parted(group, most)] == [2, 1]


@pytest.mark.parametrize("pace", [1.0, 50.0, 1e4])
@pytest.mark.parametrize("lanes", [1, 8, 1000])
def test_tasks_take_from_ten_seconds_to_five_minutes(pace, lanes):
    groups = descents(steps=20_000, teachers=3) * 20
    todo, errands = deque(groups), []
    while todo:
        left = sum(map(plan.lane_seconds, todo))
        before = pace * left
        taken = plan.next_batch(todo, left=left, lanes=lanes, pace=pace)
        seconds = pace * sum(map(plan.lane_seconds, taken))
        errands += taken
        assert len(taken) == 1 or seconds <= plan.LONGEST
        longest = pace * max(map(plan.lane_seconds, groups))
        assert seconds >= min(plan.SHORTEST, before * 0.999) or seconds + longest > 300
        if len(taken) > 1:
            share = max(before / (plan.ROUNDS * lanes), plan.SHORTEST)
            assert seconds - longest <= share
    assert errands == groups
