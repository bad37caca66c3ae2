"""Dimension against exponent: the figure of Sharma & Kaplan with errors on both axes, its table,
its line in words, and its numbers as CSV.

What it does not do: the dimension of a user's points (`dimension.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from lab.answers.answer import Answer
from lab.answers.dimensions import AgainstExponent, Pair
from lab.show.numbers import interval
from lab.show.style import GREY, STYLE, VERDICTS, grid, literal, shades
from lab.show.view import Answers, Drawn, Rows, Table, View

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
        f"the exponent implies, {_implied(found[0])}:"
    )
    return [Table(COLUMNS, [_cells(f, pair) for f in found for pair in f.pairs], words, SHOWN)]


def _cells(found: AgainstExponent, pair: Pair) -> tuple[str, ...]:
    at = pair.measured
    return (
        found.label, str(pair.setting.dim), f"{found.symbol} = {at.x:g}", f"{at.raw:.2f}",
        f"{at.corrected:.2f}" + (" ?" if at.doubted > 0.5 else ""), interval(at.interval),
        f"{pair.implied:.2f}" if np.isfinite(pair.implied) else "–",
        interval(pair.implied_interval), pair.verdict,
    )  # fmt: skip


def sentences(_: Answer, found: AgainstExponent) -> Iterator[str]:
    """The line and the ratio with their intervals, and where the correction is doubted."""
    line, ratio, what = found.line, found.ratio, _implied(found)
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


def figures(answers: Answers) -> list[Drawn]:
    """A panel per place: what the exponent implies against what was measured; and the measured
    dimension against x."""
    found = [f for f in _found(answers) if f.pairs]
    if not found:
        return []
    return [_against(found), _by_size(found)]


def _against(found: list[AgainstExponent]) -> Drawn:
    with matplotlib.rc_context(STYLE):
        figure, axes = grid(len(found), margin=1.0, height=4.2)
        for ax, one in zip(axes, found, strict=True):
            _points(ax, one)
            ax.set(title=literal(one.label), xlabel="measured dimension",
                   ylabel=f"dimension implied, {_implied(one)}")  # fmt: skip
            ax.legend(loc="upper left", fontsize=8.5)
    return Drawn(
        "dimensions", "Dimension against exponent", figure,
        f"{_implied(found[0])} against the measured dimension, d beside each point. Vertical bars: "
        "the quoted 95 % interval of the exponent, turned over; horizontal bars: the longer of "
        "the 95 % interval over teachers and that of the correction. Measured at the largest x, "
        "means over teachers, corrected for the estimator's bias; hollow grey: uncorrected. "
        "Black: identity; dotted: the line through errors in both variables, all points. "
        "Marker: verdict on the exponent.",
    )  # fmt: skip


def _points(ax: Axes, one: AgainstExponent) -> None:
    shown: set[str] = set()
    for pair in one.pairs:
        at, y = pair.measured, pair.implied
        if not np.isfinite(y):
            continue
        colour, marker = VERDICTS[pair.verdict]
        ax.plot(at.raw, y, "o", mfc="none", mec=GREY, ms=4.5, zorder=3)
        ax.errorbar(
            at.corrected, y, xerr=_bars(at.corrected, at.interval),
            yerr=_bars(y, pair.implied_interval), fmt=marker, color=colour, ms=7, capsize=3, lw=1.3,
            mec="white", mew=0.6, zorder=4, label=None if pair.verdict in shown else pair.verdict,
        )  # fmt: skip
        ax.annotate(str(pair.setting.dim), (at.corrected, y), xytext=(6, 5),
                    textcoords="offset points", fontsize=9)  # fmt: skip
        shown.add(pair.verdict)
    whole = [pair for pair in one.pairs if pair.whole]
    ends = [end for p in whole for end in (*p.measured.interval, *p.implied_interval)]
    low, high = (0.0, 1.1 * max(ends)) if ends else (0.0, 1.0)
    span = np.array([low, high])
    ax.plot(span, span, "-", color="black", lw=1.3, zorder=2, label="identity")
    if one.line is not None:
        fit = one.line.intercept + one.line.slope * span
        ax.plot(span, fit, ":", color=GREY, lw=1.6, zorder=2,
                label=f"{one.line.intercept:.2f} + {one.line.slope:.2f} × dimension")  # fmt: skip
    ax.set(xlim=(low, high), ylim=(low, high))


def _bars(value: float, ends: tuple[float, float]) -> list[list[float]] | None:
    sides = [[value - ends[0]], [ends[1] - value]]
    return sides if np.isfinite(sides).all() else None


def _by_size(found: list[AgainstExponent]) -> Drawn:
    dims = sorted({pair.setting.dim for one in found for pair in one.pairs})
    colours = dict(zip(dims, shades(len(dims)), strict=True))
    with matplotlib.rc_context(STYLE):
        figure, axes = grid(len(found), margin=1.0, height=3.9)
        for ax, one in zip(axes, found, strict=True):
            for pair in one.pairs:
                x = [at.x for at in pair.sizes]
                d, colour = pair.setting.dim, colours[pair.setting.dim]
                ends = np.array([at.interval for at in pair.sizes]).T
                ax.fill_between(x, *ends, color=colour, alpha=0.15, lw=0)
                ax.plot(
                    x, [at.corrected for at in pair.sizes], ".-", color=colour, label=f"d = {d}"
                )
                ax.axhline(d, color=colour, lw=0.7, ls="--")
            ax.set(title=literal(one.label), xlabel=one.symbol, xscale="log",
                   ylabel="measured dimension")  # fmt: skip
        axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return Drawn(
        "dimensions-by-size", "Measured dimension against size", figure,
        "Measured dimension, corrected, against what is scanned; means over teachers, bands: the "
        "longer of the 95 % interval over teachers and that of the correction. Dashed: d of the "
        "task.",
    )  # fmt: skip


def files(answers: Answers) -> Mapping[str, Rows]:
    """Every place, setting and x: the dimension; what the exponent implies stands beside it."""
    rows = [
        (f.place, f.name, pair.setting.dim, at.x, at.teachers, at.raw, at.corrected, *at.interval,
         *at.spread, at.doubted, pair.implied, *pair.implied_interval, pair.verdict)
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


def _implied(found: AgainstExponent) -> str:
    return f"{found.numerator:g}/α"


VIEW = View(above=above, sentences=sentences, figures=figures, files=files, key="dimensions")
