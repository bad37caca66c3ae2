"""Descent twice: over width, samples and steps, exact and by networks; its claims and refusals."""

import json
import tomllib

import numpy as np
import pytest
from invocation import invoke

import lab
from lab.config import study
from lab.findings.descents import DescentCurve, largest_rise, ratios
from lab.mistakes import StudyError

WIDTH = """
question = "Does the risk of weak features peak where parameters equal samples?"
regime = "descent"
[scan]
axis = "width"
fitted = 0.001
[task]
manifold = { kind = "spectral", a = 0.0, b = 0.0, modes = 30 }
teacher = { count = 60 }
noise = 0.3
[student]
kind = "random-features"
features = "subset"
seeds = 1
count = [2, 6, 9, 13, 15, 17, 22, 30]
[data]
sizes = 15
[[prediction]]
quantity = "more-hurts"
[[prediction]]
quantity = "second-descent"
[[prediction]]
quantity = "peak"
value = "n"
tolerance = 0.2
[[prediction]]
quantity = "threshold"
tolerance = 0.35
"""
BEST = WIDTH.partition("[[prediction]]")[0].replace('"subset"', '"subset"\npenalty = "optimal"')
BEST += """
[[prediction]]
quantity = "no-peak"
[[prediction]]
quantity = "curve"
tolerance = 0.1
"""
SAMPLES = """
question = "Does the risk of least squares peak where samples equal parameters?"
regime = "descent"
[scan]
axis = "samples"
fitted = 0.001
[task]
manifold = { kind = "spectral", a = 0.0, b = 0.0, modes = 20 }
teacher = { count = 40 }
noise = 0.5
[student]
kind = "linear"
[data]
sizes = [5, 10, 14, 17, 20, 24, 30, 60]
[[prediction]]
quantity = "peak"
value = "p"
tolerance = 0.25
[[prediction]]
quantity = "threshold"
tolerance = 0.35
"""
STEPS = """
question = "Does the error descend twice over steps, and once where all coordinates learn alike?"
regime = "descent"
[scan]
axis = "epochs"
[task]
manifold = { kind = "spectral", a = 0.0, b = 5.474, modes = 2 }
teacher = { count = 40 }
noise = 6.32
[data]
sizes = 100
[training]
steps = 360
checkpoints = "log:12"
[[panel]]
title = "equal rates"
student = { kind = "linear-descent", rate = 0.1, seeds = 2 }
[[panel.prediction]]
quantity = "curve"
tolerance = 0.5
[[panel]]
title = "whitened"
student = { kind = "linear-descent", rate = 0.1, whitening = 1.0, seeds = 2 }
[[panel.prediction]]
quantity = "curve"
tolerance = 0.5
"""
NETWORKS = """
question = "Do networks descend twice over width and steps?"
regime = "descent"
[scan]
axis = ["width", "epochs"]
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 2 }
noise = 0.5
[student]
widths = [2, 3, 5, 8]
depth = 1
seeds = 1
[data]
sizes = 20
[training]
preset = "adam"
schedule = "constant"
steps = 40
batch = 20
checkpoints = [5, 10, 20]
"""


def of(text):
    return study.of_tables(tomllib.loads(text))


@pytest.fixture
def claims(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(text):
        (tmp_path / "s.toml").write_text(text)
        assert invoke("run", "s.toml").exit_code == 0
        told = json.loads(invoke("fit", "s.toml", "--json").stdout)
        return [c for p in told.get("panels", [told]) for c in p["claims"]]

    return run


def test_weak_features_peak_at_n_as_their_exact_risk_does(claims, tmp_path):
    found = claims(WIDTH)
    assert {c["quantity"]: c["verdict"] for c in found} == dict.fromkeys(
        ("more-hurts", "second-descent", "peak", "threshold"), "agrees"
    )
    assert {c["quantity"]: c["value"] for c in found}["peak"] == 15
    assert (tmp_path / "results" / "s" / "descent.png").exists()
    (one,) = lab.answer("s.toml").answers[0].found("descent")
    told = ratios(one)
    assert [e.x for e in told] == [2, 6, 9, 22, 30]  # no variance within three of n
    assert all(abs(e.ratio - 1) < 4 * e.error for e in told)
    train = dict(zip(*(v.tolist() for v in one.mean("train")), strict=True))
    assert train[13] > 1e-3 > train[15] and one.threshold == (13, 15)


@pytest.mark.long
def test_the_best_ridge_takes_the_peak_away(claims):
    assert [c["verdict"] for c in claims(BEST)] == ["agrees", "agrees"]


def test_samples_peak_at_p(claims):
    assert [c["verdict"] for c in claims(SAMPLES)] == ["agrees", "agrees"]


@pytest.mark.long
def test_steps_descend_as_their_exact_risk_does(claims):
    """Each of two coordinates has its U where rates are equal (Heckel & Yilmaz): a minimum, a peak
    and a lower minimum. Whitened, both are learned at once, and the error only rises after that."""
    equal, whitened = claims(STEPS)
    assert equal["verdict"] != "contradicts" != whitened["verdict"]
    ends = []
    for answered in lab.answer("s.toml").answers:
        (one,) = answered.found("descent")
        assert all(abs(e.ratio - 1) < 4 * e.error < 1 for e in ratios(one)[1:])
        x, exact = one.exact()
        ends.append([float(v) for v in x[list(largest_rise(np.log(exact)))]])
    assert ends[0][0] < ends[0][1] < ends[0][2] == 360 and ends[1][1] == ends[1][2] == 360
    assert "edge" in invoke("report", "s.toml").stdout


@pytest.mark.long
def test_a_map_of_networks_has_every_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(NETWORKS)
    assert invoke("run", "s.toml").exit_code == 0
    (one,) = lab.answer("s.toml").answers[0].found("descent")
    assert one.others == [5, 10, 20, 40] and one.units == 2
    for split in ("test", "train", "validation"):
        assert len(one.mean(split, 10)[0]) == 4
    assert one.shape.x.tolist() == [4 * w + 1 for w in (2, 3, 5, 8)]
    (run,) = {p.run.training for p in study.read("s.toml").plan}
    assert run.stopping == "last"


@pytest.mark.parametrize("peaked", [False, True])
def test_a_rise_is_no_choice_among_accidents(peaked):
    """On flat curves the interval of the rise lies above 1 no more often than its level says."""
    rng, x = np.random.default_rng(0), np.arange(1.0, 13)
    bump = np.exp(-((x - 7) ** 2) / 2) * 6 * peaked
    found = [DescentCurve(x, bump + rng.standard_normal((8, 12))).rises for _ in range(300)]
    assert np.mean(found) >= 0.9 if peaked else np.mean(found) <= 0.05


def test_a_peak_at_an_end_is_told():
    x = np.arange(1.0, 6)
    logs = np.array([5, 3, 1, 2, 4.0]) + 0.01 * np.random.default_rng(0).standard_normal((6, 5))
    ends, edge = DescentCurve(x, logs).peak_interval
    assert edge and ends == (4, 5)
    inner = np.array([5, 3, 4, 2, 1.0]) + 0.01 * np.random.default_rng(0).standard_normal((6, 5))
    ends, edge = DescentCurve(x, inner).peak_interval
    assert not edge and ends == (2, 4)  # and not the end, where the largest loss of all is


@pytest.mark.parametrize("text, old, new, words", [
    (NETWORKS, "noise = 0.5", "noise = 0.0", "task.noise: is 0"),
    (NETWORKS, "widths = [2, 3, 5, 8]", "widths = 2", "student.widths: 1 value of x"),
    (NETWORKS, "count = 2", "count = 1", "one training set and one seed"),
    (NETWORKS, "steps = 40", "steps = 40\nstopping = \"best\"", "training.stopping: \"best\" ends"),
    (NETWORKS, "steps = 40", "steps = 40\nweight_decay = 0.1", "training.weight_decay"),
    (NETWORKS, "\"constant\"", "\"cosine\"", "training.schedule"),
    (NETWORKS, "[5, 10, 20]", "\"last\"", "training.checkpoints: 1 value of x"),
    (NETWORKS, "[\"width\", \"epochs\"]", "[\"width\", \"samples\", \"epochs\"]", "two axes"),
    (SAMPLES, "axis = \"samples\"", "axis = \"width\"", "one size"),
    (SAMPLES, "axis = \"samples\"", "axis = \"epochs\"", "have no steps"),
    (SAMPLES, "kind = \"linear\"", "kind = \"nearest\"", "training error"),
    (WIDTH, "count = [2,", "count = [200,", "200 of 30 coordinates"),
    (BEST, "a = 0.0", "a = 1.0", "best ridge is known"),
    (WIDTH, "sizes = 15", "sizes = 15\n[evidence]\nshare = 0.5", "\\[evidence\\]"),
])  # fmt: skip
def test_what_shows_no_descent_is_a_sentence(text, old, new, words):
    assert old in text
    with pytest.raises(StudyError, match=words):
        of(text.replace(old, new))


def test_what_takes_the_peak_away_may_be_asked_for():
    text = NETWORKS.replace("noise = 0.5", "noise = 0.0") + "stopping = \"best\"\n"
    assert of(text + "[prediction]\nquantity = \"no-peak\"\n").removed


def test_given_data_are_accepted():
    text = NETWORKS.replace('manifold = { kind = "cube", dim = 2 }', "").replace("noise = 0.5", "")
    text = text.replace('teacher = { widths = [8], activation = "tanh", count = 2 }',
                        'data = "digits"\nsubsets = 2')  # fmt: skip
    assert of(text).task.n_available
