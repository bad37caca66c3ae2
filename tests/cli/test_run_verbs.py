"""Seeing and mending single runs, on a simulated store in which some diverged and some failed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from invocation import invoke, power, rows
from simulated import row

import lab
from lab.config import study as studies
from lab.execution.store import Store
from lab.mistakes import StudyError
from lab.students.solvers import Observation

STUDY = """
schema = 1
question = "Which runs are there?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [8], activation = "tanh", count = 3 }
[data]
sizes = [64, 128, 256, 512, 1024]
[student]
kind = "nearest"
"""
PLANNED, MISSING = 30, 4


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAB_RESULTS", raising=False)
    (tmp_path / "s.toml").write_text(STUDY)
    found = studies.read("s.toml")
    some = list(rows(found, power(lambda d: 2 / d)))[:-MISSING]
    some[3] = row(found.plan[3].run, 1.0, "failed")
    some[4] = row(found.plan[4].run, 1.0, "diverged")
    some[5] = row(found.plan[5].run, 1.0, "failed")
    with Store.write(Path("results/s")) as store:
        store.add(some)
    return found


def keys(study, *places):
    return {study.plan[i].run.fingerprint() for i in places}


def listed(*options):
    found = json.loads(invoke("runs", "s.toml", "--json", *options).output)
    return {one["fingerprint"] for one in found["runs"]}, found["more"]


def test_runs_are_listed_and_filtered(study):
    assert listed() == (keys(study, *range(PLANNED)), 0)
    assert listed("--status", "failed")[0] == listed("--failed")[0] == keys(study, 3, 5)
    assert listed("--status", "diverged")[0] == keys(study, 4)
    assert len(listed("--status", "missing")[0]) == MISSING
    assert len(listed("--dim", 3)[0]) == PLANNED // 2
    assert listed("--limit", 7)[1] == PLANNED - 7
    with pytest.raises(StudyError, match="did you mean 'failed'"):
        invoke("runs", "s.toml", "--status", "fialed")


def test_the_list_says_what_it_leaves_out_and_what_went_wrong(study):
    text = invoke("runs", "s.toml", "--limit", 5).output
    assert f"{PLANNED - MISSING - 3} done" in text and f"{PLANNED - 5} more" in text
    text = invoke("runs", "s.toml", "--failed").output
    assert text.count("MemoryError: no room") == 1  # both ended with it
    for key in keys(study, 3, 5):
        assert key[:8] in text


def test_the_door_takes_overrides_wherever_it_takes_a_study(study):
    one = {"results": "results", "overrides": ["task.manifold.dim=3"]}
    assert set(lab.runs("s.toml", **one)["dim"]) == {3}
    every = lab.retry("s.toml", "results", statuses=["done", "failed"])
    assert 0 < len(lab.retry("s.toml", statuses=["done", "failed"], **one).rows) < len(every.rows)
    assert len(lab.clean("s.toml").rows) == 0 < len(lab.clean("s.toml", **one).rows)


def test_the_door_gives_rows_and_columns(study):
    found = lab.runs("s.toml")
    assert len(found) == PLANNED and found["x"][0] == 64 and set(found["dim"]) == {2, 3}
    assert found["loss"].isna().sum() == MISSING + 3  # one diverged, two failed
    assert set(lab.runs("s.toml", status="failed")["error"]) == {"MemoryError: no room"}
    assert lab.runs(study, name="s").equals(found)
    stored = lab.load("s.toml")
    assert len(stored) == PLANNED - MISSING
    assert set(stored["fingerprint"]) < set(found["fingerprint"])


def test_a_curve_is_printed_and_drawn(study, tmp_path):
    (key,) = keys(study, 0)
    text = invoke("runs", "s.toml", "--curve", key[:8], "--plot", "c.png").output
    assert key[:8] in text and "relative test loss" in text
    assert (tmp_path / "c.png").stat().st_size > 5_000
    found = json.loads(invoke("runs", "s.toml", "--curve", key, "--json").output)
    assert found["curve"][0][0] == 1 and found["observations"][0]["split"] == "test"
    for beginning, words in (("zzz", "no stored run"), ("", "26 runs have")):
        with pytest.raises(StudyError, match=words):
            invoke("runs", "s.toml", "--curve", beginning or " ")
    with pytest.raises(StudyError, match="ending"):
        invoke("runs", "s.toml", "--curve", key, "--plot", "c.xyz")
    with pytest.raises(StudyError, match="--curve"):
        invoke("runs", "s.toml", "--plot", "c.png")


def test_a_curve_has_a_column_for_every_split(study):
    with Store.write(Path("results/s")) as store:
        (key,) = keys(study, 0)
        row = store.rows([key])[key]
        seen = (Observation(1, "test", row.loss), Observation(1, "train", row.loss / 2),
                Observation(3, "train", row.loss / 4))  # fmt: skip
        store.add([replace(row, observations=seen)])
    text = invoke("runs", "s.toml", "--curve", key[:8]).output
    line = next(line for line in text.splitlines() if "3" in line.split())
    assert "train" in text and "–" in line and f"{row.relative / 4:.4g}" in line


def left():
    return json.loads(invoke("status", "s.toml", "--json").output)


def test_retry_says_first_and_deletes_only_when_told(study):
    assert "1 run that diverged would be deleted" in invoke("retry", "s.toml", "--diverged").output
    assert left()["diverged"] == 1
    assert "deleted" in invoke("retry", "s.toml", "--diverged", "--yes").output
    assert (left()["diverged"], left()["failed"], left()["left"]) == (0, 2, MISSING + 3)
    assert "nothing to do" in invoke("retry", "s.toml", "--diverged", "--yes").output
    with pytest.raises(StudyError, match="--diverged"):
        invoke("retry", "s.toml")


def test_clean_keeps_what_the_study_plans(study):
    assert "nothing to do" in invoke("clean", "s.toml", "--orphans").output
    smaller = ("--set", "data.sizes=[64, 128, 256]")
    assert "10 runs" in invoke("clean", "s.toml", "--orphans", *smaller).output
    assert len(lab.runs("s.toml", status="missing")) == MISSING
    invoke("clean", "s.toml", "--orphans", "--yes", *smaller)
    assert len(lab.runs("s.toml", status="missing")) == MISSING + 10
    with pytest.raises(StudyError, match="--orphans"):
        invoke("clean", "s.toml")


def test_nothing_is_deleted_while_somebody_writes(study):
    with Store.write(Path("results/s")), pytest.raises(StudyError, match="in use"):
        invoke("retry", "s.toml", "--failed", "--yes")
    assert left()["failed"] == 2


def test_runs_of_raised_budgets_are_no_orphans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = STUDY.replace("resolution-data", "resolution-width").split("[data]")[0]
    (tmp_path / "w.toml").write_text(
        text.replace("widths = [8]", "widths = [96, 96]")
        + "[student]\nwidths = [4, 6, 9]\nseeds = 1\n[training]\nsteps = 100\n"
    )
    study = studies.read("w.toml")
    raised = lab.read("w.toml", ["training.steps=400", "training.rate=0.0025"])
    key = next(p.run.fingerprint() for p in raised.plan if p.role == "scan")
    run = next(p.run for p in raised.plan if p.role == "scan")
    with Store.write(Path("results/w")) as store:
        store.add([row(run, 0.5), *rows(study, power(1.0))])
    assert "nothing to do" in invoke("clean", "w.toml", "--orphans").output
    assert key in set(lab.runs("w.toml", status="done")["fingerprint"])


def test_status_adds_up_and_names_the_error(study):
    text = invoke("status", "s.toml").output
    assert f"{PLANNED} runs planned: {PLANNED - MISSING - 3} done, 1 diverged, 6 left" in text
    assert "2 of these failed" in text and "2 failed with MemoryError: no room" in text


def test_status_without_a_study_lists_the_folder(study, tmp_path):
    with Store.write(Path("results/other")):
        pass
    text = invoke("status").output
    assert "other" in text and "neither here nor in studies/" in text
    found = json.loads(invoke("status", "--json").output)
    assert found["s"]["planned"] == PLANNED and found["other"]["stored"] == 0
    assert "no study has results" in invoke("status", "--results", "empty").output


@pytest.mark.parametrize("name", [".toml", "ä.toml", "a b.toml", "-x.toml"])
def test_init_refuses_what_run_refuses(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match="letters, digits"):
        invoke("init", "--", name)
    assert not list(tmp_path.iterdir())


def test_hints_can_be_typed_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my folder").mkdir()
    assert "lab plan 'my folder/a.toml'" in invoke("init", "my folder/a.toml").output
