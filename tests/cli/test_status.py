"""How far a study is, told while somebody trains it: this process holds the lock of a driver."""

import json
import os
from pathlib import Path

import pytest
from invocation import invoke, power, rows
from simulated import row

from lab.cli import run_verbs
from lab.config import study as studies
from lab.execution.store import Store, driver
from lab.mistakes import StudyError

STUDY = """
schema = 1
question = "How far is it?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [8], activation = "tanh", count = 3 }
[data]
sizes = [64, 128, 256, 512, 1024]
[student]
kind = "nearest"
"""
PLANNED = 30


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAB_RESULTS", raising=False)
    (tmp_path / "s.toml").write_text(STUDY)
    return studies.read("s.toml")


def now(found):
    """Rows as they are stored now."""
    import time
    from dataclasses import replace

    return [replace(r, provenance={**r.provenance, "finished": time.time() + 1}) for r in found]


def test_a_running_study_says_who_trains_it_and_how_fast(study):
    some = [*rows(study, power(1.0))]
    with Store.write(Path("results/s")) as store:
        store.add(some[:3])  # of an earlier run
        assert "none stored yet" in invoke("status", "s.toml").output
        store.add(now(some[3:9]))
        found = driver(Path("results/s"))
        assert found.pid == os.getpid() and found.runs == 6
        assert found.lane_seconds == pytest.approx(0.6)
        text = invoke("status", "s.toml").output
        assert f"Process {os.getpid()} trains it" in text and "runs a minute" in text
        told = json.loads(invoke("status", "s.toml", "--json").output)
        assert told["driver"]["pid"] == os.getpid() and told["seconds_left"] >= 0
    assert driver(Path("results/s")) is None
    assert json.loads(invoke("status", "s.toml", "--json").output)["driver"] is None


def test_a_lock_that_nobody_holds_is_no_driver(tmp_path):
    for text in ("", "pid 1", "pid 999999999", "nonsense"):
        (tmp_path / ".lock").write_text(text)
        assert driver(tmp_path) is None
    assert driver(tmp_path / "none") is None


def test_watching_ends_when_nothing_is_left(study, monkeypatch):
    some = [*rows(study, power(1.0))]
    with Store.write(Path("results/s")) as store:
        looks = []

        def again(seconds):
            store.add(now(some[10 * len(looks) : 10 * len(looks) + 10]))
            looks.append(seconds)

        monkeypatch.setattr(run_verbs.time, "sleep", again)
        lines = invoke("status", "s.toml", "--watch", "--json").output.splitlines()
    assert [json.loads(line)["done"] for line in lines] == [0, 10, 20, PLANNED]
    assert looks == [run_verbs.AGAIN] * 3


def test_watching_ends_when_nobody_trains_it(study):
    assert f"0 done, 0 diverged, 0 failed, {PLANNED} left" in invoke(
        "status", "s.toml", "--watch"
    ).output  # fmt: skip
    with pytest.raises(StudyError, match="one study"):
        invoke("status", "--watch")


def test_runs_that_failed_or_diverged_are_listed(study):
    ends = ["failed", "failed", "diverged"]
    with Store.write(Path("results/s")) as store:
        store.add(row(p.run, 1.0, end) for p, end in zip(study.plan, ends, strict=False))
    keys = [p.run.fingerprint()[:8] for p in study.plan[:3]]
    text = invoke("status", "s.toml").output
    assert f"1 diverged: {keys[2]}" in text and "2 failed with MemoryError: no room" in text
    assert f"{keys[0]}, {keys[1]}" in text and "--failed" in text
    assert "--failed` has" not in invoke("status", "s.toml", "--failed").output
