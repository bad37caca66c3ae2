"""The answers of a study: what its store says, and what to train next until it is decided.

Object: for each panel and scan of a study the `Answer` of the kinds that it is asked for
(`Study.findings`); what the scans of a panel are not asked for one by one is found in the panel as
a whole. `following` is the plan of the next look, from what the looks before it say. Where a claim
about α of a panel is undecided, the panel gets more teachers, up to its last number; then, where
the error is not that of exponents that differ from teacher to teacher, a size between every two
(`lab.execution.registration`); then, where more training is among the doubts, more steps at every x
whose losses still fall (`lab.execution.budgets`). Where all is decided, or nothing is left to try,
the plan is empty.

What it does not do: larger or smaller sizes, which are another range and another question; the
advice of an undecided exponent names them. Time; the runner stops when its budget is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lab.config.study import Panels, Study
from lab.execution import budgets, registration
from lab.execution.store import Store
from lab.findings.answer import Answer, Judgement
from lab.findings.claims import judgements
from lab.findings.kinds import KINDS
from lab.findings.older import FITTED_KINDS, Older, lacking
from lab.findings.provenance import Provenance, histories, provenance_of
from lab.findings.study_results import StudyResults
from lab.regimes.quantity import ALPHA
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import UNDECIDED, Doubt
from lab.scaling.scans.estimate import ExponentEstimate
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

    older = Older.of(store) if store.tables else None
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
    asked, now = registration.sequence(store), registration.reached(study, store)
    found = {answer.study.title: answer for answer in answers(study, store, replicates=50)
             if answer.claims}  # fmt: skip
    more: list[Planned] = []
    for panel, here in zip(study.panels, now.panels, strict=True):
        open_ = _undecided(found.get(panel.title))
        if not (open_ and asked):
            continue
        after = registration.next_look(panel, here, asked)
        as_many = after is not None and after.task.count == here.task.count
        if after is not None and (not as_many or _sizes_help(found[panel.title], open_)):
            more += after.plan
        elif TRAINING & {doubt for one in open_ for doubt in one.doubts}:
            more += budgets.raised(here, store)
    return tuple(dict.fromkeys(more))


def _undecided(answer: Answer | None) -> list[Judgement]:
    """The claims about α that are undecided."""
    return [one for one in answer.claims if one.claim.quantity == ALPHA.name
            and one.verdict == UNDECIDED] if answer else []  # fmt: skip


def _sizes_help(answer: Answer, undecided: Sequence[Judgement]) -> bool:
    """True if sizes between make an interval shorter, or a shape clearer: where x are few, where
    noise is common to teachers, which more of them do not average, or where the scatter of single
    cells makes at least half of the variance of the teachers' exponents. The rest of it is that of
    exponents of their own, which no size removes."""
    labels = {one.label for one in undecided}
    return any(
        {Doubt.FEW_SIZES, Doubt.COMMON_NOISE} & {*point.doubts} or _of_cells(point.exponent) >= 0.5
        for point in answer.points
        if point.label in labels and point.exponent
    )


def _of_cells(found: ExponentEstimate) -> float:
    """The share of the variance of the teachers' exponents, s², that the scatter of their cells
    about their lines explains, σ²/Σ(u − ū)² with u = log x; 1 where there is no variance."""
    if found.curves is None or found.teachers < 2:
        return 1.0
    u = np.log(found.x)
    dof = max(found.n - 2 * found.teachers, 1)
    within = found.curves.cost.sum() / dof / max(((u - u.mean()) ** 2).sum(), 1e-300)
    total = found.teacher_alpha.var(ddof=1)
    return float(within / total) if total > 0 else 1.0
