"""Drawing: the style that all figures share, their panels, and what a pointer is told of a mark.

A figure is drawn once, by matplotlib: files for paper and the page have the same one. A mark tells
what it is by its `gid`, which becomes data of the page's SVG (`lab.report.figure_files`): `told`
words for a pointer that rests on it, `runs` the runs that dots are of, whose names a click looks
up. Colours are Okabe and Ito's (distinguishable with colour blindness) for categories and viridis,
cut at its pale end, for the dimension. matplotlib is imported when something is drawn.

What it does not do: compute anything of the science, or know what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.terminal import clean

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def tick_text(value: float) -> str:
    """A tick's number: powers of ten far from 1, plain digits else."""
    if value and not 1e-3 <= abs(value) < 1e5:
        power = math.floor(math.log10(abs(value)) + 1e-9)
        lead = value / 10**power
        sign = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"10{sign}" if math.isclose(lead, 1) else f"{lead:g}·10{sign}"
    return f"{value:g}"


BLUE, ORANGE, GREEN, VERMILLION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
BAND = "#cccccc"
"""Grey of what a prediction allows; a dark page inverts it, and it is still seen there."""
VERDICTS = {"agrees": (GREEN, "o"), "undecided": (ORANGE, "s"), "contradicts": (VERMILLION, "X")}
STYLE: Any = {  # matplotlib types its settings as a literal for every name
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110,
    "legend.frameon": False, "axes.titlesize": 10.5, "axes.grid": True,
    "grid.color": "#e6e6e6", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "svg.hashsalt": "lab", "svg.fonttype": "none",
}  # fmt: skip


def styled() -> AbstractContextManager[None]:
    """The style of all figures, for as long as one is drawn."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def blank(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def decades(ax: Axes) -> None:
    """Plain numbers on logarithmic axes: at 1, 2, 5 or 1, 3 where one spans less than two decades,
    else at powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() != "log":
            continue
        low, high = axis.get_view_interval()
        if low > 0 and high < 100 * low:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 25 * low else (1, 3)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
        axis.set_minor_formatter(NullFormatter())


def grid(
    panels: int, *, margin: float, height: float, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure and the axes of so many panels; margin, height: inches beside them all, of each."""
    columns = 2 if panels == 4 else min(panels, 3)
    lines = -(-panels // columns)
    figure = blank(margin + (6.4 if columns == 1 else 4.9 * columns), 0.6 + height * lines)
    axes = figure.subplots(lines, columns, squeeze=False, sharex=sharex, sharey=sharey)
    for spare in axes.flat[panels:]:
        spare.set_axis_off()
    return figure, list(axes.flat[:panels])


def stacked(rows: int, columns: int, *, width: float, height: float = 3.9) -> tuple[Figure, Any]:
    """A figure and its axes [rows, columns], a row for each setting; in inches, height: of each."""
    figure = blank(width, 0.5 + height * rows)
    return figure, figure.subplots(rows, columns, squeeze=False)


def end_labels(ax: Axes, ends: Sequence[tuple[float, str, Any]], title: str) -> None:
    """Words right of the axes beside the ends of curves, given as (y, words, colour), no two of
    them in one place, under a title. The limits of the axes must be final."""
    size = 8.0
    gap = 1.3 * size / (72 * ax.get_window_extent().height / ax.figure.dpi)
    places: list[float] = []
    order = sorted(ends, key=lambda end: end[0])
    for y, *_ in order:
        place = float(ax.transAxes.inverted().transform(ax.transData.transform((1, y)))[1])
        places.append(max(place, places[-1] + gap) if places else max(place, 0.0))
    above = max(0.0, places[-1] - 1) if places else 0.0
    for i in range(len(places) - 1, -1, -1):  # those that stuck out push the others down
        places[i] = min(places[i], 1 - gap * (len(places) - 1 - i)) if above else places[i]
    texts = [(1 + gap if places[-1] > 1 - gap else 1.0, 8, title, "black")] if places else []
    for place, (_, words, colour) in zip(places, order, strict=True):
        texts += [(place, 8, "●", colour), (place, 18, words, "black")]
    for place, right, words, colour in texts:
        ax.annotate(words, (1, place), (right, 0), xycoords="axes fraction", color=colour,
                    textcoords="offset points", fontsize=size, va="center")  # fmt: skip


def literal(text: str) -> str:
    """Text of a study as matplotlib prints it as it stands: no mathematics between dollars."""
    return clean(text).replace("$", r"\$")


def shades(n: int) -> list[Any]:
    """n colours of viridis, dark first."""
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.76, max(n, 2))))[:n]


# ---- what a pointer is told ----------------------------------------------------------------------


TOLD, RUNS = "told:", "runs:"


def told(artist: Artist, words: str) -> None:
    """Have a mark say these words to a pointer that rests on it."""
    artist.set_gid(f"{TOLD}{clean(words)}")


def runs(artist: Artist, names: Iterable[str]) -> None:
    """Have the dots of a line be of these runs, in their order; an empty name is of none."""
    artist.set_gid(RUNS + " ".join(name or "-" for name in names))


def by_dimension(
    panels: Mapping[str, Sequence[tuple[Any, str, Any]]],
    draw: Callable[[Axes, Any, Any, str], None],
    *,
    height: float = 3.0,
    share: bool = False,
    **settings: Any,
) -> Figure:
    """A panel per title, in which `draw(ax, value, colour, label)` is called for each (d, label,
    value); one colour per d in all of them. settings: of all axes."""
    dims = sorted({d for some in panels.values() for d, *_ in some})
    shade = dict(zip(dims, shades(len(dims)), strict=True))
    with styled():
        figure, axes = grid(len(panels), margin=0.6, height=height, sharex=share, sharey=share)
        for ax, (title, some) in zip(axes, panels.items(), strict=True):
            ax.set(title=literal(title), **settings)
            for d, label, value in some:
                draw(ax, value, shade[d], label)
            decades(ax)
            ax.tick_params(labelbottom=True, labelleft=True)
            handles, labels = ax.get_legend_handles_labels()
            if handles:
                ax.legend(fontsize=8.5, ncols=1 + (len(labels) > 4 and max(map(len, labels)) < 12))
    return figure
