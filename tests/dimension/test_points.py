"""Points of files and of bundled sets, and one sentence for each that cannot be read."""

import numpy as np
import pytest

from lab.dimension.neighbours import PointsError
from lab.dimension.points import read_points

X = np.random.default_rng(0).random((12, 3))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


def table(name="t.csv", separator=","):
    rows = [separator.join(map(repr, row)) for row in X.tolist()]
    write(name, "\n".join([separator.join("abc"), *rows]) + "\n")
    return name


def test_every_format_gives_the_same_points():
    pytest.importorskip("pyarrow")
    from pyarrow import parquet
    from pyarrow import table as arrow

    np.save("x.npy", X)
    np.savez("x.npz", X=X, y=X[:, 0])
    np.savez_compressed("one.npz", points=X)
    parquet.write_table(arrow(dict(zip("abc", X.T, strict=True))), "x.parquet")
    for name in ("x.npy", "x.npz", "one.npz", "x.parquet", table(), table("t.tsv", "\t")):
        assert (read_points(name).values == X).all()


def test_files_without_pyarrow():
    np.save("x.npy", X.astype(np.float32))
    np.savez("x.npz", X=X, y=X[:, 0])
    assert read_points("x.npy").values.dtype == np.float64
    assert (read_points("x.npz").values == X).all() and (read_points(table()).values == X).all()


def test_columns_and_rows_are_chosen():
    table()
    np.savez("two.npz", train=X, test=X[:5])
    found = read_points("t.csv", columns="c, a", where="b < 0.5 and a > 0")
    assert found.columns == ("c", "a") and (found.values == X[X[:, 1] < 0.5][:, [2, 0]]).all()
    assert (read_points("two.npz", columns="test:").values == X[:5]).all()
    assert (read_points("two.npz", columns="train:0,2").values == X[:, [0, 2]]).all()
    found = read_points("two.npz", columns="train:", where="1 < 0.5")
    assert (found.values == X[X[:, 1] < 0.5]).all()


@pytest.mark.parametrize("name, ambient", [
    ("digits", 61), ("diabetes", 10), ("breast_cancer", 30), ("iris", 4), ("wine", 13),
    ("swiss_roll", 3), ("s_curve", 3), ("friedman1", 10),
])  # fmt: skip
def test_bundled_sets_work_by_name(name, ambient):
    found = read_points(name)
    assert found.values.shape[1] == len(found.columns) == ambient
    assert found.warnings == (("3 constant columns were left out.",) if name == "digits" else ())


def test_constant_columns_are_left_out_on_request_only():
    np.save("x.npy", np.c_[X, np.ones(12), np.zeros(12)])
    with pytest.raises(PointsError, match=r"'3', '4' are constant; leave them out by `columns`"):
        read_points("x.npy")
    found = read_points("x.npy", columns="varying")
    assert (found.values == X).all() and found.warnings == ("2 constant columns were left out.",)
    np.save("x.npy", np.ones((5, 2)))
    with pytest.raises(PointsError, match="no dimension to measure"):
        read_points("x.npy", columns="varying")


@pytest.mark.parametrize("text, says", [
    ("a,b\n1,nan\n3,\n", "2 of 2 rows lack a value, 'b' in 2"),
    ("a,b\n1,2\n3,inf\n", "line 3: b is inf"),
    ("a,kind\n1,setosa\n", "'setosa', which is not a number; choose the numeric columns"),
    ("a,b\n1,7\n2,7\n", "'b' is constant"), ("a,b\n", "no rows to measure"), ("", "is empty"),
    ("a,\n1,2\n", "without a name"), ("a,a\n1,2\n", "two columns named 'a'"),
    ("a,b\n1,2,3\n", "3 fields where the header has 2"),
])  # fmt: skip
def test_tables_that_hold_no_points(text, says):
    write("t.csv", text)
    with pytest.raises(PointsError, match=says) as caught:
        read_points("t.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("array, says", [
    (np.array([[1, None]], dtype=object), "Python objects, which are not read"),
    (np.array([["a", "b"]]), "not real numbers"), (1j * X, "not real numbers"),
    (X > 0, "not real numbers"), (X[0], "x is|is 3; it must have one row"),
    (X.reshape(2, 6, 3), "2 × 6 × 3; it must have one row per point"),
    (np.array([[1.0, np.inf], [2.0, 3.0]]), "row 0: 1 is inf"), (np.empty((4, 0)), "4 × 0"),
])  # fmt: skip
def test_arrays_that_hold_no_points(array, says):
    np.save("x.npy", array, allow_pickle=True)
    with pytest.raises(PointsError, match=says):
        read_points("x.npy")


def test_pickles_in_archives_are_not_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.savez("x.npz", X=np.array([Trap()], dtype=object))
    np.save("x.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    for name in ("x.npz", "x.npy"):
        with pytest.raises(PointsError, match="Python objects"):
            read_points(name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name, columns, where, says", [
    ("no.csv", None, None, "is not a file"), ("digit", None, None, "did you mean 'digits'"),
    ("x.doc", None, None, "its ending is none of"), ("t.csv", "d", None, "unknown column 'd'"),
    ("t.csv", "a,a", None, "names 'a' twice"), ("t.csv", None, "d > 1", "unknown column 'd'"),
    ("t.csv", None, "a >", "is not of the form"), ("t.csv", None, "a > 5", "no rows where a > 5"),
    ("two.npz", None, None, "no X; say which"), ("two.npz", "tets:", None, "did you mean 'test'"),
    ("bad.npz", None, None, "cannot be read"), ("bad.npy", None, None, "cannot be read"),
    ("folder.npy", None, None, "is not a file"), ("iris", "9", None, "unknown column '9'"),
])  # fmt: skip
def test_what_cannot_be_found_is_a_sentence(name, columns, where, says, here):
    table()
    np.savez("two.npz", train=X, test=X)
    (here / "folder.npy").mkdir()
    (here / "bad.npz").write_bytes(b"PK\x03\x04 truncated")
    (here / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'shape': (9999999999,")
    with pytest.raises(PointsError, match=says) as caught:
        read_points(name, columns, where)
    assert "\n" not in str(caught.value)
