"""An exact student of one's own, the mean of all targets within a radius, in one class."""

import json
from typing import ClassVar, Literal

import numpy as np
import pytest
from invocation import invoke

from lab.grids import Positives
from lab.kinds.student import STUDENTS
from lab.students.exact import Exact

STUDY = """
question = "How fast does a mean over a ball learn?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = [1, 2] }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "parzen"
radius = 0.1
[data]
sizes = [32, 64, 128]
[prediction]
exponent = 1
"""


class Parzen(Exact):
    """The mean of the targets of all training points within `radius`, or of all if none is."""

    kind: Literal["parzen"] = "parzen"
    radius: Positives = (0.2,)

    parametric: ClassVar[bool] = False

    def limit_loss_is_zero(self, task, *, sized):
        return False

    @classmethod
    def learn(cls, settings, x, y, *, rng):
        def predict(points):
            near = np.linalg.norm(points[:, None] - x, axis=2) < settings["radius"]
            near = np.where(near.any(1, keepdims=True), near, True)
            return near @ y / near.sum(1, keepdims=True)

        return predict

    @classmethod
    def flops(cls, spec, *, D, D_amb, test):
        return 2.0 * D * D_amb * test


def test_a_student_of_ones_own_goes_through_every_verb(tmp_path, monkeypatch, registered):
    registered(STUDENTS, Parzen)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lab.students.exact.TEST_POINTS", 500)
    (tmp_path / "s.toml").write_text(STUDY)
    assert "fine. 12 runs" in invoke("check", "s.toml").stdout
    assert "12 planned, 0 stored" in invoke("plan", "s.toml").stdout
    assert invoke("run", "s.toml").exit_code == 0
    found = json.loads(invoke("fit", "s.toml", "--json").stdout)
    assert [p["runs"] for p in found["points"]] == [6, 6]
    assert found["points"][0]["alpha"] > 0
    assert "radius=0.1" in invoke("export", "s.toml", "out.csv").stdout or (
        "radius=0.1" in (tmp_path / "out.csv").read_text()
    )


@pytest.mark.parametrize("override, words", [("student.radius=0", "out of range"),
                                             ("student.raduis=1", "did you mean 'radius'"),
                                             ("student.ridge=1", "belongs to kind")])  # fmt: skip
def test_its_mistakes_are_sentences(refused, registered, override, words):
    registered(STUDENTS, Parzen)
    assert any(words in sentence for sentence in refused(STUDY, override))
