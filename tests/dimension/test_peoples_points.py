"""Points as people bring them: what is wrong with them is told by name, and no estimate is more
certain than it can be."""

from pathlib import Path

import numpy as np
import pytest

from lab.dimension import measure
from lab.dimension.neighbours import PointsError, neighbours
from lab.dimension.points import read_points

CASES = Path(__file__).parents[1] / "cases"


def measured(name, **options):
    points = read_points(CASES / name, sample=20_000)
    return points, measure(points.values, columns=points.columns, **options)


def of(found, method):
    return next(e for e in found.estimates if e.method == method)


def honest(found):
    """No interval of width 0, none clipped into certainty."""
    for e in found.estimates:
        for ends in (e.interval, e.corrected_interval):
            if ends is not None and ends[0] == ends[0]:
                assert ends[1] - ends[0] > 0.01
        if found.ambient and e.corrected is not None:
            assert e.corrected <= found.ambient


def test_consecutive_rows_of_a_path_are_named(tmp_path):
    found = measured("lorenz_path.csv")[1]
    honest(found)
    assert of(found, "two-nn-mle").dimension > 3 and of(found, "two-nn-mle").corrected is None
    assert any(w.startswith("order: ") and "`exclude_window`" in w for w in found.warnings)
    assert any("above-coordinates" in w and "two-nn-mle" in w for w in found.warnings)


def test_a_window_leaves_out_what_follows_in_time():
    x = np.random.default_rng(0).random((300, 2))
    near = neighbours(x, 5, window=10)
    assert (np.abs(near.indices - np.arange(300)[:, None]) > 10).all()
    far = np.linalg.norm(x[:, None] - x, axis=2)
    far[np.abs(np.subtract.outer(np.arange(300), np.arange(300))) <= 10] = np.inf
    assert near.distances == pytest.approx(np.sort(far, axis=1)[:, :5])
    with pytest.raises(PointsError, match="a window of 200 rows leaves no neighbours"):
        neighbours(x, 5, window=200)
    # a noisy curve that is walked along slowly: the walk is 1, and so are others at a distance
    angle = np.linspace(0, 40 * np.pi, 2000)
    loop = np.c_[np.cos(angle), np.sin(angle)] + 1e-4 * np.random.default_rng(1).normal(
        size=(2000, 2)
    )
    assert any(w.startswith("order: ") for w in measure(loop[:80]).warnings)


@pytest.mark.parametrize("name", ["petals.csv", "lattice2.npy"])
def test_lattices_are_refused_by_every_estimator(name):
    found = measured(name)[1]
    assert all(e.dimension != e.dimension and e.corrected is None for e in found.estimates)
    assert any("as on a lattice" in w for w in found.warnings)


def test_a_turned_lattice_in_float32_is_one():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0][:2]
    grid = rng.permutation(np.stack(np.meshgrid(range(40), range(40)), -1).reshape(-1, 2))[:1200]
    x = (grid @ turn).astype(np.float32)
    assert any("as on a lattice" in w for w in measure(x).warnings)
    loose = (grid + 0.3 * rng.random(grid.shape)) @ turn
    assert of(measure(loose.astype(np.float32)), "mle-inverse").dimension == pytest.approx(
        2, abs=0.5
    )


def test_near_copies_are_told_and_left_out():
    found, clean = measured("embedding_near_copies.npy")[1], measured("embedding_clean.npy")[1]
    assert any(w.startswith("44 of 1100 points are copies") for w in found.warnings)
    assert found.n == clean.n == 1056 and not clean.warnings
    for e, other in zip(found.estimates, clean.estimates, strict=True):
        assert e.dimension == pytest.approx(other.dimension, rel=1e-6)
    assert of(found, "two-nn-mle").dimension == pytest.approx(5.38, abs=0.005)
    for e in found.estimates:
        low, high = e.corrected_interval
        assert low < 6 < high
    # copies with noise of their own far below the distances
    rng = np.random.default_rng(0)
    x = rng.random((500, 3))
    twice = np.r_[x, x[:25] + 1e-9 * rng.standard_normal((25, 3))]
    assert any(w.startswith("25 of 525 points are copies") for w in measure(twice).warnings)
    assert measure(x).warnings == ()
    # copies whose noise is a thousandth of the distances are no rounding: told, and not corrected
    noisy = measure(np.r_[x, x[:200] + 1e-4 * rng.standard_normal((200, 3))])
    assert noisy.n == 700 and any(w.startswith("near-copies: ") for w in noisy.warnings)
    assert all(e.corrected is None for e in noisy.estimates)
    line = measure(rng.random((500, 1)))
    assert not any("near-copies" in w for w in line.warnings)


def test_nothing_is_corrected_beyond_what_was_measured():
    found = measured("ball60.npy")[1]
    for e in found.estimates:
        assert e.corrected is None or e.corrected_interval[1] >= 60
    assert any("outside-d" in w for w in found.warnings)
    few = measure(np.random.default_rng(0).random((100, 2)))
    assert all(e.corrected is None for e in few.estimates)
    assert any("outside-n" in w for w in few.warnings)


def test_points_that_fill_their_coordinates_are_no_doubt():
    found = measure(np.random.default_rng(3).random((600, 3)))
    honest(found)
    assert not any("above-coordinates" in w for w in found.warnings)


def test_missing_cells_leave_their_rows_out_and_sparse_matrices_are_filled_in():
    points, found = measured("nan_cells.csv")
    assert found.n == 398
    assert points.warnings == ("2 rows were left out: no value of b (line 9, line 92).",)
    points, found = measured("tfidf.npz")
    assert points.values.shape == (800, 600) and found.n == 800
    assert "A sparse matrix of 800 × 600 was filled in with zeros." in points.warnings


@pytest.mark.parametrize("name, columns", [("savetxt.txt", 4), ("pandas_columns.csv", 5)])
def test_tables_without_names(name, columns):
    points, found = measured(name)
    assert points.values.shape[1] == columns
    assert of(found, "mle-inverse").dimension == pytest.approx(2, abs=0.1)


def test_scales_of_columns_are_told_and_standardised_away():
    x = np.random.default_rng(0).random((500, 3)) * [1.0, 1e6, 1.0]
    found = measure(x, columns=("a", "b", "c"))
    assert any("scales: column 'b' varies 1e+06 times as much as column 'a'" in w or
               "scales: column 'b' varies 1e+06 times as much as column 'c'" in w
               for w in found.warnings)  # fmt: skip
    plain, same = measure(x / [1.0, 1e6, 1.0]), measure(x, standardise=True)
    assert of(same, "mle").dimension == pytest.approx(of(plain, "mle").dimension, rel=0.05)
    assert not any("scales:" in w for w in same.warnings)


def test_cosine_is_of_directions():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((500, 3)) @ np.linalg.qr(rng.standard_normal((8, 8)))[0][:3]
    long = y * rng.lognormal(size=(500, 1))
    found = measure(long, metric="cosine")
    unit = measure(y / np.linalg.norm(y, axis=1, keepdims=True))
    for one, two in zip(found.estimates, unit.estimates, strict=True):
        assert one.dimension == pytest.approx(two.dimension, rel=1e-6)
    with pytest.raises(PointsError, match="row 0 is zero and has no direction"):
        measure(np.r_[np.zeros((1, 8)), long], metric="cosine")
    far = np.linalg.norm(y[:, None] - y, axis=2)
    given, own = measure(far, metric="precomputed"), measure(y)
    assert of(given, "mle").dimension == pytest.approx(of(own, "mle").dimension, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-300, 1e200, 5e-324 * 2**40])
def test_extreme_values_are_measured_in_their_own_unit(unit):
    x = np.random.default_rng(0).random((200, 3))
    with np.errstate(all="raise", under="ignore"):
        found = measure(x * unit)
    own = measure(x)
    assert of(found, "mle").dimension == pytest.approx(of(own, "mle").dimension, rel=1e-3)
    assert found.scales[0].scale == pytest.approx(own.scales[0].scale * unit, rel=1e-3)


def test_more_rows_than_the_sample_are_drawn_and_told(tmp_path):
    x = np.random.default_rng(0).random((3000, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    points = read_points(tmp_path / "x.npy", sample=500)
    assert points.values.shape == (500, 3)
    assert points.warnings[0].startswith("500 of 3000 rows were drawn at random")
    again = read_points(tmp_path / "x.npy", sample=500)
    assert (points.values == again.values).all()
    assert {row.tobytes() for row in points.values.astype(np.float32)} <= {r.tobytes() for r in x}


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "coo", "dia"])
def test_every_sparse_format_is_the_same_matrix(tmp_path, kind):
    from scipy import sparse

    x = sparse.random(40, 9, 0.4, "csr", random_state=1)
    sparse.save_npz(tmp_path / "x.npz", x.asformat(kind))
    assert (read_points(tmp_path / "x.npz").values == x.toarray()).all()


def test_a_column_that_counts_the_rows_is_told(tmp_path):
    x = np.random.default_rng(0).random((60, 2))
    lines = "".join(f"{i},{a},{b}\n" for i, (a, b) in enumerate(x))
    (tmp_path / "t.csv").write_text(f"id,a,b\n{lines}")
    assert "column 'id' counts the rows" in read_points(tmp_path / "t.csv").warnings[0]
    assert not read_points(tmp_path / "t.csv", "id,a,b").warnings
    assert not read_points(tmp_path / "t.csv", "a,b").warnings


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "coo"])
def test_a_sparse_matrix_whose_indices_lie_outside_is_refused(tmp_path, kind):
    parts = dict(data=np.ones((2, 1, 1)) if kind == "bsr" else np.ones(2), shape=np.array([2, 2]))
    own = (
        dict(row=np.array([0, 9]), col=np.array([0, 1]))
        if kind == "coo"
        else dict(indices=np.array([0, 10**6]), indptr=np.array([0, 1, 2]))
    )
    np.savez(tmp_path / "x.npz", format=np.array(kind), **parts, **own)
    with pytest.raises(PointsError, match="cannot be read"):
        read_points(tmp_path / "x.npz")
