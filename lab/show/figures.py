"""The figures of a study: an `Answer` in, a matplotlib `Figure` out. Nothing is computed here.

Colours are Okabe and Ito's (distinguishable with colour blindness) for categories and viridis, cut
at its pale end, for the dimension. Every figure has a caption that says what its
bars and bands are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, ScalarFormatter

from lab.runs.answer import Answer, Point
from lab.study import LIMITS

BLUE, ORANGE, GREEN, VERMILLION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
VERDICTS = {"agrees": (GREEN, "o"), "undecided": (ORANGE, "s"), "contradicts": (VERMILLION, "X")}
STYLE: dict[str, Any] = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110,
    "savefig.dpi": 180, "legend.frameon": False, "axes.titlesize": 10.5, "axes.grid": True,
    "grid.color": "#e6e6e6", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "svg.hashsalt": "lab",
}  # fmt: skip


def losses(answer: Answer) -> tuple[Figure, str]:
    """Loss against x, one colour per d, one panel per setting; and its caption."""
    settings = _settings(answer)
    dims = sorted({p.dim for p in answer.points})
    shade = dict(zip(dims, _shades(len(dims)), strict=True))
    with matplotlib.rc_context(STYLE):
        columns = _columns(settings)
        lines = -(-len(settings) // columns)
        figure = Figure(figsize=(1.9 + 4.9 * columns, 0.6 + 4.0 * lines), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
        for ax, (name, points) in zip(axes.flat, settings, strict=False):
            for p in points:
                _scan(ax, p, shade[p.dim])
            ax.set(xscale="log", yscale="log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(ScalarFormatter())
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.tick_params(labelbottom=True)
            ax.set_title(name)
            handles, labels = ax.get_legend_handles_labels()
            ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9,
                      title=f"{answer.study.task.manifold.kind}, $\\alpha$ ± 95 %",
                      title_fontsize=9)  # fmt: skip
        for ax in axes.flat[len(settings) :]:
            ax.set_axis_off()
        what = {"N": "trainable parameters N", "D": "training samples D",
                "w": "width w of the hidden layers"}[answer.x_name]  # fmt: skip
        figure.supxlabel(what, fontsize=10.5)
        excess = answer.study.regime in LIMITS
        figure.supylabel(("mean excess over the limit" if excess else "test loss")
                         + " / loss of the constant student", fontsize=10.5)  # fmt: skip
        law = "power law" if answer.study.no_floor else "power law plus floor"
    return figure, (
        f"{'Mean excess of the relative' if excess else 'Relative'} test loss against {what}. "
        "Large markers: geometric mean over teachers; bars: "
        "its standard error over teachers; small dots: single teachers. Hollow markers were left "
        f"out of the fit by the range rule. Lines: fitted {law} over the range used, "
        "geometric mean over teachers; the legend gives α with half its 95 % interval."
        + (" Dashed: the expected loss, from theory, a mean: above the geometric mean where losses "
           "scatter." if any(p.expected for p in answer.points) else "")
    )


def _scan(ax: Axes, p: Point, colour: Any) -> None:
    if p.exponent is None:
        return
    rows = np.array(p.rows)
    e = p.exponent
    ax.plot(rows[:, 0], rows[:, 1], ".", color=colour, ms=3, alpha=0.35, zorder=1)
    cells: dict[tuple[float, float], list[float]] = {}
    for x, loss, k in p.rows:
        cells.setdefault((x, k), []).append(np.log(loss))
    for x, used in zip(e.x, e.used, strict=True):
        logs = np.array([np.mean(v) for (xx, _), v in cells.items() if xx == x])
        error = logs.std(ddof=1) / np.sqrt(logs.size) if logs.size > 1 else 0.0
        mean = np.exp(logs.mean())
        low, high = mean - np.exp(logs.mean() - error), np.exp(logs.mean() + error) - mean
        ax.errorbar(x, mean, [[low], [high]], fmt="o", color=colour, ms=5.5, capsize=2, lw=1,
                    mfc=colour if used else "white", zorder=3)  # fmt: skip
    if p.expected:
        theory = {v.x: v.value for v in p.expected}
        ax.plot(e.x, [theory.get(x, np.nan) for x in e.x], "--", color="black", lw=1.1, zorder=4)
    half = (e.interval[1] - e.interval[0]) / 2
    label = f"d = {p.dim}:  {e.alpha:.2f} ± {half:.2f}" if np.isfinite(e.alpha) else f"d = {p.dim}"
    if np.isfinite(e.x_range).all():
        x = np.geomspace(*e.x_range, 100)
        ax.plot(x, e.predict(x), "-", color=colour, lw=1.6, zorder=2, label=label)
    else:
        ax.plot([], [], "-", color=colour, label=label)


def exponents(answer: Answer) -> tuple[Figure, str]:
    """Exponent against dimension with the predicted curve; and its caption."""
    settings = _settings(answer)
    dims = np.array(sorted({p.dim for p in answer.points}), float)
    if dims.size == 1:
        return _by_setting(answer)
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
        figure.supylabel(rf"exponent $\alpha$ in $L \propto {answer.x_name}^{{-\alpha}}$",
                         fontsize=10.5)  # fmt: skip
    region = "above the lower edge" if sense == "bound" else "inside"
    return figure, (
        f"Measured exponent α against intrinsic dimension d. Bars: 95 % interval over teachers. "
        f"Black line: the prediction {answer.study.prediction.exponent}, written before the run"
        f"{', a lower bound' if sense == 'bound' else ''}; grey band: ±{tolerance:.0%} around it, "
        f"so that points {region} of the band agree. Dotted: the fitted line α = a + b/d. "
        "Marker: verdict."
    )


def _by_setting(answer: Answer) -> tuple[Figure, str]:
    """Exponents of a study of one dimension, side by side by setting."""
    tau, points = answer.study.prediction.tolerance, answer.points
    bound = answer.study.prediction.sense == "bound"
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.6 + 0.9 * len(points), 3.9), layout="constrained")
        ax = figure.subplots()
        for i, p in enumerate(points):
            first = i == 0
            ax.fill_between([i - 0.3, i + 0.3], *(p.prediction * (1 + t) for t in (-tau, tau)),
                            color="#d9d9d9", lw=0, label=f"tolerance ±{tau:.0%}" if first else None)
            ax.plot([i - 0.3, i + 0.3], [p.prediction] * 2, "-", color="black", lw=1.6,
                    label=answer.study.prediction.exponent if first else None)  # fmt: skip
        _measured(ax, list(points), at=range(len(points)))
        names = [p.name or f"d = {p.dim}" for p in points]
        ax.set_xticks(range(len(points)), names, rotation=30 if len(points) > 2 else 0)
        ax.set_xlim(-0.6, len(points) - 0.4)
        ax.set_ylim(bottom=0)
        ax.set_ylabel(rf"exponent $\alpha$ in $L \propto {answer.x_name}^{{-\alpha}}$")
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    return figure, (
        "Measured exponent α by setting. Bars: 95 % interval over teachers. Black lines: the "
        f"prediction {answer.study.prediction.exponent}, written before the run"
        f"{', a lower bound' if bound else ''}; grey: ±{tau:.0%} around it. Marker: verdict."
    )


def _prediction(ax: Axes, answer: Answer, points: list[Point], dims: np.ndarray) -> None:
    study, text = answer.study, answer.study.prediction.exponent
    from lab import theory

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
    setting = points[0].setting
    line = next((ln for s, ln in answer.lines if s == setting), None)
    if line is not None:
        ax.plot(d, line.predict(d), ":", color=GREY, lw=1.4, zorder=2,
                label=f"fit: {line.intercept:.2f} + {line.slope:.2f}/d")  # fmt: skip


def _measured(ax: Axes, points: list[Point], at: Iterable[float] | None = None) -> None:
    shown = set()
    for x, p in zip(at or [p.dim for p in points], points, strict=True):
        if p.exponent is None or not np.isfinite(p.exponent.alpha):
            continue
        colour, marker = VERDICTS[p.verdict]
        lo, hi = p.exponent.interval
        bars = [[p.exponent.alpha - lo], [hi - p.exponent.alpha]]
        bars = bars if np.isfinite(bars).all() else None
        label = None if p.verdict in shown else p.verdict
        shown.add(p.verdict)
        ax.errorbar(x, p.exponent.alpha, bars, fmt=marker, color=colour, ms=7, capsize=4,
                    lw=1.5, mec="white", mew=0.6, label=label, zorder=4)  # fmt: skip


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


def _shades(n: int) -> list[Any]:
    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, max(n, 2))))[:n]
