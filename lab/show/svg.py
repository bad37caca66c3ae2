"""Figures of matplotlib as lean SVG text: the same drawing in a third of the bytes.

What goes: decimals beyond a hundredth of a point, names that nobody refers to, line breaks,
groups that hold one thing and say nothing, styles that are written twice, and colours of images
beyond a palette. The result is the same in every run.
"""

from __future__ import annotations

import base64
import io
import re
from typing import Any

from PIL import Image

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
GLYPH = re.compile(r'(<use href="[^"]*") transform="translate\((\S+) (\S+)\)"/>')
"""A letter of a text: its place is in hundredths of the size of the type."""
LEVEL = re.compile(r"(?<=M )(\S+) (\S+)L(?:\1 (\S+)|(\S+) \2)(?=\")")
"""A line up or down, or to the side."""
IMAGE = re.compile(r"(?<=data:image/png;base64,)([^\"]*)")
SHADES = 64
"""Colours of an image: those of a few kinds of dots, each in some transparencies."""
STYLED = re.compile(r' style="([^"]*)"')
ALIKE = re.compile(r'<g([^>]*)>((?:<use [^>]*?( class="\w+")/>)(?:<use [^>]*?\3/>)*)</g>')
"""A group of marks of one style."""
BARS = re.compile(
    r'<path d="[^"]*"((?: clip-path="[^"]*")? class="\w+")/>(?:<path d="[^"z]*"\1/>)+'
)
"""Lines of one style, one after the other."""
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
    text = GLYPH.sub(_placed, text)
    text = LEVEL.sub(_level, text)
    text = IMAGE.sub(lambda found: _palette(found[1]), text)
    return _classed(text) + "\n"


def _placed(glyph: re.Match[str]) -> str:
    x, y = (round(float(v)) for v in glyph.groups()[1:])
    return f'{glyph[1]} x="{x}"' + (f' y="{y}"/>' if y else "/>")


def _level(line: re.Match[str]) -> str:
    return f"{line[1]} {line[2]}" + (f"V{line[3]}" if line[3] else f"H{line[4]}")


def _palette(png: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    out = io.BytesIO()
    image.quantize(SHADES, Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _classed(text: str) -> str:
    """The same with every style written once, as a class, and with short names."""
    styles = {style: f"s{i}" for i, style in enumerate(dict.fromkeys(STYLED.findall(text)))}
    rules = "".join(f".{name}{{{style}}}" for style, name in styles.items())
    text = STYLED.sub(lambda found: f' class="{styles[found[1]]}"', text)
    text = text.replace("</style>", f"{rules}</style>", 1)
    text = ALIKE.sub(lambda g: f"<g{g[1]}{g[3]}>{g[2].replace(g[3], '')}</g>", text)
    text = BARS.sub(lambda row: row[0].replace(f'"{row[1]}/><path d="', ""), text)
    names = {name: f"i{i}" for i, name in enumerate(dict.fromkeys(NAMED.findall(text)))}
    return REFERRED.sub(lambda found: found[1] + names.get(found[2], found[2]), text)
