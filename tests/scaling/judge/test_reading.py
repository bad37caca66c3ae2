"""Readings side by side, and the shape of the curve: straight by equivalence, bent by a test."""

import numpy as np
import pytest

from lab.scaling.judge.calibration import Truth
from lab.scaling.judge.exponent import MEASURED, SHARE, TRAINED, WITHOUT, exponent, readings, shape
from lab.scaling.judge.verdict import Doubt, verdict
from lab.scaling.scans.estimate import Correction, estimates
from lab.scaling.scans.scan import Scan

X = np.geomspace(100, 2000, 7)
U = np.log(X / X[0])
T = U / U[-1]


def curves(change, scans=400, teachers=8, noise=0.02, seed=0, spread=0.02):
    """Parabolas whose local exponent goes from 1 − change/2 to 1 + change/2."""
    rng = np.random.default_rng(seed)
    own = 1 + spread * rng.standard_normal((scans, teachers, 1))
    level = rng.standard_normal((scans, teachers, 1))
    bend = change * U[-1] * (T**2 - T) / 2
    return level - own * U - bend + noise * rng.standard_normal((scans, teachers, X.size))


def shapes(losses, delta):
    e = estimates(np.log(X)[None], losses)
    return np.array([shape(e, i, delta) for i in range(len(losses))])


@pytest.mark.parametrize("change", [-0.3, 0.3])
def test_a_curve_that_changes_by_delta_is_rarely_straight(change):
    """Two one-sided tests at .025; 400 scans: .008 is one Monte-Carlo error."""
    found = shapes(curves(change), 0.3)
    assert np.mean(found == "straight") <= 0.03 + 0.016
    assert np.mean(found == "bent") > 0.9


def test_a_straight_curve_is_straight_where_the_interval_of_its_change_is_half_of_delta():
    e = estimates(np.log(X)[None], curves(0.0))
    delta = 2 * float(np.median(e.change.half))
    found = np.array([shape(e, i, delta) for i in range(400)])
    assert np.mean(found == "straight") >= 0.8
    assert np.mean(found == "bent") <= 0.02


def test_a_small_change_that_is_significant_is_straight_and_a_large_one_bent():
    losses = curves(0.1, scans=50, noise=0.002, spread=0.0)
    assert set(shapes(losses, 0.3)) == {"straight"} and set(shapes(losses, 0.05)) == {"bent"}


def test_the_shape_tells_its_change_and_its_local_exponents():
    losses = curves(0.6, scans=1, noise=0.005)[0]
    one = exponent(Scan(X, losses, np.ones(losses.shape, int), tuple("abcdefgh")), tolerance=0.1)
    assert one.shape == "bent" and one.shape.direction == "rises" and Doubt.BENT in one.doubts
    assert one.shape.interval[0] < 0.6 < one.shape.interval[1]
    assert (one.shape.first, one.shape.last) == one.ends == (one.local[0], one.local[-1])
    assert one.shape.first.alpha < 0.9 < 1.1 < one.shape.last.alpha
    assert one.alpha == pytest.approx(1.0, abs=0.03) and not one.one_number


def test_fewer_than_five_x_have_no_shape():
    e = estimates(np.log(X[None, :4]), curves(0.6, scans=1)[..., :4])
    assert shape(e, 0, 0.3) == "open"


def test_the_change_is_covered_with_holes_too():
    losses = curves(0.2)
    losses[:, 0, 0] = losses[:, 3, -1] = losses[:, 5, 3] = np.nan
    e = estimates(np.log(X)[None], losses)
    covered = np.abs(e.change.value - 0.2) <= e.change.half
    assert np.mean(covered) >= 0.93 - 0.02


# ---- readings ----


def one(losses, **asked):
    e = estimates(np.log(X)[None], losses)
    return {r.name: r for r in readings(e, 0, **asked)}


def test_what_training_would_add_is_a_reading_of_its_own():
    found = one(curves(0.0, 1), correction=Correction(0.1, 0.02, 0.0))
    plain, more = found[MEASURED], found[TRAINED]
    assert more.alpha == pytest.approx(plain.alpha + 0.1)
    half = plain.interval[1] - plain.alpha
    assert more.interval[1] - more.alpha == pytest.approx(np.hypot(half, 0.04))
    assert plain.asked == plain.interval and more.asked == more.interval


def test_a_smallest_x_that_is_off_is_asked_away():
    losses = curves(0.0, 1)
    losses[..., 0] += 0.3
    off, fine = one(losses)[WITHOUT], one(curves(0.0, 1, seed=1))[WITHOUT]
    assert off.asked == off.interval
    half = fine.interval[1] - fine.alpha
    assert fine.asked == pytest.approx((fine.alpha - SHARE * half, fine.alpha + SHARE * half))
    assert off.alpha == pytest.approx(1.0, abs=0.1) and one(losses)[MEASURED].alpha > 1.05
    e = estimates(np.log(X)[None], losses)
    assert e.rest.off[0] and not e.rest.bends[0]


SCATTERED = {
    "no spread": Truth(1.0), "spread": Truth(1.0, spread=0.1), "heavy": Truth(1.0, heavy=True),
    "common": Truth(1.0, spread=0.05, common=0.075), "grows": Truth(1.0, growth=2.0),
}  # fmt: skip


@pytest.mark.parametrize("name", SCATTERED)
@pytest.mark.parametrize("teachers, points", [(5, 6), (8, 9)])
def test_the_slope_without_the_smallest_x_is_covered(name, teachers, points):
    """2000 scans: .005 is one Monte-Carlo error."""
    x, truth = np.geomspace(100, 2000, points), SCATTERED[name]
    losses = truth.simulate(x, teachers, 2, 2000, np.random.default_rng(0))
    rest = estimates(np.log(x)[None], losses).rest
    covered = np.abs(rest.alpha - 1.0) <= rest.half
    assert np.mean(covered) >= 0.93 - 0.01


def test_noise_that_teachers_have_in_common_is_no_smallest_x_that_is_off():
    x = np.geomspace(100, 10_000, 9)
    losses = SCATTERED["common"].simulate(x, 16, 2, 1000, np.random.default_rng(0))
    assert np.mean(estimates(np.log(x)[None], losses).rest.off) <= 0.08
    losses[..., 0] += 0.6
    assert np.mean(estimates(np.log(x)[None], losses).rest.off) >= 0.9


@pytest.mark.parametrize("teachers, points, decades", [(5, 6, 1.3), (8, 7, 1.3), (8, 9, 2.0)])
@pytest.mark.parametrize("shift", [0.5, 1.0, -1.0, 1.5])
def test_a_smallest_x_off_by_the_noise_gives_few_wrong_verdicts(teachers, points, decades, shift):
    """At either edge of ± .15, where a verdict is wrong: .04, and .012 for 1500 scans."""
    x = np.geomspace(100, 100 * 10**decades, points)
    truth = Truth(1.0, off=shift * 0.15)
    e = estimates(np.log(x)[None], truth.simulate(x, teachers, 2, 1500, np.random.default_rng(7)))
    asked = [[one.asked for one in readings(e, i) if one.asked] for i in range(1500)]
    for edge in (0.85, 1.15):
        said = [verdict(scan, prediction=1 / edge, sense="equal", tolerance=0.15,
                        over="range").verdict for scan in asked]  # fmt: skip
        for word in ("agrees", "contradicts"):
            assert said.count(word) / 1500 <= 0.04 + 0.012


def test_a_bend_is_no_smallest_x_that_is_off():
    found = one(curves(1.0, 1, noise=0.002))[WITHOUT]
    assert found.asked is None


def test_one_bad_smallest_x_gives_few_wrong_verdicts():
    """At the edge of an equality, shifted by twice the noise of a cell's seeds."""
    x = np.geomspace(100, 2000, 6)
    truth = Truth(1.0, off=0.3)
    losses = truth.simulate(x, 5, 2, 400, np.random.default_rng(1))
    e = estimates(np.log(x)[None], losses)
    low = 1.0  # the truth is the lower edge of what is allowed
    wrong = [all(r.asked[0] >= low for r in readings(e, i) if r.asked) for i in range(400)]
    assert np.mean(wrong) <= 0.025 + 0.016
    assert np.mean(e.lower >= low) > 0.2  # what was measured alone would be wrong
