"""Regimes over coordinates of observations: which of them count, and what their x is."""

import math
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pytest
from simulated import row

from lab.config import study
from lab.execution.store import Store
from lab.findings.answering import answers
from lab.regimes.axes import Axis
from lab.regimes.descending import Descending
from lab.regimes.regime import REGIMES
from lab.students.solvers import Observation

ALPHA = 0.4
TABLES = {
    "question": "How does the loss fall with compute?", "regime": "curves",
    "task": {"manifold": {"kind": "cube", "dim": 2}, "teacher": {"widths": [8], "count": 3}},
    "student": {"widths": 6, "seeds": 1}, "evidence": {"share": 0.0},
    "training": {"steps": 1000, "batch": 16, "schedule": "constant", "checkpoints": "log:12"},
    "prediction": {"exponent": ALPHA, "sense": "equal"},
}  # fmt: skip


class Curves(Descending):
    """Loss of the training set along the training, against operations."""

    regime: Literal["curves"] = "curves"
    axis: ClassVar[Axis] = Axis("C", "operations C", "C")
    counts: ClassVar[tuple[str, str]] = ("train", "all")


@pytest.fixture
def curves(registered, tmp_path):
    registered(REGIMES, Curves)
    return study.validate(TABLES)


def seen(run, split="train"):
    """Losses C^-alpha at every checkpoint, in units of a constant student's 2."""
    k = 1 + 0.1 * run.task.teacher
    return tuple(
        Observation(step, split, 2 * k * run.coordinate("C", step) ** -ALPHA)
        for step in (*run.training.checkpoints,)
    )


def stored(found, path, change=lambda row: row):
    with Store.write(path) as store:
        for planned in found.plan:
            one = replace(row(planned.run, 0.1), loss=0.2, best_step=1000)
            store.add([change(replace(one, observations=seen(planned.run)))])


def test_every_observation_of_a_run_is_a_point_of_its_scan(curves, tmp_path):
    stored(curves, tmp_path / "s")
    with Store.read(tmp_path / "s") as store:
        (point,) = answers(curves, store)[0].points
    assert point.exponent.alpha == pytest.approx(ALPHA, abs=1e-6)


@pytest.mark.parametrize(
    "counts, many", [(("train", "all"), 12), (("train", "last"), 1), (("test", "best"), 1),
                     (("validation", "all"), 0), (("test", "all"), 1)],
)  # fmt: skip
def test_which_observations_count(curves, monkeypatch, counts, many):
    monkeypatch.setattr(Curves, "counts", counts)
    run = curves.plan[0].run
    done = [(run, replace(row(run, 0.1), loss=0.2, best_step=1000, observations=seen(run)))]
    values = curves.losses(done)
    assert values.x.size == many
    if many == 12:
        steps = np.array(run.training.checkpoints)
        assert values.x == pytest.approx(run.coordinates["C"] * steps / 1000)
        assert values.value == pytest.approx(values.x**-ALPHA)
    if counts[0] == "test":  # the one that a row is, whatever the store keeps
        assert values.value.tolist() == [0.1]


def test_a_loss_that_is_no_number_is_a_doubt(curves):
    run = curves.plan[0].run
    lost = (*seen(run)[:-1], Observation(1000, "train", math.nan))
    done = [(run, replace(row(run, 0.1), loss=0.2, best_step=1000, observations=lost))]
    values = curves.losses(done)
    assert values.x.size == 11 and "diverged" in values.doubts
