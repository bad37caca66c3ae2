"""The range of x is chosen by its rule, and the stretches are named."""

import numpy as np

from lab.scaling.calibration import Truth
from lab.scaling.exponent import exponent
from lab.scaling.scan import Scan

X = np.geomspace(60, 6000, 10)


def scan(change, noise=0.03, floor=0.0, seed=0):
    own = Truth(1.0, 0.3, floor, noise=noise).simulate(X, 5, 2, 1, np.random.default_rng(seed))[0]
    return Scan(X, own + change, np.full(own.shape, 2), tuple("abcde"))


def test_a_clean_scan_is_used_whole():
    found = exponent(scan(0))
    assert found.used.all() and set(found.stretch) == {"resolution-limited"}


def test_a_late_drop_is_saturation_and_left_out():
    change = np.where(X > 4000, -1.5, 0)
    found = exponent(scan(change))
    assert not found.used[-1] and found.stretch[-1] == "saturated"
    assert abs(found.alpha - 1) < 0.15
    assert found.x_range[1] < 4000


def test_a_late_rise_is_a_plateau():
    found = exponent(scan(np.where(X > 4000, 1.5, 0)))
    assert found.stretch[-1] == "plateau" and abs(found.alpha - 1) < 0.15


def test_an_early_shoulder_is_left_out():
    found = exponent(scan(np.where(X < 100, -0.8, 0)))
    assert found.stretch[0] == "early" and abs(found.alpha - 1) < 0.15


def test_a_law_that_never_holds_is_a_doubt():
    zigzag = 0.5 * (-1.0) ** np.arange(10)
    found = exponent(scan(zigzag), prediction=3.0)
    assert found.used.all() and "wrong-law" in found.doubts
    assert found.verdict == "undecided"


def test_the_floor_dominated_stretch_is_named_and_kept():
    found = exponent(scan(0, noise=0.02, floor=0.03))
    assert found.used.all() and found.stretch[-1] == "floor-dominated"
    assert found.stretch[0] == "resolution-limited"


def test_a_curve_that_steepens_is_a_doubt():
    found = exponent(scan(-0.1 * np.log(X / 60) ** 2), prediction=3.0)
    assert "steepening" in found.doubts and found.verdict == "undecided"
