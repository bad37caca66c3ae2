"""What the interval holds: sampling, and the count of size."""

import re
from pathlib import Path

import numpy as np
import pytest
from benchmark import ASSUMED

from lab import scaling
from lab.scaling import Scan, exponent
from lab.scaling.judge.calibration import Design, Truth, calibrate
from lab.scaling.judge.doubts import Doubt
from lab.scaling.scans.estimates import estimates
from lab.scaling.scans.scan import SHARES

X = np.geomspace(100, 2000, 6)
WIDTHS = np.array([6, 8, 10, 13, 17, 22, 30.0])
LEAD = WIDTHS**2
ALL = WIDTHS**2 + 12 * WIDTHS + 1
COUNTS = LEAD + np.array(SHARES)[:, None] * (ALL - LEAD)
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
    assert found.coverage["profile"] < 0.9 and found.coverage["teacher-t"] < 0.9


def test_exponents_that_differ_are_covered_though_the_profile_does_not_know():
    found = calibrate(Design(X, 6, 2, 1.0), Truth(1.0, spread=0.2, noise=0.05), scans=600, seed=3,
                      ratios=())  # fmt: skip
    assert found.coverage["quoted"] >= 0.93
    assert found.coverage["profile"] < 0.9
    assert found.doubts[Doubt.INTERVALS_DISAGREE] > 0.9


# ---- which count of size the law is in ----


def sized(s, scans=1, noise=0.05, seed=0):
    """An exact power law in N_eff(s), four teachers."""
    rng = np.random.default_rng(seed)
    size = LEAD + s * (ALL - LEAD)
    level = rng.standard_normal((scans, 4, 1))
    return level - TRUE * np.log(size) + noise * rng.standard_normal((scans, 4, size.size))


@pytest.mark.parametrize("declared", [0, len(SHARES) - 1])
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0])
def test_the_interval_covers_whatever_count_is_declared(s, declared):
    """400 scans: the Monte-Carlo error of a share of .95 is .011."""
    e = estimates(np.log(COUNTS), sized(s, 400, seed=1), declared=declared)
    assert np.mean((e.lower <= TRUE) & (e.upper >= TRUE)) >= 0.93


@pytest.mark.parametrize("declared", ["all", "lead"])
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0])
def test_both_ends_are_told_and_in_the_interval_even_without_noise(s, declared):
    x = ALL if declared == "all" else LEAD
    y = sized(s, noise=1e-4, seed=2)[0]
    scan = Scan(x, y, np.ones(y.shape, int), tuple("abcd")).counted(LEAD, ALL)
    assert scan.declared == (len(SHARES) - 1 if declared == "all" else 0)
    found = exponent(scan)
    assert tuple(found.by_size) == SHARES
    for end, size in ((0.0, LEAD), (1.0, ALL)):
        slopes = [-np.polyfit(np.log(size), own, 1)[0] for own in y]
        alpha, (lo, hi) = found.by_size[end]
        assert alpha == pytest.approx(np.mean(slopes)) and lo < alpha < hi
    assert found.by_size[s][0] == pytest.approx(TRUE, abs=1e-3)
    assert found.alpha == found.by_size[1.0 if declared == "all" else 0.0][0]
    assert found.interval[0] <= min(TRUE, found.by_size[0.0][0])
    assert found.interval[1] >= max(TRUE, found.by_size[1.0][0])
    assert Doubt.COUNTING in found.doubts


def test_the_hull_holds_the_interval_of_every_count():
    y = sized(0.5, 20, noise=0.2, seed=3)
    e = estimates(np.log(COUNTS), y, declared=0)
    assert (e.lower <= e.by_count - e.by_count_half).all()
    assert (e.upper >= e.by_count + e.by_count_half).all()
    assert e.alpha == pytest.approx(e.by_count[0])


def test_counts_that_hardly_differ_are_no_doubt():
    wide = 100 * WIDTHS
    lead, every = wide**2, wide**2 + 12 * wide + 1
    rng = np.random.default_rng(4)
    y = -TRUE * np.log(every) + 0.1 * rng.standard_normal((4, 7))
    scan = Scan(every, y, np.ones(y.shape, int), tuple("abcd"))
    counted, plain = exponent(scan.counted(lead, every)), exponent(scan)
    assert Doubt.COUNTING not in counted.doubts and plain.by_size == {}
    assert counted.interval == pytest.approx(plain.interval, rel=0.05)


def test_a_width_is_counted_by_the_root_of_the_weights():
    y = sized(0.0, noise=1e-4)[0]
    scan = Scan(WIDTHS, y, np.ones(y.shape, int), tuple("abcd")).counted(LEAD, ALL, order=2)
    assert scan.counts[scan.declared] == pytest.approx(WIDTHS)
    assert exponent(scan).alpha == pytest.approx(2 * TRUE, abs=1e-3)  # L ~ w^−2α


def test_a_law_with_a_floor_holds_both_ends_of_the_count():
    y = np.log(np.exp(sized(1.0, noise=0)[0]) + 0.001 * np.exp(sized(1.0, noise=0)[0, :, :1]))
    scan = Scan(ALL, y, np.ones(y.shape, int), tuple("abcd")).counted(LEAD, ALL)
    found = exponent(scan, law="power+floor")
    assert found.alpha == pytest.approx(TRUE, rel=1e-4) and tuple(found.by_size) == (0.0, 1.0)
    for alpha, (lo, hi) in found.by_size.values():
        assert found.interval[0] - 1e-4 < lo <= alpha <= hi < found.interval[1] + 1e-4


def test_scans_know_nothing_of_questions():
    """What is estimated cannot depend on what is asked: `scans` imports nothing of `judge`."""
    folder = Path(scaling.__file__).parent / "scans"
    for file in folder.glob("*.py"):
        assert not re.search(r"^ *(from|import) .*\bjudge\b", file.read_text(), re.MULTILINE)
