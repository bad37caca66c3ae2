"""The estimators: published numbers, an independent oracle, exact models, invariances, refusals."""

import math
import warnings

import numpy as np
import pytest
from scipy.special import gammainc
from sklearn.utils.estimator_checks import check_estimator

import lab
from lab.dimension import estimators, ratios
from lab.dimension.calibration import MANIFOLDS
from lab.dimension.estimate import DimensionDoubt, Status
from lab.dimension.estimators import NEIGHBOURS, STATISTICS
from lab.dimension.neighbours import Neighbours, from_distances, neighbours


def unit_ball(n, d, seed):
    """The points of scikit-dimension's `hyperBall`, whose streams do not change."""
    x = np.random.RandomState(seed).normal(size=(n, d))
    square = (x**2).sum(axis=1)
    return x * (gammainc(d / 2, square / 2) ** (1 / d) / np.sqrt(square))[:, None]


def unit_sphere(n, d, seed):
    x = np.random.RandomState(seed).randn(n, d + 1)
    return x / np.linalg.norm(x, axis=1)[:, None]


BALL = np.c_[unit_ball(300, 5, 0), np.zeros((300, 5))]
SPHERE = unit_sphere(300, 4, 1)


def roll(n, seed):
    t, p = np.random.RandomState(seed).rand(2, n)
    t = 1.5 * np.pi * (1 + 2 * t)
    return np.c_[t * np.cos(t), 21 * p, t * np.sin(t)]


def poisson(n, k, d, rng):
    """Neighbours of independent points at constant density: the volumes between them are
    exponential."""
    r = np.cumsum(rng.exponential(size=(n, k)), axis=1) ** (1 / d)
    far = (np.arange(n)[:, None] + np.arange(1, k + 1)) % n
    return Neighbours(r, far)


# ---- published numbers ----


def test_the_published_fixtures():
    near = neighbours(BALL, 2)
    assert ratios.two_nn_linear(near).dimension == pytest.approx(4.362176532655348, abs=1e-6)
    assert ratios.two_nn_mle(near).dimension == pytest.approx(4.113138917297787, abs=1e-6)
    near = neighbours(SPHERE, 2)
    assert ratios.two_nn_linear(near).dimension == pytest.approx(3.2212051304386806, abs=1e-6)
    assert ratios.two_nn_mle(near).dimension == pytest.approx(3.3280716110069095, abs=1e-6)


@pytest.mark.parametrize("points, ids", [
    (BALL, [4.113138928258821, 4.66693391842823, 4.312444553888434, 4.398278299744852,
            4.27531095553466, 3.8384687761954552]),
    (SPHERE, [3.3280716283754144, 3.9711524244873146, 3.8878750983341304, 3.8137072620044057,
              3.733098521604872, 3.58914396057828]),
])  # fmt: skip
def test_gride_is_that_of_its_authors(points, ids):
    found = [e.dimension for e in ratios.scales(neighbours(points, 64))]
    assert found == pytest.approx(ids, rel=1e-6)


@pytest.mark.parametrize("d, low", [(4, 0.03), (8, 0.12), (12, 0.17), (20, 0.22)])
def test_the_cube_reads_low_by_what_was_measured(d, low):
    points = MANIFOLDS["cube"](d, 4000, np.random.default_rng(d))
    found = ratios.two_nn_linear(neighbours(points, 2))
    assert found.dimension / d == pytest.approx(1 - low, abs=3 * found.se / d)


def test_benchmark_manifolds():
    sphere = unit_sphere(2500, 10, 0)
    rolled = roll(2500, 0)
    affine = np.random.RandomState(0).rand(2500, 3) @ np.random.RandomState(1).randn(3, 5)
    for points, low, high in ((sphere, 9.3, 9.4), (rolled, 1.95, 1.97), (affine, 2.90, 2.93)):
        found = ratios.two_nn_linear(neighbours(points, 2))
        assert low - 2 * found.se < found.dimension < high + 2 * found.se


# ---- an independent implementation ----


def surface_of_a_cube(n, d, seed):
    rng = np.random.default_rng(seed)
    x = rng.random((n, d + 1))
    x[np.arange(n), rng.integers(d + 1, size=n)] = rng.integers(2, size=n)
    return x


@pytest.mark.parametrize("points", [
    BALL, SPHERE, roll(400, 0), unit_sphere(400, 10, 0), surface_of_a_cube(400, 10, 0),
    MANIFOLDS["curved"](18, 400, np.random.default_rng(0)),
], ids=["ball", "sphere", "roll", "sphere-10", "cube-10", "curved-18"])  # fmt: skip
def test_scikit_dimension_gives_the_same(points):
    pytest.importorskip("numba")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        skdim = pytest.importorskip("skdim")
        k = ratios.LEVINA_BICKEL_K
        mle = skdim.id.MLE()
        theirs = {
            "two-nn-linear": skdim.id.TwoNN().fit(points).dimension_,
            "two-nn-mle": skdim.id.TwoNN(method="mle", discard_fraction=0).fit(points).dimension_,
            f"mle@{k}": mle.fit(points, n_neighbors=k, comb="mean").dimension_,
            f"mle-inverse@{k}": mle.fit(points, n_neighbors=k, comb="mle").dimension_,
            **{f"gride@{n}": skdim.id.GRIDE(n1=n).fit(points).dimension_ for n in (2, 4, 8, 16)},
            "correlation": skdim.id.CorrInt(k1=10, k2=20).fit(points).dimension_,
            "pca": skdim.id.lPCA(ver="FO").fit_pw(points, n_neighbors=100).dimension_pw_.mean(),
        }
    near = neighbours(points, NEIGHBOURS)
    ours = {name: STATISTICS[name](near).dimension for name in theirs}
    assert ours == pytest.approx(theirs, rel=1e-6)


# ---- exact models ----


@pytest.mark.parametrize("d", [1.0, 4.0])
@pytest.mark.parametrize("name, high", [
    ("two-nn-linear", 1), ("two-nn-mle", 1), ("mle@10", 9 / 8), ("mle-inverse@10", 1), ("knn", 1),
    ("gride@4", 1),
])  # fmt: skip
def test_at_constant_density_the_mean_is_d_and_the_scatter_the_standard_error(name, high, d):
    rng = np.random.default_rng(0)
    found = [STATISTICS[name](poisson(400, 10, d, rng)) for _ in range(60)]
    values = np.array([e.dimension for e in found])
    assert values.mean() == pytest.approx(high * d, rel=0.02)
    assert np.mean([e.se for e in found]) == pytest.approx(values.std(), rel=0.3)
    covered = np.mean([e.interval[0] < high * d < e.interval[1] for e in found])
    assert covered >= 0.88


@pytest.mark.parametrize("name", ["two-nn-linear", "two-nn-mle", "mle@10", "knn", "gride@4",
                                  "correlation"])  # fmt: skip
def test_the_standard_error_knows_that_neighbours_depend_on_each_other(name):
    found = []
    for seed in range(30):
        near = neighbours(MANIFOLDS["sphere"](3, 400, np.random.default_rng(seed)), 20)
        found.append(STATISTICS[name](near))
    scatter = np.std([e.dimension for e in found])
    assert 0.7 < np.mean([e.se for e in found]) / scatter < 1.7


def test_a_curve_has_one_dimension_and_local_pca_counts_directions():
    angle = np.linspace(0, 2 * np.pi, 500)[:-1] ** 1.3
    curve = np.c_[np.cos(angle / 8), np.sin(angle / 8), angle]
    assert ratios.two_nn_mle(neighbours(curve, 2)).dimension > 0.9
    plane = np.random.default_rng(0).random((300, 2)) @ np.eye(2, 6)
    found = estimators.local_pca(neighbours(plane, 2), k=20)
    assert found.dimension == 2 and found.interval[0] < 2 < found.interval[1]


def test_gride_at_the_two_nearest_is_two_nn_without_its_outliers():
    near = neighbours(BALL, 2)
    log_mu = ratios.log_ratios(near)
    q50, q95 = np.percentile(np.exp(log_mu), [50, 95])
    kept = log_mu[np.exp(log_mu) < q50 + 20 * (q95 - q50)]
    assert ratios.gride(near, 1).dimension == pytest.approx((kept.size - 1) / kept.sum(), rel=1e-9)


def test_a_plateau_is_found_where_there_is_one():
    sphere = MANIFOLDS["sphere"](2, 2000, np.random.default_rng(0))
    first, last = ratios.plateau(ratios.scales(neighbours(sphere, 64)))
    assert last - first >= 3
    noisy = np.c_[sphere, np.zeros((2000, 9))]
    noisy += 0.03 * np.random.default_rng(1).standard_normal(noisy.shape)
    found = ratios.scales(neighbours(noisy, 64))
    assert found[0].dimension > found[2].dimension > found[4].dimension
    assert ratios.plateau(found) is None


# ---- what must not matter ----


@pytest.mark.parametrize("name", STATISTICS)
def test_rotation_scale_and_order_do_not_matter(name):
    points = MANIFOLDS["curved"](3, 300, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    found = STATISTICS[name](neighbours(points, NEIGHBOURS))
    for other in (points @ turn, 1e4 * points, points + 3.0, rng.permutation(points)):
        again = STATISTICS[name](neighbours(other, NEIGHBOURS))
        assert again.dimension == pytest.approx(found.dimension, rel=1e-7)
        assert again.se == pytest.approx(found.se, rel=1e-5)


@pytest.mark.parametrize("name", STATISTICS)
def test_distances_do_as_well_as_coordinates(name):
    points = BALL[:200]
    matrix = np.linalg.norm(points[:, None] - points, axis=2)
    near = from_distances(matrix, NEIGHBOURS)
    found = STATISTICS[name](near)
    if name == "pca":
        assert found.status is Status.NO_COORDINATES and math.isnan(found.dimension)
    else:
        expected = STATISTICS[name](neighbours(points, NEIGHBOURS)).dimension
        assert found.dimension == pytest.approx(expected, rel=1e-7)


def test_duplicates_are_left_out():
    near = neighbours(np.r_[BALL, BALL[:20], BALL[:5]], 10)
    assert near.duplicates == 25 and near.n == 300
    assert near.distances == pytest.approx(neighbours(BALL, 10).distances, rel=1e-12)
    twins = np.r_[BALL, -0.0 * BALL[:1], 0.0 * BALL[:1]]
    assert neighbours(twins, 10).duplicates == 1


# ---- the search ----


@pytest.mark.parametrize("tree", [False, True])
def test_both_ways_to_search_find_all_neighbours(tree):
    from lab.dimension.neighbours import _query

    points = MANIFOLDS["torus"](2, 300, np.random.default_rng(0))
    full = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(full, np.inf)
    distances, indices = _query(points, 7, tree=tree, track=iter)
    assert distances == pytest.approx(np.sort(full, axis=1)[:, :7], rel=1e-9)
    assert (indices == np.argsort(full, axis=1)[:, :7]).all()


def test_blocks_keep_the_digits_of_short_distances():
    rng = np.random.default_rng(0)
    cluster = 1e-5 * rng.random((100, 3))
    points = np.r_[cluster, 1 + cluster, [[-50.0, 3.0, 4.0]]]
    near = neighbours(points, 5)
    full = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(full, np.inf)
    assert near.distances == pytest.approx(np.sort(full, axis=1)[:, :5], rel=1e-8)


def test_blocks_are_tracked_and_a_tree_is_taken_where_it_pays(monkeypatch):
    from lab.dimension import neighbours as module

    monkeypatch.setattr(module, "BLOCK", 1000)
    points = MANIFOLDS["cube"](2, 2500, np.random.default_rng(0))
    seen = []
    near = neighbours(points, 3, track=lambda blocks: (seen.append(b) or b for b in blocks))
    assert len(seen) == 3 and module._tree_pays(near.points)
    assert not module._tree_pays(MANIFOLDS["cube"](20, 2500, np.random.default_rng(0)))


# ---- refusals and doubts ----


def test_too_few_neighbours_are_refused_and_a_lattice_is_degenerate():
    few = neighbours(BALL[:4], 10)
    for found in (ratios.levina_bickel(few), ratios.gride(few), estimators.correlation(few),
                  estimators.local_pca(few), ratios.knn(few)):  # fmt: skip
        assert found.status is Status.TOO_FEW and math.isnan(found.dimension)
        assert all(map(math.isnan, found.interval)) and found.corrected is None
    lattice = np.stack(np.meshgrid(*3 * [np.arange(6.0)]), -1).reshape(-1, 3)
    for points in (lattice, 0.1 * lattice):
        near = neighbours(points, 3)
        for found in (
            ratios.two_nn_linear(near),
            ratios.two_nn_mle(near),
            ratios.levina_bickel(near, 3),
        ):
            assert found.status is Status.DEGENERATE


def test_ties_raise_a_doubt():
    rounded = np.round(BALL[:, :5], 1)
    assert DimensionDoubt.TIES in ratios.two_nn_mle(neighbours(rounded, 2)).doubts
    assert DimensionDoubt.TIES not in ratios.two_nn_mle(neighbours(BALL, 2)).doubts


@pytest.mark.parametrize("call", [
    lambda near: ratios.two_nn_linear(near, discard=1.0),
    lambda near: ratios.knn(near, discard=-0.1),
    lambda near: ratios.levina_bickel(near, k=2), lambda near: ratios.gride(near, 3, 3),
    lambda near: estimators.correlation(near, 5, 5),
    lambda near: estimators.local_pca(near, share=1.0),
])  # fmt: skip
def test_settings_out_of_range_are_sentences(call):
    with pytest.raises(ValueError, match=r"(is|and|must) .*"):
        call(neighbours(BALL, 8))


@pytest.mark.parametrize("points, says", [
    (np.ones((9, 2)), "at least three different points, and there is 1"),
    (np.array([[0.0, np.nan], [1.0, 2.0], [3.0, 4.0]]), "NaN"),
])  # fmt: skip
def test_points_without_a_dimension_are_refused(points, says):
    with np.errstate(over="ignore"), pytest.raises(lab.dimension.PointsError, match=says):
        neighbours(points, 2)


@pytest.mark.parametrize("matrix, says", [
    (np.ones((3, 4)), "3 × 4"), (-np.ones((3, 3)), "not negative"), (np.ones((3, 3)), "diagonal"),
    (np.array([[0, 1, 2], [9, 0, 1], [2, 1, 0.0]]), "symmetric"),
])  # fmt: skip
def test_distances_that_are_none_are_refused(matrix, says):
    with pytest.raises(lab.dimension.PointsError, match=says):
        from_distances(matrix, 2)


# ---- for pipelines of scikit-learn ----


@pytest.mark.parametrize("estimator", [
    lab.dimension.TwoNN(), lab.dimension.TwoNN(method="mle"), lab.dimension.MLE(k=5),
    lab.dimension.KNN(), lab.dimension.Gride(), lab.dimension.Correlation(3, 6),
    lab.dimension.LocalPCA(k=8),
], ids=repr)  # fmt: skip
def test_scikit_learn_takes_them_for_its_own(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(estimator)


def test_a_fitted_estimator_has_the_value():
    found = lab.dimension.TwoNN(discard=0.1).fit(BALL)
    assert found.dimension_ == pytest.approx(4.362176532655348, abs=1e-6)
    assert found.interval_ == found.estimate_.interval and found.n_features_in_ == 10
    with pytest.warns(UserWarning, match="2 of 302 points equal another one"):
        lab.dimension.MLE(average="inverses").fit(np.r_[BALL, BALL[:2]])
    matrix = np.linalg.norm(BALL[:, None] - BALL, axis=2)
    given = lab.dimension.TwoNN(metric="precomputed").fit(matrix)
    assert given.dimension_ == pytest.approx(found.dimension_, rel=1e-9)


@pytest.mark.parametrize("estimator, says", [
    (lab.dimension.TwoNN(method="median"), "'linear' or 'mle'"),
    (lab.dimension.MLE(average="median"), "'estimates' or 'inverses'"),
    (lab.dimension.TwoNN(metric="cosine"), "'euclidean', 'precomputed'"),
    (lab.dimension.LocalPCA(k=400), "LocalPCA finds no dimension of 300 points: it needs more"),
])  # fmt: skip
def test_what_cannot_be_fitted_says_so(estimator, says):
    with pytest.raises(ValueError, match=says):
        estimator.fit(BALL)
