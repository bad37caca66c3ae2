"""The answer of a study: its findings, by kind, and what they say of its claims.

Object: for one study, what the finders of the kinds that it is asked for (`Study.findings`) found
in the store. A file of several panels has an answer for each; so has a study of several scans, and
what those are not asked for one by one is found in the study as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.execution import registration
from lab.execution.store import Store
from lab.findings.claims import Judgement, judgements
from lab.findings.exponent_result import ExponentResult
from lab.findings.finders import FINDERS
from lab.findings.older import KINDS, Older, lacking
from lab.findings.record import History, Provenance, histories, provenance
from lab.findings.study_results import StudyResults
from lab.regimes.regime import Regime
from lab.study import Panels, Study
from lab.tables.prediction import Claim


@dataclass(frozen=True)
class Answer:
    """A study and its findings by kind, in the order of the grid; its claims, judged, and when each
    was written, none of what scans nothing; and how the runs of the whole file came about."""

    study: Regime
    findings: Mapping[str, tuple]
    claims: tuple[Judgement, ...] = ()
    histories: tuple[History, ...] = ()
    record: Provenance = Provenance()

    def found(self, kind: str) -> tuple:
        """The findings of a kind, none where the study is not asked for it."""
        return self.findings.get(kind, ())

    @property
    def points(self) -> tuple[ExponentResult, ...]:
        """The exponents, one per setting."""
        return self.found("exponents")

    @property
    def predicts(self) -> bool:
        """Whether there are exponents, and something is claimed of them."""
        return bool(self.points) and self.study.prediction is not None

    @property
    def prediction(self) -> Claim:
        """The claim that the points are judged by, where it `predicts`."""
        assert self.study.prediction
        return self.study.prediction

    @property
    def history(self) -> History | None:
        """When that claim was written."""
        both = zip(self.study.claims, self.histories, strict=False)
        return next((when for claim, when in both if claim == self.study.prediction), None)

    @property
    def settings(self) -> list[tuple[str, list[ExponentResult]]]:
        """The exponents of each setting besides d, by its name: a panel of a figure each."""
        grouped: dict[str, list[ExponentResult]] = {}
        for point in self.points:
            grouped.setdefault(point.setting.name, []).append(point)
        return list(grouped.items())


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
        return StudyResults(part, store, FINDERS, replicates, fitted, study.origin,
                        where.get(part.title, ""))  # fmt: skip

    older = Older.of(store)
    if older is None:
        asked_for = [(question(part), kinds, scan)
                     for part, kinds, scan in parts]  # fmt: skip
        kept = provenance(study, store, [one for one, _, scan in asked_for if scan])
    else:
        left = older.fill(store, [StudyResults(scan, store, {}) for scan in study.scans])
        asked_for = [
            (question(part, older.reading), few, scan)
            for part, kinds, scan in parts
            if (few := tuple(kind for kind in kinds if kind in KINDS))
        ]
        values = len(older.values)
        told = [(part, kinds) for part, kinds, _ in parts]
        kept = Provenance(study.origin, study.question, planned=values,
                      lacking=lacking(older, told, left))  # fmt: skip
    return tuple(_answered(*one, kept) for one in asked_for)


def answer(study: Regime, store: Store, *, replicates: int = 2000) -> Answer:
    """Find everything that the store has of a study of one scan."""
    question = StudyResults(study, store, FINDERS, replicates, origin=study.origin)
    return _answered(question, study.findings, True, provenance(study, store, [question]))


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
