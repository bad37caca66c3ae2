"""The answer of a study: its findings, by kind, and the claims about them, judged.

Object: values alone. They are found by `lab.findings.answering`, and the judgements by the function
that the quantity of a claim names (`lab.regimes.quantity`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.findings.exponent_result import ExponentResult
from lab.findings.intervals import NOTHING, inside
from lab.findings.provenance import History, Provenance
from lab.findings.study_results import ClaimedFinding, Setting
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import UNDECIDED
from lab.scaling.scans.scan import Interval
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
        """True if there are exponents, and something is claimed of them."""
        return bool(self.points) and self.study.prediction is not None

    @property
    def prediction(self) -> Claim:
        """The claim that the points are judged by, where it `predicts`."""
        assert self.study.prediction
        return self.study.prediction

    @property
    def history(self) -> History | None:
        """The time at which that claim was written, and its changes."""
        both = zip(self.study.claims, self.histories, strict=False)
        return next((when for claim, when in both if claim == self.study.prediction), None)

    @property
    def settings(self) -> list[tuple[str, list[ExponentResult]]]:
        """The exponents of each setting besides d, by its name: a panel of a figure each."""
        grouped: dict[str, list[ExponentResult]] = {}
        for point in self.points:
            grouped.setdefault(point.setting.name, []).append(point)
        return list(grouped.items())


@dataclass(frozen=True)
class Judgement:
    """The outcome of one claim in one setting.

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

    @classmethod
    def unmeasured(
        cls, claim: Claim, setting: Setting, prediction: float, doubts: tuple[str, ...], why: str
    ) -> Judgement:
        """An undecided claim of which nothing was measured, and why."""
        return cls(claim, setting, math.nan, NOTHING, prediction, UNDECIDED, doubts, why)

    @classmethod
    def of(
        cls, claim: Claim, found: ClaimedFinding, prediction: float, value: float,
        interval: Interval, *, allowed: Interval | None = None, verdict: str | None = None,
        advice: str = "", **more: Any,
    ) -> Judgement:  # fmt: skip
        """A claim about a measured value: decided by what is allowed, the claim's band unless told,
        where no verdict is told; undecided where the finding has doubts, and only without them
        followed by advice."""
        own = verdict or inside(interval, allowed or claim.band(prediction))
        verdict = UNDECIDED if found.doubts else own
        advice = advice if verdict == UNDECIDED and not found.doubts else ""
        return cls(claim, found.at, value, interval, prediction, verdict, found.doubts, advice,
                   **more)  # fmt: skip

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
