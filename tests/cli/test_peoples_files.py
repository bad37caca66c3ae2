"""Files as people have them give one and the same fit, and the same points; what was decided about
them is told."""

# ruff: noqa: E501

import gzip
import io
import json
import sys
import zipfile

import numpy as np
import pytest
from invocation import invoke

from lab import cli
from lab.scaling.tables.formats import read_rows
from lab.scaling.tables.rows import TableError

N, D = (v.ravel() for v in np.meshgrid([1e7, 7e7, 4e8, 3e9], [1e9, 7.5e9, 1e11]))
LOSS = np.round(1.7 + 400 * N**-0.34 + 410 * D**-0.28, 4)
ROWS = list(zip(N.tolist(), D.tolist(), LOSS.tolist(), strict=True))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def short(value):
    return f"{value / 1e9:g}B" if value >= 1e9 else f"{value / 1e6:g}M"


def german(value):
    return f"{value:,.4f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def text(cell=repr, separator=",", header=("N", "D", "L"), start="", rows=ROWS):
    lines = [separator.join(header)] if header else []
    return start + "\n".join([*lines, *(separator.join(map(cell, row)) for row in rows)]) + "\n"


RECORDS = [dict(zip("NDL", row, strict=True)) for row in ROWS]
NESTED = [{"config": {"N": n, "D": d}, "summary": {"L": loss}} for n, d, loss in ROWS]
FILES = {
    "semicolons and decimal commas": ("t.csv", text(lambda v: f"{v}".replace(".", ","), ";"), {}, ["semicolons", "decimal commas"]),
    "points for thousands": ("t.csv", text(german, ";"), {}, ["decimal commas: 10.000.000,0000 is 10000000"]),
    "commas for thousands": ("t.csv", text(lambda v: f'"{v:,.4f}"'), {}, ["thousands"]),
    "spaces for thousands": ("t.tsv", text(lambda v: f"{v:,.4f}".replace(",", " "), "\t"), {}, ["thousands"]),
    "suffixes": ("t.csv", text(lambda v: short(v) if v > 1e3 else f"{v}"), {}, ["suffixes"]),
    "bars": ("t.csv", text(separator="|"), {}, ["bars"]),
    "tabs": ("t.csv", text(separator="\t"), {}, ["tabs"]),
    "white space, comments": ("t.txt", text(separator="   ", start="# made by hand\n"), {}, ["1 comment"]),
    "a header in a comment": ("t.dat", text(separator=" ", header=("# N", "D", "L")), {}, []),
    "no header": ("t.csv", text(header=()), dict(N="0", D="1", L="2"), ["no names"]),
    "pandas' index": ("t.csv", text(header=("", "N", "D", "L"), rows=[(i, *row) for i, row in enumerate(ROWS)]), {}, ["index"]),
    "R's row names": ("t.csv", text(rows=[(i, *row) for i, row in enumerate(ROWS, 1)]), {}, ["index"]),
    "a separator at the end of every line": ("t.csv", text() .replace("\n", ",\n").replace("L,\n", "L\n"), {}, []),
    "thousands with points and tabs": ("t.csv", text(lambda v: f"{v:,.0f}".replace(",", ".") if v > 1e3 else f"{v}".replace(".", ","), "\t"), {}, ["thousands: 10.000.000 is 10000000"]),
    "numbered columns": ("t.csv", text(header=("0", "1", "2")), dict(N="0", D="1", L="2"), []),
    "the byte order mark": ("t.csv", "\ufeff" + text(), {}, []),
    "UTF-16": ("t.csv", text(separator="\t").encode("utf-16"), {}, ["tabs"]),
    "carriage returns": ("t.csv", text().replace("\n", "\r"), {}, []),
    "gzip": ("t.csv.gz", gzip.compress(text().encode()), {}, []),
    "commas in names": ("t.csv", text(header=("N", '"tokens, billions"', "L [nats]")), dict(D='"tokens, billions"', L="L [nats]"), []),
    "records": ("t.json", json.dumps(RECORDS), {}, []),
    "records with holes": ("t.json", json.dumps([*RECORDS, {"N": 5, "L": None}]), {}, ["1 row was left out"]),
    "lines": ("t.jsonl", "\n".join(map(json.dumps, RECORDS)), {}, []),
    "lines named json": ("t.json", "\n".join(map(json.dumps, RECORDS)), {}, []),
    "nested records": ("t.json", json.dumps(NESTED), dict(N="config.N", D="config.D", L="summary.L"), ["dotted"]),
    "pandas' columns": ("t.json", json.dumps({s: {str(i): row[j] for i, row in enumerate(ROWS)} for j, s in enumerate("NDL")}), {}, []),
    "pandas' split": ("t.json", json.dumps({"columns": list("NDL"), "index": [0], "data": ROWS}), {}, []),
    "lists of rows": ("t.json", json.dumps(ROWS), dict(N="0", D="1", L="2"), ["named 0 … 2"]),
    "powers": ("t.csv", text(lambda v: f"10^{np.log10(v):.15g}"), {}, ["powers: 10^7 is 10000000"]),
    "factors of powers": ("t.csv", text(lambda v: f"{v / 1e6:.15g} x 10^6"), {}, ["powers: 10 x 10^6"]),
    "values with errors": ("t.csv", text(lambda v: f"{v} ± 0.1"), {}, ["without the errors in its cells: '10000000.0 ± 0.1'"]),
    "errors in brackets": ("t.csv", text(lambda v: f"{v} (0.1)"), {}, ["without the errors in its cells"]),
    "records by a name": ("t.json", json.dumps({"runs": RECORDS}), {}, ["those of 'runs'"]),
    "words for nothing": ("t.csv", text() + "NA,1e9,2\n1e9,n/a,2\n1e9,1e9,nan\n1e9,None,3\n", {}, ["4 rows were left out"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file_is_the_same_table(here, kind):
    name, content, names, notes = FILES[kind]
    (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    asked = {s: names.get(s, s) for s in "NDL"}
    arguments = ",".join(f"{s}={name}" for s, name in asked.items())
    if kind in ("records", "semicolons and decimal commas", "commas in names"):
        found = json.loads(invoke("fit", name, "--law", "chinchilla", "--columns", arguments,
                                  "--json").stdout)  # fmt: skip
        assert found["n"] == len(ROWS)
        assert found["parameters"]["alpha"] == pytest.approx(0.34, abs=5e-3)
        told = found["warnings"]
    else:
        rows = read_rows(here / name)
        columns = {s: c.strip('"') for s, c in asked.items()}
        keep = rows.complete(list(columns.values()), range(len(rows)))
        for (_, column), expected in zip(columns.items(), (N, D, LOSS), strict=True):
            assert rows.numbers(column, keep) == pytest.approx(expected, rel=1e-12)
        told = [*rows.notes, f"{len(rows) - len(keep)} rows were left out"]
        told += ["1 row was left out"] * (len(rows) - len(keep) == 1)
    for note in notes:
        assert any(note in sentence for sentence in told), told


def test_percent_is_of_whole_columns_only(here):
    (here / "t.csv").write_text("x,acc,odd\n1,56 %,5 %\n2,61.5%,0.5\n")
    rows = read_rows(here / "t.csv")
    assert rows.numbers("acc").tolist() == [0.56, 0.615]
    with pytest.raises(TableError, match="'5 %', which is not a number"):
        rows.numbers("odd")


@pytest.mark.parametrize("decimal, value", [(",", 1.234), (".", 1234.0)])
def test_a_comma_that_may_be_either_is_asked_about_and_the_advice_works(here, decimal, value):
    (here / "t.tsv").write_text("x\tloss\n1\t1,234\n2\t2,345\n")
    with pytest.raises(TableError, match="may be 1234 or 1.234; say which by decimal=',' or"):
        read_rows(here / "t.tsv").numbers("loss")
    assert read_rows(here / "t.tsv", decimal=decimal).numbers("loss")[0] == value


def test_a_line_of_units_is_left_out_by_the_advice(here):
    (here / "t.csv").write_text("x,loss\n[params],[nats]\n1,2.5\n2,2\n4,1.7\n8,1.6\n")
    said = json.loads(invoke("fit", "t.csv", "--law", "power", "--x", "x", "--loss", "loss",
                             "--json", "--where", "x != '[params]'").stdout)  # fmt: skip
    assert said["n"] == 4
    with pytest.raises(
        TableError, match=r"""leave the row out by the condition "x != '\[params\]'"""
    ):
        read_rows(here / "t.csv").numbers("x")


def test_widths_with_commas_do_not_make_thousands_of_losses(here):
    (here / "t.csv").write_text('widths,loss\n"64,64",1.234\n"64,128",2.345\n')
    assert read_rows(here / "t.csv").numbers("loss").tolist() == [1.234, 2.345]


def test_a_folder_or_a_pattern_is_one_table_with_the_name_of_each_file(here):
    (here / "runs").mkdir()
    for k, (n, d, loss) in enumerate(ROWS):
        (here / "runs" / f"run{k}.csv").write_text(f"N,D,L\n{n},{d},{loss}\n")
    for source in (here / "runs", "runs/*.csv"):
        rows = read_rows(source)
        assert rows.column("file")[:2] == ["run0", "run1"]
        assert rows.numbers("L").tolist() == LOSS.tolist() and "12 files" in rows.notes[0]
        assert rows.places[1] == "run1.csv, line 2"


def test_conditions_name_columns_with_commas_and_numbers_with_suffixes(here):
    from lab.scaling.tables.rows import parse_condition

    (here / "t.csv").write_text('"tokens, B",kind\n1B,none\n12B,a\n3B,NA\n')
    rows = read_rows(here / "t.csv")
    for condition, kept in (
        ("`tokens, B` < 10B", [0, 2]),
        ("\"tokens, B\" >= 3e9", [1, 2]),
        ("kind == 'none'", [0]),
        ("kind is missing", [0, 2]),
    ):
        (part,) = parse_condition(condition)
        assert part.rows(rows, [0, 1, 2]) == kept


def test_archives_are_counted_before_they_are_unpacked(here, monkeypatch):
    from lab.dimension import points
    from lab.scaling.tables import files

    monkeypatch.setattr(files, "LARGEST_ARRAY", 10_000)
    monkeypatch.setattr(files, "LARGEST", 10_000)
    packed = io.BytesIO()
    np.save(packed, np.zeros((1000, 200)))
    with zipfile.ZipFile(here / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", packed.getvalue())
    assert (here / "bomb.npz").stat().st_size < 10_000
    with pytest.raises(points.PointsError, match="X has 1600128 bytes; the limit is 10000"):
        points.read_points(here / "bomb.npz")
    (here / "bomb.csv.gz").write_bytes(gzip.compress(b"x,y\n" + b"1,2\n" * 5000))
    with pytest.raises(TableError, match="more than 10000 bytes"):
        read_rows(here / "bomb.csv.gz")


def test_advice_about_columns_that_are_no_numbers_works(here, monkeypatch, capsys):
    x = np.random.default_rng(0).random((60, 2))
    rows = [(*row, "ab"[k % 2], 3) for k, row in enumerate(x.tolist())]
    (here / "t.csv").write_text(text(str, header=("x", "y", "kind", "same"), rows=rows))
    monkeypatch.setattr(sys, "argv", ["lab", "dimension", "t.csv"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert "kind is 'a', which is not a number" in said and "--columns varying" in said
    found = json.loads(invoke("dimension", "t.csv", "--columns", "varying", "--json").stdout)
    assert (found["n"], found["ambient"]) == (60, 2)
    assert any("no numbers were left out: 'kind'" in w for w in found["warnings"])


def test_numbers_above_named_rows_are_names(here):
    (here / "t.csv").write_text("label,1000,2000\na,3,2\nb,4,3\nc,5,4\n")
    assert list(read_rows(here / "t.csv").columns) == ["label", "1000", "2000"]
    (here / "t.csv").write_text("5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,2.9,virginica\n")
    assert list(read_rows(here / "t.csv").columns) == ["0", "1", "2"]


def test_advice_about_infinite_values_works(here):
    lines = "".join(f"{x},{3 / x}\n" for x in (1, 10, 100, 1000))
    (here / "t.csv").write_text("x,my loss\n" + lines + "1e4,inf\n")
    options = ("t.csv", "--law", "power", "--x", "x", "--loss", "my loss")
    with pytest.raises(TableError, match='by the condition "`my loss` < 1e308"'):
        read_rows(here / "t.csv").numbers("my loss")
    found = json.loads(invoke("fit", *options, "--where", "`my loss` < 1e308", "--json").stdout)
    assert found["n"] == 4


def test_a_plain_file_gives_an_interval_in_one_command(here):
    x = np.geomspace(1e3, 1e6, 12)
    loss = (50 * x**-0.5 + 0.8) * np.exp(0.005 * np.random.default_rng(0).standard_normal(12))
    np.savetxt(here / "t.csv", np.c_[x, loss], delimiter=",", header="n,loss", comments="")
    (here / "rows.csv").write_text("n\n1e4\n2e7\n")
    out = invoke("fit", "t.csv", "--law", "power+floor", "--x", "n", "--loss", "loss", "--at",
                 "n=30M", "--at", "rows.csv", "--plot", "f.svg").stdout  # fmt: skip
    assert out.count("projection: ") >= 2 and "interpolation" in out and "mean curve [0.8" in out
    assert "30 × the largest x" in out and (here / "f.svg").exists()


@pytest.mark.parametrize(
    "cell", ["1" * 20_000 + "a", "1(" * 10_000, "9^9^9", "0^-1", "10^" + "9" * 20]
)
def test_long_cells_and_towers_are_no_numbers(here, cell):
    (here / "t.csv").write_text(f"x,y\n{cell},1\n1,2\n2,3\n")
    with pytest.raises(TableError, match="line 2: x is '.*which is not a number"):
        read_rows(here / "t.csv").numbers("x")
