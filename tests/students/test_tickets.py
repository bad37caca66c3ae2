"""Tickets: which units are kept, the weights they begin with, and that nobody else matters."""

import numpy as np
import pytest

from lab.data.task import Task
from lab.kinds.student import STUDENTS
from lab.spec import Group
from lab.students import solvers, tickets, training
from lab.students.mlp import Mlp
from lab.tables.training import Training

TASK = Task.model_validate(
    {"manifold": {"kind": "cube", "dim": 2}, "teacher": {"widths": [5], "bias": 0.5, "count": 2}}
)
RECIPE = Training(preset="adam", steps=30, batch=16).resolved()


def group(rules, widths, seeds=(0, 1)):
    kind = STUDENTS["ticket"](kind="ticket", of=8, widths=widths, rule=rules, seeds=2)
    shapes = tuple((student, None, seeds) for student in kind.specs())
    return Group(tuple(TASK.specs(2)), shapes, RECIPE, 0)


def first_weights(of, monkeypatch):
    """First parameters by student kind and width."""
    seen = []
    init = training.Cohort.__init__

    def recorded(self, *args):
        init(self, *args)
        seen.append({name: np.array(value) for name, value in self.parameters.items()})

    with monkeypatch.context() as patch:
        patch.setattr(training.Cohort, "__init__", recorded)
        tickets.train(of, tick=lambda _: None)
    return seen


def test_units_begin_with_the_weights_that_they_had(monkeypatch):
    full, small, large = first_weights(group(("random",), (3, 5)), monkeypatch)
    for t, s in np.ndindex(2, 2):
        rows = [next(i for i in range(8) if np.array_equal(full["W0"][t, s, i], w))
                for w in large["W0"][t, s]]  # fmt: skip
        assert len(set(rows)) == 5
        np.testing.assert_array_equal(full["b0"][t, s, rows], large["b0"][t, s])
        np.testing.assert_array_equal(full["W1"][t, s][:, rows], large["W1"][t, s])
        np.testing.assert_array_equal(full["b1"][t, s], large["b1"][t, s])
        np.testing.assert_array_equal(large["W0"][t, s, :3], small["W0"][t, s])
    assert not np.array_equal(large["W0"][0, 0], large["W0"][0, 1])


def test_all_units_again_are_the_full_network():
    """A ticket of every unit repeats the training it came from, but for the order of its units."""
    found = solvers.solve(group(("magnitude",), (8,)), tick=lambda _: None)
    (spec,) = Mlp(kind="mlp", widths=8, depth=1, seeds=2).specs()
    plain = training.train(Group(tuple(TASK.specs(2)), ((spec, None, (0, 1)),), RECIPE, 0))
    np.testing.assert_allclose([r.loss for r in found], [r.loss for r in plain], rtol=1e-4)
    dense = solvers.solve(group(("dense",), (8,)), tick=lambda _: None)
    assert [r.loss for r in dense] == [r.loss for r in plain]


def test_a_run_does_not_know_its_company():
    together = solvers.solve(group(("magnitude", "match", "random", "dense"), (3, 5)), tick=len_)
    alone = solvers.solve(group(("match",), (5,)), tick=len_)
    by = {(r.run.student, r.run.task, r.run.seed): r.loss for r in together}
    for one in alone:
        known = by[one.run.student, one.run.task, one.run.seed]
        assert one.loss == pytest.approx(known, rel=1e-4)
    assert len({round(loss, 7) for loss in by.values()}) > 24


def len_(steps):
    """A tick that wants no more steps than the group has."""
    assert 0 <= steps <= 30 * 2 * 2


def test_magnitude_is_the_product_of_both_layers():
    trained = {"W0": np.array([[3.0, 0], [1, 0], [2, 0]]), "b0": np.array([[4.0], [0], [0]]),
               "W1": np.array([[0.1, 9, 2]])}  # fmt: skip
    assert tickets.by_magnitude(trained).tolist() == [1, 2, 0]


def test_a_match_is_one_to_one_and_the_rest_comes_after():
    teacher = np.array([[1.0, 0, 0], [0, 1, 0]])
    trained = {"W0": np.array([[0.0, 2], [1, 0.1], [-1, 0.0], [0.5, 0.5]]), "b0": np.zeros((4, 1))}
    assert tickets.by_match(trained, teacher, odd=True)[:2].tolist() == [0, 2]
    assert tickets.by_match(trained, teacher, odd=False).tolist() == [0, 1, 3, 2]
