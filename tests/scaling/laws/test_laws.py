"""Every law generates data, knows its exponents, and is recovered from its own data."""

import numpy as np
import pytest
from scipy import special
from truths import TRUTHS, design

from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.one_variable import Power
from lab.scaling.laws.one_variable import _solve as solve_m4

laws = pytest.mark.parametrize("name", list(TRUTHS))


def test_every_law_has_a_truth():
    assert set(TRUTHS) == set(LAWS)


@laws
def test_noise_free_data_are_recovered(name):
    law, truth = LAWS[name], TRUTHS[name]
    x = design(law)
    fit = fit_law(law, x, law.loss(truth, *x))
    assert fit.status == "converged"
    assert fit.parameters == pytest.approx(truth, rel=1e-6)
    assert fit.reached > 0.5 * fit.tried
    assert fit.predict(*x) == pytest.approx(law.loss(truth, *x), rel=1e-9)


@laws
@pytest.mark.parametrize("huber, residual", [(None, "log"), (None, "raw"), (0.02, "log")])
def test_gradients_equal_finite_differences(name, huber, residual):
    law = LAWS[name]
    x = design(law)
    fit = fit_law(law, x, law.loss(TRUTHS[name], *x), huber=huber, residual=residual)
    problem = fit.problem
    theta = fit.theta + 0.05 * np.random.default_rng(0).standard_normal(fit.theta.size)

    def s(point):
        return problem.rho(problem.residuals(point[None])[0]).sum()

    h = 1e-6
    steps = h * np.eye(theta.size)
    differences = np.array([(s(theta + e) - s(theta - e)) / (2 * h) for e in steps])
    r, jacobian = (part[0] for part in problem.residuals(theta[None]))
    exact = -jacobian @ (2 * r if huber is None else np.clip(r, -huber, huber))
    assert np.abs(exact - differences).max() < 1e-6 * np.abs(exact).max()


@laws
def test_coordinates_and_parameters_are_inverse(name):
    law, truth = LAWS[name], TRUTHS[name]
    origin = np.array([3.0, -2.0, 1.0])[: len(law.variables)]
    theta = law.internal(truth, origin)
    back = law.natural(theta[None], origin)[0]
    assert dict(zip(law.parameters, back, strict=True)) == pytest.approx(truth, rel=1e-12)
    for parameter, i in law.coordinates.items():
        value = np.exp(theta[i]) if parameter in law.logarithmic else theta[i]
        assert value == pytest.approx(truth[parameter], rel=1e-12)


@pytest.mark.parametrize(
    "name, floor, x, which",
    [
        ("power", 0.0, 1e3, "alpha"),
        ("power+floor", 0.01, 1e4, "alpha"),
        ("m3", 0.0, 1e-2, "alpha"),
        ("m4", 0.05, 1e9, "alpha"),
        ("bnsl", 0.02, 1e-4, "before"),
        ("bnsl", 0.02, 1e9, "after"),
    ],
)
def test_a_law_of_one_variable_knows_its_exponents(name, floor, x, which):
    law = LAWS[name]
    at = x * np.array([1 - 1e-5, 1 + 1e-5])
    loss = law.loss(TRUTHS[name], at)
    slope = -np.diff(np.log(loss - floor))[0] / np.diff(np.log(at))[0]
    assert slope == pytest.approx(law.exponents(TRUTHS[name])[which], rel=1e-3)


@pytest.mark.parametrize(
    "name, floor",
    [("chinchilla", 1.8), ("kaplan", 0.0), ("rosenfeld", 0.5), ("power-mean", 1.8), ("max", 1.8)],
)
def test_a_law_of_two_variables_knows_its_exponents(name, floor):
    law = LAWS[name]
    at = np.array([1e13, 1.001e13])
    for which, x in (("x", (at, np.full(2, 1e90))), ("y", (np.full(2, 1e90), at))):
        # the envelope of Rosenfeld's law is taken off first
        loss = law.loss(TRUTHS[name], *x)
        if name == "rosenfeld":
            loss = loss / np.sqrt(1 - (loss / TRUTHS[name]["epsilon0"]) ** 2)
        slope = -np.diff(np.log(loss - floor))[0] / np.diff(np.log(at))[0]
        assert slope == pytest.approx(law.exponents(TRUTHS[name])[which], rel=1e-3)


@laws
def test_units_do_not_matter(name):
    law = LAWS[name]
    x = design(law)
    noise = np.exp(0.02 * np.random.default_rng(1).standard_normal(x.shape[1]))
    loss = law.loss(TRUTHS[name], *x) * noise
    one, two = fit_law(law, x, loss), fit_law(law, 1e-6 * x, 100 * loss)
    assert one.objective == pytest.approx(two.objective, rel=1e-6)
    for exponent, value in law.exponents(one.parameters).items():
        assert law.exponents(two.parameters)[exponent] == pytest.approx(value, rel=1e-3)


def test_m4_is_solved_for_every_fit_by_itself():
    v = np.linspace(-30, 30, 61)[None] * np.ones((3, 1))
    a = np.array([[0.2], [1.0], [5.0]])
    right = special.log_expit(v) - a * special.log_expit(-v)
    np.testing.assert_allclose(solve_m4(right, a), v, atol=1e-9)
    lost = np.concatenate([right, np.full((1, 61), np.nan)])
    found = solve_m4(lost, np.concatenate([a, a[:1]]))
    np.testing.assert_array_equal(found[:3], solve_m4(right, a))


def test_the_power_mean_contains_the_sum_and_the_maximum():
    chinchilla, mean, top = LAWS["chinchilla"], LAWS["power-mean"], LAWS["max"]
    truth, x = TRUTHS["chinchilla"], design(LAWS["chinchilla"])
    same = chinchilla.loss(truth, *x)
    assert mean.loss(truth | {"q": 1.0}, *x) == pytest.approx(same, rel=1e-12)
    assert mean.loss(truth | {"q": 2000.0}, *x) == pytest.approx(top.loss(truth, *x), rel=1e-3)


class Bounded(Power):
    """A power law with the exponent 1 + e^θ: no exponent of 1/2 is allowed."""

    inside = {"alpha": 2.0}

    def internal(self, values, origin):
        return np.array([np.log(values["beta"]), np.log(values["alpha"] - 1)])


def test_a_law_says_which_values_it_allows_and_so_how_many_coordinates_it_has():
    assert [LAWS[name].size for name in ("power", "m4")] == [2, 5]
    assert Bounded().size == 2
