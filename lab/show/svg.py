"""Figures of matplotlib as lean SVG text: the same drawing in a third of the bytes.

What goes: decimals beyond a hundredth of a point, names that nobody refers to, line breaks,
groups that hold one thing and say nothing, and styles that are written twice. The result
is the same in every run.
"""

from __future__ import annotations

import io
import re
from typing import Any

LEAN = (
    (re.compile(r"<!--.*?-->|<!DOCTYPE.*?>|<metadata>.*?</metadata>", re.S), ""),
    (re.compile(r"xlink:(?=href)"), ""),
    (re.compile(r"(?<![\w.#])(-?[1-9]\d*\.\d\d)\d+"), r"\1"),
    (re.compile(r"(?<= )(0\.\d\d)\d+(?=\))"), r"\1"),
    (re.compile(r'( [xy]="-?\d+\.\d)\d+'), r"\1"),
    (re.compile(r' id="(?:line2d|text|patch|xtick|ytick|axes|figure|matplotlib\.axis|\w+Collection'
                r'|legend|image)_\d+"'), ""),
    (re.compile(r"\s*\n\s*"), " "),
    (re.compile(r">\s+<"), "><"),
    (re.compile(r"(?<=[\dz]) (?=\")"), ""),
    (re.compile(r" ([MLQC]) "), r"\1"),
    (re.compile(r"<g><g>((?:<use [^>]*/>)+)</g></g>"), r"<g>\1</g>"),
    (re.compile(r"<g>(<path [^>]*/>)</g>"), r"\1"),
    (re.compile(r"<g>(<use [^>]*/>)</g>"), r"\1"),
)  # fmt: skip
"""What is replaced by what, in this order."""
STYLED = re.compile(r' style="([^"]*)"')
NAMED = re.compile(r' id="([^"]*)"')
REFERRED = re.compile(r'( id="|#)([\w.-]+)(?=["\)])')


def svg(figure: Any) -> str:
    """The figure as SVG. The style of matplotlib has to be set by the caller."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    FigureCanvasSVG(figure)
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    for pattern, lean in LEAN:
        text = pattern.sub(lean, text)
    return _classed(text) + "\n"


def _classed(text: str) -> str:
    """The same with every style written once, as a class, and with short names."""
    styles = {style: f"s{i}" for i, style in enumerate(dict.fromkeys(STYLED.findall(text)))}
    rules = "".join(f".{name}{{{style}}}" for style, name in styles.items())
    text = STYLED.sub(lambda found: f' class="{styles[found[1]]}"', text)
    text = text.replace("</style>", f"{rules}</style>", 1)
    names = {name: f"i{i}" for i, name in enumerate(dict.fromkeys(NAMED.findall(text)))}
    return REFERRED.sub(lambda found: found[1] + names.get(found[2], found[2]), text)
