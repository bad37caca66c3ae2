"""Classes of rates as a study asks for them: claims, refusals."""

import json
import tomllib

import pytest
from invocation import invoke

import lab
from lab.config import study
from lab.mistakes import StudyError

RATES = """
question = "Does a threshold cost 1/n?"
regime = "rate-class"
[task]
manifold = { kind = "cube", dim = 1 }
teacher = { count = 1 }
[student]
kind = "realisable"
concept = "interval"
repeats = 10
[data]
sizes = [4, 10, 25, 50, 80, 120, 170, 250]
draws = 25
[[prediction]]
quantity = "rate-class"
[[prediction]]
quantity = "alpha-n"
value = 1
tolerance = 0.3
[[prediction]]
quantity = "curve"
tolerance = 0.4
"""


def test_a_threshold_is_linear(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(RATES)
    assert invoke("run", "s.toml").exit_code == 0
    told = json.loads(invoke("fit", "s.toml", "--json").stdout)
    assert [c["verdict"] for c in told["claims"]] == ["agrees", "agrees", "agrees"]
    assert told["claims"][0]["class"] == told["claims"][0]["known"] == "linear"
    assert (tmp_path / "results" / "s" / "rates.png").exists()


def test_errors_of_zero_are_losses_too(tmp_path, monkeypatch):
    """All learners of a draw may have seen every cell."""
    monkeypatch.chdir(tmp_path)
    cells = 'concept = "memoriser"\ncells = 4\ndecay = 0.5'
    text = RATES.replace('concept = "interval"', cells)
    text = text.replace("[4, 10, 25, 50, 80, 120, 170, 250]", "[4, 6, 9, 14, 20, 28]").partition(
        "[[prediction]]"
    )[0]
    (tmp_path / "s.toml").write_text(text + '[prediction]\nquantity = "curve"\ntolerance = 0.9\n')
    assert invoke("run", "s.toml", "--no-report").exit_code == 0
    assert any(row == 0 for row in lab.load("s.toml")["loss"])
    (told,) = json.loads(invoke("fit", "s.toml", "--json").stdout)["claims"]
    assert told["verdict"] != "contradicts"


@pytest.mark.parametrize("old, new, words", [
    ("dim = 1", "dim = 2", "labels on an interval"),
    ("kind = \"realisable\"\nconcept = \"interval\"\nrepeats = 10", "kind = \"nearest\"",
     "without label noise"),
    ("draws = 25", "draws = 2", "no mean"),
    ("[4, 10, 25, 50, 80, 120, 170, 250]", "[4, 10]", "show no class"),
    ("\"rate-class\"\n[task]", "\"variance-data\"\n[task]", "class of learning rates"),
])  # fmt: skip
def test_what_has_no_class_is_a_sentence(old, new, words):
    assert old in RATES
    with pytest.raises(StudyError, match=words):
        study.of_tables(tomllib.loads(RATES.replace(old, new)))
