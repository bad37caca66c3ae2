"""Networks beside a limit of theirs: their losses, and the limit's as a detail of each.

in_one_basin   networks that descend from the population optimum, beside its own loss
over_tangents  wide networks, beside their tangents and the exact NTK
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lab.data.streams import generator, stream
from lab.spec import WIDE_TEST_POINTS, Group, Run
from lab.students.limits import basin, tangent
from lab.students.result import Failed, Result
from lab.task import sets

_Learner = Callable[[Run], Result]


def in_one_basin(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Networks of one basin; what fails ends the group."""
    return _all(group, lambda runs: _in_one_basin(runs, going=lambda: tick(0)), tick)


def over_tangents(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Wide networks over their limit; what fails ends the group."""
    return _all(group, _over_tangents, tick)


def _all(
    group: Group, learner: Callable[[list[Run]], _Learner], tick: Callable[[int], None]
) -> list[Result | Failed]:
    found: dict[Run, Result | Failed] = {}
    for task in group.teachers:
        runs = [run for run in group.runs() if run.task == task]
        learn = learner(runs)
        for run in runs:
            found[run] = learn(run)
            tick(1)
    return [found[run] for run in group.runs()]


def _in_one_basin(runs: list[Run], *, going: Callable[[], None]) -> _Learner:
    """Population losses of networks that descend from the population optimum, beside its own."""
    task, root = runs[0].drawn, runs[0].root
    world = sets.population(task, root=root)
    basins: dict = {}

    def excess(run: Run) -> Result:
        if run.student not in basins:
            scale = sets.scale(run, world)
            key = stream("init", task, *run.restart, root=root)
            trials = generator("draw", task, 0, root=root)
            basins[run.student] = basin.find(
                run.student, scale * world.x, world.y, key=key, rng=trials, going=going
            )
        found = basins[run.student]
        counts = np.bincount(sets.drawn(run, len(world.x)), minlength=len(world.x))
        details = {"limit": found.reference / world.baseline, "rounds": found.rounds}
        return Result.of_loss(run, found.run(counts, going=going), world.baseline, details)

    return excess


def _over_tangents(runs: list[Run]) -> _Learner:
    """Losses of wide networks, beside those of their tangents and of the exact NTK.

    The loss is the mean over a start and its mirror image. `limit` is the exact NTK's with the
    change by this start's kernel, which has mean zero.
    """
    task, root = runs[0].task, runs[0].root
    largest = max(run.size or 0 for run in runs)
    nested = sets.nested(task, largest, test=WIDE_TEST_POINTS, root=root)

    def gap(run: Run) -> Result:
        scale = sets.scale(run, nested)
        key = stream("init", task, run.seed, *run.restart, root=root)
        found = tangent.predictions(
            run.student, scale * nested.x[: run.size], nested.y[: run.size], scale * nested.x_test,
            steps=run.training.steps, key=key,
        )  # fmt: skip
        network, own, kernel = (
            float(np.mean((f - nested.y_test) ** 2))
            for f in (found.network, found.tangent, found.kernel)
        )
        change = 2 * float(np.mean((found.kernel - nested.y_test) * found.change))
        limits = {"limit": kernel + change, "kernel": kernel, "tangent": own}
        details = {name: value / nested.baseline for name, value in limits.items()}
        return Result.of_loss(run, network, nested.baseline, details)

    return gap
