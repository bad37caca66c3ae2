"""What all figures share: colours, the style of matplotlib, and how panels are laid out.

Colours are Okabe and Ito's (distinguishable with colour blindness) for categories and viridis, cut
at its pale end, for the dimension. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.terminal import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILLION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
VERDICTS = {"agrees": (GREEN, "o"), "undecided": (ORANGE, "s"), "contradicts": (VERMILLION, "X")}
STYLE: Any = {  # matplotlib types its settings as a literal for every name
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110,
    "legend.frameon": False, "axes.titlesize": 10.5, "axes.grid": True,
    "grid.color": "#e6e6e6", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "svg.hashsalt": "lab",
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
    """Numbers at 1, 2, 5 or 1, 3 where x spans less than two decades, else powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = ax.get_xlim()
    if high < 100 * low:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 25 * low else (1, 3)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def grid(
    panels: int, *, margin: float, height: float, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure and the axes of so many panels; margin, height: inches beside them all, of each."""
    columns = 2 if panels == 4 else min(panels, 3)
    lines = -(-panels // columns)
    figure = blank(margin + 4.9 * columns, 0.6 + height * lines)
    axes = figure.subplots(lines, columns, squeeze=False, sharex=sharex, sharey=sharey)
    for spare in axes.flat[panels:]:
        spare.set_axis_off()
    return figure, list(axes.flat[:panels])


def literal(text: str) -> str:
    """Text of a study as matplotlib prints it as it stands: no mathematics between dollars."""
    return clean(text).replace("$", r"\$")


def shades(n: int) -> list[Any]:
    """n colours of viridis, dark first."""
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, max(n, 2))))[:n]
