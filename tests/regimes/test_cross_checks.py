"""What tables get wrong together: one N twice in a scan, predictions that are no exponents."""

import pytest

from lab.config import study

WIDTHS = """
schema = 1
question = "Is it refused?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [1, 2] }
[student]
widths = [[6, 8], [8, 6], [10, 12], [12, 14]]
[training]
steps = 100
"""
MAP = ("regime='phase-map'", "data.sizes=[128, 256, 512]")


@pytest.mark.parametrize("overrides", [(), MAP])
def test_two_shapes_of_one_size_are_refused_where_it_is_one(refused, overrides):
    (sentence,) = refused(WIDTHS, *overrides)
    assert "student.widths: [6, 8] and [8, 6] both have N = 77 at d = 1" in sentence
    assert "leave one out" in sentence
    assert study.read("s.toml", ("task.manifold.dim=2", *overrides)).plan


def test_two_shapes_of_one_size_may_learn_from_data_side_by_side(tmp_path):
    (tmp_path / "s.toml").write_text(WIDTHS)
    found = study.read(
        tmp_path / "s.toml", ("regime='resolution-data'", "data.sizes=[128, 256, 512]")
    )
    scans = {found.setting(p.run) for p in found.plan if p.role == "scan"}
    assert len(scans) == 2 * 4


@pytest.mark.parametrize("overrides", [
    ("student.widths=[6, [6, 6], 7, 8]",), ("student.widths=[6, [6, 6], 7, 8]", *MAP),
    ("regime='resolution-data'", "data.sizes=[128, 256, 512]", "student.widths=[6, [6, 6]]"),
])  # fmt: skip
def test_one_network_in_two_spellings_is_refused(refused, overrides):
    (sentence,) = refused(WIDTHS, *overrides)
    assert "student.widths: [6, 6] is given twice; leave one out" in sentence


@pytest.mark.parametrize("formula, words", [
    ("0", "'0' is 0 at d = 1"), ("'-4/d'", "'-4/d' is -4 at d = 1"),
    ("'1/(d-1.5)'", "is -2 at d = 1"), ("'1/(1.5-d)'", "is -2 at d = 2"),
    ("1e-400", "'0' is 0 at d = 1"), ("'1e-400'", "'1e-400' is 0 at d = 1"),
    ("'1/max(0,2-d)'", "no finite value at d = 2"), ("'d^9999'", "no finite value at d = 2"),
])  # fmt: skip
@pytest.mark.parametrize("key", ["exponent", "rivals"])
def test_a_prediction_that_is_no_exponent_anywhere_is_refused(refused, key, formula, words):
    (sentence,) = refused(WIDTHS, "student.widths=[3, 4, 5]", f"prediction.{key}={formula}")
    assert f"prediction.{key}: " in sentence and words in sentence
    assert "predict another formula or leave this point out" in sentence


def test_a_ridge_has_no_limit_over_draws_from_a_population(refused):
    draws = ("regime='variance-data'", "data.draws=4", "data.sizes=[64, 128, 256]")
    student = "student={kind='random-features', count=8, ridge=[0.0, 0.1]}"
    text = WIDTHS[: WIDTHS.index("[training]")]
    (sentence,) = refused(text, *draws, student, "prediction.exponent=1")
    assert "student.ridge: a ridge is not divided by D" in sentence and "take ridge = 0" in sentence
