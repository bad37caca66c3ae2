"""How long each x of a scan was trained: the study's own steps, or raised until nothing changes.

`lab run --until-converged` doubles the budget of an x, for all its teachers and seeds, while
doubling it still lowers the loss of the checked teachers there by more than STILL, up to
`evidence.until`. The level of an x is the largest such budget whose runs and checks are all stored,
so it follows from the study and the store alone, and everything that reads the store finds it. The
checks belong to it: where every teacher is checked, the plan itself has all runs of twice the
budget, and nothing that says whether they have converged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from lab.execution.store import FINISHED, Row, Store
from lab.regimes.cell import Key
from lab.regimes.regime import Regime
from lab.spec import Planned, Run

STILL = 0.05
"""Fall of the loss under a doubled budget from which on an x is trained longer."""


def at(study: Regime, run: Run, budget: float) -> Run:
    """The run with `budget` times the study's own steps."""
    return run if budget == 1 else run.with_recipe(study.recipe.scaled(budget))


def level(study: Regime, runs: Iterable[Run], states: Mapping[str, str]) -> float:
    """The largest budget 1, 2, 4 … at which every one of these runs is stored, with its checks."""
    runs, budget = list(runs), 1.0
    if not study.checked:
        return budget
    # A teacher that no check repeats tells at once that nothing was raised.
    runs.sort(key=lambda run: run.task.teacher in study.checked)
    while 2 * budget <= study.most and all(
        states.get(planned.run.fingerprint()) in FINISHED
        for planned in _level(study, runs, 2 * budget)
    ):
        budget *= 2
    return budget


def _level(study: Regime, runs: Iterable[Run], budget: float) -> Iterator[Planned]:
    """What one level of an x takes: these runs at this budget, and the checks of some of them."""
    for run in runs:
        yield Planned(at(study, run, budget), "budget", budget)
        if run.task.teacher in study.checked:
            for factor in study.budgets:
                yield Planned(at(study, run, budget * factor), "budget", budget * factor)


def together(study: Regime) -> dict[tuple[Key, int], list[Run]]:
    """The runs of the scan that share a setting and x: what is raised together."""
    found: dict[tuple[Key, int], list[Run]] = defaultdict(list)
    for cell in study.laid_out:
        if cell.role == "scan":
            found[cell.setting, cell.x].append(cell.run)
    return found


def levels(study: Regime, states: Mapping[str, str]) -> dict[tuple[Key, int], float]:
    """The level of each setting and x."""
    return {place: level(study, runs, states) for place, runs in together(study).items()}


def raised(study: Regime, store: Store) -> tuple[Planned, ...]:
    """The next runs that would tell whether each x has converged: those of an x whose losses still
    fall, with twice its budget, and the checks of that. Empty when all stand still."""
    states = store.states()
    wanted: list[Planned] = []
    for runs in together(study).values():
        now = level(study, runs, states)
        checked = [run for run in runs if run.task.teacher in study.checked]
        if 2 * now > study.most or not checked or not _falls(study, store, checked, now):
            continue
        wanted += _level(study, runs, 2 * now)
    return tuple(wanted)


def every(study: Regime) -> Iterator[Planned]:
    """What raising could ever plan: all levels of every x, up to `study.most`."""
    for runs in together(study).values():
        budget = 2.0
        while study.checked and budget <= study.most:
            yield from _level(study, runs, budget)
            budget *= 2


def _falls(study: Regime, store: Store, runs: list[Run], now: float) -> bool:
    """Whether twice the budget lowers these runs' losses by more than STILL."""
    pairs = [[at(study, run, b).fingerprint() for b in (now, 2 * now)] for run in runs]
    rows = store.rows(key for pair in pairs for key in pair)
    done = [
        np.log(_loss(rows[after]) / _loss(rows[before]))
        for before, after in pairs
        if all(key in rows and rows[key].status == "done" for key in (before, after))
    ]
    return bool(done) and bool(np.mean(done) < np.log(1 - STILL))


def _loss(row: Row) -> float:
    assert row.relative is not None  # it is done
    return row.relative
