"""The answer of a study: its findings, by kind.

Object: for one study, what the finders of the kinds that it is asked for (`Study.findings`) found
in the store. A file of several panels has an answer for each; so has a study of several scans, and
what those are not asked for one by one is found in the study as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.answers.finders import FINDERS
from lab.answers.older import KINDS, Older, lacking
from lab.answers.point import Point
from lab.answers.question import Question
from lab.answers.record import History, Record, history, record
from lab.execution import contents
from lab.execution.store import Store
from lab.regimes.regime import Regime
from lab.study import Study

EXPONENTS = "exponents"
"""The kind of finding that is judged against a prediction."""


@dataclass(frozen=True)
class Answer:
    """A study and its findings by kind, in the order of the grid; when its prediction was written,
    None where it has no exponents; and how the runs of the whole file came about."""

    study: Regime
    findings: Mapping[str, tuple]
    history: History | None = None
    record: Record = Record()

    def found(self, kind: str) -> tuple:
        """The findings of a kind, none where the study is not asked for it."""
        return self.findings.get(kind, ())

    @property
    def points(self) -> tuple[Point, ...]:
        """The exponents, one per setting."""
        return self.found("exponents")

    @property
    def settings(self) -> list[tuple[str, list[Point]]]:
        """The exponents of each setting besides d, by its name: a panel of a figure each."""
        grouped: dict[str, list[Point]] = {}
        for point in self.points:
            grouped.setdefault(point.setting.name, []).append(point)
        return list(grouped.items())


def answers(study: Study, store: Store, *, replicates: int = 2000) -> tuple[Answer, ...]:
    """One answer per panel and scan of the study.

    Raises StudyError where given data have changed since the runs, and where an older table is read
    that has no value of the study.
    """
    contents.same(study, store)
    parts = [*asked(study)]
    older = Older.of(store)
    if older is None:
        asked_for = [(Question(part, store, FINDERS, replicates), kinds) for part, kinds in parts]
        kept = record(study, store, [one for one, kinds in asked_for if EXPONENTS in kinds])
    else:
        left = older.fill(store, [Question(scan, store, {}) for scan in study.scans])
        asked_for = [
            (Question(part, store, FINDERS, replicates, older.reading), few)
            for part, kinds in parts if (few := tuple(kind for kind in kinds if kind in KINDS))
        ]  # fmt: skip
        values = len(older.values)
        kept = Record(study.origin, study.question, planned=values,
                      lacking=lacking(older, parts, left))  # fmt: skip
    return tuple(_answered(one, kinds, kept) for one, kinds in asked_for)


def answer(
    study: Regime, store: Store, *, kinds: Sequence[str] | None = None, replicates: int = 2000
) -> Answer:
    """Find everything that the store has of a study of one scan; kinds: instead of its own."""
    question = Question(study, store, FINDERS, replicates)
    asked_for = study.findings if kinds is None else kinds
    scans = [question] if EXPONENTS in asked_for else []
    return _answered(question, asked_for, record(study, store, scans))


def _answered(question: Question, kinds: Sequence[str], kept: Record) -> Answer:
    found = {kind: question.found(kind) for kind in kinds}
    told = history(question, kept.registered) if EXPONENTS in kinds else None
    return Answer(question.study, found, told, kept)


def asked(study: Study) -> Iterator[tuple[Regime, tuple[str, ...]]]:
    """The parts of a study with the kinds that each is asked for: panel by panel the kinds that its
    scans do not answer, of the whole panel, and then its scans."""
    for panel in study.panels:
        scans = panel.scans
        each = {kind for scan in scans for kind in scan.findings}
        whole = tuple(kind for kind in panel.findings if kind not in each)
        if whole:
            yield panel, whole
        for scan in scans:
            yield scan, scan.findings
