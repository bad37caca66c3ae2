"""Rows that belong together: what is recognised, what is not, and what intervals must do then."""

import numpy as np
import pytest
from truths import TRUTHS

from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.uncertainty import uncertainty
from lab.scaling.tables.request import intraclass, looks_like_checkpoints
from lab.scaling.tables.rows import UserTable

NAMES = {"x": "params", "y": "tokens", "L": "loss"}
TRUTH = TRUTHS["chinchilla"]


def trainings(seed, models=20, steps=8, own=0.03, noise=0.003, size=None):
    """Models of different N with `steps` checkpoints, each with an error of its own."""
    rng = np.random.default_rng(seed)
    n = np.repeat(np.geomspace(1e7, 1e10, models), steps)
    d = np.tile(np.geomspace(1e9, 1e12, steps), models)
    label = np.repeat(np.arange(models), steps)
    loss = LAWS["chinchilla"].loss(TRUTH, n, d)
    loss = loss * np.exp(
        own * rng.standard_normal(models)[label] + noise * rng.standard_normal(n.size)
    )
    return n, d, loss, label


def said(columns, names=NAMES, order=None):
    size = len(next(iter(columns.values())))
    order = np.arange(size) if order is None else order
    cells = {k: [v[i] for i in order] for k, v in columns.items()}
    rows = UserTable("t", cells, [f"row {i}" for i in range(size)])
    values = {s: rows.numbers(c) for s, c in names.items()}
    law = "chinchilla" if "y" in names else "power"
    x = np.stack([values[v] for v in LAWS[law].variables])
    fit = fit_law(law, x, values["L"], starts=50)
    return looks_like_checkpoints(rows, range(size), names, fit.residual)


def table(n, d, loss, **more):
    return {
        "params": n.tolist(),
        "tokens": d.tolist(),
        "loss": loss.tolist(),
        **{k: list(v) for k, v in more.items()},
    }


def test_models_that_share_their_size_are_seen_in_any_order():
    n, d, loss, label = trainings(0)
    mixed = np.random.default_rng(0).permutation(n.size)
    for order in (None, mixed, np.argsort(d, kind="stable")):
        sentence = said(table(n, d, loss), order=order)
        assert "160 rows share 20 values of params" in sentence
        assert "are alike" in sentence and "`group` 'params'" in sentence


@pytest.mark.parametrize("column", ["model", "run_id", "Model Name"])
def test_a_column_of_models_is_the_remedy(column):
    n, d, loss, label = trainings(1)
    name = [f"m{k}" for k in label]
    assert f"`group` {column!r}" in said(table(n, d, loss, **{column: name}))


def test_what_are_no_checkpoints():
    n, d, loss, label = trainings(2, own=0.0)
    mixed = np.random.default_rng(0).permutation(n.size)
    assert said(table(n, d, loss), order=mixed) is None  # a designed grid, in any order
    assert "not alike" in said(table(n, d, loss))  # the same, sorted as a log would be
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(16, 23, 60)), np.exp(rng.uniform(20, 27, 60))
    loss = LAWS["chinchilla"].loss(TRUTH, n, d)
    family = ["gpt", "llama", "opt"] * 20  # an architecture, with a size per row
    assert said(table(n, d, loss, model=family)) is None
    assert said(table(n, d, loss, run=range(60))) is None


def test_curves_of_one_variable_are_recognised_by_another_size():
    n, d, loss, label = trainings(3)
    names = {"x": "tokens", "L": "loss"}
    assert "`group` 'params'" in said(table(n, d, loss), names)
    assert "`group` 'teacher'" in said(table(n, d, loss, teacher=label), names)
    assert said(table(n, d, loss), {"x": "params", "L": "loss"}) is None


def test_intraclass_correlation_is_the_share_of_variance_between():
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(4000), 5)
    value = 2 * rng.standard_normal(4000)[label] + rng.standard_normal(label.size)
    correlation, p = intraclass(label, value)
    assert correlation == pytest.approx(4 / 5, abs=0.02) and p < 1e-100
    correlation, p = intraclass(label, rng.standard_normal(label.size))
    assert correlation == pytest.approx(0, abs=0.02) and p > 1e-3


@pytest.mark.long
def test_intervals_over_groups_cover_where_intervals_over_rows_do_not():
    covered = dict.fromkeys(("profile", "percentile", "sandwich"), 0)
    scans = 60
    for seed in range(scans):
        n, d, loss, label = trainings(seed, own=0.02, noise=0.002, models=16, steps=6)
        fit = fit_law("chinchilla", np.stack([n, d]), loss, starts=20)
        rows = uncertainty(fit, replicates=2).intervals["alpha"]
        groups = uncertainty(fit, groups=label, replicates=200).intervals["alpha"]
        for name, found in (("profile", rows), ("percentile", groups), ("sandwich", groups)):
            covered[name] += found[name][0] <= TRUTH["alpha"] <= found[name][1]
    assert covered["profile"] < 0.8 * scans
    assert min(covered["percentile"], covered["sandwich"]) > 0.85 * scans, covered


def test_the_sandwich_of_a_line_is_the_cluster_robust_error_of_its_slope():
    # Closed form for ordinary least squares, Liang & Zeger 1986.
    rng = np.random.default_rng(0)
    x, label = np.geomspace(1, 1e4, 40), np.repeat(np.arange(8), 5)
    y = -0.5 * np.log(x) + 0.1 * rng.standard_normal(8)[label] + 0.02 * rng.standard_normal(40)
    fit = fit_law("power", x[None], np.exp(y))
    design = np.column_stack([np.ones(40), np.log(x)])
    inverse = np.linalg.inv(design.T @ design)
    slope = inverse @ design.T @ y
    score = np.array([design[label == g].T @ (y - design @ slope)[label == g] for g in range(8)])
    error = np.sqrt((inverse @ score.T @ score @ inverse)[1, 1] * 8 / 7)
    from scipy import special

    lo, hi = uncertainty(fit, groups=label, replicates=5).intervals["alpha"]["sandwich"]
    assert (hi - lo) / 2 == pytest.approx(special.stdtrit(7, 0.975) * error, rel=1e-4)
    with pytest.raises(ValueError, match="one group"):
        uncertainty(fit, groups=[1] * 40)
