"""The answer: known exponents are recovered, wrong predictions rejected, doubts counted."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from simulated import power, row, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings.shown import Shown

WIDE = {
    "student": {"widths": [4, 6, 8, 12, 17, 24, 34], "seeds": 2},
    "task": {
        "manifold": {"dim": [2, 4, 8]},
        "teacher": {"count": 6, "widths": [96, 96], "activation": "tanh"},
    },
    "evidence": {"share": 0.1},
}


@pytest.fixture
def fitted(make_study, tmp_path):
    def fit(law, *, changes=WIDE, seed=1, **simulation):
        found = make_study(**changes)
        with Store.write(tmp_path) as store:
            store.add(rows(found, law, seed=seed, **simulation))
            return answers.answer(found, store)

    return fit


def test_known_exponents_agree_and_lie_on_a_line(fitted):
    found = fitted(power(lambda d: 6 / d), noise=0.02)
    for p in found.points:
        lo, hi = p.exponent.interval
        assert lo < 6 / p.dim < hi and hi - lo < 0.5 * 6 / p.dim
        assert p.verdict == "agrees" and p.runs.done == 84 and p.fitted.teachers == 6
        assert p.evidence.convergence.correction.alpha == pytest.approx(0, abs=1e-9)
    line = found.found("lines")[0].line
    slope, intercept = line.slope_interval, line.intercept_interval
    assert slope[0] < 6 < slope[1] and intercept[0] < 0 < intercept[1]
    assert line.dims == (2, 4, 8)


def test_a_floor_of_noise_free_data_is_flattening_and_never_fitted(fitted):
    two, _, eight = fitted(power(lambda d: 6 / d, 3e-5), noise=0.02).points
    assert two.exponent.shape != "straight" and two.verdict == "undecided"
    assert two.exponent.law == "power" and two.exponent.parameters["floor"] == 0
    assert eight.verdict == "agrees"  # a floor far below the losses


def test_a_floor_of_noisy_data_is_fitted(fitted):
    noisy = {**WIDE, "task": {**WIDE["task"], "noise": 0.1}}
    for p in fitted(power(0.9, 1e-4), changes=noisy).points:
        assert p.exponent.law == "power+floor"
        assert p.exponent.alpha == pytest.approx(0.9, abs=1e-4)


def test_noise_free_exponents_are_exact(fitted):
    for p in fitted(power(0.9)).points:
        assert p.exponent.alpha == pytest.approx(0.9, abs=1e-6)


def test_a_wrong_prediction_is_rejected_and_a_bound_is_one_sided(fitted):
    below = fitted(power(lambda d: 2 / d), noise=0.02)
    assert {p.verdict for p in below.points} == {"contradicts"}
    assert {p.exponent.relation for p in below.points} == {"below"}
    above = fitted(power(lambda d: 6 / d), noise=0.02)
    assert {p.verdict for p in above.points} == {"agrees"}
    far = fitted(power(lambda d: 8 / d), noise=0.02)
    assert {p.exponent.relation for p in far.points} == {"above"}
    equality = {**WIDE, "prediction": {"sense": "equal"}}
    far = fitted(power(lambda d: 8 / d), noise=0.02, changes=equality)
    assert {p.verdict for p in far.points} == {"contradicts"}


def untrained(factor, x):
    """0.7 times the loss per doubling at the largest x, and less change at smaller ones."""
    return 0.7 ** (np.log2(factor) * np.log(x) / np.log(1500))


def test_under_training_forbids_contradicting(fitted):
    found = fitted(power(lambda d: 2 / d), noise=0.02, gain=untrained)
    for p in found.points:
        assert p.verdict == "undecided" and "under-trained" in p.doubts
        assert p.evidence.convergence.largest[0] == 2
        assert np.exp(p.evidence.convergence.largest[1].late) == pytest.approx(0.7, rel=0.05)
        assert p.evidence.convergence.correction.alpha > 0
        assert re.search(r"train longer.*, at most .+ on one core: lab run .*--until-converged",
                         p.advice)  # fmt: skip


@pytest.mark.parametrize("state", ["missing", "failed", "diverged"])
def test_a_check_that_is_not_there_forbids_any_verdict(make_study, tmp_path, state):
    study = make_study(**WIDE)
    lost = next(p.run for p in study.plan if p.role == "budget" and p.run.task.dim == 4)
    with Store.write(tmp_path) as store:
        for r in rows(study, power(lambda d: 2 / d), noise=0.02, seed=1):
            if r.fingerprint != lost.fingerprint():
                store.add([r])
            elif state != "missing":
                store.add([row(lost, 1.0, state)])
        two, four, eight = answers.answer(study, store).points
    assert "unchecked" in four.doubts and four.verdict == "undecided"
    assert {two.verdict, eight.verdict} == {"contradicts"} and "unchecked" not in two.doubts


def test_without_evidence_nothing_is_decided(fitted):
    for p in fitted(power(lambda d: 2 / d), noise=0.02,
                    changes={**WIDE, "evidence": {"share": 0.0}}).points:  # fmt: skip
        assert (
            "unchecked" in p.doubts and p.verdict == "undecided" and p.evidence.convergence is None
        )


def test_noise_alone_decides_nothing(fitted):
    found = fitted(power(1.0), noise=1.0)
    assert "contradicts" not in {p.verdict for p in found.points}


def test_diverged_runs_are_doubts_and_never_fitted(fitted):
    found = fitted(power(lambda d: 4 / d), noise=0.02,
                   diverge=lambda run: run.seed == 1 and run.task.teacher == 0)  # fmt: skip
    for p in found.points:
        assert p.runs.diverged == 7 and p.runs.done == 77 and "diverged" in p.doubts
        assert p.exponent.alpha == pytest.approx(4 / p.dim, rel=0.1)
        assert p.verdict == "undecided" and p.exponent.relation == "open"
    assert [one.line for one in found.found("lines")] == [None]  # decided points only


def test_an_unfinished_study_says_so(make_study, tmp_path):
    found = make_study(**WIDE)
    with Store.write(tmp_path) as store:
        store.add(list(rows(found, power(lambda d: 4 / d), noise=0.02))[:100])
        got = answers.answer(found, store)
    assert got.points[-1].verdict == "undecided" and got.points[-1].exponent is None
    assert "no run of the scan has finished yet, 84 are left" in got.points[-1].advice
    assert "unfinished" in got.points[1].doubts and got.points[1].verdict == "undecided"


def test_a_student_as_wide_as_its_teacher_is_saturated(fitted):
    changes = {**WIDE, "task": {"manifold": {"dim": [2]}, "teacher": {"widths": [34, 34]}}}
    assert "saturated" in fitted(power(2.0), changes=changes).points[0].doubts


def test_settings_are_told_apart(fitted):
    changes = {**WIDE, "task": {"manifold": {"dim": [2, 3, 4]},
                                "teacher": {"count": 4, "bias": [0.0, 0.5]}}}  # fmt: skip
    found = fitted(lambda run, x: x ** -(1.0 + run.task.teacher_bias), changes=changes)
    assert len(found.points) == 6 and len(found.found("lines")) == 2
    for p in found.points:
        assert p.exponent.alpha == pytest.approx(1 + p.setting.varying["teacher.bias"], abs=1e-3)


def as_json(found):
    """What `lab fit --json` would print."""
    return json.loads(json.dumps(Shown((found,), "s").document(complete=False)))


def test_json_is_exactly_what_was_promised(fitted):
    found = as_json(fitted(power(1.0), noise=0.02))
    assert set(found) == {"study", "regime", "points", "slope", "intercept", "claims"} | (
        {"line"} if found["slope"]["value"] is not None else set()
    )
    for p in found["points"]:
        assert set(p) == {"dim", "alpha", "interval", "prediction", "verdict", "relation", "doubts",
                          "runs", "teachers", "local", "forecast", "convergence",
                          "alpha_by_size"}  # fmt: skip
        assert [set(at) for at in p["local"]] == [{"x", "alpha", "interval"}] * 6
        assert set(p["forecast"]) == {"error", "interval"}
        assert set(p["convergence"]) == {"loss", "alpha", "error"}
        assert set(p["alpha_by_size"]) == {"N", "hidden"}
        assert p["alpha_by_size"]["N"]["value"] == pytest.approx(p["alpha"], rel=1e-6)
    assert set(found["slope"]) == set(found["intercept"]) == {"value", "interval"}


def test_rivals_survive_or_not(fitted):
    changes = {**WIDE, "prediction": {"rivals": ["3/(d-1)", "4/d"]}}
    found = fitted(power(lambda d: 4 / d), noise=0.02, changes=changes)
    for p in found.points:
        far, near = p.rivals
        assert near.survives and far.value == pytest.approx(3 / (p.dim - 1))
        lo, hi = p.exponent.interval
        assert far.survives == (far.value * 1.15 >= lo and far.value * 0.85 <= hi)
    assert not found.points[0].rivals[0].survives  # 3 against 2
    entry = as_json(found)["points"][0]["rivals"][0]
    assert set(entry) == {"exponent", "value", "survives"} and entry["exponent"] == "3/(d-1)"


VARIANCE = {
    "regime": "variance-data",
    "task": {"manifold": {"kind": "cube", "dim": [2]}, "teacher": {"count": 3}},
    "student": {"kind": "random-features", "count": 8},
    "data": {"sizes": [64, 128, 256, 512, 1024], "draws": 40},
    "prediction": {"exponent": 1, "sense": "equal"},
}


def over_a_limit(found, store, excess, limit=0.1):
    rng = np.random.default_rng(0)
    for filled, p in zip(rows(found, lambda run, x: 1.0), found.plan, strict=True):
        loss = limit + excess(p.run, found.x(p.run)) * rng.gamma(100) / 100
        store.add([replace(filled, loss=loss, relative=loss, details={"limit": limit})])


def excess_study():
    return studies.validate({"question": "Is it variance-limited?", **VARIANCE})


def test_the_mean_excess_is_what_is_fitted(tmp_path):
    found = excess_study()
    with Store.write(tmp_path) as store:
        over_a_limit(found, store, lambda run, x: 1 / x)
        (point,) = answers.answer(found, store).points
    assert point.verdict == "agrees" and point.exponent.law == "power"
    assert point.exponent.alpha == pytest.approx(1, abs=0.1)
    assert point.runs.done == 600 and len(point.fitted.rows) == 15


def test_a_loss_below_its_limit_is_a_fault_of_the_reference(tmp_path):
    found = excess_study()
    with Store.write(tmp_path) as store:
        over_a_limit(found, store, lambda run, x: 1 / x - 0.004 * (run.seed == 7))
        (point,) = answers.answer(found, store).points
    assert "reference-not-converged" in point.doubts and point.verdict == "undecided"
    assert "train the reference longer" in point.advice and point.runs.done == 600


WIDTHS = {
    "regime": "variance-width",
    "task": {"manifold": {"kind": "sphere", "dim": [3]}, "teacher": {"count": 4}},
    "student": {"widths": [64, 128, 256, 512, 1024], "parametrisation": "ntk", "seeds": 24,
                "activation": "erf"},
    "data": {"sizes": 8},
    "training": {"steps": 10},
    "prediction": {"exponent": 1, "sense": "equal", "tolerance": 0.1},
}  # fmt: skip


def test_an_excess_that_is_nowhere_positive_has_no_exponent(tmp_path):
    found = excess_study()
    with Store.write(tmp_path) as store:
        over_a_limit(found, store, lambda run, x: -1e-3)
        (point,) = answers.answer(found, store).points
    assert point.exponent is None and point.verdict == "undecided"
    assert "no mean excess over the limit is positive" in point.advice


def wide_answer(path, *, over_kernel, over_tangent):
    """The answer of a study whose mean excesses over both limits are these functions of w."""
    found = studies.validate({"question": "Is it variance-limited?", **WIDTHS})
    rng = np.random.default_rng(1)
    with Store.write(path) as store:
        for filled, p in zip(rows(found, lambda run, x: 1.0), found.plan, strict=True):
            w, change = found.x(p.run), 0.1 * rng.standard_normal() / found.x(p.run) ** 0.5
            loss = 0.5 + over_kernel(w) * (1 + 0.3 * rng.standard_normal()) + change
            details = {"limit": 0.5 + change, "kernel": 0.5, "tangent": loss - over_tangent(w)}
            store.add([replace(filled, loss=loss, relative=loss, details=details)])
        return answers.answer(found, store)


def test_gaps_to_both_limits_are_told_at_every_width(tmp_path):
    found = wide_answer(tmp_path, over_kernel=lambda w: 2 / w, over_tangent=lambda w: -3 / w**1.5)
    (point,), (gaps,) = found.points, found.found("gaps")
    kernel, tangent = gaps.to
    assert gaps.setting == point.setting and gaps.plain()[1]["negative"] == 20
    assert (kernel.limit, tangent.limit) == ("kernel", "tangent")
    assert kernel.w.tolist() == [64, 128, 256, 512, 1024]
    assert np.all(np.abs(kernel.relative - 4 / kernel.w) < 4 * kernel.error)
    assert np.all(kernel.error < 0.1 * kernel.relative)  # the change by the kernel is taken off
    assert kernel.exponent.alpha == pytest.approx(point.exponent.alpha)
    assert (kernel.negative, tangent.negative, tangent.cells) == (0, 20, 20)
    assert tangent.exponent.alpha == pytest.approx(1.5, abs=1e-6) and np.all(tangent.relative < 0)


def test_wide_networks_below_their_limit_on_average_are_a_fault_of_it(tmp_path):
    found = wide_answer(
        tmp_path, over_kernel=lambda w: 2 / w if w < 1024 else -1e-3, over_tangent=lambda w: 1 / w
    )
    (point,) = found.points
    assert "reference-not-converged" in point.doubts and point.verdict == "undecided"
    assert "train the reference longer" in point.advice
