"""Fitting a table a user brings: the answer's form, and one sentence for every mistake."""

import gzip
import json

import numpy as np
import pytest

from lab import fit as fit_table
from lab.scaling.tables.formats import read_rows
from lab.scaling.tables.rows import ConditionError, TableError, parse_condition

X = np.geomspace(10, 1e4, 12)
LOSS = 3 * X**-0.7 + 0.01


def write(path, header, rows, delimiter=","):
    lines = [delimiter.join(header), *(delimiter.join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def once(weights_once):
    """A table is fitted by every law once, however often its fit is asked for."""


@pytest.fixture
def curve(tmp_path):
    return write(
        tmp_path / "t.csv",
        ["size", "err", "flops"],
        zip(X.tolist(), LOSS.tolist(), (X * 1e3).tolist(), strict=True),
    )


@pytest.fixture
def groups(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (x, b * (3 * x**-a) + 0.01, f"g{k}")
        for k, (a, b) in enumerate(
            zip(0.7 + 0.02 * rng.standard_normal(5), (1, 2, 3, 4, 5), strict=True)
        )
        for x in X.tolist()
    ]
    return write(tmp_path / "g.csv", ["size", "err", "who"], rows)


def test_the_answer_has_the_documented_form(curve):
    found = fit_table(curve, law="power+floor", x="size", loss="err", predict=0.7, replicates=50)
    assert json.loads(json.dumps(found)) == found
    assert found["parameters"] == pytest.approx(dict(beta=3, alpha=0.7, floor=0.01), rel=1e-6)
    assert {
        "law",
        "parameters",
        "intervals",
        "objective",
        "n",
        "status",
        "starts",
        "warnings",
    } <= set(found)
    assert set(found["starts"]) == {"tried", "reached_best"}
    assert set(found["intervals"]["alpha"]) == {"profile", "percentile", "basic", "wald"}
    assert (found["n"], found["status"], found["verdict"]) == (12, "converged", "undecided")
    assert set(found["weights"]["aicc"]) == {"power", "power+floor", "m3", "m4", "bnsl"}


def test_groups_are_teachers(groups):
    found = fit_table(groups, law="power+floor", x="size", loss="err", group="who", predict=0.7)
    assert json.loads(json.dumps(found)) == found
    assert found["groups"] == 5
    lo, hi = found["intervals"]["alpha"]["teacher-t"]
    assert lo < 0.7 < hi and found["verdict"] == "agrees"
    assert found["quoted"]["alpha"] == next(iter(found["intervals"]["alpha"])) == "quoted"
    assert set(found["intervals"]) == {"beta", "floor", "alpha"}
    wrong = fit_table(groups, law="power+floor", x="size", loss="err", group="who", predict=1.4)
    assert wrong["verdict"] == "contradicts" and wrong["p"]["equal"] < 0.01


def test_groups_of_other_laws_are_resampled_whole(groups):
    found = fit_table(groups, law="m3", x="size", loss="err", group="who", replicates=50)
    alone = fit_table(groups, law="m3", x="size", loss="err", replicates=50)
    assert found["parameters"] == alone["parameters"]
    assert found["intervals"]["alpha"]["percentile"] != alone["intervals"]["alpha"]["percentile"]


def test_rows_are_narrowed_by_condition_and_by_the_worst(curve):
    found = fit_table(
        curve,
        law="power",
        x="size",
        loss="err",
        where="flops < 1e7 and size>=20",
        drop_worst=2,
        replicates=20,
    )
    assert found["n"] == np.sum((X * 1e3 < 1e7) & (X >= 20)) - 2


@pytest.mark.parametrize("suffix, delimiter", [(".tsv", "\t"), (".csv", ",")])
def test_delimiters_follow_the_ending(tmp_path, suffix, delimiter):
    path = write(
        tmp_path / f"t{suffix}", ["x", "L"], zip(X.tolist(), LOSS.tolist(), strict=True), delimiter
    )
    assert fit_table(path, law="power+floor", x="x", loss="L", replicates=10)["n"] == 12


@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv.gz", ".tab", ".json", ".json.gz", ".CSV"])
def test_every_format_is_read_alike(tmp_path, curve, suffix):
    path = tmp_path / f"t{suffix}"
    cells = {"size": X.tolist(), "err": LOSS.tolist(), "note": [None, *["a\nb"] * 11]}
    if suffix.startswith(".json"):
        text = json.dumps(cells)
    else:
        sign = "," if suffix.lower().startswith(".csv") else "\t"
        text = (
            sign.join(cells)
            + "\n"
            + "".join(
                f'{x!r}{sign}{y!r}{sign}"{note or ""}"\n'
                for x, y, note in zip(*cells.values(), strict=True)
            )
        )
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())
    options = dict(law="power+floor", x="size", loss="err", replicates=10)
    found = fit_table(path, **options, where="note is not missing")
    rest = fit_table(curve, **options, where="size > 10")
    assert found["parameters"] == rest["parameters"] and found["n"] == 11
    assert found["left_out"] == 0


def test_parquet_equals_csv(tmp_path, curve):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"size": X, "err": LOSS}), path)
    options = dict(law="power+floor", x="size", loss="err", replicates=10)
    one, two = fit_table(path, **options), fit_table(curve, **options)
    assert one["parameters"] == pytest.approx(two["parameters"], rel=1e-9)


HEAD = ["size", "err"]
GOOD = list(zip(X.tolist(), LOSS.tolist(), strict=True))


@pytest.mark.parametrize(
    "header, rows, message",
    [
        (HEAD, [*GOOD[:3], (5, "inf")], "line 5: err is inf"),
        (HEAD, [*GOOD[:3], (-5, 1)], "line 5: size is -5; it must be positive"),
        (HEAD, [*GOOD[:3], (5, 0)], "line 5: err is 0; it must be positive"),
        (HEAD, [*GOOD[:3], ("five", 1)], "line 5: size is 'five', which is not a number"),
        (HEAD, [(5, ""), ("", 5)], "has no rows without an empty cell"),
        (HEAD, [*GOOD[:3], ("1_000", 1)], "line 5: size is '1_000', which is not a number; write"),
        (HEAD, [*GOOD[:3], ("١٢", 1)], "line 5: size is '١٢', which is not a number; write"),
        (HEAD, [*GOOD[:3], (5,)], "line 5: 1 fields where the header has 2"),
        (["size", "size", "err"], [], "two columns named 'size'"),
        (["size", "eror"], GOOD, "no column 'err'.*Did you mean 'eror'"),
        (HEAD, [], "has no rows"),
    ],
)
def test_a_bad_table_gets_one_sentence(tmp_path, header, rows, message):
    path = write(tmp_path / "bad.csv", header, rows)
    with pytest.raises(TableError, match=message) as error:
        fit_table(path, law="power+floor", x="size", loss="err")
    assert "\n" not in str(error.value) and isinstance(error.value, ValueError)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(law="cubic"), "the laws are power"),
        (dict(law="chinchilla"), "`columns` N=COLUMN,D=COLUMN,L=COLUMN"),
        (dict(law="power", loss=None), "no column for L"),
        (dict(law="power", huber=0.0), "huber is 0.0"),
        (dict(law="power", residual="abs"), "'log' or 'raw'"),
        (dict(law="power", drop_worst=-1), "must not be negative"),
        (dict(law="power", drop_worst=12), "leaves none of the 12 rows"),
        (
            dict(law="power", where="flops < many"),
            "'many' in .* is not a number; put text in quotes",
        ),
        (dict(law="power", where="flops < 1 or size > 2"), "'column < number'"),
        (dict(law="power", where="flops < 'a'"), "compare text by == or != only"),
        (dict(law="power+flor"), "Did you mean 'power\\+floor'"),
        (dict(law="power", sense="foo"), "sense is 'foo'"),
        (dict(law="power", tolerance=float("nan")), "the tolerance is nan"),
        (dict(law="power", sense="bound"), "there is none; give predict, or leave sense out"),
        (dict(law="power", tolerance=0.1), "there is none; give predict, or leave tolerance out"),
        (
            dict(law="power", hold={"E": 0}),
            "no parameter 'E' to hold; its parameters are beta, alpha",
        ),
        (dict(law="power", hold={"alpha": 1.0}, predict=1.0), "alpha is held"),
        (dict(law="power", hold={"alpha": 1.0, "beta": 1.0}), "every parameter of power is held"),
        (dict(law="power", where="flop < 1"), "Did you mean 'flops'"),
        (dict(law="power", where="flops < 1"), "has no rows where flops < 1"),
        (dict(law="power", predict=-1.0), "must be a positive number"),
        (dict(law="power", group="who"), "no column 'who'"),
    ],
)
def test_a_bad_request_gets_one_sentence(curve, options, message):
    with pytest.raises(TableError, match=message) as error:
        fit_table(curve, **{"x": "size", "loss": "err", **options})
    assert "\n" not in str(error.value)


def test_files_that_are_no_tables(tmp_path):
    for name, content, message in (
        ("plain.csv.gz", b"x,L\n1,2\n", "cannot be read: Not a gzipped file"),
        ("t.json", b"{", "is not JSON"),
        ("r.json", b'[1]', "must be an object of columns"),
        ("u.json", b'{"x": [1, 2], "L": [1]}', r"different lengths \(x 2, L 1\)"),
        ("d.json", b'{"x": [1], "x": [1]}', "two columns named 'x'"),
        ("empty.csv", b"", "is empty"),
        ("bytes.csv", b"\xff\xfe\x00x", "not text in UTF-8"),
        ("t.parquet", b"not parquet", "is not Parquet|needs pyarrow"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(TableError, match=message):
            fit_table(path, law="power", x="a", loss="b")
    with pytest.raises(TableError, match="is not a file"):
        fit_table(tmp_path / "none.csv", law="power", x="a", loss="b")


def test_a_refused_design_is_a_status_not_an_error(tmp_path):
    path = write(tmp_path / "two.csv", HEAD, GOOD[:2])
    found = fit_table(path, law="power+floor", x="size", loss="err", predict=1.0)
    assert (found["status"], found["parameters"], found["verdict"]) == (
        "too-few-points",
        {},
        "undecided",
    )
    assert found["objective"] is None and found["warnings"]


def test_conditions_are_parsed_and_never_evaluated():
    one, two = parse_condition("train loss <= 1e3 AND n!=2")
    assert (one.column, one.op, one.value) == ("train loss", "<=", 1000.0)
    assert two.holds(3.0) and not two.holds(2.0)
    for bad in (
        "",
        "a",
        "a < b",
        "a < 1 or b < 2",
        "__import__('os') < 1 and",
        "a < nan",
        "a == 'b",
        "a == 'b' c",
        "a is missing b",
        "is missing",
        "a == 1 and",
        "'a == 1",
    ):
        with pytest.raises(ConditionError):
            parse_condition(bad)


def test_one_group_with_enough_rows_says_nothing_of_the_scatter_between_groups(tmp_path):
    rng = np.random.default_rng(0)
    noisy = (LOSS * np.exp(0.05 * rng.normal(size=X.size))).tolist()
    rows = [*zip(X.tolist(), noisy, ["a"] * X.size, strict=True), (10.0, 3.0, "b")]
    path = write(tmp_path / "g.csv", ["x", "L", "who"], rows)
    found = fit_table(path, law="power+floor", x="x", loss="L", group="who", replicates=10)
    assert found["groups"] == 1 and set(found["intervals"]) == {"alpha"}
    assert found["quoted"]["alpha"] == "quoted" and found["errors"] == {}


@pytest.mark.parametrize("law", ["m4", "bnsl"])
def test_what_the_rows_do_not_bound_is_none(curve, law):
    # A ceiling far above the losses, a break outside their range: warnings would be errors here.
    found = fit_table(curve, law=law, x="size", loss="err", replicates=50)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.long
def test_losses_of_any_size_have_the_same_exponents(tmp_path):
    rng = np.random.default_rng(1)
    N, D = np.exp(rng.uniform(0, 7, (2, 60)))
    loss = N**-0.4 + D**-0.3 + 0.5
    found = []
    for unit in (1.0, 1e100, 1e-100):
        path = write(
            tmp_path / "t.csv",
            ["N", "D", "L"],
            zip(N.tolist(), D.tolist(), (unit * loss).tolist(), strict=True),
        )
        names = {s: s for s in "NDL"}
        found.append(
            [
                fit_table(path, law=law, columns=names, replicates=10)["parameters"]
                for law in ("chinchilla", "kaplan")
            ]
        )
    for other in found[1:]:
        assert other[0]["alpha"] == pytest.approx(found[0][0]["alpha"], rel=1e-4)
        assert other[1]["alpha_D"] == pytest.approx(found[0][1]["alpha_D"], rel=1e-4)


FAMILIES = [
    (x, y, family, size)
    for (x, y), family, size in zip(
        zip(X.tolist(), LOSS.tolist(), strict=True),
        ["pythia", "a and b", "", "5"] * 3,
        ["", *range(11)],
        strict=True,
    )
]


@pytest.mark.parametrize(
    "where, rows",
    [
        ("family == 'pythia'", [0, 4, 8]),
        ('family != "pythia"', [1, 3, 5, 7, 9, 11]),
        ("family == 'a and b' and err > 0", [1, 5, 9]),
        ("family is missing", [2, 6, 10]),
        ("family IS NOT MISSING and depth<=3", [1, 3, 4]),
        ("depth is missing", [0]),
        ("depth != 3 and family is missing", [2, 6, 10]),
        ("depth >= 0", list(range(1, 12))),
        ("depth != 99", list(range(1, 12))),
        ("family == '5'", [3, 7, 11]),
    ],
)
def test_conditions_on_text_and_on_what_is_missing(tmp_path, where, rows):
    table = read_rows(write(tmp_path / "t.csv", ["size", "err", "family", "depth"], FAMILIES))
    keep = list(range(12))
    for part in parse_condition(where):
        keep = part.rows(table, keep)
    assert keep == rows


def test_text_is_no_number_for_a_condition(tmp_path):
    path = write(tmp_path / "t.csv", ["size", "err", "family", "depth"], FAMILIES)
    with pytest.raises(TableError, match="line 2: family is 'pythia', which is not a number"):
        fit_table(path, law="power", x="size", loss="err", where="family > 3")


def test_empty_cells_leave_out_their_row_where_they_are_used_only(tmp_path, curve):
    holes = [list(row) for row in GOOD]
    holes[2][1], holes[7][0] = "", " "
    path = write(tmp_path / "t.csv", [*HEAD, "note"], [(*row, "") for row in holes])
    options = dict(law="power+floor", x="size", loss="err", replicates=10)
    found = fit_table(path, **options)
    assert (found["n"], found["left_out"]) == (10, 2)
    assert any(
        "2 rows were left out: no value of size or err (line 4, line 9)" in w
        for w in found["warnings"]
    )
    assert found["parameters"] == pytest.approx(dict(beta=3, alpha=0.7, floor=0.01), rel=1e-6)
    with_groups = write(
        tmp_path / "u.csv",
        [*HEAD, "who"],
        [(*row, "" if k == 4 else k % 2) for k, row in enumerate(GOOD)],
    )
    found = fit_table(with_groups, **options, group="who")
    assert (found["n"], found["left_out"]) == (11, 1)


def test_a_held_parameter_is_named_and_has_no_interval(curve):
    found = fit_table(
        curve, law="power+floor", x="size", loss="err", hold={"floor": 0.01}, replicates=20
    )
    assert found["held"] == {"floor": 0.01} and found["parameters"]["floor"] == 0.01
    assert set(found["intervals"]) == set(found["errors"]) == {"alpha", "beta"}
    assert found["parameters"]["alpha"] == pytest.approx(0.7, rel=1e-9)


def test_groups_have_curves_of_their_own_so_nothing_is_held_in_them(groups):
    with pytest.raises(TableError, match="take the law power"):
        fit_table(groups, law="power+floor", x="size", loss="err", group="who", hold={"floor": 0})
    one = fit_table(
        groups, law="m3", x="size", loss="err", group="who", hold={"gamma": 0}, replicates=20
    )
    assert one["held"] == {"gamma": 0.0} and one["groups"] == 5
