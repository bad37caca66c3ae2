"""Descents as people see them: a table, the U and the second descent with the threshold, a map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab.findings.answer import Answer
from lab.findings.descents import EDGE, DescentCurve, DescentFound, LossRatio, too_short
from lab.findings.drawing import BLUE, GREEN, GREY, VERMILLION, decades, literal, stacked
from lab.findings.view import View, figure_of, file_of, interval, table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


HEAD = ("setting", "first minimum", "peak", "rise", "second minimum", "second descent", "threshold")


def _lines(found: DescentFound) -> Iterator[tuple[str, ...]]:
    if found.shape:
        yield _line(found, found.shape)


def _line(found: DescentFound, shape: DescentCurve) -> tuple[str, ...]:
    symbol = found.study.axis.symbol
    first, top, last = (f"{symbol} = {shape.x[i]:g}" for i in shape.places)
    grown, fallen = shape.factors
    if not shape.rises:
        return (found.label, "–", "none", _factor(grown), "–", "–", _threshold_text(found))
    (low, high), edge = shape.peak_interval
    top += f" [{low:g}, {high:g}]" + (", at the edge" if edge else "")
    return (found.label, first, top, _factor(grown), last, _factor(fallen), _threshold_text(found))


def _factor(one: LossRatio) -> str:
    ends = f" {interval(one.interval, '.3g')}" if math.isfinite(one.interval[0]) else ""
    return f"{one.value:.3g}{ends}"


def _threshold_text(found: DescentFound) -> str:
    low, high = found.threshold
    return (
        f"{found.study.axis.symbol} = {low:g} … {high:g}" if math.isfinite(low) else "not crossed"
    )


def sentences(_: Answer, found: DescentFound) -> Iterator[str]:
    """The number of curves, and what keeps them from telling more."""
    if found.shape is None:
        yield too_short(found)
        return
    yield f"{found.shape.x.size} x, {found.units} of {found.planned} teachers or seeds."
    if found.shape.rises and found.shape.peak_interval[1]:
        yield EDGE
    if not found.noisy:
        yield (
            "labels have no noise: what is amplified at the threshold is what the student cannot "
            "express alone."
        )


COLOURS = {"test": BLUE, "validation": GREEN, "train": GREY}


def _drawn(found: Sequence[DescentFound]) -> tuple[Figure, str]:
    mapped = any(len(one.others) > 1 for one in found)
    figure, axes = stacked(len(found), 1 + mapped, width=11.0 if mapped else 6.4)
    for row, one in zip(axes, found, strict=True):
        _curves(row[0], one)
        if mapped:
            _map(figure, row[1], one)
    words = (
        "Relative losses over x: geometric means over teachers or seeds of the test error (blue, "
        "each unit pale), of validation (green) and training error (grey); exact risks, which are "
        "arithmetic means, dashed; the "
        "band is where the training set is learned by heart, the mark the peak with its interval. "
    )
    return figure, words + "Right: log test error over both axes." * mapped


def _curves(ax: Axes, one: DescentFound) -> None:
    shape, axis = one.shape, one.study.axis
    assert shape is not None
    for logs in shape.logs[:20]:
        ax.plot(shape.x, np.exp(logs), "-", color=BLUE, lw=0.5, alpha=0.25)
    for split, colour in COLOURS.items():
        x, loss = one.mean(split)
        if x.size:
            shown = np.where(loss > 1e-6, loss, np.nan)
            ax.plot(x, shown, ".-", color=colour, lw=1.5, ms=4, label=f"{split} error")
    x, exact = one.exact()
    if np.isfinite(exact).any():
        ax.plot(x, exact, "--", color=VERMILLION, lw=1.4, label="exact mean")
    if math.isfinite(one.threshold[0]):
        ax.axvspan(*one.threshold, color=GREY, alpha=0.2, lw=0, label="threshold")
    if shape.rises:
        top = float(shape.x[shape.places[1]])
        low, high = shape.peak_interval[0]
        height = float(np.exp(shape.logs.mean(0)[shape.places[1]]))
        ax.errorbar(top, height, xerr=[[top - low], [high - top]], fmt="v", color=VERMILLION, ms=6)
    ax.set(xscale="log", yscale="log", xlabel=axis.words, ylabel="relative loss")
    decades(ax)
    ax.set_title(literal(one.label))
    ax.legend(loc="best", fontsize=8)


def _map(figure: Figure, ax: Axes, one: DescentFound) -> None:
    x, others = np.unique([e.x for e in one.entries]), np.array(one.others)
    if others.size < 2:
        ax.set_axis_off()
        return
    z = np.full((others.size, x.size), np.nan)
    for i, other in enumerate(others.tolist()):
        at, loss = one.mean("test", other)
        z[i, np.searchsorted(x, at)] = np.log10(loss)
    mesh = ax.pcolormesh(x, others, z, shading="nearest", cmap="viridis")
    figure.colorbar(mesh, ax=ax, label="log₁₀ test error")
    first, other_axis = one.study.axes
    ax.set(xscale="log", yscale="log", xlabel=first.words, ylabel=other_axis.words)
    ax.grid(False)


def _rows(one: DescentFound) -> Iterator[tuple[str, ...]]:
    """Every curve: geometric means over units, the standard error of their logarithm, and how many
    units there are. Single losses are in the table of observations."""
    some: dict[tuple, list] = {}
    for e in one.entries:
        some.setdefault((e.x, e.other, e.split), []).append(e)
    for (x, other, split), entries in some.items():
        logs, exact = np.log(np.maximum(
            np.transpose([(e.loss, e.exact) for e in entries]), np.finfo(float).tiny
        ))  # fmt: skip
        error = logs.std(ddof=1) / np.sqrt(logs.size) if logs.size > 1 else np.nan
        told = [f"{np.exp(v.mean()):.6g}" for v in (logs, exact)]
        yield (one.label, f"{x:g}", f"{other:g}", split, told[0], f"{error:.3g}", str(logs.size),
               told[1])  # fmt: skip


def measured(found: DescentFound) -> str:
    """The rise and the second descent."""
    if found.shape is None:
        return ""
    grown, fallen = found.shape.factors
    return f"rise {grown.value:.3g}, second descent {fallen.value:.3g}"


VIEW = View(
    above=table_of(
        "descent", "Test error over x: its largest rise, from a minimum to a peak, and how many "
        "times lower the minimum after it is than the one before, with 95 % intervals over "
        "teachers or seeds; the training set is learned by heart at the threshold:", HEAD, _lines,
        most=4,
    ),
    sentences=sentences,
    figures=figure_of("descent", "Descent twice", _drawn, of=lambda found: found.shape),
    files=file_of("descent", ("label", "x", "other", "split", "loss", "error", "units", "exact"),
                  _rows),
    key="descent",
    measured=measured,
)  # fmt: skip
