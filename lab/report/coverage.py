"""Coverage of estimated dimensions: a table of shares, the numbers of every cell as CSV, a figure.

What it does not do: draw (`dimension_figures.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.findings.answer import Answer
from lab.findings.coverage import Coverage
from lab.findings.view import Answers, CaptionedFigure, Rows, Table, View, interval
from lab.scaling.judge.verdict import AGREES


def above(answers: Answers) -> list[Table]:
    """Points against estimators: the share of corrected intervals that hold d."""
    found = _found(answers)
    if not found:
        return []
    methods = dict.fromkeys(one.method for one in found)
    agree = sum(one.verdict == AGREES for one in found)
    words = (
        f"Share of 95 % intervals that hold d, corrected (in brackets: raw). Predicted: at least "
        f"{found[0].least:g}; {agree} of {len(found)} agree (? undecided, ! contradicts):"
    )
    by = {(one.points, one.method): one for one in found}
    points = dict.fromkeys(one.points for one in found)
    rows = [(p or "points", *(_share(by.get((p, m))) for m in methods)) for p in points]
    return [Table(("points", *methods), rows, words)]


def _share(one: Coverage | None) -> str:
    if one is None:
        return "–"
    mark = "" if one.verdict == AGREES else " ?" if one.verdict == "undecided" else " !"
    return f"{one.share('held'):.2f} ({one.share('raw_held'):.2f}){mark}"


def sentences(_: Answer, found: Coverage) -> Iterator[str]:
    """Of those that do not agree, the share with its interval."""
    if found.verdict != AGREES:
        yield (
            f"the corrected interval holds d in {found.share('held'):.3f} "
            f"{interval(found.interval)} of {found.cases} cases, {found.verdict}; "
            f"{found.share('doubted'):.2f} of them are doubted."
        )


def figures(answers: Answers) -> list[CaptionedFigure]:
    """Estimates over d, a panel per estimator."""
    from lab.report import dimension_figures

    found = _found(answers)
    return [dimension_figures.bias(found)] if found else []


def files(answers: Answers) -> Mapping[str, Rows]:
    """Every cell of every estimator."""
    rows = [
        (one.points, one.method, c.d, c.n, c.draws, c.raw, c.corrected, c.raw_held, c.held,
         c.doubted, c.width)
        for one in _found(answers)
        for c in one.cells
    ]  # fmt: skip
    columns = ("points", "method", "d", "n", "draws", "raw", "corrected", "raw_held", "held",
               "doubted", "width")  # fmt: skip
    return {"coverage.csv": Rows(columns, rows)} if rows else {}


def _found(answers: Answers) -> list[Coverage]:
    return [one for answer in answers for one in answer.found("coverage")]


VIEW = View(above=above, sentences=sentences, figures=figures, files=files, key="coverage")
