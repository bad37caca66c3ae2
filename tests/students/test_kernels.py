"""Kernel regression: against wide random networks, known learning curves, and an oracle solver."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from lab import theory
from lab.data.covariances import NetworkCovariance, RadialCovariance, covariance
from lab.kinds.student import StudentSpec
from lab.students import kernels, mlp

NETWORKS = [("relu", 1, 0.0), ("relu", 2, 0.5), ("relu", 3, 0.0), ("erf", 1, 0.5), ("erf", 2, 0.0)]


def on_sphere(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """n uniform points on the sphere S^d in R^(d+1)."""
    x = rng.standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def wide(activation, depth, bias, width):
    """A network of the lab, in the ntk parametrisation, and the settings of its kernels."""
    spec = StudentSpec("mlp", (width,) * depth, activation, "ntk", 1.7, bias, "raw")
    return spec, {"activation": activation, "depth": depth, "weight": 1.7, "bias": bias}


pytestmark = pytest.mark.usefixtures("optimised")  # hundreds of wide networks


@pytest.mark.parametrize(
    ("activation", "depth", "bias"),
    [
        NETWORKS[0], NETWORKS[1], NETWORKS[4],
        *(pytest.param(*n, marks=pytest.mark.long) for n in (NETWORKS[2], NETWORKS[3])),
    ],
)  # fmt: skip
def test_nngp_is_the_covariance_of_wide_random_networks(activation, depth, bias):
    width = 256
    spec, settings = wide(activation, depth, bias, width)
    x = np.random.default_rng(0).standard_normal((5, 3))
    apply = jax.jit(jax.vmap(partial(mlp.apply, spec), (0, None)))
    draws = []
    for first in range(0, 400, 50):
        keys = jax.vmap(jax.random.key)(jnp.arange(first, first + 50))
        params = mlp.init(spec, 3, width, keys=keys)
        f = np.asarray(apply(params, jnp.asarray(x.T)), dtype=float)
        draws.extend(f.mT @ f / width)  # every output is a draw of the field
    kernel = NetworkCovariance(**settings)(x, x)
    standard_error = np.std(draws, axis=0, ddof=1) / math.sqrt(len(draws))
    assert np.all(np.abs(np.mean(draws, axis=0) - kernel) < 3 * standard_error)
    assert np.all(standard_error < 0.02 * kernel.max())


@pytest.mark.parametrize(
    ("activation", "depth", "bias"),
    [("relu", 1, 0.0), pytest.param("relu", 2, 0.5, marks=pytest.mark.long), ("erf", 1, 0.5)],
)
def test_ntk_is_the_empirical_one_of_networks_of_width_4096(activation, depth, bias):
    spec, settings = wide(activation, depth, bias, 4096)
    x = np.random.default_rng(1).standard_normal((4, 3))

    @jax.jit
    def tangent_kernel(params):
        def f(params, point):
            return mlp.apply(spec, params, point[:, None])[0, 0]

        gradients = [jax.tree.leaves(jax.grad(f)(params, point)) for point in jnp.asarray(x)]
        return jnp.array([[sum(map(jnp.vdot, g, h)) for h in gradients] for g in gradients])

    draws = np.stack(
        [tangent_kernel(mlp.init(spec, 3, 1, keys=jax.random.key(seed))) for seed in range(8)]
    )
    kernel = NetworkCovariance(**settings, tangent=True)(x, x)
    error = draws.mean(axis=0, dtype=float) - kernel
    standard_error = draws.std(axis=0, ddof=1) / math.sqrt(len(draws))
    # one such network scatters by √(5/4096) = 3.5 % of the diagonal, the mean of eight by 1.2 %
    assert np.linalg.norm(error) < 0.02 * np.linalg.norm(kernel)
    assert np.linalg.norm(error) < 3 * np.linalg.norm(standard_error)


@pytest.mark.parametrize("d", [1, 2, *(pytest.param(d, marks=pytest.mark.long) for d in (3, 4))])
@pytest.mark.parametrize("nu", [0.5, 1.5])
def test_kernel_teacher_and_student_of_equal_smoothness(nu, d):
    field = RadialCovariance(nu=nu)
    slope = learning_curve_slope(d, teacher=field, student=field)
    assert slope == pytest.approx(theory.kernel(d, 2 * nu, 2 * nu), rel=0.04)


@pytest.mark.long
@pytest.mark.parametrize("d", [2, 3, 4])
def test_relu_network_teacher_and_matched_student_learn_with_3_over_d_minus_1(d):
    field = NetworkCovariance("relu", depth=2)
    slope = learning_curve_slope(d - 1, teacher=field, student=field)
    assert slope == pytest.approx(3 / (d - 1), rel=0.05)


def learning_curve_slope(d, *, teacher, student, sizes=(256, 512, 1024, 2048), draws=5):
    """Exponent on S^d of the risk averaged over teachers exactly and over draws of the points."""
    losses = []
    for n in sizes:
        rngs = [np.random.default_rng([draw, d]) for draw in range(draws)]
        risks = [
            kernels.expected_risk(
                on_sphere(n, d, rng), on_sphere(400, d, rng), teacher=teacher, student=student
            )
            for rng in rngs
        ]
        losses.append(np.mean(np.log(risks)))
    return -np.polyfit(np.log(sizes), losses, 1)[0]


def test_expected_risk_is_the_mean_over_teachers():
    rng = np.random.default_rng(0)
    x, x_test = on_sphere(60, 2, rng), on_sphere(40, 2, rng)
    teacher, student = (
        NetworkCovariance("relu", depth=1, bias=0.3),
        RadialCovariance(nu=1.5, length=2.0),
    )
    both = np.concatenate([x, x_test])
    root = np.linalg.cholesky(teacher(both, both) + 1e-12 * np.eye(100))
    f = root @ rng.standard_normal((100, 4000))  # 4000 teachers, learned at once as outputs
    trained = kernels.learn(x, f[:60], covariance=student, ridge=0.01)
    errors = np.mean((trained(x_test) - f[60:]) ** 2, axis=0)
    expected = kernels.expected_risk(x, x_test, teacher=teacher, student=student, ridge=0.01)
    assert abs(errors.mean() - expected) < 3 * errors.std() / math.sqrt(len(errors))


def test_ridge_regression_agrees_with_scikit_learn_and_without_ridge_interpolates():
    rng = np.random.default_rng(2)
    x, y, x_test = (rng.standard_normal((n, m)) for n, m in ((80, 3), (80, 2), (30, 3)))
    oracle = KernelRidge(alpha=0.1, kernel="laplacian", gamma=0.5)
    manhattan = oracle.fit(x, y)  # its Laplace kernel has the other norm: compare on a line
    line, line_test = x[:, :1], x_test[:, :1]
    oracle.fit(line, y)
    ours = kernels.learn(line, y, covariance=RadialCovariance(nu=0.5, length=2.0), ridge=0.1)
    np.testing.assert_allclose(ours(line_test), manhattan.predict(line_test), rtol=1e-10)
    exact = kernels.learn(x, y, covariance=covariance("relu-ntk", depth=2, bias=0.2))
    np.testing.assert_allclose(exact(x), y, atol=1e-9)
    assert exact.jitter == 0


def test_an_ill_conditioned_system_says_so():
    rng = np.random.default_rng(3)
    x = rng.uniform(size=(300, 1))
    rough = kernels.learn(x, np.sin(x), covariance=RadialCovariance(nu=0.5))
    gram = rough.covariance(x, x)
    assert rough.jitter == 0
    assert rough.condition == pytest.approx(np.linalg.cond(gram, 1), rel=0.5)
    smooth = kernels.learn(x, np.sin(x), covariance=RadialCovariance(nu=math.inf))
    assert smooth.jitter > 0
    assert smooth.condition > 1e13
    assert np.max(np.abs(smooth(x) - np.sin(x))) < 1e-6


def test_bad_regressions_are_refused_in_a_sentence():
    x, y = np.zeros((20_000, 2)), np.zeros((20_000, 1))
    with pytest.raises(
        kernels.MemoryLimitError, match=r"6.0 GiB, the limit is 2.0 GiB; train on 11"
    ):
        kernels.learn(x, y, covariance=RadialCovariance())
    with pytest.raises(ValueError, match="not negative"):
        kernels.learn(x[:3], y[:3], covariance=RadialCovariance(), ridge=-1.0)
    with pytest.raises(ValueError, match="did you mean 'matern'"):
        covariance("mattern")
    with pytest.raises(ValueError, match="setting of laplace covariances .nu.. Known: length"):
        covariance("laplace", nu=1.5)
    with pytest.raises(ValueError, match="needs depth > 0"):
        covariance("relu-ntk", depth=0)


# ---- covariances ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kernel",
    [covariance(kind) for kind in ("laplace", "gaussian", "relu-nngp", "relu-ntk", "erf-nngp")]
    + [
        RadialCovariance(nu=1.0),
        NetworkCovariance("relu", depth=3, bias=1.0, tangent=True),
        NetworkCovariance("erf", 2, bias=2.0),
    ],
)
def test_a_covariance_is_symmetric_and_positive_and_knows_its_diagonal(kernel):
    x = np.random.default_rng(4).standard_normal((300, 4))  # more than one block of rows
    gram = kernel(x, x)
    np.testing.assert_allclose(gram, gram.T, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(np.diag(gram), kernel.diagonal(x), rtol=1e-12)
    np.testing.assert_allclose(kernel(x[:7], x), gram[:7], rtol=1e-12)
    assert np.linalg.eigvalsh(gram)[0] > -1e-12 * np.linalg.eigvalsh(gram)[-1]


@pytest.mark.parametrize(("kind", "order"), [("relu-nngp", 3), ("relu-ntk", 1), ("laplace", 1)])
def test_smoothness_is_the_order_of_the_first_odd_term(kind, order):
    # k(θ) on the circle: odd derivatives at 0⁺ vanish below the order of the kink
    kernel, h = covariance(kind), 1e-3
    angles = h * np.arange(8)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    k = kernel(points[:1], points)[0]
    odd = np.polynomial.polynomial.polyfit(np.arange(8), k / k[0], 7)[1::2] / h ** np.array(
        [1, 3, 5, 7]
    )
    assert kernel.smoothness == order
    assert abs(odd[(order - 1) // 2]) > 0.01
    assert order == 1 or abs(odd[0]) < 1e-6


def test_an_angle_of_1e_minus_9_is_not_lost():
    theta = 1e-9
    x = np.array([[1.0, 0.0], [np.cos(theta), np.sin(theta)]])
    k = NetworkCovariance("relu", depth=1, weight=2.0, tangent=True)(x, x)
    # Θ⁽¹⁾(0) − Θ⁽¹⁾(θ) = K⁽⁰⁾ θ/2π + O(θ²), with K⁽⁰⁾ = σ_w²/m = 1
    assert (k[0, 0] - k[0, 1]) == pytest.approx(theta / (2 * np.pi), rel=1e-3)
