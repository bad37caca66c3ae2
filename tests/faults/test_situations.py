"""What may go wrong around a run: disk, folder, cache, clock, others, signals.

Each ends in at most one sentence, its exit code and no traceback; what was stored stays,
and the next run goes on to the table of an undisturbed one. Students are exact, so that a run takes
the seconds that Python and JAX take to start.
"""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kills import ROOT, sound, stored

import lab
from lab.execution import compiled
from lab.execution import store as stores
from lab.execution.store import Store, driver
from lab.mistakes import StudyError

STUDY = """
schema = 1
question = "Is anything lost?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [8], activation = "tanh", count = 4 }
[student]
kind = "nearest"
[data]
sizes = [64, 128, 256]
"""
SLOW = STUDY.replace("count = 4", "count = 40").replace("[64, 128, 256]", "[512, 1024, 2048]")
RUNS = 24
FEW = ("--set", "task.manifold.dim=2", "--set", "task.teacher.count=1")
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LAB_RESULTS", "LAB_ENGINE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


@contextlib.contextmanager
def disk(folder: Path, options: str):
    """A file system of its own in this folder; skips where none can be mounted."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "lab-test", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def begin(*arguments, cwd=".", without=(), **environment):
    """A `lab` in a process of its own."""
    env = {k: v for k, v in os.environ.items() if k not in without}
    return subprocess.Popen(
        [sys.executable, "-m", "lab", *map(str, arguments)], cwd=cwd, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**env, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def ended(child: subprocess.Popen) -> tuple[int, list[str]]:
    """Exit code, and the lines of standard error but for those of progress."""
    out, errors = child.communicate(timeout=300)
    for word in ("Traceback", "FATAL", "Exception", "terminate called", "Warning"):
        assert word not in out + errors, errors
    lines = [line for line in errors.splitlines() if line and not line.startswith("training: ")]
    return child.returncode, lines


def run(*arguments, **kwargs) -> tuple[int, list[str]]:
    return ended(begin("run", "s.toml", *arguments, **kwargs))


def table(folder: Path = Path("results")) -> dict:
    columns = lab.load("s.toml", folder)
    return {name: columns[name].tolist() for name in ("fingerprint", "status", "loss", "details")}


# ---- the disk and the folder -----------------------------------------------------------------


@pytest.mark.long
@root
def test_a_full_disk_keeps_what_is_stored_and_the_next_run_goes_on(study):
    assert run("--no-report") == (0, [])
    expected = table()
    with disk(study / "small", "size=64k") as small:
        code, lines = run("--no-report", "--results", small)
        assert (code, len(lines)) == (2, 1) and "make room" in lines[0]
        remount(small, "size=1m")
        assert run("--no-report", "--results", small, *FEW) == (0, [])
        before = stored(study, small / "s")
        assert len(before) == 3
        ballast = small / "ballast"
        ballast.write_bytes(bytes(os.statvfs(small).f_bavail * os.statvfs(small).f_frsize - 8192))
        code, lines = run("--no-report", "--results", small)
        assert (code, len(lines)) == (2, 1) and "make room" in lines[0], lines
        kept = stored(study, small / "s")
        assert before.items() <= kept.items() and len(kept) < RUNS
        assert run("--no-report", "--results", small)[0] == 2  # a reader and a writer of it
        assert len(lab.runs("s.toml", small, status="done")) >= len(before)
        ballast.unlink()
        assert run("--no-report", "--results", small) == (0, [])
        assert table(small) == expected and sound(study, small / "s")


@pytest.mark.long
@root
def test_a_report_that_finds_no_room_leaves_the_old_one_whole(study):
    with disk(study / "small", "size=8m") as small:
        assert run("--results", small) == (0, [])
        folder = small / "s"
        before = {f.name: f.read_bytes() for f in folder.iterdir() if f.suffix != ".db-shm"}
        room = os.statvfs(small).f_bavail * os.statvfs(small).f_frsize
        (small / "ballast").write_bytes(bytes(room - 16384))
        code, lines = ended(begin("report", "s.toml", "--results", small))
        assert (code, len(lines)) == (2, 1) and "make room" in lines[0]
        after = {f.name: f.read_bytes() for f in folder.iterdir() if f.suffix != ".db-shm"}
        assert after == before
        (study / "out").mkdir()
        code, lines = ended(begin("export", "s.toml", small / "t.csv", "--results", small))
        assert (code, lines) in ((0, []), (2, lines)) and len(lines) == (code == 2)


@pytest.mark.long
@root
def test_a_folder_that_is_read_only_is_read_and_left(study):
    with disk(study / "fixed", "size=8m") as fixed:
        assert run("--results", fixed) == (0, [])
        remount(fixed, "ro")
        for verb, expected in (("status", 0), ("fit", 0), ("runs", 0), ("report", 2), ("run", 2)):
            more = ("--set", "task.teacher.count=5") if verb == "run" else ()
            code, lines = ended(begin(verb, "s.toml", "--results", fixed, *more))
            assert (code, len(lines)) == (expected, int(expected == 2)), (verb, lines)
            assert not lines or "cannot be written" in lines[0]


# ---- others ------------------------------------------------------------------------------------


def test_a_second_driver_is_told_who_the_first_is(study):
    with Store.write(Path("results/s")):
        code, lines = run()
    assert code == 2 and lines == [
        f"results/s: in use by another process (pid {os.getpid()}); wait for it or stop it"
    ]


def test_a_database_that_somebody_else_writes_to_is_one_sentence(study, monkeypatch):
    lab.run("s.toml", overrides=["task.teacher.count=1"], engine="threads", progress=False)
    monkeypatch.setattr(stores, "PATIENCE", 0.2)
    other = sqlite3.connect("results/s/lab.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StudyError, match="locked.*end the program that writes to it"):
        lab.run("s.toml", engine="threads", progress=False)
    assert len(lab.runs("s.toml", status="done")) == 6  # who reads does not wait
    other.rollback()
    other.close()
    assert lab.run("s.toml", engine="threads", progress=False).trained == RUNS - 6


@pytest.mark.long
def test_readers_see_a_run_grow_and_do_not_disturb_it(study):
    (study / "s.toml").write_text(SLOW)
    child, seen, trains = begin("run", "s.toml", "--no-report"), [0], None
    while child.poll() is None:
        seen.append(len(stored(study)))
        trains = driver(Path("results/s")) or trains
        if seen[-1] != seen[-2]:
            left = lab.plan("s.toml").left
            assert left.done >= seen[-1]
            lab.answer("s.toml", replicates=20)
        time.sleep(0.05)
    assert ended(child) == (0, []) and seen == sorted(seen)
    assert trains and trains.pid == child.pid and driver(Path("results/s")) is None
    assert lab.plan("s.toml").left.missing == ()


# ---- compiled programs ---------------------------------------------------------------------------


@pytest.mark.long
def test_a_damaged_cache_is_mended(study):
    cache = study / "cache"
    assert run("--no-report", *FEW, LAB_CACHE=str(cache)) == (0, [])
    expected, entries = table(), sorted(cache.glob(compiled.ENTRY))
    assert entries
    for i, file in enumerate(entries):
        whole = file.read_bytes()
        file.write_bytes(
            (whole[: len(whole) // 2], b"", bytes(range(256)), whole[:-1] + b"x")[i % 4]
        )
    (study / "results").rename("before")
    assert run("--no-report", *FEW, LAB_CACHE=str(cache)) == (0, [])
    assert table() == expected
    assert all(compiled._whole(file.read_bytes()) for file in cache.glob(compiled.ENTRY))


@pytest.mark.long
def test_a_cache_that_cannot_be_kept_is_one_sentence(study):
    code, lines = run("--no-report", *FEW, LAB_CACHE="/dev/null/cache")
    assert code == 0 and len(lines) == 1 and "LAB_CACHE" in lines[0]
    assert lines[0].startswith("/dev/null/cache: compiled programs cannot be kept there")


@pytest.mark.long
@root
def test_a_cache_on_a_full_disk_is_one_sentence(study):
    with disk(study / "small", "size=4k") as small:
        (small / "full").write_bytes(bytes(4096))
        code, lines = run("--no-report", *FEW, LAB_CACHE=str(small))
    assert code == 0 and len(lines) == 1 and "make room" in lines[0]


def test_without_a_home_nothing_is_kept_and_that_is_said(study, monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "LAB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert compiled.folder() is compiled.usable() is None
    assert "set HOME" in compiled.refusal()


@pytest.mark.long
def test_home_unset_is_no_reason_to_stop(study):
    code, lines = run(*FEW, without=("HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"))
    assert code == 0 and len(lines) <= 1


# ---- the clock -----------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_changes_no_order(study, monkeypatch):
    now = [2e9]
    monkeypatch.setattr(stores.time, "time", lambda: now[0])
    with Store.write(Path("results/s")) as store:
        first = store.now()
        store.register(first, "{}")
        now[0] = 1e9
        times = [store.now() for _ in range(3)]
    assert first == 2e9 and sorted({first, *times}) == [first, *times]
    with Store.write(Path("results/s")) as store:
        assert store.now() > first  # in a later process, too


@pytest.mark.long
def test_rows_of_the_future_are_rows(study, monkeypatch):
    lab.run("s.toml", engine="threads", progress=False)
    db = sqlite3.connect("results/s/lab.db")
    db.execute("UPDATE runs SET finished = finished + 1e8")
    db.commit()
    db.close()
    code, lines = run("--no-report", "--set", "task.teacher.count=5")
    assert (code, lines) == (0, [])
    for verb in ("status", "fit", "report"):
        assert ended(begin(verb, "s.toml")) == (0, [])


# ---- signals -----------------------------------------------------------------------------------


def until_stored(child, folder, rows=1):
    end = time.monotonic() + 120
    while len(stored(folder)) < rows:
        assert child.poll() is None and time.monotonic() < end, child.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("number, times", [
    (signal.SIGTERM, 2),
    *(pytest.param(number, times, marks=pytest.mark.long) for number, times in
      [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1), (signal.SIGHUP, 1),
       (signal.SIGHUP, 2)]),
])  # fmt: skip
def test_a_signal_stops_a_run_and_loses_nothing(study, number, times):
    (study / "s.toml").write_text(SLOW)
    child = begin("run", "s.toml", "--no-report")
    until_stored(child, study)
    before = stored(study)
    for _ in range(times):
        child.send_signal(number)
        time.sleep(0.05)  # a second one comes while the run stops, not after it
    code, lines = ended(child)
    kept = stored(study)
    assert (code, lines) == (130, []) and before.items() <= kept.items()
    assert len(kept) % 3 == 0 and len(kept) < len(lab.runs("s.toml")) and sound(study)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_anything_is_trained_is_heard(study, number):
    child = begin("run", "s.toml")
    time.sleep(0.5)
    child.send_signal(number)
    code, lines = ended(child)
    assert code in (130, -number) and len(lines) <= 1  # before Python runs nobody hears


@pytest.mark.long
def test_what_nohup_ignores_stays_ignored(study):
    child = subprocess.Popen(
        ["nohup", sys.executable, "-m", "lab", "run", "s.toml", "--no-report"], cwd=study,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    time.sleep(1.0)
    child.send_signal(signal.SIGHUP)
    assert ended(child)[0] == 0 and len(stored(study)) == RUNS


@pytest.mark.skipif(not shutil.which("setsid"), reason="needs setsid")
def test_a_terminal_that_is_closed_stops_a_run_and_loses_nothing(study):
    (study / "s.toml").write_text(SLOW)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "lab", "run", "s.toml", "--no-report"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=study,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    end = time.monotonic() + 120
    while not stored(study):
        assert child.poll() is None and time.monotonic() < end
        with contextlib.suppress(BlockingIOError):
            os.read(ours, 65536)
        time.sleep(0.02)
    before = stored(study)
    os.close(ours)  # the kernel sends SIGHUP, and writing fails from now on
    assert child.wait(120) in (130, 141)
    kept = stored(study)
    assert before.items() <= kept.items() and len(kept) % 3 == 0 and sound(study)
