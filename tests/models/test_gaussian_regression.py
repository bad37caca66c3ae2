"""SGD on Gaussian regression: one step, noise scales, and whole runs against simulation."""

import numpy as np
import pytest

from lab.models import GaussianRegression

SPECTRUM = 1 / np.arange(1, 21)
ERROR = np.random.default_rng(0).standard_normal(20)
MODEL = GaussianRegression(SPECTRUM, ERROR, np.sqrt(0.5))


def simulated(batch: int, rate: float, steps: int, runs: int) -> np.ndarray:
    """Losses [steps + 1, runs] of SGD with samples drawn one by one."""
    rng = np.random.default_rng([batch, steps])
    e, losses = np.tile(ERROR, (runs, 1)), []
    for _ in range(steps):
        losses.append((SPECTRUM @ e.T**2 + 0.5) / 2)
        x = np.sqrt(SPECTRUM) * rng.standard_normal((runs, batch, 20))
        wrong = np.einsum("rbd,rd->rb", x, e) - np.sqrt(0.5) * rng.standard_normal((runs, batch))
        e = e - rate * np.einsum("rb,rbd->rd", wrong, x) / batch
    return np.array([*losses, (SPECTRUM @ e.T**2 + 0.5) / 2])


def test_the_noise_scales_and_the_gains_are_the_known_ones():
    assert MODEL.B_noise == pytest.approx(66.08, abs=0.005)
    assert MODEL.B_simple == pytest.approx(36.58, abs=0.005)
    known = [0.00619, 0.02369, 0.08091, 0.20420]
    np.testing.assert_allclose(MODEL.improvement([1, 4, 16, 64]), known, atol=6e-6)
    most = MODEL.improvement(np.inf)
    assert MODEL.improvement(MODEL.B_noise) == pytest.approx(most / 2)
    assert MODEL.improvement(16, 1.01 * MODEL.best_rate(16)) < MODEL.improvement(16)


@pytest.mark.parametrize("batch", [1, 4, 16, 64])
def test_one_step_gains_what_simulated_batches_gain(batch):
    rate = MODEL.best_rate(batch)
    losses = simulated(batch, rate, 1, runs=4000)
    gain = losses[0] - losses[1]
    error = gain.std() / np.sqrt(gain.size)
    assert abs(gain.mean() - MODEL.improvement(batch)) < 3 * error
    assert MODEL.initial - MODEL.loss(1, batch, rate) == pytest.approx(MODEL.improvement(batch))


@pytest.mark.parametrize("batch, rate", [(1, 0.1), (4, 0.3)])
def test_the_recursion_is_the_mean_of_simulated_runs(batch, rate):
    losses = simulated(batch, rate, 60, runs=2000)
    for steps in (1, 3, 10, 30, 60):
        error = losses[steps].std() / np.sqrt(2000)
        assert abs(losses[steps].mean() - MODEL.loss(steps, batch, rate)) < 3 * error


def test_large_batches_are_gradient_descent():
    k = np.array([0, 1, 7, 100])
    left = ERROR * (1 - 0.3 * SPECTRUM) ** k[:, None]
    np.testing.assert_allclose(MODEL.loss(k, 1e15, 0.3), (left**2 @ SPECTRUM + 0.5) / 2, rtol=1e-9)


def test_steps_to_a_target_are_the_root_of_the_loss_at_the_best_rate():
    target = 0.3 * MODEL.initial + 0.7 * MODEL.floor
    steps = []
    for batch in (2, 16, 128):
        rate = MODEL.tuned_rate(target, batch)
        steps.append(MODEL.steps(target, batch))
        assert MODEL.loss(steps[-1], batch, rate) == pytest.approx(target)
        for other in (rate / 1.05, rate * 1.05):
            assert MODEL.steps(target, batch, other) > steps[-1]
    S, E = np.array(steps), np.array(steps) * [2, 16, 128]
    assert np.all(np.diff(S) < 0) and np.all(np.diff(E) > 0)
    assert MODEL.steps(MODEL.initial, 4) == 0
    assert MODEL.steps(target, 1, 0.9) == np.inf  # its stationary loss is higher
    assert MODEL.loss(np.inf, 1, 0.9) > target


def test_what_is_out_of_range_is_one_sentence():
    with pytest.raises(ValueError, match="^target = 0.2 is outside"):
        MODEL.steps(0.2, 4)
    with pytest.raises(ValueError, match="shapes .* give two columns"):
        GaussianRegression(SPECTRUM, ERROR[:3], 0.1)
    with pytest.raises(ValueError, match="^batch = 0 "):
        MODEL.improvement(0)
    with pytest.raises(ValueError, match="at no constant rate .* raise the target"):
        MODEL.steps(MODEL.floor + 1e-9, 1)


def test_noise_scales_along_a_run_start_at_those_of_the_first_step_and_rise():
    """At a constant rate the gradient dies and the noise of the labels does not."""
    λ = 1 / np.arange(1, 21.0)
    model = GaussianRegression(λ, np.ones(20), 0.5)
    assert model.scales(0, 16, 0.3) == pytest.approx((model.B_simple, model.B_noise))
    later = [model.scales(t, 16, 0.3) for t in (1, 10, 100)]
    assert np.all(np.diff(later, axis=0) > 0)
    free = GaussianRegression(λ, np.ones(20), 0.0)
    assert np.isnan(free.scales(1e9, 1, 50)).all()
