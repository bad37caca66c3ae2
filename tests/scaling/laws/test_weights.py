"""Weights of laws: the likelihood behind each objective, what counts as one, and when there is
none."""

import numpy as np
import pytest
from scipy import integrate, optimize

from lab.scaling.laws.prediction import law_weights, surprise

X = np.geomspace(10, 1e5, 40)
LAWS = ["power", "power+floor"]


def losses(size, seed=0, tails=False):
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(1.5, X.size) if tails else rng.standard_normal(X.size)
    return (3 * X**-0.5 + 0.05) * np.exp(size * noise)


@pytest.mark.parametrize("huber", [1e-3, 0.02, 1.0])
def test_the_surprise_is_the_least_negative_log_likelihood_of_its_density(huber):
    r = 0.02 * np.random.default_rng(0).standard_t(2, 30)

    def rho(r):
        return np.where(np.abs(r) <= huber, r**2 / 2, huber * (np.abs(r) - huber / 2))

    def negative(log_s):  # by quadrature, no closed form
        s = np.exp(log_s)
        edges = [0, huber, huber + 20 * s / huber, huber + 60 * s / huber]
        half = sum(
            integrate.quad(lambda r: np.exp(-rho(r) / s), a, b, limit=200)[0]
            for a, b in zip(edges, edges[1:], strict=False)
        )
        return rho(r).sum() / s + r.size * np.log(2 * half)

    mean = rho(r).mean()
    best = optimize.minimize_scalar(
        negative, bounds=(np.log(mean / 5), np.log(mean * 10)), method="bounded"
    )
    assert surprise(r, huber) == pytest.approx(best.fun, rel=1e-5)


def test_a_wide_huber_is_squares():
    loss = losses(0.02)
    square = law_weights(LAWS, X[None], loss)
    wide = law_weights(LAWS, X[None], loss, huber=100.0)
    assert wide.aicc == pytest.approx(square.aicc, rel=1e-3)
    one, two = np.random.default_rng(0).standard_normal((2, 30))
    assert surprise(one, 1e3) - surprise(two, 1e3) == pytest.approx(
        surprise(one, None) - surprise(two, None), rel=1e-6
    )


def test_aicc_of_squares_is_the_textbook_formula():
    from lab.scaling.laws.fit import fit_law

    loss, value = losses(0.2), {}
    for law, k in (("power", 3), ("power+floor", 4)):
        s = fit_law(law, X[None], loss).objective
        value[law] = 40 * np.log(s / 40) + 2 * k + 2 * k * (k + 1) / (40 - k - 1)
    odds = np.exp((value["power"] - value["power+floor"]) / 2)
    found = law_weights(LAWS, X[None], loss).aicc
    assert found["power+floor"] / found["power"] == pytest.approx(odds, rel=1e-6)


def test_outliers_do_not_weigh_under_huber():
    loss = losses(0.001)
    loss[::9] *= 1.5  # five rows far off hide the floor from squares
    square = law_weights(LAWS, X[None], loss).aicc
    robust = law_weights(LAWS, X[None], loss, huber=1e-3).aicc
    assert robust["power+floor"] > 0.999 > square["power+floor"] - 0.001
    assert robust["power+floor"] > square["power+floor"]


def test_raw_residuals_weigh_errors_of_the_loss():
    from lab.scaling.laws.fit import fit_law

    loss, value = losses(0.2), {}
    for law, k in (("power", 3), ("power+floor", 4)):
        s = fit_law(law, X[None], loss, residual="raw").objective
        value[law] = 40 * np.log(s / 40) + 2 * k + 2 * k * (k + 1) / (40 - k - 1)
    found = law_weights(LAWS, X[None], loss, residual="raw")
    assert found.aicc["power+floor"] / found.aicc["power"] == pytest.approx(
        np.exp((value["power"] - value["power+floor"]) / 2), rel=1e-6
    )
    assert found.aicc["power"] != pytest.approx(law_weights(LAWS, X[None], loss).aicc["power"])


def test_rows_that_are_repeated_in_groups_weigh_as_much_as_once():
    loss = losses(0.2)
    once = law_weights(LAWS, X[None], loss)
    many = law_weights(
        LAWS, np.repeat(X, 5)[None], np.repeat(loss, 5), groups=np.repeat(np.arange(40), 5), held=20
    )
    naive = law_weights(LAWS, np.repeat(X, 5)[None], np.repeat(loss, 5))
    assert many.independent == once.independent == 40
    assert many.aicc == pytest.approx(once.aicc, rel=1e-6)
    assert many.holdout == pytest.approx(once.holdout, rel=1e-6)
    assert naive.aicc["power+floor"] > many.aicc["power+floor"]
    few = law_weights(LAWS, X[None], loss, groups=np.repeat(np.arange(4), 10))
    assert not few.aicc and few.independent == 4


def test_no_weight_from_one_row_held_out():
    loss = losses(0.02)
    for n, held in ((8, 0), (11, 0), (12, 3), (40, 4)):
        found = law_weights(LAWS, X[None, :n], loss[:n])
        assert found.held == held and bool(found.holdout) == (held >= 3)
    assert not law_weights(LAWS, X[None], loss, held=2).holdout
    # Rows of one group are one witness.
    assert not law_weights(LAWS, X[None], loss, groups=np.repeat(np.arange(8), 5)).holdout
