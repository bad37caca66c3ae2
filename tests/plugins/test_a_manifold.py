"""A manifold of one's own, a helix of d frequencies in 2d + 1 coordinates, in one class."""

from typing import ClassVar, Literal

import numpy as np
import pytest
from invocation import invoke

import lab
from lab.data import sets
from lab.data.manifolds import MANIFOLDS, Dimensional
from lab.spec import Run

STUDY = """
question = "Is a curve one-dimensional to a neighbour?"
regime = "resolution-data"
[task]
manifold = { kind = "helix", dim = 1 }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "nearest"
[data]
sizes = [32, 64, 128]
[prediction]
exponent = "2/d"
"""


class Helix(Dimensional):
    """(t, cos 2πt, sin 2πt) for each of d parameters t, the t uniform on [0, 1]."""

    kind: Literal["helix"] = "helix"
    round: ClassVar[bool] = False

    @staticmethod
    def chart(d):
        return 3 * d

    @staticmethod
    def sample(d, n, *, key):
        import jax
        import jax.numpy as jnp

        t = jax.random.uniform(key, (d, n))
        return jnp.concatenate([t, jnp.cos(2 * jnp.pi * t), jnp.sin(2 * jnp.pi * t)])


def test_a_manifold_of_ones_own_goes_through_every_verb(tmp_path, monkeypatch, registered):
    registered(MANIFOLDS, Helix)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lab.students.exact.TEST_POINTS", 500)
    (tmp_path / "s.toml").write_text(STUDY)
    assert "fine. 6 runs" in invoke("check", "s.toml").stdout
    assert invoke("run", "s.toml").exit_code == 0
    columns = lab.load("s.toml")
    assert set(columns["manifold"]) == {"helix1"} and set(columns["D_amb"]) == {3}
    assert np.all(columns["relative_loss"] < 1)
    assert invoke("report", "s.toml").exit_code == 0


def test_its_points_lie_on_it_and_its_teacher_sees_the_whole_chart(registered):
    registered(MANIFOLDS, Helix)
    from lab.config import study

    run: Run = (
        study.validate(
            {
                "question": "Where?",
                "regime": "resolution-data",
                "task": {"manifold": {"kind": "helix", "dim": 2}},
                "student": {"kind": "nearest"},
                "data": {"sizes": [32, 64, 128]},
            }
        )
        .plan[0]
        .run
    )
    x = sets.nested(run.task, 64, test=10, root=0).x
    assert x.shape == (64, 6) and run.task.D_amb == 6
    assert np.allclose(x[:, 2:4], np.cos(2 * np.pi * x[:, :2]), atol=1e-6)
    assert x[:, :2].min() >= 0 and pytest.approx(1, abs=1e-6) == np.hypot(x[0, 2], x[0, 4])
