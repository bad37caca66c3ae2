"""How often a verdict is wrong at the edge of the allowed exponents, for truths of every kind."""

import numpy as np
import pytest
from benchmark import ASSUMED, MISSPECIFIED

from lab.scaling.judge.calibration import Design, Truth, calibrate
from lab.scaling.judge.doubts import Doubt

X = np.geomspace(100, 100 * 10**1.3, 6)
SCANS = 300
MOST = 0.025 + 3 * np.sqrt(0.025 * 0.975 / SCANS)
"""Nominal error of either word and three Monte-Carlo errors, .009 each."""


@pytest.mark.parametrize("sense", ["bound", "equal"])
@pytest.mark.parametrize("name", ASSUMED | MISSPECIFIED)
def test_verdicts_are_rarely_wrong_at_the_edge(name, sense):
    truth = (ASSUMED | MISSPECIFIED)[name]
    design = Design(X, 6, 2, prediction=truth.asymptote, sense=sense)
    edges = (0.85, 1.15) if sense == "equal" else (0.85,)
    found = calibrate(design, truth, scans=SCANS, seed=0, ratios=edges)
    for edge in edges:
        agrees, contradicts = found.by_ratio[edge]
        assert agrees <= MOST and contradicts <= MOST
    assert found.silent <= 0.05
    assert found.wrong <= MOST  # the prediction is the truth


@pytest.mark.parametrize("name", ASSUMED)
def test_what_is_far_from_the_edge_is_decided(name):
    """The rule is not right by being silent. With noise .3 an equality needs more than this."""
    truth, quiet = ASSUMED[name], ASSUMED[name].noise < 0.2
    wide = Design(np.geomspace(100, 10_000, 8), 10, 2, prediction=1.0)
    found = calibrate(wide, truth, scans=100, seed=1, ratios=(0.5, 1.5))
    assert found.by_ratio[1.5][0] > (0.9 if quiet else 0.5)
    assert found.by_ratio[0.5][1] > (0.9 if quiet else 0.5)


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
    """Under the law without one, flattening is told or the number is not judged."""
    truth = Truth(1.0, floor=0.05, noise=0.05)
    found = calibrate(Design(X, 6, 2, 1.0), truth, scans=100, seed=3, ratios=())
    assert found.doubts[Doubt.FLATTENS] > 0.95 and found.verdicts["undecided"] > 0.95
    known = calibrate(Design(X, 6, 2, 1.0, law="power+floor"), truth, scans=100, seed=3, ratios=())
    assert known.coverage["quoted"] >= 0.88  # .95 less three Monte-Carlo errors
    assert found.coverage["quoted"] < 0.1
