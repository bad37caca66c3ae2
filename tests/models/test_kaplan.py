"""Kaplan's identities: against numerical optima of the law that they come from."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from lab.models import KaplanCompute


def test_the_published_numbers_follow():
    model = KaplanCompute()
    assert model.alpha_C == pytest.approx(0.05245, abs=5e-6)
    N, S, C = KaplanCompute(alpha_N=0.076).at_excess(0.02, excess=0.1)
    assert (N, S, C) == pytest.approx((2.7007, 0.13288, 0.3589), rel=1e-4)
    assert model.excess == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize("model", [
    KaplanCompute(), KaplanCompute(0.3, 0.5, np.inf, 10.0, 5.0, 1.0),
    KaplanCompute(0.5, 0.2, 0.4, 3.0, 20.0, 7.0),
])  # fmt: skip
@pytest.mark.parametrize("scale", [1e-6, 1.0])
def test_the_frontier_is_the_optimum_of_the_law(model, scale):
    C = scale * model.C_c

    def loss(log_N: float) -> float:
        """L of the steps that C pays for: 6 N B_crit(L) S_min = C."""
        N = np.exp(log_N)

        def missing(log_L: float) -> float:
            S = C / (6 * N * model.critical_batch(np.exp(log_L)))
            return np.log(model.loss(N, S)) - log_L

        return brentq(missing, -60, 60, xtol=1e-14)

    best = model.optimum(C)
    found = minimize_scalar(loss, bracket=(np.log(best.N) - 1, np.log(best.N) + 0.5), tol=1e-9)
    assert np.exp(found.fun) == pytest.approx(best.loss, rel=1e-9)
    assert found.x == pytest.approx(np.log(best.N), abs=1e-4)
    assert model.loss(best.N, best.S) == pytest.approx(best.loss)
    assert 6 * best.N * best.S * model.critical_batch(best.loss) == pytest.approx(C)
    assert best.loss / model.loss(best.N, np.inf) - 1 == pytest.approx(model.excess)
    steeper = model.optimum([C, 10 * C])
    assert np.diff(np.log10(steeper.N))[0] == pytest.approx(model.xi)


def test_steps_and_samples_lie_on_the_hyperbola_of_the_critical_batch():
    model, batch, S = KaplanCompute(), np.geomspace(1e3, 1e9, 7), 1e5
    steps, samples = (f(S, batch, 3.0) for f in (model.minimal_steps, model.minimal_samples))
    np.testing.assert_allclose((S / steps - 1) * (batch * S / samples - 1), 1)
    np.testing.assert_allclose(samples / steps, model.critical_batch(3.0))
    critical = model.critical_batch(3.0)
    assert model.minimal_steps(S, critical, 3.0) == S / 2


def test_what_is_out_of_range_is_one_sentence():
    with pytest.raises(ValueError, match="^alpha_S = 0 "):
        KaplanCompute(alpha_S=0)
    with pytest.raises(ValueError, match="^C = -1 "):
        KaplanCompute().optimum(-1)
