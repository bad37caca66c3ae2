"""Loss curves, and their local exponents: one panel per answer and setting besides d.

Answers in, a matplotlib `Figure` and its caption out, which says what bars and lines are. Nothing
is computed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Answer
from lab.findings.expected import TheoryComparison
from lab.findings.exponent_result import ExponentResult
from lab.findings.style import decades, grid, literal, shades, styled
from lab.findings.view import alpha, figure_parts, interval
from lab.scaling import Exponent
from lab.scaling.scans.estimate import LAWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def losses(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """Loss against x, one colour per d, one panel per answer and setting; and its caption."""
    parts = figure_parts(answers)
    dims = sorted({p.dim for answer in answers for p in answer.points})
    shade = dict(zip(dims, shades(len(dims)), strict=True))
    alike = len(answers) == 1
    with styled():
        figure, axes = grid(len(parts), margin=1.9, height=4.0, sharex=alike, sharey=alike)
        for ax, (answer, name, points) in zip(axes, parts, strict=True):
            theory = {found.setting: found for found in answer.found("expected")}
            for p in points:
                _scan(ax, p, theory.get(p.setting), shade[p.dim])
            ax.set(xscale="log", yscale="log")
            decades(ax)
            ax.tick_params(labelbottom=True)
            ax.set_title(literal(name))
            handles, labels = ax.get_legend_handles_labels()
            ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9,
                      title=answer.study.task.name + r", $\alpha$ [95 %]" * answer.predicts,
                      title_fontsize=9)  # fmt: skip
            if not alike:
                ax.set_xlabel(answer.study.axis.words)
                ax.set_ylabel(answer.study.ordinate.label)
        if alike:
            figure.supxlabel(answers[0].study.axis.words, fontsize=10.5)
            figure.supylabel(answers[0].study.ordinate.label, fontsize=10.5)
    laws = dict.fromkeys(LAWS[answer.study.law] for answer in answers if answer.predicts)
    ordinates = dict.fromkeys(answer.study.ordinate.label for answer in answers)
    return figure, (
        f"{'; '.join(ordinates).capitalize()} to the loss of the constant student. Large markers: "
        "geometric mean over teachers; bars: its standard error over teachers; small dots: single "
        "teachers."
        + (
            f" Lines: fitted {' or '.join(laws)}, geometric mean over teachers; the legend gives α "
            "over the range with its 95 % interval; a bent curve has no line, and its local "
            "exponents at both ends."
            if laws
            else ""
        )
        + (
            " Dashed: the expected loss, from theory, a mean: above the geometric mean where "
            "losses scatter."
            if any(answer.found("expected") for answer in answers)
            else ""
        )
    )


def _scan(ax: Axes, p: ExponentResult, theory: TheoryComparison | None, colour: Any) -> None:
    if p.exponent is None:
        return
    rows = np.array(p.fitted.rows)
    e = p.exponent
    ax.plot(rows[:, 0], rows[:, 1], ".", color=colour, ms=3, alpha=0.35, zorder=1,
            rasterized=True)  # an SVG of thousands of dots is a burden  # fmt: skip
    cells: dict[tuple[float, float], list[float]] = {}
    for x, loss, k, _ in p.fitted.rows:
        cells.setdefault((x, k), []).append(np.log(loss))
    logs = [np.array([np.mean(v) for (xx, _), v in cells.items() if xx == x]) for x in e.x]
    error = np.array([v.std(ddof=1) / np.sqrt(v.size) if v.size > 1 else 0.0 for v in logs])
    mean = np.exp([v.mean() for v in logs])
    sides = [mean - mean * np.exp(-error), mean * np.exp(error) - mean]
    named = p.setting.dimension if p.claim is None else None
    ax.errorbar(e.x, mean, sides, fmt="o", color=colour, ms=5.5, lw=1, zorder=3, label=named)
    if theory:
        expected = {v.x: v.value for v in theory.at}
        ax.plot(e.x, [expected.get(x, np.nan) for x in e.x], "--", color="black", lw=1.1, zorder=4)
    if p.claim is None:  # no law is drawn of which nothing is claimed
        return
    label = p.setting.dimension + (f":  {quoted(e)}" if np.isfinite(e.alpha) else "")
    dense = np.geomspace(e.x[0], e.x[-1], 200)  # matplotlib leaves out what is straight
    drawn = e.curves is not None and e.ends is None  # no law through a curve that is bent
    y = e.predict(dense) if drawn else np.full(dense.size, np.nan)
    ax.plot(dense, y, "-", color=colour, lw=1.6, zorder=2, label=label)


def quoted(e: Exponent) -> str:
    """α with its interval, and of a bent curve its local exponents at both ends."""
    number, _, ends = alpha(e).partition(",")
    return f"{number} {interval(e.interval)}" + (f",{ends}" if ends else "")


def local_exponents(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """Local exponents against x, one colour per d, one panel per answer and setting."""
    parts = figure_parts(answers)
    dims = sorted({p.dim for answer in answers for p in answer.points})
    shade = dict(zip(dims, shades(len(dims)), strict=True))
    with styled():
        figure, axes = grid(len(parts), margin=1.2, height=3.6)
        for ax, (answer, name, points) in zip(axes, parts, strict=True):
            for i, p in enumerate(points):
                if p.exponent is None or not p.exponent.local:
                    continue
                x, local, lo, hi = np.array(p.exponent.local).T
                x = x * 1.03 ** (i - len(points) / 2)  # side by side
                bars = np.nan_to_num([local - lo, hi - local])
                ax.errorbar(x, local, bars, fmt="o-", color=shade[p.dim], ms=4, lw=1, capsize=2,
                            label=p.setting.dimension)  # fmt: skip
                ax.axhline(p.prediction, color=shade[p.dim], lw=1, ls=":")
            ax.set(xscale="log", xlabel=answer.study.axis.words, ylabel="local exponent")
            tops = [at.alpha for p in points if p.exponent for at in p.exponent.local]
            if tops:
                low, high = min(0.0, *tops), max(tops)
                ax.set_ylim(1.1 * low, 1.4 * high)
            decades(ax)
            ax.set_title(literal(name))
            if ax.get_legend_handles_labels()[0]:
                ax.legend(fontsize=9, ncols=2)
    return figure, (
        "Local exponents: slopes between neighbouring x, means over teachers; bars: 95 % intervals "
        "(points of one d are shifted a little to the side). Dotted: the predictions. A power law "
        "is a level row."
    )
