"""What goes wrong while lanes are at work: one run, the screen, the disk, and two interrupts."""

import errno
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from lab.config import study
from lab.data import sets
from lab.execution import plan, runner
from lab.execution.store import Store
from lab.execution.threads import Threads
from lab.mistakes import StudyError
from lab.students import basin, exact, solvers

NEAREST = {
    "question": "Is it exact?",
    "regime": "resolution-data",
    "task": {"manifold": {"kind": "cube", "dim": [2]},
             "teacher": {"widths": [8], "activation": "tanh", "count": 2}},
    "student": {"kind": "nearest"},
    "data": {"sizes": [32, 64, 128]},
}  # fmt: skip
LONG = {"training": {"steps": 2_000_000}}


def lanes():
    return [t for t in threading.enumerate() if t is not threading.main_thread() and t.is_alive()]


@pytest.mark.parametrize("error", [MemoryError("no room"), np.linalg.LinAlgError("singular")])
def test_an_exact_student_fails_alone_and_its_error_is_stored(tmp_path, monkeypatch, error):
    plain = exact.learn

    def learn(kind, settings, x, y, *, rng):
        if len(x) == 64:
            raise error
        return plain(kind, settings, x, y, rng=rng)

    found = study.validate(NEAREST)
    with monkeypatch.context() as patch:
        patch.setattr(exact, "learn", learn)
        summary = runner.run(found, tmp_path / "r")
    assert (summary.trained, summary.failed) == (6, 2) and str(error) in summary.first_error
    with Store.read(tmp_path / "r") as store:
        for planned, row in store.found(found.plan):
            failed = planned.run.size == 64
            assert row.status == ("failed" if failed else "done")
            assert (row.error is not None and str(error) in row.error) == failed
    again = runner.run(found, tmp_path / "r")
    assert (again.trained, again.failed) == (2, 0)


@pytest.mark.parametrize("pragma, words", [
    ("max_page_count = 1", "disk is full"), ("query_only = 1", "readonly database"),
])  # fmt: skip
def test_a_disk_that_takes_no_rows_ends_the_lanes_in_one_sentence(
    make_study, tmp_path, monkeypatch, pragma, words
):
    add = Store.add

    def full(store, rows):
        store._db.execute(f"PRAGMA {pragma}")
        add(store, [replace(row, spec=row.spec + " " * 100_000) for row in rows])

    monkeypatch.setattr(Store, "add", full)
    before = lanes()
    with pytest.raises(StudyError) as caught:
        runner.run(make_study(task={"manifold": {"dim": [2, 3]}}), tmp_path / "r", lanes=2)
    (sentence,) = caught.value.mistakes
    assert words in sentence and "goes on from what is stored" in sentence
    assert lanes() == before


@pytest.mark.parametrize("error, raised", [
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), StudyError),
    (OSError(errno.ENOSPC, "No space left on device"), StudyError),
    (ZeroDivisionError(), ZeroDivisionError), (SystemExit(1), SystemExit),
])  # fmt: skip
def test_an_observer_that_fails_ends_the_lanes(make_study, tmp_path, error, raised):
    def observe(progress):
        raise error

    before, start = lanes(), time.perf_counter()
    with pytest.raises(raised) as caught:
        runner.run(make_study(**LONG), tmp_path / "r", lanes=2, observe=observe)
    if raised is StudyError:
        (sentence,) = caught.value.mistakes
        assert "progress cannot be written" in sentence and "goes on from there" in sentence
    assert lanes() == before and time.perf_counter() - start < 60


@pytest.mark.long
def test_no_lane_outlives_a_run_whose_output_is_closed(tmp_path):
    code = (
        "import sys\n"
        "from lab.config import study\n"
        "from lab.execution import runner\n"
        "def observe(progress):\n"
        "    raise BrokenPipeError(32, 'Broken pipe')\n"
        f"tables = {study_tables()!r}\n"
        "runner.run(study.validate(tables), __import__('pathlib').Path(sys.argv[1]), lanes=2,\n"
        "           observe=observe)\n"
    )
    child = subprocess.run([sys.executable, "-c", code, tmp_path / "r"], capture_output=True,
                           text=True, timeout=120)  # fmt: skip
    assert child.returncode == 1 and "progress cannot be written" in child.stderr
    assert "FATAL" not in child.stderr and "terminate" not in child.stderr


def study_tables():
    from conftest import SMALL, merged

    return merged(SMALL, {**LONG, "task": {"teacher": {"count": 4}}})


def small_network():
    return study.validate({
        "question": "Does it stop?", "regime": "variance-data",
        "task": {"manifold": {"kind": "cube", "dim": [2]}, "teacher": {"count": 1}},
        "student": {"kind": "mlp", "widths": 3, "depth": 1, "activation": "tanh"},
        "data": {"sizes": [256, 1024, 4096], "draws": 8},
        "prediction": {"exponent": 1, "sense": "equal"},
    })  # fmt: skip


def test_a_second_interrupt_drops_a_descent_by_newton_at_the_next_stretch(monkeypatch):
    """A stretch is a tenth of a second, the search for the population optimum many of them."""
    monkeypatch.setattr(sets, "POPULATION", 256)
    asked = []
    plain = basin._stretch

    def stretch(*arguments):
        asked.append(abandon.is_set())
        return plain(*arguments)

    monkeypatch.setattr(basin, "_stretch", stretch)
    (group,) = plan.groups([p.run for p in small_network().plan])
    stop, abandon = threading.Event(), threading.Event()
    ticks = []
    for finished in Threads(1).execute(
        [group], tick=lambda g, n: ticks.append(n), stop=stop, abandon=abandon
    ):
        assert finished is None
        if len(asked) > 3 and not abandon.is_set():
            stop.set()
            abandon.set()
    assert asked.count(False) > 3 and asked.count(True) <= 1  # it may just have looked
    assert set(ticks) == {0}


def test_stretches_of_a_descent_change_no_number(monkeypatch):
    monkeypatch.setattr(sets, "POPULATION", 256)
    monkeypatch.setattr(basin, "STARTS", 2)
    monkeypatch.setattr(basin, "TRIALS", 2)
    (group,) = plan.groups([p.run for p in small_network().plan][:3])
    losses = []
    for patience in (basin.PATIENCE, 0.0):
        monkeypatch.setattr(basin, "PATIENCE", patience)
        losses.append([r.loss for r in solvers.solve(group, tick=lambda n: None)])
    assert losses[0] == losses[1]


def test_a_study_whose_runs_all_diverged_says_so_each_time(make_study, tmp_path):
    found = make_study(training={"preset": "sgd", "rate": 1e9, "steps": 20})
    summary = runner.run(found, tmp_path / "r")
    assert summary.diverged == summary.trained == 6 and summary.useless
    again = runner.run(found, tmp_path / "r")
    assert again.trained == 0 and again.useless


def git(folder, *arguments):
    who = ("-c", "user.name=x", "-c", "user.email=x@y.z")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


def test_the_commit_is_that_of_the_repository_that_keeps_the_lab(tmp_path):
    file = tmp_path / "venv" / "lab" / "runner.py"
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert runner._commit(file) is None
    (tmp_path / "notes.txt").write_text("")
    git(tmp_path, "init")
    git(tmp_path, "add", "notes.txt")
    git(tmp_path, "commit", "-m", "notes")
    assert runner._commit(file) is None  # a repository around an installed lab
    git(tmp_path, "add", "venv")
    git(tmp_path, "commit", "-m", "lab")
    commit = runner._commit(file)
    assert len(commit) == 12
    file.write_text("changed")
    assert runner._commit(file) == commit + "+"
