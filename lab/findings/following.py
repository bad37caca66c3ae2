"""What to train next of a study that is run until it is decided.

Object: the plan of the next look, from what the looks before it say. Where a claim about α of a
panel is undecided, the panel gets more teachers, up to its last look
(`lab.execution.registration`); then, where more training is among the doubts, more steps at every x
whose losses still fall (`lab.execution.budgets`). Where all is decided, or nothing is left to try,
the plan is empty.

What it does not do: more sizes, which are another range and another question; the advice of an
undecided point names them. Time; the runner stops when its budget is spent.
"""

from __future__ import annotations

from lab.execution import budgets, registration
from lab.execution.store import Store
from lab.findings.answer import Answer, answers
from lab.regimes.quantity import ALPHA
from lab.scaling.judge.verdict import UNDECIDED, Doubt
from lab.spec import Planned
from lab.study import Study

TRAINING = {Doubt.UNDER_TRAINED, Doubt.BUDGET_FLATTENS}
"""Doubts that more steps may remove."""


def following(study: Study, store: Store) -> tuple[Planned, ...]:
    """The runs of the next step of the sequence, whose looks are registered in the store."""
    steps, now = registration.registered_looks(store), registration.reached(study, store)
    found = {answer.study.title: answer for answer in answers(study, store, replicates=50)
             if answer.claims}  # fmt: skip
    more: list[Planned] = []
    for panel, here in zip(study.panels, now.panels, strict=True):
        doubts = _undecided(found.get(panel.title))
        if doubts is None:
            continue
        after = registration.next_look(panel, here, steps)
        if after is not None and any(task.random for task in panel.tasks(1)):
            more += after.plan
        elif TRAINING & doubts:
            more += budgets.raised(here, store)
    return tuple(dict.fromkeys(more))


def _undecided(answer: Answer | None) -> set[str] | None:
    """The doubts of the claims about α that are undecided; None where none is."""
    open_ = [one for one in answer.claims if one.claim.quantity == ALPHA.name
             and one.verdict == UNDECIDED] if answer else []  # fmt: skip
    return {doubt for one in open_ for doubt in one.doubts} if open_ else None
