"""The interval of the exponent over the range, and exponents by both counts of size."""

import re
from pathlib import Path

import numpy as np
import pytest
from benchmark import ASSUMED

from lab import scaling
from lab.scaling.judge.calibration import Design, Truth, calibrate
from lab.scaling.judge.exponent import exponent, judge
from lab.scaling.judge.verdict import Doubt
from lab.scaling.scans import scan as scans
from lab.scaling.scans.estimate import estimate, estimates
from lab.scaling.scans.scan import Scan

X = np.geomspace(100, 2000, 6)
U = np.log(X / X[0])
WIDTHS = np.array([6, 8, 10, 13, 17, 22, 30.0])
LEAD = WIDTHS**2
ALL = WIDTHS**2 + 12 * WIDTHS + 1
SIZES = np.stack([LEAD, ALL])
TRUE = 1.3


@pytest.mark.parametrize("teachers", [4, 6])
@pytest.mark.parametrize("name", ASSUMED)
def test_the_quoted_interval_covers(name, teachers):
    """600 scans: the Monte-Carlo error of a share of .95 is .009."""
    truth = ASSUMED[name]
    found = calibrate(Design(X, teachers, 2, 1.0), truth, scans=600, seed=1, ratios=())
    assert found.coverage["quoted"] >= 0.93
    assert abs(found.bias) < 4 * found.error / np.sqrt(600)
    assert found.usable == 1


def test_noise_in_common_is_covered_though_no_teacher_alone_shows_it():
    truth = Truth(1.0, common=0.1, noise=0.1)
    found = calibrate(Design(X, 6, 2, 1.0), truth, scans=600, seed=2, ratios=())
    assert found.coverage["quoted"] >= 0.93
    assert found.coverage["teacher-t"] < 0.9


def test_exponents_that_differ_are_covered():
    found = calibrate(Design(X, 6, 2, 1.0), Truth(1.0, spread=0.2, noise=0.05), scans=600, seed=3,
                      ratios=())  # fmt: skip
    assert 0.93 <= found.coverage["quoted"] <= 0.97 + 0.01


@pytest.mark.parametrize("later, noise", [(0.5, 0.15), (2.0, 0.15), (0.5, 0.03), (2.0, 0.03)])
@pytest.mark.parametrize("points", [6, 9])
def test_the_exponent_over_the_range_is_covered_where_the_truth_bends(later, noise, points):
    """What is covered is the slope over these x, and neither end's exponent."""
    x = np.geomspace(100, 100 * 10 ** (0.2 * points), points)
    truth = Truth(1.0, later=later, noise=noise, spread=0.02)
    found = calibrate(Design(x, 8, 2, 1.0), truth, scans=600, seed=4, ratios=())
    assert found.coverage["quoted"] >= 0.93
    assert abs(truth.slope(x) - later) > 0.1 and abs(found.bias) < 0.01


def test_starts_of_one_target_are_no_teachers():
    """One curve without scatter: its interval is what dropping the smallest x changes."""
    y = (-U - 0.05 * U**2)[None, None]
    e = estimates(np.log(X)[None], y, drawn=False)
    without = -np.polyfit(U[1:], y[0, 0, 1:], 1)[0]
    assert e.upper[0] - e.alpha[0] == pytest.approx(abs(without - e.alpha[0]))
    assert e.change.bent[0] and not e.rest.off[0]
    rng = np.random.default_rng(5)
    several = y + 0.01 * rng.standard_normal((1, 3, X.size))
    starts = estimates(np.log(X)[None], several, drawn=False)
    assert starts.upper[0] - starts.alpha[0] > e.upper[0] - e.alpha[0]
    one = Scan(X, y[0], np.ones((1, X.size), int), ("0",))
    drawn, alone = exponent(one), exponent(one, drawn=False)
    assert Doubt.ONE_TEACHER in drawn.doubts and Doubt.ONE_TEACHER not in alone.doubts
    claim = dict(prediction=alone.alpha, sense="equal", tolerance=0.1, over="range")
    assert exponent(one, drawn=False, **claim).verdict == "agrees"


# ---- which count of size the law is in ----


def sized(s, scans=1, noise=0.05, seed=0):
    """An exact power law in N_eff(s), four teachers."""
    rng = np.random.default_rng(seed)
    size = LEAD + s * (ALL - LEAD)
    level = rng.standard_normal((scans, 4, 1))
    return level - TRUE * np.log(size) + noise * rng.standard_normal((scans, 4, size.size))


@pytest.mark.parametrize("declared", ["N", "hidden"])
@pytest.mark.parametrize("s", [0.0, 1.0])
def test_both_counts_are_told_and_neither_hides_in_the_interval(s, declared):
    x = ALL if declared == "N" else LEAD
    y = sized(s, noise=1e-4, seed=2)[0]
    scan = Scan(x, y, np.ones(y.shape, int), tuple("abcd")).counted(LEAD, ALL)
    assert scans.COUNTS[scan.declared] == declared
    found = exponent(scan)
    assert set(found.by_size) == set(scans.COUNTS)
    for name, size in (("hidden", LEAD), ("N", ALL)):
        slopes = [-np.polyfit(np.log(size), own, 1)[0] for own in y]
        alpha, (lo, hi) = found.by_size[name]
        assert alpha == pytest.approx(np.mean(slopes)) and lo < alpha < hi
    assert found.alpha == found.by_size[declared][0]
    other = found.by_size["hidden" if declared == "N" else "N"][0]
    assert not found.interval[0] <= other <= found.interval[1]


def test_the_other_count_forbids_only_where_both_are_asked():
    y = sized(1.0, noise=0.003, seed=2)[0]
    scan = Scan(ALL, y, np.ones(y.shape, int), tuple("abcd")).counted(LEAD, ALL)
    claim = dict(prediction=TRUE, sense="equal", tolerance=0.05, over="range")
    alone = judge(estimate(scan), **claim)
    both = judge(estimate(scan), both=True, **claim)
    assert (alone.verdict, both.verdict) == ("agrees", "undecided")
    assert Doubt.OTHER_COUNT in both.doubts and Doubt.OTHER_COUNT not in alone.doubts
    assert Doubt.READINGS_DIFFER in both.doubts


def test_a_width_is_counted_by_the_root_of_the_weights():
    y = sized(0.0, noise=1e-4)[0]
    scan = Scan(WIDTHS, y, np.ones(y.shape, int), tuple("abcd")).counted(LEAD, ALL, order=2)
    assert scan.counts[scan.declared] == pytest.approx(WIDTHS)
    assert exponent(scan).alpha == pytest.approx(2 * TRUE, abs=1e-3)  # L ~ w^−2α


def test_a_law_with_a_floor_has_both_counts():
    y = np.log(np.exp(sized(1.0, noise=0)[0]) + 0.001 * np.exp(sized(1.0, noise=0)[0, :, :1]))
    scan = Scan(ALL, y, np.ones(y.shape, int), tuple("abcd")).counted(LEAD, ALL)
    found = exponent(scan, law="power+floor")
    assert found.alpha == pytest.approx(TRUE, rel=1e-4) == found.by_size["N"][0]
    assert found.shape == "open"  # no fit can tell a floor from a bend


def test_scans_know_nothing_of_questions():
    """What is estimated cannot depend on what is asked: `scans` imports nothing of `judge`."""
    folder = Path(scaling.__file__).parent / "scans"
    for file in folder.glob("*.py"):
        assert not re.search(r"^ *(from|import) .*\bjudge\b", file.read_text(), re.MULTILINE)
