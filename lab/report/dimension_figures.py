"""Figures of dimensions: against exponents and sizes, a panel per place; of estimators, over d.

What it does not do: anything but draw what `lab.findings.dimensions` and `coverage` found.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from lab.findings.coverage import Coverage
from lab.findings.dimensions import AgainstExponent
from lab.findings.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERDICTS,
    VERMILLION,
    grid,
    literal,
    shades,
    styled,
)
from lab.findings.view import CaptionedFigure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 1.8
"""How far an axis reaches beyond the largest value; longer bars leave it."""
CATEGORIES = (BLUE, ORANGE, GREEN, VERMILLION, "black", GREY)
SHOWN = (0.6, 1.6)
"""Estimate / d; what is farther off leaves the panel."""


def against(found: list[AgainstExponent]) -> CaptionedFigure:
    with styled():
        figure, axes = grid(len(found), margin=1.0, height=4.2)
        for ax, one in zip(axes, found, strict=True):
            _points(ax, one)
            ax.set(title=literal(one.label), xlabel="measured dimension",
                   ylabel=f"dimension implied, {one.implied}")  # fmt: skip
            ax.legend(loc="upper left", fontsize=8.5)
    return CaptionedFigure(
        "dimensions", "Dimension against exponent", figure,
        f"{found[0].implied} against the measured dimension, d beside each point. Vertical bars: "
        "the quoted 95 % interval of the exponent, turned over; horizontal bars: the longer of "
        "the 95 % interval over teachers and that of the correction. Measured at the largest x, "
        "means over teachers, corrected for the estimator's bias; hollow grey: uncorrected. "
        "Black: identity; dotted: the line through errors in both variables, all points. "
        "Marker: verdict on the exponent.",
    )  # fmt: skip


def _points(ax: Axes, one: AgainstExponent) -> None:
    shown: set[str | None] = set()
    for pair in one.pairs:
        at, y = pair.measured, pair.implied
        if not np.isfinite(y):
            continue
        colour, marker = VERDICTS.get(pair.verdict or "", (GREY, "o"))
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
    centres = [value for p in whole for value in (p.measured.corrected, p.implied)]
    high = min(1.1 * max(ends), LONGEST * max(centres)) if whole else 1.0
    span = np.array([0.0, high])
    ax.plot(span, span, "-", color="black", lw=1.3, zorder=2, label="identity")
    if one.line is not None:
        fit = one.line.intercept + one.line.slope * span
        ax.plot(span, fit, ":", color=GREY, lw=1.6, zorder=2,
                label=f"{one.line.intercept:.2f} + {one.line.slope:.2f} × dimension")  # fmt: skip
    ax.set(xlim=(0, high), ylim=(0, high))


def _bars(value: float, ends: tuple[float, float]) -> list[list[float]] | None:
    sides = [[value - ends[0]], [ends[1] - value]]
    return sides if np.isfinite(sides).all() else None


def by_size(found: list[AgainstExponent]) -> CaptionedFigure:
    dims = sorted({pair.setting.dim for one in found for pair in one.pairs})
    colours = dict(zip(dims, shades(len(dims)), strict=True))
    with styled():
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
    return CaptionedFigure(
        "dimensions-by-size", "Measured dimension against size", figure,
        "Measured dimension, corrected, against what is scanned; means over teachers, bands: the "
        "longer of the 95 % interval over teachers and that of the correction. Dashed: d of the "
        "task.",
    )  # fmt: skip


def bias(found: list[Coverage]) -> CaptionedFigure:
    """Estimates over the true d at the largest n, a panel per estimator."""
    methods = [*dict.fromkeys(one.method for one in found)]
    points = [*dict.fromkeys(one.points for one in found)]
    colours = dict(zip(points, itertools.cycle(CATEGORIES), strict=False))
    dims = sorted({cell.d for one in found for cell in one.cells})
    most = max(cell.n for one in found for cell in one.cells)
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    with styled():
        figure, axes = grid(len(methods), margin=1.0, height=2.6, sharex=True, sharey=True)
        for ax, method in zip(axes, methods, strict=True):
            for one in found:
                if one.method != method:
                    continue
                cells = [cell for cell in one.cells if cell.n == most]
                d, colour = np.array([cell.d for cell in cells]), colours[one.points]
                ax.plot(d, [c.raw for c in cells] / d, ":", color=colour, lw=1.1)
                ax.plot(d, [c.corrected for c in cells] / d, ".-", color=colour, lw=1.2,
                        label=literal(one.points) or "points")  # fmt: skip
            ax.axhline(1, color="black", lw=0.9)
            ax.set(title=method, xlabel="d", xscale="log", ylabel="estimate / d")
            ax.set_ylim(*SHOWN)
            ax.xaxis.set_major_locator(FixedLocator(dims))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda d, _: f"{d:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        axes[min(2, len(axes) - 1)].legend(
            loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5
        )
    return CaptionedFigure(
        "bias", "Estimated dimensions over the true ones", figure,
        f"Estimates over the true d at n = {most}, means over draws, a line per manifold. Dotted: "
        "raw, as the estimator's authors define it; solid: corrected for the bias that was "
        "measured on manifolds of known d.",
    )  # fmt: skip
