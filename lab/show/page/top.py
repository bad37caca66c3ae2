"""The top of the page: what was asked and predicted, what came out, how sure, what would help.

Object: `Top`, from the findings that have a verdict, whatever their kind. A reader who stops here
has learned the result.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.answers.answer import Answer
from lab.answers.finding import Finding
from lab.scaling.judge.doubts import Direction, Doubt
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED
from lab.show.page.runs import rows_of
from lab.show.view import Answers, View
from lab.show.views import views

FEW = 6
"""Numbers that are told one by one; of more, how many there are of each verdict."""
PUSHES = {
    Direction.HIGH: "The measured α may read high: the truth may lie lower.",
    Direction.LOW: "The measured α may read low: the truth may lie higher.",
    Direction.EITHER: "The measured α may be wrong either way.",
    Direction.HELD: "The quoted interval holds it already: it forbids no verdict.",
}
"""In which direction a doubt pushes α."""


@dataclass(frozen=True)
class Told:
    """A doubt in full: what it means, which way it pushes, what removes it, and where it stands."""

    name: str
    meaning: str
    pushes: str
    remedy: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class Top:
    """The result in words. verdict: one of the verdicts for the mark beside them, or `mixed`."""

    question: str
    predictions: tuple[str, ...]
    verdict: str
    words: str
    numbers: tuple[str, ...]
    sure: str
    surer: tuple[str, ...]
    doubts: tuple[Told, ...]
    date: str

    def summary(self, name: str) -> dict[str, Any]:
        """What the index tells of the study."""
        return {
            "name": name, "question": self.question, "prediction": "; ".join(self.predictions),
            "verdict": self.verdict, "words": self.words, "measured": list(self.numbers),
            "date": self.date,
        }  # fmt: skip


Judged = tuple[View, Answer, Finding]


def top(answers: Answers) -> Top:
    """The top of the page of these answers."""
    judged = [*_judged(answers)]
    count = Counter(finding.verdict for _, _, finding in judged)
    told = doubts(answers)
    finished = [row.provenance.get("finished") or 0.0 for row in rows_of(answers)]
    date = time.strftime("%Y-%m-%d", time.gmtime(max(finished))) if any(finished) else ""
    return Top(
        answers[0].study.question, _predictions(answers),
        next(iter(count)) or UNDECIDED if len(count) == 1 else "mixed" if count else UNDECIDED,
        _words(count), _numbers(judged), _sure(judged, told), _surer(judged, told), told, date,
    )  # fmt: skip


def _judged(answers: Answers) -> Iterator[Judged]:
    for answer in answers:
        for kind, view in views([answer]).items():
            yield from ((view, answer, f) for f in answer.found(kind) if f.verdict is not None)


def _predictions(answers: Answers) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_prediction(answer) for answer in answers))


def _prediction(answer: Answer) -> str:
    asked, title = answer.study.prediction, answer.study.title
    return f"{title + ': ' if title else ''}{asked.told}"


def _words(count: Counter) -> str:
    total = sum(count.values())
    if not total:
        return "Nothing is judged yet."
    one = {AGREES: "The prediction holds", CONTRADICTS: "The prediction is contradicted",
           UNDECIDED: "The prediction is undecided"}  # fmt: skip
    if len(count) == 1:
        (verdict,) = count
        return f"{one[verdict]} in {'the one setting' if total == 1 else f'all {total} settings'}."
    verbs = {AGREES: ("agrees", "agree"), CONTRADICTS: ("contradicts it", "contradict it"),
             UNDECIDED: ("is undecided", "are undecided")}  # fmt: skip
    parts = [f"{count[v]} {one if count[v] == 1 else several}"
             for v, (one, several) in verbs.items() if count[v]]  # fmt: skip
    return f"Of {total} settings {' and '.join(', '.join(parts).rsplit(', ', 1))}."


def _numbers(judged: list[Judged]) -> tuple[str, ...]:
    if len(judged) > FEW:
        return ()
    told = []
    for view, answer, finding in judged:
        words = view.measured(finding)
        if words:
            label = finding.label or answer.study.title
            told.append(f"{label}: {words} — {finding.verdict}")
    return tuple(told)


def _sure(judged: list[Judged], told: tuple[Told, ...]) -> str:
    if not judged:
        return "Nothing to be sure of."
    clean = sum(not f.doubts for *_, f in judged)
    text = f"{clean} of {len(judged)} results carry no doubt"
    if told:
        text += f"; the most common doubt is '{told[0].name}' ({len(told[0].where)})"
    return f"{text}. Intervals are 95 %; at the edge of the tolerance either wrong answer has a " \
           "probability of at most 2.5 %."  # fmt: skip


def _surer(judged: list[Judged], told: tuple[Told, ...]) -> tuple[str, ...]:
    """The remedies of the commonest doubts, or what the undecided ask for."""
    remedies = [_sentence(d.remedy) for d in told if d.remedy]
    asked = [view.advice(f) for view, _, f in judged if f.verdict == UNDECIDED]
    found = [*dict.fromkeys([*remedies, *filter(None, asked)])][:3]
    return tuple(found or ["More teachers, and larger x, narrow every interval."])


def doubts(answers: Answers) -> tuple[Told, ...]:
    """Every doubt once, the commonest first."""
    at: dict[str, list[str]] = {}
    for answer in answers:
        for kind in views([answer]):
            for finding in answer.found(kind):
                for doubt in finding.doubts if finding.setting is not None else ():
                    at.setdefault(doubt, []).append(finding.label or kind)
    return tuple(_told(d, where) for d, where in sorted(at.items(), key=lambda i: -len(i[1])))


def _told(doubt: str, where: list[str]) -> Told:
    if doubt not in set(Doubt):  # a sentence of its own
        return Told(doubt, "", "", "", tuple(where))
    known = Doubt.of(doubt)
    return Told(known.value, _sentence(known.meaning), PUSHES[known.direction],
                _sentence(known.remedy), tuple(where))  # fmt: skip


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text and not text.endswith(".") else text
