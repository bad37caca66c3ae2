"""Rounds: runs whose training set the students of the round before them have chosen.

Where networks say which labels they want (`lab.data.selection`) the sizes of a scan are rounds, and
each is a run of its own: students of round r learn from the first labels and all that were chosen
since, are tested, and leave in the details of their rows the candidates to be labelled next,

    label 64 = 4711      the candidate that is label number 64, counted from 0

A run of round r can begin when the rows of the rounds before it are stored. Whoever drives reads
the labels there and sends them with the group, so that an engine needs to know nothing of rounds; a
run that was killed begins its round again and, as every run, leaves the same. Which labels a run
learns from follows from the run, and is no part of its fingerprint.

What it does not do: choose (`lab.students.training`), or go on where a round has failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.data.selection import LABEL
from lab.execution.store import FINISHED, Store
from lab.spec import Group, Planned, Run


def before(run: Run) -> Run | None:
    """The run whose students choose labels of this one; None of a first round."""
    chosen = run.task.selection
    if not run.round or chosen is None:
        return None
    return replace(run, round=run.round - 1, size=chosen.schedule[run.round - 1])


def with_earlier(planned: Iterable[Planned]) -> tuple[Planned, ...]:
    """The same runs and, behind them, the rounds before them."""
    planned = tuple(planned)
    if not any(one.run.round for one in planned):
        return planned
    found = dict.fromkeys(planned)
    for one in planned:
        earlier = before(one.run)
        while earlier:
            found.setdefault(replace(one, run=earlier))
            earlier = before(earlier)
    return tuple(found)


def ready(missing: Iterable[Run], store: Store) -> tuple[Run, ...]:
    """Those that can begin: the round before is there, and no earlier one is missing."""
    missing = tuple(missing)
    if not any(run.round for run in missing):
        return missing
    states = store.states()
    found = [run for run in missing if not (earlier := before(run))
             or states.get(earlier.fingerprint()) in FINISHED]  # fmt: skip
    first = min((run.round for run in found), default=0)
    return tuple(run for run in found if run.round == first)


def supplied(group: Group, store: Store) -> Group:
    """The group with the labels that each of its teachers has by now."""
    if not group.round:
        return group
    runs = {run.task: run for run in group.runs()}
    return replace(group, labelled=tuple(_labelled(runs[task], store) for task in group.teachers))


def _labelled(run: Run, store: Store) -> tuple[int, ...]:
    """Candidates in the order in which they were labelled, the first as they were drawn."""
    chosen, known, earlier = run.task.selection, dict[int, int](), before(run)
    assert chosen is not None and run.size
    while earlier:
        row = store.rows([earlier.fingerprint()])[earlier.fingerprint()]
        known |= {int(name.removeprefix(LABEL)): int(value) for name, value in row.details.items()
                  if name.startswith(LABEL)}  # fmt: skip
        earlier = before(earlier)
    return tuple(known.get(i, i) for i in range(run.size))
