"""Drawing: small charts of the page as SVG text, and the style that figures of matplotlib share.

A chart has scales, and marks that are drawn on a frame of two of them. Its colours are classes that
the style sheet of the page gives a value to, so that one drawing serves light, dark and paper.
Every text that comes in is escaped here. Coordinates have one decimal, a tenth of a pixel, which
keeps a drawing small. Colours of figures are Okabe and Ito's (distinguishable with colour
blindness) for categories and viridis, cut at its pale end, for the dimension. matplotlib is
imported when something is drawn.

What it does not do: compute anything of the science, or know what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.terminal import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Numbers = Iterable[float]


@dataclass(frozen=True)
class Scale:
    """Values low…high on pixels start…end, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(
        cls, values: Numbers, start: float, end: float, *, log: bool = False, pad: float = 0.05
    ) -> Scale:
        """The scale that holds all finite values (positive ones, if logarithmic) with a margin."""
        known = [v for v in values if math.isfinite(v) and (v > 0 or not log)] or [1.0]
        low, high = min(known), max(known)
        if log:
            margin = max(math.log(high / low) * pad, 0.05)
            return cls(low * math.exp(-margin), high * math.exp(margin), start, end, True)
        margin = (high - low) * pad or abs(high) * 0.1 or 0.1
        return cls(low - margin, high + margin, start, end)

    def __call__(self, value: float) -> float:
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """True if the value can be drawn."""
        return math.isfinite(value) and self.low <= value <= self.high

    def moved(self, start: float, end: float) -> Scale:
        """The same values on other pixels."""
        return Scale(self.low, self.high, start, end, self.log)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the scale."""
        if not self.log:
            return self._linear(most)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            found = [s * 10.0**e for e in range(first, last + 1) for s in steps]
            found = [v for v in found if self.holds(v)]
            if len(found) <= most:
                return found if len(found) > 1 else self._linear(4)
        return found[:: -(-len(found) // most)]

    def _linear(self, most: int) -> list[float]:
        """The finest multiples of 1, 2 or 5 powers of ten that are no more than this, or two."""
        power = math.floor(math.log10(self.high - self.low))
        found: list[float] = []
        for step in (s * 10.0**e for e in (power - 1, power) for s in (1, 2, 5)):
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            before, found = found, [round(i * step, 12) for i in range(first, last + 1)]
            if len(found) <= most:
                return found if len(found) > 1 else before
        return found


def tick_text(value: float) -> str:
    """A tick's number: powers of ten far from 1, plain digits else."""
    if value and not 1e-3 <= abs(value) < 1e5:
        power = math.floor(math.log10(abs(value)) + 1e-9)
        lead = value / 10**power
        sign = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"10{sign}" if math.isclose(lead, 1) else f"{lead:g}·10{sign}"
    return f"{value:g}"


@dataclass(frozen=True)
class Frame:
    """Two scales, x to the right and y upwards, on which marks are drawn."""

    x: Scale
    y: Scale

    def axes(
        self, x_label: str = "", y_label: str = "", *, x_ticks: Sequence[float] | None = None,
        numbers: bool = True, y_most: int = 5,
    ) -> str:  # fmt: skip
        """Grid, ticks and labels. numbers: whether x has numbers, or its grid alone."""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        xs = self.x.ticks() if x_ticks is None else [v for v in x_ticks if self.x.holds(v)]
        ys = self.y.ticks(y_most)
        path = "".join(f"M{self.x(v):.1f} {bottom:.1f}V{top:.1f}" for v in xs)
        path += "".join(f"M{left:.1f} {self.y(v):.1f}H{right:.1f}" for v in ys)
        parts = [
            f'<path class="grid" d="{path}"/>',
            f'<path class="axis" d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}"/>',
        ]
        if numbers:
            parts += [text(self.x(v), bottom + 14, tick_text(v), "tick mid") for v in xs]
        parts += [text(left - 5, self.y(v) + 3.5, tick_text(v), "tick end") for v in ys]
        if x_label:
            parts.append(text((left + right) / 2, bottom + 30, x_label, "label mid"))
        if y_label:
            parts.append(text(left - 36, top - 8, y_label, "label"))
        return "".join(parts)

    def line(self, xs: Numbers, ys: Numbers, css: str) -> str:
        """A line through the points that are within the frame."""
        return self.joined(zip(xs, ys, strict=True), css)

    def joined(self, every: Iterable[tuple[float, float]], css: str) -> str:
        """The same through pairs."""
        points = [(x, y) for x, y in every if self._holds(x, y)]
        if len(points) < 2:
            return ""
        return f'<path class="{css}" d="M{"L".join(map(self._at, points))}"/>'

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
        """The region between two curves, cut off at the frame."""

        def inside(y: float) -> float:
            return min(max(y, self.y.low), self.y.high)

        there = [*zip(xs, map(inside, high), strict=True)]
        back = [*zip(xs, map(inside, low), strict=True)][::-1]
        return f'<path class="band" d="M{"L".join(map(self._at, there + back))}Z"/>'

    def dots(
        self, points: Iterable[tuple[float, float]], css: str, size: float = 2.0,
        names: Sequence[str] | None = None,
    ) -> str:  # fmt: skip
        """Circles. names: of the run of each point, as `data-run`; empty where there is none."""
        found = []
        for i, (x, y) in enumerate(points):
            if self._holds(x, y):
                run = f' data-run="{escape(names[i])}"' if names and names[i] else ""
                at = f'cx="{self.x(x):.1f}" cy="{self.y(y):.1f}"'
                found.append(f'<circle {at} r="{size:g}"{run}/>')
        return f'<g class="{css}">{"".join(found)}</g>' if found else ""

    def bars(self, points: Iterable[tuple[float, float, float]], css: str) -> str:
        """Error bars from low to high at x, cut off at the frame."""
        path = ""
        for x, low, high in points:
            if self.x.holds(x) and math.isfinite(low) and math.isfinite(high):
                a, b = (self.y(min(max(v, self.y.low), self.y.high)) for v in (low, high))
                path += f"M{self.x(x):.1f} {a:.1f}V{b:.1f}"
        return f'<path class="{css}" d="{path}"/>' if path else ""

    def mark(self, x: float, y: float, css: str, name: str = "") -> str:
        """A marker whose shape says the verdict: a disc agrees, a cross contradicts, a square is
        undecided."""
        if not self._holds(x, y):
            return ""
        return marker(self.x(x), self.y(y), css, name)

    def _holds(self, x: float, y: float) -> bool:
        return self.x.holds(x) and self.y.holds(y)

    def _at(self, point: tuple[float, float]) -> str:
        return f"{self.x(point[0]):.1f} {self.y(point[1]):.1f}"


def marker(x: float, y: float, css: str, name: str = "") -> str:
    """A verdict's marker at pixels; name: what a pointer that rests on it is told."""
    shapes = {
        "agrees": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
        "contradicts": f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0-8l-8 8"/>',
    }
    shape = shapes.get(css, f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>')
    return f'<g class="mark {css}">{shape}{f"<title>{escape(name)}</title>" if name else ""}</g>'


def stroke(x: float, y: float, css: str, name: str) -> str:
    """An upright stroke about pixels, and what a pointer that rests on it is told."""
    return f'<path class="{css}" d="M{x:.1f} {y - 6:.1f}v12"><title>{escape(name)}</title></path>'


def apart(heights: Sequence[float], gap: float = 12.0) -> list[float]:
    """Pixels near these, in the same order, no two of them nearer than the gap: those that would
    overlap share the room around their mean."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    groups: list[list[int]] = []
    for i in order:
        groups.append([i])
        while len(groups) > 1 and _low(groups[-1], heights, gap) < _high(groups[-2], heights, gap):
            groups[-2:] = [groups[-2] + groups[-1]]
    found = [*heights]
    for group in groups:
        first = _low(group, heights, gap) + gap / 2
        for place, i in enumerate(group):
            found[i] = first + gap * place
    return found


def _low(group: Sequence[int], heights: Sequence[float], gap: float) -> float:
    return sum(heights[i] for i in group) / len(group) - gap * len(group) / 2


def _high(group: Sequence[int], heights: Sequence[float], gap: float) -> float:
    return _low(group, heights, gap) + gap * len(group)


def text(x: float, y: float, words: str, css: str = "") -> str:
    """Words at pixels; classes `mid` and `end` say which end is at x."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}">{escape(words)}</text>'


def drawing(width: float, height: float, alt: str, *parts: str) -> str:
    """The parts as one SVG, named `alt`."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(alt)}" '
        f'style="--w:{width:g}px">{"".join(parts)}</svg>'
    )


# ---- figures of matplotlib -----------------------------------------------------------------------


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
