"""Running for real: kill, resume, edit. The child is a `lab run` as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from simulated import power, rows

from lab.config import study
from lab.execution import plan, runner
from lab.execution.store import Store

STUDY = """
schema = 1
question = "Does a killed run lose anything?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [16, 16], count = 3 }
[student]
widths = [3, 4, 6]
seeds = 1
[training]
steps = 6000
batch = 64
[evidence]
share = 0.0
"""
THREADS = pytest.param("threads", marks=pytest.mark.long)


def lab(*arguments, cwd, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "lab", *arguments], cwd=cwd, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True, **kwargs,
    )  # fmt: skip


def status(cwd):
    out, _ = lab("status", "s.toml", "--json", cwd=cwd).communicate()
    return json.loads(out)


def table(cwd):
    child = lab("fit", "s.toml", "--json", cwd=cwd)
    out, _ = child.communicate()
    assert child.returncode == 0, out
    return json.loads(out)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    cwd = tmp_path_factory.mktemp("whole")
    (cwd / "s.toml").write_text(STUDY)
    child = lab("run", "s.toml", "--lanes", "1", "--no-report", cwd=cwd)
    out, _ = child.communicate()
    assert child.returncode == 0, out
    return cwd


def interrupt_after_first_commit(cwd, number, engine):
    child = lab("run", "s.toml", "--lanes", "1", "--engine", engine, "--no-report", cwd=cwd)
    deadline = time.time() + 120
    while not (cwd / "results/s/lab.db").exists() or status(cwd)["done"] == 0:
        assert time.time() < deadline and child.poll() is None
        time.sleep(0.05)
    os.killpg(child.pid, number)
    out, _ = child.communicate()
    return child.returncode, out


@pytest.mark.parametrize("engine", [THREADS, pytest.param("processes", marks=pytest.mark.long)])
def test_kill_9_and_rerun_give_the_uninterrupted_table(uninterrupted, tmp_path, engine):
    (tmp_path / "s.toml").write_text(STUDY)
    interrupt_after_first_commit(tmp_path, signal.SIGKILL, engine)
    before = status(tmp_path)
    assert 0 < before["done"] < before["planned"] and before["done"] % 3 == 0  # whole groups
    child = lab("run", "s.toml", "--engine", engine, "--no-report", cwd=tmp_path)
    out, _ = child.communicate()
    assert child.returncode == 0 and f"{before['left']} runs trained" in out
    assert table(tmp_path) == table(uninterrupted)


@pytest.mark.parametrize("engine", [THREADS, pytest.param("processes", marks=pytest.mark.long)])
def test_ctrl_c_commits_what_is_in_flight_and_says_how_to_go_on(tmp_path, engine):
    (tmp_path / "s.toml").write_text(STUDY)
    code, out = interrupt_after_first_commit(tmp_path, signal.SIGINT, engine)
    assert code == 130 and "lab run s.toml" in out
    found = status(tmp_path)
    assert 0 < found["done"] < found["planned"]


def test_after_two_interrupts_nothing_is_left_running(tmp_path):
    (tmp_path / "s.toml").write_text(STUDY.replace("6000", "2000000"))
    child = lab("run", "s.toml", "--engine", "processes", "--lanes", "2", "--no-report",
                cwd=tmp_path)  # fmt: skip
    deadline = time.time() + 120
    while len(workers := workers_of(child.pid)) < 2:
        assert time.time() < deadline and child.poll() is None
        time.sleep(0.05)
    for _ in range(2):
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130 and "Interrupted" in out and "Traceback" not in out
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def workers_of(pid):
    """The worker processes of a driver."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [c for c in children if "execution.worker" in Path(f"/proc/{c}/cmdline").read_text()]


def test_an_edited_study_runs_only_the_difference(tmp_path):
    found = study.validate(tomllib.loads(STUDY))
    with Store.write(tmp_path) as store:
        store.add(rows(found, power(1.0)))
        states = store.states()
    for text, new in (
        (STUDY.replace("[3, 4, 6]", "[3, 4, 6, 7]"), 6),
        (STUDY.replace("seeds = 1", "seeds = 2"), 18),
        (STUDY.replace("[2, 3]", "[2, 3, 4]"), 9),
        (STUDY.replace("count = 3", "count = 4"), 6),
        (STUDY.replace("Does", "Really, does"), 0),
    ):
        edited = study.validate(tomllib.loads(text))
        assert len(plan.left(edited.plan, states).missing) == new
    assert runner.run(found, tmp_path).trained == 0


def test_a_failed_group_is_rows_with_a_traceback_and_is_tried_again(
    make_study, tmp_path, monkeypatch
):
    from lab.students import training

    found = make_study(training={"steps": 20})
    with monkeypatch.context() as patch:
        patch.setattr(training, "train", lambda group, tick: 1 / 0)
        summary = runner.run(found, tmp_path)
    assert summary.failed == summary.trained == 6 and "ZeroDivisionError" in summary.first_error
    with Store.read(tmp_path) as store:
        rows = store.rows(store.states())
        assert all(r.status == "failed" and "1 / 0" in r.error for r in rows.values())
    assert runner.run(found, tmp_path).failed == 0


def test_progress_reaches_the_end(make_study, tmp_path):
    seen = []
    summary = runner.run(make_study(training={"steps": 400}), tmp_path, observe=seen.append)
    assert summary.trained == 6 and seen[-1].fraction == pytest.approx(1.0)
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions)
    assert Path(tmp_path / "lab.db").exists()
