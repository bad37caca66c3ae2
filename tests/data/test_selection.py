"""Selection of training points: orders, what they are nested in, and what they buy."""

import numpy as np
import pytest
from scipy import stats

from lab.config import study
from lab.data import selection, sets
from lab.data.covariances import covariance
from lab.data.selection import SelectionSpec, farthest, grown, p_greedy, pruned, subset
from lab.execution.engine import group_of, group_values
from lab.mistakes import StudyError
from lab.models import PerceptronPruning
from lab.spec import COORDINATES, Group
from lab.students import solvers
from lab.students.kernels import expected_risk
from lab.students.perceptron import learn, risk

X = np.random.default_rng(0).uniform(size=(400, 2))


def made(teacher, student, sizes, d=1, kind="cube", **data):
    return study.validate({
        "question": "Does selection help?", "regime": "resolution-data",
        "task": {"manifold": {"kind": kind, "dim": d}, "teacher": teacher},
        "student": student, "data": {"sizes": sizes, **data}, "prediction": {"exponent": 1.0},
    })  # fmt: skip


def losses(found):
    """Relative losses [rule, D, teacher], in the order of the rules, and the results."""
    tasks = [*found.tasks(found.task.count)]
    chosen = dict.fromkeys(task.selection for task in tasks)
    results = []
    for one in chosen:
        same = tuple(task for task in tasks if task.selection == one)
        shapes = tuple((s, D, (0,)) for s in found.students() for D in found.sizes)
        group = group_of(group_values(Group(same, shapes, found.recipe, 0)))
        results.append(solvers.solve(group, tick=lambda n: None))
    shape = len(results), len(found.sizes), found.task.count
    return np.array([r.relative for some in results for r in some]).reshape(shape), results


def test_the_order_by_distance_covers_within_twice_the_best_radius_and_is_nested():
    order = farthest(X, 60)
    assert len(set(order.tolist())) == 60 and (order[:20] == farthest(X, 20)).all()
    away = np.linalg.norm(X[:, None] - X[order], axis=2)
    radius, apart = away.min(1).max(), np.linalg.norm(X[order][:, None] - X[order], axis=2)
    # no two chosen are nearer than the radius: 59 balls of half of it could not cover (Gonzalez)
    assert apart[np.triu_indices(60, 1)].min() >= radius - 1e-12
    random = np.linalg.norm(X[:, None] - X[:60], axis=2).min(1).max()
    assert radius < 0.7 * random


def test_p_greedy_takes_the_largest_variance_of_the_posterior_each_time():
    k = covariance("matern", nu=1.5, length=0.3)
    order = p_greedy(X, 12, k, k.diagonal(X))
    assert (order[:5] == p_greedy(X, 5, k, k.diagonal(X))).all()
    for j in (1, 4, 11):
        K = k(X[order[:j]], X[order[:j]])
        cross = k(X, X[order[:j]])
        variance = k.diagonal(X) - np.sum(cross * np.linalg.solve(K, cross.T).T, axis=1)
        assert variance[order[j]] == pytest.approx(variance.max(), rel=1e-6)


def test_p_greedy_goes_on_where_the_kernel_is_exhausted():
    k = covariance("gaussian", length=2.0)
    order = p_greedy(X, 120, k, k.diagonal(X))
    assert len(set(order.tolist())) == 120


def test_rounds_do_not_depend_on_how_many_labels_are_asked_for():
    spec = SelectionSpec("hard", pool=400, first=8, rounds=4, until=128)
    asked = []

    def ask(labelled, left):
        asked.append(len(labelled))
        return np.abs(X[left, 0] - 0.3)

    whole, of = grown(X, spec, 128, ask)
    assert (
        asked == [8, 16, 32, 64] and of[-1] == 4 and (np.bincount(of) == [8, 8, 16, 32, 64]).all()
    )
    few, _ = grown(X, spec, 50, ask)
    assert (few == whole[:50]).all() and len(set(whole.tolist())) == 128


def test_a_fraction_that_is_kept_shows_as_many_candidates_for_each_label():
    spec = SelectionSpec("uncertain", keep=0.05, first=4, rounds=3, until=32)
    assert spec.schedule == (4, 8, 16, 32)
    assert [spec.candidates(D) for D in (5, 8, 9, 32)] == [160, 160, 320, 640]
    assert not spec.limited(8) and SelectionSpec("farthest", pool=639).limited(32)
    order, _ = grown(X, SelectionSpec("easy", keep=0.1, first=4, rounds=3, until=32), 32,
                     lambda labelled, left: left + 1.0)  # fmt: skip
    assert 40 < order[4:8].max() < 80 and 160 < order[16:].max() < 320


def test_an_order_gives_no_more_than_it_has():
    with pytest.raises(ValueError, match="^5 labels cannot be taken from .* 4 candidates; take"):
        subset(np.arange(4), 5)
    assert pruned(np.array([3.0, 1.0, 2.0]), 2, which="hard").tolist() == [1, 2]
    assert pruned(np.array([3.0, 1.0, 2.0]), 2, which="easy").tolist() == [0, 2]


def test_random_points_are_those_of_before_and_selected_ones_have_a_run_of_their_own():
    plain = made({"kind": "field", "covariance": "laplace", "count": 1},
                 {"kind": "nearest"}, [8, 16, 32])  # fmt: skip
    both = made({"kind": "field", "covariance": "laplace", "count": 1}, {"kind": "nearest"},
                [8, 16, 32], selection=["random", "farthest"], pool=640)  # fmt: skip
    old = {run.fingerprint() for run in plain.runs()}
    new = {run.fingerprint() for run in both.runs()}
    assert old < new and len(new) == 6
    assert "selection" not in next(plain.runs()).canonical()
    looked = [run.coordinate("candidates") for run in both.runs()]
    assert looked == [None] * 3 + [640] * 3 and "candidates" in COORDINATES
    assert {dict(both.setting(run)[1:])["data.selection"] for run in both.runs()} == {
        "random", "farthest"}  # fmt: skip


def test_the_test_set_and_the_teacher_are_those_of_random_points(monkeypatch):
    monkeypatch.setattr(sets, "FIELD_TEST_POINTS", 100)
    both = made({"kind": "field", "covariance": "laplace", "count": 1}, {"kind": "nearest"},
                [8, 16, 32], selection=["random", "farthest"], pool=640)  # fmt: skip
    random, chosen = (sets.nested(t, 32, test=0, root=0) for t in both.tasks(1))
    np.testing.assert_array_equal(random.x_test, chosen.x_test)
    np.testing.assert_array_equal(random.y_test, chosen.y_test)
    few = sets.nested([*both.tasks(1)][1], 8, test=0, root=0)
    np.testing.assert_array_equal(few.x, chosen.x[:8])
    np.testing.assert_allclose(few.y, chosen.y[:8], rtol=1e-9)


def test_power_laws_of_one_dimension_are_steeper_where_errors_are_looked_at():
    found = made({"kind": "singular", "power": 0.6, "count": 3},
                 {"kind": "simplex", "inputs": "raw"}, [32, 64, 128],
                 selection=["random", "hard"], pool=8000, rounds=12, first=8)  # fmt: skip
    loss, results = losses(found)
    slope = -np.polyfit(np.log(found.sizes), np.log(loss).mean(2).T, 1)[0]
    assert slope[1] - slope[0] > 1 and (loss[1, -1] < loss[0, -1] / 50).all()
    again, _ = losses(made({"kind": "singular", "power": 0.6, "count": 1},
                           {"kind": "simplex", "inputs": "raw"}, [32, 64, 128], selection="hard",
                           pool=8000, rounds=12, first=8))  # fmt: skip
    np.testing.assert_array_equal(again[0], loss[1][:, :1])  # as a run that was killed does
    assert results[1][0].details["unscored"] == 0
    expected = [found.predicted(task, [*found.students()][0], "resolution")
                for task in found.tasks(1)]  # fmt: skip
    assert expected == pytest.approx([2.2, 4.0])


def test_a_boundary_loses_a_dimension_where_students_say_what_is_uncertain():
    found = made({"kind": "threshold", "count": 3}, {"kind": "nearest", "inputs": "raw"},
                 [64, 128, 256], d=2, selection=["random", "farthest", "uncertain"], pool=8000,
                 rounds=8, first=16)  # fmt: skip
    loss, _ = losses(found)
    slope = -np.polyfit(np.log(found.sizes), np.log(loss).mean(2).T, 1)[0]
    assert slope[0] == pytest.approx(0.5, abs=0.2) and slope[1] == pytest.approx(0.5, abs=0.2)
    assert slope[2] > slope[0] + 0.25 and (loss[2, -1] < loss[0, -1] / 2).all()
    expected = [found.predicted(task, [*found.students()][0], "resolution")
                for task in found.tasks(1)]  # fmt: skip
    assert expected == pytest.approx([0.5, 0.5, 1.0])


def test_a_perceptron_has_the_largest_margin():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 20))
    y = np.sign(x[:, :1])
    w = learn(x, y).w
    margin = np.min(y[:, 0] * (x @ w))
    assert margin > 0
    support = np.isclose(y[:, 0] * (x @ w), margin, rtol=1e-6)
    # w is a combination of the support vectors with positive weights: the optimum
    weights = np.linalg.lstsq((y * x)[support].T, w, rcond=None)[0]
    np.testing.assert_allclose((y * x)[support].T @ weights, w, atol=1e-6)
    assert (weights > 0).all()
    with pytest.raises(ValueError, match="^no plane through 0 separates"):
        learn(np.array([[1.0], [2.0]]), np.array([[1.0], [-1.0]]))


def test_pruned_perceptrons_have_the_error_of_theory():
    N, rng = 150, np.random.default_rng(0)
    for alpha, keep, which in ((1, 1.0, "hard"), (3, 0.5, "hard"), (1, 0.5, "easy")):
        errors = []
        for _ in range(12):
            x = rng.standard_normal((round(alpha * N / keep), N))
            rows = pruned(np.abs(x[:, 0]), alpha * N, which=which)
            student = learn(x[rows], np.sign(x[rows, :1]))
            errors.append(np.arccos(student.w[0]) / np.pi)
        exact = PerceptronPruning(alpha, keep, which).error
        assert np.mean(errors) == pytest.approx(exact, rel=0.08)


def ratios(N, draws, *, seed):
    """Errors over theory at 2 labels per weight, the fifth of the smallest margins kept, where
    single students of N weights are at the brink of learning."""
    rng, exact = np.random.default_rng(seed), PerceptronPruning(2, 0.2, "hard").error
    found = []
    for _ in range(draws):
        x = rng.standard_normal((2 * N, N))
        sign = np.sign(x[:, :1])
        x[:, 0] = sign[:, 0] * stats.norm.ppf(0.5 + 0.1 * rng.uniform(size=2 * N))
        found.append(np.arccos(learn(x, sign).w[0]) / np.pi / exact)
    return np.array(found)


def test_a_pruned_perceptron_of_few_weights_is_worse_than_theory_by_its_worst_draws():
    few = ratios(60, 1000, seed=0)
    assert 1.04 < few.mean() < 1.16 and np.median(few) < 1


@pytest.mark.long
def test_a_pruned_perceptron_of_480_weights_has_the_error_of_theory_at_the_brink_of_learning():
    found = ratios(480, 80, seed=1)
    assert found.mean() == pytest.approx(1, abs=0.08)


def test_a_teacher_keeps_its_smallest_margins_and_its_labels():
    found = made({"kind": "threshold", "widths": [], "bias": 0.0, "count": 1},
                 {"kind": "perceptron"}, [10, 20, 40], d=10, kind="gaussian",
                 selection=["random", "hard"], keep=0.5, by="teacher")  # fmt: skip
    random, hard = found.tasks(1)
    drawn = sets.nested(hard, 40, test=10, root=0)
    margin = sets.margins(hard, 80, root=0)
    assert len(drawn.x) == 80 and set(np.unique(drawn.y)) == {-1.0, 1.0}
    np.testing.assert_array_equal(drawn.x[:40], sets.nested(random, 40, test=10, root=0).x)
    w = np.linalg.lstsq(drawn.x, margin[:, None] * drawn.y, rcond=None)[0]
    np.testing.assert_allclose(np.abs(drawn.x @ w)[:, 0], margin, atol=1e-9)
    exact = PerceptronPruning(2, 0.5, "hard").error
    run = next(run for run in found.runs() if run.task == hard and run.size == 20)
    assert risk(run).mean == pytest.approx(4 * exact)


@pytest.mark.parametrize("nu, theory", [(0.5, 0.5), (1.5, 1.5)])
def test_p_greedy_points_change_the_constant_and_no_exponent(nu, theory):
    """Matérn fields on a sphere, exact mean risk: 2ν/d, and the ratio to random points is flat.

    In a square P-greedy points stand on its edges first, and √n − 1 to a side resolve it: α reads
    1 + 1/√n times as high.
    """
    k = covariance("matern", nu=nu, length=1.0)
    rng = np.random.default_rng(1)
    sizes = [40, 80, 160, 320]

    def sphere(n):
        x = rng.standard_normal((n, 3))
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    test, risks = sphere(1500), np.zeros((2, len(sizes)))
    for _ in range(3):
        pool = sphere(6400)
        greedy = p_greedy(pool, sizes[-1], k, k.diagonal(pool))
        for j, D in enumerate(sizes):
            for i, rows in enumerate((np.arange(D), greedy[:D])):
                risks[i, j] += expected_risk(pool[rows], test, teacher=k, student=k)
    slope = -np.polyfit(np.log(sizes), np.log(risks).T, 1)[0]
    assert slope[1] == pytest.approx(theory, abs=0.08)
    assert abs(slope[1] - slope[0]) <= 0.15
    assert (risks[1] < risks[0]).all()


WRONG = [
    ({"selection": "farthest"}, "pool: a selection chooses among candidates; give their number"),
    ({"selection": "farthest", "pool": 32}, "pool: 32 candidates leave no choice .* of 32; take"),
    ({"selection": "hard", "keep": 1.0, "rounds": 4}, "keep: 1 keeps everything"),
    ({"selection": "farthest", "keep": 0.1}, "keep: farthest points are an order of one pool"),
    ({"selection": "uncertain", "pool": 640}, "rounds: uncertain points .* say how often .* asked"),
    ({"selection": "hard", "pool": 640, "rounds": 2}, "rounds: 2 is too few"),
    ({"selection": "hard", "pool": 640, "rounds": 4, "first": 8}, "first: 8 random labels are all"),
    ({"selection": "farthest", "pool": 640, "rounds": 3}, "rounds: no student is asked"),
    ({"pool": 640}, "pool: nothing is selected at random"),
    ({"selection": "p-greedy", "pool": 640}, "p-greedy points are chosen by the kernel"),
    ({"selection": "hard", "keep": 0.1, "by": "teacher"}, "by: a singular target has no margin"),
    ({"selection": "uncertain", "keep": 0.1, "by": "teacher"}, "by: a teacher says what is"),
]  # fmt: skip


@pytest.mark.parametrize("data, sentence", WRONG)
def test_what_cannot_be_selected_is_one_sentence(data, sentence):
    with pytest.raises(StudyError, match=sentence) as error:
        made({"kind": "singular", "power": 0.6}, {"kind": "nearest"}, [8, 16, 32], **data)
    assert len(error.value.mistakes) == 1


def test_candidates_are_enough_or_the_pool_is_doubted():
    assert selection.ENOUGH == 20
    limited = made({"kind": "singular", "power": 0.6}, {"kind": "nearest"}, [8, 16, 32],
                   selection="farthest", pool=600)  # fmt: skip
    task = next(limited.tasks(1))
    assert [task.selection.limited(D) for D in (8, 16, 32)] == [False, False, True]
