"""Figures of matplotlib as files: for print and slides, and as lean SVG text.

For print a figure keeps its proportions and takes a width in millimetres; its words and lines take
the size that this width is read at. Fonts are embedded, as outlines in SVG and as TrueType in PDF.

SVG of a report is the same drawing in a third of the bytes: words stay words, every style is a
class, and what goes are decimals beyond a tenth of a point, names without a reference and groups
that say nothing. What a mark says of itself becomes data. The result is the same in every run.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.files import put_bytes
from lab.findings.drawing import RUNS, STYLE, TOLD
from lab.findings.view import CaptionedFigure
from lab.mistakes import StudyError, unknown

SVG = "http://www.w3.org/2000/svg"
GROUP, USE, STYLE_TAG = (f"{{{SVG}}}{tag}" for tag in ("g", "use", "style"))
WORDS = (f"{{{SVG}}}text", f"{{{SVG}}}tspan")
LINK = "{http://www.w3.org/1999/xlink}href"

NUMBER = re.compile(r"-?\d*\.\d+")
REFERRED = re.compile(r"#([\w.-]+)(?=\)|$)")


def svg(figure: Any, prefix: str = "") -> ET.Element:
    """The figure as a tree of SVG, every name in it after the prefix. The style of matplotlib has
    to be set by the caller."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    FigureCanvasSVG(figure)
    figure.savefig(out, format="svg", metadata={"Date": None})
    figure.set_layout_engine("none")  # laid out once: it takes as long as drawing
    return lean(out.getvalue(), prefix)


def text_of(root: ET.Element) -> str:
    """A tree of SVG as text."""
    ET.register_namespace("", SVG)
    return ET.tostring(root, "unicode").replace(" />", "/>") + "\n"


def inline(one: CaptionedFigure, prefix: str) -> str:
    """The figure for a page: told in words, as wide as there is room, on the page's ground; every
    name in it begins with the prefix, so that those of one page are apart."""
    import matplotlib

    with matplotlib.rc_context({**STYLE, "savefig.transparent": True}):
        root = svg(one.figure, prefix)
    points = float(root.attrib["width"].removesuffix("pt"))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": one.alt or one.caption,
                    "style": f"--w:{points:.0f}px"}  # fmt: skip
    return text_of(root)


def lean(text: str, prefix: str = "") -> ET.Element:
    """SVG of matplotlib as a tree of fewer bytes; prefix: of all names."""
    root = ET.fromstring(text)
    root[:] = [child for child in root if child.tag != f"{{{SVG}}}metadata"]
    for node in root.iter():
        _tell(node)
        _shorten(node)
    _unwrap(root)
    _class_styles(root, prefix)
    _name(root, prefix)
    return root


def _tell(node: ET.Element) -> None:
    """Words and runs of a mark, see `lab.findings.drawing`, as data."""
    name = node.get("id", "")
    if name.startswith(TOLD):
        node.attrib = {"data-told": name.removeprefix(TOLD)}
    elif name.startswith(RUNS):
        del node.attrib["id"]
        for dot, run in zip(node.iter(USE), name.removeprefix(RUNS).split(), strict=True):
            if run != "-":
                dot.set("data-run", run)


def _shorten(node: ET.Element) -> None:
    """Attributes in fewer letters, and no space between elements."""
    node.tail = None
    if node.tag not in (*WORDS, STYLE_TAG):
        node.text = None
    if LINK in node.attrib:
        node.attrib = {"href": node.attrib.pop(LINK), **node.attrib}
    for name in {"x", "y", "d", "transform"}.intersection(node.attrib):
        short = " ".join(NUMBER.sub(_rounded, node.attrib[name]).split())
        node.set(name, re.sub(r" ?([MLQCz]) ?", r"\1", short) if name == "d" else short)
    if node.get("transform", "").startswith("rotate(-0 "):
        del node.attrib["transform"]


def _rounded(number: re.Match[str]) -> str:
    """Places to a tenth of a point, the outlines of marks and the size of type finer."""
    value = float(number[0])
    text = f"{value:.{1 if abs(value) > 10 else 2 if abs(value) > 1 else 3}f}"
    text = text.rstrip("0").rstrip(".")
    return re.sub(r"^(-?)0(?=\.)", r"\1", text).replace("-0", "0")


def _unwrap(node: ET.Element) -> None:
    """Without groups that only name what they hold."""
    children: list[ET.Element] = []
    for child in node:
        _unwrap(child)
        bare = child.tag == GROUP and set(child.attrib) <= {"id"}
        children += child if bare else [child]
    node[:] = children


def _class_styles(root: ET.Element, prefix: str) -> None:
    """Every style once, as a class; the marks of a group that look alike have that of the group."""
    styles: dict[str, str] = {}
    for node in root.iter():
        if "style" in node.attrib:
            style = re.sub(r"(?<=[:;]) ", "", node.attrib.pop("style"))
            node.set("class", styles.setdefault(style, f"{prefix}s{len(styles)}"))
    sheet = root.find(f".//{STYLE_TAG}")
    assert sheet is not None
    own_text = "" if prefix else sheet.text  # a page sets joins and caps itself
    sheet.text = f"{own_text}{''.join(f'.{k}{{{style}}}' for style, k in styles.items())}"
    for group in root.iter(GROUP):
        looks = {mark.get("class") for mark in group}
        if len(group) > 1 and len(looks) == 1 and "class" not in group.attrib and None not in looks:
            group.attrib["class"] = looks.pop() or ""
            for mark in group:
                del mark.attrib["class"]


def _name(root: ET.Element, prefix: str) -> None:
    """Short names for what is referred to, the shortest for the commonest, and no other names."""
    links = [
        (node, name)
        for node in root.iter()
        for name in ("href", "clip-path")
        if REFERRED.search(node.attrib.get(name, ""))  # and no picture within the drawing
    ]
    times = Counter(REFERRED.findall(node.attrib[name])[0] for node, name in links)
    short = {name: f"{prefix}n{i}" for i, (name, _) in enumerate(times.most_common())}
    for node, name in links:
        node.set(name, REFERRED.sub(lambda m: f"#{short[m[1]]}", node.attrib[name]))
    for node in root.iter():
        if (own := node.attrib.pop("id", "")) in short:
            node.attrib = {"id": short[own], **node.attrib}


FORMATS = ("svg", "pdf", "png")
WIDTHS = {"single": (86.0, 6.5), "double": (178.0, 8.0), "slide": (254.0, 13.0)}
"""Millimetres, of one and two columns of a journal and of a slide, and the points of its words."""
INCH = 25.4
DPI = 300
"""Dots per inch of a PNG."""


def check_format(form: str, width: str) -> None:
    """Raises StudyError, a sentence, for a format or a width that there is not."""
    if form not in FORMATS:
        raise StudyError([unknown("format", form, FORMATS)])
    if width not in WIDTHS:
        raise StudyError([unknown("width", width, WIDTHS)])


def publish(drawn: Sequence[CaptionedFigure], folder: Path, form: str, width: str) -> list[Path]:
    """Write figures as folder/NAME-WIDTH.FORMAT; returns the files.

    Raises StudyError, one sentence, for an unknown format or width, or a folder that takes nothing.
    """
    check_format(form, width)
    return [
        put_bytes(content(one, form, width), folder / f"{one.name}-{width}.{form}") for one in drawn
    ]


def save(figure: Any, path: Path) -> Path:
    """Write a figure as it is, by its ending. Raises StudyError for another than of FORMATS."""
    form = path.suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise StudyError([f"{path}: a figure is a .png, .svg or .pdf; give it one of these "
                          "endings"])  # fmt: skip
    out = io.BytesIO()
    figure.savefig(out, format=form, dpi=160)
    return put_bytes(out.getvalue(), path, make=False)


def content(one: CaptionedFigure, form: str, width: str) -> bytes:
    """The bytes of one figure's file."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(one.figure)
    with matplotlib.rc_context({**STYLE, "pdf.fonttype": 42, "svg.fonttype": "path"}):
        _resize(one.figure, *WIDTHS[width])
        if form == "svg":
            return text_of(svg(one.figure)).encode()
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
