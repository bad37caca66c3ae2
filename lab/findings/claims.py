"""The claims of a study, judged one by one, and shown: a table, sentences, claims.csv.

A claim names its quantity, and the quantity names who answers it (`lab.regimes.quantity`): a
function of the results and the claim, which measures, compares and returns judgements. Here they
are asked one after the other; what several of them need is in the results, and is found once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lab.findings.answer import Answer, Judgement
from lab.findings.study_results import StudyResults
from lab.findings.view import Answers, Rows, TextTable, View, cells
from lab.kinds import load
from lab.scaling.judge.verdict import UNDECIDED, Doubt, briefly
from lab.tables.prediction import Claim


def judgements(question: StudyResults) -> tuple[Judgement, ...]:
    """Every claim of the study, in the order of its file and of the grid."""
    return tuple(
        _reasoned(judged) for claim in question.study.claims for judged in _judged(question, claim)
        if not (claim.where and judged.setting)
        or claim.about({"d": judged.setting.dim, **judged.setting.varying})
    )  # fmt: skip


def _judged(question: StudyResults, claim: Claim) -> Iterable[Judgement]:
    quantity = question.study.quantity(claim)
    if question.fitted is None or quantity.fitted:
        return load(quantity.answer)(question, claim)
    why = "an older table has no runs to judge it by: run the study."
    return [Judgement.unmeasured(claim, one.setting, math.nan, (), why) for one in question.stored]


def _reasoned(one: Judgement) -> Judgement:
    """The judgement with a doubt where it is undecided: one that crosses an edge or, where nothing
    is measured, one that lacks runs."""
    if one.verdict != UNDECIDED or one.doubts:
        return one
    measured = all(map(math.isfinite, one.interval))
    return replace(one, doubts=(Doubt.INTERVAL_TOO_WIDE if measured else Doubt.UNFINISHED,))


# ---- as people see them --------------------------------------------------------------------------


HEAD = ("setting", "claim", "measured", "95 % interval", "predicted", "verdict", "doubts")
MOST = 6
"""Columns that a narrow terminal shows."""


def own(answer: Answer) -> list[Judgement]:
    """The judgements that are no finding's own verdict, shown with it."""
    return [one for one in answer.claims
            if not any(one.evidence is found for found in answer.found(one.kind))]  # fmt: skip


def above(answers: Answers) -> list[TextTable]:
    """One row per claim and setting, setting by setting."""
    if not any(own(answer) or len(answer.study.claims) > 1 for answer in answers):
        return []
    rows = [
        cells((one.label, one.claim.told, one.value, one.interval, one.prediction, one.verdict,
               briefly(one.doubts)))
        for answer in answers for one in _ordered(answer.claims)
    ]  # fmt: skip
    return [TextTable(HEAD, rows, "What is claimed, and what came of it:", most=MOST)]


def _ordered(claims: Sequence[Judgement]) -> list[Judgement]:
    order = [*dict.fromkeys(one.label for one in claims)]
    return sorted(claims, key=lambda one: order.index(one.label))


def sentences(_: Answer, one: Judgement) -> Iterator[str]:
    """The outcome, and what would decide an undecided claim."""
    yield from one.words
    if one.advice:
        yield f"{one.claim.told}: {one.advice}"


def measured(one: Judgement) -> str:
    """The number with its interval beside what was predicted."""
    if not math.isfinite(one.value):
        return f"{one.claim.symbol}: nothing measured yet"
    where = f" at {one.at}" if one.at else ""
    value, ends, predicted = cells((one.value, one.interval, one.prediction))
    return f"{one.claim.symbol}: {value} {ends}{where}, {predicted} predicted"


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


VIEW = View(above=above, sentences=sentences, files=files, json="nowhere", title="Claims",
            measured=measured, advice=lambda one: one.advice)  # fmt: skip
