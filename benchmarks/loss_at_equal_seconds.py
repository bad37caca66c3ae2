"""Loss that each training preset reaches in the same seconds of one lane, and a plain loop beside.

Problems: spheres of d = 2, 4, 8, one layer of 512 ReLU units with biases as teacher, students of
two hidden layers. The seconds are those that the first preset takes for its own steps; every other
one gets as many steps, under its own schedule, as fit into them by laps of a few hundred steps
that were run in turn before. Seconds are CPU time of this process, compilation aside, a student's
share of a group of SEEDS, so that what else the machine does hardly matters. Loss: relative,
geometric mean over teachers and seeds.

plain: what a user would write, one student at a time, Adam with a rate that falls to 0: a PyTorch
loop where torch is installed, else the same loop in optax, one compiled step a batch; its batches
are 800 that were labelled before, so that labels cost it nothing.

With --until K it gets 2, 4, … K times the seconds, until its loss is that of the first preset.

    python benchmarks/loss_at_equal_seconds.py [--presets thorough,muon-20k,adam] [--dims 2,4,8]
        [--width 32] [--teachers 2] [--share 1.0] [--until 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from lab.config import study
from lab.execution import engine
from lab.spec import Group, TrainingSpec
from lab.tables.training import PRESETS, Training

SEEDS = 2
LAP, LAPS = 600, 3
PLAIN_RATE = 1e-2
"""The best of .001, .003 and .01 at width 32, d = 2."""


def problem(d: int, width: int, teachers: int) -> tuple[list, Any]:
    """The tasks of one dimension, and the student."""
    found = study.validate(
        {
            "schema": 1, "question": "Which loss?", "regime": "resolution-width", "seed": 1,
            "task": {"manifold": {"kind": "sphere", "dim": d},
                     "teacher": {"widths": [512], "bias": 0.5, "count": teachers}},
            "student": {"widths": [width + i for i in range(3)]}, "evidence": {"share": 0.0},
        }
    )  # fmt: skip
    return list(dict.fromkeys(p.run.task for p in found.plan)), found.plan[0].run.student


def trained(task: Any, student: Any, recipe: TrainingSpec) -> tuple[float, list[float]]:
    """CPU seconds of a student and the losses of SEEDS of them."""
    from lab.students import training

    start = time.process_time()
    results = training.train(Group((task,), ((student, None, tuple(range(SEEDS))),), recipe, 1))
    return (time.process_time() - start) / SEEDS, [r.relative for r in results]


def with_steps(recipe: TrainingSpec, steps: int) -> TrainingSpec:
    return recipe.scaled(max(steps, 200) / recipe.steps)


def paces(task: Any, student: Any, recipes: dict[str, TrainingSpec]) -> dict[str, float]:
    """CPU seconds of a step of each recipe, the least of some laps in turn, start-up left out."""
    laps: dict[str, list[float]] = {name: [] for name in recipes}
    for lap in range(LAPS + 1):
        for name, recipe in recipes.items():
            short = replace(recipe, polish=0)
            few, many = (trained(task, student, with_steps(short, n))[0] for n in (200, 200 + LAP))
            if lap:  # the first one compiles
                laps[name].append((many - few) / LAP)
    return {name: min(some) for name, some in laps.items()}


def plain(task: Any, student: Any, seconds: float) -> tuple[str, float, int]:
    """Its name, the loss after so many seconds of its loop, and the steps that were in them."""
    from lab.students import batches, training

    group = Group((task,), ((student, None, (0,)),), Training().resolved(), 1)
    given = batches.batch_source(group)
    data = [given.fresh(start, 128) for start in (0, 200, 400, 600)]
    x, y = (np.concatenate([np.asarray(part[i][0]) for part in data]) for i in (0, 1))
    x, test = x / float(given.rms[0]), [np.asarray(part[0]) for part in given.test]
    torch = importlib.util.find_spec("torch") is not None
    loop = (_torch if torch else _optax)(student.widths[0], x.shape[1])
    pace = min(loop(x, y, 400, None) for _ in range(LAPS)) / 400
    steps = max(int(seconds / pace), 1)
    found = loop(x, y, steps, (test[0] / float(given.rms[0]), test[1]))
    base = float(training.baseline(given.loss, given.power, given.test[1])[0])
    return ("plain PyTorch" if torch else "plain optax"), found / base, steps


def _optax(width: int, D_amb: int) -> Any:
    """loop(x, y, steps, test): CPU seconds of the steps, or the mean square on a test set."""
    import jax
    import jax.numpy as jnp
    import optax

    sizes = [D_amb, width, width, 1]
    keys = jax.random.split(jax.random.key(0), 3)
    first = [(jax.random.normal(k, (n, m)) * (2 / m) ** 0.5, jnp.zeros((n, 1)))
             for k, m, n in zip(keys, sizes, sizes[1:], strict=False)]  # fmt: skip

    def answer(p: Any, x: Any) -> Any:
        for W, b in p[:-1]:
            x = jax.nn.relu(W @ x + b)
        return p[-1][0] @ x + p[-1][1]

    def loop(x: Any, y: Any, steps: int, test: Any) -> float:
        rule = optax.adam(optax.linear_schedule(PLAIN_RATE, 0.0, steps))

        @jax.jit
        def step(p: Any, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
            gradient = jax.grad(lambda p: jnp.mean((answer(p, x) - y) ** 2))(p)
            with jax.numpy_dtype_promotion("standard"):
                updates, state = rule.update(gradient, state)
            return optax.apply_updates(p, updates), state

        p, state = first, rule.init(first)
        p, state = step(p, state, x[0], y[0])  # compiles
        start = time.process_time()
        for t in range(steps):
            p, state = step(p, state, x[t % len(x)], y[t % len(x)])
        jax.block_until_ready(p)
        if test is None:
            return time.process_time() - start
        return float(jnp.mean((answer(p, test[0]) - test[1]) ** 2))

    return loop


def _torch(width: int, D_amb: int) -> Any:
    """The same in PyTorch."""
    import torch

    def loop(x: Any, y: Any, steps: int, test: Any) -> float:
        torch.manual_seed(0)
        torch.set_num_threads(1)
        layers = (D_amb, width, width, 1)
        parts = [torch.nn.Linear(m, n) for m, n in zip(layers, layers[1:], strict=False)]
        network = torch.nn.Sequential(
            parts[0], torch.nn.ReLU(), parts[1], torch.nn.ReLU(), parts[2]
        )
        rule = torch.optim.Adam(network.parameters(), lr=PLAIN_RATE)
        falling = torch.optim.lr_scheduler.LambdaLR(rule, lambda t: 1 - t / steps)
        xs, ys = (torch.tensor(v).transpose(1, 2) for v in (x, y))
        start = time.process_time()
        for t in range(steps):
            rule.zero_grad()
            torch.nn.functional.mse_loss(network(xs[t % len(xs)]), ys[t % len(xs)]).backward()
            rule.step()
            falling.step()
        if test is None:
            return time.process_time() - start
        with torch.no_grad():
            f = network(torch.tensor(test[0]).T).T
        return float(((f - torch.tensor(test[1])) ** 2).mean())

    return loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--presets", default="thorough,muon-20k,adam,adam-cosine")
    parser.add_argument("--dims", default="2,4,8")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--teachers", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the first preset's seconds")
    parser.add_argument("--until", type=int, default=1, help="times the seconds of the plain loop")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    engine.configure()
    names = arguments.presets.split(",")
    recipes = {name: Training(preset=name).resolved() for name in names if name in PRESETS}
    results: dict[str, Any] = {}
    for d in map(int, arguments.dims.split(",")):
        tasks, student = problem(d, arguments.width, arguments.teachers)
        pace = paces(tasks[0], student, recipes)
        seconds = arguments.share * recipes[names[0]].steps * pace[names[0]]
        print(f"d = {d}, width {arguments.width}: {seconds:.2f} s a student", flush=True)
        for name, recipe in recipes.items():
            some = with_steps(recipe, round(seconds / pace[name] / 200) * 200)
            losses = [loss for task in tasks for loss in trained(task, student, some)[1]]
            mean = math.exp(sum(map(math.log, losses)) / len(losses))
            results[f"d={d} {name}"] = {"loss": mean, "steps": some.steps, "seconds": seconds}
            print(f"  {name:14} {mean:.2e}  {some.steps} steps", flush=True)
        times, mean, goal = 1, math.inf, results[f"d={d} {names[0]}"]["loss"]
        while times <= arguments.until and mean > goal:
            found = [plain(task, student, times * seconds) for task in tasks]
            mean = math.exp(sum(math.log(loss) for _, loss, _ in found) / len(found))
            results[f"d={d} plain, {times} x"] = {
                "loss": mean, "steps": found[0][2], "seconds": times * seconds
            }  # fmt: skip
            print(f"  {found[0][0]:14} {mean:.2e}  {found[0][2]} steps, {times} x", flush=True)
            times *= 2
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
