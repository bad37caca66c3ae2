"""Lean SVG: the same marks at the same places as matplotlib writes, in fewer bytes."""

import io
import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lab.findings.drawing import STYLE
from lab.report.figure_files import lean, svg

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
    """Places of all marks, letter by letter."""
    words = {f"#{g.get('id')}": g for g in root.iter(f"{NS}g") if g.get("id")}
    return _placed(root, words, (1.0, 1.0), (0.0, 0.0))


def _placed(nodes, words, scale, origin):
    found = []
    for node in nodes:
        if node.tag == f"{NS}defs":
            continue
        here, at = scale, origin
        for name, numbers in re.findall(r"(\w+)\(([^)]*)\)", node.get("transform", "")):
            v = [float(n) for n in re.split(r"[ ,]+", numbers.strip())]
            if name == "translate":
                at = (at[0] + here[0] * v[0], at[1] + here[1] * (v[1] if len(v) > 1 else 0.0))
            if name == "scale":
                here = (here[0] * v[0], here[1] * v[-1])
        link = node.get("href", "")
        if link in words:
            found += _placed(words[link], words, here, at)
        elif node.tag == f"{NS}use":
            found.append((at[0] + here[0] * float(node.get("x", 0)),
                          at[1] + here[1] * float(node.get("y", 0))))  # fmt: skip
        found += _placed(node, words, here, at)
    return found


def test_every_mark_stays_where_it_was_in_less_than_half_of_the_bytes():
    text = raw(drawing())
    small = lean(text)
    before, after = placed(ET.fromstring(text)), placed(ET.fromstring(small))
    assert len(after) == len(before) > 150
    assert np.abs(np.array(after) - before).max() < 0.1  # points
    assert len(small) < 0.45 * len(text)


def test_every_name_that_is_referred_to_is_defined_once():
    small = lean(raw(drawing()))
    ids = re.findall(r' id="([^"]*)"', small)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', small)) == {
        (name, "") if f'href="#{name}"' in small else ("", name) for name in ids
    }


def test_a_word_that_stands_twice_is_written_once():
    tree = ET.fromstring(lean(raw(drawing())))
    words = {f"#{g.get('id')}": len(g) for g in tree.iter(f"{NS}g") if g.get("id")}
    times = [node.get("href") for node in tree.iter(f"{NS}use") if node.get("href") in words]
    assert sorted(words.values())[-1] == len("twice the same") and len(times) >= 2 * len(words)
    red = [node for node in tree.iter(f"{NS}use") if words.get(node.get("href")) == 14]
    rule = re.search(rf"\.{red[0].get('class')}{{([^}}]*)}}", tree.find(f".//{NS}style").text)
    assert len(red) == 2 and rule[1] == "fill:#ff0000"


def test_lines_of_one_style_are_one_path_with_every_end():
    bars = [d for d in re.findall(r'<path d="([^"]*)"', lean(raw(drawing()))) if d.count("V") == 6]
    assert len(bars) == 2 and all(d.count("M") == 6 for d in bars)


def test_what_is_filled_is_not_joined():
    tree = ET.fromstring(lean(raw(drawing())))
    assert all(p.get("d").count("M") == 1 for p in tree.iter(f"{NS}path")
               if "z" in p.get("d", "") and not p.get("id"))  # fmt: skip


def test_it_is_the_same_in_every_run():
    with matplotlib.rc_context(STYLE):
        assert svg(drawing()) == svg(drawing())
