"""The plane of N and D: slopes and joint laws of losses that are known."""

import numpy as np
import pytest

from lab.scaling.laws.prediction import JOINT_LAWS, LIMITED, Plane

N = np.geomspace(50, 5000, 9)
D = np.geomspace(100, 20_000, 8)
A, ALPHA, B, BETA = 3.0, 0.9, 5.0, 0.7


def plane(law, noise=0.0, teachers=4):
    """Teachers with their own amplitude; `law` of N and D, the last column at D = ∞."""
    rng = np.random.default_rng(0)
    at = np.meshgrid(N, [*D, np.inf], indexing="ij")
    loss = np.array([np.exp(0.2 * k) * law(*at) for k in range(teachers)])
    loss *= np.exp(noise * rng.normal(size=loss.shape))
    return Plane(N, D, loss[..., :-1], loss[..., -1])


def additive(n, d):
    return A * n**-ALPHA + B * d**-BETA


def test_share_is_that_of_the_slopes_of_the_law():
    n, d = np.meshgrid(N, D, indexing="ij")
    by_N, by_D = ALPHA * A * n**-ALPHA, BETA * B * d**-BETA
    got, true = plane(additive).share, by_D / (by_N + by_D)
    assert np.abs(got - true)[1:-1, 1:-1].max() < 0.03  # central differences, to second order


def test_share_tells_the_two_sides_of_the_larger_of_two_terms():
    found = plane(lambda n, d: np.maximum(A * n**-ALPHA, B * d**-BETA))
    n, d = np.meshgrid(N, D, indexing="ij")
    gap = np.log((A * n**-ALPHA) / (B * d**-BETA))
    assert (found.share[gap > 1] < 1 - LIMITED).all()
    assert (found.share[gap < -1] > LIMITED).all()


def test_the_true_law_comes_first_and_knows_the_limit_that_it_has_not_seen():
    best, *others = plane(additive, noise=0.01).joint()
    assert best.law in ("chinchilla", "power-mean")  # additive is power-mean with q = 1
    (chinchilla,) = [j for j in (best, *others) if j.law == "chinchilla"]
    for value, interval, true in ((chinchilla.alpha, chinchilla.alpha_interval, ALPHA),
                                  (chinchilla.beta, chinchilla.beta_interval, BETA)):  # fmt: skip
        assert value == pytest.approx(true, rel=0.03)
        assert interval[0] < true < interval[1]
    assert chinchilla.residual < 0.015 and chinchilla.ahead < 0.03
    (largest,) = [j for j in others if j.law == "max"]
    assert largest.ahead > 3 * chinchilla.ahead
    assert {j.law for j in (best, *others)} <= set(JOINT_LAWS)


def test_a_floor_is_seen_in_both_limits():
    found = plane(lambda n, d: additive(n, d) + 0.02)
    (chinchilla,) = [j for j in found.joint(("chinchilla",))]
    assert chinchilla.alpha == pytest.approx(ALPHA, rel=1e-4)
    assert chinchilla.beta == pytest.approx(BETA, rel=1e-4)
    assert chinchilla.ahead < 1e-4
