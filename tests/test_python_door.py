"""`lab.exponent`: the contract of the one call that takes anybody's losses."""

import doctest

import numpy as np
import pytest

import lab
from lab.scaling.judge.verdict import Doubt

X = np.geomspace(100, 5000, 8)


def columns(shape=0.0, *, teachers=4, x=X, noise=0.03, floor=0.0, repeats=1, seed=0, without=()):
    """x, loss, teacher of a law with exponent 1; without: (teacher, point) of missing cells."""
    rng = np.random.default_rng(seed)
    beta = np.exp(rng.normal(0, 0.3, (teachers, 1, 1)))
    size = (teachers, x.size, repeats)
    loss = (100 * beta / x[:, None] + floor) * np.exp(rng.normal(0, noise, size))
    loss = loss * np.exp(np.broadcast_to(shape, x.shape))[:, None]
    keep = np.ones(size, bool)
    for k, i in without:
        keep[k, i] = False
    k, i, _ = np.nonzero(keep)
    return x[i], loss[keep], np.array(list("abcdefghijkl"))[k]


def test_the_answer_has_what_is_promised():
    found = lab.exponent(*columns(repeats=2), prediction=1.0)
    lo, hi = found.interval
    assert type(lo) is float and type(hi) is float and lo < found.alpha < hi
    assert lo < 1 < hi and found.status == "converged"
    assert isinstance(found.doubts, tuple) and all(isinstance(d, str) for d in found.doubts)
    assert (found.verdict, found.relation) == ("agrees", "equals")
    assert (found.teachers, found.n) == (4, 4 * X.size)  # repetitions are one cell
    assert len(found.local) == X.size - 1
    for (x, alpha, low, high), left, right in zip(found.local, X[:-1], X[1:], strict=True):
        assert left < x < right and low < alpha < high
    error, (low, high) = found.forecast
    assert low < error < high


def test_lists_do_as_well_as_arrays_in_any_order():
    x, loss, teacher = columns()
    found = lab.exponent(x, loss, teacher)
    order = np.random.default_rng(1).permutation(x.size)
    again = lab.exponent(*(v[order].tolist() for v in (x, loss, teacher)))
    assert again.interval == pytest.approx(found.interval)
    assert np.array(again.local) == pytest.approx(np.array(found.local))


def test_repetitions_enter_by_their_geometric_mean():
    x, loss, teacher = columns(repeats=3, noise=0.3)
    mean = np.exp(np.log(loss).reshape(-1, 3).mean(1))
    assert lab.exponent(x, loss, teacher).interval == pytest.approx(
        lab.exponent(x[::3], mean, teacher[::3]).interval
    )


def test_without_a_prediction_nothing_is_judged():
    found = lab.exponent(*columns())
    assert found.verdict is None and found.relation is None and found.advice == ""


@pytest.mark.parametrize(
    "prediction, sense, verdict, relation",
    [
        (1.0, "equal", "agrees", "equals"),
        (0.5, "equal", "contradicts", "above"),
        (0.5, "bound", "agrees", "above"),
        (2.0, "bound", "contradicts", "below"),
        (2.0, "equal", "contradicts", "below"),
        (1.18, "bound", "undecided", "open"),
    ],
)
def test_bounds_and_equalities(prediction, sense, verdict, relation):
    found = lab.exponent(*columns(teachers=6), prediction=prediction, sense=sense)
    assert (found.verdict, found.relation) == (verdict, relation)
    assert (found.advice != "") == (verdict == "undecided")


def test_a_wider_tolerance_decides_what_a_narrow_one_leaves_open():
    given = columns(noise=0.1, seed=2)
    assert lab.exponent(*given, prediction=1.0, tolerance=0.01).verdict == "undecided"
    assert lab.exponent(*given, prediction=1.0, tolerance=0.4).verdict == "agrees"


def test_a_floor_is_fitted_where_it_is_known_and_told_where_it_is_not():
    given = columns(floor=0.1, noise=0.01, teachers=6)
    known = lab.exponent(*given, floor=True, prediction=1.0)
    assert known.interval[0] < 1 < known.interval[1] and abs(known.alpha - 1) < 0.05
    assert known.parameters["floor"] == pytest.approx(0.1, rel=0.05)
    blind = lab.exponent(*given, prediction=1.0)
    assert blind.alpha < 0.8 and Doubt.BENT in blind.doubts and blind.verdict == "undecided"
    assert not blind.one_number


@pytest.mark.parametrize("without", [(), ((0, 3),), ((1, 0),), ((2, 7),), ((0, 2), (3, 5))])
@pytest.mark.parametrize("prediction", [1.0, 3.0])
def test_a_zigzag_decides_nothing_with_and_without_a_missing_cell(without, prediction):
    zigzag = 0.4 * (-1.0) ** np.arange(X.size)
    found = lab.exponent(*columns(zigzag, without=without), prediction=prediction)
    assert Doubt.COMMON_NOISE in found.doubts and found.verdict == "undecided"


def test_what_shows_too_little_is_undecided():
    x, loss, teacher = columns()
    alone = lab.exponent(x, loss, prediction=3.0)
    assert alone.verdict == "undecided" and Doubt.ONE_TEACHER in alone.doubts
    short = lab.exponent(*columns(x=np.geomspace(100, 900, 8)), prediction=3.0)
    assert short.verdict == "undecided" and Doubt.FEW_DECADES in short.doubts
    four = lab.exponent(*columns(x=np.geomspace(100, 5000, 4)), prediction=3.0)
    assert four.verdict == "undecided" and Doubt.FEW_SIZES in four.doubts
    two = lab.exponent(*columns(x=X[[0, -1]]), prediction=3.0)
    assert (two.status, two.verdict, two.relation) == ("too-few-points", "undecided", "open")
    assert np.isnan(two.alpha) and "at least three x" in two.advice


def test_a_decade_to_the_last_digit_is_a_decade():
    found = lab.exponent(*columns(x=np.geomspace(0.1, 1.0, 8)))
    assert Doubt.FEW_DECADES not in found.doubts


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(loss=[1.0]), "equally long"),
        (dict(teacher=["a"]), "equally long"),
        (dict(x=[], loss=[], teacher=[]), "at least one row"),
        (dict(loss=[1.0, -1.0, 1.0]), "row 1: loss is -1"),
        (dict(loss=[1.0, np.nan, 1.0]), "row 1: loss is nan"),
        (dict(x=[1.0, 2.0, np.inf]), "row 2: x is inf"),
        (dict(x=[0.0, 2.0, 3.0]), "row 0: x is 0"),
        (dict(prediction=0.0), "positive number"),
        (dict(prediction=np.nan), "positive number"),
        (dict(prediction=1.0, sense="about"), "'bound' or 'equal'"),
        (dict(prediction=1.0, tolerance=0.0), "must be positive"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(change, message):
    given = dict(x=[1.0, 2.0, 3.0], loss=[3.0, 2.0, 1.0], teacher=["a", "a", "a"]) | change
    with pytest.raises(ValueError, match=message) as refusal:
        lab.exponent(**given)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")


def test_the_example_is_true(two_laws):
    results = doctest.testmod(lab)
    assert results.attempted >= 10 and results.failed == 0
