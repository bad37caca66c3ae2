"""Training budget of each x of a scan: the study's own steps, or raised until nothing changes.

`lab run --until-converged` raises the budget of an x, for all its teachers and seeds, while its
losses still fall by more than STILL: under twice the steps, or under twice the steps at half the
rate. A budget raised to B is the second, B times the steps at 1/B of the rate, because more steps
alone may find nothing where both find a lower minimum; up to `evidence.until`. The level of an x is
the largest such budget whose runs and checks are all stored, so it follows from the study and the
store alone, and everything that reads the store finds it. The checks belong to it: nothing else
says whether the runs of a level have converged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from lab.execution.store import FINISHED, Row, Store
from lab.regimes.axes import Cell, Key
from lab.regimes.regime import Regime
from lab.spec import Planned, Run

STILL = 0.05
"""Fall of the loss per doubling from which on an x is trained longer."""

CHECKS = ("budget", "slower")
"""Roles of the checks that say whether a run has converged, and that a raised budget has too."""


def at(study: Regime, run: Run, level: float, *, steps: float = 1.0) -> Run:
    """The run at this level of the budget, or its check with `steps` times the steps of that."""
    if level == steps == 1:
        return run
    return run.with_recipe(study.recipe.slowed(level).scaled(steps))


def of(study: Regime, cell: Cell, level: float) -> Run:
    """The run of a cell, of the scan or a check by budget or slower descent, at this level."""
    if level == 1:
        return cell.run
    if cell.role == "slower":
        return at(study, cell.base, level * cell.factor)
    return at(study, cell.base, level, steps=cell.factor)


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


def _level(study: Regime, runs: list[Run], level: float) -> Iterator[Planned]:
    """The runs of one level of an x: these at this budget, and the checks of some of them."""
    for run in runs:
        yield Planned(at(study, run, level), "slower", level)
    for cell in _checks(study, runs):
        yield Planned(of(study, cell, level), cell.role, level * cell.factor)


def _checks(study: Regime, runs: list[Run]) -> Iterator[Cell]:
    """The checks of these runs of the scan that are raised with them."""
    return (cell for run in runs for cell in study.checks(run) if cell.role in CHECKS)


def together(study: Regime) -> dict[tuple[Key, int], list[Run]]:
    """The runs of the scan that share a setting and x: what is raised together."""
    found: dict[tuple[Key, int], list[Run]] = defaultdict(list)
    for cell in study.all_cells:
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
        if study.checked and 2 * now <= study.most and _fall(study, store, runs, now):
            wanted += _level(study, runs, 2 * now)
    return tuple(wanted)


def every(study: Regime) -> Iterator[Planned]:
    """All runs that raising could ever plan: every level of every x, up to `study.most`."""
    for runs in together(study).values():
        budget = 2.0
        while study.checked and budget <= study.most:
            yield from _level(study, runs, budget)
            budget *= 2


def _fall(study: Regime, store: Store, runs: list[Run], now: float) -> bool:
    """True if more steps, or more at a lower rate, lower these losses by more than STILL."""
    more: dict[tuple[str, float], list[Cell]] = defaultdict(list)
    for cell in _checks(study, runs):
        if cell.factor > 1:
            more[cell.role, cell.factor].append(cell)
    return any(_lower(study, store, cells, now) for cells in more.values())


def _lower(study: Regime, store: Store, cells: list[Cell], now: float) -> bool:
    """True if these checks, of one role and factor, lie lower than their runs, per doubling."""
    pairs = [
        (at(study, cell.base, now).fingerprint(), of(study, cell, now).fingerprint())
        for cell in cells
    ]
    rows = store.rows(key for pair in pairs for key in pair)
    done = [
        np.log(_loss(rows[after]) / _loss(rows[before]))
        for before, after in pairs
        if all(key in rows and rows[key].status == "done" for key in (before, after))
    ]
    return bool(done) and bool(np.mean(done) < np.log2(cells[0].factor) * np.log(1 - STILL))


def _loss(row: Row) -> float:
    assert row.relative is not None  # it is done
    return row.relative
