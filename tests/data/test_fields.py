"""Gaussian fields have the covariance that they name, and do not change when points are added."""

import math

import numpy as np
import pytest

from lab.data import teachers
from lab.data.covariances import NetworkCovariance, RadialCovariance
from lab.data.spectra import Spectrum


def sphere(n: int, d: int) -> np.ndarray:
    x = np.random.default_rng([n, d]).standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "covariance",
    [
        RadialCovariance(nu=0.5),
        RadialCovariance(nu=2.5, length=0.7),
        NetworkCovariance("relu", depth=2, bias=0.5),
    ],
)
def test_the_covariance_of_a_field_is_the_one_asked_for(covariance):
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (12, 3))
    f = teachers.draw_field(x, covariance=covariance, outputs=20_000, rng=np.random.default_rng(1))
    empirical, kernel = f @ f.T / f.shape[1], covariance(x, x)
    # var(f f′) = k k + k′²
    scatter = np.sqrt((np.outer(np.diag(kernel), np.diag(kernel)) + kernel**2) / f.shape[1])
    assert np.all(np.abs(empirical - kernel) < 4 * scatter)


@pytest.mark.parametrize("covariance", [RadialCovariance(nu=1.5), NetworkCovariance("relu")])
def test_more_points_and_more_outputs_change_no_value_drawn_before(covariance):
    x = sphere(900, 2)
    small = teachers.draw_field(
        x[:300], covariance=covariance, outputs=2, rng=np.random.default_rng(7)
    )
    large = teachers.draw_field(x, covariance=covariance, outputs=3, rng=np.random.default_rng(7))
    np.testing.assert_allclose(large[:300, :2], small, atol=1e-9)
    other = teachers.draw_field(
        x[:300], covariance=covariance, outputs=2, rng=np.random.default_rng(8)
    )
    assert np.abs(other - small).max() > 0.1


def test_a_field_is_as_smooth_as_its_covariance():
    # mean square increments over h: h^(2ν) below ν = 1, h² above
    for nu, order in ((0.25, 0.5), (0.5, 1.0), (1.5, 2.0)):
        steps = 0.002 * 2.0 ** np.arange(4)
        x = np.concatenate([[0.0], steps])[:, None]
        f = teachers.draw_field(
            x, covariance=RadialCovariance(nu=nu), outputs=20_000, rng=np.random.default_rng(0)
        )
        increments = np.mean((f[1:] - f[0]) ** 2, axis=1)
        slope = np.polyfit(np.log(steps), np.log(increments), 1)[0]
        assert slope == pytest.approx(order, abs=0.06)


def test_a_smooth_field_is_drawn_with_a_nugget():
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (400, 2))
    f = teachers.draw_field(
        x, covariance=RadialCovariance(nu=math.inf), rng=np.random.default_rng(0)
    )
    near = np.argsort(np.linalg.norm(x - x[0], axis=1))[1]
    assert abs(f[near] - f[0]) < 0.3
    assert np.isfinite(f).all()


def test_too_many_points_are_refused():
    with pytest.raises(ValueError, match="16384 points or fewer"):
        teachers.draw_field(
            np.zeros((20_000, 1)), covariance=RadialCovariance(), rng=np.random.default_rng(0)
        )
    with pytest.raises(ValueError, match="nugget"):  # a hundred copies of one point
        teachers.draw_field(np.zeros((100, 1)), covariance=Bad(), rng=np.random.default_rng(0))


class Bad(RadialCovariance):
    """Not positive definite."""

    def __call__(self, x, y):
        return -super().__call__(x, y)


# ---- the spectral task ------------------------------------------------------------------------


def test_a_spectrum_has_the_variances_and_powers_that_it_names():
    task = Spectrum(a=2.0, b=1.5, modes=40)
    rng = np.random.default_rng(0)
    x, teacher = task.points(50_000, rng=rng), task.teacher(rng=rng)
    np.testing.assert_allclose(x.var(axis=0), np.arange(1, 41) ** -1.5, rtol=0.04)
    np.testing.assert_allclose(task.eigenvalues * teacher[:, 0] ** 2, task.power)
    assert task.power[7] / task.power[3] == pytest.approx(2**-2.0)
    assert np.var(x @ teacher) == pytest.approx(1, rel=0.04)
    assert task.risk(np.zeros((40, 1)), teacher) == pytest.approx(1)
    guess = teacher + 0.3 * rng.standard_normal((40, 1))
    error = (x @ (guess - teacher))[:, 0] ** 2
    assert task.risk(guess, teacher) == pytest.approx(error.mean(), rel=0.04)


def test_a_longer_draw_begins_with_the_shorter_one():
    task = Spectrum(a=2.0, b=1.5, modes=10)
    short, long = (task.points(n, rng=np.random.default_rng(3)) for n in (20, 50))
    np.testing.assert_array_equal(short, long[:20])
