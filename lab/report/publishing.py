"""The figures of a study for print and slides: one file each, of a width in millimetres.

A figure keeps its proportions and takes the width; its words and lines take the size that this
width is read at. Fonts are embedded, as outlines in SVG and as TrueType in PDF.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.files import put_bytes
from lab.findings.view import Drawn
from lab.mistakes import StudyError, unknown

FORMATS = ("svg", "pdf", "png")
WIDTHS = {"single": (86.0, 6.5), "double": (178.0, 8.0), "slide": (254.0, 13.0)}
"""Millimetres, of one and two columns of a journal and of a slide, and the points of its words."""
INCH = 25.4
DPI = 300
"""Of a PNG."""


def check(form: str, width: str) -> None:
    """Raises StudyError, a sentence, for a format or a width that there is not."""
    if form not in FORMATS:
        raise StudyError([unknown("format", form, FORMATS)])
    if width not in WIDTHS:
        raise StudyError([unknown("width", width, WIDTHS)])


def publish(drawn: Sequence[Drawn], folder: Path, form: str, width: str) -> list[Path]:
    """Write figures as folder/NAME-WIDTH.FORMAT; returns the files.

    Raises StudyError, one sentence, for an unknown format or width, or a folder that takes nothing.
    """
    check(form, width)
    return [
        put_bytes(content(one, form, width), folder / f"{one.name}-{width}.{form}") for one in drawn
    ]


def content(one: Drawn, form: str, width: str) -> bytes:
    """The bytes of one figure's file."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from lab.findings.style import STYLE
    from lab.report.svg import svg

    FigureCanvasAgg(one.figure)
    with matplotlib.rc_context({**STYLE, "pdf.fonttype": 42, "svg.fonttype": "path"}):
        _resize(one.figure, *WIDTHS[width])
        if form == "svg":
            return svg(one.figure).encode()
        out = io.BytesIO()
        dates = {"pdf": {"CreationDate": None}, "png": None}[form]
        one.figure.savefig(out, format=form, dpi=DPI, metadata=dates)
        return out.getvalue()


def _resize(figure: Any, millimetres: float, points: float) -> None:
    """Give the figure its width, and its words and lines the size that goes with it.

    Words keep their proportions to each other. The height grows with the words, so that a figure
    that was drawn wide for the screen does not close up in a column.
    """
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    wide, high = figure.get_size_inches()
    scale = points / 10.0  # figures are drawn with words of 10 points
    narrower = millimetres / INCH / wide
    figure.set_size_inches(millimetres / INCH, high * max(narrower, min(scale, 1.6 * narrower)))
    for text in figure.findobj(Text):
        text.set_fontsize(text.get_fontsize() * scale)
    for line in figure.findobj(Line2D):
        line.set_linewidth(line.get_linewidth() * scale)
        line.set_markersize(line.get_markersize() * scale)
