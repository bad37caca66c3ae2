"""The verbs of a study: contracts that others read, and mistakes that write nothing."""

import json
import sys

import pytest
from invocation import invoke

from lab import cli
from lab.mistakes import StudyError

SMALL = """
schema = 1
question = "Does the command line work?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [2, 3, 4] }
teacher = { widths = [96, 96], count = 3 }
[student]
widths = [3, 5, 9, 16]
seeds = 1
[training]
steps = 100
"""


PLANNED = 3 * 4 * (3 + 2 * 2 + 1) + 4 * 4
"""d, widths; teachers, budgets of two, slower descent of one; rates and weights."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SMALL)
    return tmp_path


def test_status_json(here):
    found = json.loads(invoke("status", "s.toml", "--json").output)
    assert set(found) == {"planned", "done", "failed", "diverged", "left", "seconds_left", "driver"}
    assert found["planned"] == found["left"] == PLANNED and found["done"] == 0


def test_plan_trains_and_writes_nothing(here):
    found = json.loads(invoke("plan", "s.toml", "--json").output)
    assert found["planned"] == PLANNED and found["memory_bytes"] > 0 and found["seconds"] > 0
    assert sorted(p.name for p in here.iterdir()) == ["s.toml"]


def test_run_report_and_the_second_run(here):
    small = ("--set", "task.manifold.dim=[2]", "--set", "evidence.rates=[]",
             "--set", "evidence.weights=[]", "--set", "student.widths=[3, 5, 9]",
             "--set", "task.teacher.count=2")  # fmt: skip
    first = invoke("run", "s.toml", "--lanes", "2", *small)
    assert first.exit_code == 0 and "21 runs trained" in first.output
    (variant,) = (here / "results/s/variants").iterdir()
    assert (variant / "exponents.png").stat().st_size > 5_000
    assert (variant / "local.png").stat().st_size > 5_000
    assert "nothing to train" in invoke("run", "s.toml", "--no-report", *small).output
    assert json.loads(invoke("status", "s.toml", "--json", *small).output)["left"] == 0


@pytest.mark.parametrize("verb", ["check", "plan", "run", "status", "fit", "report"])
def test_mistakes_write_nothing(here, verb):
    (here / "s.toml").write_text(SMALL.replace("cube", "cubr"))
    with pytest.raises(StudyError, match="did you mean 'cube'"):
        invoke(verb, "s.toml")
    assert sorted(p.name for p in here.iterdir()) == ["s.toml"]


def test_main_turns_mistakes_into_exit_code_2(here, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lab", "check", "none.toml"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2 and "lab init none.toml" in capsys.readouterr().err


def test_fit_of_an_empty_store_says_what_comes_first(here):
    with pytest.raises(StudyError, match="lab run"):
        invoke("fit", "s.toml")


def test_init_writes_a_study_that_passes_check(here):
    assert invoke("init", "new.toml").exit_code == 0
    assert invoke("check", "new.toml").exit_code == 0
    with pytest.raises(StudyError, match="--force"):
        invoke("init", "new.toml")
    with pytest.raises(StudyError, match="unknown preset"):
        invoke("init", "other.toml", "--preset", "quickstrat")
    assert "quickstart" in invoke("init", "--list").output


def test_check_as_json_has_every_setting_of_every_panel_with_what_it_took_from_the_top(here):
    text = (
        SMALL
        + """
[[panel]]
title = "as above"
[[panel]]
title = "few"
[panel.task]
teacher = { count = 2 }
"""
    )
    (here / "p.toml").write_text(text)
    found = json.loads(invoke("check", "p.toml", "--json").output)
    above, few = found["panels"]
    assert above["title"] == "as above" and above["task"]["teacher"]["count"] == 3
    assert few["task"]["teacher"]["widths"] == [[96, 96]] and few["task"]["teacher"]["count"] == 2
    assert few["training"]["batch"] and few["prediction"]  # defaults
    assert few["schema"] == 1 and isinstance(found["doubts"], list)


WIDE = """
schema = 1
question = "Is it variance-limited?"
regime = "variance-width"
[task]
manifold = { kind = "sphere", dim = 3 }
[student]
widths = [16, 32, 64]
parametrisation = "ntk"
[training]
steps = 5
[prediction]
exponent = 1
sense = "equal"
"""


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
def test_wide_networks_on_fresh_data_are_refused_in_one_sentence(here, verb, monkeypatch, capsys):
    (here / "wide.toml").write_text(WIDE)
    monkeypatch.setattr(sys, "argv", ["lab", verb, "wide.toml"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    (sentence,) = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2 and "data: is missing" in sentence
    assert not (here / "results").exists()


@pytest.mark.parametrize("override, words", [
    (["student={kind='kernel'}", "data.sizes=[64, 128, 12000]"], "needs 2.1 GiB"),
    (["student={kind='simplex'}", "task.manifold.dim=7"], "1 to 6 coordinates"),
    (["prediction.exponent='4/'"], "is not a formula"),
    (["prediction.exponent='min(a-1, 2b)'"], "which this study does not have"),
])  # fmt: skip
def test_check_refuses_what_an_exact_student_cannot_do_in_one_sentence(
    here, monkeypatch, capsys, override, words
):
    text = SMALL[: SMALL.index("[student]")].replace("resolution-width", "resolution-data")
    (here / "e.toml").write_text(
        text + '[student]\nkind = "nearest"\n[data]\nsizes = [64, 128, 256]\n'
    )
    options = [part for o in override for part in ("--set", o)]
    monkeypatch.setattr(sys, "argv", ["lab", "check", "e.toml", *options])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2 and words in line


PANELS = """
schema = 1
question = "Do panels go through every verb?"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 2 }
[data]
sizes = [32, 64, 128, 256]
[[panel]]
title = "nearest"
regime = "resolution-data"
student = { kind = "nearest" }
prediction = { exponent = "2/d" }
[[panel]]
title = "simplices"
regime = "resolution-data"
student = { kind = "simplex" }
"""


def test_a_study_of_panels_goes_through_every_verb(here):
    """In this process, where every signature is checked: a verb that takes a study takes panels."""
    (here / "p.toml").write_text(PANELS)
    assert "fine. 16 runs." in invoke("check", "p.toml").output
    assert json.loads(invoke("plan", "p.toml", "--json").output)["left"] == 16
    assert "16 runs trained" in invoke("run", "p.toml", "--lanes", "1", "--no-report").output
    assert json.loads(invoke("status", "p.toml", "--json").output)["done"] == 16
    assert "d = 2, simplices" in invoke("fit", "p.toml").output
    told = json.loads(invoke("fit", "p.toml", "--json").output)
    assert [panel["title"] for panel in told["panels"]] == ["nearest", "simplices"]
    assert "report.md" in invoke("report", "p.toml").output
    assert "16 runs" in invoke("export", "p.toml", "out.csv").output


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
def test_a_name_that_names_no_results_is_refused_by_every_verb(here, verb):
    (here / "-rf.toml").write_text(SMALL)
    with pytest.raises(StudyError, match="the file's name names its results"):
        invoke(verb, "./-rf.toml")


@pytest.mark.parametrize("verb", ["plan", "run", "report", "runs", "status"])
def test_results_without_a_name_are_refused(here, verb):
    found = invoke(verb, "s.toml", "--results", "")
    assert found.exit_code == 2 and "it is empty; name a folder" in found.output
    assert [file.name for file in here.iterdir()] == ["s.toml"]


def test_more_lanes_than_cores_are_capped_and_said(capsys, monkeypatch):
    from lab.cli.output import capped
    from lab.execution import engine

    monkeypatch.setattr(engine, "cores", lambda: 4)
    assert capped(None) is None and capped(4) == 4 and capsys.readouterr().err == ""
    assert capped(64) == 4
    assert "64 lanes were asked for, and this machine has 4 cores" in capsys.readouterr().err
