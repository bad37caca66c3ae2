"""What the quoted interval holds of a bend, and when a bend is a doubt: both by the tolerance."""

import numpy as np
import pytest

from lab.scaling.judge.calibration import Truth
from lab.scaling.judge.doubts import Doubt
from lab.scaling.judge.reading import readings
from lab.scaling.scans.estimates import estimates

X = np.geomspace(100, 2000, 6)


def test_the_quoted_interval_is_the_longest_where_nothing_bends():
    losses = Truth(1.0, spread=0.05).simulate(X, 5, 2, 50, np.random.default_rng(4))
    e = estimates(np.log(X)[None], losses)
    longest = np.max([*e.halves.values()], 0)
    assert (e.upper - e.lower) / 2 == pytest.approx(longest)
    assert (e.upper + e.lower) / 2 == pytest.approx(e.alpha)
    straight = [i for i in range(50) if not e.bends[i]]
    assert len(straight) > 40
    found = readings(e, 0.15)
    assert all(found[i].interval == (e.lower[i], e.upper[i]) for i in straight)


def test_a_bend_that_is_significant_but_small_is_in_the_interval():
    u = np.log(X / X[0])
    rng = np.random.default_rng(5)
    y = -u - 0.008 * u**2 + 0.002 * rng.standard_normal((1, 6, X.size))
    e = estimates(np.log(X)[None], y)
    (found,) = readings(e, 0.15)
    tail = 1 + 0.016 * u[-1]
    assert e.bends[0] and not {Doubt.STEEPENS, Doubt.BEND_UNRESOLVED} & set(found.doubts)
    assert e.upper[0] < tail < found.interval[1]
    assert found.interval[0] == e.lower[0] and found.beyond is None


@pytest.mark.parametrize("curvature, doubt", [(0.1, Doubt.STEEPENS), (-0.1, Doubt.FLATTENS)])
def test_a_bend_that_matters_is_a_doubt_and_asks_the_slopes(curvature, doubt):
    u = np.log(X / X[0])
    rng = np.random.default_rng(6)
    y = -u - curvature * u**2 + 0.02 * rng.standard_normal((50, 6, X.size))
    for found in readings(estimates(np.log(X)[None], y), 0.15):
        assert {Doubt.STEEPENS, Doubt.FLATTENS} & set(found.doubts) == {doubt}
        assert abs(sum(found.head) / 2 - 1) < 0.1
        assert abs(sum(found.beyond) / 2 - 1 - 3 * curvature * u[-1]) < 0.2


def test_which_bends_matter_is_a_matter_of_the_tolerance():
    u = np.log(X / X[0])
    rng = np.random.default_rng(5)
    e = estimates(np.log(X)[None], -u - 0.008 * u**2 + 0.002 * rng.standard_normal((1, 6, X.size)))
    (narrow,), (wide,) = readings(e, 0.02), readings(e, 0.15)
    assert Doubt.STEEPENS in narrow.doubts and narrow.beyond is not None
    assert narrow.interval == (e.lower[0], e.upper[0]) and wide.interval[1] > narrow.interval[1]
