"""Classes of rates: labels of simulated learners, right in 95 % of repeats; undecided ones."""

from collections import Counter

import numpy as np
import pytest

from lab.kinds.student import StudentSpec
from lab.scaling.rates import classify
from lab.students.rates import Realisable, error_of

REPEATS, DRAWS = 20, 400
CASES = {
    "exponential, cells": ({"concept": "memoriser", "cells": 8, "decay": 0.5},
                           [4, 8, 12, 18, 26, 38, 54, 76, 100, 140], "exponential"),
    "exponential, geometric": ({"concept": "geometric", "last": 4},
                               [4, 7, 10, 14, 18, 24, 30, 38, 48, 55], "exponential"),
    "linear": ({"concept": "interval"}, [4, 8, 16, 32, 64, 100, 160, 250, 400, 630], "linear"),
    "slow": ({"concept": "memoriser", "decay": 1.0}, [8, 16, 32, 50, 80, 120, 180, 260], "slow"),
    "log n/n": ({"concept": "singleton"},
                np.geomspace(10, 1e6, 21).round().tolist(), "log n/n"),
}  # fmt: skip


def learner(settings):
    return StudentSpec.of("realisable", Realisable.resolved(settings))


def simulated(settings, sizes, rng, draws=DRAWS):
    spec = learner(settings)
    return np.array([[error_of(spec, int(n), rng) for n in sizes] for _ in range(draws)])


@pytest.mark.parametrize("settings, sizes, label", CASES.values(), ids=CASES)
def test_labels_are_right(settings, sizes, label):
    """Of REPEATS independent sets of draws one may be undecided, and none wrong."""
    rng, n = np.random.default_rng(1), np.array(sizes, float)
    mass = Realisable.smallest_mass(learner(settings))
    draws = DRAWS
    found = Counter(
        classify(n, simulated(settings, sizes, rng, draws), smallest_mass=mass).label
        for _ in range(REPEATS)
    )
    assert found[label] >= 0.95 * REPEATS and set(found) <= {label, "undecided"}, found


def test_an_exponential_that_is_not_seen_yet_is_undecided():
    settings, sizes = {"concept": "memoriser", "cells": 8, "decay": 0.5}, [4, 6, 9, 14, 20, 30, 40]
    errors = simulated(settings, sizes, np.random.default_rng(2))
    mass = Realisable.smallest_mass(learner(settings))
    assert sizes[-1] < 3 / mass
    found = classify(np.array(sizes, float), errors, smallest_mass=mass)
    assert found.label == "undecided" and "before 3/p" in found.why


def test_too_few_n_are_a_sentence():
    found = classify(np.array([2.0, 4, 8]), np.ones((20, 3)))
    assert found.label == "undecided" and "3 n within a factor 12" in found.why


@pytest.mark.parametrize("settings", [case[0] for case in CASES.values()], ids=CASES)
def test_learners_have_their_exact_mean_errors(settings):
    truth = Realisable.truth(learner(settings))
    errors = simulated(settings, [10, 40], np.random.default_rng(3), draws=1500)
    exact = np.array([truth.error(10), truth.error(40)])
    assert np.all(np.abs(errors.mean(0) - exact) < 4 * errors.std(0) / np.sqrt(len(errors)))
