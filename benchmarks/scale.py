"""Seconds and memory of the verbs that read a study, against the number of its planned runs.

One run makes, for each number of runs, a study of that many and a store that has all of them:
nothing is trained, the losses are a power law with noise, the learning curves are as long as those
of a training. Then it measures each verb in a process of its own, start and imports included:

  wall     seconds on the clock;
  CPU      user and system seconds, which another program on the machine disturbs less;
  memory   the most that was resident, in MiB.

`report` writes tables, figures and the page. A verb whose cost is linear in the runs takes at most
ten times as long from one line to the next.

    python benchmarks/scale.py [--runs 1000 10000 100000] [--verbs check plan …] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

VERBS = ("check", "plan", "status", "fit", "report")
GRIDS = (
    # dims, teachers' widths, activations and biases, number of teachers: about 10³, 10⁴, 10⁵ runs
    (1_000, [2, 3, 4], [[96, 96]], ["relu"], [0.0], 11),
    (10_000, [2, 3, 4, 6], [[96, 96]], ["relu", "tanh"], [0.0, 0.5], 21),
    (100_000, [2, 3, 4, 5, 6, 8, 10, 12], [[96, 96], [512]], ["relu", "tanh"], [0.0, 0.5], 52),
)
"""Ten widths and two seeds, and half and twice the steps of a quarter of the teachers beside."""
STEPS = (400, 600, 800, 1200, 1800, 2400, 3600, 5000, 7000, 10000, 14200, 20000)
"""Of the points of a learning curve."""
GROUP = 20
"""Rows that were committed together, with one time."""


def study(dims: list, widths: list, activations: list, biases: list, teachers: int) -> str:
    """The text of a study file."""
    return f"""schema = 1
question = "Does a store of many runs answer quickly?"
regime = "resolution-width"

[task]
manifold = {{ kind = "cube", dim = {dims} }}

[task.teacher]
widths = {widths}
activation = {json.dumps(activations)}
bias = {biases}
count = {teachers}

[student]
kind = "mlp"
depth = 2
widths = [6, 8, 10, 12, 15, 18, 21, 26, 32, 40]
seeds = 2

[training]
steps = 20_000

[prediction]
exponent = "4/d"
sense = "bound"
"""


def rows(found) -> Iterator:
    """A finished row of every planned run: L = c N^(−4/d), with noise and a learning curve."""
    from lab.execution.store import Row

    rng = np.random.default_rng(0)
    made = {"device": "cpu (2 cores)", "dtype": "float32", "jax": "0.10.2", "lab": "0.1.0",
            "git": "0" * 12, "numpy": np.__version__}  # fmt: skip
    for i, planned in enumerate(found.plan):
        run = planned.run
        hardness = np.exp(0.3 * np.sin(7.0 * run.task.teacher + run.task.dim))
        loss = float(hardness * run.N ** (-4 / run.task.dim) * np.exp(0.1 * rng.normal()))
        scale = run.training.steps / STEPS[-1]
        curve = tuple((round(s * scale), loss * (STEPS[-1] / s) ** 0.3) for s in STEPS)
        yield Row(run.fingerprint(), run.canonical(), "done", run.N, loss, loss, curve[-1][0],
                  curve, None, 0.5 + i // GROUP * 1e-3, GROUP,
                  {**made, "finished": 1.7e9 + i // GROUP})  # fmt: skip


def make(folder: Path, text: str) -> int:
    """Write study and store into a folder; returns the number of runs."""
    from lab.config import study as studies
    from lab.execution.store import Store

    file = folder / "scale.toml"
    file.write_text(text, encoding="utf-8")
    found = studies.read(file)
    some = rows(found)
    with Store.write(folder / "results" / "scale") as store:
        while part := list(islice(some, 5_000)):
            store.add(part)
    return len(found.plan)


def measure(verb: str, folder: Path) -> dict[str, float]:
    """Seconds and MiB of one verb in a process of its own, the better of two."""
    return min((_once(verb, folder) for _ in range(2)), key=lambda found: found["cpu"])


def _once(verb: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "lab", verb, str(folder / "scale.toml")]
    if verb != "check":
        command += ["--results", str(folder / "results")]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said,
                                   env={**os.environ, "PYTHONPATH": os.getcwd()})  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        said.seek(0)
        if process.returncode:
            raise SystemExit(f"lab {verb} failed:\n{said.read().decode()}")
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[size for size, *_ in GRIDS],
                        choices=[size for size, *_ in GRIDS])  # fmt: skip
    parser.add_argument("--verbs", nargs="+", default=VERBS, choices=VERBS)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    found = []
    print(f"{'runs':>7s}  {'verb':8s} {'wall':>7s} {'CPU':>7s} {'memory':>9s}", flush=True)
    for size, *grid in GRIDS:
        if size not in asked.runs:
            continue
        with tempfile.TemporaryDirectory() as folder:
            runs = make(Path(folder), study(*grid))
            for verb in asked.verbs:
                seen = {"runs": runs, "verb": verb, **measure(verb, Path(folder))}
                found.append(seen)
                print("{runs:7d}  {verb:8s} {wall:5.2f} s {cpu:5.2f} s {memory:5.0f} MiB".format(
                    **seen), flush=True)  # fmt: skip
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
