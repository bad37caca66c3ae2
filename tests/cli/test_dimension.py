"""`lab dimension`: the JSON contract, the text, and one sentence with exit code 2."""

import json
import sys

import numpy as np
import pytest
from invocation import invoke

from lab import cli

METHODS = ["two-nn-linear", "two-nn-mle", "mle", "mle-inverse", "knn", "gride", "correlation",
           "pca"]  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.random((600, 3)) @ np.linalg.qr(rng.standard_normal((5, 5)))[0][:3]
    np.save("plane.npy", x)
    np.savetxt("plane.csv", x, delimiter=",", header="a,b,c,d,e", comments="")
    return tmp_path


def measured(*arguments):
    return json.loads(invoke("dimension", *arguments, "--json").stdout)


def refused(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["lab", "dimension", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    out, err = capsys.readouterr()
    assert caught.value.code == 2 and not out and err.count("\n") == 1, err
    return err


def test_json_has_what_is_promised(here):
    found = measured("plane.npy")
    assert set(found) == {"n", "ambient", "estimates", "warnings"}
    assert (found["n"], found["ambient"]) == (600, 5)
    assert [e["method"] for e in found["estimates"]] == METHODS
    for e in found["estimates"]:
        assert set(e) == {"method", "dimension", "se", "interval", "corrected",
                          "corrected_interval"}  # fmt: skip
        low, high = e["interval"]
        assert low <= e["dimension"] <= high and 2.3 < e["dimension"] < 3.7
        low, high = e["corrected_interval"]
        assert low < e["corrected"] < high and low < 3 < high
    assert measured("plane.csv")["estimates"][0]["dimension"] == pytest.approx(
        found["estimates"][0]["dimension"]
    )


def test_options_reach_the_estimators(here):
    found, other = measured("plane.npy"), measured("plane.npy", "--k", "7", "--discard", "0.2")
    changed = [
        e["method"]
        for e, o in zip(found["estimates"], other["estimates"], strict=True)
        if e["dimension"] != o["dimension"]
    ]
    assert changed == ["two-nn-linear", "mle", "mle-inverse", "knn"]
    assert [o["method"] for o in other["estimates"] if o["corrected"] is None] == changed
    assert any("uncalibrated" in sentence for sentence in other["warnings"])
    two = measured("plane.csv", "--columns", "a,b", "--where", "a > 0")
    assert two["ambient"] == 2 and two["n"] < 600


def test_refused_estimates_are_null_with_a_warning(here):
    np.save("few.npy", np.random.default_rng(0).random((25, 2)))
    found = measured("few.npy")
    pca = found["estimates"][-1]
    assert pca["dimension"] is None and pca["interval"] == [None, None]
    assert pca["corrected"] is None and pca["corrected_interval"] is None
    assert "pca is refused: it needs more points than there are." in found["warnings"]


def test_text_says_estimates_scales_and_warnings(here):
    x = np.load("plane.npy")
    np.save("with[twins].npy", np.r_[x, x[:3]])
    out = invoke("dimension", "with[twins].npy").stdout
    assert "with[twins].npy: 600 points, 5 coordinates" in out
    assert all(method in out for method in METHODS)
    assert "scales     gride" in out
    assert "warning    3 points equal another one and were left out." in out
    assert "warning    3 constant columns were left out." in invoke("dimension", "digits").stdout


@pytest.mark.parametrize("arguments, says", [
    (["nothing"], "unknown data set 'nothing'"), (["plane.npy", "--k", "2"], "k is 2"),
    (["plane.npy", "--k", "600"], "k = 600 needs at least 601 different points"),
    (["plane.npy", "--discard", "1"], "discard is 1.0"), (["few.npy"], "there are 7"),
    (["plane.npy", "--discard", "nan"], "discard is nan"),
    (["nan.npy"], "30 of 30 rows lack a value"),
    (["same.npy"], "three different points, and there are 2"),
])  # fmt: skip
def test_a_mistake_is_one_sentence(here, monkeypatch, capsys, arguments, says):
    np.save("few.npy", np.arange(14.0).reshape(7, 2))
    np.save("nan.npy", np.full((30, 2), np.nan))
    np.save("same.npy", np.repeat([[0.0, 1.0], [1.0, 0.0]], 30, axis=0))
    assert says in refused(monkeypatch, capsys, *arguments)


def test_progress_goes_to_standard_error(here, monkeypatch):
    from lab.report import progress

    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    result = invoke("dimension", "plane.npy", "--json")
    assert "…" in result.stderr and json.loads(result.stdout)["n"] == 600
