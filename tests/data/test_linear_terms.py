"""The best linear N-term loss: closed forms on the circle, published tails, slopes in the end."""

import numpy as np
import pytest
from scipy.special import comb, eval_gegenbauer

from lab.config import study
from lab.data.covariances import NetworkCovariance, RadialCovariance
from lab.data.linear_terms import _on_sphere, _on_torus, field_of, linear_terms

TEACHER = NetworkCovariance("relu", weight=1.0, bias=0.5)
"""Of weights N(0, 1/(d+1)) and biases N(0, 1/4)."""


def test_relu_ridges_on_the_circle_have_their_closed_form():
    found = _on_sphere(NetworkCovariance("relu", weight=1.0), 1)
    # (sin θ + (π − θ) cos θ)/2π = Σ c_k cos kθ has c_k ∝ (k² − 1)^−2 at even k, and 1/8 twice at 1
    k = np.arange(2, 2_000_000, 2, dtype=float)
    even = 2 / np.pi**2 * (k**2 - 1) ** -2
    odd = 1 / 8
    power = 2 * np.concatenate([[odd], even])
    tail = power[::-1].cumsum()[::-1]
    assert np.array_equal(found.N[:50], 2 * np.arange(1, 51))
    assert found.value[:50] == pytest.approx(tail[1:51] / tail[0], rel=found.error)
    assert found.value[1500] == pytest.approx(tail[1501] / tail[0], rel=1e-2)


@pytest.mark.parametrize(
    "d, tails",
    [
        (2, [2.80e-4, 5.00e-5, 7.77e-6, 1.10e-6, 1.47e-7]),
        (4, [3.71e-3, 1.45e-3, 5.44e-4, 1.99e-4, 7.2e-5]),
        (8, [1.17e-2, 6.26e-3, 3.38e-3, 1.87e-3, 1.05e-3]),
    ],
)
def test_tails_of_a_wide_relu_teacher(d, tails):
    """Known to three digits at most, and with the constant as one of the N."""
    N = np.array([113, 353, 1217, 4481, 17153])
    assert _on_sphere(TEACHER, d).loss(N - 1) == pytest.approx(tails, rel=0.01)


@pytest.mark.parametrize("d, degrees", [(2, 130), (4, 30), (8, 9)])
@pytest.mark.parametrize("field", [TEACHER, RadialCovariance(nu=1.5)])
def test_tails_at_complete_degrees_are_what_the_trace_has_left(d, degrees, field):
    """The trace less the eigenvalues of SciPy's Gegenbauer polynomials, up to a degree."""
    node, weight = np.polynomial.legendre.leggauss(2000)
    theta = np.pi * (node + 1) / 2
    weight = weight * np.sin(theta) ** (d - 1)
    points = np.zeros((2000, d + 1))
    points[:, 0], points[:, 1] = np.cos(theta), np.sin(theta)
    at = field(np.eye(1, d + 1), points)[0] * weight / weight.sum()
    degree, half = np.arange(degrees), (d - 1) / 2
    lam = np.array([at @ eval_gegenbauer(k, half, np.cos(theta)) / eval_gegenbauer(k, half, 1.0)
                    for k in degree])  # fmt: skip
    many = comb(degree + d, d) - comb(np.maximum(degree + d - 2, 0), d)
    total = field.diagonal(np.eye(1, d + 1))[0] - lam[0]
    order = 1 + np.argsort(-lam[1:], kind="stable")
    N, tail = many[order].cumsum(), 1 - (lam * many)[order].cumsum() / total
    found = _on_sphere(field, d)
    complete = np.isin(N, found.N) & (N >= 10)
    assert complete.sum() > degrees // 2
    assert found.loss(N[complete]) == pytest.approx(tail[complete], rel=found.error)


@pytest.mark.parametrize("d", [2, 4])
@pytest.mark.parametrize("p", [0, 1, 1.5, 2])
def test_slopes_tend_to_twice_the_smoothness_over_d(d, p):
    name = "relu" if p == 1 else f"relu^{p:g}"
    found = _on_sphere(NetworkCovariance(name, weight=1.0, bias=0.3), d)
    N = found.N[(found.N > 3e5) & (found.N < 3e7)]
    assert found.slope(N) == pytest.approx((2 * p + 1) / d, rel=0.03)


def test_powers_of_relu_are_arc_cosine_kernels():
    x = np.random.default_rng(0).standard_normal((6, 3))
    relu, same = (NetworkCovariance(name, bias=0.3)(x, x) for name in ("relu", "relu^1"))
    assert same == pytest.approx(relu, abs=1e-14)
    w = np.random.default_rng(1).standard_normal((400_000, 3))
    units = np.maximum(w @ x.T / 3**0.5, 0) ** 1.5
    simulated = units.T @ units / len(w)
    assert NetworkCovariance("relu^1.5", weight=1.0)(x, x) == pytest.approx(simulated, rel=0.05)


@pytest.mark.parametrize("field", [RadialCovariance(nu=0.5), TEACHER])
def test_a_torus_of_one_dimension_is_the_circle(field):
    circle, torus = _on_sphere(field, 1), _on_torus(field, 1)
    N = np.array([10, 30, 100, 300])
    assert torus.loss(N) == pytest.approx(circle.loss(N), rel=0.02)


def test_rough_fields_on_a_torus_of_two_dimensions_fall_with_their_smoothness():
    found = _on_torus(RadialCovariance(nu=0.5), 2)
    assert found.slope(np.array([300, 1000, 3000, 10_000])) == pytest.approx(0.5, rel=0.05)


def specs(manifold, teacher):
    tables = {
        "schema": 1, "question": "?", "regime": "resolution-width",
        "task": {"manifold": manifold, "teacher": teacher},
        "student": {"widths": [8, 16, 32]},
    }  # fmt: skip
    return list(study.validate(tables).tasks(1))


def test_it_is_known_of_wide_teachers_on_spheres_and_of_no_cube():
    sphere = {"kind": "sphere", "dim": 2}
    (task,) = specs(sphere, {"widths": [512], "bias": 0.5})
    assert field_of(task) == TEACHER
    assert linear_terms(task).loss(np.array([1217.0])) == pytest.approx(7.77e-6, rel=0.02)
    (task,) = specs(sphere, {"widths": [512], "activation": "relu^1.50"})
    assert task.teacher_activation == "relu^1.5" and linear_terms(task) is not None
    assert linear_terms(specs(sphere, {"widths": [512], "activation": "tanh"})[0]) is None
    assert linear_terms(specs({"kind": "cube", "dim": 2}, {"widths": [512]})[0]) is None


def test_ridges_of_random_signs_have_the_even_degrees_and_keep_their_mean():
    ridges = {"kind": "ridges", "signs": "random", "units": 4096}
    tables = {
        "schema": 1, "question": "?", "regime": "resolution-width",
        "task": {"manifold": {"kind": "sphere", "dim": 2}, "teacher": ridges},
        "student": {"kind": "ridges", "units": [8, 16, 32]},
    }  # fmt: skip
    (task,) = study.validate(tables).tasks(1)
    found = linear_terms(task)
    assert found.N[:3].tolist() == [1, 6, 15]
    # E|u·x||v·x| = k(ρ)/3 on S², whose mean over ρ uniform in [−1, 1] is (E|u·x|)² = 1/4
    assert found.value[0] == pytest.approx(1 - 0.25 * 3, rel=1e-6)
    assert found.slope(np.array([100, 300, 1000])) == pytest.approx(1.5, rel=0.02)
