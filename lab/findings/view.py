"""The view of a kind of finding: how it is shown.

A view says what the terminal, the report, the CSV files, JSON and the figures show of one kind.
What a kind does not have is left at its default, which is nothing. Every part gets all answers of
the study, and takes the findings of its kind from them with `answer.found(kind)`. Beside it how
words stand in Markdown, where nothing of them is markup, and numbers: two decimals, a dash for what
is not finite.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lab.files import csv_text
from lab.findings.answer import Answer
from lab.findings.drawing import styled
from lab.findings.exponent_result import ExponentResult
from lab.scaling.judge.exponent import Exponent


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text cells."""
    lines = ["| " + " | ".join(map(escape, columns)) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(map(escape, row)) + " |" for row in rows)])


def escape(text: str) -> str:
    """Text as it stands: no HTML, no link, no emphasis, no code, no column of a table."""
    for a, b in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("](", "]\\("), ("][", "]\\["),
                 ("|", "\\|"), ("`", "\\`"), ("*", "\\*")):  # fmt: skip
        text = text.replace(a, b)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # within a word it is no markup


Answers = tuple[Answer, ...]


def findings_of(answers: Answers, kind: str) -> list[Any]:
    """The findings of a kind in all answers, in their order."""
    return [one for answer in answers for one in answer.found(kind)]


@dataclass(frozen=True)
class TextTable:
    """Text cells, row by row.

    words: a paragraph that stands above it in the report.
    shown: the columns that a terminal shows, None for all of them.
    most: how many of these matter most, and stand where not all have room; 0 for none.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: str = ""
    shown: tuple[int, ...] | None = None
    most: int = 0

    def markdown(self) -> str:
        """The table for the report."""
        return "\n\n".join(filter(None, [escape(self.words), table(self.columns, self.rows)]))

    def html(self) -> str:
        """The table for a notebook."""
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in (self.columns, *self.rows)
        )
        return f"<table>{rows}</table>"

    def brief(self) -> TextTable:
        """The table as a terminal shows it: one without columns shows nothing."""
        if self.shown is None:
            return self
        columns, *rows = (
            tuple(cells[i] for i in self.shown) for cells in (self.columns, *self.rows)
        )
        return TextTable(columns, rows, self.words, most=self.most)


@dataclass(frozen=True)
class Rows:
    """A CSV file: its columns, and one value per column in every row."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    @property
    def text(self) -> str:
        """The content of the file."""
        return csv_text(self.columns, self.rows)


@dataclass(frozen=True)
class CaptionedFigure:
    """A figure of matplotlib: the name of its file, its title, itself and its caption.

    alt: its alt text; without any, the caption serves.
    data: the numbers that it draws, where no CSV file of the report has them.
    lead: whether it may stand at the top of the page.
    """

    name: str
    title: str
    figure: Any
    caption: str
    alt: str = ""
    data: Rows | None = None
    lead: bool = False


Block = str | TextTable
"""A paragraph or a table of the report."""


@dataclass(frozen=True)
class View:
    """The parts that show one kind.

    above, below: paragraphs and tables of the report before and after its list of sentences; the
        tables above stand on the terminal too.
    sentences: of one finding of an answer, without the label that the list puts before them.
    figures: made when a report is written, so that nothing else waits for matplotlib.
    files: CSV files by name.
    key: its name in JSON. Findings of one setting stand under it in the entry of `points` that is
        of this setting, or, without a key, make up that entry themselves; those that span settings
        are a list at the top.
    json: where JSON has it: in `lab fit --json` and fits.json, in fits.json alone, or nowhere.
    details: what the entry in fits.json has besides.
    part: of an answer's findings that span settings, what stands beside `points`.
    title: the heading of its section of the page; without any, that of its first figure.
    measured, advice: of one finding that has a verdict, its number in a few words, and what would
        decide it or make it surer.
    """

    above: Callable[[Answers], Sequence[Block]] = lambda *_: ()
    sentences: Callable[[Answer, Any], Iterable[str]] = lambda *_: ()
    below: Callable[[Answers], Sequence[Block]] = lambda *_: ()
    figures: Callable[[Answers], Sequence[CaptionedFigure]] = lambda *_: ()
    files: Callable[[Answers], Mapping[str, Rows]] = lambda _: {}
    key: str = ""
    json: Literal["answer", "fits", "nowhere"] = "answer"
    details: Callable[[Any], Mapping[str, Any]] = lambda _: {}
    part: Callable[[Sequence[Any]], Mapping[str, Any]] = lambda _: {}
    title: str = ""
    measured: Callable[[Any], str] = lambda _: ""
    advice: Callable[[Any], str] = lambda _: ""


def number(value: float | None, form: str = ".2f") -> str:
    """A number in this form, two decimals unless told; a dash for none and what is not finite."""
    return f"{value:{form}}" if value is not None and math.isfinite(value) else "–"


def interval(ends: Sequence[float], form: str = ".2f") -> str:
    """Both ends in brackets."""
    return f"[{number(ends[0], form)}, {number(ends[1], form)}]"


# ---- parts of a view that are alike in many kinds ------------------------------------------------


DIGITS = ".3g"
"""Form of the numbers of a table, and of intervals of them."""
Lines = Callable[[Any], Iterable[Sequence[Any]]]
"""The lines that one finding has in a table: text, numbers, and intervals as pairs of numbers."""


def cells(line: Iterable[Any]) -> tuple[str, ...]:
    """A line of a table as text."""
    return tuple(
        interval(value, DIGITS) if isinstance(value, tuple) else
        number(value, DIGITS) if isinstance(value, float) else str(value)
        for value in line
    )  # fmt: skip


def table_of(
    kind: str, words: str, columns: tuple[str, ...], lines: Lines, *, most: int = 0,
    shown: tuple[int, ...] | None = None,
) -> Callable[[Answers], list[TextTable]]:  # fmt: skip
    """A table of the lines of all findings of a kind; none where there are no lines."""

    def tables(answers: Answers) -> list[TextTable]:
        rows = [cells(line) for one in findings_of(answers, kind) for line in lines(one)]
        return [TextTable(columns, rows, words, shown, most)] if rows else []

    return tables


def figure_of(
    kind: str, title: str, draw: Callable[[list[Any]], tuple[Any, str]], *, name: str = "",
    of: Callable[[Any], Any] = bool,
) -> Callable[[Answers], list[CaptionedFigure]]:  # fmt: skip
    """A figure and its caption, drawn of those findings of a kind of which `of` is true; none
    without any. name: of its file, the kind's unless told."""

    def figures(answers: Answers) -> list[CaptionedFigure]:
        found = [one for one in findings_of(answers, kind) if of(one)]
        if not found:
            return []
        with styled():
            return [CaptionedFigure(name or kind, title, *draw(found))]

    return figures


def joined(*parts: Callable[[Answers], Sequence[Any]]) -> Callable[[Answers], list[Any]]:
    """Several tables, or several figures, one after the other."""
    return lambda answers: [one for part in parts for one in part(answers)]


def file_of(
    kind: str, columns: tuple[str, ...], lines: Lines, *, name: str = "", form: str = ".6g"
) -> Callable[[Answers], dict[str, Rows]]:
    """A CSV file of the lines of all findings of a kind, NAME.csv; none where there are no lines.
    form: of its numbers."""

    def files(answers: Answers) -> dict[str, Rows]:
        rows = [tuple(f"{v:{form}}" if isinstance(v, float) else str(v) for v in line)
                for one in findings_of(answers, kind) for line in lines(one)]  # fmt: skip
        return {f"{name or kind}.csv": Rows(columns, rows)} if rows else {}

    return files


def alpha(e: Exponent) -> str:
    """α; of a bent curve with its local exponents from the smallest to the largest x, without one
    that may be quoted these alone."""
    if e.ends is None:
        return number(e.alpha)
    ends = " → ".join(number(end.alpha) for end in e.ends)
    return f"{number(e.alpha)}, {e.shape.direction} {ends}"


def figure_parts(answers: Iterable[Answer]) -> list[tuple[Answer, str, list[ExponentResult]]]:
    """A part of a figure for each answer and setting besides d: the answer, a title, the
    exponents."""
    return [(answer, name, points) for answer in answers for name, points in answer.settings]


def agreeing_points(answers: Iterable[Answer]) -> str:
    """Clause on the points that agree, after a band was named, for every claimed sense."""
    regions = {
        "bound": "of a lower bound, points above its lower edge", "equal": "points inside it"
    }  # fmt: skip
    senses = dict.fromkeys(answer.prediction.sense for answer in answers)
    return ", and ".join(regions[sense] for sense in senses)


def told_by_panel(texts: Iterable[tuple[Answer, str]]) -> list[str]:
    """Each text once, and if not all are told the same, the titles of the panels that are; empty
    ones are left out."""
    titles: dict[str, dict[str, None]] = {}
    for answer, text in texts:
        if text:
            titles.setdefault(text, {})[answer.study.title] = None
    named = [(text, "; ".join(filter(None, names))) for text, names in titles.items()]
    return [f"{text} ({names})" if names and len(named) > 1 else text for text, names in named]
