"""Every verb that reads, on the simulated store of a single study, of panels and of a phase map."""

import csv
import json

import pytest
from invocation import invoke, power, rows

import lab
from lab.config import study as studies
from lab.execution.store import Store
from lab.mistakes import StudyError

HEAD = """
schema = 1
question = "Do the verbs read what is stored?"
[task]
manifold = { kind = "cube", dim = [2, 3, 4] }
teacher = { widths = [96, 96], count = 4, activation = "tanh" }
[training]
preset = "adam"
steps = 100
batch = 32
[prediction]
rivals = ["2/d"]
"""
SINGLE = (
    HEAD.replace("[task]", 'regime = "resolution-width"\n[task]', 1)
    + """
[student]
widths = [4, 6, 9, 14, 20, 30]
seeds = 1
"""
)
PANELS = (
    HEAD
    + """
[[panel]]
regime = "resolution-width"
title = "by size"
student = { widths = [4, 6, 9, 14, 20, 30], seeds = 1 }
[[panel]]
regime = "resolution-data"
title = "by data"
student = { widths = 16, seeds = 1 }
data = { sizes = [64, 128, 256, 512, 1024, 2048] }
"""
)
MAP = (
    HEAD.replace("[task]", 'regime = "phase-map"\n[task]', 1).replace("[2, 3, 4]", "[3]")
    + """
[student]
widths = [4, 6, 9, 14, 20]
seeds = 1
[data]
sizes = [64, 128, 256, 512, 1024]
"""
)
KEYS = {"dim", "alpha", "interval", "prediction", "verdict", "relation", "doubts", "runs",
        "teachers", "local", "forecast", "convergence", "rivals"}  # fmt: skip


def of_both(run, _):
    data = 0.0 if run.size is None else 2.0 * run.size**-0.8
    return (1 + 0.1 * run.task.teacher) * (4.0 * float(run.N) ** -1.4 + data)


KINDS = {"single": (SINGLE, power(lambda d: 4 / d)), "panels": (PANELS, power(lambda d: 4 / d)),
         "map": (MAP, of_both)}  # fmt: skip


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def fill(kind):
        text, law = KINDS[kind]
        (tmp_path / "s.toml").write_text(text)
        found = studies.read("s.toml")
        with Store.write(tmp_path / "results/s") as store:
            for one in found.panels:
                store.add(rows(one, law, noise=0.01, seed=1))
        return found

    return fill


def done(*arguments):
    result = invoke(*arguments)
    assert result.exit_code == 0 and "nan" not in result.output.lower(), result.output
    return result.output


@pytest.mark.parametrize(
    "kind",
    [*(pytest.param(kind, marks=pytest.mark.long) for kind in KINDS if kind != "panels"), "panels"],
)
def test_every_verb_reads_every_kind_of_study(stored, tmp_path, kind):
    study = stored(kind)
    planned = len({p.run for p in study.plan})
    assert f"fine. {planned} runs" in done("check", "s.toml")
    assert f"{planned} planned, {planned} stored, 0 left" in done("plan", "s.toml")
    state = json.loads(done("status", "s.toml", "--json"))
    assert (state["done"], state["left"], state["seconds_left"]) == (planned, 0, 0)
    assert f"{planned} done, 0 diverged, 0 failed, 0 left" in done("status", "s.toml")
    shown = done("fit", "s.toml")
    for word in ("verdict", "excluded" if kind == "single" else "rivals", "agrees"):
        assert word in shown
    assert not list((tmp_path / "results/s").glob("*.md"))  # fit writes nothing
    assert "Written: " in done("report", "s.toml")
    files = {f.name for f in (tmp_path / "results/s").iterdir()}
    assert {"report.md", "table.csv", "exponents.csv", "fits.json", "exponents.png", "losses.png",
            "local.png"} <= files  # fmt: skip
    assert ("map.png" in files) == (kind == "map")
    text = (tmp_path / "results/s/report.md").read_text()
    assert "4 teachers at 0.5 and 2 times the steps" in text and "Δα training" in text
    assert done("export", "s.toml", "out.csv").startswith(f"out.csv: {planned} runs")
    with open("out.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == planned == lab.load("s.toml")["N"].size
    calibrated = invoke("calibrate", "s.toml", "--scans", "20").output.lower()
    for word in ("coverage", "verdicts", "scans per line"):
        assert word in calibrated


@pytest.mark.parametrize("kind", KINDS)
def test_fit_json_has_the_promised_keys(stored, kind):
    stored(kind)
    found = json.loads(done("fit", "s.toml", "--json").replace("NaN", "null"))
    assert found["study"] == "s" and ("maps" in found) == (kind == "map")
    parts = found.get("panels", [found])
    assert len(parts) == (1 if kind == "single" else 2)
    for part in parts:
        assert {"regime", "points", "slope", "intercept"} <= set(part)
        wide = part["regime"] == "resolution-width"
        for p in part["points"]:
            assert set(p) - {"setting"} == KEYS | ({"alpha_by_size"} if wide else set())
            lo, hi = p["interval"]
            assert lo <= p["alpha"] <= hi
            assert p["verdict"] in ("agrees", "contradicts", "undecided")
            assert p["convergence"]["alpha"] == pytest.approx(0, abs=1e-9)
            assert len(p["local"]) >= 4 and p["forecast"]["error"] is not None
            for count in p.get("alpha_by_size", {}).values():
                assert count["interval"][0] <= count["value"] <= count["interval"][1]


def test_the_line_over_d_is_that_of_decided_points(stored):
    stored("single")
    lower = ("--set", 'prediction.exponent="2.5/d"')
    found = json.loads(done("fit", "s.toml", "--json", *lower))
    assert {p["verdict"] for p in found["points"]} == {"agrees"}
    assert found["slope"]["value"] == pytest.approx(4, abs=0.5)
    assert found["line"]["dims"] == [2, 3, 4]


def test_a_table_of_another_ending_is_refused(stored):
    stored("single")
    with pytest.raises(StudyError, match="ending"):
        invoke("export", "s.toml", "out.xls")
