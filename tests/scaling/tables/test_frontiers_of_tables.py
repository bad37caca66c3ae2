"""Compute frontiers of tables: public column names, isoFLOP groups, refusals, allocations."""

import json

import numpy as np
import pytest
from invocation import invoke

import lab
from lab.models import Truncation
from lab.scaling.tables.reply import fit_frontier
from lab.scaling.tables.rows import TableError

MODEL = Truncation(1.5, 1.5)
CHINCHILLA = "studies/tables/chinchilla_digitised.csv"


@pytest.fixture
def isoflop(tmp_path):
    """Budgets of 6 N D, the third with its least loss at the smallest size, and an empty row."""
    rng, lines = np.random.default_rng(0), ["tokens,params,budget,loss", "5,5,,"]
    for k, C in enumerate(np.geomspace(1e4, 1e7, 9)):
        best = (C / MODEL.stopping) ** MODEL.xi
        for factor in np.geomspace(1 if k == 2 else 1 / 3, 3, 8):
            N = round(best * factor)
            loss = MODEL.loss(N, C / N) * np.exp(rng.normal(0, 0.002))
            lines.append(f"{C / N},{N},{6 * C},{loss}")
    file = tmp_path / "iso.csv"
    file.write_text("\n".join(lines))
    return file


def test_an_isoflop_table_is_read_as_it_is(isoflop):
    found = fit_frontier(isoflop)
    said = found["methods"]["isoflop"]
    assert found["columns"] == {"N": "params", "D": "tokens", "L": "loss", "C": "budget"}
    assert said["xi"]["value"] == pytest.approx(0.4, abs=0.01)
    assert said["data"]["value"] == pytest.approx(0.6, abs=0.01)
    assert said["data"]["interval"][0] < said["data"]["value"] < said["data"]["interval"][1]
    assert len(said["points"]) == 8 and len(said["left_out"]) == 1
    assert "minimum at the edge" in said["left_out"][0]
    assert "curves of 6 steps or more" in found["methods"]["envelope"]["refused"]
    assert found["methods"]["parametric"]["excess"]["status"] == "misfit"
    assert any("1 row was left out" in one for one in found["warnings"])
    named = fit_frontier(isoflop, group="budget", method="isoflop")
    assert named["methods"]["isoflop"]["xi"] == said["xi"]


def test_groups_need_not_spend_all_of_their_budget(isoflop):
    """Where D is not C/(6 N) its exponent is that of the optima's own D."""
    rows = np.genfromtxt(isoflop, delimiter=",", skip_header=2)
    D, N, C, loss = rows.T
    found = lab.frontier(N, D * N**0.1, loss, C, method="isoflop")
    assert found.steps.value == pytest.approx(0.6 + 0.1 * found.xi.value, abs=0.005)


def test_the_allocation_of_chinchilla():
    found = fit_frontier(
        CHINCHILLA, drop_worst=5, huber=1e-3, method="parametric", allocate=[5.76e23]
    )
    said = found["methods"]["parametric"]
    assert said["xi"]["value"] == pytest.approx(0.513, abs=0.002) and found["n"] == 240
    assert said["allocations"][0]["N"]["value"] == pytest.approx(7e10, rel=0.1)


def test_the_command_line_tells_what_every_method_says(isoflop):
    told = invoke("fit", str(isoflop), "--frontier", "--allocate", "1e6").stdout
    assert "isoflop" in told and "refused    envelope" in told and "Allocations" in told
    columns = "N=params,D=tokens,C=budget,L=loss"
    asked = ("fit", str(isoflop), "--frontier", "--columns", columns, "--method")
    assert set(json.loads(invoke(*asked, "isoflop", "--json").stdout)["methods"]) == {"isoflop"}
    assert invoke(*asked, "envelope").exit_code == 2


@pytest.mark.parametrize("options, words", [
    ({"columns": {"x": "params"}}, "no use for 'x'"),
    ({"columns": {"N": "width"}}, "no column 'width'"),
    ({"method": "hull"}, "choose one of envelope, isoflop"),
    ({"drop_worst": 100}, "drop-worst 100 leaves none"),
    ({"where": "loss <"}, "loss <"),
    ({"huber": -1.0}, "huber is -1"),
])  # fmt: skip
def test_what_cannot_be_asked_is_a_sentence(isoflop, options, words):
    with pytest.raises(TableError, match=words):
        fit_frontier(isoflop, **options)


def test_columns_without_a_usual_name_are_asked_for(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,loss\n1,2,3\n")
    with pytest.raises(TableError, match="the column of N is not named; name columns as N=params"):
        fit_frontier(tmp_path / "t.csv")
