"""What a training in progress says of the rest, against a simulated clock."""

import pytest

from lab import study as studies
from lab.execution import clock, plan
from lab.execution.pace import SEEN, Pace

TABLES = {
    "schema": 1, "question": "How long?", "regime": "resolution-width",
    "task": {"manifold": {"kind": "cube", "dim": [2, 3]}, "teacher": {"widths": [96], "count": 8}},
    "student": {"widths": [4, 6, 9, 14], "seeds": 1}, "training": {"steps": 1000},
}  # fmt: skip


def simulated(groups, *, compile_seconds, slower=3.0, ticks=4):
    """(fraction, seconds left by the pace, truth) of one lane that compiles every program at its
    first use and is so much slower than the model."""
    time, compiled, known, told = 0.0, [0.0], 0, []
    pace = Pace(groups, 1, lambda: compiled[0])
    for i, group in enumerate(groups):
        new = plan.programs(groups[: i + 1]) - known
        known += new
        compiled[0] += compile_seconds * new
        time += compile_seconds * new
        for _ in range(ticks):
            time += slower * clock.seconds(group) / ticks
            pace.tick(group, group.student_steps // ticks)
            told.append((pace.fraction, pace.seconds_left(time), time))
        pace.finish(group)
    return [(fraction, left, time - now) for fraction, left, now in told]


@pytest.mark.parametrize("compile_seconds", [0.0, 0.5, 20.0])
def test_the_rest_is_told_within_half_after_a_tenth(compile_seconds):
    groups = plan.groups(p.run for p in studies.of_tables(TABLES).plan)
    told = simulated(groups, compile_seconds=compile_seconds)
    assert len(groups) > 8 and plan.programs(groups) > 4
    for fraction, left, truth in told:
        if 0.1 < fraction < 0.98:
            assert truth / 1.5 < left < 1.5 * truth
    assert told[-1][0] == pytest.approx(1) and told[-1][1] == pytest.approx(0, abs=1e-6)


def test_too_early_is_not_told():
    groups = plan.groups(p.run for p in studies.of_tables(TABLES).plan)
    pace = Pace(groups, 2, lambda: 0.0)
    assert pace.fraction <= SEEN and pace.seconds_left(10.0) is None
