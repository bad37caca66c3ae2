"""The correction: what the table says, intervals that hold the truth, doubts where they do not."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lab.dimension.calibration import FAR, MANIFOLDS, _inverse, calibration, corrected, resemblance
from lab.dimension.estimate import DimensionDoubt, estimated
from lab.dimension.estimators import NEIGHBOURS, STATISTICS
from lab.dimension.measurement import measure
from lab.dimension.neighbours import PointsError, neighbours

TABLE = calibration()


def test_the_table_knows_every_statistic_and_manifold():
    assert set(TABLE.bias) == set(STATISTICS) and set(TABLE.manifolds) == set(MANIFOLDS)
    assert TABLE.d[0] == 1 and TABLE.d[-1] >= 20 and TABLE.n[0] <= 500 and TABLE.n[-1] >= 20_000
    for bias in TABLE.bias.values():
        assert bias.shape == (len(MANIFOLDS), TABLE.d.size, TABLE.n.size)
        assert np.isfinite(bias).all()


def test_the_table_holds_what_its_manifolds_give():
    rng = np.random.default_rng(1)
    for name in ("cube", "sphere"):
        found = [
            math.log(STATISTICS["mle-inverse@10"](neighbours(MANIFOLDS[name](8, 500, rng), 10))
                     .dimension / 8)
            for _ in range(6)
        ]  # fmt: skip
        there = TABLE.bias["mle-inverse@10"][
            TABLE.manifolds.index(name), list(TABLE.d).index(8), list(TABLE.n).index(500)
        ]
        assert np.mean(found) == pytest.approx(there, abs=0.025)


@pytest.mark.parametrize("name", ["cube", "ball", "sphere", "gaussian"])
def test_estimates_read_lower_where_d_is_high_and_n_small(name):
    bias = TABLE.bias["two-nn-mle"][TABLE.manifolds.index(name)]
    assert bias[-1, 0] < bias[-1, -1] < bias[0, -1] + 0.05
    assert bias[-1].max() < -0.1 and abs(bias[0]).max() < 0.05


def test_curves_go_through_the_table_and_between_it():
    at = [TABLE.curves("two-nn-mle", int(n)) for n in TABLE.n[:2]]
    expected = np.log(TABLE.d) + TABLE.bias["two-nn-mle"][..., 0]
    assert at[0] == pytest.approx(np.maximum.accumulate(expected, axis=1))
    middle = TABLE.curves("two-nn-mle", round(math.sqrt(TABLE.n[0] * TABLE.n[1])))
    assert middle == pytest.approx((at[0] + at[1]) / 2, abs=0.01)
    last = int(TABLE.n[-1])
    assert (TABLE.curves("pca", 10 * last) == TABLE.curves("pca", last)).all()


def test_the_inverse_undoes_a_curve_and_goes_on_beyond_it():
    log_d, curve = np.log(TABLE.d), TABLE.curves("two-nn-mle", 1000)[0]
    for value in np.linspace(curve[0], curve[-1], 9):
        assert np.interp(_inverse(value, curve, log_d), log_d, curve) == pytest.approx(value)
    assert _inverse(curve[0] - 0.5, curve, log_d) == pytest.approx(log_d[0] - 0.5)
    assert _inverse(curve[-1] + 0.5, curve, log_d) > log_d[-1] + 0.5


@pytest.mark.parametrize("name", MANIFOLDS)
def test_corrected_intervals_hold_the_dimension(name):
    held = []
    for d in (1, 3, 9, 18):
        points = MANIFOLDS[name](d, 600, np.random.default_rng([7, d]))
        for e in measure(points).estimates:
            low, high = e.corrected_interval
            assert low <= e.corrected <= high
            held.append(low <= d <= high)
    assert np.mean(held) >= 0.9


def test_a_manifold_that_the_correction_does_not_know():
    held = []
    for d in (2, 6, 14):
        points = np.random.default_rng(d).beta(2, 2, (600, d))
        held += [
            e.corrected_interval[0] <= d <= e.corrected_interval[1]
            for e in measure(points).estimates
        ]
    assert np.mean(held) >= 0.9
    assert TABLE.without("cube").manifolds == tuple(m for m in TABLE.manifolds if m != "cube")


def test_the_correction_moves_an_estimate_the_right_way():
    found = measure(MANIFOLDS["cube"](12, 1000, np.random.default_rng(0)))
    for e in found.estimates:
        if e.method not in ("pca", "mle"):
            assert e.dimension < 11 and abs(e.corrected - 12) < abs(e.dimension - 12)


def test_noise_off_the_manifold_is_doubted():
    rng = np.random.default_rng(0)
    clean = np.c_[rng.random((1000, 2)), np.zeros((1000, 18))]
    noisy = clean + 0.01 * rng.standard_normal(clean.shape)
    found, other = measure(noisy), measure(clean[:, :2])
    assert found.unlike > FAR > other.unlike
    assert all(DimensionDoubt.UNLIKE in e.doubts for e in found.estimates)
    assert any("unlike-references" in sentence for sentence in found.warnings)
    assert not any("unlike-references" in sentence for sentence in other.warnings)


def test_what_the_table_does_not_reach_is_doubted():
    profile = {"two-nn-mle": estimated("two-nn-mle", 40.0, 0.1, 1000, 1.0)}
    distance = resemblance(profile, 1000, TABLE)
    high = corrected(profile["two-nn-mle"], "two-nn-mle", distance, TABLE)
    assert DimensionDoubt.OUTSIDE_D in high.doubts and high.corrected is None
    near = corrected(replace(high, dimension=30.0, se=9.0), "two-nn-mle", distance, TABLE)
    assert near.corrected > 24 > near.corrected_interval[0] and near.corrected_interval[1] == np.inf
    few = corrected(estimated("two-nn-mle", 2.0, 0.1, 100, 1.0), "two-nn-mle", distance, TABLE)
    assert DimensionDoubt.OUTSIDE_N in few.doubts and few.corrected is None
    other = corrected(estimated("mle", 2.0, 0.1, 1000, 1.0), "mle@7", distance, TABLE)
    assert other.corrected is None and DimensionDoubt.UNCALIBRATED in other.doubts
    nothing = np.full(len(TABLE.manifolds), np.nan)
    assert corrected(profile["two-nn-mle"], "two-nn-mle", nothing, TABLE).corrected is None


def test_a_measurement_of_distances_has_no_coordinates():
    points = MANIFOLDS["sphere"](2, 300, np.random.default_rng(0))
    matrix = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(matrix, 0)
    found, same = measure(matrix, precomputed=True), measure(points)
    assert found.ambient is None and same.ambient == 3
    assert found.estimates[0].dimension == pytest.approx(same.estimates[0].dimension)
    assert "pca is refused: it needs coordinates, and only distances were given." in found.warnings


@pytest.mark.parametrize("options, says", [
    ({"k": 2}, "k is 2"), ({"discard": 1.0}, "discard is 1.0"), ({"k": 40}, "at least 41"),
])  # fmt: skip
def test_a_measurement_that_cannot_be_made(options, says):
    with pytest.raises(PointsError, match=says):
        measure(np.random.default_rng(0).random((30, 2)), **options)
    with pytest.raises(PointsError, match="one row per point"):
        measure(np.arange(30.0))


def test_profile_and_neighbours_fit_together():
    near = neighbours(MANIFOLDS["cube"](2, 100, np.random.default_rng(0)), NEIGHBOURS)
    assert all(one(near).dimension > 0 for name, one in STATISTICS.items() if name != "pca")
