"""The page of a study, report.html, which needs nothing but itself.

A `Shown` in, text out: the top in words and one figure, then the sections, whatever kinds there
are, then doubts, files and provenance. Everything from a study file or a store is escaped by the
template; only the drawings, which an XML library writes, are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any
from urllib.parse import quote

from lab.findings.shown import Shown
from lab.findings.view import Answers, Block, CaptionedFigure, Rows, TextTable
from lab.report.figure_files import inline
from lab.report.top import top

SHOWN = 300
"""Rows of a figure's data that the page shows; the CSV file has them all."""

WIDE = 8.0
"""Inches beyond which a figure does not stand beside the words of the top."""

CARRIED = 20_000
"""Rows of a file that the page carries in itself; a longer one it names, beside it."""


def page_html(shown: Shown) -> str:
    """The page as text."""
    said = top(shown)
    lead = next((b for _, blocks in shown.sections for b in blocks
                 if isinstance(b, CaptionedFigure) and b.lead), None)  # fmt: skip
    mark = marks()
    sections = [(title, [block(b, mark) for b in blocks if b is not lead])
                for title, blocks in shown.sections]  # fmt: skip
    return render(
        "page.html.j2", title=shown.name, top=said, summary=as_json(said.summary(shown.name)),
        lead=block(lead, mark) if lead else None,
        sections=[(title, blocks) for title, blocks in sections if blocks],
        sentences=shown.sentences,
        files=[(file, data_uri(rows) if len(rows.rows) <= CARRIED else file)
               for file, rows in {**shown.files, **shown.fitted}.items()],
        provenance=shown.provenance,
        study=[(title, json.dumps(tables, indent=1, ensure_ascii=False))
               for title, tables in study_tables(shown.answers)],
        runs=as_json(shown.runs),
    )  # fmt: skip


def marks() -> Iterator[str]:
    """Letters, one or two, that tell the figures of a page apart."""
    return (a + b for a in ("", *ascii_lowercase) for b in ascii_lowercase)


def block(of: Block | CaptionedFigure, mark: Iterator[str]) -> dict[str, Any]:
    """A block as values for the template; mark: what names of the next figure begin with."""
    if isinstance(of, str):
        return {"kind": "words", "words": of}
    if isinstance(of, TextTable):
        return {"kind": "table", "table": of}
    rows = of.data.rows if of.data else ()
    return {"kind": "figure", "of": of, "svg": inline(of, next(mark)), "rows": rows[:SHOWN],
            "uri": data_uri(of.data) if of.data else "", "left": max(len(rows) - SHOWN, 0),
            "wide": of.figure.get_size_inches()[0] > WIDE}  # fmt: skip


def data_uri(rows: Rows) -> str:
    """The address of a CSV file that holds these rows."""
    return f"data:text/csv;charset=utf-8,{quote(rows.text, safe=',:;+=()[]{}/ ')}"


def as_json(value: Any) -> str:
    """JSON that may stand in a script element: without an end of one in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(loader=PackageLoader("lab.report", "templates"), autoescape=True,
                       undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # fmt: skip


def render(template: str, **values: Any) -> str:
    """A template of this folder with its values, style and script in it."""
    folder = Path(__file__).parent / "templates"
    parts = {name: (folder / name).read_text("utf-8") for name in ("style.css", "script.js")}
    return (
        _environment()
        .get_template(template)
        .render(style=parts["style.css"], script=parts["script.js"], **values)
    )


def study_tables(answers: Answers) -> list[tuple[str, Mapping[str, Any]]]:
    """The study as it was read, panel by panel: what its file sets, by table."""
    studies = dict.fromkeys(id(answer.study) for answer in answers)
    by_id = {id(answer.study): answer.study for answer in answers}
    return [(by_id[i].title, by_id[i].model_dump(mode="json", exclude_unset=True, by_alias=True))
            for i in studies]  # fmt: skip
