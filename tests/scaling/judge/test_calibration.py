"""How often verdicts are right and wrong, for truths of every kind."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark import ASSUMED, MISSPECIFIED

from lab.scaling.judge.calibration import Design, Truth, calibrate
from lab.scaling.judge.verdict import Doubt

X = np.geomspace(100, 100 * 10**1.3, 6)
SCANS = 300
MOST = 0.025 + 2 * np.sqrt(0.025 * 0.975 / SCANS)
"""Nominal error of either word and two Monte-Carlo errors, .009 each."""
NOISY = ASSUMED | {
    name: truth for name, truth in MISSPECIFIED.items()
    if truth.later is None and not truth.unlearned and not truth.floor
}  # fmt: skip
"""Power laws, whatever their noise; what bends has a truth over the range of its own."""


@pytest.mark.parametrize("over", ["range", "limit"])
@pytest.mark.parametrize("name", NOISY)
def test_verdicts_are_rarely_wrong_at_the_edge(name, over):
    design = Design(X, 6, 2, prediction=1.0, sense="equal", over=over)
    found = calibrate(design, NOISY[name], scans=SCANS, seed=0, ratios=(0.85, 1.15))
    for agrees, contradicts in found.by_ratio.values():
        assert agrees <= MOST and contradicts <= MOST


TABLE = {
    "exact control": (Design(np.geomspace(100, 2000, 7), 8, 1, 1.0, "equal", 0.06), 0.03),
    "kernel control": (Design(np.geomspace(100, 1000, 9), 5, 1, 1.0, "equal", 0.06), 0.03),
    "two decades": (Design(np.geomspace(100, 10_000, 9), 8, 1, 1.0, "equal", 0.15), 0.1),
    "narrow": (Design(np.geomspace(100, 10_000, 9), 16, 1, 1.0, "equal", 0.1), 0.1),
}


@pytest.mark.parametrize("name", TABLE)
def test_known_answers_are_confirmed(name):
    """Designs whose median interval is at most half of the band."""
    design, noise = TABLE[name]
    truth = Truth(1.0, noise=noise)
    found = calibrate(design, truth, scans=200, seed=1, ratios=())
    assert found.width["quoted"] <= design.tolerance
    assert found.verdicts["agrees"] >= 0.95
    over = replace(design, over="range")
    far = calibrate(over, truth, scans=100, seed=1, ratios=(0.7, 1.4)).by_ratio
    assert far[0.7] == far[1.4] == pytest.approx((0, 1), abs=0.05)


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("teachers", [5, 8])
def test_the_truth_is_confirmed_where_the_interval_is_half_of_the_band(teachers, spread):
    truth = Truth(1.0, spread=spread)
    x = np.geomspace(100, 10_000, 8)
    wide = calibrate(Design(x, teachers, 2, 1.0, "equal"), truth, scans=600, seed=2, ratios=())
    design = Design(x, teachers, 2, 1.0, "equal", wide.width["quoted"])
    found = calibrate(design, truth, scans=600, seed=2, ratios=())
    assert found.verdicts["agrees"] >= 0.9 - 0.025  # two Monte-Carlo errors


BENT = {
    "falls": Truth(1.0, later=0.5, noise=0.03), "rises": Truth(1.0, later=2.0, noise=0.03),
    "floor": Truth(1.0, floor=0.03, noise=0.03), "lazy": Truth(1.0, unlearned=0.5, noise=0.03),
    "falls, noisy": Truth(1.0, later=0.5, spread=0.05),
}  # fmt: skip


@pytest.mark.parametrize("name", BENT)
def test_the_exponent_over_the_range_of_a_bent_truth_is_covered_and_judged(name):
    truth = BENT[name]
    slope = truth.slope(X)
    assert abs(slope - truth.asymptote) > 0.1
    design = Design(X, 6, 2, slope, "equal", over="range")
    found = calibrate(design, truth, scans=400, seed=3, ratios=())
    assert found.coverage["quoted"] >= 0.93
    assert found.verdicts["contradicts"] <= 0.025


def test_a_bent_curve_confirms_no_limit_and_refutes_none_without_omega():
    truth = Truth(1.0, later=0.1, noise=0.02)
    slope = truth.slope(X)
    for prediction in (slope, 2 * slope):
        design = Design(X, 8, 2, prediction, "equal")
        found = calibrate(design, truth, scans=100, seed=4, ratios=())
        assert found.shapes["bent"] > 0.95 and found.verdicts["undecided"] > 0.95
        assert found.doubts[Doubt.NOT_YET_ASYMPTOTIC] > 0.95


def test_more_teachers_do_not_make_the_status_unusable():
    """Every teacher's curve may stop at the edge of its box; the estimate must bear it. 100 scans
    each: the Monte-Carlo error of the difference is at most .07."""
    truth = Truth(1.0, floor=0.03, noise=0.15, spread=0.05)
    few, many = (
        calibrate(Design(X, teachers, 2, 1.0, law="power+floor"), truth, scans=100, seed=2,
                  ratios=()).usable
        for teachers in (4, 12)
    )  # fmt: skip
    assert many >= few


def test_a_floor_is_never_called_an_exponent():
    """Under the law without one the curve is bent, and no limit is confirmed."""
    truth = Truth(1.0, floor=0.05, noise=0.05)
    found = calibrate(Design(X, 6, 2, 1.0), truth, scans=100, seed=3, ratios=())
    assert found.doubts[Doubt.BENT] > 0.9 and found.verdicts["undecided"] > 0.9
    known = calibrate(Design(X, 6, 2, 1.0, law="power+floor"), truth, scans=100, seed=3, ratios=())
    assert known.coverage["quoted"] >= 0.88  # .95 less three Monte-Carlo errors
