"""The answers of a study: what its store says, and what to train next until it is decided.

Object: for each panel and scan of a study the `Answer` of the kinds that it is asked for
(`Study.findings`); what the scans of a panel are not asked for one by one is found in the panel as
a whole. `following` is the plan of the next look, from what the looks before it say. Where a claim
about α of a panel is undecided, the panel gets more teachers, up to its last look
(`lab.execution.sequence`); then, where more training is among the doubts, more steps at every x
whose losses still fall (`lab.execution.budgets`). Where all is decided, or nothing is left to try,
the plan is empty.

What it does not do: more sizes, which are another range and another question; the advice of an
undecided exponent names them. Time; the runner stops when its budget is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lab.config.study import Panels, Study
from lab.execution import budgets, registration
from lab.execution.store import Store
from lab.findings.answer import Answer
from lab.findings.claims import judgements
from lab.findings.kinds import KINDS
from lab.findings.older import FITTED_KINDS, Older, lacking
from lab.findings.provenance import Provenance, histories, provenance_of
from lab.findings.study_results import StudyResults
from lab.regimes.quantity import ALPHA
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import UNDECIDED, Doubt
from lab.spec import Planned


def answers(study: Study, store: Store, *, replicates: int = 2000) -> tuple[Answer, ...]:
    """One answer per panel and scan of the study.

    Raises StudyError where given data have changed since the runs, and where an older table is read
    that has no value of the study.
    """
    registration.check_data_unchanged(study, store)
    study = registration.reached(study, store)
    parts = [*asked(study)]
    where = {part.title: f"panel.{i}." for i, panel in enumerate(study.panels, 1)
             for part in (panel, *panel.scans)} if isinstance(study, Panels) else {}  # fmt: skip

    def question(part: Regime, fitted: Any = None) -> StudyResults:
        return StudyResults(part, store, _finders(), replicates, fitted, study.origin,
                        where.get(part.title, ""))  # fmt: skip

    older = Older.of(store)
    if older is None:
        asked_for = [(question(part), kinds, scan)
                     for part, kinds, scan in parts]  # fmt: skip
        kept = provenance_of(study, store, [one for one, _, scan in asked_for if scan])
    else:
        left = older.fill(store, [StudyResults(scan, store, {}) for scan in study.scans])
        asked_for = [
            (question(part, older.reading), few, scan)
            for part, kinds, scan in parts
            if (few := tuple(kind for kind in kinds if kind in FITTED_KINDS))
        ]
        values = len(older.values)
        told = [(part, kinds) for part, kinds, _ in parts]
        kept = Provenance(study.origin, study.question, planned=values,
                      lacking=lacking(older, told, left))  # fmt: skip
    return tuple(_answered(*one, kept) for one in asked_for)


def answer(study: Regime, store: Store, *, replicates: int = 2000) -> Answer:
    """Find everything that the store has of a study of one scan."""
    question = StudyResults(study, store, _finders(), replicates, origin=study.origin)
    return _answered(question, study.findings, True, provenance_of(study, store, [question]))


def _finders() -> dict[str, Callable[[StudyResults], tuple]]:
    return {name: kind.find for name, kind in KINDS.items()}


def _answered(question: StudyResults, kinds: Sequence[str], scan: bool, kept: Provenance) -> Answer:
    found = {kind: question.found(kind) for kind in kinds}
    if not scan:
        return Answer(question.study, found, record=kept)
    told = histories(question, kept.registered)
    return Answer(question.study, found, judgements(question), told, kept)


def asked(study: Study) -> Iterator[tuple[Regime, tuple[str, ...], bool]]:
    """The parts of a study with the kinds that each is asked for, and whether it is a scan, of
    which something is claimed: panel by panel the kinds that its scans do not answer, of the whole
    panel, and then its scans."""
    for panel in study.panels:
        scans = panel.scans
        each = {kind for scan in scans for kind in scan.findings}
        whole = tuple(kind for kind in panel.findings if kind not in each)
        if whole:
            yield panel, whole, False
        for scan in scans:
            yield scan, scan.findings, True


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
