"""Learning curves of exact models and networks: exponents of steps and size, branches, refusals."""

import json
import tomllib
from dataclasses import replace

import pytest
from invocation import invoke
from simulated import row

import lab
from lab.config import study
from lab.execution.store import Store
from lab.mistakes import StudyError
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
    runs = [p.run for p in found.plan]
    assert len(runs) == 8 * 4 * 3
    steps = sorted({(r.training.branch_from, r.training.steps) for r in runs})
    assert steps[0] == (1, 2) and steps[-1] == (1000, 1200) and len(steps) == 8
    assert all(r.training.checkpoints == () for r in runs)


def test_branches_count_by_their_last_loss(tmp_path):
    """Losses before the decay are ten times as large, and would make another curve."""
    found = of(NETWORKS.replace("decay = 0.2", "decay = 0.2\nabove = 1"))
    with Store.write(tmp_path / "study") as store:
        for planned in found.plan:
            run, k = planned.run, planned.run.task.teacher
            end = run.training.last
            loss = (1 + 0.05 * k) * (30 * end**-0.5 + 1e-3 / run.N)
            seen = (Observation(end - 0.5, "test", 20 * loss), Observation(end, "test", 2 * loss))
            one = replace(row(run, 0.1), loss=0.2, best_step=end)
            store.add([replace(one, observations=seen)])
    answered = lab.answer(found, tmp_path)
    (told,) = answered.answers[0].found("learning")
    assert told.units == 3 and set(told.columns["S"]) == {r.run.training.last for r in found.plan}
    of_steps, of_size = answered.answers[0].claims
    assert of_steps.value == pytest.approx(0.5, abs=1e-3)
    assert any("unfinished" in doubt for doubt in of_size.doubts)


@pytest.mark.parametrize("text, old, new, words", [
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
