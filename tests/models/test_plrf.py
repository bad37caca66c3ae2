"""Power-law random features: exact mean of SGD, limits, phases, exponents of the frontier."""

import numpy as np
import pytest

from lab.models import PLRF, PLRFEquivalent, plrf_frontier


def simulated(model: PLRF, steps: int, runs: int) -> np.ndarray:
    """P [steps + 1, runs] of one-pass SGD with samples drawn one by one."""
    rng = np.random.default_rng([5, model.seed])
    j = np.arange(1, model.v + 1.0)
    scale, target, W = j**-model.alpha, j**-model.beta, model.features
    theta, risks = np.zeros((runs, model.d)), []
    for _ in range(steps + 1):
        risks.append(((theta @ W.T - target) ** 2) @ scale**2)
        x = scale * rng.standard_normal((runs, model.v))
        wrong = np.einsum("rd,rd->r", x @ W, theta) - x @ target
        theta = theta - model.step * wrong[:, None] * (x @ W)
    return np.array(risks)


@pytest.mark.parametrize("alpha, beta", [(1, 0.3), (0.4, 1)])
def test_the_risk_is_the_mean_of_simulated_sgd(alpha, beta):
    model = PLRF(alpha, beta, d=15, v=100, rate=0.5, seed=1)
    risks = simulated(model, 60, runs=1500)
    for t in (0, 1, 3, 10, 30, 60):
        error = risks[t].std() / np.sqrt(1500)
        assert abs(risks[t].mean() - model.risk(t)) < 3 * error + 1e-12


@pytest.mark.parametrize("alpha, beta, limit", [
    (1, 0.3, 0.00790), (0.75, 0.25, 0.0810), (0.4, 1, 0.2242),
])  # fmt: skip
def test_the_limit_is_near_its_deterministic_equivalent(alpha, beta, limit):
    models = [PLRF(alpha, beta, d=50, v=500, rate=0.5, seed=seed) for seed in range(60)]
    limits = np.array([model.limit for model in models])
    assert models[0].equivalent_limit == pytest.approx(limit, rel=1e-3)
    error = limits.std() / np.sqrt(60)
    assert abs(limits.mean() - limit) < 3 * error and error < 0.03 * limit


def test_the_limit_is_least_squares_and_the_stationary_risk_lies_above():
    model = PLRF(1, 0.75, d=20, v=60, rate=0.4, seed=3)
    scale = np.arange(1, 61.0) ** -1
    y = scale * np.arange(1, 61.0) ** -0.75
    residual = y - scale[:, None] * model.features @ np.linalg.lstsq(
        scale[:, None] * model.features, y, rcond=None
    )[0]  # fmt: skip
    assert model.limit == pytest.approx(residual @ residual)
    assert model.risk(0) == pytest.approx(y @ y)
    λ = np.linalg.eigvalsh(model.features.T @ (scale[:, None] ** 2 * model.features))
    assert model.step == pytest.approx(0.4 / λ.sum())
    norm = np.sum(model.step * λ / (1 - model.step * λ)) / 2
    assert model.risk(np.inf) == pytest.approx(model.limit / (1 - norm))
    late = model.risk([1e8, 1e9, 1e12])
    np.testing.assert_allclose(late, model.risk(np.inf), rtol=1e-6)
    assert model.stable and not PLRF(1, 0.75, 20, 60, rate=2.5, seed=3).stable
    assert PLRF(1, 0.75, 20, 60, rate=2.5, seed=3).risk(np.inf) == np.inf


@pytest.mark.parametrize("alpha, beta, phase, eta, xi", [
    (1, 0.3, "Ia", 1.6 / 3, 1 / 3), (0.75, 0.25, "Ia", 0.4, 0.4),
    (0.33, 0.45, "Ib", 0.28, 0.5), (0.45, 0.33, "Ib", 0.28, 0.5),
    (0.2, 1, "Ic", 0.28 / 1.2, 0.7 / 1.2), (1.25, 0.75, "II", 0.75, 0.375),
    (1, 2, "III", 0.75, 0.5), (0.4, 1, "IVa", 0.4, 0.5),
    (0.27, 1, "IVb", 0.46 * 1.54 / (2 * 1.19), 0.73 / 1.19),
])  # fmt: skip
def test_phases_and_exponents_are_those_of_the_table(alpha, beta, phase, eta, xi):
    model = PLRF(alpha, beta, d=4, v=8, rate=0.5, seed=0)
    assert (model.phase, model.eta, model.xi) == (phase, pytest.approx(eta), pytest.approx(xi))
    assert len(set(model.binding)) == 2


def named(alpha: float, beta: float) -> str:
    """The phase by the inequalities of the table, one after the other."""
    rows = {
        "Ia": alpha > 0.5 and beta < 0.5, "Ib": alpha < 0.5 and beta < 0.5,
        "Ic": alpha < 0.25 and beta > 0.5, "II": alpha > 0.5 and 0.5 < beta < alpha,
        "III": alpha > 0.5 and beta > 0.5 and beta > alpha,
        "IVa": 1 - 0.5**0.5 < alpha < 0.5 and beta > 0.5,
        "IVb": 0.25 < alpha < 1 - 0.5**0.5 and beta > 0.5,
    }  # fmt: skip
    (found,) = [name for name, inside in rows.items() if inside]
    return found


def test_every_pair_that_has_a_power_law_has_the_phase_of_its_inequalities():
    grid = np.arange(0.013, 2.5, 0.0371), np.arange(-1.987, 2.5, 0.0371)
    pairs = [(a, b) for a in grid[0] for b in grid[1] if a + b > 0.5]
    phases = {(a, b): PLRF(a, b, d=1, v=1, rate=0.5, seed=0).phase for a, b in pairs}
    assert phases == {pair: named(*pair) for pair in pairs} and len(set(phases.values())) == 7


@pytest.mark.parametrize("alpha, beta", [(1, 0.3), (1, 2), (0.4, 1), (0.27, 1)])
def test_the_equivalent_is_the_mean_of_drawn_features(alpha, beta):
    """Within 3.5 standard errors and 1 %, at all times, of a mean over 40 draws of 80 features."""
    t = np.array([0, 1, 3, 10, 30, 100, 255, 256, 300, 1e4, 1e6, 1e9])
    drawn = np.array([PLRF(alpha, beta, 80, 400, 0.5, seed).risk(t) for seed in range(40)])
    equivalent = PLRFEquivalent(alpha, beta, 80, 400, 0.5)
    error = drawn.std(0, ddof=1) / np.sqrt(40)
    assert (np.abs(drawn.mean(0) - equivalent.risk(t)) < 3.5 * error + 0.01 * drawn.mean(0)).all()
    model = PLRF(alpha, beta, 80, 400, 0.5, 0)
    assert equivalent.risk(0) == pytest.approx(model.risk(0), rel=1e-6)
    assert equivalent.limit == pytest.approx(model.equivalent_limit, rel=1e-6)


def test_both_contours_of_the_equivalent_join():
    model = PLRFEquivalent(0.8, 0.7, 400, 4000, 0.4)
    before, *both, after = np.log(model.risk([255, 255.4, 256, 257]))
    assert before == both[0] and both[1] == pytest.approx((before + after) / 2, abs=1e-4)
    assert (np.diff(model.risk(np.geomspace(1, 1e6, 40))) <= 0).all()


@pytest.mark.parametrize("alpha, beta, within", [
    (1, 0.3, 0.01), (0.75, 0.25, 0.01), (1.25, 0.75, 0.01), (0.9, -0.1, 0.01), (1, 2, 0.06),
    (0.7, 1.5, 0.06), (0.59, 1.3, 0.06), (0.4, 1, 0.06), (0.42, 1.5, 0.06), (0.34, 1.9, 0.06),
])  # fmt: skip
def test_the_frontier_of_the_equivalent_holds_the_table(alpha, beta, within):
    model = PLRFEquivalent(alpha, beta, 4, 8, 0.5)
    for found, truth in zip(plrf_frontier(alpha, beta), (model.xi, model.eta), strict=True):
        low, high = found.interval
        assert low <= truth <= high and (high - low) / 2 <= within


@pytest.mark.parametrize("alpha, beta", [(0.3, 0.69), (0.27, 1.0)])
def test_a_crossover_of_two_phases_is_told_and_no_interval_excludes_either(alpha, beta):
    truth = PLRF(alpha, beta, 1, 1, 0.5, 0)
    for found, value in zip(plrf_frontier(alpha, beta), (truth.xi, truth.eta), strict=True):
        assert found.border == ("IVa", "IVb")
        assert found.interval[0] <= value <= found.interval[1]


@pytest.mark.parametrize("one, other", [
    ((0.5, 0.3), (0.501, 0.3)), ((1, 0.5), (1, 0.501)), ((1, 1), (1, 1.001)),
    ((0.25, 1.1), (0.2501, 1.1)), ((1 - 0.5**0.5, 1.1), (0.2935, 1.1)), ((0.5, 2), (0.501, 2)),
    ((0.2, 0.5), (0.2, 0.501)), ((0.3, 0.5), (0.3, 0.501)),
])  # fmt: skip
def test_eta_is_continuous_at_the_borders_of_phases(one, other):
    a, b = (PLRF(*pair, d=4, v=8, rate=0.5, seed=0) for pair in (one, other))
    assert a.phase != b.phase and a.eta == pytest.approx(b.eta, abs=0.005)


@pytest.mark.parametrize("alpha, beta", [(1, 0.3), (1.25, 0.75)])
def test_the_frontier_of_the_risk_has_the_exponents_of_its_phase(alpha, beta):
    sizes = np.unique(np.geomspace(12, 300, 12).astype(int))
    C = np.geomspace(1e4, 3e5, 7)
    curves = np.mean([
        [np.log(PLRF(alpha, beta, int(d), int(8 * d), 0.5, seed).risk(C / d)) for d in sizes]
        for seed in range(3)
    ], axis=0)  # fmt: skip
    best = []
    for column in curves.T:
        cubic = np.polyfit(np.log(sizes), column, 3)
        grid = np.linspace(*np.log(sizes[[0, -1]]), 500)
        best.append(np.polyval(cubic, grid).min())
    model = PLRF(alpha, beta, 4, 8, 0.5, 0)
    assert -np.polyfit(np.log(C), best, 1)[0] == pytest.approx(model.eta, abs=0.03)


def test_what_is_out_of_range_is_one_sentence():
    with pytest.raises(ValueError, match="no power law, .* raise one of them$"):
        PLRF(0.3, 0.2, 4, 8, 0.5, 0)
    with pytest.raises(ValueError, match=r"^v = 3 is outside .* in \[4, inf\)$"):
        PLRF(1, 1, 4, 3, 0.5, 0)
    with pytest.raises(ValueError, match="^rate = 0 "):
        PLRF(1, 1, 4, 8, 0, 0)
    with pytest.raises(ValueError, match="^t = -1 "):
        PLRF(1, 1, 4, 8, 0.5, 0).risk([3, -1])
    with pytest.raises(ValueError, match=r"^v = 3 is outside .* in \[4, 1e30\]$"):
        PLRFEquivalent(1, 1, 4, 3, 0.5)
    with pytest.raises(ValueError, match="^rate = 0.6 "):
        PLRFEquivalent(1, 1, 4, 8, 0.6)
    with pytest.raises(ValueError, match="no power law"):
        plrf_frontier(0.2, 0.2)
