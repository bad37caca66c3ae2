"""A study that is run until it is decided: its looks, their errors, and what a kill leaves."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lab
from lab.execution import listing, registration
from lab.execution.registration import registered
from lab.execution.store import Store
from lab.findings import provenance
from lab.mistakes import StudyError, seconds_of
from lab.scaling.judge.calibration import LOOKS, Truth, level, looks
from lab.scaling.scans.estimate import estimates

STUDY = """
schema = 1
question = "Does a look more decide it?"
regime = "resolution-data"
[task]
manifold = { kind = "torus", dim = 1 }
teacher = { widths = [16], activation = "tanh", bias = 0.5, count = 4 }
[student]
kind = "nearest"
[data]
sizes = [16, 32, 64, 128, 256]
[prediction]
exponent = 2.0
sense = "equal"
over = "range"
tolerance = 0.02
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path / "s.toml"


def run(file, **options):
    return lab.run(file, "results", lanes=1, progress=False, engine="threads",
                   until_decided=True, **options)  # fmt: skip


def state(file):
    """The look, the level, and the answer of what is stored."""
    with Store.read(Path("results/s")) as store:
        now = registration.reached(lab.read(file), store)
        kept = registered(store)
    return now.task.count, now.level, kept, lab.answer(file, "results", replicates=20)


@pytest.mark.parametrize("count", [2, 4, 5, 8, 40])
def test_the_errors_of_all_looks_add_up_to_that_of_one(count):
    every = looks(count)
    assert every[0] == count and [*every] == sorted(set(every)) and len(every) <= 1 + len(LOOKS)
    levels = [level(K, every) for K in every]
    assert sum(1 - one for one in levels) == pytest.approx(0.05)
    assert all(0.95 <= one < 1 for one in levels)
    with pytest.raises(ValueError, match="no look"):
        level(3, every)


@pytest.mark.parametrize("edge", [0.85, 1.15])
@pytest.mark.parametrize("common", [0.0, 0.05])
def test_wrong_verdicts_of_whole_sequences_are_at_most_one_in_forty(edge, common):
    """The exponent lies on the edge of what is allowed: either verdict is wrong."""
    truth = Truth(1.0, noise=0.1, spread=0.1, common=common)
    scans, x = 3000, np.geomspace(30, 1000, 7)
    losses = truth.simulate(x, LOOKS[-1], 1, scans, np.random.default_rng(0))
    low, high = 0.85 / edge, 1.15 / edge
    said = np.zeros(scans, int)
    for K in LOOKS:
        e = estimates(np.log(x)[None], losses[:, :K], level=level(K, LOOKS))
        agrees = (e.lower >= low) & (e.upper <= high)
        contradicts = (e.upper < low) | (e.lower > high)
        said = np.where(said == 0, agrees - 1 * contradicts, said)
    for wrong in (1, -1):
        assert np.mean(said == wrong) <= 0.025 + 3 * np.sqrt(0.025 / scans)


def test_it_ends_at_the_look_that_decides_and_the_next_run_has_nothing_to_do(file):
    done = run(file)
    count, sure, kept, found = state(file)
    assert kept[0].looks == LOOKS and count in LOOKS and sure == level(count, LOOKS)
    (point,) = found.points
    assert point.fitted.teachers == count and point.runs.missing == 0
    assert point.verdict != "undecided" or count == LOOKS[-1]
    told = provenance.paragraph(found.answers[0].record)
    assert "registered to be looked at with 4, 8, 16, 32 teachers" in told
    assert done.trained == 5 * count and run(file).trained == 0
    first, _, _ = state(file)[:3]
    lab.run(file, "results", lanes=1, progress=False, engine="threads")  # a plain one
    again, still, kept, _ = state(file)
    assert (again, still) == (first, sure) and len(kept) == 1
    study = lab.read(file)
    with Store.read(Path("results/s")) as store:
        assert len(listing.listed(study, store)) == 5 * count and not listing.orphans(study, store)


def test_a_look_widens_the_interval_and_changes_no_run(file):
    study = lab.read(file)
    more = study.looked(8, 0.99)
    assert (more.level, study.level, study.task.count) == (0.99, 0.95, 4)
    few = {p.run.fingerprint() for p in study.plan}
    assert few < {p.run.fingerprint() for p in more.plan} and len(more.plan) == 2 * len(few)
    losses = Truth(1.0).simulate(np.geomspace(10, 100, 6), 5, 1, 3, np.random.default_rng(0))
    u = np.log(np.geomspace(10, 100, 6))[None]
    for law in ("power", "power+floor"):
        wide, usual = (estimates(u, losses, law=law, level=at) for at in (0.99, 0.95))
        assert (wide.upper > usual.upper).all() and (wide.lower < usual.lower).all()
        assert wide.alpha == pytest.approx(usual.alpha)


def test_a_budget_that_is_spent_leaves_it_undecided_and_the_next_goes_on(file):
    text = STUDY.replace("tolerance = 0.02", "tolerance = 0.001")  # nothing decides
    file.write_text(text)
    first = run(file, seconds=0.0)
    assert not first.interrupted
    count, sure, _, found = state(file)
    assert (count, sure) == (4, level(4, LOOKS)) and found.points[0].verdict == "undecided"
    run(file)
    count, sure, kept, found = state(file)
    assert (count, sure, len(kept)) == (32, level(32, LOOKS), 1)
    assert found.points[0].verdict == "undecided" and found.points[0].doubts


@pytest.mark.long
def test_a_killed_sequence_comes_to_the_same_looks_and_table(file):
    text = STUDY.replace("tolerance = 0.02", "tolerance = 0.001")

    def started(folder):
        folder.mkdir()
        (folder / "s.toml").write_text(text)
        return again(folder)

    def again(folder):
        return subprocess.Popen(
            [sys.executable, "-m", "lab", "run", "s.toml", "--until-decided", "--no-report",
             "--engine", "threads", "--lanes", "1"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path(lab.__file__).parents[1])},
        )  # fmt: skip

    def come_to(folder):
        with Store.read(folder / "results/s") as store:
            now = registration.reached(lab.read(folder / "s.toml"), store)
            rows = store.rows(p.run.fingerprint() for p in now.plan)
            kept = [replace(one, time=0.0) for one in registered(store)]
        return now.task.count, now.level, {k: row.loss for k, row in rows.items()}, kept

    whole, killed = Path("whole").absolute(), Path("killed").absolute()
    assert started(whole).wait(300) == 0
    child = started(killed)
    while child.poll() is None and not _stored(killed) > 5 * LOOKS[0]:  # in a later look
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(60)
    assert 0 < _stored(killed) < 5 * LOOKS[-1]
    assert again(killed).wait(300) == 0
    assert come_to(killed) == come_to(whole) and come_to(whole)[0] == LOOKS[-1]


def _stored(folder):
    with Store.read(folder / "results/s") as store:
        return len(store.states())


@pytest.mark.parametrize("text, seconds", [
    ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2 min", 120), (None, None),
])  # fmt: skip
def test_a_budget_is_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-3s", "1d", "1e3s"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(StudyError, match="write it as 90s, 30m or 2h"):
        seconds_of(text)
