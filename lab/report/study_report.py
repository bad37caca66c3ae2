"""The answers of a study as a value for people: it prints itself, in a terminal and a notebook.

Figures are returned, JSON is plain values, and nothing is written unless `write` is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from lab.findings.answer import Answer, Judgement
from lab.findings.exponent_result import ExponentResult
from lab.findings.view import CaptionedFigure, TextTable
from lab.mistakes import StudyError
from lab.report import pages, report
from lab.report.figure_files import publish
from lab.report.report import document


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
        return document(self.answers, self.name, complete=complete)

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
        page = pages.write_page(self.answers, self.folder / "report.html", self.name, figured)
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
