"""Claims about curves, peaks and several things at once: the truth agrees, what is off does not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from invocation import invoke
from simulated import power, row, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.findings import curves
from lab.findings.answering import answer
from lab.findings.expected import Expected, expected_risk
from lab.findings.shown import Shown
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED

LINEAR = {
    "question": "Is it exact, with its peak at D = p?",
    "regime": "variance-data",
    "task": {"manifold": {"kind": "spectral", "a": 0.0, "b": 0.0, "modes": 50},
             "teacher": {"count": 2}, "noise": 0.5},
    "student": {"kind": "linear"},
    "data": {"sizes": [10, 25, 40, 48, 50, 52, 60, 100, 200], "draws": 10},
    "prediction": [{"quantity": "curve", "tolerance": 0.1}, {"quantity": "peak", "value": "p"}],
}  # fmt: skip
PEAK = 1e3
"""The loss at D = p, where theory has no mean."""


def judged(tmp_path, tables=LINEAR, *, factor=lambda D: 1.0, noise=0.02, left_out=0):
    """The answer of losses that are the exact risk times a factor and lognormal noise."""
    study = studies.validate(tables)
    rng = np.random.default_rng(0)
    some = []
    for p in study.plan:
        mean = expected_risk(p.run).mean
        loss = (mean if np.isfinite(mean) else PEAK) * factor(p.run.size)
        some.append(row(p.run, loss * np.exp(noise * rng.normal())))
    some = [replace(one, details={"limit": 0.0}) for one in some]
    with Store.write(tmp_path / "s") as store:
        store.add(some[: len(some) - left_out])
        return answer(study, store)


def test_the_exact_curve_and_its_peak_agree(tmp_path):
    curve, peak = judged(tmp_path).claims
    assert (curve.verdict, peak.verdict) == (AGREES, AGREES)
    assert curve.prediction == 1 and 0.97 < curve.interval[0] < curve.value < curve.interval[1]
    assert (peak.value, peak.interval, peak.prediction) == (50, (48, 52), 50)
    assert curve.more["left_out"] == [48, 50, 52] and "48, 50, 52" in curve.words[0]
    assert isinstance(json.dumps(curve.plain()), str) and curve.claim.over == "range"


@pytest.mark.parametrize("factor, at", [
    (lambda D: 1.3, None), (lambda D: 1.3 if D == 25 else 1.0, 25), (lambda D: 0.7, None),
])  # fmt: skip
def test_a_curve_that_is_off_anywhere_contradicts(tmp_path, factor, at):
    curve, peak = judged(tmp_path, factor=factor).claims
    assert curve.verdict == CONTRADICTS and peak.verdict == AGREES
    assert at is None or curve.more["x"] == at


def test_what_is_too_noisy_or_not_finished_is_undecided_and_says_why(tmp_path):
    curve, _ = judged(tmp_path / "noisy", noise=0.5).claims
    assert curve.verdict == UNDECIDED and "times as many teachers or draws" in curve.advice
    curve, peak = judged(tmp_path / "rest", left_out=3).claims
    assert curve.doubts == peak.doubts == ("unfinished",)
    assert curve.verdict == peak.verdict == UNDECIDED


@pytest.mark.parametrize("claim, ridge, verdict", [
    ("2p", 0.0, CONTRADICTS), ("p - 1", 0.0, AGREES), ("d", 0.0, AGREES), ("p", 12.5, UNDECIDED),
])  # fmt: skip
def test_a_peak_is_where_it_is(tmp_path, claim, ridge, verdict):
    tables = {**LINEAR, "prediction": {"quantity": "peak", "value": claim, "tolerance": 0.07},
              "student": {"kind": "linear", "ridge": ridge}}  # fmt: skip
    (peak,) = judged(tmp_path, tables).claims
    assert peak.verdict == verdict
    assert peak.more["edge"] is (ridge > 0) and ("edge of the scan" in peak.advice) is (ridge > 0)


def test_a_claim_may_be_about_some_settings_alone(tmp_path):
    claims = [{"quantity": "curve"}, {"quantity": "peak", "value": "p", "where": {"ridge": 0.0}}]
    tables = {**LINEAR, "prediction": claims, "student": {"kind": "linear", "ridge": [0.0, 12.5]}}
    *curves, peak = judged(tmp_path, tables).claims
    assert [one.setting.varying["student.ridge"] for one in (*curves, peak)] == [0.0, 12.5, 0.0]
    assert peak.verdict == AGREES and "at ridge 0.0" in peak.plain()["claim"]


def ratio(rng, mean, error, n=20):
    values = rng.normal(mean, error * np.sqrt(n), n)
    return Expected(1.0, 1.0, values.mean(), values.std(ddof=1) / np.sqrt(n), 0.0, "exact", n)


def test_wrong_verdicts_on_many_x_at_once_are_rare_at_the_edges():
    """One of eight x on the edge is accepted, and all of them refused, in at most one of 40."""
    rng, n = np.random.default_rng(1), 1500
    one = [[ratio(rng, 1.1 if i == 3 else 1.0, 0.02) for i in range(8)] for _ in range(n)]
    every = [[ratio(rng, 1.1, 0.02) for _ in range(8)] for _ in range(n)]
    accepted = np.mean([curves.compared(told, 0.1)[0] == AGREES for told in one])
    refused = np.mean([curves.compared(told, 0.1)[0] == CONTRADICTS for told in every])
    assert accepted < 0.025 + 2 * 0.004 and refused < 0.025 + 2 * 0.004
    true = [[ratio(rng, 1.0, 0.02) for _ in range(8)] for _ in range(200)]
    assert np.mean([curves.compared(told, 0.1)[0] == AGREES for told in true]) > 0.9


@pytest.mark.parametrize("heights", [[0, 1, 2, 2.3, 2, 1, 0], [0, 1, 2, 2, 2, 1, 0]])
def test_the_set_of_a_peak_holds_the_largest_mean(heights):
    rng, n = np.random.default_rng(2), 600
    top = int(np.argmax(heights))
    shared = rng.normal(0, 1, (n, 6, 1))  # what a unit has in common at all x is no noise
    losses = np.array(heights) + shared + rng.normal(0, 0.5, (n, 6, 7))
    held = np.mean([top in curves.peak_set(some) for some in losses])
    assert held > 0.95 - 2 * 0.009


SEVERAL = """
question = "Two exponents and a peak?"
regime = "resolution-data"
[task]
manifold = { kind = "sphere", dim = [2, 3] }
teacher = { kind = "field", covariance = "matern", nu = 2.5, count = 4 }
[student]
kind = "kernel"
kernel = "laplace"
[data]
sizes = [64, 128, 256, 512, 1024]
[[prediction]]
exponent = "2/d"
sense = "equal"
over = "range"
[[prediction]]
exponent = "4/d"
sense = "equal"
tolerance = 0.3
[[prediction]]
quantity = "peak"
value = "100"
"""


def test_several_claims_each_have_a_verdict_and_one_drawing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SEVERAL)
    assert "α = 4/d, within 30%; position of the peak = 100" in invoke("check", "s.toml").stdout
    checked = json.loads(invoke("check", "s.toml", "--json").stdout)["panels"][0]["prediction"]
    assert [one["over"] for one in checked] == ["range", "limit", "range"]
    assert checked[0]["tolerance"] == 0.15 and checked[2]["value"] == "100"
    with Store.write(tmp_path / "results/s") as store:
        store.add(rows(studies.read("s.toml"), power(lambda d: 2 / d), noise=1e-4))
    shown = invoke("fit", "s.toml").stdout
    assert "What is claimed" in shown and "α = 2/d over the measured range, within 15%" in shown
    found = json.loads(invoke("fit", "s.toml", "--json").stdout)
    assert [p["prediction"] for p in found["points"]] == pytest.approx([1.0, 2 / 3])
    told = [(c["quantity"], c["dim"], c["verdict"]) for c in found["claims"]]
    wanted = [AGREES, CONTRADICTS, UNDECIDED]
    assert told == [(name, d, verdict) for name, verdict in
                    zip(("alpha", "alpha", "peak"), wanted, strict=True)
                    for d in (2, 3)]  # fmt: skip
    assert all(point["verdict"] == AGREES for point in found["points"])
    assert {"value", "interval", "prediction", "verdict", "doubts"} <= set(found["claims"][0])
    assert found["claims"][2]["value"] == found["points"][0]["alpha"]
    invoke("report", "s.toml")
    folder = tmp_path / "results/s"
    assert (folder / "claims.csv").read_text().count("\n") == 7
    assert len([*folder.glob("exponents*.png")]) == 1
    text = (folder / "report.html").read_text()
    for words in ("as predicted: α = 2/d", "against the prediction: α = 4/d",
                  "Not decided at d = 2 and 3"):  # fmt: skip
        assert words in text
    assert "the largest loss may be at the edge" in (folder / "report.md").read_text()


def test_without_a_claim_about_alpha_nothing_is_said_of_it(tmp_path):
    found = judged(tmp_path)
    (point,) = found.points
    assert point.verdict is None and point.plain()["doubts"] and not found.predicts
    said = " ".join(Shown((found,), "s").sentences)
    assert "wrong-law" not in said and "asymptote" not in said
    assert [table.columns[1] for table in Shown((found,), "s").tables] == ["claim"]
