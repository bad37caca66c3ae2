"""Dimension against exponent: the figure of Sharma & Kaplan with errors on both axes, its table,
its line in words, and its numbers as CSV.

What it does not do: draw (`dimension_figures.py`), or the dimension of a user's points
(`dimension.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lab.findings.answer import Answer
from lab.findings.dimensions import AgainstExponent, Pair
from lab.findings.view import Answers, CaptionedFigure, Rows, Table, View, interval

COLUMNS = ("where", "d", "at", "raw", "dimension", "95 % interval", "implied", "95 % interval",
           "exponent is")  # fmt: skip
SHOWN = (0, 1, 4, 5, 6, 7, 8)


def above(answers: Answers) -> list[Table]:
    """One row per place and setting."""
    found = _found(answers)
    if not found:
        return []
    words = (
        "Dimension measured at the largest x (mean over teachers, corrected) beside the one that "
        f"the exponent implies, {found[0].implied}:"
    )
    return [Table(COLUMNS, [_cells(f, pair) for f in found for pair in f.pairs], words, SHOWN)]


def _cells(found: AgainstExponent, pair: Pair) -> tuple[str, ...]:
    at = pair.measured
    return (
        found.label, str(pair.setting.dim), f"{found.symbol} = {at.x:g}", f"{at.raw:.2f}",
        f"{at.corrected:.2f}" + (" ?" if at.doubted > 0.5 else ""), interval(at.interval),
        f"{pair.implied:.2f}" if np.isfinite(pair.implied) else "–",
        interval(pair.implied_interval), pair.verdict or "–",
    )  # fmt: skip


def sentences(_: Answer, found: AgainstExponent) -> Iterator[str]:
    """The line and the ratio with their intervals, and where the correction is doubted."""
    line, ratio, what = found.line, found.ratio, found.implied
    if line is None or ratio is None:
        yield f"too few settings have both a dimension and {what} with intervals; no line."
    else:
        yield (
            f"{what} = {line.intercept:.2f} {interval(line.intercept_interval)} + "
            f"{line.slope:.2f} {interval(line.slope_interval)} × dimension, "
            f"and {ratio.value:.2f} {interval(ratio.interval)} times the dimension on the whole "
            "(95 % intervals, errors of both; all points, decided or not)."
        )
    doubted = [str(pair.setting.dim) for pair in found.pairs if pair.measured.doubted > 0.5]
    if doubted:
        yield (
            f"at d = {', '.join(doubted)} most layers resemble none of the manifolds that the "
            "correction was measured on; there read the raw estimate too."
        )


def figures(answers: Answers) -> list[CaptionedFigure]:
    """What the exponent implies against what was measured; and the dimension against x."""
    from lab.report import dimension_figures

    found = [f for f in _found(answers) if f.pairs]
    return [dimension_figures.against(found), dimension_figures.by_size(found)] if found else []


def files(answers: Answers) -> Mapping[str, Rows]:
    """Every place, setting and x: the dimension; what the exponent implies stands beside it."""
    rows = [
        (f.place, f.name, pair.setting.dim, at.x, at.teachers, at.raw, at.corrected, *at.interval,
         *at.spread, at.doubted, pair.implied, *pair.implied_interval, pair.verdict or "")
        for f in _found(answers)
        for pair in f.pairs
        for at in pair.sizes
    ]  # fmt: skip
    columns = ("place", "setting", "d", "x", "teachers", "raw", "dimension", "low", "high",
               "teachers_low", "teachers_high", "doubted", "implied", "implied_low",
               "implied_high", "verdict")  # fmt: skip
    return {"dimensions.csv": Rows(columns, rows)} if rows else {}


def _found(answers: Answers) -> list[AgainstExponent]:
    return [f for answer in answers for f in answer.found("dimensions")]


VIEW = View(above=above, sentences=sentences, figures=figures, files=files, key="dimensions")
