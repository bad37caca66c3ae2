"""The view of compute frontiers: their table and sentences, and figures of curves with their
envelope, isoFLOP valleys, best sizes and samples against compute, and the phase plane of power-law
random features.

What they show is found in `lab.findings.frontiers`; nothing is computed here but what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab.findings.drawing import (
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    blank,
    decades,
    literal,
    shades,
    stacked,
)
from lab.findings.frontiers import (
    HEAD,
    Columns,
    FrontierFound,
    geometric_mean,
    quantity_text,
)
from lab.findings.view import View, figure_of, file_of, interval, joined, table_of
from lab.scaling.equal_compute import (
    FEWEST,
    FrontierError,
    parabola,
    size_curves,
    valleys_of_curves,
)
from lab.scaling.frontier import FRONTIER_STATUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.findings.answer import Answer


SETTING_HEAD = ("setting", *HEAD[:2], "S ∝ C^", *HEAD[3:])
SHOWN = ("xi", "steps", "eta", "excess")
COLOURS = {"envelope": VERMILLION, "isoflop": BLUE, "parametric": ORANGE}
MOST = 5
"""Settings whose valleys are drawn, at most: a figure has to stay small."""
VALLEYS = 6
"""Levels of compute that are drawn, at most."""


def frontier_figure(found: Sequence[FrontierFound]) -> tuple[Figure, str]:
    """Two panels per setting: loss, and best size, against compute."""
    figure, axes = stacked(len(found), 2, width=11.0)
    for (left, right), one in zip(axes, found, strict=True):
        _curves(left, one)
        _sizes(right, one)
        left.minorticks_off()
        right.minorticks_off()
        left.set_title(literal(one.label))
    return figure, (
        "Left: relative loss against compute C, geometric means over teachers, a line for each "
        "of at most seven sizes N (dark: small); red: optima of the envelope, at most 24 of them, "
        "and their line. Right: the best size N against C, by the envelope of curves (red), "
        "isoFLOP minima (blue) and the additive law (orange), with the 95 % bands of their lines; "
        "ξ is the slope, with its 95 % interval."
    )


def curves_by_size(ax: Axes, c: Columns, name: str, words: str, style: str = "-") -> None:
    """Mean curves of at most seven sizes over one of the columns."""
    sizes = _some(np.unique(c["N"]), 7)
    for N, colour in zip(sizes, shades(sizes.size), strict=True):
        rows = c["N"] == N
        x = c["S"] if name == "seconds" else c[name].round(9)
        curve = np.stack(geometric_mean(x[rows], c["loss"][rows]), axis=1)
        if name == "seconds":
            curve[:, 0] = geometric_mean(x[rows], c["seconds"][rows])[1]
        ax.plot(*_some(curve, 16).T, style, color=colour, lw=1.0)
    ax.set(xscale="log", yscale="log", xlabel=words, ylabel="test loss, relative")


def _some(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the values, evenly spaced in their order, with both ends."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).round().astype(int)]


def _curves(ax: Axes, one: FrontierFound) -> None:
    curves_by_size(ax, one.columns, "C", "compute C")
    envelope = one.methods["envelope"].frontier
    if envelope is None or not envelope.points:
        return
    C, loss = np.array([(p.C, p.loss) for p in envelope.points]).T
    ax.plot(_some(C, 24), _some(loss, 24), "o", color=VERMILLION, ms=4)
    ends = np.array([C.min() / 2, C.max() * 2])
    label = f"η = {envelope.eta.value:.3g}"
    line = [envelope.allocate(float(v)).loss.value for v in ends]
    ax.plot(ends, line, "--", color=VERMILLION, lw=1.4, label=label)
    ax.legend(loc="lower left")


def _sizes(ax: Axes, one: FrontierFound) -> None:
    ax.set(xscale="log", yscale="log", xlabel="compute C", ylabel="best size N")
    known = [e.frontier for e in one.methods.values() if e.frontier and e.frontier.points]
    if not known:
        ax.text(0.5, 0.5, "no frontier", transform=ax.transAxes, ha="center", color=GREY)
        return
    every = [p.C for f in known for p in f.points]
    C = np.geomspace(min(every), max(every), 12)
    for name, estimate in one.methods.items():
        f = estimate.frontier
        if f is None:
            continue
        xi = f.xi
        label = f"{name}: ξ = {xi.value:.3g} {interval(xi.interval, '.3g')}"
        band = [f.allocate(float(v)).N for v in C]
        ax.plot(C, [b.value for b in band], "-", color=COLOURS[name], lw=1.2, label=label)
        low, high = zip(*(b.interval for b in band), strict=True)
        ax.fill_between(C, low, high, color=COLOURS[name], alpha=0.18, lw=0)
        best = np.array([(p.C, p.N) for p in f.points])
        ax.plot(*_some(best, 24).T, ".", color=COLOURS[name], ms=4)
    ax.legend(loc="upper left", fontsize=8.5)


# ---- isoFLOP valleys, best sizes and samples -----------------------------------------------------


def valley_figure(found: Sequence[FrontierFound]) -> tuple[Figure, str]:
    """Two panels per setting: loss against size at equal compute, and N and samples at the best."""
    figure, axes = stacked(len(found[:MOST]), 2, width=11.0)
    for (left, right), one in zip(axes, found[:MOST], strict=True):
        left.set_title(literal(one.label))
        _valleys(left, one.columns)
        _allocation(right, one)
        for ax in (left, right):
            decades(ax)
    return figure, (
        f"Left: relative loss against size N at at most {VALLEYS} levels of compute C, curves that "
        "are interpolated there, and the parabolas of isoFLOP analysis through the points around "
        "the least. Right: the best size N_opt and its samples D_opt against C, by the envelope "
        "(isoFLOP minima where it is refused), with the 95 % bands of their lines."
    )


def _valleys(ax: Axes, c: Columns) -> None:
    """Loss over N at some C, with parabolas."""
    ax.set(xscale="log", yscale="log", xlabel="size N", ylabel="loss at equal compute")
    try:
        curves = size_curves(c["N"], c["S"], c["loss"], c["C"], c["N"])
    except FrontierError:
        curves = []
    if len(curves) < FEWEST:
        ax.text(0.5, 0.5, "no curves", transform=ax.transAxes, ha="center", color=GREY)
        return
    deep = [one for one in valleys_of_curves(curves)
            if 0 < one.log_L.argmin() < one.log_N.size - 1]  # fmt: skip
    some = [deep[k] for k in _some(np.arange(len(deep)), VALLEYS)]
    for valley, colour in zip(some, shades(len(some)), strict=True):
        best = float(valley.log_N[valley.log_L.argmin()])
        smooth, low, high = parabola(valley.log_N - best, valley.log_L)
        at = np.linspace(low, high, 30)
        label = f"C = {np.exp(valley.log_C):.2g}"
        ax.plot(*np.exp([valley.log_N, valley.log_L]), ".", color=colour, ms=5, label=label)
        ax.plot(np.exp(best + at), np.exp(smooth(at)), "-", color=colour, lw=1.0)
    if some:
        ax.legend(fontsize=8, ncols=2)


def _allocation(ax: Axes, one: FrontierFound) -> None:
    """N_opt and D_opt with their bands."""
    ax.set(xscale="log", yscale="log", xlabel="compute C", ylabel="best size, its samples")
    known = [one.methods[name].frontier for name in ("envelope", "isoflop")]
    f = next((one for one in known if one is not None and one.points), None)
    if f is None:
        ax.text(0.5, 0.5, "no frontier", transform=ax.transAxes, ha="center", color=GREY)
        return
    c = one.columns
    batch = float(np.exp(np.mean(np.log(c["samples"] / c["S"]))))
    points = np.array([(p.C, p.N, p.S * batch) for p in f.points])
    C = np.geomspace(points[:, 0].min(), points[:, 0].max(), 12)
    bands = [f.allocate(float(v)) for v in C]
    for k, (name, colour, scale) in enumerate((("N", VERMILLION, 1.0), ("S", BLUE, batch)), 1):
        values = [getattr(band, name) for band in bands]
        low, high = zip(*(v.interval for v in values), strict=True)
        slope = f.xi if name == "N" else f.steps
        label = f"{'N' if name == 'N' else 'D'}_opt ∝ C^{slope.value:.3g}"
        ax.plot(C, [scale * v.value for v in values], "-", color=colour, lw=1.2, label=label)
        ax.fill_between(C, scale * np.array(low), scale * np.array(high), color=colour, alpha=0.18,
                        lw=0)  # fmt: skip
        ax.plot(*_some(points[:, [0, k]], 24).T, ".", color=colour, ms=4)
    ax.legend(fontsize=8.5)


# ---- the phase plane -----------------------------------------------------------------------------


TURN = 1 - 1 / np.sqrt(2)
"""α of the border of IVa and IVb."""
PHASES = {"Ia": (0.95, 0.2), "Ib": (0.37, 0.3), "Ic": (0.12, 1.6), "II": (1.25, 0.75),
          "III": (0.75, 1.6), "IVa": (0.4, 1.6), "IVb": (0.271, 1.85)}  # fmt: skip
"""Positions of the names."""


def phase_figure(found: Sequence[FrontierFound]) -> tuple[Figure, str]:
    """The plane of α and β with the seven phases, and the measured ξ at each point of a study."""
    figure = blank(7.0, 5.4)
    ax = figure.subplots()
    known = [(one.place, one.methods["envelope"].frontier) for one in found if one.place]
    top = max(2.1, *(β + 0.2 for (_, β), _ in known))
    right = max(1.4, *(α + 0.15 for (α, _), _ in known))
    lines = [((0.5, 0.5), (0, top)), ((0, right), (0.5, 0.5)), ((0, 0.5), (0.5, 0)),
             ((0.5, top), (0.5, top)), ((0.25, 0.25), (0.5, top)),
             ((TURN, TURN), (0.5, top))]  # fmt: skip
    for x, y in lines:
        ax.plot(x, y, "-", color=GREY, lw=0.8)
    for name, place in PHASES.items():
        ax.text(*place, name, color=GREY, fontsize=12, ha="center")
    for at, f in known:
        if f is not None:
            ax.plot(*at, "o", color=VERMILLION, ms=6)
            ax.annotate(f"ξ = {f.xi.value:.3g}\nη = {f.eta.value:.3g}", at, (6, -4),
                        textcoords="offset points", fontsize=8, va="top")  # fmt: skip
    ax.set(xlim=(0, right), ylim=(0, top), xlabel="α of features, x_j ∝ j^−α",
           ylabel="β of the target, b_j ∝ j^−β")  # fmt: skip
    return figure, (
        "Phases of one-pass SGD on power-law random features (Paquette et al., arXiv 2405.15074) "
        "in the plane of α and β, and what the envelope measures at the points of this study. "
        "Below 2α + 2β = 1 there is no power law."
    )


# ---- view ----------------------------------------------------------------------------------------


def _lines(found: FrontierFound) -> Iterator[tuple]:
    for method, said in found.plain()["methods"].items():
        if "refused" not in said:
            yield found.label, method, *(quantity_text(said[name]) for name in SHOWN)


def sentences(_: Answer, found: FrontierFound) -> Iterator[str]:
    """Refusals, what is no power law, and what was left out."""
    if not found.units:
        yield "a frontier needs a teacher with every size; go on running."
        return
    many = "teacher or seed" if found.planned == 1 else "teachers or seeds"
    sizes = len(set(found.columns["N"].tolist()))
    yield f"curves of {sizes} sizes, means over {found.units} of {found.planned} {many}."
    for name, one in found.methods.items():
        if one.frontier is None:
            yield f"{name} is refused: {one.refused}"
            continue
        odd = {q.status for q in (one.frontier.xi, one.frontier.eta, one.frontier.excess)}
        for status in sorted(odd - {"power-law"}):
            yield f"{name}, {status}: {FRONTIER_STATUS[status]}."
        if one.frontier.left_out:
            more = len(one.frontier.left_out) - 1
            rest = f", and {more} more" if more else ""
            yield f"{name} leaves out: {one.frontier.left_out[0]}{rest}."


def measured(found: FrontierFound) -> str:
    """ξ by the first estimator that answers."""
    for name, one in found.methods.items():
        if one.frontier:
            xi, eta = one.frontier.xi.value, one.frontier.eta.value
            return f"N_opt ∝ C^{xi:.3g}, L ∝ C^−{eta:.3g} by {name}"
    return ""


VIEW = View(
    above=table_of("frontier", "The compute frontier, by three estimators, with 95 % intervals:",
                   SETTING_HEAD, _lines, most=4),
    sentences=sentences,
    figures=joined(
        figure_of("frontier", "Compute frontier", frontier_figure, of=lambda found: found.units),
        figure_of("frontier", "Loss at equal compute, best size and samples", valley_figure,
                  name="isoflop", of=lambda found: found.units),
        figure_of("frontier", "Phase plane", phase_figure, name="phases",
                  of=lambda found: found.units and found.place),
    ),
    files=file_of("frontier", ("label", "method", "C", "N", "S", "loss", "excess"), lambda found: (
        (found.label, name, *map(float, (p.C, p.N, p.S, p.loss, p.excess)))
        for name, one in found.methods.items() if one.frontier
        for p in one.frontier.points
    )),
    key="frontiers",
    measured=measured,
)  # fmt: skip
