"""Contrasts: what teachers have in common cancels, what a setting changes stays."""

import numpy as np
import pytest
from simulated import rows

from lab.execution.store import Store
from lab.findings.answering import answer

CHANGE = -0.1


@pytest.fixture
def answered(make_study, tmp_path):
    def made(*, hole=False):
        study = make_study(
            student={"widths": [4, 6, 8, 12, 17, 24]},
            task={"manifold": {"dim": [2, 3]},
                  "teacher": {"count": 5, "bias": [0.0, 0.5], "activation": ["relu", "tanh"]}},
        )  # fmt: skip

        def law(run, x):
            task = run.task
            alpha = 1.5 + 0.3 * np.sin(9.0 * task.teacher) + CHANGE * (task.teacher_bias > 0)
            return x**-alpha

        gone = (lambda run: run.task.teacher == 1 and run.task.teacher_bias > 0) if hole else (
            lambda run: False)  # fmt: skip
        with Store.write(tmp_path / "s") as store:
            store.add(rows(study, law, noise=0.01, diverge=gone))
            return answer(study, store)

    return made


def test_the_change_is_found_where_the_teachers_scatter_more_than_it(answered):
    found = answered()
    pairs = found.found("contrasts")
    assert {(c.name, c.dim) for c in pairs} == {
        (name, d) for name in ("teacher.bias", "teacher.activation") for d in (2, 3)
    }
    assert len(pairs) == 8
    for c in pairs:
        true = CHANGE if c.name == "teacher.bias" else 0.0
        lo, hi = c.interval
        assert lo - 0.02 < true < hi + 0.02 and hi - lo < 0.15
        assert c.change == pytest.approx(true, abs=0.05)
    one = found.points[0].exponent.interval
    assert one[1] - one[0] > 0.4  # the interval of a single setting could not have told
    entry = pairs[0].plain()
    assert entry["fixed"] and entry["teachers"] == 5


def test_teachers_without_an_exponent_make_no_pairs(answered):
    names = {c.name for c in answered(hole=True).found("contrasts")}
    assert "teacher.bias" not in names and "teacher.activation" in names
