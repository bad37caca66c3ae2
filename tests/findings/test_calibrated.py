"""Kept calibrations: shown where they are of this design, told where it has changed since."""

import json
from pathlib import Path

import pytest
from invocation import invoke, power, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings import calibrated
from lab.findings.shown import Shown
from lab.report import pages

STUDY = """
schema = 1
question = "What can this design show?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [2, 4] }
teacher = { widths = [96, 96], count = 4, bias = [0.0, 0.5] }
[student]
widths = [3, 5, 9, 16, 28, 48]
seeds = 1
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    with Store.write(tmp_path / "results/s") as store:
        store.add(rows(studies.read("s.toml"), power(lambda d: 5 / d), noise=0.05))
    return tmp_path


def found(*overrides):
    with Store.read(Path("results/s")) as store:
        return answers.answers(studies.read("s.toml", list(overrides)), store)


def test_nothing_is_told_before_it_was_calibrated(here):
    before = Shown(found(), "s").document(complete=True)
    assert not any("calibration" in point for point in before["points"])
    assert "Coverage and error rates" not in pages.page_html(Shown(found(), "s"))
    (here / "results/s/calibration.json").write_text("[1]")
    assert Shown(found(), "s").document(complete=True) == before


def test_fits_report_and_page_tell_what_was_simulated(here):
    invoke("calibrate", "s.toml", "--scans", "40")
    kept = json.loads((here / "results/s/calibration.json").read_text())
    now = found()
    told = Shown(now, "s").document(complete=True)["points"]
    for point, one in zip(told, kept["points"], strict=True):
        assert point["dim"] == one["dim"] and point["setting"] == one["setting"]
        assert point["calibration"]["coverage"] == one["coverage"]
        assert point["calibration"]["current"] and point["calibration"]["scans"] == 40
    assert "calibration" not in Shown(now, "s").document(complete=False)["points"][0]
    table, other = calibrated.below(now)
    assert len(table.rows) == 4 and len(other.rows) == len(kept["points"][0]["misspecified"])
    covered = [float(row[3]) for row in table.rows]
    assert covered == pytest.approx([p["coverage"]["quoted"] for p in kept["points"]], abs=0.006)
    text = pages.page_html(Shown(now, "s"))
    assert "In 40 simulated scans of this design" in text and "figure-power" in text


def test_another_design_is_told_and_not_shown(here):
    invoke("calibrate", "s.toml", "--scans", "20")
    now = found("task.teacher.count=3", "task.manifold.dim=[2]")
    (words,) = calibrated.below(now)
    assert "2 of 2 settings were calibrated for another design" in words
    assert "simulated scans of this design" not in pages.page_html(Shown(now, "s"))


def test_a_calibration_of_before_there_were_shapes_is_told_and_not_shown(here):
    invoke("calibrate", "s.toml", "--scans", "20")
    file = here / "results/s/calibration.json"
    kept = json.loads(file.read_text())
    for one in kept["points"]:
        del one["shapes"]
    file.write_text(json.dumps(kept))
    (words,) = calibrated.below(found())
    assert "or by the rules of then; `lab calibrate` does it again" in words
