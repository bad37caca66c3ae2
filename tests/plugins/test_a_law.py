"""A law of one variable of one's own, a parabola of logarithms, through `lab fit`."""

import csv
import json

import numpy as np
import pytest
from invocation import invoke

from lab.scaling.laws.fit import LAWS
from lab.scaling.laws.law import Law, itself


class Parabola(Law):
    """log L = b − α log x − κ (log x)², θ = (ℓ, a, κ) with the same about the mean of log x."""

    name, variables, parameters = "parabola", ("x",), ("b", "alpha", "kappa")
    coordinates = {"kappa": 2}
    pins = {"kappa": itself(2)}

    def evaluate(self, theta, z):
        level, a, kappa = theta.T[:, :, None]
        mu = level - a * z[0] - kappa * z[0] ** 2
        powers = [np.broadcast_to(-(z[0] ** n), mu.shape) for n in (1, 2)]
        return mu, np.stack([np.ones_like(mu), *powers], 1)

    def natural(self, theta, origin):
        level, a, kappa = theta.T
        o = origin[0]
        return np.stack([level + a * o - kappa * o**2, a - 2 * kappa * o, kappa], 1)

    def internal(self, values, origin):
        b, alpha, kappa = (values[name] for name in self.parameters)
        o = origin[0]
        return np.array([b - alpha * o - kappa * o**2, alpha + 2 * kappa * o, kappa])

    def starts(self, z, log_loss, count):
        kappa, a, level = np.polyfit(z[0], log_loss, 2)
        return np.array([[level, -a, -kappa]])

    def exponents(self, values):
        return {"alpha": values["alpha"]}


@pytest.fixture
def table(tmp_path, monkeypatch, weights_once):
    monkeypatch.setitem(LAWS, "parabola", Parabola())
    x = np.geomspace(10, 1e4, 20)
    noise = np.random.default_rng(0).normal(0, 0.01, x.size)
    with open(tmp_path / "t.csv", "w", newline="") as file:
        loss = np.exp(1 - 0.2 * np.log(x) - 0.05 * np.log(x) ** 2 + noise)
        csv.writer(file).writerows([("x", "loss"), *zip(x, loss, strict=True)])
    return tmp_path / "t.csv"


def test_a_law_of_ones_own_is_fitted_and_compared_with_the_others(table):
    asked = ("fit", table, "--law", "parabola", "--x", "x", "--loss", "loss")
    found = json.loads(invoke(*asked, "--json").stdout)
    assert found["status"] == "converged" or found["status"]["name"] == "converged"
    assert found["parameters"]["kappa"] == pytest.approx(0.05, abs=0.01)
    low, high = found["intervals"]["kappa"][found["quoted"]["kappa"]]
    assert low < 0.05 < high
    assert found["weights"]["aicc"]["parabola"] > 0.5
    assert "parabola fitted to 20 rows" in invoke(*asked).stdout
