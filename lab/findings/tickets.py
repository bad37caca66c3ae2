"""Tickets beside random subnetworks and dense networks of the same size, in pairs.

Rules of one teacher share its full networks and data, so that differences of exponents and ratios
of losses are taken teacher by teacher, the seeds of each averaged in logarithms. Intervals:
Student's t over teachers, of α(rule) − α(dense) (`contrasts.between`), of log(L_random/L_rule) and
log(L_dense/L_rule), the mean over all N that both have; a ratio is exp of its mean.

Known bias: the rules share their full networks, and a full network that failed is in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Judgement, inside
from lab.findings.contrasts import Contrast, between, whole
from lab.findings.drawing import BLUE, GREEN, GREY, ORANGE, decades, grid, literal, styled
from lab.findings.exponent_result import ExponentResult
from lab.findings.exponents import doubts_of_runs
from lab.findings.study_results import Setting, SettingRuns, StudyResults, named
from lab.findings.view import Answers, CaptionedFigure, TextTable, View, findings_of, interval
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Doubt
from lab.scaling.scans.lines import teacher_t
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RULE = "student.rule"
Logs = Mapping[float, Mapping[int, float]]
"""Mean log losses by N and teacher."""


@dataclass(frozen=True)
class LossOver:
    """Ratio of a loss to that of a rule, in the mean over N and at each N."""

    value: float
    interval: Interval
    at: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TicketFound:
    """One rule in one setting: losses of random subnetworks and dense networks over its own, and
    the difference of its exponent from the dense one; None where there is none."""

    at: Setting
    logs: Logs
    random: LossOver | None
    dense: LossOver | None
    contrast: Contrast | None
    doubts: tuple[str, ...] = ()
    setting: Setting | None = None
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.at.label

    @property
    def rule(self) -> str:
        """Name of the rule that keeps units."""
        return str(self.at.varying[RULE])

    def plain(self) -> dict[str, Any]:
        """Ratios and the difference."""
        told: dict[str, Any] = {"label": self.label, "rule": self.rule}
        for name, over in (("random", self.random), ("dense", self.dense)):
            if over:
                told[name] = {"ratio": over.value, "interval": over.interval, "at": over.at}
        return told | ({"keeps": self.contrast.plain()} if self.contrast else {})


def tickets(question: StudyResults) -> tuple[TicketFound, ...]:
    """Every rule of every setting, in the order of the grid."""
    points = {p.setting: p for p in question.found("exponents")}
    logs = {one.setting: _logs(question, one) for one in question.stored}
    found = []
    for one in question.stored:
        beside = {rule: _beside(logs, one.setting, rule) for rule in ("random", "dense")}
        over = {
            rule: _over(logs[other], logs[one.setting]) if other and rule != _rule(one) else None
            for rule, other in beside.items()
        }
        doubts = tuple(d for d in doubts_of_runs(question.study, one) if d in FORBID)
        found.append(TicketFound(
            one.setting, logs[one.setting], over["random"], over["dense"],
            _contrast(points, beside["dense"], one.setting, question.study.task.count), doubts,
        ))  # fmt: skip
    return tuple(found)


FORBID = {Doubt.DIVERGED, Doubt.FAILED, Doubt.UNFINISHED}
"""Doubts of the runs under which nothing is judged."""


def _rule(one: SettingRuns) -> str:
    return str(one.setting.varying.get(RULE))


def _beside(some: Mapping[Setting, Any], of: Setting, rule: str) -> Setting | None:
    """The setting of a rule that has all else in common."""
    own = {**of.varying, RULE: rule}
    return next((s for s in some if s.dim == of.dim and s.varying == own), None)


def _contrast(
    points: Mapping[Setting, ExponentResult], dense: Setting | None, of: Setting, count: int
) -> Contrast | None:
    before, after = points.get(dense) if dense else None, points.get(of)
    if before is None or after is None or before is after:
        return None
    return between(before, after, RULE) if whole(before, count) and whole(after, count) else None


def _logs(question: StudyResults, one: SettingRuns) -> Logs:
    values = question.reading(one)
    at: dict[float, dict[int, list[float]]] = {}
    rows = zip(values.x.tolist(), values.teacher.tolist(), values.value.tolist(), strict=True)
    for x, teacher, value in rows:
        if value > 0:
            at.setdefault(x, {}).setdefault(teacher, []).append(math.log(value))
    return {x: {k: float(np.mean(v)) for k, v in some.items()} for x, some in sorted(at.items())}


def _over(other: Logs, own: Logs) -> LossOver | None:
    """The losses of another rule over those of this one."""
    both = sorted(other.keys() & own.keys())
    if not both:
        return None
    teachers = sorted(set.intersection(*(set(other[x]) & set(own[x]) for x in both)))
    if not teachers:
        return None
    change = np.array([[other[x][k] - own[x][k] for k in teachers] for x in both])
    low, high = (float(end[0]) for end in teacher_t(change.mean(0)[None]))
    at = tuple(zip(both, np.exp(change.mean(1)).tolist(), strict=True))
    return LossOver(float(np.exp(change.mean())), (math.exp(low), math.exp(high)), at)


# ---- claims --------------------------------------------------------------------------------------

MORE = "take more teachers."


def advantage(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the loss of random subnetworks over that of every rule that chooses units."""
    for (one, value), found in _chosen(question, claim):
        over = found.random
        if over is None:
            why = "random subnetworks of the same sizes are needed: run the study."
            yield Judgement.unmeasured(claim, one.setting, value, found.doubts, why)
            continue
        low, high = over.interval
        verdict = AGREES if low > value else CONTRADICTS if high < value else UNDECIDED
        verdict = UNDECIDED if found.doubts else verdict
        each = ", ".join(f"{ratio:.2f} at N = {x:g}" for x, ratio in over.at)
        yield Judgement(
            claim, one.setting, over.value, over.interval, value, verdict, found.doubts,
            MORE if verdict == UNDECIDED and not found.doubts else "", words=(f"{each}.",),
        )  # fmt: skip


def keeps(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge α(rule) − α(dense) of every rule; the tolerance is absolute."""
    for (one, value), found in _chosen(question, claim):
        if found.contrast is None:
            why = "both exponents are needed, of every teacher: run the study."
            yield Judgement.unmeasured(claim, one.setting, value, found.doubts, why)
            continue
        ends = found.contrast.interval
        verdict = UNDECIDED if found.doubts else inside(ends, claim.band(value))
        yield Judgement(
            claim, one.setting, found.contrast.change, ends, value, verdict, found.doubts,
            MORE if verdict == UNDECIDED and not found.doubts else "",
        )  # fmt: skip


def _chosen(
    question: StudyResults, claim: Claim
) -> Iterator[tuple[tuple[SettingRuns, float], TicketFound]]:
    """Settings whose units are chosen by what was learned."""
    for told, found in zip(question.predicted(claim), question.found("tickets"), strict=True):
        if found.rule not in ("random", "dense"):
            yield told, found


# ---- as people see it ----------------------------------------------------------------------------

HEAD = ("d", "rule", "both", "random/rule", "95 % interval", "dense/rule", "95 % interval",
        "Δα to dense", "95 % interval")  # fmt: skip


def above(answers: Answers) -> list[TextTable]:
    """A line for each rule and setting."""
    lines = [_cells(one) for one in findings_of(answers, "tickets")]
    words = (
        "Losses of random subnetworks and dense networks of the same N over those of each rule, "
        "geometric means over N, and exponents less the dense one, teacher by teacher:"
    )
    return [TextTable(HEAD, lines, words, most=5)] if lines else []


def _cells(one: TicketFound) -> tuple[str, ...]:
    rest = {name: value for name, value in one.at.varying.items() if name != RULE}
    c = one.contrast
    change = (f"{c.change:+.2f}", interval(c.interval)) if c else ("–", "–")
    return (str(one.at.dim), one.rule, named(rest) or "–", *_ratio(one.random), *_ratio(one.dense),
            *change)  # fmt: skip


def _ratio(over: LossOver | None) -> tuple[str, str]:
    return (f"{over.value:.3g}", f"[{over.interval[0]:.3g}, {over.interval[1]:.3g}]") if over else (
        "–", "–")  # fmt: skip


COLOURS = {"magnitude": BLUE, "match": GREEN, "random": ORANGE, "dense": GREY}


def figures(answers: Answers) -> list[CaptionedFigure]:
    """Loss against size of all rules, a panel for all else."""
    found = [one for one in findings_of(answers, "tickets") if one.logs]
    return [CaptionedFigure("tickets", "Tickets", *_drawn(found))] if found else []


def _drawn(found: Sequence[TicketFound]) -> tuple[Figure, str]:
    panels: dict[str, list[TicketFound]] = {}
    for one in found:
        rest = {name: value for name, value in one.at.varying.items() if name != RULE}
        panels.setdefault(", ".join(filter(None, [one.at.dimension, named(rest)])), []).append(one)
    with styled():
        figure, axes = grid(len(panels), margin=0.4, height=3.8)
        for ax, (title, some) in zip(axes, panels.items(), strict=True):
            for one in some:
                N = np.array([*one.logs])
                logs = [np.array([*of.values()]) for of in one.logs.values()]
                mean = np.array([log.mean() for log in logs])
                half = [2 * log.std(ddof=1) / math.sqrt(log.size) if log.size > 1 else 0.0
                        for log in logs]  # fmt: skip
                value, spread = np.exp(mean), np.array(half)
                bars = [value - np.exp(mean - spread), np.exp(mean + spread) - value]
                ax.errorbar(N, value, yerr=bars, fmt="o-", color=COLOURS[one.rule], ms=4, lw=1.2,
                            label=one.rule)  # fmt: skip
            ax.set(xscale="log", yscale="log", xlabel="trainable parameters N",
                   ylabel="relative loss")  # fmt: skip
            decades(ax)
            ax.set_title(literal(title))
            ax.legend(fontsize=8)
    return figure, (
        "Loss of subnetworks trained again from their first weights, by the rule that keeps units, "
        "and of dense networks of the same size: geometric means over teachers, bars of two "
        "standard errors."
    )


VIEW = View(above=above, figures=figures, key="tickets", json="fits")
