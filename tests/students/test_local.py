"""Nearest neighbours learn with 2/d and simplices with 4/d; both are exact where they must be."""

import numpy as np
import pytest

from lab.students import local


def cube(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-0.5, 0.5, (n, d))


def sphere(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def smooth_target(dimension: int, rng: np.random.Generator):
    """A sum of eight waves of about one radian per unit length."""
    k, phase, size = (
        rng.standard_normal((dimension, 8)), rng.uniform(0, 6.28, 8), rng.standard_normal((8, 1))
    )  # fmt: skip
    return lambda x: np.cos(x @ k + phase) @ size


def slope(points, d, sizes=(512, 1024, 2048, 4096), teachers=16, **settings) -> float:
    """Exponent of the mean log MSE: the same teachers, test points and nested data at every D."""
    losses = []
    for teacher in range(teachers):
        rngs = np.random.default_rng([teacher, d]).spawn(3)
        x_test, x = points(3000, d, rngs[0]), points(max(sizes), d, rngs[1])
        f = smooth_target(x.shape[1], rngs[2])
        losses.append([
            np.log(np.mean((local.learn(x[:D], f(x[:D]), **settings)(x_test) - f(x_test)) ** 2))
            for D in sizes
        ])  # fmt: skip
    return -np.polyfit(np.log(sizes), np.mean(losses, axis=0), 1)[0]


@pytest.mark.parametrize("points", [cube, sphere])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_nearest_neighbour_learns_with_2_over_d(points, d):
    exponent = slope(points, d, method="nearest")
    assert exponent == pytest.approx(2 / d, rel=0.06)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_simplex_interpolation_learns_with_4_over_d_on_a_cube(d):
    # intervals scatter as the fifth power of their lengths: a line takes more teachers
    exponent = slope(cube, d, method="simplex", teachers={1: 100, 2: 12, 3: 4}[d])
    assert exponent == pytest.approx(4 / d, rel=0.06)


@pytest.mark.parametrize("d", [2, *(pytest.param(d, marks=pytest.mark.long) for d in (1, 3))])
def test_simplex_interpolation_learns_with_4_over_d_on_a_sphere(d):
    exponent = slope(sphere, d, teachers=30 if d == 1 else 6, method="simplex", domain="sphere")
    assert exponent == pytest.approx(4 / d, rel=0.06)


def test_without_the_boundary_fit_the_exponent_would_be_wrong():
    rng = np.random.default_rng(0)
    student = local.learn(x := cube(2000, 2, rng), x[:, :1] ** 2, method="simplex")
    x_test = cube(4000, 2, rng)
    covered = student.covers(x_test)
    assert 0.7 < covered.mean() < 0.97
    outer = np.abs(x_test).max(axis=1) > 0.47
    assert covered[~outer].mean() > covered[outer].mean() + 0.15
    error = np.abs(student(x_test) - x_test[:, :1] ** 2)[:, 0]
    assert error[~covered].max() < 1e-10  # the fit is exact on a parabola, a cell is not
    assert error[covered].max() > 1e-5


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_simplices_reproduce_linear_functions_and_their_points(d):
    rng = np.random.default_rng(d)
    x, x_test = cube(300, d, rng), cube(500, d, rng)
    weights = rng.standard_normal((d, 2))
    student = local.learn(x, x @ weights + 1, method="simplex")
    np.testing.assert_allclose(student(x_test), x_test @ weights + 1, atol=1e-9)
    y = rng.standard_normal((300, 2))
    student = local.learn(x, y, method="simplex")
    kept = student.covers(x)
    np.testing.assert_allclose(student(x)[kept], y[kept], atol=1e-8)


def test_simplices_on_the_sphere_are_radial_projections_of_the_facets():
    rng = np.random.default_rng(0)
    x, y = sphere(200, 2, rng), rng.standard_normal((200, 1))
    student = local.learn(x, y, method="simplex", domain="sphere")
    np.testing.assert_allclose(student(x), y, atol=1e-10)
    corners = student.cells[17]
    middle = x[corners].mean(axis=0, keepdims=True)
    direction = middle / np.linalg.norm(middle)
    np.testing.assert_allclose(student(direction)[0], y[corners].mean(axis=0), atol=1e-10)


def test_nearest_neighbours_average_k_targets():
    x = np.array([[0.0], [1.0], [5.0]])
    y = np.array([[0.0], [2.0], [9.0]])
    assert local.learn(x, y)(np.array([[0.9]])) == 2
    assert local.learn(x, y, neighbours=2)(np.array([[0.9]])) == 1


def test_bad_input_is_refused_in_a_sentence():
    rng = np.random.default_rng(0)

    def refused(match, x, **settings):
        with pytest.raises(ValueError, match=match):
            local.learn(x, x[:, :1], **settings)

    refused("1 to 6 coordinates, got 7", cube(50, 7, rng), method="simplex")
    refused("takes 8 to 3084 points, got 4000", cube(4000, 6, rng), method="simplex")
    refused("takes 4 to 2000000 points, got 3", cube(3, 2, rng), method="simplex")
    refused("no volume", cube(50, 3, rng) * [1, 1, 0], method="simplex")
    refused("centre is outside", sphere(4, 1, rng) * 0.1 + 5, method="simplex", domain="sphere")
    refused("choose 1 to 5", cube(5, 2, rng), neighbours=6)
