"""Soft committees as students, and the matching of their units with the teacher's."""

import numpy as np
import pytest

from lab.data import sets
from lab.data.task import TaskSpec
from lab.models import Committee
from lab.spec import NO_TRAINING, Run
from lab.students import committee, units
from lab.students.committee import CommitteeStudent


def run(N=60, *, by="ode", K=2, M=2, seed=0, noise=0.0, **settings):
    task = TaskSpec((("gaussian", N),), "identity", None, (M,), "erf", 0.0, 1.0, 1, False, "mse",
                    2.0, noise, 0, "committee")  # fmt: skip
    (student,) = CommitteeStudent(units=K, by=by, seeds=5, **settings).specs()
    return Run(task, student, NO_TRAINING, None, seed, 3, "units")


def test_the_teacher_has_orthogonal_units_of_weight_one():
    source = sets.source(run(12, M=3).drawn, root=0)
    ((B, _), (A, _)), *_ = source.networks
    np.testing.assert_allclose(2 * B @ B.T, np.eye(3), atol=1e-5)
    np.testing.assert_array_equal(A, np.ones((1, 3)))
    assert source.mu.item() == 0 and source.scale.item() == 1


def test_both_kinds_begin_with_the_same_weights():
    w, B = committee.first_weights(run(by="ode"))
    v, C = committee.first_weights(run(by="sgd"))
    np.testing.assert_array_equal(w, v)
    np.testing.assert_array_equal(B, C)
    np.testing.assert_allclose(B @ B.T / 60, np.eye(2), atol=1e-5)
    assert not np.array_equal(w, committee.first_weights(run(seed=1))[0])


def test_sgd_follows_the_exact_path():
    """Losses before the plateau, where N = 400 differs little from N → ∞; 3 σ over seeds."""
    ratios = []
    for seed in range(8):
        one = run(400, by="sgd", seed=seed, time=20, start=0.5)
        w, B = committee.first_weights(one)
        times, _, lengths, errors = committee.simulated_path(one, w, B)
        exact = committee.exact_path(one, w, B)
        ratios.append((errors / np.interp(times, exact[0], exact[3]))[[60, 240]])
        np.testing.assert_allclose(lengths[-1], exact[2][-1], rtol=0.2)
    mean, error = np.mean(ratios, 0), np.std(ratios, 0, ddof=1) / np.sqrt(8)
    assert np.all(np.abs(mean - 1) < 3 * error + 0.01) and np.all(error < 0.05)


def test_a_run_tells_when_its_units_are_told_apart():
    found = committee._learned(run(100, seed=2, time=200))
    assert found.status == "done" and found.details["matched"] == 1
    path = units.UnitPath.of_details(found.details)
    assert path.escape == pytest.approx(found.details["escape"], abs=5)
    assert path.own[-1] > 0.99 > 0.7 > path.own[1] > path.other[1] > 0.4
    assert found.relative == pytest.approx(found.loss / (2 / 3)) and found.loss < 0.01
    short = committee._learned(run(100, seed=2, time=10))
    assert "escape" not in short.details and short.loss > 0.01


def test_units_that_vanish_are_not_matched():
    R = np.array([[[0.3, 0.3], [0.3, 0.3], [0.3, 0.3]], [[1e-15, 0], [0, 1.0], [0.9, 0.1]]])
    path, share = units.along(np.array([0.0, 1.0]), R, np.sqrt((R**2).sum(2)))
    assert share == 1 and path.own[-1] > 0.99 and path.other[-1] < 0.1
    assert path.escape == pytest.approx(0.5 / (path.own[1] - path.other[1]))


def test_a_step_that_is_too_large_is_a_diverged_run():
    assert committee._learned(run(50, by="sgd", rate=2000.0, time=5)).status == "diverged"


@pytest.mark.parametrize("K, M", [(2, 2), (3, 2), (3, 3), (4, 2)])
def test_differences_of_units_grow_at_the_rate_that_is_told(K, M):
    """Along the exact path, from units that settled alike, and then differ by 1e-5."""
    model, rate = Committee(K, M), 0.7
    start = model.plateau()
    settled = model.trajectory(start.Q + 0.02 * np.eye(K), start.R, rate, 0.0, [500])
    R = settled.R[0].copy()
    R[:2, :2] += 1e-5 * np.array([[1, -1], [-1, 1]])
    path = model.trajectory(settled.Q[0], R, rate, 0.0, [20, 60])
    gap = path.R[:, 0, 0] - path.R[:, 0, 1]
    assert np.log(gap[1] / gap[0]) / 40 == pytest.approx(model.escape(rate), rel=0.01)


def test_there_is_no_plateau_of_one_unit():
    with pytest.raises(ValueError, match="no units to tell apart; take 2 each$"):
        Committee(1, 2).escape(0.5)
