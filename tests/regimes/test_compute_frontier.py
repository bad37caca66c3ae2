"""The compute frontier of exact models and networks, from study file to claim."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from invocation import invoke
from simulated import row

import lab
from lab.config import study
from lab.execution import plan
from lab.execution.store import Store
from lab.mistakes import StudyError
from lab.models import PLRF, PLRFEquivalent, Truncation
from lab.scaling import frontier
from lab.students import solvers
from lab.students.solvers import Observation

EXACT = """
question = "Is the frontier of a truncated spectrum the exact one?"
regime = "compute-frontier"
[task]
manifold = { kind = "spectral", a = [1.5, 2], b = [1.5, 1.25] }
[student]
kind = "truncation"
sizes = [64, 91, 128, 181, 256, 362, 512, 724, 1024]
[training]
steps = 10_000_000
checkpoints = "log:48"
[[prediction]]
quantity = "xi"
value = "1/(1+b)"
tolerance = 0.03
[[prediction]]
quantity = "eta"
value = "(a-1)/(1+b)"
tolerance = 0.02
[[prediction]]
quantity = "excess"
tolerance = 0.03
"""
RATIOS = """[[prediction]]
quantity = "xi-ratio"
[[prediction]]
quantity = "excess-ratio"
"""
PLRF_STUDY = (
    EXACT.split("[[prediction]]")[0]
    .replace("a = [1.5, 2], b = [1.5, 1.25]", "a = 2.6, b = 2.0, modes = 200")
    .replace("[student]\nkind = \"truncation\"",
             "teacher = { count = 3 }\n[student]\nkind = \"plrf\"")
    .replace("[64, 91, 128, 181, 256, 362, 512, 724, 1024]", "[8, 11, 16, 20]")
)  # fmt: skip
NETWORKS = """
question = "Is the frontier that of the two exponents?"
regime = "compute-frontier"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 4 }
[student]
widths = [4, 6, 9, 14, 21, 32, 48]
seeds = 1
[training]
steps = 20_000
schedule = "constant"
checkpoints = "log:30"
[[prediction]]
quantity = "xi"
value = 0.4
tolerance = 0.1
"""


def of(text):
    return study.of_tables(tomllib.loads(text))


def test_exact_curves_have_the_exact_frontier(tmp_path, monkeypatch):
    """Every claim agrees, in each of four pairs of decays; isoFLOP and envelope within .01."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(frontier, "REPLICATES", 20)  # intervals of the additive law
    (tmp_path / "s.toml").write_text(EXACT + RATIOS)
    assert "fine. 36 runs" in invoke("check", "s.toml").stdout
    assert invoke("run", "s.toml").exit_code == 0
    found = json.loads(invoke("fit", "s.toml", "--json").stdout)
    told = {name: [one["verdict"] for one in found["claims"] if one["quantity"] == name]
            for name in ("xi", "eta", "excess", "xi-ratio", "excess-ratio")}  # fmt: skip
    additive = told.pop("excess-ratio")  # which no homogeneous law but the additive one has
    assert additive == ["contradicts"] * 4 and set(map(tuple, told.values())) == {("agrees",) * 4}
    for one in lab.answer("s.toml").answers[0].found("frontier"):
        a, b = one.at.varying["a"], one.at.varying["b"]
        model = Truncation(a, b)
        envelope, isoflop, additive = (one.methods[name].frontier for name in one.methods)
        assert envelope.xi.value == pytest.approx(model.xi, abs=0.005)
        assert envelope.eta.value == pytest.approx(model.eta, abs=0.005)
        assert envelope.excess.value == pytest.approx(model.excess, rel=0.03)
        assert isoflop.xi.value == pytest.approx(envelope.xi.value, abs=0.01)
        assert additive.xi.status == "misfit" and additive.excess.value > 2 * model.excess
    page = (tmp_path / "results" / "s" / "report.html").read_text()
    assert "frontier.csv" in page and "∞ modes" in page
    for name in ("frontier", "isoflop"):
        assert (tmp_path / "results" / "s" / f"{name}.svg").stat().st_size < 150_000


def solved(text):
    groups = plan.groups(p.run for p in of(text).plan)
    return [result for group in groups for result in solvers.solve(group, tick=lambda n: None)]


def test_curves_are_those_of_the_models():
    for result in solved(EXACT.replace("[1.5, 2]", "2"))[:3]:
        model = Truncation(*result.run.task.decays)
        steps = [o.step for o in result.observations]
        assert len(steps) == 48 and {o.split for o in result.observations} == {"population"}
        expected = model.loss(result.run.N, np.array(steps))
        np.testing.assert_allclose([o.loss for o in result.observations], expected)
        assert result.relative == pytest.approx(float(expected[-1]) / model.loss(result.run.N, 0))
        assert result.run.coordinate("C", 10) == 10 * result.run.N
    results = solved(PLRF_STUDY)
    limits = {r.run: PLRF(1.0, 0.3, r.run.N, 200, 0.5, 0).equivalent_limit for r in results}
    assert len({r.loss for r in results}) == 12  # teachers and sizes draw features of their own
    for N in (8, 20):
        some = [np.log(r.loss / limits[r.run]) for r in results if r.run.N == N]
        assert abs(np.mean(some)) < 0.5


def test_the_equivalent_is_a_student_of_any_size():
    text = (
        EXACT.split("[[prediction]]")[0]
        .replace("[1.5, 2], b = [1.5, 1.25]", "2.6, b = 2")
        .replace("kind = \"truncation\"", "kind = \"plrf-equivalent\"\nratio = 5")
    )
    sized = text.replace(
        "[64, 91, 128, 181, 256, 362, 512, 724, 1024]", "[64, 1024, 9000, 1000000]"
    )
    for result in solved(sized):
        model = PLRFEquivalent(1.0, 0.3, result.run.N, 5.0 * result.run.N, 0.5)
        expected = model.risk([o.step for o in result.observations])
        np.testing.assert_allclose([o.loss for o in result.observations], expected)
    with pytest.raises(StudyError, match="have 5 modes for each feature; leave it out"):
        of(text.replace("b = 2", "b = 2, modes = 90"))
    with pytest.raises(StudyError, match="rate"):
        of(text.replace("ratio = 5", "rate = 0.7"))


def test_a_rate_that_diverges_is_a_diverged_run():
    text = PLRF_STUDY.replace("sizes = [8", "rate = 20.0\nsizes = [8")
    assert {r.status for r in solved(text)} == {"diverged"}


def simulated(run, k):
    """An additive law whose amplitude scatters between teachers, ξ = .6/(.6 + .9) = .4."""
    steps = [*run.training.checkpoints]
    scatter = 1 + 0.1 * np.sin(7 * k)
    law = [3 * run.N**-0.9 * scatter + 1.0 * s**-0.6 for s in steps]
    return tuple(Observation(s, "test", 2 * one) for s, one in zip(steps, law, strict=True))


def test_networks_are_judged_over_teachers(tmp_path):
    found = of(NETWORKS)
    with Store.write(tmp_path / "study") as store:
        for planned in found.plan:
            one = replace(row(planned.run, 0.1), loss=0.2, best_step=20_000)
            store.add([replace(one, observations=simulated(planned.run, planned.run.task.teacher))])
    (told,) = lab.answer(found, tmp_path).answers[0].found("frontier")
    assert told.units == told.planned == 4 and not told.doubts
    xi = told.methods["envelope"].frontier.xi
    assert xi.interval[0] < xi.value < xi.interval[1] and xi.value == pytest.approx(0.4, abs=0.05)
    with Store.write(tmp_path / "study") as store:
        store.delete([found.plan[0].run.fingerprint()])
    (told,) = lab.answer(found, tmp_path).answers[0].found("frontier")
    assert told.units == 3 and told.doubts == ("unfinished",)


def test_the_bend_lies_where_the_limits_meet(tmp_path):
    """E_D = max(E_∞, L(D)): √2 is lost at √2^(1/η) times the crossing, η = .36."""
    text = NETWORKS.replace("[training]", "[data]\nsizes = [500]\n[training]\nbatch = 64\n")
    text = text.replace("\"xi\"\nvalue = 0.4\ntolerance = 0.1", "\"bend\"\ntolerance = 0.9")
    found = of(text)
    with Store.write(tmp_path / "study") as store:
        for planned in found.plan:
            run = planned.run
            seen = simulated(run, run.task.teacher)
            if run.size:
                seen = tuple(o._replace(loss=max(o.loss, 0.2)) for o in seen)
            one = replace(row(run, 0.1), loss=0.2, best_step=20_000)
            store.add([replace(one, observations=seen)])
    answered = lab.answer(found, tmp_path).answers[0]
    (judged,) = answered.claims
    expected = 2 ** (0.5 * (0.6 + 0.9) / (0.6 * 0.9))
    assert judged.value == pytest.approx(expected, rel=0.2) and judged.setting is not None
    assert [one.label[-3:] for one in answered.found("frontier")] == ["500", "e ∞"]


def test_random_features_lie_in_their_phase_plane(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = EXACT.replace("[1.5, 2], b = [1.5, 1.25]", "2.6, b = 2")
    (tmp_path / "s.toml").write_text(text.replace("\"truncation\"", "\"plrf-equivalent\"")
                                     .split("[[prediction]]")[0])  # fmt: skip
    assert invoke("run", "s.toml").exit_code == 0
    (found,) = lab.answer("s.toml").answers[0].found("frontier")
    assert found.place == pytest.approx((1.0, 0.3))
    assert (tmp_path / "results" / "s" / "phases.svg").stat().st_size < 150_000


@pytest.mark.parametrize("old, new, words", [
    ("kind = \"truncation\"", "kind = \"linear\"", "is missing, and linear students"),
    ("b = [1.5, 1.25]", "b = 1.5, modes = 9", "infinitely many modes; leave it out"),
    ("a = [1.5, 2]", "a = 0.9", "need a > 1"),
    ("[student]", "noise = 0.1\n[student]", "without noise"),
    ("[student]", "teacher = { count = 3 }\n[student]", "one target; leave it out"),
    ("\"log:48\"", "\"last\"", "1 make no curve"),
    ("steps = 10", "rate = 0.1\nsteps = 10", "training.rate: .* known exactly"),
    ("64, 91, 128, 181, 256, 362, 512, 724, 1024", "64, 91, 128", "needs 4 sizes"),
    ("\"compute-frontier\"", "\"resolution-width\"", "reads last losses; take regime"),
    ("value = \"1/(1+b)\"", "value = \"1/(1+q)\"", "q"),
])  # fmt: skip
def test_what_has_no_frontier_is_a_sentence(old, new, words):
    assert old in EXACT
    with pytest.raises(StudyError, match=words):
        of(EXACT.replace(old, new))


@pytest.mark.parametrize("old, new, words", [
    ("\"constant\"", "\"cosine\"", "no L\\(N, s\\)"),
    ("[[prediction]]", "[evidence]\nshare = 0.5\n[[prediction]]", "every budget"),
    ("value = 0.4", "value = \"exact\"", "needs 'exact'"),
    ("widths = [4, 6, 9, 14, 21, 32, 48]", "kind = \"kernel\"\nkernel = \"laplace\"", "no curve"),
])  # fmt: skip
def test_networks_of_other_schedules_are_a_sentence(old, new, words):
    assert old in NETWORKS
    with pytest.raises(StudyError, match=words):
        of(NETWORKS.replace(old, new))
