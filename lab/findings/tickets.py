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

from lab.findings.answer import Judgement
from lab.findings.contrasts import Contrast, Logs, between, mean_logs, whole
from lab.findings.drawing import BLUE, GREEN, GREY, ORANGE, decades, grid, literal
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import ClaimedFinding, Setting, StudyResults, named
from lab.findings.view import View, figure_of, interval, table_of
from lab.scaling.scans.lines import teacher_t
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RULE = "student.rule"


@dataclass(frozen=True)
class LossOver:
    """Ratio of a loss to that of a rule, in the mean over N and at each N."""

    value: float
    interval: Interval
    at: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TicketFound(ClaimedFinding):
    """One rule in one setting: losses of random subnetworks and dense networks over its own, and
    the difference of its exponent from the dense one; None where there is none."""

    logs: Logs
    random: LossOver | None
    dense: LossOver | None
    contrast: Contrast | None

    @property
    def rule(self) -> str:
        """Name of the rule that keeps units."""
        return str(self.at.varying[RULE])

    @property
    def besides(self) -> dict[str, Any]:
        """All that varies but the rule, by name."""
        return {name: value for name, value in self.at.varying.items() if name != RULE}

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
    logs = {one.setting: mean_logs(question, one) for one in question.stored}
    found = []
    for one in question.stored:
        own = one.setting
        beside = {rule: at if (at := own.but({RULE: rule})) in logs and at != own else None
                  for rule in ("random", "dense")}  # fmt: skip
        over = {rule: _over(logs[at], logs[own]) if at else None for rule, at in beside.items()}
        found.append(TicketFound(
            logs[own], over["random"], over["dense"],
            _contrast(points, beside["dense"], own, question.study.task.count), at=own,
            doubts=one.lacking,
        ))  # fmt: skip
    return tuple(found)


def _contrast(
    points: Mapping[Setting, ExponentResult], dense: Setting | None, of: Setting, count: int
) -> Contrast | None:
    before, after = points.get(dense) if dense else None, points.get(of)
    if before is None or after is None:
        return None
    return between(before, after, RULE) if whole(before, count) and whole(after, count) else None


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
    for found, at, value in _chosen(question, claim):
        over = found.random
        if over is None:
            why = "random subnetworks of the same sizes are needed: run the study."
            yield Judgement.unmeasured(claim, at, value, found.doubts, why)
            continue
        each = ", ".join(f"{ratio:.2f} at N = {x:g}" for x, ratio in over.at)
        yield Judgement.of(claim, found, value, over.value, over.interval, advice=MORE,
                           allowed=(value, math.inf), words=(f"{each}.",))  # fmt: skip


def keeps(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge α(rule) − α(dense) of every rule; the tolerance is absolute."""
    for found, at, value in _chosen(question, claim):
        if found.contrast is None:
            why = "both exponents are needed, of every teacher: run the study."
            yield Judgement.unmeasured(claim, at, value, found.doubts, why)
            continue
        change = found.contrast
        yield Judgement.of(claim, found, value, change.change, change.interval, advice=MORE)


def _chosen(question: StudyResults, claim: Claim) -> Iterator[tuple[TicketFound, Setting, float]]:
    """Settings whose units are chosen by what was learned."""
    every = question.beside(claim, "tickets")
    return (told for told in every if told[0].rule not in ("random", "dense"))


# ---- as people see it ----------------------------------------------------------------------------

HEAD = ("d", "rule", "both", "random/rule", "95 % interval", "dense/rule", "95 % interval",
        "Δα to dense", "95 % interval")  # fmt: skip


def _lines(one: TicketFound) -> Iterator[tuple]:
    c = one.contrast
    change = (f"{c.change:+.2f}", interval(c.interval)) if c else ("–", "–")
    ratios = [(over.value, over.interval) if over else ("–", "–")
              for over in (one.random, one.dense)]  # fmt: skip
    yield one.at.dim, one.rule, named(one.besides) or "–", *ratios[0], *ratios[1], *change


COLOURS = {"magnitude": BLUE, "match": GREEN, "random": ORANGE, "dense": GREY}


def _drawn(found: Sequence[TicketFound]) -> tuple[Figure, str]:
    panels: dict[str, list[TicketFound]] = {}
    for one in found:
        title = ", ".join(filter(None, [one.at.dimension, named(one.besides)]))
        panels.setdefault(title, []).append(one)
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


VIEW = View(
    above=table_of(
        "tickets", "Losses of random subnetworks and dense networks of the same N over those of "
        "each rule, geometric means over N, and exponents less the dense one, teacher by teacher:",
        HEAD, _lines, most=5,
    ),
    figures=figure_of("tickets", "Tickets", _drawn, of=lambda found: found.logs),
    key="tickets",
    json="fits",
)  # fmt: skip
