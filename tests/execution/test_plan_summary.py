"""What a training in progress says of the rest, against a simulated clock."""

from collections import Counter

import numpy as np
import pytest

from lab.config import study as studies
from lab.execution import plan
from lab.execution.plan import SEEN, Pace

TABLES = {
    "schema": 1, "question": "How long?", "regime": "resolution-width",
    "task": {"manifold": {"kind": "cube", "dim": [2, 3]}, "teacher": {"widths": [96], "count": 8}},
    "student": {"widths": [4, 6, 9, 14], "seeds": 1}, "training": {"steps": 1000},
}  # fmt: skip

UNLIKE = {
    **TABLES, "evidence": {"budgets": [0.5, 2.0]},
    "task": {"manifold": {"kind": "cube", "dim": [2, 3, 6]},
             "teacher": {"widths": [[96], [64, 64]], "count": 6}},
    "student": {"widths": [4, 6, 9, 14, 40, 90], "seeds": 3},
}  # fmt: skip


def simulated(groups, *, compile_seconds, slower=3.0, ticks=4):
    """(fraction, seconds left by the pace, truth) of one lane that compiles every program at its
    first use and is so much slower than the model."""
    time, compiled, known, told = 0.0, [0.0], set(), []
    pace = Pace(groups, 1, lambda: compiled[0])
    for group in groups:
        new = len(plan.programs([group]) - known)
        known |= plan.programs([group])
        compiled[0] += compile_seconds * new
        time += compile_seconds * new
        for _ in range(ticks):
            time += slower * plan.lane_seconds(group) / ticks
            pace.tick(group, group.student_steps // ticks)
            told.append((pace.fraction, pace.seconds_left(time), time))
        pace.finish(group)
    return [(fraction, left, time - now) for fraction, left, now in told]


@pytest.mark.parametrize("compile_seconds", [0.0, 0.5, 20.0])
def test_the_rest_is_told_within_half_after_a_tenth(compile_seconds):
    groups = plan.groups(p.run for p in studies.of_tables(TABLES).plan)
    told = simulated(groups, compile_seconds=compile_seconds)
    assert len(groups) > 8 and len(plan.programs(groups)) > 4
    for fraction, left, truth in told:
        if 0.1 < fraction < 0.98:
            assert truth / 1.5 < left < 1.5 * truth
    assert told[-1][0] == pytest.approx(1) and told[-1][1] == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def unlike():
    return plan.groups(p.run for p in studies.of_tables(UNLIKE).plan)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("compile_seconds", [0.0, 0.5])
def test_the_rest_is_told_of_two_lanes_whose_groups_are_unlike(unlike, seed, compile_seconds):
    """The model errs by a factor of its own in every group, and each has programs to compile."""
    rng = np.random.default_rng(seed)
    groups = unlike
    slower = dict(zip(map(id, groups), np.exp(0.2 * rng.standard_normal(len(groups))), strict=True))
    compiled, known, done = [0.0], set(), []
    pace = Pace(groups, 2, lambda: compiled[0])
    free, events, ticks = [0.0, 0.0], [], Counter()
    for group in groups:  # the lane that is free first takes the next
        lane = int(np.argmin(free))
        new = len(plan.programs([group]) - known)
        known |= plan.programs([group])
        start = free[lane] + compile_seconds * new
        events.append((start, 0, compile_seconds * new, None))
        length = slower[id(group)] * plan.lane_seconds(group)
        events += [(start + length * k / 8, group.student_steps // 8, 0.0, group)
                   for k in range(1, 9)]  # fmt: skip
        free[lane] = start + length
    for now, steps, compiling, group in sorted(events, key=lambda event: event[0]):
        compiled[0] += compiling
        if group is not None:
            pace.tick(group, steps)
            ticks[id(group)] += 1
            if ticks[id(group)] == 8:
                pace.finish(group)
            done.append((pace.fraction, pace.seconds_left(now), now))
    end = max(free)
    for fraction, left, now in done:
        if 0.1 < fraction < 0.9:
            assert (end - now) / 1.5 < left < 1.5 * (end - now)


def test_too_early_is_not_told():
    groups = plan.groups(p.run for p in studies.of_tables(TABLES).plan)
    pace = Pace(groups, 2, lambda: 0.0)
    assert pace.fraction <= SEEN and pace.seconds_left(10.0) is None


def test_what_is_at_work_has_begun_and_is_not_done():
    first, second, *_ = groups = plan.groups(p.run for p in studies.of_tables(TABLES).plan)
    pace = Pace(groups, 2, lambda: 0.0)
    assert pace.at_work == ()
    pace.tick(first, first.student_steps // 4)
    pace.tick(second, second.student_steps // 2)
    assert pace.at_work == ((first, 0.25), (second, 0.5))
    pace.tick(second, -(second.student_steps // 2))  # its worker died
    assert pace.at_work == ((first, 0.25),)
    pace.finish(first)
    pace.finish(second)  # by another worker, which never said a word
    total = sum(plan.lane_seconds(g) for g in groups)
    assert pace.at_work == ()
    assert pace.fraction == pytest.approx(
        (plan.lane_seconds(first) + plan.lane_seconds(second)) / total
    )
