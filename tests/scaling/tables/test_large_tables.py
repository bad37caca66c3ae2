"""Large tables: the search on some rows ends at the optimum of all, and replicates of few steps
scatter as replicates that descend do."""

import numpy as np
import pytest
from truths import TRUTHS

from lab import fit as fit_table
from lab.scaling.judge.exponent import exponent
from lab.scaling.laws import fit as fits
from lab.scaling.laws import uncertainty as sure
from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.law import descend
from lab.scaling.laws.prediction import FEW_STARTS, STARTS, Request
from lab.scaling.scans.scan import Scan
from lab.scaling.tables import reply
from lab.scaling.tables.rows import TableError


def table(n, law="chinchilla", seed=0, size=0.02):
    rng = np.random.default_rng(seed)
    spans = ((15, 25), (20, 28)) if len(LAWS[law].variables) == 2 else ((2, 11),)
    x = np.exp(np.stack([rng.uniform(*span, n) for span in spans]))
    return x, LAWS[law].loss(TRUTHS[law], *x) * np.exp(size * rng.standard_normal(n))


@pytest.mark.parametrize(
    "law, huber, residual",
    [
        ("chinchilla", None, "log"),
        ("chinchilla", 1e-2, "log"),
        ("kaplan", None, "raw"),
        ("power-mean", None, "log"),
        ("power+floor", None, "log"),
        ("m3", None, "log"),
    ],
)
def test_a_search_on_some_rows_finds_the_optimum_of_all(monkeypatch, law, huber, residual):
    x, loss = table(2500, law if law != "power-mean" else "chinchilla")
    some = fit_law(law, x, loss, huber=huber, residual=residual)
    monkeypatch.setattr(fits, "MANY", 10_000)
    every = fit_law(law, x, loss, huber=huber, residual=residual, starts=60)
    assert (some.searched, every.searched) == (500, 2500)
    assert some.objective == pytest.approx(every.objective, rel=1e-7)
    for name, i in LAWS[law].coordinates.items():
        assert some.theta[i] == pytest.approx(every.theta[i], rel=5e-3), name


def test_groups_that_share_no_x_need_no_matrix_of_all_x():
    """Of 3000 x that matrix and its singular vectors took minutes, of 100 000 all memory."""
    (x,), loss = table(20_000, "power")
    found = exponent(Scan.of(x, loss, np.arange(x.size) % 3), replicates=50)
    assert found.n == 20_000 and found.teachers == 3 and found.status == "converged"
    assert found.alpha == pytest.approx(TRUTHS["power"]["alpha"], rel=0.01)
    assert found.shape in ("straight", "open")


def test_more_cells_than_memory_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reply, "CELLS", 80)
    path = tmp_path / "t.csv"
    path.write_text("x,y,g\n" + "".join(f"{2**i},{1 / 2**i},t{i % 9}\n" for i in range(9)))
    with pytest.raises(TableError, match="9 groups and 9 values of x make 81 cells"):
        fit_table(path, law="power", x="x", loss="y", group="g")


@pytest.mark.parametrize("huber, residual", [(None, "log"), (0.02, "log"), (None, "raw")])
@pytest.mark.parametrize("grouped", [False, True])
def test_replicates_of_few_steps_scatter_as_those_that_descend(
    monkeypatch, huber, residual, grouped
):
    x, loss = table(900)
    groups = np.repeat(np.arange(60), 15) if grouped else None
    if grouped:
        loss = loss * np.exp(0.02 * np.random.default_rng(1).standard_normal(60)[groups])
    fit = fit_law("chinchilla", x, loss, huber=huber, residual=residual, starts=20)
    monkeypatch.setattr(sure, "MANY", 100)
    few = sure.resample(fit, groups=groups, replicates=2000, seed=1)
    assert len(few) == sure.STEPS  # of 2000 asked for
    # The same draws, each fitted to the end.
    label = np.arange(900) if groups is None else groups
    members, rng = label.max() + 1, np.random.default_rng(1)
    counts = np.array(
        [np.bincount(rng.integers(0, members, members), minlength=members) for _ in range(len(few))]
    )
    full = descend(
        fit.problem,
        np.repeat(fit.theta[None], len(few), 0),
        weights=counts[:, label].astype(float),
        tolerance=1e-12,
    )[0]
    spread = full.std(0)
    assert (np.abs(few - full) < 0.25 * spread).all(1).mean() > 0.9
    ends = [0.025, 0.5, 0.975]
    assert (np.abs(np.quantile(few, ends, 0) - np.quantile(full, ends, 0)) < 0.25 * spread).all()


def test_what_was_done_with_a_large_table_is_said(tmp_path):
    x, loss = table(1500)
    path = tmp_path / "t.csv"
    lines = [f"{a!r},{b!r},{c!r}\n" for a, b, c in zip(*x.tolist(), loss.tolist(), strict=True)]
    path.write_text("N,D,L\n" + "".join(lines))
    found = fit_table(path, law="chinchilla", columns={s: s for s in "NDL"})
    assert found["starts"]["rows"] == 500
    assert set(found["intervals"]["alpha"]) == {"percentile", "basic", "wald"}
    lo, hi = found["intervals"]["alpha"]["percentile"]
    assert lo < TRUTHS["chinchilla"]["alpha"] < hi
    wald = found["intervals"]["alpha"]["wald"]
    assert (lo, hi) == pytest.approx(wald, abs=0.15 * (hi - lo))

    from lab.report.fitted import fit_sentences

    assert any("of 500 rows, spread evenly" in said for said in fit_sentences(found))


def test_groups_that_lack_the_largest_x_raise_no_warning(tmp_path):
    x = np.geomspace(10, 1e4, 8)
    rows = [(v, g, (g + 1) * v**-0.8 + 0.01) for g in range(4) for v in x[: 8 - 2 * (g == 3)]]
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="x,g,L", comments="")
    found = fit_table(tmp_path / "t.csv", law="power+floor", x="x", loss="L", group="g")
    assert found["groups"] == 4 and found["parameters"]["alpha"] == pytest.approx(0.8, abs=0.01)


def test_weighing_laws_takes_bounded_work():
    work = [rows * Request(rows, 1).starts for rows in (100, 250, 400, 800, 1000)]
    assert work[0] == 100 * STARTS and max(work) == work[1] and min(work[1:]) > 0.95 * work[1]
    assert Request(10**6, 1).starts == FEW_STARTS
