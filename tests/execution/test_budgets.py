"""Budgets: each x is trained as long as its losses still fall, and the store tells how long."""

import pytest
from simulated import row, rows

from lab.execution import budgets
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings.study_results import cells_of

WIDTHS = [4, 6, 9, 14, 20]


def law(run, x):
    return 3.0 * (1 + 0.1 * run.task.teacher) * float(x) ** -1.0


def still_at_the_largest(factor, x):
    """Every doubling lowers the losses of the two largest x by 10 %, the others by 1 %."""
    return (0.9 if x > 200 else 0.99) ** (factor - 1)


@pytest.fixture(params=[4, 2], ids=["a part is checked", "all are checked"])
def study(make_study, request):
    return make_study(
        student={"widths": WIDTHS},
        task={"teacher": {"count": request.param, "widths": [96, 96]}},
        evidence={"share": 0.1, "until": 4},
    )


def of_x(study):
    return {x: runs for (*_, x), runs in budgets.together(study).items()}


def train(study, store, wanted):
    """Rows of raised budgets: the law of the run, with what its steps make of it."""
    for p in wanted:
        factor = p.run.training.steps / study.recipe.steps
        x = study.x(p.run)
        store.add([row(p.run, law(p.run, x) * still_at_the_largest(factor, x))])


def test_an_x_as_planned_has_level_one_though_every_teacher_is_checked(study, tmp_path):
    with Store.write(tmp_path) as store:
        store.add(rows(study, law))
        states = store.states()
        assert {budgets.level(study, runs, states) for runs in of_x(study).values()} == {1}
        (point,) = answers.answer(study, store).points
    assert point.runs.budget == 1 and "unchecked" not in point.doubts


def test_only_an_x_whose_losses_fall_is_raised_with_its_checks(study, tmp_path):
    with Store.write(tmp_path) as store:
        store.add(rows(study, law, gain=still_at_the_largest))
        wanted = budgets.raised(study, store)
        large = sorted(of_x(study))[-2:]
        assert {study.x(p.run) for p in wanted} == set(large)
        recipes = {p.run.training for p in wanted}
        slow = study.recipe.slowed(2)
        assert recipes == {slow, slow.scaled(0.5), slow.scaled(2), study.recipe.slowed(4)}
        count = study.task.teacher.count
        # at each x all teachers, the two checked ones at two budgets, and one still more slowly
        assert len({p.run for p in wanted}) == 2 * (count + 4 + 1)
        store.add([row(p.run, 1.0, "diverged") for p in wanted
                   if p.run.training.steps == 800][:1])  # fmt: skip
        assert {budgets.level(study, runs, store.states()) for runs in of_x(study).values()} == {1}


def test_levels_follow_the_store_and_stop_at_the_limit(study, tmp_path):
    levels = []
    with Store.write(tmp_path) as store:
        store.add(rows(study, law, gain=still_at_the_largest))
        while wanted := budgets.raised(study, store):
            train(study, store, wanted)
            states = store.states()
            levels.append([budgets.level(study, runs, states)
                           for _, runs in sorted(of_x(study).items())])  # fmt: skip
        (point,) = answers.answer(study, store).points
        (cells,) = cells_of(study, store).values()
    assert levels == [[1, 1, 1, 2, 2], [1, 1, 1, 4, 4]]  # evidence.until
    assert point.runs.budget == 4 and "unchecked" not in point.doubts
    assert {(study.x(run), run.training.steps) for run, _ in cells.scan} == {
        (x, 800 if x in sorted(of_x(study))[-2:] else 200) for x in of_x(study)
    }
    for (role, factor), checks in cells.checks.items():
        for base, scan, check in checks:
            assert scan and check and scan.fingerprint == base.fingerprint()
            level = base.training.steps / 200
            if role == "budget":
                at = budgets.at(study, base, level, steps=factor)
                assert check.fingerprint == at.fingerprint()
            if role == "slower":
                assert check.fingerprint == budgets.at(study, base, level * factor).fingerprint()


def test_an_x_that_only_slower_descent_lowers_is_raised(study, tmp_path):
    """More steps alone change nothing: the minimum that the rate finds is found."""

    def vary(p, x):
        return 0.8 if p.role == "slower" and x > 200 else 1.0

    with Store.write(tmp_path) as store:
        store.add(rows(study, law, vary=vary))
        assert {study.x(p.run) for p in budgets.raised(study, store)} == set(
            sorted(of_x(study))[-2:]
        )
    quick = study.model_copy(update={"evidence": study.evidence.model_copy(update={"slower": ()})})
    with Store.read(tmp_path) as store:
        assert budgets.raised(quick, store) == ()


def test_nothing_is_raised_without_checks_or_where_losses_stand_still(make_study, study, tmp_path):
    with Store.write(tmp_path / "still") as store:
        assert budgets.raised(study, store) == ()
        store.add(rows(study, law, gain=lambda factor, x: 0.96 ** (factor - 1)))
        assert budgets.raised(study, store) == ()
    unchecked = make_study()
    with Store.write(tmp_path / "none") as store:
        store.add(rows(unchecked, law))
        assert budgets.raised(unchecked, store) == ()


def test_exact_students_have_one_level():
    from lab.config import study as studies

    exact = studies.validate({
        "question": "Is it exact?", "regime": "resolution-data",
        "task": {"manifold": {"kind": "cube", "dim": 2}, "teacher": {"count": 2}},
        "student": {"kind": "nearest"}, "data": {"sizes": [32, 64, 128]},
    })  # fmt: skip
    assert {budgets.level(exact, runs, {}) for runs in budgets.together(exact).values()} == {1}
