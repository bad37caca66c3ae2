"""What people wait for: the seconds of whole studies, as `lab run` takes them.

One run measures, each in a process of its own with an empty results folder:
  cold      `lab run STUDY` with an empty cache of compiled programs, all lanes;
  warm      the same again;
  one lane  the same with one lane;
  adam      the same with Adam instead of the default recipe, as many steps;
and relates them: operations of the networks (`lab plan`) per second over NumPy's float32 peak on
all cores (product of 2048 × 2048), all lanes over one, the recipe over Adam, the seconds that `lab
plan` said over those that it took. Then the shares of one lane: groups of the first teacher in this
process, every compiled program waited for, and the steps again without Newton–Schulz.

    python benchmarks/study.py [--study width-exponent-small] [--set training.steps=1000 …]
                               [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

STUDIES = Path(__file__).parent.parent / "studies"
PARTS = {
    "batches": {"_fresh": "labelling", "_first": "labelling", "_pool": "labelling",
               "_clean": "labelling", "_noisy": "labelling", "batches": "labelling",
               "baseline": "evaluating"},
    "training": {"_evaluate": "evaluating", "_advance": "stepping", "_init_state": "starting"},
}  # fmt: skip


def peak() -> float:
    """FLOP/s of NumPy on all cores."""
    a = np.random.default_rng(0).random((2048, 2048), np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / statistics.median(times)


def lab(*arguments: str, cache: str) -> tuple[float, str]:
    """Seconds of one `lab` command, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments], check=True, capture_output=True, text=True,
        env={**os.environ, "LAB_CACHE": cache},
    )  # fmt: skip
    return time.perf_counter() - start, done.stdout + done.stderr


def shares(study: str, settings: list[str]) -> dict[str, float]:
    """Seconds of one lane by what it does, of the groups of the study's first teacher."""
    import jax

    import lab
    from lab.execution import compiled, engine, plan

    engine.configure(1)
    from lab.students import solvers

    spent: Counter[str] = Counter()
    counted = compiled.Compilations()

    def clocked(f: Any, part: str) -> Any:
        def call(*arguments: Any) -> Any:
            start, before = time.perf_counter(), counted.seconds
            found = jax.block_until_ready(f(*arguments))
            spent[part] += time.perf_counter() - start - (counted.seconds - before)
            return found

        return call

    for module, parts in PARTS.items():
        of = importlib.import_module(f"lab.students.{module}")
        for name, part in parts.items():
            setattr(of, name, clocked(getattr(of, name), part))
    runs = [p.run for p in lab.read(study, settings).plan if not p.check]
    groups = plan.groups(run for run in runs if run.task.teacher == 0)
    start = time.perf_counter()
    for group in groups:
        solvers.solve(group, tick=lambda steps: None)
    whole = time.perf_counter() - start
    spent["compiling"] = counted.seconds
    return {**spent, "tracing and the rest": whole - sum(spent.values()), "all": whole}


def without_newton_schulz() -> None:
    """Make Muon's step the momentum itself."""
    from lab.students import first_order

    first_order.orthogonalise = lambda m: m


def child(what: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Measure in a process of its own."""
    options = [word for s in arguments.set for word in ("--set", s)]
    out = subprocess.run(
        [sys.executable, __file__, "--child", what, "--study", arguments.study, *options],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return json.loads(out.strip().split("\n")[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--study", default="width-exponent-small")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json")
    parser.add_argument("--child")
    arguments = parser.parse_args()
    study = str(STUDIES / f"{arguments.study}.toml")
    if arguments.child:
        if arguments.child == "without":
            without_newton_schulz()
        print(json.dumps(shares(study, arguments.set)))
        return
    options = [word for s in arguments.set for word in ("--set", s)]
    cores = len(os.sched_getaffinity(0))
    found: dict[str, Any] = {"study": arguments.study, "set": arguments.set, "cores": cores}
    found["peak"] = peak()
    with tempfile.TemporaryDirectory() as folder:
        cache = f"{folder}/cache"

        def run(name: str, *more: str) -> float:
            seconds, said = lab("run", study, "--no-report", "--results", f"{folder}/{name}",
                                *options, *more, cache=cache)  # fmt: skip
            compiling = re.search(r"([\d.]+) s of compilation", said)
            print(f"{name:<9} {seconds:7.1f} s, of which {compiling[1] if compiling else '?'} "
                  "lane-seconds of compilation", flush=True)  # fmt: skip
            return seconds

        _, planned = lab("plan", study, "--json", "--results", f"{folder}/none", *options,
                         cache=cache)  # fmt: skip
        plan = json.loads(planned)
        found["flops"], found["planned"] = plan["flops"], plan["seconds"]
        found["planned_cold"] = plan["seconds"] + plan["compile_seconds"]
        found["cold"], found["warm"] = run("cold"), run("warm")
        found["one lane"] = run("one lane", "--lanes", "1")
        run("adam, cold", "--set", 'training.preset="adam"')
        found["adam"] = run("adam", "--set", 'training.preset="adam"')
    found["peak"] = statistics.median([found["peak"], peak(), peak()])
    found["shares"] = child("shares", arguments)
    stepping = found["shares"]["stepping"]
    found["shares"]["orthogonalising"] = stepping - child("without", arguments)["stepping"]
    for way in ("cold", "warm"):
        share = found["flops"] / found[way] / found["peak"]
        print(
            f"{way}: {share:.1%} of the peak of {found['peak'] / 1e9:.0f} GFLOP/s on {cores} cores"
        )
    print(f"all lanes are {found['one lane'] / found['warm']:.2f} × one lane; the default recipe "
          f"takes {found['warm'] / found['adam']:.2f} × Adam's time; lab plan said "
          f"{found['planned'] / found['warm']:.2f} × what it took, cold "
          f"{found['planned_cold'] / found['cold']:.2f} ×")  # fmt: skip
    whole = found["shares"]["all"]
    print("one lane: " + ", ".join(f"{part} {seconds / whole:.0%}" for part, seconds
                                   in found["shares"].items() if part != "all")
          + " (orthogonalising is part of stepping)")  # fmt: skip
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
