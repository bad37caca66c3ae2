"""Lean SVG: the same marks at the same places as matplotlib writes, in fewer bytes."""

import io
import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lab.findings.drawing import STYLE
from lab.report.figure_files import lean, svg, text_of

NS = "{http://www.w3.org/2000/svg}"


def drawing():
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6, 2))
        for ax in figure.subplots(1, 2):
            x = np.geomspace(10, 1000, 6)
            ax.errorbar(x, x**-1.5, 0.3 * x**-1.5, fmt="o", capsize=2, label="$10^{-1}$ of it")
            ax.plot(x, 2 * x**-1.5, ".", alpha=0.35)
            ax.set(xscale="log", yscale="log", title="a < b & c")
            ax.set_ylabel("twice the same", color="red")
            ax.fill_between(x, x**-1.7, x**-1.3, color="#d9d9d9")
            ax.fill_between([], [], [])
            ax.legend()
        return figure


def raw(figure):
    out = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def placed(root):
    """Places of all marks."""
    return [(float(use.get("x", 0)), float(use.get("y", 0))) for use in root.iter(f"{NS}use")]


def test_every_mark_stays_where_it_was_in_less_than_half_of_the_bytes():
    text = raw(drawing())
    small = text_of(lean(text))
    before, after = placed(ET.fromstring(text)), placed(ET.fromstring(small))
    assert len(after) == len(before) > 40
    assert np.abs(np.array(after) - before).max() < 0.1  # points
    assert len(small) < 0.5 * len(text)


def test_every_name_that_is_referred_to_is_defined_once():
    small = text_of(lean(raw(drawing())))
    ids = re.findall(r' id="([^"]*)"', small)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', small)) == {
        (name, "") if f'href="#{name}"' in small else ("", name) for name in ids
    }


def test_it_is_the_same_in_every_run():
    with matplotlib.rc_context(STYLE):
        assert text_of(svg(drawing())) == text_of(svg(drawing()))
