"""Intervals against independent oracles, and their coverage on simulated scans."""

from itertools import product

import numpy as np
import pytest

from lab.scaling.judge.calibration import Design, Truth, calibrate
from lab.scaling.judge.exponent import exponent
from lab.scaling.laws.fit import fit_law
from lab.scaling.scans.curves import common_exponent, fit_curves
from lab.scaling.scans.lines import bootstrap, resamples, student_quantile, teacher_t
from lab.scaling.scans.scan import Scan

X = np.geomspace(60, 1900, 7)


def test_exact_resamples_equal_all_sequences():
    counts, weight = resamples(3, 2000, 0)
    sequences = [tuple(np.bincount(s, minlength=3)) for s in product(range(3), repeat=3)]
    for count, w in zip(counts, weight, strict=True):
        assert w == pytest.approx(sequences.count(tuple(count)) / 27)
    assert weight.sum() == pytest.approx(1)


def test_exact_and_random_bootstrap_agree():
    alpha = np.array([[0.9, 1.0, 1.2, 0.7, 1.1]])
    exact = bootstrap(alpha, replicates=2000, seed=0)["percentile"]
    rng = np.random.default_rng(0)
    means = rng.choice(alpha[0], (200_000, 5)).mean(1)
    assert np.ravel(exact) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.01)
    many = bootstrap(np.tile(alpha, (1, 3)), replicates=2000, seed=1)["basic"]
    assert many[0][0] < alpha.mean() < many[1][0]


def test_teacher_t_is_students():
    from scipy import stats

    alpha = np.random.default_rng(0).normal(1, 0.1, 6)
    oracle = stats.t.interval(0.95, 5, alpha.mean(), stats.sem(alpha))
    assert np.ravel(teacher_t(alpha[None])) == pytest.approx(oracle)


@pytest.mark.parametrize("floor", [0.0, 1e-2])
def test_the_fast_curves_agree_with_scipy_and_with_the_general_fitter(floor):
    from scipy.optimize import curve_fit

    log_loss = Truth(1.0, floor=floor).simulate(X, 3, 2, 1, np.random.default_rng(0))[0]
    curves = fit_curves(np.log(X), log_loss)
    for k in range(3):
        general = fit_law("power+floor", X[None], np.exp(log_loss[k]))
        assert curves.cost[k] == pytest.approx(general.objective, rel=1e-9)
        assert curves.alpha[k] == pytest.approx(general.parameters["alpha"], rel=1e-5)
        assert curves.floor()[k] == pytest.approx(general.parameters["floor"], rel=1e-4)
        assert curves.amplitude()[k] == pytest.approx(general.parameters["beta"], rel=1e-4)

        def law(x, b, alpha, f):
            return np.log(np.maximum(np.exp(b - alpha * np.log(x)) + f, 1e-12))

        p, _ = curve_fit(law, X, log_loss[k], (np.log(18), 1.0, floor), maxfev=10_000)
        assert curves.alpha[k] == pytest.approx(p[1], rel=1e-3)


def test_more_starts_find_nothing_better():
    truth = Truth(1.0, 0.1, 5e-4, 0.15)
    flat = truth.simulate(X, 4, 2, 100, np.random.default_rng(0)).reshape(400, -1)
    usual = fit_curves(np.log(X), flat)
    dense = fit_curves(np.log(X), flat, starts=tuple(np.linspace(0.01, 3.9, 60)))
    assert (usual.cost <= dense.cost * (1 + 1e-6)).all()


def test_cells_that_were_not_measured_are_left_out():
    log_loss = Truth(1.0, noise=0.05).simulate(X, 4, 2, 1, np.random.default_rng(0))
    holed = log_loss.copy()
    holed[0, 1, [0, 6]] = np.nan
    curves = fit_curves(np.log(X), holed[0])
    alone = fit_curves(np.log(X[1:6]), log_loss[0, 1:2, 1:6])
    assert curves.alpha[1] == pytest.approx(alone.alpha[0], rel=1e-6)
    assert curves.amplitude()[1] == pytest.approx(alone.amplitude()[0], rel=1e-5)
    assert curves.floor()[1] == pytest.approx(alone.floor()[0], rel=1e-4)
    common = common_exponent(np.log(X), holed, curves)
    assert common.dof[0] == 26 - 9
    assert common.profile[0][0] < common.alpha[0] < common.profile[1][0]


def test_the_common_profile_is_where_f_reaches_its_quantile():
    log_loss = Truth(1.0, 0.1, 1e-2).simulate(X, 4, 2, 1, np.random.default_rng(2))
    curves = fit_curves(np.log(X), log_loss[0])
    common = common_exponent(np.log(X), log_loss, curves)
    for end in common.profile:
        held = fit_curves(np.log(X), log_loss[0], alpha=np.repeat(end, 4)).cost.sum()
        f = (held / common.cost[0] - 1) * common.dof[0]
        assert f == pytest.approx(student_quantile(common.dof[0]) ** 2, rel=1e-3)


SCENARIOS = [
    (k, spread, floor, heavy)
    for k in (5, 10)
    for spread in (0.0, 0.1)
    for floor in (0.0, 5e-4, 1e-2)
    for heavy in (False, True)
][::5]


@pytest.mark.parametrize("teachers, spread, floor, heavy", SCENARIOS)
def test_students_interval_of_floored_curves_covers(teachers, spread, floor, heavy):
    truth = Truth(1.0, 0.1, floor, spread=spread, heavy=heavy)
    rng = np.random.default_rng(7)
    losses = truth.simulate(X, teachers, 2, 2000, rng).reshape(-1, X.size)
    alpha = fit_curves(np.log(X), losses).alpha.reshape(2000, teachers)
    lo, hi = teacher_t(alpha)
    covered = np.mean((lo <= 1) & (1 <= hi))
    assert 0.93 <= covered <= 0.97


def test_verdicts_are_rarely_wrong_and_power_is_counted():
    found = calibrate(
        Design(X, 5, 2, 1.0, alternatives={"2/d": 0.5, "near": 0.98}),
        Truth(1.0, spread=0.1),
        scans=600,
        seed=3,
        ratios=(0.5, 0.85, 1, 1.3),
    )
    assert found.coverage["quoted"] >= 0.93
    assert found.wrong < 0.01 and abs(found.bias) < 0.01
    assert found.power["2/d"] > 0.95 and found.power["near"] < 0.2
    assert sum(found.verdicts.values()) == pytest.approx(1)
    ratios = sorted(found.by_ratio)
    agrees, _ = np.array([found.by_ratio[r] for r in ratios]).T
    assert (np.diff(agrees) >= 0).all()  # of a bound


def test_a_false_prediction_is_found_out():
    found = calibrate(Design(X, 5, 2, 2.0), Truth(1.0, 0.1, spread=0.05), scans=200, seed=4)
    assert found.verdicts["contradicts"] > 0.9 and found.wrong == 0


def test_the_truth_of_a_fit_resembles_the_truth_it_came_from():
    truth = Truth(1.0, 0.3, 1e-2, noise=0.1, spread=0.1)
    rng = np.random.default_rng(0)
    own = truth.simulate(X, 40, 2, 1, rng)[0]
    scan = Scan(X, own, np.full(own.shape, 2), tuple(map(str, range(40))))
    found = Truth.of(exponent(scan, law="power+floor"), scan)
    assert found.alpha == pytest.approx(1.0, abs=0.1)
    assert found.first == pytest.approx(0.3, rel=0.3)
    assert found.floor == pytest.approx(0.01, rel=0.3)
    assert found.noise == pytest.approx(0.1, rel=0.2)
    assert found.spread == pytest.approx(0.1, rel=0.5)
