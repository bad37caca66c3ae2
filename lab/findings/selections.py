"""Gains of selection: exponents and losses of chosen points beside random ones, in pairs.

Training sets of one teacher differ in the rule alone, so that both the difference of exponents and
the ratio of losses are taken teacher by teacher: what an easy or a hard teacher owes to itself
cancels. Intervals: Student's t over teachers, of α(rule) − α(random) (`contrasts.between`) and of
log(L_random/L_rule) at the largest D that both have; the ratio is exp of its mean.

A ratio is of one D where the exponents differ. Known bias: none of the difference, where both
scans are straight; a bend that only one of them has is in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.findings.answer import Judgement, inside
from lab.findings.contrasts import Contrast, between, whole
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Setting, SettingRuns, StudyResults, named
from lab.findings.view import Answers, TextTable, View, findings_of, interval
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Doubt
from lab.scaling.scans.lines import teacher_t
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

RULE = "data.selection"


@dataclass(frozen=True)
class SelectionGain:
    """What a rule gains over random points in one setting. ratio: L_random/L_rule at D = x."""

    contrast: Contrast
    ratio: float
    ratio_interval: Interval
    x: float
    chosen: ExponentResult
    setting: Setting | None = None
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.contrast.label

    @property
    def rule(self) -> str:
        """How points were chosen."""
        return str(self.contrast.after)

    @property
    def says(self) -> str:
        """The gain in words: steeper, flatter or the same slope, and by how much better."""
        change, ends = self.contrast.change, self.contrast.interval
        if ends[0] > 0 or ends[1] < 0:
            slope = f"{'steeper' if change > 0 else 'flatter'} by {abs(change):.2f}"
        else:
            slope = "no change of slope is seen"
        low, high = self.ratio_interval
        better = f"{self.ratio:.2g} times better" if self.ratio >= 1 else (
            f"{1 / self.ratio:.2g} times worse")  # fmt: skip
        if low <= 1 <= high:
            better = "no better, no worse"
        return f"{slope}, {better} at D = {self.x:g}"

    def plain(self) -> dict[str, Any]:
        """The difference, the ratio and their intervals."""
        return {
            **self.contrast.plain(), "ratio": self.ratio, "ratio_interval": self.ratio_interval,
            "x": self.x,
        }  # fmt: skip


def selections(question: StudyResults) -> tuple[SelectionGain, ...]:
    """Every rule beside random points, where all teachers were fitted under both."""
    points = [p for p in question.found("exponents") if whole(p, question.study.task.count)]
    losses = {one.setting: _losses(question, one) for one in question.stored}
    found = []
    for chosen in points:
        random = _random(points, chosen.setting)
        if random is None:
            continue
        contrast = between(random, chosen, RULE)
        before, after = losses[random.setting], losses[chosen.setting]
        x = max(before.keys() & after.keys())
        teachers = before[x].keys() & after[x].keys()
        log = np.array([before[x][k] - after[x][k] for k in sorted(teachers)])
        low, high = (float(end[0]) for end in teacher_t(log[None]))
        ratio = math.exp(float(log.mean()))
        found.append(
            SelectionGain(contrast, ratio, (math.exp(low), math.exp(high)), x, chosen)
        )  # fmt: skip
    return tuple(found)


def _random(points: list[ExponentResult], of: Setting) -> ExponentResult | None:
    """The point of random labels that has all else in common; None of random labels themselves."""
    if of.varying.get(RULE) == "random":
        return None
    own = {**of.varying, RULE: "random"}
    if "data.keep" in own:
        own["data.keep"] = 1.0
    return next((p for p in points if p.dim == of.dim and p.setting.varying == own), None)


def _losses(question: StudyResults, one: SettingRuns) -> dict[float, dict[int, float]]:
    """Mean log of the losses that are fitted, by D and teacher."""
    values = question.reading(one)
    at: dict[float, dict[int, list[float]]] = {}
    rows = zip(values.x.tolist(), values.teacher.tolist(), values.value.tolist(), strict=True)
    for x, teacher, value in rows:
        if value > 0:
            at.setdefault(x, {}).setdefault(teacher, []).append(math.log(value))
    return {x: {k: float(np.mean(v)) for k, v in some.items()} for x, some in at.items()}


def difference(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """A claim about α(rule) − α(random) in every setting of a rule; the tolerance is absolute.

    A doubt of either exponent forbids the verdict, but those of the size of the gain: a limited
    pool makes a difference read low.
    """
    gains = {gain.chosen.setting: gain for gain in question.found("selections")}
    points = {point.setting: point for point in question.found("exponents")}
    for one, predicted in question.predicted(claim):
        if one.setting.varying.get(RULE) == "random":
            continue
        gain = gains.get(one.setting)
        if gain is None:
            why = "both exponents are needed, of every teacher: run the study."
            yield Judgement.unmeasured(claim, one.setting, predicted, (), why)
            continue
        random = _random([*points.values()], one.setting)
        both = [point for point in (random, gain.chosen) if point]
        doubts = tuple(dict.fromkeys(d for point in both for d in point.doubts if d in FORBID))
        top = math.inf if claim.sense == "bound" else predicted + claim.tolerance
        verdict = inside(gain.contrast.interval, (predicted - claim.tolerance, top))
        low = Doubt.POOL_LIMITED in doubts
        if low and (verdict == AGREES and claim.sense == "equal" or
                    verdict == CONTRADICTS and gain.contrast.change < predicted):  # fmt: skip
            verdict = UNDECIDED
        if set(doubts) - {Doubt.POOL_LIMITED}:
            verdict = UNDECIDED
        yield Judgement(
            claim, one.setting, gain.contrast.change, gain.contrast.interval, predicted, verdict,
            doubts, words=(f"{gain.says}.",),
            more={"ratio": gain.ratio, "ratio_interval": gain.ratio_interval},
        )  # fmt: skip


FORBID = {Doubt.DIVERGED, Doubt.FAILED, Doubt.UNFINISHED, Doubt.UNCHECKED, Doubt.ILL_CONDITIONED,
          Doubt.ONE_POOL, Doubt.POOL_LIMITED}  # fmt: skip
"""Doubts of either scan that count for a difference too."""
COLUMNS = ("d", "labels", "both", "Δα", "95 % interval", "random/chosen", "95 % interval", "says")


def above(answers: Answers) -> list[TextTable]:
    """One row per rule and setting."""
    found = findings_of(answers, "selections")
    if not found:
        return []
    words = (
        "Chosen labels beside random ones, teacher by teacher (Student's t over "
        f"{found[0].contrast.teachers} pairs):"
    )
    return [TextTable(COLUMNS, [_cells(gain) for gain in found], words)]


def _cells(gain: SelectionGain) -> tuple[str, ...]:
    c = gain.contrast
    low, high = gain.ratio_interval
    return (str(c.dim), gain.rule, named(c.fixed) or "–", f"{c.change:+.2f}", interval(c.interval),
            f"{gain.ratio:.3g}", f"[{low:.3g}, {high:.3g}]", gain.says)  # fmt: skip


VIEW = View(above=above, key="selections", json="fits")
