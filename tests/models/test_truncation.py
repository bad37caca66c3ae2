"""The truncated power-law spectrum: sums, exponents of its frontier, stopping excess."""

import numpy as np
import pytest
from scipy import integrate
from scipy.special import zeta

import lab
from lab.models import Truncation

PAIRS = {(1.5, 1.5): 0.17321, (2, 1.25): 0.32586}


def frontier(model: Truncation, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best whole N at each C = N t, and its loss, by search on a fine grid."""
    N = np.unique(np.geomspace(30, 1e6, 3000).astype(int))
    loss = model.loss(N[:, None], C / N[:, None])
    best = loss.argmin(0)
    assert 0 < best.min() and best.max() < len(N) - 1
    return N[best], loss.min(0)


@pytest.mark.parametrize("a, b", [(1.5, 1.5), (1.1, 0.5), (3, 0.3)])
@pytest.mark.parametrize("N, t", [(0, 1), (7, 0.3), (2048, 1e3), (2049, 50), (300_000, 1e7)])
def test_the_loss_is_the_sum_term_by_term(a, b, N, t):
    k = np.arange(N, 0, -1, dtype=float)
    terms = np.sum(k**-a * np.exp(-2 * k**-b * t))
    assert Truncation(a, b).loss(N, t) == pytest.approx(terms + zeta(a, N + 1), rel=1e-12)


def test_the_loss_is_what_gradient_flow_leaves():
    """dw_k/dt = −λ_k (w_k − w*_k), stepped numerically, on a spectrum of 40 of 4000 modes."""
    a, b, N, many = 2.5, 1.2, 40, 4000
    k = np.arange(1, many + 1.0)
    rate, target = k**-b, np.sqrt(k ** (b - a))
    flow = integrate.solve_ivp(
        lambda _, w: rate[:N] * (target[:N] - w), (0, 30), np.zeros(N), t_eval=[1, 5, 30],
        rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    left = np.tile(target, (3, 1))
    left[:, :N] -= flow.y.T
    loss = (rate * left**2).sum(1) + zeta(a, many + 1)
    np.testing.assert_allclose(Truncation(a, b).loss(N, flow.t), loss, rtol=1e-6)


@pytest.mark.parametrize("a, b", [*PAIRS, (1.3, 0.8)])
def test_the_frontier_has_the_exponents_and_the_excess_that_the_model_says(a, b):
    model, C = Truncation(a, b), np.geomspace(1e5, 1e9, 9)
    N, loss = frontier(model, C)
    assert np.polyfit(np.log(C), np.log(N), 1)[0] == pytest.approx(model.xi, abs=0.003)
    assert -np.polyfit(np.log(C), np.log(loss), 1)[0] == pytest.approx(model.eta, abs=0.002)
    assert (loss / model.loss(N, np.inf) - 1)[-1] == pytest.approx(model.excess, rel=0.01)
    assert model.excess == pytest.approx(PAIRS.get((a, b), model.excess), abs=5e-6)
    assert C[-1] / N[-1] / N[-1] ** b == pytest.approx(model.stopping, rel=0.02)


def test_the_scaling_form_is_its_integral_and_the_limit_of_the_loss():
    model, u = Truncation(1.4, 1.1), 0.3
    integral, _ = integrate.quad(lambda x: x**-1.4 * np.exp(-2 * u * x**-1.1), 0, 1)
    assert model.scaling(u) == pytest.approx(integral + 1 / 0.4, rel=1e-9)
    N = 10**7
    assert model.loss(N, u * N**1.1) * N**0.4 == pytest.approx(model.scaling(u), rel=1e-5)
    slope = np.diff(np.log(model.loss(1e12, [1e6, 1e8]))) / np.log(100)
    assert -slope[0] == pytest.approx(model.time_exponent, abs=1e-3)


def test_arguments_broadcast_and_what_is_out_of_range_is_one_sentence():
    model = lab.models.Truncation(1.5, 1.5)
    both = model.loss(np.array([[3], [30]]), [1.0, 2.0, np.inf])
    assert both.shape == (2, 3) and both[1, 0] == model.loss(30, 1)
    assert isinstance(model.loss(30, 1), float) and model.loss([], 1).shape == (0,)
    assert model.loss(30.7, np.inf) == pytest.approx(zeta(1.5, 31))
    with pytest.raises(ValueError, match=r"^a = 1 is outside .* give a number in \(1, inf\)$"):
        Truncation(1, 2)
    with pytest.raises(ValueError, match="^t = -1 "):
        model.loss(3, [1, -1])
    with pytest.raises(ValueError, match="^N = nan "):
        model.loss(np.nan, 1)
