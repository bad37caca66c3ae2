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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.findings.answer import Judgement
from lab.findings.contrasts import Contrast, between, mean_logs, whole
from lab.findings.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    decades,
    grid,
    literal,
    styled,
    told,
)  # fmt: skip
from lab.findings.exponent_result import ExponentResult
from lab.findings.intervals import inside
from lab.findings.study_results import Finding, Setting, StudyResults, named
from lab.findings.view import Answers, CaptionedFigure, TextTable, View, findings_of, interval
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Doubt
from lab.scaling.scans.lines import LEVEL, student_quantile, teacher_t
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

RULE = "data.selection"


@dataclass(frozen=True)
class SelectionGain(Finding):
    """Gain of a rule over random points in one setting. ratio: L_random/L_rule at D = x."""

    contrast: Contrast
    ratio: float
    ratio_interval: Interval
    x: float
    chosen: ExponentResult

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.contrast.label

    @property
    def rule(self) -> str:
        """Rule that chose the points."""
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
    count = question.study.task.count
    points = {p.setting: p for p in question.found("exponents") if whole(p, count)}
    losses = {one.setting: mean_logs(question, one) for one in question.stored}
    found = []
    for chosen in points.values():
        random = points.get(_random(chosen.setting))
        if random is None or chosen.setting.varying[RULE] == "random":
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


def _random(of: Setting) -> Setting:
    """The setting of random labels that has all else in common."""
    return of.but({RULE: "random", "data.keep": 1.0})


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
        random = points.get(_random(one.setting))
        both = [point for point in (random, gain.chosen) if point]
        doubts = tuple(dict.fromkeys(d for point in both for d in point.doubts if d in FORBID))
        verdict = inside(gain.contrast.interval, claim.band(predicted))
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
    many = {gain.contrast.teachers for gain in found}
    pairs = " to ".join(map(str, sorted({min(many), max(many)})))
    words = (
        "Chosen labels beside random ones, teacher by teacher (Student's t over "
        f"{pairs} pairs). {_valued(found)}"
    )
    return [TextTable(COLUMNS, [_cells(gain) for gain in found], words)]


def changes(gains: Sequence[SelectionGain]) -> str:
    """Change by selection of one scan under several rules: "the slope", "the constant" or
    "nothing". Intervals are those of the rules together (Bonferroni)."""
    dof = gains[0].contrast.teachers - 1
    wider = float(student_quantile(dof, 1 - (1 - LEVEL) / len(gains)) / student_quantile(dof))

    def clear(value: float, ends: Interval) -> bool:
        return abs(value) > wider * (ends[1] - ends[0]) / 2

    if any(clear(gain.contrast.change, gain.contrast.interval) for gain in gains):
        return "the slope"
    ratios = [(gain.ratio, gain.ratio_interval) for gain in gains]
    if any(clear(math.log(r), (math.log(ends[0]), math.log(ends[1]))) for r, ends in ratios):
        return "the constant"
    return "nothing"


def _valued(found: Sequence[SelectionGain]) -> str:
    """Change by selection in each setting besides the rule, in words."""
    scans: dict[str, list[SelectionGain]] = {}
    for gain in found:
        name = ", ".join(filter(None, (gain.label, named(gain.contrast.fixed))))
        scans.setdefault(name, []).append(gain)
    told: dict[str, list[str]] = {}
    for name, gains in scans.items():
        told.setdefault(changes(gains), []).append(name)
    of = "; ".join(f"{what} ({'; '.join(names)})" for what, names in told.items())
    return f"All rules together, selection changes {of}."


def _cells(gain: SelectionGain) -> tuple[str, ...]:
    c = gain.contrast
    return (str(c.dim), gain.rule, named(c.fixed) or "–", f"{c.change:+.2f}", interval(c.interval),
            f"{gain.ratio:.3g}", interval(gain.ratio_interval, ".3g"), gain.says)  # fmt: skip


def figures(answers: Answers) -> list[CaptionedFigure]:
    """α against d under each rule, a panel per kind of target, where more than one d is asked."""
    curves = _curves(answers)
    every = [p for some in curves.values() for points in some.values() for p in points]
    dims = sorted({p.dim for p in every})
    if len(dims) < 2 or not findings_of(answers, "selections"):
        return []
    rules = dict.fromkeys(rule for some in curves.values() for rule in some)
    colours = dict(zip(rules, (GREY, BLUE, GREEN, VERMILLION, ORANGE, "black"), strict=False))
    with styled():
        figure, axes = grid(len(curves), margin=0.8, height=3.6)
        for ax, (target, some) in zip(axes, curves.items(), strict=True):
            for i, (rule, points) in enumerate(some.items()):
                colour, aside = colours[rule], 1 + 0.02 * (i - (len(some) - 1) / 2)
                d = np.array([p.dim for p in points], float)
                ax.plot(d, [p.prediction for p in points], "--" if d.size > 1 else "_", ms=16,
                        color=colour, lw=1.2, zorder=2)  # fmt: skip
                for p, at in zip(points, d * aside, strict=True):
                    assert p.exponent is not None
                    value, (low, high) = p.exponent.alpha, p.exponent.interval
                    mark = ax.errorbar(
                        at, value, yerr=[[value - low], [high - value]], fmt="o", color=colour,
                        ms=5, capsize=3, lw=1.3, label=rule if p is points[0] else None,
                    )  # fmt: skip
                    told(mark.lines[0], f"{p.label}: {value:.3g}, {p.prediction:.3g} predicted")
            ax.set(title=literal(target), xscale="log", yscale="log")
            ax.set_xticks(dims, [str(d) for d in dims])
            ax.set_xticks([], minor=True)
            decades(ax)
            ax.set_xticks(dims, [str(d) for d in dims])
            ax.legend(fontsize=8.5)
        figure.supxlabel("intrinsic dimension d", fontsize=10.5)
        figure.supylabel(r"exponent $\alpha$ in $L \propto D^{-\alpha}$", fontsize=10.5)
    caption = (
        "Exponents against intrinsic dimension under each way to choose the labels. Bars: 95 % "
        "interval over teachers. Dashed, in the colour of the rule: its prediction. Points of one "
        "d are shifted a little to the side."
    )
    return [CaptionedFigure("selections", "What choosing the labels buys", figure, caption)]


def _curves(answers: Answers) -> dict[str, dict[str, list[ExponentResult]]]:
    """The exponents that were measured, by kind of target and rule, in the order of d."""
    curves: dict[str, dict[str, list[ExponentResult]]] = {}
    for answer in answers:
        table = answer.study
        target = f"{table.task.teacher_kind}, {table.student.kind} students"
        for p in sorted(answer.points, key=lambda p: p.dim):
            rule = p.setting.varying.get(RULE)
            if rule and p.claim and p.exponent and np.isfinite(p.exponent.interval).all():
                curves.setdefault(target, {}).setdefault(str(rule), []).append(p)
    return curves


VIEW = View(above=above, figures=figures, key="selections", json="fits",
            title="Chosen labels beside random ones")  # fmt: skip
