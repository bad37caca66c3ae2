"""Gaps of wide networks to their limits: what they are at both ends, and a table by width."""

from __future__ import annotations

from collections.abc import Iterator

from lab.findings.answer import Answer
from lab.findings.gaps import Gap, Gaps
from lab.findings.view import Answers, Table, View, interval, number

LIMITS = {"kernel": "exact NTK regression", "tangent": "the linearised models"}


def sentences(_: Answer, found: Gaps) -> Iterator[str]:
    """Both ends of each gap, and how that to the tangents falls, whose law nobody judges."""
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


def below(answers: Answers) -> list[Table]:
    """Width against the gap to each limit, a table per setting."""
    return [_table(found) for answer in answers for found in answer.found("gaps")]


def _table(found: Gaps) -> Table:
    columns = (f"{found.label}: w", *(f"above {LIMITS[g.limit]}" for g in found.to))
    rows = [(f"{w:.0f}", *(_gap(g, i) for g in found.to)) for i, w in enumerate(found.to[0].w)]
    return Table(columns, rows)


def _gap(g: Gap, i: int) -> str:
    return f"{100 * g.relative[i]:+.2g} % ± {100 * g.error[i]:.1g} %"


VIEW = View(sentences=sentences, below=below, json="nowhere")
