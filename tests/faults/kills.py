"""Kill -9 at random moments: what is left of a run of a study, and what it comes to in the end.

A `lab run` is started as a user starts it, one of its processes is killed, and the run is started
again until it is done. After every kill no row that anybody could read before is lost or changed,
and the store is sound; in the end the exported table is byte for byte that of the undisturbed run.

    python tests/faults/kills.py --kills 100            every engine and target, minutes to hours
    python tests/faults/kills.py --kills 5 --seed 1     the same moments again

Moments are drawn from a seed: half of them from the whole length of a run, half just after a row
was stored, when the next is on its way. What the clock and the scheduler of the machine make of
them differs from run to run.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUDY = """
schema = 1
question = "Does a killed run lose anything?"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [16, 16], count = 4 }
[student]
widths = [3, 4, 5]
seeds = 1
[[panel]]
title = "last steps"
regime = "resolution-width"
training = { preset = "adam", steps = 1500, batch = 32, checkpoints = "log:6" }
evidence = { share = 0.0 }
[[panel]]
title = "branches"
regime = "learning-curve"
task = { teacher = { count = 1 } }
student = { activation = "tanh" }
training = { preset = "adam", schedule = "constant", steps = 800, checkpoints = "log:6" }
curve = { decay = 0.2 }
prediction = { quantity = "alpha_S", value = 1 }
"""
RUNS = 33
PATIENCE = 600.0
"""Seconds after which a run that does not end is a failure."""
AFTER_A_ROW = 0.2
"""Seconds that a kill comes at most after a row."""
ORPHANED = 5.0
"""Seconds that a worker may live without its driver."""
Rows = dict[str, tuple]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """A way to run a study: options of `lab run`, and which of its processes may be killed."""

    options: tuple[str, ...]
    targets: tuple[str, ...] = ("driver",)
    cluster: bool = False


ENGINES = {
    "processes": Engine(("--engine", "processes", "--lanes", "2"), ("driver", "worker")),
    "threads": Engine(("--engine", "threads", "--lanes", "2")),
    "dask": Engine(("--engine", "dask"), ("driver", "worker", "scheduler"), cluster=True),
}


class Cluster:
    """What a run needs besides itself: a Dask scheduler and two workers, or nothing."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder, self.engine, self.options = folder, engine, engine.options
        self._stack = contextlib.ExitStack()
        self._started = 0

    def __enter__(self) -> Cluster:
        if self.engine.cluster:
            import dask_cluster

            self._started += 1
            folder = self.folder / f"cluster-{self._started}"
            folder.mkdir(parents=True)
            address = self._stack.enter_context(dask_cluster.scheduler(folder))
            self._stack.enter_context(dask_cluster.workers(folder, 2))
            self.options = (*self.engine.options, "--scheduler", address)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def renew(self) -> None:
        """Start it again."""
        self.__exit__()
        self.__enter__()

    def pids(self, target: str, driver: subprocess.Popen) -> list[int]:
        """The processes of a kind."""
        if target == "driver":
            return [driver.pid] if driver.poll() is None else []
        if not self.engine.cluster:
            return offspring(driver.pid)
        kind = {"worker": "spawn_main", "scheduler": "--scheduler-file"}[target]
        mine = set(offspring(os.getpid())) - {*offspring(driver.pid)}
        said = {pid: command(pid) for pid in mine}
        return [pid for pid, text in said.items() if kind in text and
                (target == "worker" or " scheduler " in text)]  # fmt: skip


@dataclass
class Report:
    """What a series of kills came to."""

    kills: int = 0
    runs: int = 0
    whole: int = 0
    wrong: list[str] = field(default_factory=list)


def start(cwd: Path, options: tuple[str, ...]) -> subprocess.Popen:
    """A `lab run`, as a user starts it."""
    with (cwd / "errors.txt").open("w") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "lab", "run", "s.toml", "--no-report", *options],
            cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip


def offspring(pid: int) -> list[int]:
    """The processes that this one started, and theirs, by /proc."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):  # gone meanwhile
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def command(pid: int) -> str:
    """What a process was started as."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(bytes(1), b" ").decode()
    except OSError:
        return ""


def stored(cwd: Path, folder: Path = Path("results/s")) -> Rows:
    """Every row that a reader sees: its status, loss and observations, by fingerprint."""
    file = cwd / folder / "lab.db"
    if not file.exists():
        return {}
    db = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        rows = db.execute(
            "SELECT fingerprint, status, loss, trajectory, finished, (SELECT "
            "json_group_array(json_array(step, split, loss)) FROM observations WHERE run = "
            "fingerprint) FROM runs"
        ).fetchall()
    except sqlite3.OperationalError:  # before its tables are made
        return {}
    finally:
        db.close()
    return {key: tuple(rest) for key, *rest in rows}


def sound(cwd: Path, folder: Path = Path("results/s")) -> bool:
    """Whether SQLite finds nothing wrong with the store."""
    file = cwd / folder / "lab.db"
    if not file.exists():
        return True
    db = sqlite3.connect(file, timeout=30)
    try:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        db.close()


def table(cwd: Path) -> bytes:
    """The exported table, without the seconds that every run took, and without the commit of a
    checkout that may be edited meanwhile."""
    import lab
    from lab.execution import listing

    columns = lab.load(cwd / "s.toml", cwd / "results")
    listing.write(columns.drop(columns=["seconds", "git"]), cwd / "table.csv")
    seen = lab.load(cwd / "s.toml", cwd / "results", observations=True)
    del seen["seconds"]
    listing.write(seen, cwd / "observations.csv")
    return (cwd / "table.csv").read_bytes() + (cwd / "observations.csv").read_bytes()


def fresh(cwd: Path) -> Path:
    """A folder with the study alone."""
    shutil.rmtree(cwd, ignore_errors=True)
    cwd.mkdir(parents=True)
    (cwd / "s.toml").write_text(STUDY)
    return cwd


def undisturbed(cwd: Path, options: tuple[str, ...]) -> tuple[bytes, float]:
    """The table of a run that nothing disturbs, and the seconds of another, of warm caches."""
    for _ in range(2):
        begun = time.perf_counter()
        child = start(fresh(cwd), options)
        assert child.wait(PATIENCE) == 0, (cwd / "errors.txt").read_text()
        took = time.perf_counter() - begun
    return table(cwd), took


def moment(rng: random.Random, child: subprocess.Popen, cwd: Path, seconds: float) -> None:
    """Wait until the run is to be hit, or is over."""
    begun, before = time.perf_counter(), len(stored(cwd))
    by_row = rng.random() < 0.5
    delay = rng.uniform(0, AFTER_A_ROW if by_row else seconds)
    while by_row and child.poll() is None and len(stored(cwd)) == before:
        time.sleep(0.02)
        if time.perf_counter() - begun > PATIENCE:
            return
    end = time.perf_counter() + delay
    while child.poll() is None and time.perf_counter() < end:
        time.sleep(0.01)


def compared(before: Rows, after: Rows) -> list[str]:
    """What was lost or changed, in words. A failed row may give way to another try."""
    kept = {key: row for key, row in before.items() if row[0] != "failed"}
    return [
        f"row {key[:8]} is {'lost' if key not in after else 'another'}"
        for key, row in kept.items()
        if after.get(key) != row
    ]


def rounds(
    cwd: Path, engine: Engine, target: str, kills: int, seed: int, say: Say = lambda text: None
) -> Report:
    """Kill so many processes of this kind, in as many runs of the study as that takes."""
    with Cluster(cwd, engine) as cluster:
        return _rounds(cwd, cluster, target, kills, random.Random(f"{target} {seed}"), say)


def _rounds(
    cwd: Path, cluster: Cluster, target: str, kills: int, rng: random.Random, say: Say
) -> Report:
    report = Report()
    expected, seconds = undisturbed(cwd / "whole", cluster.options)
    at = fresh(cwd / "killed")
    tries = 0
    while report.kills < kills and not report.wrong:
        child = start(at, cluster.options)
        report.runs += 1
        while child.poll() is None:
            moment(rng, child, at, seconds)
            if not (pids := cluster.pids(target, child)):
                continue
            before, workers = stored(at), offspring(child.pid)
            try:
                os.kill(rng.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                continue
            report.kills += 1
            if target == "driver":
                child.wait(PATIENCE)
                report.wrong += orphans(workers)
            report.wrong += compared(before, stored(at))
            if not sound(at):
                report.wrong.append("the store is not sound")
            say(f"{target}: {report.kills} kills, {len(before)} of {RUNS} rows stored")
            if target == "scheduler" or report.kills >= kills:
                break
        code, tries = child.wait(PATIENCE), tries + 1
        errors = (at / "errors.txt").read_text()
        if any(word in errors for word in ("Traceback", "FATAL", "terminate called")):
            report.wrong.append(errors)
        if target == "scheduler":
            cluster.renew()
        if code not in (0, 3, 2 if target == "scheduler" else 0, -signal.SIGKILL):
            report.wrong.append(f"ended with code {code}: {errors}")
        if code == 0:
            tries = 0
            report.wrong += finished(at, expected)
            report.whole += 1
            at = fresh(at)
        if tries > 50:
            report.wrong.append("50 tries and no end")
    if not report.wrong:
        for _ in range(5):
            if (code := start(at, cluster.options).wait(PATIENCE)) == 0:
                break
        report.wrong += finished(at, expected) if code == 0 else [f"ends with code {code}"]
        report.whole += 1
    return report


def finished(cwd: Path, expected: bytes) -> list[str]:
    """What is wrong with a run that is done, in words."""
    wrong = [] if sound(cwd) else ["the store is not sound"]
    found = table(cwd)
    return (
        wrong if found == expected else [*wrong, f"another table: {_differences(found, expected)}"]
    )


def _differences(found: bytes, expected: bytes) -> str:
    """The columns in which two tables differ, and their lengths."""
    ours, theirs = (list(csv.DictReader(io.StringIO(t.decode()))) for t in (found, expected))
    pairs = list(zip(ours, theirs, strict=False))
    names = [name for name in theirs[0] if any(a[name] != b[name] for a, b in pairs)]
    return f"{len(ours)} rows for {len(theirs)}, others in {', '.join(names)}"


def orphans(pids: list[int]) -> list[str]:
    """Which of these processes outlive their driver by more than ORPHANED; they are ended here."""
    end = time.perf_counter() + ORPHANED
    while (left := [pid for pid in pids if living(pid)]) and time.perf_counter() < end:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return [f"process {pid} outlives its driver" for pid in left]


def living(pid: int) -> bool:
    """Whether a process computes, or could."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main() -> None:
    """Every engine and target, told as it goes; exit code 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="of each engine and target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=ENGINES, action="append")
    asked = parser.parse_args()
    wrong = False
    for name in asked.engine or ENGINES:
        engine = ENGINES[name]
        for target in engine.targets:
            with tempfile.TemporaryDirectory(prefix="lab-faults-") as folder:
                begun = time.perf_counter()
                found = rounds(Path(folder), engine, target, asked.kills, asked.seed,
                               lambda text: print(f"  {text}", flush=True))  # fmt: skip
            wrong |= bool(found.wrong)
            print(
                f"{name}, {target}: {found.kills} kills in {found.runs} runs, {found.whole} tables "
                f"compared, {time.perf_counter() - begun:.0f} s: "
                f"{'; '.join(found.wrong) or 'nothing lost'}",
                flush=True,
            )
    raise SystemExit(wrong)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]
    main()
