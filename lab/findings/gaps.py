"""The gaps between wide networks and their limits: how far mean losses lie above them, by width.

Two limits stand beside every wide network: exact NTK regression (`kernel`), which all
starts share, and the linearised model of its own start (`tangent`). A gap is the sum over teachers
of the mean excess over starts, relative to the limit's, with its standard error over starts. The
excess over the kernel is taken with the control variate of `lab.students.tangent`; without
it the scatter of Θ_w hides the gap at large w.

The excess over the tangents may have either sign, as features that move help or harm, and may
change it with w. Its absolute value is fitted, and how many cells were negative is told: where some
are and some are not, that exponent means little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lab.findings.answer import Answer
from lab.findings.study_results import Finding, StudyResults
from lab.findings.view import Answers, TextTable, View, findings_of, interval, number
from lab.scaling.judge.exponent import Exponent, exponent
from lab.scaling.scans.scan import Scan, excess

REFERENCE: Mapping[str, str] = {"kernel": "limit", "tangent": "tangent"}
"""The loss that is subtracted for the gap to each limit, by its name in the details."""


@dataclass(frozen=True)
class Gap:
    """The gap to one limit at every width.

    relative: mean loss / mean loss of the limit − 1; error: its standard error. negative, cells:
    mean excesses of one teacher at one width, below zero and in all. exponent: of their absolute
    values.
    """

    limit: str
    w: Float[np.ndarray, " widths"]
    relative: Float[np.ndarray, " widths"]
    error: Float[np.ndarray, " widths"]
    negative: int
    cells: int
    exponent: Exponent


@dataclass(frozen=True)
class Gaps(Finding):
    """The gaps of one setting to every limit. They have no doubts and no verdict."""

    to: tuple[Gap, ...]

    def plain(self) -> list[dict[str, Any]]:
        """The gap to each limit, width by width."""
        return [
            {"limit": g.limit, "w": g.w.tolist(), "relative": g.relative.tolist(),
             "standard_error": g.error.tolist(), "negative": g.negative, "cells": g.cells,
             "alpha": g.exponent.alpha, "interval": g.exponent.interval}
            for g in self.to
        ]  # fmt: skip


def gaps(question: StudyResults) -> tuple[Gaps, ...]:
    """The gaps of every setting of which runs are done."""
    found = []
    for one in question.stored:
        if one.done:
            raw = question.study.losses(one.done)
            details = [row.details for _, row in one.done]
            to = to_limits(raw.x, raw.value, raw.teacher, details)
            found.append(Gaps(to, setting=one.setting))
    return tuple(found)


def to_limits(
    w: Float[np.ndarray, " rows"],
    loss: Float[np.ndarray, " rows"],
    teacher: Int[np.ndarray, " rows"],
    details: Sequence[Mapping[str, float]],
) -> tuple[Gap, ...]:
    """The gaps of rows, one start each, to both limits."""
    found = []
    for limit, subtracted in REFERENCE.items():
        of_start, of_limit = (
            np.array([d[name] for d in details], float) for name in (subtracted, limit)
        )
        cells = excess(w, loss, of_start, teacher, smallest=False)
        widths = np.unique(w)
        at = [cells.x == width for width in widths]
        below = np.array([_mean_per_teacher(of_limit, teacher, w == width) for width in widths])
        scan = Scan.of(cells.x, np.abs(cells.mean), cells.teacher, np.zeros(cells.x.size, int))
        found.append(
            Gap(
                limit,
                widths,
                np.array([cells.mean[i].sum() for i in at]) / below,
                np.array([np.sqrt(np.sum(cells.error[i] ** 2)) for i in at]) / below,
                int(np.sum(cells.mean < 0)),
                cells.mean.size,
                exponent(scan, law="power"),
            )  # fmt: skip
        )
    return tuple(found)


def _mean_per_teacher(values: np.ndarray, teacher: np.ndarray, rows: np.ndarray) -> float:
    """Sum over teachers of their mean."""
    return float(sum(values[rows & (teacher == k)].mean() for k in np.unique(teacher[rows])))


# ---- as people see them --------------------------------------------------------------------------


LIMITS = {"kernel": "exact NTK regression", "tangent": "the linearised models"}


def sentences(_: Answer, found: Gaps) -> Iterator[str]:
    """Both ends of each gap; the law of the gap to the tangents is fitted and not judged."""
    for g in found.to:
        ends = " and ".join(f"{_gap(g, i)} at w = {g.w[i]:.0f}" for i in (0, -1))
        yield f"the mean loss lies {ends} above that of {LIMITS[g.limit]} (± standard error)."
        if g.limit == "tangent":
            e = g.exponent
            yield (
                f"the excess over {LIMITS[g.limit]} is negative in {g.negative} of {g.cells} cells "
                f"of teacher and width; its absolute value has α = {number(e.alpha)} "
                f"{interval(e.interval)}."
            )


def below(answers: Answers) -> list[TextTable]:
    """Width against the gap to each limit, a table per setting."""
    return [_table(found) for found in findings_of(answers, "gaps")]


def _table(found: Gaps) -> TextTable:
    columns = (f"{found.label}: w", *(f"above {LIMITS[g.limit]}" for g in found.to))
    rows = [(f"{w:.0f}", *(_gap(g, i) for g in found.to)) for i, w in enumerate(found.to[0].w)]
    return TextTable(columns, rows)


def _gap(g: Gap, i: int) -> str:
    return f"{100 * g.relative[i]:+.2g} % ± {100 * g.error[i]:.1g} %"


VIEW = View(sentences=sentences, below=below, json="nowhere")
