"""Specialisation as a study asks for it: claims of exact committees and of networks, refusals."""

import json
import tomllib

import numpy as np
import pytest
from invocation import invoke

import lab
from lab.config import study
from lab.findings import intervals
from lab.mistakes import StudyError

EXACT = """
question = "How long is the plateau?"
regime = "specialisation"
[task]
manifold = { kind = "gaussian", dim = [100, 2000] }
teacher = { kind = "committee", units = 2, count = 1 }
[student]
kind = "committee"
units = [2, 3]
time = 200
seeds = 6
[[prediction]]
quantity = "growth"
tolerance = 0.9
[[prediction]]
quantity = "matched"
[[prediction]]
quantity = "sooner"
value = 0.8
tolerance = 0.5
"""
NOISE = """
question = "What do more units cost?"
regime = "specialisation"
[task]
manifold = { kind = "gaussian", dim = 40 }
teacher = { kind = "committee", units = 2, count = 2 }
noise = 0.3
[student]
kind = "committee"
units = [2, 3]
rate = 0.1
time = 2500
[[prediction]]
quantity = "floor"
tolerance = 0.15
[[prediction]]
quantity = "gain"
value = 0.536
"""
NETWORKS = """
question = "Do networks specialise?"
regime = "specialisation"
[task]
manifold = { kind = "gaussian", dim = 4 }
teacher = { kind = "committee", units = 2, count = 2 }
[student]
widths = [2, 4]
depth = 1
activation = "erf"
seeds = 1
[training]
preset = "adam"
steps = 40
batch = 32
checkpoints = [1, 5, 10, 20]
[[prediction]]
quantity = "matched"
[[prediction]]
quantity = "sooner"
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(text):
        (tmp_path / "s.toml").write_text(text)
        assert invoke("run", "s.toml").exit_code == 0
        return json.loads(invoke("fit", "s.toml", "--json").stdout)

    return run


def test_exact_committees_agree(told, tmp_path):
    answer = told(EXACT)
    claims = answer["claims"]
    by = {(c["quantity"], c["label"]): c for c in claims}
    for K in (2, 3):
        assert by["growth", f"K = {K}"]["verdict"] in ("agrees", "undecided")
    assert by["matched", "d = 2000"]["value"] > 0.9
    assert by["sooner", "d = 2000"]["value"] < 2
    (small, large) = answer["specialisation"]
    times = [one["K"][0]["escape"]["value"] for one in (small, large)]
    assert min(times) > 20
    for name in ("overlaps.svg", "escape.svg", "overlaps.csv"):
        assert (tmp_path / "results" / "s" / name).stat().st_size < 150_000
    again = json.loads(invoke("fit", "s.toml", "--json").stdout)
    assert again["claims"] == claims


def test_more_units_cost_in_noise_what_theory_says(told):
    assert [c["verdict"] for c in told(NOISE)["claims"]] == ["agrees", "agrees"]


def test_networks_are_watched_at_their_checkpoints(told, tmp_path):
    claims = told(NETWORKS)["claims"]
    assert claims[0]["quantity"] == "matched" and 0 <= claims[0]["value"] <= 1
    assert len(lab.load("s.toml")["loss"]) == 4
    looks = (tmp_path / "results" / "s" / "overlaps.csv").read_text().splitlines()[1:]
    assert sorted({float(line.split(",")[2]) for line in looks}) == [0, 1, 5, 10, 20, 40]


@pytest.mark.parametrize("base, old, new, words", [
    (EXACT, 'kind = "committee", units = 2, count = 1', "widths = [8], count = 2",
     "matched with those of a committee"),
    (EXACT, 'kind = "committee"\nunits = [2, 3]\ntime = 200\nseeds = 6', 'kind = "nearest"',
     "no units that specialise"),
    (EXACT, 'manifold = { kind = "gaussian", dim = [100, 2000] }\nteacher = { kind = "committee", '
     'units = 2, count = 1 }', 'data = "digits"', "units are matched with those of a committee"),
    (EXACT, "seeds = 6", "seeds = 1", "one run has no error"),
    (EXACT, "[100, 2000]", "100", "growth is over several N"),
    (EXACT, "[2, 3]", "[2]", "K = M and a larger K"),
    (EXACT, "units = 2,", "units = 1,", "one unit has no other"),
    (NOISE, "noise = 0.3", "", "without noise committees have no floor"),
    (NOISE, "dim = 40", "dim = 1", "2 orthogonal units need so many coordinates"),
    (NOISE, '"gaussian"', '"cube"', "learn committees from gaussian inputs"),
    (NETWORKS, "depth = 1", "depth = 2", "units of one hidden layer"),
    (NETWORKS, "checkpoints = [1, 5, 10, 20]", "", "overlaps are taken there"),
    (NETWORKS, '"sooner"', '"escape"', "that of committees by SGD"),
    (NETWORKS, '"specialisation"', '"resolution-width"', "at least three"),
])  # fmt: skip
def test_what_does_not_specialise_is_a_sentence(base, old, new, words):
    assert old in base
    with pytest.raises(StudyError, match=words):
        study.of_tables(tomllib.loads(base.replace(old, new)))


def test_committees_belong_to_their_regime():
    text = EXACT.partition("[[prediction]]")[0].replace('"specialisation"', '"resolution-width"')
    with pytest.raises(StudyError, match="read by their overlaps"):
        study.of_tables(tomllib.loads(text))


def test_intervals_hold_what_they_should():
    rng = np.random.default_rng(0)
    x = np.repeat([1.0, 2.0, 4.0], 8)
    slopes = [intervals.slope(x, 3 * x + rng.normal(size=24))[1] for _ in range(400)]
    assert 0.92 < np.mean([low < 3 < high for low, high in slopes]) < 0.98
    gaps = [intervals.difference(rng.normal(1, 1, 6), rng.normal(0, 3, 9))[1] for _ in range(400)]
    assert 0.92 < np.mean([low < 1 < high for low, high in gaps]) < 0.98
