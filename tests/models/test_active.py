"""Active learning: exact errors against direct numerics, and the exponents with and without it."""

import numpy as np
import pytest

from lab.models import Bisection, DyadicBoundary, IntervalThreshold, SingularFunction


def test_bisection_of_a_threshold_halves_the_error_with_each_label():
    c = np.random.default_rng(0).uniform(size=4000)
    low, high = np.zeros(4000), np.ones(4000)
    for n in range(6):
        error = np.abs((low + high) / 2 - c)
        spread = error.std() / np.sqrt(4000)
        assert abs(error.mean() - Bisection().error(n)) < 3 * spread
        middle = (low + high) / 2
        low, high = np.where(c < middle, low, middle), np.where(c < middle, middle, high)
    assert Bisection().error(0) == IntervalThreshold().error(0) == 0.25


@pytest.mark.parametrize("s", [0.6, 0.25, 2.5])
def test_interpolation_has_the_error_of_a_fine_grid(s):
    model = SingularFunction(s)
    edges = np.linspace(0, 1, 400_001) ** 3  # fine where the function is singular
    x, weight = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    for n in (1, 3, 16):
        knots = np.linspace(0, 1, n + 1)
        exact = weight @ (np.interp(x, knots, knots**s) - x**s) ** 2
        assert model.uniform(n) == pytest.approx(exact, rel=1e-4)
    assert model.adaptive(1) == model.uniform(1)
    assert model.adaptive(2) == pytest.approx(model.uniform(2))


def test_a_singular_function_is_learned_faster_where_points_are_chosen():
    model, n = SingularFunction(0.6), 2 ** np.arange(4, 12)
    uniform, adaptive = model.uniform(n), model.adaptive(n)
    slope = [np.polyfit(np.log(n), np.log(e), 1)[0] for e in (uniform, adaptive)]
    assert -slope[0] == pytest.approx(model.uniform_exponent, abs=0.03) == 2.2
    assert -slope[1] == pytest.approx(model.adaptive_exponent, abs=0.2)
    assert 3e3 < uniform[4] / adaptive[4] < 5e4  # n = 256
    smooth = SingularFunction(2.5)
    assert smooth.uniform_exponent == 4 and smooth.uniform(256) < 3 * smooth.adaptive(256)


def test_short_intervals_far_from_the_singularity_keep_their_digits():
    model = SingularFunction(0.6)
    just = model._error(np.array([0.9999e4, 1.0001e4]), 1.0)
    assert just[1] / just[0] == pytest.approx((1.0001 / 0.9999) ** -2.8, rel=1e-3)


@pytest.mark.parametrize("d, rounds, tolerance", [(2, 6, 0.1), (3, 4, 0.08)])
def test_a_boundary_loses_one_dimension_where_cells_beside_it_are_halved(d, rounds, tolerance):
    model = DyadicBoundary(d)
    labels, errors = model.active(rounds)
    late = slice(1, None)
    slope = -np.polyfit(np.log(labels[late]), np.log(errors[late]), 1)[0]
    assert slope == pytest.approx(model.active_exponent, abs=tolerance)
    levels = range(4, 10) if d == 2 else range(2, 6)
    n, grid = zip(*(model.passive(level) for level in levels), strict=True)
    assert -np.polyfit(np.log(n), np.log(grid), 1)[0] == pytest.approx(1 / d, abs=0.06)


def test_refinement_misses_nothing_that_the_grid_of_its_finest_cells_finds():
    model = DyadicBoundary(2, radius=0.4, first=3)
    labels, errors = model.active(4)
    whole, error = model.passive(6)
    assert errors[-1] == pytest.approx(error, rel=1e-9) and labels[-1] < whole / 2
    x = np.random.default_rng(0).uniform(size=(400_000, 2))
    cell = (np.floor(x * 64) + 0.5) / 64
    wrong = model._inside(x) != model._inside(cell)
    assert abs(wrong.mean() - error) < 3 * np.sqrt(error / 400_000)
    assert DyadicBoundary(1).active(8)[1][-1] < 0.01 and DyadicBoundary(1).active_exponent == np.inf


def test_what_is_out_of_range_is_one_sentence():
    with pytest.raises(ValueError, match="^s = 1 is linear, .* choose another"):
        SingularFunction(1.0)
    with pytest.raises(ValueError, match="^n = 0 "):
        SingularFunction(0.6).uniform(0)
    with pytest.raises(ValueError, match="^radius = 0.5 "):
        DyadicBoundary(2, 0.5)
