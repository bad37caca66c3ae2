"""Plans: every missing run in exactly one group, memory bounded, costs that add up."""

import pytest

from lab.execution import plan
from lab.spec import Group
from lab.students import solvers


def memory(group):
    return solvers.of(group).memory(group)


def test_groups_partition_the_missing_runs(make_study):
    found = make_study(task={"manifold": {"dim": [2, 3]}}, student={"seeds": 3},
                       evidence={"share": 0.2})  # fmt: skip
    runs = [p.run for p in found.plan]
    for teachers in (1, 2):
        groups = plan.groups(runs, teachers=teachers)
        packed = [r for g in groups for r in g.runs()]
        assert len(packed) == len(set(packed)) and set(packed) == set(runs)
        assert all(len(g.teachers) <= teachers for g in groups)


def test_checks_train_after_what_they_check_and_the_costliest_first(make_study):
    for changes in ({"regime": "resolution-width"},
                    {"regime": "resolution-data", "student": {"widths": 4},
                     "data": {"sizes": [64, 128, 256]}}):  # fmt: skip
        found = make_study(evidence={"share": 1.0}, **changes)
        scan = {p.run for p in found.plan
                if p.role == "scan" or (p.role == "limit" and p.factor == 1)}  # fmt: skip
        left = plan.left(found.plan, {})
        assert left.checks and left.checks == {p.run for p in found.plan} - scan
        groups = plan.groups(left.missing, checks=left.checks)
        late = [scan.isdisjoint(group.runs()) for group in groups]
        assert late == sorted(late) and 0 < sum(late) < len(late)
        for kind in (False, True):
            costs = [plan.lane_seconds(g) for g, is_late in zip(groups, late, strict=True)
                     if is_late == kind]  # fmt: skip
            assert costs == sorted(costs, reverse=True)


def test_estimated_memory_is_bounded_by_the_group_not_by_the_study(make_study):
    limit = 2**24
    few = plan.groups([p.run for p in make_study().plan], memory_limit=limit)
    many = plan.groups(
        [p.run for p in make_study(student={"widths": [16, 32, 64], "seeds": 500},
                                   task={"teacher": {"count": 7}}).plan],
        memory_limit=limit,
    )  # fmt: skip
    assert sum(len(g.runs()) for g in many) == 10_500
    one = memory(Group(few[0].teachers, few[0].shapes[:1], few[0].training, 0))
    assert max(map(memory, many)) <= limit + one


def test_flops_of_one_student_by_hand(make_study):
    run = make_study(student={"widths": [3, 4, 5]}).plan[0].run
    g = Group((run.task,), ((run.student, None, (0, 1)),), run.training, 0)
    teacher, student = 2 * 16 + 16 * 16 + 16, 4 * (2 * 3) + 6 * (3 * 3 + 3)
    assert solvers.of(g).flops(g) == 200 * 32 * (2 * teacher + 2 * student)
    assert plan.cost([g]).student_steps == 400


def test_steps_of_students_in_float64_take_two_to_three_times_as_long(make_study):
    """Measured: 1.6 to 3.4 times, at batches of 200 to 4000; labels take no longer."""
    times = [
        plan.lane_seconds(plan.groups([p.run for p in make_study(
            task={"teacher": {"widths": [2]}},
            training={"batch": 4000, "steps": 1000, "precision": precision},
        ).plan])[0])
        for precision in ("float32", "float64")
    ]  # fmt: skip
    assert 2 < times[1] / times[0] < 3


def test_a_program_is_traced_anew_for_each_kind_of_task(make_study):
    runs = [[p.run for p in make_study(task={"teacher": {"activation": activation}}).plan]
            for activation in ("relu", "tanh")]  # fmt: skip
    alone, both = (plan.cost(plan.groups(some)) for some in (runs[0], [*runs[0], *runs[1]]))
    assert alone.loads == alone.programs == both.programs and both.loads == 2 * alone.loads


@pytest.mark.parametrize("state, missing", [("done", 0), ("diverged", 0), ("failed", 6)])
def test_left(make_study, state, missing):
    found = make_study()
    states = {p.run.fingerprint(): state for p in found.plan}
    left = plan.left(found.plan, states)
    assert left.planned == 6 and len(left.missing) == missing
