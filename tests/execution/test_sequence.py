"""A study that is run until it is decided: its looks, their errors, and what a kill leaves."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import dask_cluster
import numpy as np
import pytest

import lab
from lab.execution import listing, registration
from lab.execution.registration import registered
from lab.execution.store import Store
from lab.findings import provenance
from lab.mistakes import StudyError, seconds_of
from lab.regimes import axes
from lab.scaling.judge.calibration import (
    LOOKS,
    SIZES,
    Truth,
    level,
    level_between,
    looks,
    misspecified,
)
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
tolerance = 0.2
"""
UNDECIDABLE = STUDY.replace("tolerance = 0.2", "tolerance = 0.001")


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
    levels = [level(K, every, kept=SIZES) for K in every] + [level_between()]
    assert sum(1 - one for one in levels) == pytest.approx(0.05)
    assert sum(1 - level(K, every) for K in every) == pytest.approx(0.05)  # no sizes registered
    assert all(0.95 <= one < 1 for one in levels)
    with pytest.raises(ValueError, match="no look"):
        level(3, every)


@pytest.mark.parametrize("edge", [0.85, 1.15])
@pytest.mark.parametrize("common", [0.0, 0.05])
@pytest.mark.long
def test_wrong_verdicts_of_whole_sequences_are_at_most_one_in_forty(edge, common):
    """The exponent lies on the edge of what is allowed: either verdict is wrong."""
    truth = Truth(1.0, noise=0.1, spread=0.1, common=common)
    scans, x = 3000, np.geomspace(30, 1000, 13)
    losses = truth.simulate(x, LOOKS[-1], 1, scans, np.random.default_rng(0))
    low, high = 0.85 / edge, 1.15 / edge
    said = np.zeros(scans, int)
    every = [(K, 2, level(K, LOOKS, kept=SIZES)) for K in LOOKS] + [(LOOKS[-1], 1, level_between())]
    for K, step, sure in every:  # seven sizes, and at the last look those between
        e = estimates(np.log(x[::step])[None], losses[:, :K, ::step], level=sure)
        agrees = (e.lower >= low) & (e.upper <= high)
        contradicts = (e.upper < low) | (e.lower > high)
        said = np.where(said == 0, agrees - 1 * contradicts, said)
    for wrong in (1, -1):
        assert np.mean(said == wrong) <= 0.025 + 3 * np.sqrt(0.025 / scans)


def test_it_ends_at_the_look_that_decides_and_the_next_run_has_nothing_to_do(file):
    done = run(file)
    count, sure, kept, found = state(file)
    assert kept[0].looks == LOOKS and kept[0].between and count in LOOKS
    assert sure == level(count, LOOKS, kept=SIZES)
    (point,) = found.points
    assert point.fitted.teachers == count and point.runs.missing == 0
    assert point.verdict == "agrees"
    told = provenance.paragraph(found.answers[0].record)
    assert "registered to be looked at with 4, 8, 16, 32 teachers" in told
    assert "and then with a size between every two" in told
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


@pytest.mark.long
def test_a_budget_that_is_spent_leaves_it_undecided_and_the_next_goes_on(file):
    file.write_text(UNDECIDABLE)
    first = run(file, seconds=0.0)
    assert not first.interrupted
    count, sure, _, found = state(file)
    assert (count, sure) == (4, level(4, LOOKS, kept=SIZES))
    assert found.points[0].verdict == "undecided"
    run(file)
    count, sure, kept, found = state(file)
    assert (count, sure, len(kept)) == (32, level_between(), 1)
    assert [*found.points[0].exponent.x] == [16, 23, 32, 45, 64, 91, 128, 181, 256]
    assert found.points[0].verdict == "undecided" and found.points[0].doubts


def started(folder, *engine, **environment):
    """The study in a folder, run until it is decided by an engine, as a process of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "s.toml").write_text(UNDECIDABLE)
    return subprocess.Popen(
        [sys.executable, "-m", "lab", "run", "s.toml", "--until-decided", "--no-report", *engine],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(dask_cluster.ROOT), **environment},
    )  # fmt: skip


def come_to(folder):
    """The look, its level, all losses, and what was registered."""
    with Store.read(folder / "results/s") as store:
        now = registration.reached(lab.read(folder / "s.toml"), store)
        rows = store.rows(p.run.fingerprint() for p in now.plan)
        kept = [replace(one, time=0.0, argv=()) for one in registered(store)]
    return now.task.count, now.level, {k: row.loss for k, row in rows.items()}, kept


def stored(folder):
    with Store.read(folder / "results/s") as store:
        return len(store.states())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the sequence comes to that nobody kills."""
    folder = tmp_path_factory.mktemp("whole")
    assert started(folder, "--engine", "threads", "--lanes", "1").wait(300) == 0
    return come_to(folder)


@contextmanager
def engine(name, folder):
    """The words of the command, and the environment, that train by this engine."""
    if name == "dask":
        with dask_cluster.scheduler(folder) as address, dask_cluster.workers(folder, 1):
            yield ["--engine", "dask", "--scheduler", address], {}
    elif name == "slurm":
        yield ["--engine", "slurm", "--workers", "1"], dask_cluster.slurm(folder)
        for job in (folder / "sent").read_text().split():  # those of the driver that was killed
            with suppress(ProcessLookupError):
                os.killpg(int(job), signal.SIGKILL)
    else:
        yield ["--engine", name, "--lanes", "1"], {}


@pytest.mark.long
@pytest.mark.parametrize("name", ["threads", "processes", "dask", "slurm"])
def test_a_killed_sequence_comes_to_the_same_looks_and_table(name, whole, tmp_path):
    killed = tmp_path / "killed"
    with engine(name, tmp_path) as (words, environment):
        child = started(killed, *words, **environment)
        while child.poll() is None and not stored(killed) > 5 * LOOKS[0]:  # in a later look
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(60)
        assert 0 < stored(killed) < 9 * LOOKS[-1]
        assert started(killed, *words, **environment).wait(300) == 0
    assert come_to(killed) == whole and whole[0] == LOOKS[-1]


def test_sizes_between_change_neither_the_range_nor_a_run_nor_its_exponent(file):
    study = lab.read(file).looked(32, 0.98)
    more = study.denser(0.99)
    assert (more.level, more.task.count) == (0.99, 32)
    assert more.data.sizes == (16, 23, 32, 45, 64, 91, 128, 181, 256)
    assert {p.run.fingerprint() for p in study.plan} < {p.run.fingerprint() for p in more.plan}
    for truth in misspecified(Truth(1.0)).values():
        for x in (np.geomspace(10, 100, 5), np.geomspace(10, 1000, 9)):
            between = np.unique([*x, *np.sqrt(x[1:] * x[:-1])])
            assert truth.slope(between) == pytest.approx(truth.slope(x), abs=0.005)


def test_sizes_lie_between_widths_of_layers_too_and_not_between_neighbours():
    assert axes.denser((8, 9, 32)) == (8, 9, 17, 32)
    assert axes.denser(((4, 9), (16, 4))) == ((4, 9), (8, 6), (16, 4))
    assert axes.denser((2, 3)) == (2, 3) and axes.denser(()) == ()


def test_a_sequence_that_registered_no_sizes_gets_none(file):
    with Store.write(Path("results/s")) as store:
        registration.register(lab.read(file), store, 1.0, LOOKS)
        (kept,) = registered(store)
        old = replace(kept, between=False)
        assert "between" not in old.text() and "between" in kept.text()
        every = registration.looks_of(lab.read(file), old)
    assert [one.task.count for one in every] == [*LOOKS]
    assert [one.level for one in every] == [level(K, LOOKS) for K in LOOKS]


@pytest.mark.parametrize("text, seconds", [
    ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2 min", 120), (None, None),
])  # fmt: skip
def test_a_budget_is_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-3s", "1d", "1e3s"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(StudyError, match="write it as 90s, 30m or 2h"):
        seconds_of(text)
