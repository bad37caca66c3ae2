"""The table of resolution exponents against the published ladder, its limits and its formulas."""

import math

import pytest

from lab.theory import PredictionError, kernel, parse, resolution

PIECES = ("constant", "linear", "shallow", "deep")


@pytest.mark.parametrize("d", [1, 2, 3, 8])
@pytest.mark.parametrize("s", [0.5, 1.0, 1.5, 2.0, 2.5, math.inf])
@pytest.mark.parametrize("pieces", PIECES)
def test_the_formula_is_the_value(pieces, s, d):
    found = resolution(pieces, d=d, s=s)
    assert parse(found.formula).value({"d": d, "s": s}) == pytest.approx(found.value)


@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_smooth_targets_have_the_published_ladder(d):
    found = [resolution(p, d=d, s=math.inf).value for p in PIECES]
    assert found == pytest.approx([2 / d, 4 / d, 1 + 3 / d, 4 / d])


@pytest.mark.parametrize("d", [2, 3, 4])
def test_wide_relu_teachers_have_three_over_d_but_for_the_nearest_neighbour(d):
    for pieces in ("linear", "shallow", "deep"):
        assert resolution(pieces, d=d, s=1.5).value == pytest.approx(3 / d)
        # a field of that smoothness, learned by a kernel that is rough enough, has the same
        assert resolution(pieces, d=d, s=1.5).value == pytest.approx(kernel(d, 3.0, 1.0))
    assert resolution("constant", d=d, s=1.5).value == pytest.approx(2 / d)


def test_no_student_gains_from_a_rougher_target():
    for pieces in PIECES:
        values = [resolution(pieces, d=3, s=s).value for s in (0.5, 1, 1.5, 2, 3, math.inf)]
        assert values == sorted(values)


def test_one_sign_is_a_theorem_and_deep_students_are_inferred():
    assert resolution("shallow", d=2, s=1.5, one_sign=True).value == 2.5
    assert resolution("shallow", d=2, s=1.5, one_sign=True).evidence == "theorem"
    assert resolution("deep", d=2, s=1.5).evidence == "inferred"


@pytest.mark.parametrize(
    "pieces, asked, words",
    [
        ("linear", {"d": 0, "s": 1.5}, "d > 0"),
        ("linear", {"d": 2, "s": 0.0}, "at least 1/2"),
        ("deep", {"d": 2, "s": 1.5, "one_sign": True}, r"\(1 \+ 3/d\)/2"),
    ],
)
def test_other_pairs_are_refused_in_a_sentence(pieces, asked, words):
    with pytest.raises(PredictionError, match=words):
        resolution(pieces, **asked)
