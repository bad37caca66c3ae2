"""The top of the page: what was asked and predicted, what came out, how sure, what would help.

Object: `Top`, from the findings that have a verdict, whatever their kind. A reader who stops here
has learned the result.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.findings import claims
from lab.findings.answer import Answer
from lab.findings.kinds import doubted, views
from lab.findings.run_lists import rows_of
from lab.findings.study_results import Finding
from lab.findings.view import Answers, View, findings_of, told_by_panel
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Direction, Doubt

FEW = 6
"""Numbers that are told one by one; of more, how many there are of each verdict."""
PUSHES = {
    Direction.HIGH: "The measured α may read high: the truth may lie lower.",
    Direction.LOW: "The measured α may read low: the truth may lie higher.",
    Direction.EITHER: "The measured α may be wrong either way.",
    Direction.BEYOND: "Beyond these x the exponent may be another one.",
    Direction.HELD: "An interval, or the rule of the verdict, holds it already.",
}
"""In which direction a doubt pushes α."""
RULE = (
    "Intervals are 95 %; at the edge of the tolerance either wrong answer has a probability of at "
    "most 2.5 %."
)
"""What the rules of a verdict were measured to hold (results/coverage)."""


@dataclass(frozen=True)
class DoubtText:
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
    doubts: tuple[DoubtText, ...]
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
    several = any(len(answer.study.claims) > 1 for answer in answers)
    told = doubts(answers)
    finished = [row.provenance.get("finished") or 0.0 for row in rows_of(answers)]
    date = time.strftime("%Y-%m-%d", time.gmtime(max(finished))) if any(finished) else ""
    return Top(
        answers[0].study.question, _predictions(answers),
        next(iter(count)) or UNDECIDED if len(count) == 1 else "mixed" if count else UNDECIDED,
        _words(count, several), _numbers(answers, judged), _sure(answers, judged, told),
        _surer(judged, told), told, date,
    )  # fmt: skip


def _judged(answers: Answers) -> Iterator[Judged]:
    """The claims, in words of the findings that they were read from, and what is judged besides."""
    for answer in answers:
        shown = views([answer])
        for one in answer.claims:
            known = one.evidence is not None and one.kind in shown
            yield (shown[one.kind], answer, one.evidence) if known else (claims.VIEW, answer, one)
        told = {one.kind for one in answer.claims}
        for kind, view in shown.items():
            found = () if kind in told else answer.found(kind)
            yield from ((view, answer, f) for f in found if f.verdict is not None)


def _predictions(answers: Answers) -> tuple[str, ...]:
    asked = [answer for answer in answers if answer.claims] or answers
    return tuple(told_by_panel((answer, claim.told) for answer in asked
                             for claim in answer.study.claims))  # fmt: skip


VERBS = {AGREES: ("agrees", "agree"), CONTRADICTS: ("contradicts it", "contradict it"),
         UNDECIDED: ("is undecided", "are undecided")}  # fmt: skip


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(", ".join(parts).rsplit(", ", 1))


def _words(count: Counter, several: bool) -> str:
    """How many of the judged have which verdict; several: whether there is more than one claim."""
    total = sum(count.values())
    if not total:
        return "Nothing is judged yet."
    one = {AGREES: "The prediction holds", CONTRADICTS: "The prediction is contradicted",
           UNDECIDED: "The prediction is undecided"}  # fmt: skip
    if several:
        parts = [f"{n} {VERBS[verdict][n > 1]}" for verdict in VERBS if (n := count[verdict])]
        return f"Of {total} claims and settings {_listed(parts)}."
    if len(count) == 1:
        (verdict,) = count
        where = {1: "the one setting", 2: "both settings"}.get(total, f"all {total} settings")
        return f"{one[verdict]} in {where}."
    parts = [f"{n} {VERBS[verdict][n > 1]}" for verdict in VERBS if (n := count[verdict])]
    return f"Of {total} settings {_listed(parts)}."


def _numbers(answers: Answers, judged: list[Judged]) -> tuple[str, ...]:
    """What was measured: where nobody judges it, and, of few, what is judged."""
    told = [
        f"{finding.label}: {words}"
        for kind, view in views(answers).items() for answer in answers
        for finding in answer.found(kind) if kind != "exponents"  # they are told by claims
        if finding.verdict is None and (words := view.measured(finding))
    ]  # fmt: skip
    several = len({finding.verdict for *_, finding in judged}) > 1
    for view, answer, finding in judged if len(judged) <= FEW else ():
        words = view.measured(finding)
        if words:
            verdict = f" — {finding.verdict}" if several else ""
            told.append(f"{finding.label or answer.study.title}: {words}{verdict}")
    return tuple(told)


def _sure(answers: Answers, judged: list[Judged], told: tuple[DoubtText, ...]) -> str:
    """How many results are doubted, what the commonest doubt means, and what intervals hold."""
    if not judged:
        return "Nothing to be sure of."
    doubted, total = sum(bool(f.doubts) for *_, f in judged), len(judged)
    if not doubted:
        text = "No result carries a doubt."
    elif doubted == total:
        text = {1: "The result carries a doubt", 2: "Both results carry a doubt"}.get(
            total, f"All {total} results carry a doubt")  # fmt: skip
    else:
        text = f"{doubted} of {total} results {'carries' if doubted == 1 else 'carry'} a doubt"
    if doubted and told:
        first = told[0]
        meaning = f": {first.meaning[:1].lower()}{first.meaning[1:]}" if first.meaning else "."
        often = f"most often '{first.name}' ({len(first.where)})"
        often = often if len(first.where) > 1 else f"'{first.name}' for one"
        text += f", {often}{meaning} {first.pushes}".rstrip()
    return f"{text} {_simulated(answers) or RULE}"


def _simulated(answers: Answers) -> str:
    """What simulated scans of this design said of intervals and verdicts; empty without any."""
    found = [c for c in findings_of(answers, "calibrated") if c.current]
    if not found:
        return ""
    covered = [c.values["coverage"]["quoted"] for c in found]
    wrong = max(c.values["wrong"] for c in found)
    ends = " to ".join(dict.fromkeys(f"{v:.0%}" for v in (min(covered), max(covered))))
    erred = f"at most {wrong:.1%} of the verdicts were wrong" if wrong else "no verdict was wrong"
    return (f"In {found[0].scans} simulated scans of this design the 95 % interval held the truth "
            f"in {ends}, and {erred}.")  # fmt: skip


def _surer(judged: list[Judged], told: tuple[DoubtText, ...]) -> tuple[str, ...]:
    """The remedies of the commonest doubts with their settings, or what the undecided ask for."""
    remedies = [f"{d.remedy[:-1]} ({_settings(d.where)})." for d in told if d.remedy]
    asked = [view.advice(f) for view, _, f in judged if f.verdict == UNDECIDED]
    found = [*dict.fromkeys([*remedies, *filter(None, asked)])][:3]
    return tuple(found or ["More teachers, and larger x, narrow every interval."])


def _settings(where: Sequence[str]) -> str:
    """A few settings by name, many by their number; what all begin with is said once."""
    if len(where) > 5:
        return f"{len(where)} settings"
    alone = all(name.startswith("d = ") and "," not in name for name in where)
    return f"d = {', '.join(name[4:] for name in where)}" if alone else "; ".join(where)


def doubts(answers: Answers) -> tuple[DoubtText, ...]:
    """Every doubt once, the commonest first."""
    at = sorted(doubted(answers).items(), key=lambda i: -len(i[1]))
    return tuple(_told(doubt, where) for doubt, where in at)


def _told(doubt: str, where: list[str]) -> DoubtText:
    if doubt not in set(Doubt):  # a sentence of its own
        return DoubtText(doubt, "", "", "", tuple(where))
    known = Doubt.of(doubt)
    return DoubtText(known.value, _sentence(known.meaning), PUSHES[known.direction],
                _sentence(known.remedy), tuple(where))  # fmt: skip


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text and not text.endswith(".") else text
