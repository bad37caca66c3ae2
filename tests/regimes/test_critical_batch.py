"""Critical batches: steps to a loss by batch against their exact recursion, and what is claimed."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from invocation import invoke
from simulated import row

import lab
from lab.config import study
from lab.data.spectra import Spectrum
from lab.execution.store import Store
from lab.findings.batches import crossing
from lab.mistakes import StudyError
from lab.models import GaussianRegression
from lab.students import noise
from lab.students.solvers import Observation

RATES = ", ".join(f"{rate:.4g}" for rate in np.geomspace(0.01, 1.9, 26))
EXACT = f"""
question = "Are steps to a loss a hyperbola in the batch?"
regime = "critical-batch"
[task]
manifold = {{ kind = "spectral", a = 1.5, b = 1, modes = 8 }}
noise = 0.5
teacher = {{ count = 1 }}
[student]
kind = "gaussian-sgd"
[training]
steps = 300
batch = 64
rate = 1.0
checkpoints = "log:90"
[batch]
sizes = [1, 8, 64, 512]
rates = [{RATES}]
targets = [0.15, 0.1, 0.07, 0.05, 0.03]
[[prediction]]
quantity = "hyperbola"
tolerance = 0.6
[[prediction]]
quantity = "batch_exponent"
value = 0.8
tolerance = 0.5
"""
NETWORKS = """
question = "Is there a critical batch?"
regime = "critical-batch"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 4 }
[student]
widths = [8]
seeds = 1
[training]
steps = 400
schedule = "constant"
rate = 0.02
batch = 32
checkpoints = "log:40"
[batch]
sizes = [2, 8, 32, 128]
[[prediction]]
quantity = "hyperbola"
[[prediction]]
quantity = "batch_exponent"
value = 0.5
"""


def of(text):
    return study.of_tables(tomllib.loads(text))


@pytest.mark.long
def test_steps_to_a_loss_are_those_of_the_exact_recursion(tmp_path, monkeypatch):
    """Between those of the best rate there is and of the best that was tried, in every batch."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(EXACT)
    assert "fine. 104 runs" in invoke("check", "s.toml").stdout
    assert invoke("run", "s.toml").exit_code == 0
    (found,) = lab.answer("s.toml").answers[0].found("batches")
    s = Spectrum(1.5, 1, 8)
    model = GaussianRegression(s.eigenvalues, np.sqrt(s.power / s.eigenvalues), 0.5)
    for target in found.targets:
        assert [one.batch for one in target.tuned] == [1, 8, 64, 512]
        for one in target.tuned:
            loss, rates = (target.target + 0.25) / 2, map(float, RATES.split(","))
            tried = min(model.steps(loss, one.batch, rate) for rate in rates)
            assert 0.97 * model.steps(loss, one.batch) < one.steps < 1.04 * tried
        assert target.residual < 0.1 and target.B_crit == target.E_min / target.S_min
        assert all(scale > 0 for scale in target.scales)
    told = json.loads(invoke("fit", "s.toml", "--json").stdout)["claims"]
    assert [one["verdict"] for one in told] == ["agrees", "agrees"]
    assert (tmp_path / "results" / "s" / "batches.png").exists()
    assert "residual" in (tmp_path / "results" / "s" / "report.md").read_text()


def test_a_table_keeps_what_steps_are_read_from():
    """On both sides of each target, and the last: the same steps as of all checkpoints."""
    found = of(EXACT)
    run = found.plan[0].run
    steps = np.unique(np.geomspace(1, 3000, 90).round())
    losses = 2 * steps**-0.5
    seen = [Observation(int(s), "population", v) for s, v in zip(steps, losses, strict=True)]
    kept = found.kept(run, 2.0, seen[::-1])
    few = np.array([(o.step, o.loss / 2) for o in kept])
    assert len(kept) <= 2 * len(found.batch.targets) + 1 < len(seen) / 5
    assert kept[-1].step == steps[-1]
    for target in found.batch.targets:
        whole = crossing(steps, np.log(losses / 2), np.log(target))
        assert crossing(few[:, 0], np.log(few[:, 1]), np.log(target)) == whole
    network = of(NETWORKS)
    assert network.kept(network.plan[0].run, 2.0, seen) is seen


def scales(run, steps):
    """B_simple = 3 S^½ and B_noise = 5 S^½, where they are measured."""
    if run.measure is None:
        return {}
    named = (("simple", 3.0), ("noise", 5.0))
    return {noise.column(int(s), name): c * s**0.5 for s in steps for name, c in named}


def stored(path, found, κ=1.0, diverged=lambda run: False):
    """Curves whose steps to L follow the law with B_crit = 4 L^−½, at the best rate .02 √(B/32)."""
    with Store.write(path / "study") as store:
        for planned in found.plan:
            run, (_, B, rate) = planned.run, planned.run.training.stages[0]
            far = 1 + 0.3 * np.log(rate / 0.02) ** 2
            scatter = 1 + 0.02 * np.sin(5 * run.task.teacher + B)
            L = np.geomspace(1, 1e-4, 4000)
            S = far * scatter / L * (1 + (4 / np.sqrt(L) / B) ** κ) ** (1 / κ)
            steps = np.unique([*run.training.checkpoints, run.training.last])
            losses = np.exp(np.interp(np.log(steps), np.log(S), np.log(L)))
            seen = tuple(
                Observation(int(s), "test", 2 * v) for s, v in zip(steps, losses, strict=True)
            )
            one = replace(row(run, 0.1), loss=0.2, best_step=run.training.last, observations=seen,
                          details=scales(run, steps))  # fmt: skip
            store.add([row(run, 0.1, "diverged") if diverged(run) else one])


@pytest.mark.parametrize("κ, verdict", [(1.0, "agrees"), (2.2, "contradicts")])
def test_a_hyperbola_is_tested_and_not_assumed(tmp_path, κ, verdict):
    found = of(NETWORKS)
    stored(tmp_path, found, κ)
    answer = lab.answer(found, tmp_path).answers[0]
    sharp, exponent = answer.claims
    assert sharp.verdict == verdict and sharp.value == pytest.approx(κ, rel=0.1)
    assert "residual" in sharp.words[0]
    (told,) = answer.found("batches")
    assert told.units == 4 and not told.doubts
    if κ == 1:
        assert exponent.value == pytest.approx(0.5, abs=0.05)
        assert told.targets[0].B_crit == pytest.approx(4 / 0.3**0.5, rel=0.1)
        assert all(one.rate == pytest.approx(0.02, rel=0.05) for one in told.targets[0].tuned)


def test_noise_scales_of_networks_are_those_of_the_largest_batch(tmp_path):
    found = of(NETWORKS.replace("sizes = [2", "scales = 512\nsizes = [2"))
    asked = {p.run.training.stages[0][1]: p.run.measure for p in found.plan}
    assert [B for B, one in asked.items() if one and one.scales == 512] == [128]
    stored(tmp_path, found)
    (told,) = lab.answer(found, tmp_path).answers[0].found("batches")
    for target in told.targets:
        steps = target.tuned[-1].steps
        assert target.scales == pytest.approx((3 * steps**0.5, 5 * steps**0.5), rel=0.02)


def test_a_best_rate_at_the_end_of_those_tried_decides_nothing(tmp_path):
    found = of(NETWORKS.replace("sizes = [2", "rates = [2, 4, 6, 8, 16]\nsizes = [2"))
    stored(tmp_path, found)
    sharp = lab.answer(found, tmp_path).answers[0].claims[0]
    assert sharp.verdict == "undecided" and "rate-at-edge" in sharp.doubts[0]


def test_rates_that_diverge_are_too_large_and_no_doubt(tmp_path):
    found = of(NETWORKS)
    stored(tmp_path, found, diverged=lambda run: run.training.stages[0][2] > 0.03)
    (told,) = lab.answer(found, tmp_path).answers[0].found("batches")
    assert not told.doubts and told.hyperbola[0] == pytest.approx(1, rel=0.1)


def test_every_batch_has_its_steps_and_rates():
    recipes = {
        p.run.training for p in of(NETWORKS.replace("sizes = [2", "power = 0.5\nsizes = [2")).plan
    }
    stages = {r.stages[0] for r in recipes}
    assert len(stages) == 20 and {(s, B) for s, B, _ in stages} == {
        (400 * (1 + 32 // B) if B < 32 else 800 if B == 32 else 500, B) for B in (2, 8, 32, 128)
    }
    assert (500, 128, 0.04) in stages
    assert all(r.checkpoints[0] == 1 and r.checkpoints[-1] <= r.steps for r in recipes)


@pytest.mark.parametrize("text, old, new, words", [
    (NETWORKS, "\"constant\"", "\"linear\"", "no L\\(N, s\\)"),
    (NETWORKS, "[2, 8, 32, 128]", "[2, 8, 32]", "3 are too few to judge a hyperbola"),
    (NETWORKS, "[2, 8, 32, 128]", "[8, 2, 32, 128]", "do not increase"),
    (NETWORKS, "sizes = [2", "rates = [1, 2]\nsizes = [2", "batch.rates: 2 are too few"),
    (NETWORKS, "sizes = [2", "targets = [3, 2, 1]\nsizes = [2", "lies between 0 and 1"),
    (NETWORKS, "[batch]", "[curve]\ndecay = 0.2\n[batch]", "curve.decay: .* leave it out"),
    (NETWORKS, "value = 0.5", "sense = \"equal\"", "value: is missing"),
    (EXACT, "[batch]", "[batch]\nscales = 64", "scales of gaussian-sgd students are known"),
    (NETWORKS.replace("widths = [8]\nseeds", "widths = [[64, 64]]\nseeds"), "sizes = [2",
     "scales = 64\nsizes = [2", "a Hessian of N² numbers"),
    (EXACT, "rate = 1.0", "rate = 1.0\nwarmup = 0.1", "rate, steps, batch and checkpoints alone"),
    (EXACT, ", modes = 8", "", "spectral tasks of so many modes"),
    (EXACT, "\"critical-batch\"", "\"learning-curve\"", "take regime = \"critical-batch\""),
])  # fmt: skip
def test_what_has_no_critical_batch_is_a_sentence(text, old, new, words):
    assert old in text
    changed = text.replace(old, new, 1)
    if "learning-curve" in changed:
        changed = changed.split("[batch]")[0]
    with pytest.raises(StudyError, match=words):
        of(changed)
