"""Values of one table: different ones in a grid, finite numbers, nothing that looks like one."""

import pytest

from lab.config import study

STUDY = """
schema = 1
question = "Is it refused?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [2] }
teacher = { widths = [8, 8], count = 2 }
[student]
widths = [3, 4, 5]
"""
EXACT = """
schema = 1
question = "Is it refused?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = [2] }
[student]
kind = "kernel"
[data]
sizes = [64, 128, 256]
"""


@pytest.mark.parametrize("text, override, value", [
    (STUDY, "student.widths=[4, 4, 6, 8]", "4"),
    (STUDY, "student.widths=[[6, 8], [6, 8], [3, 3]]", "[6, 8]"),
    (STUDY, "student.activation=['relu', 'relu']", "'relu'"),
    (STUDY, "task.manifold.dim=[2, 2]", "2"),
    (STUDY, "task.teacher.widths=[[8, 8], [8, 8]]", "[8, 8]"),
    (STUDY, "task.teacher.bias=[0, 0.0]", "0.0"),
    (STUDY, "prediction.rivals=['2/d', '2/d']", "'2/d'"),
    (EXACT, "data.sizes=[64, 64, 128, 256]", "64"),
    (EXACT, "student.kernel=['laplace', 'laplace']", "'laplace'"),
    (EXACT, "student={kind='random-features', count=[16, 16]}", "16"),
])  # fmt: skip
def test_a_value_given_twice_is_refused(refused, text, override, value):
    (sentence,) = refused(text, override)
    key = "student.count" if "count" in override else override.partition("=")[0]
    assert f"{key}: {value} is given twice; a list has every value once" in sentence


@pytest.mark.parametrize("override", [
    "training.rate=inf", "training.rate=nan", "training.weight_decay=inf", "task.noise=inf",
    "task.teacher.gain=[1.0, inf]", "task.teacher.bias=inf", "student.weight=inf",
    "student.bias=inf", "prediction.exponent=inf", "evidence.budgets=inf",
    "training={schedule='step', stages=[{steps=1, batch=1, rate=inf}]}",
])  # fmt: skip
def test_a_number_that_is_not_finite_is_refused(refused, override):
    (sentence,) = refused(STUDY, override)
    assert "is not finite; give a finite number" in sentence


@pytest.mark.parametrize("override", [
    "schema=true", "seed=true", "task.manifold.dim=true", "task.manifold.dim='2'",
    "student.widths='4,6,8'", "student.widths=[4, true, 8]", "training.steps=true",
    "training.steps='200'", "training.steps=1.5", "task.noise=true", "prediction.exponent=true",
    "prediction.rivals=[true]", "training.rate='0.1'", "evidence.share=true",
    "task.teacher.normalise=1",
])  # fmt: skip
def test_what_only_looks_like_a_number_is_refused_once(refused, override):
    (sentence,) = refused(STUDY, override)
    assert "is of the wrong type: expected a valid" in sentence


def test_a_negative_width_is_one_mistake(refused):
    (sentence,) = refused(STUDY, "student.widths=[4, -6, 8]")
    assert "student.widths: -6 is out of range" in sentence


def test_whole_numbers_may_be_written_as_floats_and_floats_as_whole_numbers(tmp_path):
    (tmp_path / "s.toml").write_text(STUDY)
    plain, other = (
        study.read(tmp_path / "s.toml", changes)
        for changes in (
            ("training.steps=1000", "student.weight=2.0", "student.widths=[3, 4, 500]"),
            ("training.steps=1e3", "student.weight=2", "student.widths=[3.0, 4, 5e2]"),
        )
    )
    assert [p.run.fingerprint() for p in plain.plan] == [p.run.fingerprint() for p in other.plan]
