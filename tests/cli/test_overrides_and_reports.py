"""Reports of what was run with other settings, or of another study: refused, and the study kept."""

import json
import sys

import pytest
from invocation import invoke, power, rows

from lab import cli
from lab import study as studies
from lab.execution import runner
from lab.execution.store import Store
from lab.mistakes import StudyError

EXACT = """
schema = 1
question = "Who keeps the report?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "nearest"
[data]
sizes = [32, 64, 128]
[prediction]
exponent = "2/d"
"""
MORE = ("--set", "data.sizes=[32, 64, 128, 256]")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(EXACT)
    return tmp_path


def report(here):
    return (here / "results/s/report.md").read_text()


def test_what_was_run_with_overrides_is_reported_with_them_and_kept(here):
    assert invoke("run", "s.toml", "--lanes", "1", *MORE).exit_code == 0
    before = report(here)
    assert "written before the run" in before and "8 runs planned: 8 done" in before
    assert "This is read with --set 'data.sizes=[32, 64, 128, 256]'." in before
    assert json.loads((here / "results/s/fits.json").read_text())["overrides"] == [MORE[1]]
    for verb in ("report", "run"):  # there is nothing to train
        with pytest.raises(StudyError, match="lab report s.toml --set 'data.sizes="):
            invoke(verb, "s.toml")
    assert report(here) == before
    assert invoke("report", "s.toml", *MORE).exit_code == 0
    told = "`lab run` was given --set 'data.sizes=[32, 64, 128, 256]' (from "
    assert told in before and told in report(here) and ", no overrides (from " in report(here)


def test_a_report_that_is_refused_prints_no_table(here, monkeypatch, capsys):
    invoke("run", "s.toml", "--lanes", "1", *MORE)
    monkeypatch.setattr(sys, "argv", ["lab", "report", "s.toml"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    out, err = capsys.readouterr()
    assert out == "" and "tells of 8 finished runs" in err


def test_a_prediction_that_is_edited_after_the_run_is_told(here):
    invoke("run", "s.toml", "--lanes", "1")
    (here / "s.toml").write_text(EXACT.replace("2/d", "3/d"))
    invoke("report", "s.toml")
    assert "α = 3/d as a lower bound, tolerance 15%, changed after the first run" in report(here)
    assert "α = 2/d as a lower bound" in report(here) and "before the run" not in report(here)


def test_another_study_of_the_same_name_neither_trains_nor_reports_there(here):
    invoke("run", "s.toml", "--lanes", "1")
    before = report(here)
    (here / "b").mkdir()
    (here / "b/s.toml").write_text(EXACT.replace("[8]", "[9]"))
    with pytest.raises(StudyError, match="holds the study of s.toml"):
        invoke("run", "b/s.toml")
    with pytest.raises(StudyError, match="nothing stored yet"):
        invoke("report", "b/s.toml")
    assert report(here) == before


def test_a_study_whose_runs_all_diverged_exits_with_3(here, monkeypatch):
    study = studies.read("s.toml")
    with Store.write(here / "results/s") as store:
        store.add(rows(study, power(1.0), diverge=lambda run: True))
    found = invoke("run", "s.toml")
    assert found.exit_code == 3 and "all 6 runs diverged" in found.output
    assert "0 done, 6 diverged" in report(here)
    assert runner.run(study, here / "results/s").useless
