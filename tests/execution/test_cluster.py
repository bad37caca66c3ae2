"""Dask on the loopback: workers that are lost or strange, schedulers that are not there, SLURM."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing

import dask_cluster
import pytest
from scripted import Scripted, descents, executed, pids, running, scripted
from test_processes import wait

from lab.execution import cluster
from lab.kinds.student import STUDENTS
from lab.mistakes import StudyError


@pytest.fixture(autouse=True)
def kind():
    STUDENTS.add(Scripted)
    yield
    STUDENTS.remove(Scripted)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a scheduler that forgives no dead worker, with one worker."""
    folder = tmp_path_factory.mktemp("dask")
    os.environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "0"
    with dask_cluster.scheduler(folder) as found, dask_cluster.workers(folder, 1):
        yield found
    del os.environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"]


@pytest.mark.long
def test_a_lost_worker_costs_one_try_and_two_have_failed(address, tmp_path):
    groups = [scripted(tmp_path / "once", "orphan", times=1),
              scripted(tmp_path / "always", "orphan", teacher=1),
              scripted(tmp_path / "never", "learn", teacher=2)]  # fmt: skip
    with closing(cluster.running(address)) as engine:
        found = {id(f.group): f for f in executed(engine, groups)}
    once, always, never = (found[id(group)] for group in groups)
    assert once.results[0].status == never.results[0].status == "done"
    assert always.results is None and "KilledWorker" in always.error
    wait(lambda: not any(running(pid) for pid in pids(tmp_path / "always")), seconds=10)


@pytest.mark.long
def test_what_is_dropped_ends_at_once(address, tmp_path):
    file, abandon = tmp_path / "a", threading.Event()
    with closing(cluster.running(address)) as engine:
        executed(engine, [scripted(file, "sleep")], abandon=abandon,
                 look=lambda _: pids(file) and abandon.set())  # fmt: skip
        wait(lambda: not running(pids(file)[-1]), seconds=20)


def test_other_versions_are_a_sentence_at_the_start_and_later(address, monkeypatch):
    ours = {**cluster.versions(), "JAX": "0.0.1"}
    with closing(cluster.running(address)) as engine:
        engine.start()
        monkeypatch.setattr(cluster, "versions", lambda: ours)
        with pytest.raises(StudyError, match="JAX .* there and 0.0.1 here"):
            executed(engine, descents(teachers=1))
    monkeypatch.undo()
    plain = cluster.difference
    monkeypatch.setattr(cluster, "difference", lambda theirs, _: plain(theirs, ours))
    with closing(cluster.running(address)) as engine, pytest.raises(StudyError) as caught:
        engine.start()
    (sentence,) = caught.value.mistakes
    assert "0.0.1 here" in sentence and "same versions" in sentence


def test_seconds_of_compilation_are_known_though_events_are_late(address, monkeypatch):
    monkeypatch.setattr(cluster._Out, "_hear", lambda self, event: None)
    with closing(cluster.running(address)) as engine:
        assert [f.error for f in executed(engine, descents(teachers=1))] == [None]
        assert engine.compile_seconds() > 0


def test_nobody_at_the_address_is_a_sentence(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    with pytest.raises(StudyError, match="no Dask scheduler answers at tcp://127.0.0.1:1 within"):
        cluster.running("tcp://127.0.0.1:1").start()


def test_a_cluster_without_workers_is_a_sentence(tmp_path, monkeypatch):
    with dask_cluster.scheduler(tmp_path) as address, closing(cluster.running(address)) as engine:
        monkeypatch.setattr(cluster, "PATIENCE", 1.0)
        with pytest.raises(StudyError, match=f"has no workers; .* `dask worker {address}`"):
            engine.start()


def test_a_worker_without_the_lab_is_a_sentence(tmp_path):
    without = tmp_path / "without.py"
    without.write_text("import sys\nsys.modules['lab'] = None\n")
    with dask_cluster.scheduler(tmp_path) as address, \
            dask_cluster.workers(tmp_path, 1, DASK_DISTRIBUTED__WORKER__PRELOAD=str(without)), \
            closing(cluster.running(address)) as engine:  # fmt: skip
        with pytest.raises(StudyError, match="no lab .*; install it there"):
            engine.start()


def test_a_worker_that_is_lost_while_it_is_asked_is_no_stranger():
    class Client:
        def run(self, *_, **__):
            return {"tcp://lost": OSError("Stream is closed"), "tcp://here": cluster.versions()}

        def sync(self, *_, **__):
            return {"tcp://here": 2}

        scheduler = type("Scheduler", (), {"ncores": None})

    engine = cluster.Cluster(lambda: (Client(), None, []), "a cluster")
    assert engine.start().lanes == 2


@pytest.mark.long
def test_a_scheduler_that_goes_away_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 2.0)
    file, killed = tmp_path / "a", []

    def look(_):
        if pids(file) and not killed:
            found = subprocess.run(["pgrep", "-f", f"dask scheduler .*{tmp_path}"],
                                   capture_output=True, text=True).stdout  # fmt: skip
            killed.extend(map(int, found.split()))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    with dask_cluster.scheduler(tmp_path) as address, dask_cluster.workers(tmp_path, 1), \
            closing(cluster.running(address)) as engine:  # fmt: skip
        with pytest.raises(StudyError, match="is gone; what was trained till then is stored"):
            executed(engine, [scripted(file, "sleep")], look=look)
    assert killed


STUDY = """
question = "Is it exact?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = [2] }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "nearest"
[data]
sizes = [32, 64, 128]
"""


@pytest.fixture
def slurm(tmp_path):
    """Runs the study by an engine of SLURM whose commands are these scripts."""

    def run(**scripts):
        (tmp_path / "s.toml").write_text(STUDY)
        return subprocess.run(
            [sys.executable, "-m", "lab", "run", "s.toml", "--engine", "slurm", "--workers", "2",
             "--no-report"],
            cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, **dask_cluster.slurm(tmp_path, **scripts),
                 "PYTHONPATH": str(dask_cluster.ROOT)},
        )  # fmt: skip

    return run


def test_slurm_sends_jobs_trains_and_cancels_them(slurm, tmp_path):
    found = slurm()
    assert found.returncode == 0, found.stderr
    assert "6 runs trained" in found.stdout and "2 workers of SLURM" in found.stdout
    assert "Traceback" not in found.stderr and "Warning" not in found.stderr
    sent, cancelled = ((tmp_path / name).read_text().split() for name in ("sent", "cancelled"))
    assert len(sent) == 2 and sorted(sent) == sorted(cancelled)
    wait(lambda: not any(running(int(pid)) for pid in sent), seconds=20)


def test_slurm_that_refuses_is_a_sentence(slurm):
    words = "sbatch: error: invalid partition specified: gpu"
    found = slurm(sbatch=f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    assert found.returncode == 2 and "Traceback" not in found.stderr
    assert f"engine slurm: sbatch refuses ({words}); see jobqueue.slurm" in found.stderr.replace(
        "\n", " ")  # fmt: skip
