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

from lab.findings.answer import Answer, Judgement
from lab.findings.drawing import BLUE, GREY, VERMILLION, grid, literal
from lab.findings.intervals import NOTHING
from lab.findings.study_results import ClaimedFinding, StudyResults
from lab.findings.view import View, figure_of, interval, number, table_of
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
            RateClass(NO_CLASS, {}, math.nan, NOTHING, math.nan, 0,
                      "nothing is measured yet.")
            if nothing else classify(n, errors, smallest_mass=mass)
        )  # fmt: skip
        exact = np.array([float(truth.error(v)) for v in sizes])
        found.append(RateFound(n, errors, label, truth.rate_class, exact, at=one.setting))
    return tuple(found)


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge the class of every setting beside that of its theory."""
    for found in question.found("rates"):
        label = found.found.label
        verdict = UNDECIDED
        if label != NO_CLASS:
            verdict = AGREES if label == found.known else CONTRADICTS
        words = f"measured: {label}; {found.known} by theory."
        yield Judgement(
            claim, found.at, math.nan, NOTHING, math.nan, verdict,
            (f"undecided: {found.found.why}",) if verdict == UNDECIDED else (),
            found.found.why, words=(words,), more={"class": label, "known": found.known},
        )  # fmt: skip


def exponent(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge α, the exponent of the law that has a free one."""
    for found, _, value in question.beside(claim, "rates"):
        yield Judgement.of(claim, found, value, found.found.exponent, found.found.interval,
                           advice="take more draws.")  # fmt: skip


# ---- as people see it ----------------------------------------------------------------------------


def _lines(one: RateFound) -> Iterator[tuple]:
    yield one.label, one.found.label, one.known, _alpha(one.found), float(one.found.rate)


def _alpha(one: RateClass) -> str:
    return (
        f"{number(one.exponent)} {interval(one.interval)}" if math.isfinite(one.exponent) else "–"
    )


def sentences(_: Answer, one: RateFound) -> Iterator[str]:
    """Draws and n, and what keeps the class from being decided."""
    yield f"{len(one.errors)} draws of {one.n.size} n."
    if one.found.why:
        yield f"undecided, for {one.found.why}"


def _drawn(found: Sequence[RateFound]) -> tuple[Figure, str]:
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


VIEW = View(
    above=table_of(
        "rates", "Classes of the error in the number of labels n; α of the law with a free "
        "exponent up to 1, and the rate of the exponential on the largest n:",
        ("setting", "class", "by theory", "α", "rate"), _lines, most=3,
    ),
    sentences=sentences,
    figures=figure_of("rates", "Classes of rates", _drawn, of=lambda found: len(found.errors)),
    key="rates",
    measured=measured,
)  # fmt: skip
