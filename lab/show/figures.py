"""The figures of a study: answers in, a matplotlib `Figure` out. Nothing is computed here.

Colours are Okabe and Ito's (distinguishable with colour blindness) for categories and viridis, cut
at its pale end, for the dimension. Every figure has a caption that says what its
bars and bands are.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    ScalarFormatter,
)

from lab import theory
from lab.answers.answer import Answer, Point
from lab.scaling import Exponent
from lab.scaling.scans.estimates import LAWS

BLUE, ORANGE, GREEN, VERMILLION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
VERDICTS = {"agrees": (GREEN, "o"), "undecided": (ORANGE, "s"), "contradicts": (VERMILLION, "X")}
STYLE: dict[str, Any] = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110,
    "legend.frameon": False, "axes.titlesize": 10.5, "axes.grid": True,
    "grid.color": "#e6e6e6", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "svg.hashsalt": "lab",
}  # fmt: skip


def losses(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """Loss against x, one colour per d, one panel per answer and setting; and its caption."""
    panels = [(answer, *named) for answer in answers for named in _settings(answer)]
    dims = sorted({p.dim for answer in answers for p in answer.points})
    shade = dict(zip(dims, shades(len(dims)), strict=True))
    alike = len(answers) == 1
    with matplotlib.rc_context(STYLE):
        columns = _columns(panels)
        lines = -(-len(panels) // columns)
        figure = Figure(figsize=(1.9 + 4.9 * columns, 0.6 + 4.0 * lines), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False, sharex=alike, sharey=alike)
        for ax, (answer, name, points) in zip(axes.flat, panels, strict=False):
            for p in points:
                _scan(ax, p, shade[p.dim])
            ax.set(xscale="log", yscale="log")
            _decades(ax)
            ax.tick_params(labelbottom=True)
            ax.set_title(name)
            handles, labels = ax.get_legend_handles_labels()
            ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9,
                      title=f"{answer.study.task.manifold.kind}, $\\alpha$ [95 %]",
                      title_fontsize=9)  # fmt: skip
            if not alike:
                ax.set_xlabel(answer.study.axis.words)
                ax.set_ylabel(answer.study.ordinate.label)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        if alike:
            figure.supxlabel(answers[0].study.axis.words, fontsize=10.5)
            figure.supylabel(answers[0].study.ordinate.label, fontsize=10.5)
    laws = dict.fromkeys(LAWS[answer.study.law] for answer in answers)
    ordinates = dict.fromkeys(answer.study.ordinate.label for answer in answers)
    return figure, (
        f"{'; '.join(ordinates).capitalize()} to the loss of the constant student. Large markers: "
        "geometric mean over teachers; bars: its standard error over teachers; small dots: single "
        f"teachers. Lines: fitted {' or '.join(laws)}, geometric mean over teachers; the legend "
        "gives α with its 95 % interval, or, where the curve is no power law, its local exponents "
        "at both ends."
        + (
            " Dashed: the expected loss, from theory, a mean: above the geometric mean where "
            "losses scatter."
            if any(p.expected for answer in answers for p in answer.points)
            else ""
        )
    )


def _decades(ax: Axes) -> None:
    """Numbers at 1, 2, 5 or 1, 3 where x spans less than two decades, else powers of ten."""
    low, high = ax.get_xlim()
    if high < 100 * low:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 25 * low else (1, 3)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _scan(ax: Axes, p: Point, colour: Any) -> None:
    if p.exponent is None:
        return
    rows = np.array(p.rows)
    e = p.exponent
    ax.plot(rows[:, 0], rows[:, 1], ".", color=colour, ms=3, alpha=0.35, zorder=1)
    cells: dict[tuple[float, float], list[float]] = {}
    for x, loss, k, _ in p.rows:
        cells.setdefault((x, k), []).append(np.log(loss))
    for x in e.x:
        logs = np.array([np.mean(v) for (xx, _), v in cells.items() if xx == x])
        error = logs.std(ddof=1) / np.sqrt(logs.size) if logs.size > 1 else 0.0
        mean = np.exp(logs.mean())
        low, high = mean - np.exp(logs.mean() - error), np.exp(logs.mean() + error) - mean
        ax.errorbar(x, mean, [[low], [high]], fmt="o", color=colour, ms=5.5, capsize=2, lw=1,
                    zorder=3)  # fmt: skip
    if p.expected:
        expected = {v.x: v.value for v in p.expected}
        ax.plot(e.x, [expected.get(x, np.nan) for x in e.x], "--", color="black", lw=1.1, zorder=4)
    label = p.dimension + (f":  {quoted(e)}" if np.isfinite(e.alpha) else "")
    x = np.geomspace(e.x[0], e.x[-1], 100)
    y = e.predict(x) if e.curves is not None else np.full(x.size, np.nan)
    ax.plot(x, y, "-", color=colour, lw=1.6, zorder=2, label=label)


def quoted(e: Exponent) -> str:
    """α with its interval; where the curve is no power law, its local exponents at both ends."""
    if e.ends:
        return f"from {e.ends[0].alpha:.2f} to {e.ends[1].alpha:.2f}"
    return f"{e.alpha:.2f} [{e.interval[0]:.2f}, {e.interval[1]:.2f}]"


def local_exponents(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """Local exponents against x, one colour per d, one panel per answer and setting."""
    panels = [(answer, *named) for answer in answers for named in _settings(answer)]
    dims = sorted({p.dim for answer in answers for p in answer.points})
    shade = dict(zip(dims, shades(len(dims)), strict=True))
    with matplotlib.rc_context(STYLE):
        columns = _columns(panels)
        lines = -(-len(panels) // columns)
        figure = Figure(figsize=(1.2 + 4.9 * columns, 0.6 + 3.6 * lines), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False)
        for ax, (answer, name, points) in zip(axes.flat, panels, strict=False):
            for i, p in enumerate(points):
                if p.exponent is None or not p.exponent.local:
                    continue
                x, alpha, lo, hi = np.array(p.exponent.local).T
                x = x * 1.03 ** (i - len(points) / 2)  # side by side
                bars = np.nan_to_num([alpha - lo, hi - alpha])
                ax.errorbar(x, alpha, bars, fmt="o-", color=shade[p.dim], ms=4, lw=1, capsize=2,
                            label=p.dimension)  # fmt: skip
                ax.axhline(p.prediction, color=shade[p.dim], lw=1, ls=":")
            ax.set(xscale="log", xlabel=answer.study.axis.words, ylabel="local exponent")
            tops = [at.alpha for p in points if p.exponent for at in p.exponent.local]
            if tops:
                low, high = min(0.0, *tops), max(tops)
                ax.set_ylim(1.1 * low, 1.4 * high)
            _decades(ax)
            ax.set_title(name)
            if ax.get_legend_handles_labels()[0]:
                ax.legend(fontsize=9, ncols=2)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
    return figure, (
        "Local exponents: slopes between neighbouring x, means over teachers; bars: 95 % intervals "
        "(points of one d are shifted a little to the side). Dotted: the predictions. A power law "
        "is a level row."
    )


def exponents(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    """The measured exponents beside the predicted ones, and the caption: against the dimension, or
    as a list where there is more than one question or only one dimension."""
    if len(answers) > 1 or len({p.dim for p in answers[0].points}) == 1:
        return _list_of_exponents(answers)
    return _against_dimension(answers[0])


def _list_of_exponents(answers: tuple[Answer, ...]) -> tuple[Figure, str]:
    points = [(answer, p) for answer in answers for p in answer.points]
    rivals = [r.formula for _, p in points for r in p.rivals]
    markers = dict(zip(dict.fromkeys(rivals), "v^<>Dp*", strict=False))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 1.5 + 0.42 * len(points)), layout="constrained")
        ax = figure.subplots()
        for y, (answer, p) in enumerate(points):
            tau = answer.study.prediction.tolerance
            ax.fill_betweenx([y - 0.32, y + 0.32], p.prediction * (1 - tau),
                             p.prediction * (1 + tau), color="#d9d9d9", lw=0)  # fmt: skip
            ax.plot([p.prediction] * 2, [y - 0.32, y + 0.32], "-", color="black", lw=1.6)
            for r in p.rivals:
                ax.plot(r.value, y, markers.get(r.formula, "x"), color=GREY, ms=6, zorder=3)
        _measured(ax, [p for _, p in points], [float(y) for y in range(len(points))])
        for formula, marker in markers.items():
            ax.plot([], [], marker, color=GREY, ms=6, label=formula)
        ax.set_yticks(range(len(points)), [
            f"{p.label}   [{answer.study.prediction.text}]" for answer, p in points
        ])  # fmt: skip
        ax.set_ylim(len(points) - 0.4, -0.6)
        ax.set_xlim(left=0)
        ax.set_xlabel(r"exponent $\alpha$")
        ax.grid(axis="y", visible=False)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    return figure, (
        "Measured exponents α. Bars: 95 % interval over teachers. Black lines: the predictions, in "
        "brackets behind the names, written before the run; grey bands: their tolerance. Of a "
        "lower bound, everything right of the band's left edge agrees. Marker: verdict."
        + (" Small grey markers: rival exponents." if markers else "")
    )


def _against_dimension(answer: Answer) -> tuple[Figure, str]:
    settings = _settings(answer)
    dims = np.array(sorted({p.dim for p in answer.points}), float)
    sense, tolerance = answer.study.prediction.sense, answer.study.prediction.tolerance
    with matplotlib.rc_context(STYLE):
        columns = _columns(settings)
        lines = -(-len(settings) // columns)
        figure = Figure(figsize=(1.2 + 4.9 * columns, 0.6 + 3.9 * lines), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
        for ax, (name, points) in zip(axes.flat, settings, strict=False):
            _prediction(ax, answer, points, dims)
            _measured(ax, points)
            _axis(ax, dims, answer.points)  # the panels share their axes
            ax.set_title(name)
            ax.tick_params(labelbottom=True)
        entries = dict(zip(*reversed(axes.flat[0].get_legend_handles_labels()), strict=True))
        for ax in axes.flat[1:]:
            handles, labels = ax.get_legend_handles_labels()
            entries |= {t: h for t, h in zip(labels, handles, strict=True) if t in VERDICTS}
        axes.flat[0].legend(entries.values(), entries.keys(), loc="upper right", fontsize=9)
        for ax in axes.flat[len(settings) :]:
            ax.set_axis_off()
        figure.supxlabel("intrinsic dimension d", fontsize=10.5)
        symbol = answer.study.axis.symbol
        figure.supylabel(rf"exponent $\alpha$ in $L \propto {symbol}^{{-\alpha}}$",
                         fontsize=10.5)  # fmt: skip
    region = "above the lower edge" if sense == "bound" else "inside"
    return figure, (
        f"Measured exponent α against intrinsic dimension d. Bars: 95 % interval over teachers. "
        f"Black line: the prediction {answer.study.prediction.text}, written before the run"
        f"{', a lower bound' if sense == 'bound' else ''}; grey band: ±{tolerance:.0%} around it, "
        f"so that points {region} of the band agree. Grey dots: the fitted line α = a + b/d. "
        "Marker: verdict." + (" Blue: rival exponents." if answer.study.prediction.rivals else "")
    )


def _prediction(ax: Axes, answer: Answer, points: list[Point], dims: np.ndarray) -> None:
    study, text = answer.study, answer.study.prediction.text
    curve = theory.parse(text)
    smooth = set(curve.symbols) <= {"d"} and not any("manifold" in p.setting for p in points)
    if smooth and dims.size > 1:
        d = np.linspace(dims[0], dims[-1], 200)
        p = np.array([curve.value({"d": v}) for v in d])
    else:
        order = sorted(points, key=lambda q: q.dim)
        d = np.array([q.dim for q in order], float)
        p = np.array([q.prediction for q in order])
    tau = study.prediction.tolerance
    bound = study.prediction.sense == "bound"
    label = f"{text} (lower bound)" if bound else f"{text}"
    ax.fill_between(d, p * (1 - tau), p * (1 + tau), color="#d9d9d9", lw=0, zorder=1,
                    label=f"tolerance ±{tau:.0%}")  # fmt: skip
    ax.plot(d, p, "-", color="black", lw=1.6, label=label, zorder=2)
    _rivals(ax, sorted(points, key=lambda q: q.dim), but=text)
    setting = points[0].setting
    line = next((ln for s, ln in answer.lines if s == setting), None)
    if line is not None:
        ax.plot(d, line.predict(d), ":", color=GREY, lw=1.4, zorder=2,
                label=f"fit: {line.intercept:.2f} + {line.slope:.2f}/d")  # fmt: skip


def _rivals(ax: Axes, points: list[Point], *, but: str) -> None:
    curves: dict[str, list[tuple[int, float]]] = {}
    for p in points:
        for r in p.rivals:
            curves.setdefault(r.formula, []).append((p.dim, r.value))
    for formula, dashes in zip(curves, itertools.cycle(("--", "-.", ":")), strict=False):
        if formula != but:
            ax.plot(*zip(*curves[formula], strict=True), color=BLUE, lw=1.2, ls=dashes, zorder=2,
                    label=f"rival {formula}")  # fmt: skip


def _measured(ax: Axes, points: list[Point], rows: list[float] | None = None) -> None:
    """Markers with intervals: α upwards over d, or to the right in the given rows."""
    shown = set()
    for i, p in enumerate(points):
        if p.exponent is None or not np.isfinite(p.exponent.alpha):
            continue
        colour, marker = VERDICTS[p.verdict]
        alpha, (lo, hi) = p.exponent.alpha, p.exponent.interval
        bars = [[alpha - lo], [hi - alpha]]
        bars = bars if np.isfinite(bars).all() else None
        label = None if p.verdict in shown else p.verdict
        shown.add(p.verdict)
        where = (alpha, rows[i], None, bars) if rows else (p.dim, alpha, bars, None)
        ax.errorbar(*where, fmt=marker, color=colour, ms=7, capsize=4, lw=1.5, mec="white",
                    mew=0.6, label=label, zorder=4)  # fmt: skip


def _axis(ax: Axes, dims: np.ndarray, points: Sequence[Point]) -> None:
    """Logarithmic axes, on which every exponent ∝ 1/d is a straight line."""
    ax.set(xscale="log", yscale="log")
    ax.xaxis.set_major_locator(FixedLocator(dims.tolist()))
    values = [v for p in points if p.exponent for v in (p.prediction, *p.exponent.interval)]
    values = [v for v in values if np.isfinite(v) and v > 0]
    if values:
        low, high = 0.85 * min(values), 1.25 * max(values)
        ticks = [t for t in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8, 12)
                 if low <= t <= high]  # fmt: skip
        if len(ticks) < 3:
            ticks = MaxNLocator(4).tick_values(low, high)
        ax.set_ylim(low, high)
        ax.yaxis.set_major_locator(FixedLocator(ticks))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()


def _columns(settings: Sequence[Any]) -> int:
    return 2 if len(settings) == 4 else min(len(settings), 3)


def _settings(answer: Answer) -> list[tuple[str, list[Point]]]:
    grouped: dict[str, list[Point]] = {}
    for p in answer.points:
        grouped.setdefault(p.name, []).append(p)
    return list(grouped.items())


def shades(n: int) -> list[Any]:
    """n colours of viridis, dark first."""
    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, max(n, 2))))[:n]
