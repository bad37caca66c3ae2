"""Seconds of one lane until a student reaches a given loss, for each training preset.

Two problems: d = 4, n = 27, relative loss 2e-3, and d = 2, n = 20, 1.5e-5; teachers 2 × 96 without
biases on the cube, several teachers and seeds. A schedule ends at its last step, so a preset is run
at budgets that double; the seconds are where the line through (log seconds, log loss) of
neighbouring budgets crosses the target. Loss: geometric mean over students. Seconds: training
alone, compilation excluded, per student, on one lane with nothing else running.

    python benchmarks/time_to_loss.py [--presets default,adam] [--teachers 4] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import time

from lab.config import study
from lab.execution import engine
from lab.spec import Group
from lab.tables.training import PRESETS

PROBLEMS = (
    {"dim": 4, "width": 27, "target": 2e-3, "first": 500},
    {"dim": 2, "width": 20, "target": 1.5e-5, "first": 4000},
)
DOUBLINGS = 6
SEEDS = 2


def curve(problem: dict, recipe: dict, teachers: int) -> list[tuple[float, float, int]]:
    """(seconds per student, loss, steps) at budgets that double, until the target is passed."""
    from lab.students import training

    found = []
    for k in range(DOUBLINGS):
        steps = problem["first"] * 2**k
        if recipe.get("optimiser") == "lbfgs":
            steps = max(10, steps // 100)
        lab = study.validate(
            {
                "schema": 1, "question": "How long?", "regime": "resolution-width",
                "task": {"manifold": {"kind": "cube", "dim": problem["dim"]},
                         "teacher": {"widths": [96, 96], "count": teachers}},
                "student": {"widths": [problem["width"] + i for i in range(3)], "seeds": SEEDS},
                "training": {**recipe, "steps": steps}, "evidence": {"share": 0.0},
            }
        )  # fmt: skip
        run = lab.plan[0].run
        tasks = list(dict.fromkeys(p.run.task for p in lab.plan))
        logs, seconds = [], 0.0
        for i, task in enumerate(tasks):
            group = Group((task,), ((run.student, None, tuple(range(SEEDS))),), run.training, 0)
            if i == 0 and k == 0:
                training.train(group)  # compiles
            start = time.perf_counter()
            results = training.train(group)
            seconds += time.perf_counter() - start
            logs += [math.log(r.relative) for r in results]
        found.append((seconds / len(logs), math.exp(sum(logs) / len(logs)), steps))
        if found[-1][1] < problem["target"]:
            break
    return found


def crossing(found: list[tuple[float, float, int]], target: float) -> float | None:
    """Seconds at which the loss passes the target; None if it never does."""
    if found[-1][1] > target:
        return None
    if len(found) == 1:
        return found[0][0]
    (s0, l0, _), (s1, l1, _) = found[-2:]
    share = (math.log(l0) - math.log(target)) / (math.log(l0) - math.log(l1))
    return math.exp(math.log(s0) + share * (math.log(s1) - math.log(s0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--presets", default="default,adam,adam-cosine,muon-lbfgs,sgd")
    parser.add_argument("--teachers", type=int, default=4)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    engine.configure()
    results: dict = {}
    for problem in PROBLEMS:
        print(f"d = {problem['dim']}, n = {problem['width']}, relative loss {problem['target']:g}")
        for preset in arguments.presets.split(","):
            recipe = {k: v for k, v in PRESETS[preset].items() if k != "steps"}
            found = curve(problem, recipe, arguments.teachers)
            seconds = crossing(found, problem["target"])
            results[f"d={problem['dim']} {preset}"] = {"seconds": seconds, "curve": found}
            shown = f"{seconds:.2f} s" if seconds else "not reached"
            path = "  ".join(f"{steps}: {loss:.1e} ({s:.2f} s)" for s, loss, steps in found)
            print(f"  {preset:12} {shown:>12}   steps: loss (seconds)  {path}", flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
