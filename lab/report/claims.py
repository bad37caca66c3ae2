"""Claims as people see them: a row each where a study makes several, or one that no other table
shows; what is said of each, and claims.csv with all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from lab.findings.answer import Answer
from lab.findings.claims import Judgement
from lab.findings.view import Answers, Rows, Table, View
from lab.scaling.judge.verdict import briefly

HEAD = ("setting", "claim", "measured", "95 % interval", "predicted", "verdict", "doubts")
MOST = 6
"""Columns that a narrow terminal shows."""


def own(answer: Answer) -> list[Judgement]:
    """The judgements that are no finding's own verdict, shown with it."""
    return [one for one in answer.claims
            if not any(one.evidence is found for found in answer.found(one.kind))]  # fmt: skip


def above(answers: Answers) -> list[Table]:
    """One row per claim and setting, setting by setting."""
    if not any(own(answer) or len(answer.study.claims) > 1 for answer in answers):
        return []
    rows = [_cells(one) for answer in answers for one in _ordered(answer.claims)]
    return [Table(HEAD, rows, "What is claimed, and what came of it:", most=MOST)]


def _ordered(claims: Iterable[Judgement]) -> Iterator[Judgement]:
    every = [*claims]
    for label in dict.fromkeys(one.label for one in every):
        yield from (one for one in every if one.label == label)


def _cells(one: Judgement) -> tuple[str, ...]:
    return (one.label, one.claim.told, _number(one.value), _ends(one), _number(one.prediction),
            one.verdict, briefly(one.doubts))  # fmt: skip


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "–"


def _ends(one: Judgement) -> str:
    return f"[{_number(one.interval[0])}, {_number(one.interval[1])}]"


def sentences(_: Answer, one: Judgement) -> Iterator[str]:
    """What was found, and what would decide an undecided claim."""
    yield from one.words
    if one.advice:
        yield f"{one.claim.told}: {one.advice}"


def measured(one: Judgement) -> str:
    """The number with its interval beside what was predicted."""
    if not math.isfinite(one.value):
        return f"{one.claim.symbol}: nothing measured yet"
    where = f" at {one.at}" if one.at else ""
    return (f"{one.claim.symbol}: {_number(one.value)} {_ends(one)}{where}, "
            f"{_number(one.prediction)} predicted")  # fmt: skip


def files(answers: Answers) -> dict[str, Rows]:
    """Every claim of every setting."""
    rows = [
        (one.claim.quantity, one.claim.text, one.claim.sense, one.claim.tolerance, one.claim.over,
         one.label, *(f"{v:.6g}" for v in (one.value, *one.interval, one.prediction)), one.verdict,
         " ".join(doubt.partition(":")[0] for doubt in one.doubts))
        for answer in answers for one in answer.claims
    ]  # fmt: skip
    columns = ("quantity", "formula", "sense", "tolerance", "over", "label", "value", "lo", "hi",
               "prediction", "verdict", "doubts")  # fmt: skip
    return {"claims.csv": Rows(columns, rows)} if rows else {}


VIEW = View(sentences=sentences, measured=measured, advice=lambda one: one.advice)
"""What is shown of one judgement where a view is asked for."""
