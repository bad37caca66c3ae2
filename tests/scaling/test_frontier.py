"""Compute frontiers of exact models by three estimators; designs that have none are refused."""

from pathlib import Path

import numpy as np
import pytest

import lab
from lab.models import KaplanCompute, Truncation
from lab.scaling.frontier import FrontierError, frontier

CHINCHILLA = Path(lab.__file__).parents[1] / "studies/tables/chinchilla_digitised.csv"


def observed(
    model: Truncation, ratio: float = 2**0.5, steps: int = 40, scatter: float = 0.0, seed: int = 0
) -> dict[str, np.ndarray]:
    """Curves of sizes 16 … 4096, from long before the frontier until they are flat."""
    sizes = np.unique(np.round(16 * ratio ** np.arange(int(np.log(256) / np.log(ratio)) + 1)))
    N = np.repeat(sizes, steps)
    t = np.tile(np.geomspace(0.01, 100, steps), sizes.size) * N**model.b
    noise = np.random.default_rng(seed).normal(0, scatter, N.size)
    return {"N": N, "S": t, "loss": model.loss(N, t) * np.exp(noise), "flops": N * t}


@pytest.mark.parametrize("a, b", [(1.5, 1.5), (2, 1.25), (1.3, 0.8)])
@pytest.mark.parametrize("ratio", [2**0.5, 2])
def test_envelope_and_isoflop_find_the_exact_frontier(a, b, ratio):
    model = Truncation(a, b)
    rows = observed(model, ratio)
    one, other = (frontier(**rows, method=method) for method in ("envelope", "isoflop"))
    for found in (one, other):
        assert found.xi.value == pytest.approx(model.xi, abs=0.005 if found is one else 0.01)
        assert found.eta.value == pytest.approx(model.eta, abs=0.005)
        assert found.xi.status == found.eta.status == found.excess.status == "power-law"
    assert one.excess.value == pytest.approx(model.excess, rel=0.03)
    assert other.excess.value == pytest.approx(model.excess, rel=0.03 if ratio < 2 else 0.2)
    C = 3e4
    best = one.allocate(C)
    N = np.arange(8, 2000)
    exact = model.loss(N, C / N)
    assert best.N.value == pytest.approx(N[exact.argmin()], rel=0.02)
    assert best.loss.value == pytest.approx(exact.min(), rel=0.01)
    assert best.N.value * best.S.value == pytest.approx(C)


@pytest.mark.parametrize("a, b", [(1.5, 1.5), (1.3, 0.8)])
def test_the_additive_law_is_told_as_a_misfit(a, b):
    model = Truncation(a, b)
    found = frontier(**observed(model, steps=15), method="parametric")
    assert found.xi.status == found.excess.status == "misfit"
    assert found.xi.value > model.xi + 0.02 and found.excess.value > 5 * model.excess


def test_the_additive_law_is_found_where_it_holds():
    model = KaplanCompute(0.4, 0.6, np.inf, 50.0, 30.0, 1.0)
    rows = observed(Truncation(1.5, 1.5), steps=12)
    noise = np.random.default_rng(1).normal(0, 0.01, rows["N"].size)
    rows["loss"], rows["flops"] = model.loss(rows["N"], rows["S"]) * np.exp(noise), None
    found = frontier(**rows, method="parametric")
    assert found.xi.status == "power-law"
    for quantity, truth in ((found.xi, model.xi), (found.eta, model.eta), (found.excess, 2 / 3)):
        assert quantity.interval[0] < truth < quantity.interval[1]
        assert np.ptp(quantity.interval) < 0.2 * truth
    exact, told = model.optimum(1e6), found.allocate(1e6)
    assert told.N.interval[0] < exact.N < told.N.interval[1]
    assert told.loss.value == pytest.approx(exact.loss, rel=0.02)


def test_the_frontier_of_language_models_is_the_published_one():
    """α_C = .05245 and the excess α_N/α_S, with C = 6 N B_crit(L) S, whose batch grows as L falls
    (Kaplan et al. 2020, table 3 and appendix B)."""
    model = KaplanCompute()
    grid = np.meshgrid(np.geomspace(1e6, 1e10, 17), np.geomspace(1e2, 1e9, 120), indexing="ij")
    N, S = (one.ravel() for one in grid)
    loss = model.loss(N, S)
    found = lab.frontier(N, S, loss, 6 * N * model.critical_batch(loss) * S)
    assert found.eta.value == pytest.approx(0.05245, abs=5e-6)
    assert found.xi.value == pytest.approx(0.05245 / 0.077, rel=1e-3)
    assert found.excess.value == pytest.approx(0.077 / 0.76, rel=1e-3)


def test_intervals_of_noisy_curves_hold_the_truth():
    model = Truncation(1.5, 1.5)
    hits = [
        found.xi.interval[0] < model.xi < found.xi.interval[1]
        for seed in range(20)
        for found in [frontier(**observed(model, scatter=0.01, seed=seed))]
    ]
    assert sum(hits) >= 17


def test_a_table_of_isoflop_groups_needs_no_curves():
    """Budgets of a table, at one of which the least loss is that of the smallest size."""
    model, rows = Truncation(1.5, 1.5), []
    for k, C in enumerate(np.geomspace(1e4, 1e7, 8)):
        best = (C / model.stopping) ** model.xi
        for factor in np.geomspace(1 if k == 3 else 1 / 3, 3, 8):
            N = round(best * factor)
            rows.append((N, C / N, model.loss(N, C / N), C))
    found = frontier(*np.array(rows, float).T, method="isoflop")
    assert found.xi.value == pytest.approx(model.xi, abs=0.02)
    assert len(found.points) == 7 and "edge" in found.left_out[0]
    assert found.excess.status == "no-curves" and np.isnan(found.excess.value)


def test_the_allocation_of_chinchilla():
    rows = np.loadtxt(CHINCHILLA, delimiter=",", skiprows=1)
    N, D, loss, C = rows[np.argsort(rows[:, 2])][:-5].T
    found = lab.frontier(N, D, loss, C, method="parametric", huber=1e-3)
    assert found.xi.value == pytest.approx(0.513, abs=0.002)
    assert found.xi.interval[0] < 0.5 < found.xi.interval[1]
    assert found.allocate(5.76e23).N.value == pytest.approx(7e10, rel=0.1)
    with pytest.raises(FrontierError, match="curves of 6 steps or more, .* take the method"):
        lab.frontier(N, D, loss, C)


ROWS = observed(Truncation(1.5, 1.5), 2, steps=12)


@pytest.mark.parametrize("change, sentence", [
    (lambda r: {k: v[:3] for k, v in r.items()}, "^3 observations have no frontier"),
    (lambda r: {k: v[r["N"] == 16] for k, v in r.items()}, "^N takes 1 value: .* train others$"),
    (lambda r: {**r, "S": r["N"] * 20.0}, "^S follows N .* independently$"),
    (lambda r: {**r, "flops": np.linspace(1, 5, r["N"].size)}, r"^C spans 0.7 decades"),
    (lambda r: {**r, "loss": r["N"]}, "optima lie inside of the range, .* add sizes"),
    (lambda r: {**r, "loss": -r["loss"]}, "^loss is no column of finite positive numbers"),
    (lambda r: {**r, "S": r["S"][1:]}, "^the columns are not equally long"),
    (lambda r: {**r, "method": "hull"}, "^method is 'hull'; choose one of envelope, isoflop"),
    (lambda r: {**r, "flops": 1e9 * r["N"] / r["S"]}, "^C falls as the steps of N = .* rise"),
    (lambda r: {**r, "loss": r["loss"] * r["S"]}, "^the loss of N = .* rises over its steps"),
    (lambda r: {**r, "run": np.zeros(r["N"].size)}, "^run 0.0 has several sizes"),
])  # fmt: skip
def test_what_has_no_frontier_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(FrontierError, match=sentence):
        frontier(**change(ROWS))


def test_an_additive_law_without_amplitudes_is_refused(monkeypatch):
    """As of curves whose terms are so steep that every draw of the bootstrap overflows."""
    draws = np.full((9, 5), 1e6)
    monkeypatch.setattr("lab.scaling.frontier.resample", lambda *args, **options: draws)
    with pytest.raises(FrontierError, match="no finite best size; take the method envelope"):
        frontier(**ROWS, method="parametric")


def test_curves_that_still_fall_at_their_end_give_a_lower_bound():
    model, rows = Truncation(1.5, 1.5), observed(Truncation(1.5, 1.5), 2)
    early = rows["S"] < 2 * rows["N"] ** 1.5
    found = frontier(**{k: v[early] for k, v in rows.items()})
    assert found.excess.status == "unfinished" and found.excess.value < model.excess
