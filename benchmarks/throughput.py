"""µs per student-step and GFLOP/s of the lab, against what a user would write instead.

One run measures, interleaved and in medians:
  peak     NumPy float32 matrix product 2048³, all cores (GFLOP/s);
  lab      the lab's own training program on one lane per core (`descent.training._advance`);
  one lane the same on a single lane;
  wide     one program whose XLA uses all cores, the usual way to run JAX;
  torch    a plain PyTorch loop, one student at a time (only if torch is importable).
The student is [20, n, n, 1], batch 200, Adam, float32; labels of the shared teacher (2 × 96) are
made once per group of 64 students and are part of the time. FLOPs: 6 per weight and sample, and 4
in the first layer, whose inputs need no gradient.

    python benchmarks/throughput.py [--students 64] [--steps 400] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

BATCH, D_AMB, WIDTHS = 200, 20, (8, 16, 32, 64)
ORIGINAL = {8: 177, 16: 257, 32: 268, 64: 456}
"""µs per student-step of the implementation of Sharma & Kaplan (2020), measured once on two cores
of the same kind; not measured here."""


def flop(n: int) -> float:
    return BATCH * (4.0 * D_AMB * n + 6.0 * (n * n + n))


def peak() -> float:
    a = np.random.default_rng(0).random((2048, 2048), np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / statistics.median(times) / 1e9


def measure_lab(students: int, steps: int, lanes: int, repeats: int = 3) -> dict[int, float]:
    """Wall µs per student-step: every lane trains `students` students that share one teacher."""
    from lab.config import study
    from lab.execution import engine
    from lab.execution.plan import MOST_SEEDS
    from lab.spec import Group

    engine.configure()
    from lab.students import training

    parts = [tuple(range(i, min(i + MOST_SEEDS, students))) for i in range(0, students, MOST_SEEDS)]

    found = study.validate(
        {
            "schema": 1, "question": "How fast?", "regime": "resolution-width",
            "task": {"manifold": {"kind": "cube", "dim": 4},
                     "embedding": {"kind": "features", "ambient": D_AMB},
                     "teacher": {"widths": [96, 96], "count": lanes}},
            "student": {"widths": list(WIDTHS), "seeds": students},
            "training": {"preset": "adam", "batch": BATCH, "steps": steps},
        }
    )  # fmt: skip
    runs = [p.run for p in found.plan if not p.check]
    tasks = list(dict.fromkeys(r.task for r in runs))
    times = {}
    with ThreadPoolExecutor(lanes) as pool:
        for student in dict.fromkeys(r.student for r in runs):

            def train(task, student=student, steps=steps):
                recipe = runs[0].training
                some = recipe.scaled(steps / recipe.steps)
                group = Group((task,), tuple((student, None, p) for p in parts), some, 0)
                training.train(group)

            def clock(steps, train=train):
                start = time.perf_counter()
                list(pool.map(lambda task: train(task, steps=steps), tasks))
                return time.perf_counter() - start

            clock(training.CHUNK)  # compiles
            more = steps * WIDTHS[-1] // student.widths[0]  # as much work at every width
            # Start-up, test set and evaluation cost the same in both and cancel; at most one more
            # evaluation stays in, which counts against the lab.
            laps = [clock(more + training.CHUNK) - clock(training.CHUNK) for _ in range(repeats)]
            times[student.widths[0]] = statistics.median(laps) / more / students / len(tasks) * 1e6
    return times


def measure_torch(steps: int) -> dict[int, float]:
    import torch

    times = {}
    for n in WIDTHS:
        teacher = torch.nn.Sequential(
            torch.nn.Linear(D_AMB, 96), torch.nn.ReLU(), torch.nn.Linear(96, 96),
            torch.nn.ReLU(), torch.nn.Linear(96, 1),
        )  # fmt: skip
        student = torch.nn.Sequential(
            torch.nn.Linear(D_AMB, n), torch.nn.ReLU(), torch.nn.Linear(n, n), torch.nn.ReLU(),
            torch.nn.Linear(n, 1),
        )  # fmt: skip
        rule = torch.optim.Adam(student.parameters(), lr=1e-3)

        def step(student=student, teacher=teacher, rule=rule):
            x = torch.rand(BATCH, D_AMB) - 0.5
            with torch.no_grad():
                y = teacher(x)
            rule.zero_grad()
            torch.nn.functional.mse_loss(student(x), y).backward()
            rule.step()

        laps = []
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(steps):
                step()
            laps.append((time.perf_counter() - start) / steps * 1e6)
        times[n] = statistics.median(laps)
    return times


def child(what: str, arguments: argparse.Namespace) -> dict[int, float]:
    """Measure in a process of its own: the number of XLA's threads is fixed when it starts."""
    env = {**os.environ, "NPROC": str(os.cpu_count())} if what == "wide" else None
    out = subprocess.run(
        [sys.executable, __file__, "--child", what, "--students", str(arguments.students),
         "--steps", str(arguments.steps)],
        check=True, capture_output=True, text=True, env=env,
    ).stdout  # fmt: skip
    return {int(n): t for n, t in json.loads(out.strip().split("\n")[-1]).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=64)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--json")
    parser.add_argument("--child")
    arguments = parser.parse_args()
    cores = os.cpu_count() or 1
    if arguments.child == "torch":
        print(json.dumps(measure_torch(300)))
        return
    if arguments.child:
        lanes = cores if arguments.child == "lab" else 1
        print(json.dumps(measure_lab(arguments.students, arguments.steps, lanes)))
        return
    results: dict = {"cores": cores, "students": arguments.students, "peak": peak()}
    print(f"{cores} cores, NumPy float32 peak {results['peak']:.0f} GFLOP/s, groups of "
          f"{arguments.students} students", flush=True)  # fmt: skip
    ways = ["lab", "one lane", "wide"]
    try:
        import torch  # noqa: F401

        ways.append("torch")
    except ImportError:
        print("torch is not installed: no comparison with a plain PyTorch loop")
    for way in ways:
        results[way] = child(way, arguments)
    results["peak"] = statistics.median([results["peak"], peak(), peak()])
    columns = "".join(f"{way:>12}" for way in ways)
    print(f"{'n':>4}{columns}   µs per student-step;  lab: GFLOP/s, of peak, "
          "× one lane, × wide" + (", × torch" if "torch" in ways else "")
          + ", × original (quoted)")  # fmt: skip
    for n in WIDTHS:
        us = results["lab"][n]
        rate = flop(n) / us / 1e3
        ratios = [results[way][n] / us for way in ways[1:]] + [ORIGINAL[n] / us]
        print(f"{n:>4}" + "".join(f"{results[way][n]:>12.2f}" for way in ways)
              + f"   {rate:.0f}, {rate / results['peak']:.0%}, "
              + ", ".join(f"{r:.1f}×" for r in ratios))  # fmt: skip
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
