"""Curves coloured by size: compute frontiers with N_opt against C, and learning curves.

Findings in, a matplotlib `Figure` and its caption out. Nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab.findings.frontiers import Columns, FrontierFound
from lab.findings.learning import LearningFound
from lab.findings.style import BLUE, GREY, ORANGE, VERMILLION, blank, literal, shades, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"envelope": VERMILLION, "isoflop": BLUE, "parametric": ORANGE}


def frontiers(found: Sequence[FrontierFound]) -> tuple[Figure, str]:
    """Two panels per setting: loss, and best size, against compute."""
    with styled():
        figure = blank(11.0, 0.5 + 3.9 * len(found))
        axes = figure.subplots(len(found), 2, squeeze=False)
        for (left, right), one in zip(axes, found, strict=True):
            _curves(left, one)
            _sizes(right, one)
            left.set_title(literal(one.label))
    return figure, (
        "Left: relative loss against compute C, geometric means over teachers, a line for each "
        "size N (dark: small); red: optima of the envelope and their line. Right: the best size "
        "N against C, by the envelope of curves (red), isoFLOP minima (blue) and the additive law "
        "(orange), with the 95 % bands of their lines; ξ is the slope, with its 95 % interval."
    )


def curves(found: Sequence[LearningFound]) -> tuple[Figure, str]:
    """Two panels per setting: loss against steps, and against size at the last step."""
    with styled():
        figure = blank(11.0, 0.5 + 3.9 * len(found))
        axes = figure.subplots(len(found), 2, squeeze=False)
        for (left, right), one in zip(axes, found, strict=True):
            _by_size(left, one.columns, "S", "steps S")
            left.set_title(literal(one.label))
            right.set(xscale="log", yscale="log", xlabel="size N", ylabel="loss at the last step")
            for ax, name, symbol in ((left, "alpha_S", "α_S"), (right, "alpha_N", "α_N")):
                x, loss, _ = one.scans[name]
                at, where = np.unique(x, return_inverse=True)
                mean = np.bincount(where, np.log(loss)) / np.bincount(where)
                style = "o" if ax is right else "."
                ax.plot(at, np.exp(mean), style, color=VERMILLION, ms=4)
                e = one.exponent(name)
                if e is not None:
                    line = np.exp(mean.mean() - e.alpha * (np.log(at) - np.log(at).mean()))
                    label = f"{symbol} = {e.alpha:.3g} [{e.interval[0]:.3g}, {e.interval[1]:.3g}]"
                    ax.plot(at, line, "--", color=VERMILLION, lw=1.4, label=label)
                    ax.legend(loc="lower left")
    return figure, (
        "Left: relative loss against steps, geometric means over teachers, a line for each size N "
        "(dark: small); red: what the exponent of steps is read from, and its line. Right: losses "
        "at the last step against N. Intervals are of 95 %."
    )


def _by_size(ax: Axes, c: Columns, name: str, words: str) -> None:
    sizes = np.unique(c["N"])
    for N, colour in zip(sizes, shades(sizes.size), strict=True):
        rows = c["N"] == N
        x, where = np.unique(c[name][rows].round(9), return_inverse=True)
        log_loss = np.bincount(where, np.log(c["loss"][rows])) / np.bincount(where)
        ax.plot(x, np.exp(log_loss), "-", color=colour, lw=1.0)
    ax.set(xscale="log", yscale="log", xlabel=words, ylabel="test loss, relative")


def _curves(ax: Axes, one: FrontierFound) -> None:
    _by_size(ax, one.columns, "C", "compute C")
    envelope = one.methods["envelope"].frontier
    if envelope is None or not envelope.points:
        return
    C = np.array([p.C for p in envelope.points])
    ax.plot(C, [p.loss for p in envelope.points], "o", color=VERMILLION, ms=4)
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
    C = np.geomspace(min(every), max(every), 40)
    for name, estimate in one.methods.items():
        f = estimate.frontier
        if f is None:
            continue
        xi = f.xi
        label = f"{name}: ξ = {xi.value:.3g} [{xi.interval[0]:.3g}, {xi.interval[1]:.3g}]"
        band = [f.allocate(float(v)).N for v in C]
        ax.plot(C, [b.value for b in band], "-", color=COLOURS[name], lw=1.2, label=label)
        low, high = zip(*(b.interval for b in band), strict=True)
        ax.fill_between(C, low, high, color=COLOURS[name], alpha=0.18, lw=0)
        ax.plot([p.C for p in f.points], [p.N for p in f.points], ".", color=COLOURS[name], ms=4)
    ax.legend(loc="upper left", fontsize=8.5)
