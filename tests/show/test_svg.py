"""Lean SVG: the same marks at the same places as matplotlib writes, in fewer bytes."""

import io
import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lab.show.style import STYLE
from lab.show.svg import svg

NS = "{http://www.w3.org/2000/svg}"


def drawing():
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3, 2))
        ax = figure.subplots()
        x = np.geomspace(10, 1000, 6)
        ax.errorbar(x, x**-1.5, 0.3 * x**-1.5, fmt="o", capsize=2, label="$10^{-1}$ of it")
        ax.plot(x, 2 * x**-1.5, ".", rasterized=True, alpha=0.35)
        ax.set(xscale="log", yscale="log", title="a < b & c")
        ax.legend()
        return figure


def placed(root, scale=(1.0, 1.0), origin=(0.0, 0.0)):
    """Places of all marks of a kind that is referred to, by the nodes of the tree."""
    found = []
    for node in root:
        if node.tag == f"{NS}defs":
            continue
        here, at = scale, origin
        for name, numbers in re.findall(r"(\w+)\(([^)]*)\)", node.get("transform", "")):
            v = [float(n) for n in re.split(r"[ ,]+", numbers.strip())]
            if name == "translate":
                at = (at[0] + here[0] * v[0], at[1] + here[1] * (v[1] if len(v) > 1 else 0.0))
            if name == "scale":
                here = (here[0] * v[0], here[1] * v[-1])
        if node.tag == f"{NS}use":
            found.append((at[0] + here[0] * float(node.get("x", 0)),
                          at[1] + here[1] * float(node.get("y", 0))))  # fmt: skip
        found += placed(node, here, at)
    return found


def test_every_mark_stays_where_it_was_in_half_of_the_bytes():
    figure = drawing()
    with matplotlib.rc_context(STYLE):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
        lean = svg(figure)
    before = placed(ET.fromstring(out.getvalue()))
    after = placed(ET.fromstring(lean))
    assert len(after) == len(before) > 50
    assert np.abs(np.array(after) - before).max() < 0.1  # points
    assert len(lean) < 0.5 * len(out.getvalue())


def test_lines_of_one_style_are_one_path_with_every_end():
    with matplotlib.rc_context(STYLE):
        lean = svg(drawing())
    bars = [path for path in re.findall(r'<path d="([^"]*)"', lean) if path.count("V") == 6]
    assert bars and all(path.count("M") == 6 for path in bars)


def test_it_is_the_same_in_every_run():
    with matplotlib.rc_context(STYLE):
        assert svg(drawing()) == svg(drawing())
