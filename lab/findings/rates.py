"""Classes of learning rates, setting by setting, beside those that are known.

Errors of all draws of an n are one column of what `lab.scaling.rates.classify` reads. A claim about
the class agrees where the label is that of the learner's theory, and contradicts where it is
another; where the classifier is undecided so is the claim. A claim about α reads the law of a free
exponent. The class holds for the n that were measured.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from lab.findings.answer import Answer, Judgement, inside
from lab.findings.drawing import BLUE, GREY, VERMILLION, grid, literal, styled
from lab.findings.study_results import ClaimedFinding, StudyResults
from lab.findings.view import Answers, CaptionedFigure, TextTable, View, findings_of
from lab.regimes.rates import RATE
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED
from lab.scaling.rates import NO_CLASS, RateClass, classify
from lab.students.rates import Realisable
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class RateFound(ClaimedFinding):
    """n, the errors of every draw there, their class, and the class and exact means of theory."""

    n: Float[np.ndarray, " n"]
    errors: Float[np.ndarray, "draws n"] = field(repr=False)
    found: RateClass
    known: str
    exact: Float[np.ndarray, " n"] = field(repr=False)

    def plain(self) -> dict[str, Any]:
        """The class, what it was weighed by, and the exponent."""
        one = self.found
        return {"label": self.label, "class": one.label, "known": self.known,
                "alpha": {"value": one.exponent, "interval": one.interval}, "rate": one.rate,
                "misfit": one.misfit, "why": one.why}  # fmt: skip


def rates(question: StudyResults) -> tuple[RateFound, ...]:
    """One per setting, in the order of the grid."""
    found = []
    for one in question.stored:
        at: dict[int, dict[int, float]] = defaultdict(dict)
        for run, row in one.done:
            at[run.seed][run.size or 0] = float(row.loss or 0.0)
        sizes = sorted({n for draw in at.values() for n in draw})
        whole = [[draw[n] for n in sizes] for draw in at.values() if len(draw) == len(sizes)]
        n = np.array(sizes, float)
        errors = np.array(whole, float).reshape(len(whole), n.size)
        student = one.cells.scan[0][0].student
        truth = Realisable.truth(student)
        mass = Realisable.smallest_mass(student)
        nothing = len(whole) < 2
        label = (
            RateClass(NO_CLASS, {}, math.nan, (math.nan, math.nan), math.nan, 0,
                      "nothing is measured yet.")
            if nothing else classify(n, errors, smallest_mass=mass)
        )  # fmt: skip
        exact = np.array([float(truth.error(v)) for v in sizes])
        found.append(RateFound(n, errors, label, truth.rate_class, exact, at=one.setting))
    return tuple(found)


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the class of every setting beside that of its theory."""
    for one, found in zip(question.stored, question.found("rates"), strict=True):
        label = found.found.label
        verdict = UNDECIDED
        if label != NO_CLASS:
            verdict = AGREES if label == found.known else CONTRADICTS
        words = f"measured: {label}; {found.known} by theory."
        yield Judgement(
            claim, one.setting, math.nan, (math.nan, math.nan), math.nan, verdict,
            (f"undecided: {found.found.why}",) if verdict == UNDECIDED else (),
            found.found.why, words=(words,), more={"class": label, "known": found.known},
        )  # fmt: skip


def exponent(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge α, the exponent of the law that has a free one."""
    for (one, value), found in zip(question.predicted(claim), question.found("rates"), strict=True):
        ends = found.found.interval
        verdict = inside(ends, claim.band(value))
        yield Judgement(claim, one.setting, found.found.exponent, ends, value, verdict,
                        advice="take more draws." if verdict == UNDECIDED else "")  # fmt: skip


# ---- as people see it ----------------------------------------------------------------------------


def above(answers: Answers) -> list[TextTable]:
    """A line for each setting."""
    lines = [
        (one.label, one.found.label, one.known, _alpha(one.found), f"{one.found.rate:.3g}")
        for one in findings_of(answers, "rates")
    ]
    words = (
        "Classes of the error in the number of labels n; α of the law with a free exponent up to "
        "1, and the rate of the exponential on the largest n:"
    )
    columns = ("setting", "class", "by theory", "α", "rate")
    return [TextTable(columns, lines, words, most=3)] if lines else []


def _alpha(one: RateClass) -> str:
    low, high = one.interval
    return f"{one.exponent:.2f} [{low:.2f}, {high:.2f}]" if math.isfinite(one.exponent) else "–"


def sentences(_: Answer, one: RateFound) -> Iterator[str]:
    """Draws and n, and what keeps the class from being decided."""
    yield f"{len(one.errors)} draws of {one.n.size} n."
    if one.found.why:
        yield f"undecided, for {one.found.why}"


def figures(answers: Answers) -> list[CaptionedFigure]:
    """One figure of all settings that have errors."""
    found = [one for one in findings_of(answers, "rates") if len(one.errors)]
    return [CaptionedFigure("rates", "Classes of rates", *_drawn(found))] if found else []


def _drawn(found: Sequence[RateFound]) -> tuple[Figure, str]:
    with styled():
        figure, axes = grid(len(found), margin=0.4, height=3.6)
        for ax, one in zip(axes, found, strict=True):
            mean = one.errors.mean(0)
            error = one.errors.std(0, ddof=1) / math.sqrt(len(one.errors))
            ax.errorbar(one.n, mean, yerr=2 * error, fmt="o", color=BLUE, ms=4, label="measured")
            ax.plot(one.n, one.exact, "--", color=VERMILLION, lw=1.4, label="exact mean")
            start = float(one.exact[0] * one.n[0])
            ax.plot(one.n, start / one.n, ":", color=GREY, lw=1.2, label="1/n")
            low = float(mean[mean > 0].min(initial=1.0))
            ax.set(xscale="log", yscale="log", xlabel="labels n", ylabel="probability of error",
                   ylim=(low / 3, None))  # fmt: skip
            ax.set_title(literal(f"{one.label}: {one.found.label}"))
            ax.legend(loc="lower left", fontsize=8)
    return figure, (
        "Mean error against the number of labels, bars of two standard errors over draws; exact "
        "means dashed, and 1/n from the first of them dotted. In the titles the class."
    )


def measured(one: RateFound) -> str:
    """The class."""
    return f"{RATE.symbol}: {one.found.label}"


VIEW = View(above=above, sentences=sentences, figures=figures, key="rates", measured=measured)
