"""The claims of a study, judged: one `Judgement` per claim and setting.

A claim names its quantity, and the quantity names who answers it (`lab.regimes.quantity`): a
function of the question and the claim, which measures, compares and returns judgements. Here they
are asked one after the other; what several of them need is in the question, and is found once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lab.findings.study_results import Setting, StudyResults
from lab.kinds.kind import load
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Doubt
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

__all__ = ["Judgement", "inside", "judgements"]

NOTHING: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class Judgement:
    """What came of one claim in one setting.

    value, interval: what was measured, NaN where nothing was. prediction: the value of the claim's
    formula there. doubts: slugs of `lab.scaling.judge.verdict.Doubt`, or sentences. advice: what
    would decide it, or why nothing does. place: of what it is, where it spans settings. at: at
    which x, in words. words: what else there is to say, as sentences. more: further plain values.
    evidence: the finding that it was read from, of that `kind`; None where
    it stands for itself.
    """

    claim: Claim
    setting: Setting | None
    value: float
    interval: Interval
    prediction: float
    verdict: str
    doubts: tuple[str, ...] = ()
    advice: str = ""
    place: str = ""
    at: str = ""
    words: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    evidence: Any = field(default=None, repr=False)
    kind: str = ""

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.setting.label if self.setting else self.place

    def plain(self) -> dict[str, Any]:
        """Under the names that `lab fit --json` promises."""
        claim, setting = self.claim, self.setting
        named: dict[str, Any] = {"label": self.label}
        if setting:
            named |= {"dim": setting.dim} | ({"setting": setting.varying} if setting.pairs else {})
        return {
            "quantity": claim.quantity, "claim": claim.told, **named, "value": self.value,
            "interval": self.interval, "prediction": self.prediction, "verdict": self.verdict,
            "doubts": list(self.doubts), "sense": claim.sense, "tolerance": claim.tolerance,
            "over": claim.over, **self.more,
        }  # fmt: skip


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
    return [Judgement(claim, one.setting, math.nan, NOTHING, math.nan, UNDECIDED, advice=why)
            for one in question.stored]  # fmt: skip


def _reasoned(one: Judgement) -> Judgement:
    """The judgement with a doubt where it is undecided: one that crosses an edge or, where nothing
    is measured, one that lacks runs."""
    if one.verdict != UNDECIDED or one.doubts:
        return one
    measured = all(map(math.isfinite, one.interval))
    return replace(one, doubts=(Doubt.INTERVAL_TOO_WIDE if measured else Doubt.UNFINISHED,))


def inside(interval: Interval, allowed: Interval) -> str:
    """`agrees` for an interval that lies wholly in what is allowed, `contradicts` for one that lies
    wholly outside, else `undecided`."""
    (lo, hi), (low, high) = interval, allowed
    if not (math.isfinite(lo) and math.isfinite(hi)):
        return UNDECIDED
    if low <= lo and hi <= high:
        return AGREES
    return CONTRADICTS if hi < low or lo > high else UNDECIDED
