"""Rate classes: exact errors against simulated learners, and the rates that they approach."""

import numpy as np
import pytest

from lab.models import GeometricThreshold, IntervalThreshold, Memoriser, UnseenPoint


def within(samples: np.ndarray, exact: float) -> None:
    error = samples.std(ddof=1) / np.sqrt(samples.size)
    assert abs(samples.mean() - exact) < 3 * error and error < 0.1 * exact


def local(model, n: np.ndarray) -> np.ndarray:
    """−d log E/d log n."""
    return -np.diff(np.log(model.error(n))) / np.diff(np.log(n))


def test_a_memoriser_of_finitely_many_points_is_exponential_at_last():
    p, n, rng = np.array([0.5, 0.3, 0.15, 0.05]), 12, np.random.default_rng(0)
    model = Memoriser(10 * p)
    seen = rng.choice(4, p=p, size=(20_000, n))
    within(np.array([p[~np.isin(range(4), one)].sum() / 2 for one in seen]), model.error(n))
    slope = -np.diff(np.log(model.error([400, 401])))[0]
    assert slope == pytest.approx(model.rate, rel=1e-6) == -np.log(0.95)
    assert model.error(0) == 0.5 and model.rate_class == "exponential"
    assert Memoriser([1.0]).error([0, 1]).tolist() == [0.5, 0]


@pytest.mark.parametrize("s", [0.3, 1.0, 2.5])
def test_a_memoriser_of_a_power_law_is_slow(s):
    model, k = Memoriser(decay=s), np.arange(1, 4_000_001.0)
    p = k ** -(1 + s)
    p /= p.sum() + 4_000_000.5**-s / s
    for n in (0, 1, 30, 1000):
        rest = 1 - p.sum() if n < 10**6 else 0
        assert model.error(n) == pytest.approx(0.5 * (p @ (1 - p) ** n + rest), rel=1e-5)
    assert local(model, np.array([1e9, 1e10]))[0] == pytest.approx(s / (1 + s), abs=2e-3)
    assert model.exponent == s / (1 + s) and model.rate_class == "slow"


def test_a_threshold_on_geometric_masses_is_exponential_beyond_its_range():
    model, rng = GeometricThreshold(5), np.random.default_rng(1)
    assert model.rate == pytest.approx(0.0317, abs=5e-5)
    assert -np.log(model.error(80)) / 80 == pytest.approx(0.075, abs=5e-4)
    assert -np.diff(np.log(model.error([2000, 2001])))[0] == pytest.approx(model.rate, rel=1e-6)
    k = rng.geometric(0.5, size=(40_000, 20))
    top = np.where(k <= 5, k, 0).max(1)
    within(0.5**top - 0.5**5, model.error(20))
    assert GeometricThreshold(3, 0.9).error(0) == pytest.approx(1 - 0.9**3)


@pytest.mark.parametrize("c", [None, 0.5, 0.1])
@pytest.mark.parametrize("n", [0, 1, 10])
def test_the_middle_of_the_gap_is_linear(c, n):
    rng = np.random.default_rng(2)
    target = rng.uniform(size=20_000) if c is None else np.full(20_000, c)
    x = rng.uniform(size=(20_000, n)) - target[:, None]
    left = np.where(x < 0, x, -target[:, None]).max(1, initial=-1.0) if n else -target
    right = np.where(x > 0, x, (1 - target)[:, None]).min(1, initial=1.0) if n else 1 - target
    errors = np.abs(np.maximum(left, -target) + np.minimum(right, 1 - target)) / 2
    exact = IntervalThreshold(c).error(n)
    assert abs(errors.mean() - exact) <= 3 * errors.std() / np.sqrt(errors.size) + 1e-12
    assert IntervalThreshold(0.3).error(10**6) == pytest.approx(0.5e-6, rel=1e-5)
    assert IntervalThreshold().error([10, 100]) == pytest.approx([1 / 24, 1 / 204])


def test_betting_on_an_unseen_point_is_log_n_over_n():
    model, rng, n = UnseenPoint(), np.random.default_rng(3), 50
    mass = np.concatenate([np.full(2**i, 4.0**-i) for i in range(1, 12)])
    seen = rng.poisson(n * mass, size=(4000, mass.size)) > 0
    within(mass[np.argmin(seen, axis=1)], model.error(n))
    n = np.geomspace(1e3, 1e12, 200)
    ratio = model.error(n) * n / np.log(n)
    assert ratio.max() / ratio.min() < 4 and abs(np.polyfit(np.log(n), np.log(ratio), 1)[0]) < 0.02


@pytest.mark.parametrize("wrong, sentence", [
    (lambda: Memoriser(), "^a memoriser needs a support or a decay"),
    (lambda: Memoriser([0.5, 0.0]), "^support = 0 "),
    (lambda: Memoriser(decay=1.0).error(-1), "^n = -1 "),
    (lambda: GeometricThreshold(0), "^last = 0 "),
    (lambda: IntervalThreshold(1.5), "^threshold = 1.5 "),
])  # fmt: skip
def test_what_is_out_of_range_is_one_sentence(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()
