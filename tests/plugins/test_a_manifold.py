"""A manifold of one's own, a helix of d frequencies in 2d + 1 coordinates, in one class."""

from typing import ClassVar, Literal

import numpy as np
import pytest
from invocation import invoke

import lab
from lab.data import sets
from lab.data.manifolds import MANIFOLDS, Dimensional, Factor
from lab.grids import Positives
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
    """(t, cos 2πωt, sin 2πωt) for each of d parameters t, uniform on [0, 1], with ω `turns`."""

    kind: Literal["helix"] = "helix"
    turns: Positives = (1.0,)
    round: ClassVar[bool] = False

    @staticmethod
    def chart(d):
        return 3 * d

    @staticmethod
    def sample(d, n, *, turns, key):
        import jax
        import jax.numpy as jnp

        t = jax.random.uniform(key, (d, n))
        angle = 2 * jnp.pi * turns * t
        return jnp.concatenate([t, jnp.cos(angle), jnp.sin(angle)])


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

    tables = {
        "question": "Where?",
        "regime": "resolution-data",
        "task": {"manifold": {"kind": "helix", "dim": 2, "turns": [1, 3]}},
        "student": {"kind": "nearest"},
        "data": {"sizes": [32, 64, 128]},
    }
    plan = study.validate(tables).plan
    by_turns = {dict(one.run.task.shape)["turns"]: one.run for one in plan}
    assert sorted(by_turns) == [1, 3] and len({one.run.fingerprint() for one in plan}) == len(plan)
    wound = sets.nested(by_turns[3].task, 64, test=10, root=0).x
    assert np.allclose(wound[:, 2:4], np.cos(6 * np.pi * wound[:, :2]), atol=1e-5)
    run: Run = by_turns[1]
    x = sets.nested(run.task, 64, test=10, root=0).x
    assert x.shape == (64, 6) and run.task.D_amb == 6
    assert np.allclose(x[:, 2:4], np.cos(2 * np.pi * x[:, :2]), atol=1e-6)
    assert x[:, :2].min() >= 0 and pytest.approx(1, abs=1e-6) == np.hypot(x[0, 2], x[0, 4])


def test_a_factor_of_a_product_has_no_parameters(registered):
    registered(MANIFOLDS, Helix)
    with pytest.raises(ValueError, match="helix"):
        Factor(kind="helix", dim=1)
