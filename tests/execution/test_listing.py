"""The columns of the runs: what tells panels, teachers, students and recipes apart."""

import csv
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from pandas import DataFrame
from simulated import row, rows

from lab.config import study
from lab.execution import listing as table
from lab.execution.store import Store
from lab.students.solvers import Observation

NETWORKS = """
schema = 1
question = "Which is which?"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { gain = 2.0, count = 2 }
loss = "power"
power = [2, 4]
[student]
widths = [[3, 5], [4, 10], [6, 6]]
seeds = 1
[training]
steps = 100
batch = 32
rate = 0.5
[evidence]
share = 0.0
[[panel]]
title = "one"
regime = "resolution-width"
[[panel]]
title = "two"
regime = "resolution-width"
[panel.student]
widths = [[4, 10], [6, 6], [7, 7]]
seeds = 1
"""
KERNEL = """
schema = 1
question = "Which is which?"
[[panel]]
title = "kernel"
regime = "resolution-data"
student = { kind = "kernel" }
data = { sizes = [16, 32, 64] }
[panel.task]
manifold = { kind = "sphere", dim = 2 }
teacher = { kind = "field", covariance = "matern", nu = 1.5, count = 1 }
"""


def test_observations_have_the_coordinates_of_their_step(tmp_path):
    """Of 5 checkpoints on a training set and of a run from before: at its best step alone."""
    tables = tomllib.loads(NETWORKS)
    tables |= {"panel": [{"regime": "resolution-data", "data": {"sizes": [64, 128, 256]}}]}
    asked = study.validate(tables)
    first, second = [p.run for p in asked.plan][:2]
    seen = tuple(Observation(s, split, 3.0 / s) for s in (1, 10, 50, 90, 100)
                 for split in ("test", "train"))  # fmt: skip
    one = replace(row(first, 0.03), relative=0.01, best_step=100, observations=seen)
    with Store.write(tmp_path / "x") as store:
        store.add([one, row(second, 0.5)])
        found = table.observations(asked, store)
    assert list(found) == ["run", "d", "N", "hidden", "width", "units", "D", "S", "samples",
                           "labels", "candidates", "C", "batch", "step", "split", "loss",
                           "relative", "seconds"]  # fmt: skip
    mine = found["run"] == first.fingerprint()
    assert mine.sum() == 10 and len(mine) == 11
    np.testing.assert_allclose(found["relative"][mine], found["loss"][mine] / 3)
    assert (found["samples"] == 32 * found["S"]).all() and (found["step"] == found["S"]).all()
    assert set(found["D"]) == {first.size, second.size} and set(found["d"]) == {2}
    whole = first.coordinates
    assert found["C"][mine].iloc[-1] == whole["C"] and found["labels"][mine].iloc[0] == first.size
    table.write(found, tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text().splitlines()[0] == ",".join(found)


@pytest.fixture
def found(tmp_path):
    texts = {"networks": NETWORKS, "kernel": KERNEL}
    return {name: _columns(tmp_path, name, text) for name, text in texts.items()}


def _columns(tmp_path, name, text):
    (tmp_path / f"{name}.toml").write_text(text)
    panels = study.read(tmp_path / f"{name}.toml")
    with Store.write(tmp_path / name) as store:
        for panel in panels.panels:
            store.add(rows(panel, lambda run, x: 1 / x))
        columns = table.columns(panels, store)
    table.write(columns, tmp_path / f"{name}.csv")
    with open(tmp_path / f"{name}.csv", newline="") as file:
        assert list(next(csv.reader(file))) == list(table.COLUMNS)
    assert {len(column) for _, column in columns.items()} == {len(panels.plan)}
    return columns


def test_a_run_that_two_panels_share_stands_once_and_names_both(found):
    columns = found["networks"]
    by_width = {w: set(columns["panel"][columns["widths"] == w]) for w in set(columns["widths"])}
    assert by_width == {"3x5": {"one"}, "4x10": {"one | two"}, "6x6": {"one | two"}, "7x7": {"two"}}
    assert set(columns["regime"]) == {"resolution-width"}
    assert len(set(columns["fingerprint"])) == len(columns["fingerprint"])


def test_a_network_is_told_by_power_gain_width_and_recipe(found):
    columns = found["networks"]
    assert set(columns["p"]) == {2.0, 4.0} and set(columns["gain"]) == {2.0}
    assert dict(zip(columns["widths"], columns["width"], strict=True)) == {
        "3x5": 5, "4x10": 10, "6x6": 6, "7x7": 7,
    }  # fmt: skip
    for name, value in {"optimiser": "muon", "batch": 32, "rate": 0.5, "covariance": ""}.items():
        assert set(columns[name]) == {value}


def test_a_kernel_and_its_field_have_a_covariance_and_no_recipe(found):
    columns = found["kernel"]
    assert set(columns["covariance"]) == {"matern length=1.0 nu=1.5"}
    assert set(columns["panel"]) == {"kernel"} and set(columns["regime"]) == {"resolution-data"}
    assert set(columns["width"]) == set(columns["batch"]) == {0}
    assert set(columns["optimiser"]) == {"none"} and np.isnan(columns["rate"]).all()


@pytest.mark.parametrize("changes, batch, rate", [
    ({"training": {"optimiser": "lbfgs", "batch": 64}}, 64, np.nan),
    ({"training": {"preset": "sharma-kaplan"}}, 200, 0.01),
    ({"regime": "variance-width", "data": {"sizes": 8}, "training": {"steps": 9},
      "student": {"widths": [8, 16, 32], "parametrisation": "ntk"},
      "prediction": {"exponent": 1}}, 8, np.nan),
])  # fmt: skip
def test_batch_and_rate_are_those_of_the_first_stage(make_tables, tmp_path, changes, batch, rate):
    tables = {**make_tables(), **changes}
    tables = {k: v for k, v in tables.items() if k != "evidence"}
    one = study.validate(tables)
    with Store.write(tmp_path / "s") as store:
        store.add(rows(one, lambda run, x: 1 / x))
        columns = table.columns(one, store)
    assert set(columns["panel"]) == {""} and set(columns["batch"]) == {batch}
    np.testing.assert_array_equal(columns["rate"][~columns["check"]], rate)
    rates = set(columns["rate"][columns["check"]])
    assert np.isnan(rate) or rates == {rate / 2, rate, 2 * rate}


def test_checks_are_told_from_the_scan_and_from_each_other(make_study, tmp_path):
    one = make_study(evidence={"share": 1.0, "budgets": [0.5, 2.0], "rates": [0.5, 2.0],
                               "slower": [2.0], "weights": [0.5, 2.0]})  # fmt: skip
    with Store.write(tmp_path / "s") as store:
        store.add(rows(one, lambda run, x: 1 / x))
        columns = table.columns(one, store)
    told = ("N", "teacher", "steps", "rate", "weight")
    factors = ("budget_factor", "rate_factor", "weights_factor")
    assert {
        (role, *triple)
        for role, *triple in zip(columns["role"], *(columns[f] for f in factors), strict=True)
    } == {
        ("scan", 1, 1, 1), ("budget", 0.5, 1, 1), ("budget", 2, 1, 1), ("slower", 2, 0.5, 1),
        ("rate", 1, 0.5, 1), ("rate", 1, 2, 1), ("weights", 1, 1, 0.5), ("weights", 1, 1, 2),
    }  # fmt: skip
    scan = columns["role"] == "scan"
    np.testing.assert_array_equal(columns["check"], ~scan)
    for name, of in zip(("steps", "rate", "weight"), factors, strict=True):
        (own,) = set(columns[name][scan])
        np.testing.assert_allclose(columns[name], own * columns[of])
    apart = {values for values in zip(*(columns[name] for name in told), strict=True)}
    assert len(apart) == len(one.plan)


def test_text_that_a_spreadsheet_would_evaluate_is_quoted(tmp_path):
    titles = ["=1+1", "+a", "-a", "@SUM(A1)", "\tx", "+1", "plain", ""]
    table.write(DataFrame({"panel": np.array(titles), "loss": -np.arange(8.0)}), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    quoted = [*(f"'{title}" for title in titles[:5]), *titles[5:]]  # a number is no formula
    assert [one["panel"] for one in found] == quoted
    assert [float(one["loss"]) for one in found] == (-np.arange(8.0)).tolist()
