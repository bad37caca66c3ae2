"""Figures of matplotlib as files: for print and slides, and as lean SVG text.

For print a figure keeps its proportions and takes a width in millimetres; its words and lines take
the size that this width is read at. Fonts are embedded, as outlines in SVG and as TrueType in PDF.

SVG is the same drawing in a third of the bytes. What goes: decimals beyond a tenth of a point,
names that nobody refers to, groups that say nothing, and whatever is written twice: styles, words,
lines of one style side by side. What a mark says of itself becomes data. The result is the same in
every run. What it does not keep: that translucent lines of one style are darker where they overlap.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.files import put_bytes
from lab.findings.drawing import RUNS, TOLD
from lab.findings.view import CaptionedFigure
from lab.mistakes import StudyError, unknown

SVG = "http://www.w3.org/2000/svg"
GROUP, USE, PATH, DEFS, STYLE_TAG = (
    f"{{{SVG}}}{tag}" for tag in ("g", "use", "path", "defs", "style")
)
WORDS = (f"{{{SVG}}}text", f"{{{SVG}}}tspan")
LINK = "{http://www.w3.org/1999/xlink}href"

NUMBER = re.compile(r"-?\d*\.\d+")
REFERRED = re.compile(r"#([\w.-]+)(?=\)|$)")
SHIFT = re.compile(r"translate\((\S+) (\S+)\)(.*)")
LEVEL = re.compile(r"(?<=M)(\S+) (\S+)L(?:\1 ([^\sL]+)|([^\sL]+) \2)$")
"""A line up or down, or to the side."""


def svg(figure: Any) -> str:
    """The figure as SVG. The style of matplotlib has to be set by the caller."""
    return lean(_written(figure))


def _written(figure: Any) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    FigureCanvasSVG(figure)
    figure.savefig(out, format="svg", metadata={"Date": None})
    figure.set_layout_engine("none")  # laid out once: it takes as long as drawing
    return out.getvalue()


def inline(one: CaptionedFigure) -> str:
    """The figure for a page: told in words, as wide as there is room, on the page's ground; every
    name in it begins with that of the figure, so that those of one page are apart."""
    import matplotlib

    from lab.findings.drawing import STYLE

    with matplotlib.rc_context({**STYLE, "savefig.transparent": True, "svg.fonttype": "none"}):
        root = _lean(_written(one.figure), f"{one.name}-")
    points = float(root.attrib["width"].removesuffix("pt"))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": one.alt or one.caption,
                    "style": f"--w:{points:.0f}px"}  # fmt: skip
    return _text(root)


def lean(text: str) -> str:
    """SVG of matplotlib in fewer bytes."""
    return _text(_lean(text, ""))


def _text(root: ET.Element) -> str:
    ET.register_namespace("", SVG)
    return ET.tostring(root, "unicode").replace(" />", "/>") + "\n"


def _lean(text: str, prefix: str) -> ET.Element:
    """The tree of the SVG; prefix: of all names."""
    root = ET.fromstring(text)
    _told(root)
    root[:] = [child for child in root if child.tag != f"{{{SVG}}}metadata"]
    defined = ET.Element(DEFS)
    defined.extend(_taken(root))
    root.insert(0, defined)
    for node in root.iter():
        _shortened(node)
    _classed(root, prefix)
    _unwrapped(root)
    _spelled(root, defined)
    _joined(root)
    _named(root, prefix)
    return root


def _told(root: ET.Element) -> None:
    """What marks say of themselves, see `lab.findings.drawing`, as data."""
    for node in root.iter(GROUP):
        name = node.get("id", "")
        if name.startswith(TOLD):
            node.attrib = {"data-told": name.removeprefix(TOLD)}
        elif name.startswith(RUNS):
            del node.attrib["id"]
            dots, runs = [*node.iter(USE)], name.removeprefix(RUNS).split()
            for dot, run in zip(dots, runs, strict=True):
                if run != "-":
                    dot.set("data-run", run)


def _taken(node: ET.Element) -> Iterator[ET.Element]:
    """All that is defined in a tree, taken out of it."""
    for child in [*node]:
        if child.tag == DEFS:
            yield from child
            node.remove(child)
        else:
            yield from _taken(child)


def _shortened(node: ET.Element) -> None:
    """Attributes in fewer letters."""
    node.tail = None
    if node.tag in WORDS:
        for name in ("x", "y", "transform"):
            if name in node.attrib:
                node.set(name, NUMBER.sub(_rounded, node.attrib[name]))
        if node.get("transform", "").startswith("rotate(-0 "):
            del node.attrib["transform"]
    elif node.tag != STYLE_TAG:
        node.text = None
    if LINK in node.attrib:
        link = node.attrib.pop(LINK)
        node.attrib = {"href": link, **node.attrib}
    if node.tag == USE:
        _placed(node)
    if "d" in node.attrib:
        d = re.sub(
            r"\s*([MLQCz])\s*", r"\1", " ".join(NUMBER.sub(_rounded, node.attrib["d"]).split())
        )
        node.set("d", LEVEL.sub(_level, d))
    if node.tag == GROUP and "transform" in node.attrib:
        node.set("transform", NUMBER.sub(_rounded, node.attrib["transform"]))


def _placed(use: ET.Element) -> None:
    """The place of a letter in hundredths of the size of the type, that of a mark in tenths of a
    point."""
    shift = SHIFT.fullmatch(use.get("transform", ""))
    if shift:
        x, y = (f"{float(v):.0f}" for v in shift.groups()[:2])
        if shift[3]:
            use.set("transform", f"translate({x} {y}){NUMBER.sub(_rounded, shift[3])}")
        else:
            del use.attrib["transform"]
            use.attrib |= {"x": x, "y": y}
    for name in "xy":
        if name in use.attrib:
            use.set(name, f"{float(use.attrib[name]):.1f}".removesuffix(".0"))
            if use.attrib[name] in ("0", "-0"):
                del use.attrib[name]


def _rounded(number: re.Match[str]) -> str:
    """Places to a tenth of a point, the outlines of marks and the size of type finer."""
    value = float(number[0])
    text = f"{value:.{1 if abs(value) > 10 else 2 if abs(value) > 1 else 3}f}"
    text = text.rstrip("0").rstrip(".")
    return re.sub(r"^(-?)0(?=\.)", r"\1", text).replace("-0", "0")


def _level(line: re.Match[str]) -> str:
    return f"{line[1]} {line[2]}" + (f"V{line[3]}" if line[3] else f"H{line[4]}")


def _classed(root: ET.Element, prefix: str) -> None:
    """Every style once, as a class; a mark that refers to one of its own style has none."""
    styles: dict[str, str] = {}
    for node in root.iter():
        if "style" in node.attrib:
            style = re.sub(r"(?<=[:;]) ", "", node.attrib.pop("style"))
            node.set("class", styles.setdefault(style, f"{prefix}s{len(styles)}"))
    sheet = root.find(f".//{STYLE_TAG}")
    assert sheet is not None
    own_text = "" if prefix else sheet.text  # a page sets joins and caps itself
    sheet.text = f"{own_text}{''.join(f'.{k}{{{style}}}' for style, k in styles.items())}"
    own = {f"#{node.get('id')}": node.get("class") for node in root[0]}
    for use in root.iter(USE):
        if "class" in use.attrib and own.get(use.attrib["href"]) == use.attrib["class"]:
            del use.attrib["class"]
    for group in root.iter(GROUP):
        looks = {mark.get("class") for mark in group}
        if len(group) > 1 and len(looks) == 1 and "class" not in group.attrib and None not in looks:
            group.attrib["class"] = looks.pop() or ""
            for mark in group:
                del mark.attrib["class"]


def _unwrapped(node: ET.Element) -> None:
    """Without groups that only name what they hold."""
    children: list[ET.Element] = []
    for child in node:
        _unwrapped(child)
        bare = child.tag == GROUP and set(child.attrib) <= {"id"}
        children += child if bare else [child]
    node[:] = children


def _spelled(root: ET.Element, defined: ET.Element) -> None:
    """Every word that stands at several places once, among the definitions."""
    words = [
        (group, b"".join(map(ET.tostring, group)))
        for group in root.iter(GROUP)
        if len(group) > 1 and all(letter.tag == USE for letter in group)
        and "transform" in group.attrib
    ]  # fmt: skip
    times = Counter(word for _, word in words)
    spelled: dict[bytes, str] = {}
    for group, word in words:
        if times[word] < 2:
            continue
        if word not in spelled:
            spelled[word] = f"word{len(spelled)}"
            ET.SubElement(defined, GROUP, id=spelled[word]).extend(group)
        group.attrib = {"href": f"#{spelled[word]}", **group.attrib}
        group.tag, group[:] = USE, []


def _joined(node: ET.Element) -> None:
    """Lines of one style, one after the other, as one path."""
    before: ET.Element | None = None
    for child in [*node]:
        _joined(child)
        line = child.tag == PATH and "id" not in child.attrib and "z" not in child.get("d", "z")
        if line and before is not None and _look(before) == _look(child):
            before.set("d", before.attrib["d"] + child.attrib["d"])
            node.remove(child)
        else:
            before = child if line else None


def _look(path: ET.Element) -> dict[str, str]:
    return {name: value for name, value in path.items() if name != "d"}


def _named(root: ET.Element, prefix: str) -> None:
    """Short names for what is referred to, the shortest for the commonest, and no other names."""
    links = [
        (node, name)
        for node in root.iter()
        for name in ("href", "clip-path")
        if REFERRED.search(node.attrib.get(name, ""))  # and no picture within the drawing
    ]
    times = Counter(REFERRED.findall(node.attrib[name])[0] for node, name in links)
    short = {name: prefix + _letters(i) for i, (name, _) in enumerate(times.most_common())}
    for node, name in links:
        node.set(name, REFERRED.sub(lambda m: f"#{short[m[1]]}", node.attrib[name]))
    for node in root.iter():
        if (own := node.attrib.pop("id", "")) in short:
            node.attrib = {"id": short[own], **node.attrib}


def _letters(i: int) -> str:
    return (_letters(i // 26 - 1) if i > 25 else "") + "abcdefghijklmnopqrstuvwxyz"[i % 26]


FORMATS = ("svg", "pdf", "png")
WIDTHS = {"single": (86.0, 6.5), "double": (178.0, 8.0), "slide": (254.0, 13.0)}
"""Millimetres, of one and two columns of a journal and of a slide, and the points of its words."""
INCH = 25.4
DPI = 300
"""Of a PNG."""


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


def content(one: CaptionedFigure, form: str, width: str) -> bytes:
    """The bytes of one figure's file."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from lab.findings.drawing import STYLE

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
