"""Confidence curves: they end where the intervals end, whichever law was fitted."""

import numpy as np
import pytest

from lab.scaling.scans.estimate import confidence, estimate
from lab.scaling.scans.scan import Scan

X = np.geomspace(100, 10_000, 9)


def scan(floor=0.0, teachers=5, noise=0.05, leave=()):
    rng = np.random.default_rng(3)
    loss = 50 * X**-0.8 * np.exp(rng.normal(0, 0.3, (teachers, 1))) + floor
    loss *= np.exp(rng.normal(0, noise, loss.shape))
    keep = np.ones(loss.shape, bool)
    for cell in leave:
        keep[cell] = False
    k, i = np.nonzero(keep)
    return Scan.of(X[i], loss[keep], k)


@pytest.mark.parametrize("leave", [(), ((0, 8), (2, 3))], ids=["whole", "holes"])
def test_of_lines_every_curve_is_one_at_the_estimate_and_crosses_at_its_interval(leave):
    one = scan(leave=leave)
    e = estimate(one)
    for name in ("teacher-t", "common"):
        low, high = e.intervals[name]
        p = confidence(e, one, np.array([low, e.alpha, high]))[name]
        assert p == pytest.approx([0.05, 1.0, 0.05], abs=1e-6)
        inside = confidence(e, one, np.linspace(low, high, 21))[name]
        assert (np.diff(inside[:11]) > 0).all() and (np.diff(inside[10:]) < 0).all()


def test_of_a_floor_the_profile_crosses_where_its_interval_ends():
    one = scan(floor=0.05, noise=0.02)
    e = estimate(one, law="power+floor")
    alphas = np.linspace(e.alpha - 0.5, e.alpha + 0.5, 801)
    p = confidence(e, one, alphas)["profile"]
    assert p.max() == pytest.approx(1.0, abs=0.02)
    inside = alphas[p >= 0.05]
    low, high = e.intervals["profile"]
    assert np.ptp(inside) == pytest.approx(high - low, rel=0.03)
    # the likelihood is no parabola: its ends lie unevenly about the best α
    best = alphas[p.argmax()]
    assert inside[0] < best < inside[-1]


def test_nothing_fitted_has_no_curve():
    one = Scan.of([1.0, 2.0], [1.0, 0.5])
    assert confidence(estimate(one), one, np.array([1.0])) == {}


def test_a_single_teacher_has_no_curve_of_teachers():
    one = scan(teachers=1)
    assert set(confidence(estimate(one), one, np.array([0.8]))) == {"common"}
