"""The page of a study, report.html, which needs nothing but itself.

Findings in, text out: the top in words and one figure, then the sections of the views, whatever
kinds there are, then doubts, files and provenance. Everything from a study file or a store is
escaped by the template; only the drawings, which an XML library writes, are not.
A page is written beside the old one and then takes its place. `StudyReport` is the answers of a
study as a value for people: figures are returned, JSON is plain values, and nothing is written
unless `write` is called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import ascii_lowercase
from typing import Any
from urllib.parse import quote

from lab.execution.table import FIRST
from lab.files import csv_text, put
from lab.findings import claims, run_lists
from lab.findings.answer import Answer, Judgement
from lab.findings.exponent_result import ExponentResult
from lab.findings.kinds import views
from lab.findings.provenance import paragraph
from lab.findings.view import Answers, CaptionedFigure, Rows, TextTable
from lab.mistakes import StudyError
from lab.report import report
from lab.report.figure_files import inline, publish
from lab.report.top import top

SHOWN = 300
"""Rows of a figure's data that the page shows; the CSV file has them all."""

WIDE = 8.0
"""Inches beyond which a figure does not stand beside the words of the top."""

CARRIED = 20_000
"""Rows of a file that the page carries in itself; a longer one it names, beside it."""


def write_page(
    answers: Answers, file: Path, name: str, figured: report.Drawn | None = None
) -> Path:
    """Write the page of a study; returns its file. figured: as of `report.write`."""
    return put(page_html(answers, name, figured), file)


def page_html(answers: Answers, name: str, figured: report.Drawn | None = None) -> str:
    """The page as text."""
    said = top(answers)
    found = [*_sections(answers, report.figures(answers) if figured is None else figured)]
    lead = next((b for _, blocks in found for b in blocks
                 if isinstance(b, CaptionedFigure) and b.lead), None)  # fmt: skip
    mark = marks()
    rest = [(title, [block(b, mark) for b in blocks if b is not lead]) for title, blocks in found]
    shown = views(answers).values()
    listed = claims.files(answers)
    listed |= {file: rows for view in shown for file, rows in view.files(answers).items()}
    listed |= _fitted(answers)
    doubted = report.doubts(answers)
    return render(
        "page.html.j2", title=name, top=said, summary=as_json(said.summary(name)),
        lead=block(lead, mark) if lead else None,
        sections=[(title, blocks) for title, blocks in rest if blocks],
        sentences=[s for s in report.sentences(answers) if s not in doubted],
        files=[(file, data_uri(rows) if len(rows.rows) <= CARRIED else file)
               for file, rows in listed.items()],
        provenance=paragraph(answers[0].record),
        study=[(title, json.dumps(tables, indent=1, ensure_ascii=False))
               for title, tables in study_tables(answers)],
        runs=as_json(run_lists.told(answers)),
    )  # fmt: skip


def _fitted(answers: Answers) -> dict[str, Rows]:
    """Fitted values run by run: the first columns of the table of runs."""
    entries = answers[0].record.entries
    rows = [(e.dim, e.setting, e.x, repr(e.fitted), e.planned.run.task.teacher, e.planned.run.seed)
            for e in entries if e.fitted is not None]  # fmt: skip
    return {"fitted.csv": Rows(FIRST, rows)} if rows else {}


Shown = str | TextTable | CaptionedFigure


def _sections(answers: Answers, figured: report.Drawn) -> Iterator[tuple[str, list[Shown]]]:
    """The claims, and view by view its figures, and its tables beside them."""
    table = claims.above(answers)
    if table:
        yield "Claims", [*table]
    for kind, view in views(answers).items():
        figures = figured[kind]
        blocks = [*figures, *view.above(answers), *view.below(answers)]
        if blocks:
            yield view.title or (figures[0].title if figures else kind.capitalize()), blocks


def marks() -> Iterator[str]:
    """Letters, one or two, that tell the figures of a page apart."""
    return (a + b for a in ("", *ascii_lowercase) for b in ascii_lowercase)


def block(of: Shown, mark: Iterator[str]) -> dict[str, Any]:
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
    text = csv_text(rows.columns, rows.rows)
    return f"data:text/csv;charset=utf-8,{quote(text, safe=',:;+=()[]{}/ ')}"


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


# ---- the answers of a study as a value for people ------------------------------------------------


@dataclass(frozen=True, repr=False)
class StudyReport:
    """The answers of one study, one per panel and scan, its name, and the folder of its report.

    refusal: why its report must not be written there, None if it may. source: a sentence where it
    was read from a table, in place of a store.
    """

    answers: tuple[Answer, ...]
    question: str
    name: str
    folder: Path
    refusal: str | None = None
    source: str = ""

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.answers)

    @property
    def points(self) -> tuple[ExponentResult, ...]:
        """The exponents of all scans, one per setting."""
        return tuple(point for answer in self.answers for point in answer.points)

    @property
    def claims(self) -> tuple[Judgement, ...]:
        """Every claim of every setting, judged."""
        return tuple(one for answer in self.answers for one in answer.claims)

    @property
    def stored(self) -> bool:
        """True if anything of the study is stored."""
        kept = self.answers[0].record
        return kept.missing < kept.planned

    @property
    def lacking(self) -> str:
        """Sentences on what an older table lacks; empty for all others."""
        return self.answers[0].record.lacking

    @property
    def overrides(self) -> tuple[str, ...]:
        """The overrides under which the study is read."""
        return self.answers[0].record.origin.overrides

    @property
    def tables(self) -> list[TextTable]:
        """The tables that a terminal shows."""
        return report.tables(self.answers)

    @property
    def sentences(self) -> list[str]:
        """Sentences of all findings, and the doubts."""
        return report.sentences(self.answers)

    def figures(self) -> dict[str, Any]:
        """The figures of matplotlib by name."""
        return {one.name: one.figure for one in self.drawn()}

    def drawn(self) -> list[CaptionedFigure]:
        """The figures with their titles and captions."""
        return [one for some in report.figures(self.answers).values() for one in some]

    def plain(self, *, complete: bool = False) -> dict[str, Any]:
        """Plain values as `lab fit --json` prints them; complete: as fits.json has them."""
        return report.document(self.answers, self.name, complete=complete)

    def check(self, *, replace: bool = False) -> None:
        """Raises StudyError where `write` would not replace what is there."""
        emptier = None if replace else report.emptier(self.answers, self.folder)
        refusal = self.refusal or self.lacking or emptier
        if refusal:
            raise StudyError([refusal])

    def write(self, *, replace: bool = False) -> list[Path]:
        """Write the report and the page into the results folder; returns the files.

        replace: even if the report that is there tells of more runs. Raises StudyError where it
        does without, where the folder is another study's, and where nothing can be written.
        """
        self.check(replace=replace)
        figured = report.figures(self.answers)
        written = report.write(self.answers, self.folder, self.name, figured)
        page = write_page(self.answers, self.folder / "report.html", self.name, figured)
        return [*written, page]

    def publish(self, form: str = "pdf", width: str = "double") -> list[Path]:
        """Write the figures for print into the folder `figures` beside the report; returns the
        files. form, width: of `lab.report.figure_files.FORMATS` and `WIDTHS`, else StudyError."""
        return publish(self.drawn(), self.folder / "figures", form, width)

    def __str__(self) -> str:
        rows = [row for table in self.tables for row in (table.columns, *table.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=False)] if rows else []
        lines = ["  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=False)).rstrip()
                 for row in rows]  # fmt: skip
        return "\n".join([self.question, *lines, *self.sentences])

    __repr__ = __str__  # the repr of the answers would be thousands of lines in a notebook

    def _repr_html_(self) -> str:
        tables = "".join(table.html() for table in self.tables)
        said = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences)
        return f"<p><b>{escape(self.question)}</b></p>{tables}<ul>{said}</ul>"
