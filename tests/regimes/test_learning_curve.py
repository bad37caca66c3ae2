"""Learning curves of exact models and networks: exponents of steps and size, branches, refusals."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from invocation import invoke
from scipy.optimize import brentq
from simulated import row

import lab
from lab.config import study
from lab.execution.store import Store
from lab.mistakes import StudyError
from lab.models import Truncation
from lab.students.solvers import Observation

EXACT = """
question = "Do the curves of a truncated spectrum fall as its decays say?"
regime = "learning-curve"
[task]
manifold = { kind = "spectral", a = 2.5, b = 1.5 }
[student]
kind = "truncation"
sizes = [64, 128, 256, 512, 1024, 2048, 4096]
[training]
steps = 100_000_000
checkpoints = "log:48"
[curve]
first = 30
[[prediction]]
quantity = "alpha_S"
value = "(a-1)/b"
tolerance = 0.05
[[prediction]]
quantity = "alpha_N"
tolerance = 0.03
"""
NETWORKS = """
question = "How fast do networks learn, and with what size?"
regime = "learning-curve"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 3 }
[student]
widths = [4, 9, 21, 48]
seeds = 1
[training]
steps = 1000
schedule = "constant"
checkpoints = "log:8"
[curve]
decay = 0.2
[[prediction]]
quantity = "alpha_S"
value = 0.5
[[prediction]]
quantity = "alpha_N"
value = 1
"""


def of(text):
    return study.of_tables(tomllib.loads(text))


def claims(path):
    return json.loads(invoke("fit", path, "--json").stdout)["claims"]


def test_exact_curves_have_both_exponents(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(EXACT)
    assert invoke("run", "s.toml").exit_code == 0
    of_steps, of_size = claims("s.toml")
    assert of_steps["verdict"] == of_size["verdict"] == "agrees"
    assert of_steps["value"] == pytest.approx(1.0, abs=0.01)
    assert of_size["value"] == pytest.approx(1.5, abs=0.005)
    assert (tmp_path / "results" / "s" / "learning.png").exists()
    (found,) = lab.answer("s.toml").answers[0].found("learning")
    steps, loss, _ = found.scans["alpha_S"]
    assert steps.min() >= 30 and loss.min() >= 10 * found.columns["loss"].min()


def test_curves_that_end_early_decide_nothing_of_the_size(tmp_path, monkeypatch):
    """Where losses still fall, those of the last step are no L(N, ∞)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(EXACT.replace("100_000_000", "20_000"))
    assert invoke("run", "s.toml", "--no-report").exit_code == 0
    of_size = claims("s.toml")[1]
    assert of_size["verdict"] == "undecided" and "unfinished" in of_size["doubts"][0]


def test_a_decay_branches_off_at_every_checkpoint():
    found = of(NETWORKS)
    runs = [p.run for p in found.plan if p.role == "scan"]
    trunks = [p.run for p in found.plan if p.role == "constant"]
    assert len(runs) == 8 * 4 * 3 and len(trunks) == 4 * 3 and len(found.plan) == 9 * 4 * 3
    assert {(t.training.branch_from, len(t.training.checkpoints)) for t in trunks} == {(0, 8)}
    steps = sorted({(r.training.branch_from, r.training.steps) for r in runs})
    assert steps[0] == (1, 2) and steps[-1] == (1000, 1200) and len(steps) == 8
    assert all(r.training.checkpoints == () for r in runs)


def test_branches_count_by_their_last_loss(tmp_path):
    """Losses before the decay are ten times as large, and would make another curve."""
    found = of(NETWORKS.replace("decay = 0.2", "decay = 0.2\nabove = 1"))
    with Store.write(tmp_path / "study") as store:
        for planned in found.plan:
            run, k = planned.run, planned.run.task.teacher
            if planned.role == "constant":
                continue
            end = run.training.last
            loss = (1 + 0.05 * k) * (30 * end**-0.5 + 1e-3 / run.N)
            seen = (Observation(end - 0.5, "test", 20 * loss), Observation(end, "test", 2 * loss))
            one = replace(row(run, 0.1), loss=0.2, best_step=end)
            store.add([replace(one, observations=seen)])
    answered = lab.answer(found, tmp_path)
    (told,) = answered.answers[0].found("learning")
    ends = {p.run.training.last for p in found.plan if p.role == "scan"}
    assert told.units == 3 and set(told.columns["S"]) == ends
    of_steps, of_size = answered.answers[0].claims
    assert of_steps.value == pytest.approx(0.5, abs=1e-3)
    assert any("unfinished" in doubt for doubt in of_size.doubts)


def stored(found, folder, loss):
    """A store of these losses at every checkpoint: loss(run, step, teacher)."""
    with Store.write(folder / "study") as store:
        for planned in found.plan:
            run, steps = planned.run, planned.run.training.checkpoints
            steps = sorted({*steps, run.training.last})
            seen = [Observation(s, "test", 2 * loss(run, s, run.task.teacher)) for s in steps]
            one = replace(row(run, 0.1), loss=0.2, best_step=run.training.last)
            store.add([replace(one, observations=tuple(seen))])
    return lab.answer(found, folder).answers[0]


def test_the_constant_rate_stands_beside_its_branches(tmp_path):
    """Losses at the constant rate are half as large again, and its exponent is the same."""

    def loss(run, step, k):
        own = (1 + 0.05 * k) * (30 * step**-0.5 + 1e-3 / run.N)
        return own if run.training.branch_from else 1.5 * own * 1.2**-0.5

    answered = stored(of(NETWORKS.replace("decay = 0.2", "decay = 0.2\nabove = 1")), tmp_path, loss)
    (told,) = answered.found("learning")
    assert told.annealed == pytest.approx(1.5, rel=1e-3)
    for name in ("alpha_S", "alpha_S at the constant rate"):
        assert told.exponent(name).alpha == pytest.approx(0.5, abs=1e-3)


SETS = (
    NETWORKS.split("[curve]")[0].replace("\"log:8\"", "\"log:16\"").replace("[training]", """[data]
sizes = [256, 1024, 4096, 16384]
[training]
stopping = "last"
batch = 32
""").replace("[4, 9, 21, 48]", "[4, 8, 16, 32]").replace("1000", "100_000")
    + """[curve]
first = 10
short = 0.5
targets = [0.5]
[[prediction]]
quantity = "stopping"
[[prediction]]
quantity = "data-need"
value = 0.8
[[prediction]]
quantity = "saving"
"""
)  # fmt: skip


def test_training_sets_are_left_after_the_bound_and_need_data_by_size(tmp_path):
    """L(N, S) − L(N, ∞) = (S/20)^−1.2 until memory rises with S, so that the best step is where the
    unlimited curve is at L(N, D); D ∝ N^.8 where the best loss is 1 + 20 N^.8/D times the limit."""

    def loss(run, s, k):
        limit = 0.3 * run.N**-0.5
        free = limit + (s / 20) ** -1.2
        if run.size is None:
            return (1 + 0.02 * k) * free
        extra = limit * 20 * run.N**0.8 / run.size
        return (1 + 0.02 * k) * (max(free, limit + extra) + 1e-4 * extra * np.log(s))

    answered = stored(of(SETS), tmp_path, loss)
    stop, need, saving = answered.claims
    assert stop.verdict == "agrees" and stop.value == pytest.approx(1.0, abs=0.7)
    (told,) = answered.found("stopping")
    for S_c, power in told.laws.values():
        assert S_c == pytest.approx(20, rel=0.05) and power == pytest.approx(1.2, abs=0.02)
    assert need.value == pytest.approx(0.8, abs=0.1) and need.verdict == "agrees"
    assert saving.value >= 1
    (curves,) = answered.found("learning")
    assert set(curves.columns["D"]) == {np.inf}
    assert {one.name for one in curves.laws} >= {"three-terms", "kaplan-steps"}


def test_the_law_that_made_the_curves_is_the_first(tmp_path):
    text = NETWORKS.replace("decay = 0.2", "above = 2")
    answered = stored(of(text), tmp_path, lambda run, s, k: 3 * run.N**-0.9 + s**-0.6 + 1e-3)
    (told,) = answered.found("learning")
    above = {one.name: one.above for one in told.laws}
    assert told.laws[0].name == "chinchilla" and min(above["product"], above["max"]) > 10
    assert told.laws[0].exponents == pytest.approx({"N": 0.9, "S": 0.6}, rel=1e-3)


def test_what_larger_sizes_save_is_that_of_the_exact_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = EXACT.replace("first = 30", "first = 30\ntargets = [0.001, 1e-6]")
    (tmp_path / "s.toml").write_text(text + "[[prediction]]\nquantity = \"saving\"\n")
    assert invoke("run", "s.toml").exit_code == 0
    model, steps = Truncation(2.5, 1.5), []
    for N in (64, 4096):
        goal = 0.001 * float(model.loss(N, 0))
        steps.append(brentq(lambda t, N=N, g=goal: float(model.loss(N, t)) - g, 1, 1e6))
    saving = claims("s.toml")[2]
    assert saving["value"] == pytest.approx(steps[0] / steps[1], rel=0.01)
    assert saving["verdict"] == "agrees"
    (found,) = lab.answer("s.toml").answers[0].found("efficiency")
    assert not found.targets[1].sizes and found.targets[1].of == 7
    for name in ("efficiency", "learning-axes"):
        assert (tmp_path / "results" / "s" / f"{name}.png").exists()


def test_kernel_flows_have_the_exponents_of_their_sphere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        EXACT.replace("a = 2.5, b = 1.5", "a = 1.5, b = 1.5")
        .replace("\"truncation\"", "\"kernel-flow\"\nd = 2")
        .replace("[64, 128, 256, 512, 1024, 2048, 4096]", "[16, 32, 64, 128, 256]")
        .replace("100_000_000", "10_000_000_000").replace("first = 30", "first = 300")
    )  # fmt: skip
    (tmp_path / "s.toml").write_text(text)
    assert invoke("run", "s.toml", "--no-report").exit_code == 0
    of_steps, of_size = claims("s.toml")
    assert of_steps["verdict"] == of_size["verdict"] == "agrees"
    assert of_steps["value"] == pytest.approx(1 / 3, abs=0.01)
    with pytest.raises(StudyError, match="harmonics; leave it out"):
        of(text.replace("b = 1.5 }", "b = 1.5, modes = 9 }"))


def test_data_that_somebody_brings_have_curves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).random((300, 3))
    np.savetxt("own.csv", np.column_stack([x, x.sum(1)]), delimiter=",", header="a,b,c,y",
               comments="")  # fmt: skip
    own = "[task]\ndata = \"own.csv\"\ntarget = \"y\"\n[student]"
    for text in (NETWORKS, NETWORKS.replace("learning-curve", "compute-frontier")
                 .replace("alpha_S", "xi").replace("alpha_N", "eta")):  # fmt: skip
        start, end = text.index("[task]"), text.index("[student]")
        mine = text[:start] + own + text[end + len("[student]") :].replace("decay = 0.2", "")
        found = of(mine)
        assert {p.run.size for p in found.plan} == {found.task.n_available}
    with pytest.raises(StudyError, match="draws points without limit"):
        of(mine.replace("compute-frontier", "critical-batch"))


@pytest.mark.parametrize("text, old, new, words", [
    (EXACT, "[curve]", "[data]\nsizes = [64, 128]\n[curve]", "unlimited data alone"),
    (EXACT, "first = 30", "targets = [2.0]", "between 0 and 1"),
    (EXACT, "\"alpha_N\"", "\"saving\"", "give curve.targets"),
    (EXACT, "\"alpha_N\"", "\"stopping\"", "give \\[data\\] sizes"),
    (NETWORKS, "\"constant\"", "\"linear\"", "no L\\(N, s\\)"),
    (NETWORKS, "\"log:8\"", "[10, 2000]", "beyond the last step"),
    (NETWORKS, "[4, 9, 21, 48]", "[4]", "1 value cannot carry"),
    (NETWORKS, "decay = 0.2", "decay = 2", "curve.decay"),
    (EXACT, "first = 30", "decay = 0.2", "no rate that falls"),
    (EXACT, "\"alpha_N\"", "\"xi\"", "do not answer it"),
])  # fmt: skip
def test_what_is_no_curve_is_a_sentence(text, old, new, words):
    assert old in text
    with pytest.raises(StudyError, match=words):
        of(text.replace(old, new))
