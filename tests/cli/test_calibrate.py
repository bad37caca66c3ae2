"""`lab calibrate STUDY`: the JSON contract, determinism, and mistakes that are sentences."""

import json

import pytest
from invocation import invoke, power, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.mistakes import StudyError

STUDY = """
schema = 1
question = "What can this design show?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [1, 2, 4] }
teacher = { widths = [96, 96], count = 5 }
[student]
widths = [3, 5, 9, 16, 28, 48]
seeds = 2
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


def calibrated(*arguments):
    return json.loads(invoke("calibrate", "s.toml", "--scans", "300", *arguments, "--json").stdout)


def test_json_of_a_study_that_was_not_run(here):
    found = calibrated()
    assert {k: found[k] for k in ("study", "scans", "seed")} == dict(study="s", scans=300, seed=0)
    assert [p["dim"] for p in found["points"]] == [1, 2, 4]
    for p in found["points"]:
        assert p["source"] == "prediction" and p["truth"]["alpha"] == 4 / p["dim"]
        assert (p["teachers"], p["seeds"], len(p["x"])) == (5, 2, 6)
        assert set(p["coverage"]) == {
            "quoted", "teacher-t", "common", "percentile", "basic"}  # fmt: skip
        assert p["coverage"]["quoted"] >= 0.93
        assert sum(p["verdicts"].values()) == pytest.approx(1) and p["wrong"] < 0.02
    one, two, four = (p["alternatives"] for p in found["points"])
    assert "3/(d-1)" not in one and four["3/(d-1)"] == {"exponent": 1.0, "power": None}
    assert set(two) == {"4/d", "3/(d-1)", "2/d", "1"} and two["4/d"]["power"] is None
    assert two["1"]["power"] == 1 and 0 < two["3/(d-1)"]["power"]
    kept = [p for p in here.rglob("*") if p.is_file() and p.name != "s.toml"]
    assert kept == [here / "results/s/calibration.json"]
    assert json.loads(kept[0].read_text()) == found


@pytest.mark.parametrize("options", [
    ("--alpha", "2/d"), ("--noise", "0.3"), ("--set", "student.seeds=1"),
])  # fmt: skip
def test_what_holds_for_another_truth_or_design_is_not_kept(here, options):
    invoke("calibrate", "s.toml", "--scans", "20", *options)
    assert [p.name for p in here.iterdir()] == ["s.toml"]


def test_a_calibration_that_cannot_be_kept_is_one_sentence(here):
    (here / "results").touch()
    with pytest.raises(StudyError, match="calibration.json: cannot be written") as caught:
        invoke("calibrate", "s.toml", "--scans", "20")
    assert len(caught.value.mistakes) == 1


@pytest.mark.long
def test_the_same_seed_gives_the_same_answer_and_a_dimension_changes_no_other(here):
    assert calibrated() == calibrated()
    assert calibrated("--seed", "1")["points"] != calibrated()["points"]
    fewer = calibrated("--set", "task.manifold.dim=[2]")["points"]
    assert fewer == calibrated()["points"][1:2]


def test_noise_costs_power_and_a_false_prediction_is_contradicted(here):
    options = (
        "--alternatives",
        "2.2, min(2, d)",
        "--set",
        "task.manifold.dim=[2]",
        "--spread",
        "0",
    )
    quiet, loud = (calibrated("--noise", noise, *options)["points"][0] for noise in ("0.05", "2.0"))
    assert set(quiet["alternatives"]) == {"4/d", "2.2", "min(2, d)"}
    assert quiet["alternatives"]["2.2"]["power"] > 0.9 > 0.5 > loud["alternatives"]["2.2"]["power"]
    assert quiet["width"]["quoted"] < loud["width"]["quoted"]
    false = calibrated("--alpha", "2/d", "--noise", "0.05", *options)["points"][0]
    assert false["verdicts"]["contradicts"] > 0.9 and false["wrong"] == 0


def test_the_truth_is_the_study_s_own_fit_once_there_is_one(here):
    with Store.write(here / "results/s") as store:
        store.add(rows(studies.read("s.toml"), power(lambda d: 3 / d), noise=0.05))
    for p in calibrated("--floor", "1e-4")["points"]:
        assert p["source"] == "fit" and p["truth"]["floor"] == 1e-4
        assert p["truth"]["alpha"] == pytest.approx(3 / p["dim"], rel=0.1)


def test_the_tables_for_people(here):
    said = invoke("calibrate", "s.toml", "--scans", "50", "--alpha", "4/d", "--alpha", "2/d").stdout
    for word in (
        "covers",
        "wrong",
        "≠ 3/(d-1)",
        "same",
        "–",
        "given",
        "50 scans per line",
        "0.15 between seeds",
    ):
        assert word in said


@pytest.mark.parametrize(
    "options, message",
    [
        (("--alpha", "3/(d-1)"), "no value at d = 1; give"),
        (("--alpha", "4/q"), "unknown symbol 'q'"),
        (("--alternatives", "2/d,"), "is not a formula"),
        (("--alternatives", "2a"), "does not have"),
        (("--alternatives", "1/0"), "has no value at any point"),
        (("--noise", "-1"), "noise is -1.0; it must be 0 or"),
        (("--floor", "nan"), "floor is nan"),
        (("--spread", "inf"), "spread is inf"),
    ],
)
def test_mistakes_are_sentences(here, options, message):
    with pytest.raises(StudyError) as caught:
        calibrated(*options)
    assert message in str(caught.value) and len(caught.value.mistakes) == 1
