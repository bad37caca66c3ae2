"""`lab fit TABLE`: the JSON contract, published fits, and one sentence with exit code 2."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from invocation import invoke

from lab import cli

SHIPPED = Path(__file__).parents[2] / "studies" / "tables"
TABLES = Path(__file__).parents[1] / "scaling" / "tables" / "published"
COLUMNS = "N=parameters,D=tokens,L=loss"
CONTRACT = {"law", "parameters", "intervals", "objective", "n", "status", "starts", "warnings"}
X = np.geomspace(10, 1e4, 9)


@pytest.fixture(autouse=True)
def once(weights_once):
    """A table is fitted by every law once, however often its fit is asked for."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [
        (x, b * x**-a + 5e-4, f"t{b}")
        for b, a in enumerate(1 + 0.05 * rng.normal(size=5), 1)
        for x in X.tolist()
    ]
    write("t.csv", ["size", "err", "who"], rows)
    return tmp_path


def write(name, header, rows, delimiter=","):
    lines = [delimiter.join(header), *(delimiter.join(map(str, row)) for row in rows)]
    Path(name).write_text("\n".join(lines) + "\n")


def fitted(*arguments):
    return json.loads(invoke("fit", *arguments, "--json").stdout)


def refused(monkeypatch, capsys, *arguments):
    """What `lab ARGUMENTS…` says as it exits with 2."""
    monkeypatch.setattr(sys, "argv", ["lab", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    out, err = capsys.readouterr()
    assert caught.value.code == 2 and not out
    assert err.count("\n") == 1, err
    return err


def test_json_of_a_curve(here):
    found = fitted(
        "t.csv", "--law", "power+floor", "--x", "size", "--loss", "err", "--where", "err > 0"
    )
    assert set(found) >= CONTRACT and "verdict" not in found
    assert set(found["parameters"]) == {"beta", "alpha", "floor"} == set(found["intervals"])
    assert set(found["starts"]) == {"tried", "reached_best"} and found["n"] == 45


@pytest.mark.parametrize("text, value", [
    ("4/3", 4 / 3),
    *(pytest.param(*case, marks=pytest.mark.long) for case in [("1", 1.0), ("2^0.5", 2**0.5)]),
])  # fmt: skip
def test_predictions_are_numbers_or_expressions(here, text, value):
    found = fitted(
        "t.csv",
        "--law",
        "power+floor",
        "--x",
        "size",
        "--loss",
        "err",
        "--group",
        "who",
        "--predict",
        text,
        "--sense",
        "equal",
        "--tolerance",
        "0.1",
    )
    assert found["prediction"] == value and found["groups"] == 5
    assert found["verdict"] == ("agrees" if value == 1 else "contradicts")
    assert next(iter(found["intervals"]["alpha"])) == found["quoted"]["alpha"] == "quoted"


def test_columns_may_name_the_variable_too(here):
    one = fitted("t.csv", "--law", "power", "--x", "size", "--loss", "err")
    two = fitted("t.csv", "--law", "power", "--columns", "x=size, L=err")
    assert one == two


@pytest.mark.parametrize(
    "law",
    [
        "power",
        *(pytest.param(law, marks=pytest.mark.long) for law in ("power+floor", "m3", "m4", "bnsl")),
    ],
)
def test_the_table_for_people_has_every_number(here, law):
    said = invoke(
        "fit",
        "t.csv",
        "--law",
        law,
        "--x",
        "size",
        "--loss",
        "err",
        "--group",
        "who",
        "--predict",
        "1",
    ).stdout
    found = fitted(
        "t.csv", "--law", law, "--x", "size", "--loss", "err", "--group", "who", "--predict", "1"
    )
    for name, value in found["parameters"].items():
        assert name in said and (value is None or f"{value:.4g}" in said)
    for word in (found["verdict"], found["status"], "objective", "starts", "weights"):
        assert word in said
    assert said.count("warning ") == len(found["warnings"])


def test_a_refused_design_is_an_answer(here):
    write("two.csv", ["x", "L"], [(1, 2), (2, 1)])
    write("rising.csv", ["x", "L"], [(x, x**0.3) for x in X.tolist()])
    write("flat.csv", ["x", "L"], [(x, 2) for x in X.tolist()])
    for name, status, why in (
        ("two", "too-few-points", "2 rows cannot carry"),
        ("rising", "rising", "the losses rise"),
        ("flat", "flat", "the losses are all equal"),
    ):
        arguments = ("fit", f"{name}.csv", "--law", "power+floor", "--x", "x", "--loss", "L")
        as_json, text = invoke(*arguments, "--json"), invoke(*arguments)
        found = json.loads(as_json.stdout)
        assert as_json.exit_code == text.exit_code == 2
        assert (found["status"], found["parameters"]) == (status, {})
        assert status in text.stdout and why in text.stdout


def test_groups_that_cannot_be_fitted_are_refused_too(here):
    write("two.csv", ["x", "L", "who"], [(1, 2, "a"), (2, 1, "a"), (1, 3, "b"), (2, 1, "b")])
    asked = invoke(
        "fit",
        "two.csv",
        "--law",
        "power+floor",
        "--x",
        "x",
        "--loss",
        "L",
        "--group",
        "who",
        "--json",
    )
    assert asked.exit_code == 2 and json.loads(asked.stdout)["status"] == "too-few-points"


def test_a_held_parameter_stands_in_the_table_and_in_json(here):
    arguments = (
        "t.csv",
        "--law",
        "power+floor",
        "--x",
        "size",
        "--loss",
        "err",
        "--hold",
        "floor=5e-4",
    )
    assert fitted(*arguments)["held"] == {"floor": 5e-4}
    lines = invoke("fit", *arguments).stdout.splitlines()
    assert any("floor" in line and "0.0005" in line and "held" in line for line in lines)


def test_compressed_tables_and_text_conditions(here):
    import gzip

    Path("t.csv.gz").write_bytes(gzip.compress(Path("t.csv").read_bytes()))
    found = fitted(
        "t.csv.gz",
        "--law",
        "power+floor",
        "--x",
        "size",
        "--loss",
        "err",
        "--where",
        "who != 't1' and who is not missing",
    )
    assert found["n"] == 36


GOOD = [(x, 3 / x) for x in X.tolist()]


@pytest.mark.parametrize(
    "header, rows, message",
    [
        (["size", "err"], [*GOOD[:3], ("inf", 1)], "line 5: size is inf"),
        (["size", "err"], [*GOOD[:3], (5, -1)], "line 5: err is -1; it must be positive"),
        (["size", "err"], [*GOOD[:3], (0, 1)], "line 5: size is 0; it must be positive"),
        (["size", "err"], [*GOOD[:3], ("five", 1)], "line 5: size is 'five'"),
        (["size", "eror"], GOOD, "no column 'err'"),
        (["size", "size", "err"], [(1, 1, 1)], "two columns named 'size'"),
    ],
)
@pytest.mark.parametrize("ending, delimiter", [(".csv", ","), (".tsv", "\t")])
def test_a_bad_table_is_one_sentence(
    here, monkeypatch, capsys, header, rows, message, ending, delimiter
):
    write(f"bad{ending}", header, rows, delimiter)
    assert message in refused(
        monkeypatch,
        capsys,
        "fit",
        f"bad{ending}",
        "--law",
        "power",
        "--x",
        "size",
        "--loss",
        "err",
        "--json",
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["t.csv"], "--law; the laws are power"),
        (["t.csv", "--law", "cubic", "--x", "size", "--loss", "err"], "the law 'cubic' is unknown"),
        (["t.csv", "--law", "power", "--x", "size"], "no column for L"),
        (["t.csv", "--law", "chinchilla", "--columns", "N=size,D=size"], "no column for L"),
        (["t.csv", "--law", "chinchilla", "--columns", "N=size,D=size,Q=err"], "no column for L"),
        (["t.csv", "--law", "chinchilla", "--columns", "N:size"], "SYMBOL=COLUMN"),
        (["t.csv", "--law", "chinchilla", "--columns", "N=size,N=err"], "N is given twice"),
        (
            ["t.csv", "--law", "power", "--columns", "x=size,L=err", "--x", "who"],
            "x is given twice",
        ),
        (["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--predict", "4/d"], "no d"),
        (["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--predict", "f(1)"], "call"),
        (["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--predict", "1/0"], "finite"),
        (
            [
                "t.csv",
                "--law",
                "power",
                "--x",
                "size",
                "--loss",
                "err",
                "--predict",
                "1",
                "--sense",
                "about",
            ],
            "'bound' or 'equal'",
        ),
        (
            ["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--where", "err <"],
            "condition",
        ),
        (["t.csv", "--law", "powr", "--x", "size", "--loss", "err"], "Did you mean 'power'?"),
        (["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--sense", "foo"], "sense is"),
        (
            ["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--sense", "bound"],
            "predict",
        ),
        (
            [
                "t.csv",
                "--law",
                "power",
                "--x",
                "size",
                "--loss",
                "err",
                "--predict",
                "1",
                "--tolerance",
                "nan",
            ],
            "tolerance is nan",
        ),
        (
            ["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--hold", "E=0"],
            "its parameters are beta, alpha",
        ),
        (
            ["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--hold", "beta"],
            "NAME=VALUE",
        ),
        (
            ["t.csv", "--law", "power", "--x", "size", "--loss", "err", "--hold", "beta=1_0"],
            "number",
        ),
        (
            [
                "t.csv",
                "--law",
                "power",
                "--x",
                "size",
                "--loss",
                "err",
                "--hold",
                "beta=1",
                "--hold",
                "beta=2",
            ],
            "beta is held twice",
        ),
        (["s.toml", "--hold", "E=0"], "--hold is for a table"),
        (["t.csv", "--law", "power", "--set", "seed=1"], "--set is for a study"),
        (["s.toml", "--law", "power"], "--law is for a table"),
        (["s.toml", "--drop-worst", "0"], "--drop-worst is for a table"),
        (["t.doc", "--law", "power"], "rename it"),
        (["t"], "rename it"),
        (["none.csv", "--law", "power", "--x", "a", "--loss", "b"], "is not a file"),
    ],
)
def test_a_bad_request_is_one_sentence(here, monkeypatch, capsys, arguments, message):
    assert message in refused(monkeypatch, capsys, "fit", *arguments)
    assert sorted(p.name for p in here.iterdir()) == ["t.csv"]


# ---- published tables ---------------------------------------------------------------------------


def published(name, *options):
    folder = SHIPPED if (SHIPPED / name).is_file() else TABLES
    return fitted(folder / name, "--law", "chinchilla", "--columns", COLUMNS, *options)


def test_chinchilla_with_huber_loss():
    # Besiroglu et al. 2024
    found = published("chinchilla_digitised.csv", "--drop-worst", "5", "--huber", "1e-3")
    p = found["parameters"]
    assert found["objective"] <= 0.0010182741 and found["n"] == 240
    assert list(p) == ["E", "A", "B", "alpha", "beta"]
    assert p["alpha"] == pytest.approx(0.3473, abs=5e-4)
    assert p["beta"] == pytest.approx(0.3672, abs=5e-4)
    assert p["E"] == pytest.approx(1.8172, abs=1e-3)
    for name, error in (("alpha", 0.0154), ("beta", 0.0206), ("E", 0.0257)):
        assert found["errors"][name] == pytest.approx(error, rel=0.3)
    for name, of_2022 in (("beta", 0.28), ("E", 1.69)):
        lo, hi = found["intervals"][name][found["quoted"][name]]
        assert not lo <= of_2022 <= hi


@pytest.mark.long
def test_chinchilla_with_raw_residuals():
    below = published(
        "chinchilla_digitised.csv",
        "--drop-worst",
        "5",
        "--where",
        "flops<1e21",
        "--residual",
        "raw",
    )
    assert below["n"] == 217 and below["objective"] == pytest.approx(0.062414, abs=2e-6)
    for name, value in (("E", 1.9051), ("alpha", 0.3511), ("beta", 0.4587)):
        assert below["parameters"][name] == pytest.approx(value, abs=3e-4)
    every = published("chinchilla_digitised.csv", "--residual", "raw")
    assert every["n"] == 245 and every["parameters"]["alpha"] == pytest.approx(0.368, abs=1e-3)
    assert every["parameters"]["beta"] == pytest.approx(0.661, abs=1e-3)
    assert any("stand out" in warning for warning in every["warnings"])


@pytest.mark.long
@pytest.mark.parametrize("huber, best", [("1e-3", 0.0019816129), ("1e-4", 2.0751e-4)])
def test_gemstone(huber, best):
    found = published("gemstone_hot.csv", "--huber", huber)
    assert found["objective"] <= best
    if huber == "1e-3":
        assert found["parameters"]["alpha"] == pytest.approx(0.2929, abs=2e-3)
        assert found["parameters"]["beta"] == pytest.approx(0.7129, abs=2e-3)
