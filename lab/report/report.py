"""The report of a study: the answers of its runs as a value for people, and as a results folder.

`StudyReport` prints itself, gives figures and plain values, and writes nothing unless `write` is
called. That makes report.md, the CSV files, fits.json, the figures as PNG and SVG, and the page,
report.html; everything in the folder can be made again from the store. What is told, and in which
order, says `lab.findings.shown`.
"""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from html import escape as html
from pathlib import Path
from typing import Any

from lab.findings.answer import Answer, Judgement
from lab.findings.drawing import styled
from lab.findings.exponent_result import ExponentResult
from lab.findings.shown import Shown
from lab.findings.view import Block, CaptionedFigure, TextTable, escape
from lab.mistakes import StudyError
from lab.report.figure_files import publish, svg, text_of
from lab.report.pages import page_html


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
    def shown(self) -> Shown:
        """All that is told of the answers; drawn anew each time."""
        return Shown(self.answers, self.name)

    @property
    def tables(self) -> list[TextTable]:
        """The tables that a terminal shows."""
        return self.shown.tables

    @property
    def sentences(self) -> list[str]:
        """Sentences of all findings, and the doubts."""
        shown = self.shown
        return shown.sentences + shown.doubts()

    def figures(self) -> dict[str, Any]:
        """The figures of matplotlib by name."""
        return {one.name: one.figure for one in self.drawn()}

    def drawn(self) -> list[CaptionedFigure]:
        """The figures with their titles and captions."""
        return self.shown.figures

    def plain(self, *, complete: bool = False) -> dict[str, Any]:
        """Plain values as `lab fit --json` prints them; complete: as fits.json has them."""
        return self.shown.document(complete=complete)

    def check(self, *, replace: bool = False) -> None:
        """Raises StudyError where `write` would not replace what is there."""
        emptier = None if replace else self._emptier()
        refusal = self.refusal or self.lacking or emptier
        if refusal:
            raise StudyError([refusal])

    def _emptier(self) -> str | None:
        """A sentence if the report in the folder tells of more runs than this one would.

        A study that is complete may be smaller than it was, if no override makes the difference.
        """
        try:
            there = json.loads((self.folder / "fits.json").read_text(encoding="utf-8"))
            before, told = told_runs(there), tuple(there.get("overrides", ()))
        except (OSError, ValueError, TypeError, AttributeError):  # none, or no report of the lab
            return None
        now, origin = sum(p.runs.done for p in self.points), self.answers[0].record.origin
        complete = all(p.runs.done + p.runs.diverged == p.runs.planned for p in self.points)
        if now >= before or (complete and told == origin.overrides):
            return None
        origin = changed(origin, file=origin.file or f"{self.folder.name}.toml")
        remedy = f"`{shlex.join(['lab', *origin.command('run')])}` trains what is missing"
        if told != origin.overrides:
            words = changed(origin, overrides=told).command("report")
            remedy = f"`{shlex.join(['lab', *words])}` writes that one again"
        return (
            f"{self.folder}: the report there tells of {before} finished runs, this one would of "
            f"{now}; {remedy}; to replace it, move it away, or give this study another name"
        )

    def write(self, *, replace: bool = False) -> list[Path]:
        """Write the report and the page into the results folder; returns the files.

        replace: even if the report that is there tells of more runs. Raises StudyError where it
        does without, where the folder is another study's, and where nothing can be written.
        """
        self.check(replace=replace)
        return write(self.shown, self.folder)

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
        said = "".join(f"<li>{html(sentence)}</li>" for sentence in self.sentences)
        return f"<p><b>{html(self.question)}</b></p>{tables}<ul>{said}</ul>"


def told_runs(document: Mapping[str, Any]) -> int:
    """The finished runs of scans that a fits.json tells of."""
    parts = document.get("panels", [document])
    return sum(point.get("runs", 0) for part in parts for point in part.get("points", ()))


# ---- files ---------------------------------------------------------------------------------------


PAGE = "report.html"
LAST = {"report.md": 1, PAGE: 2}
"""Files that take their places when all others have."""


def write(shown: Shown, path: Path) -> list[Path]:
    """Write all that is told of a study into its results folder; returns the files.

    They are written beside and then renamed, so that none is ever half of one and half of another.
    Raises StudyError if they cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=path) as beside:
            new = Path(beside)
            _save(shown.figures, new)
            page, texts = page_html(shown), _texts(shown)
            for file, text in {**texts, PAGE: page}.items():
                (new / file).write_text(text, encoding="utf-8", newline="")
            for made in sorted(new.iterdir(), key=lambda file: LAST.get(file.name, 0)):
                made.replace(path / made.name)
    except OSError as error:
        raise StudyError(
            [f"{path}: the report cannot be written ({error.strerror}); make room or let it be "
             "written, and `lab report` writes it again"]
        ) from None  # fmt: skip
    pictures = [f"{one.name}.png" for one in shown.figures]
    return [path / file for file in (*texts, *pictures, PAGE)]


def _texts(shown: Shown) -> dict[str, str]:
    """The files of text by name, but the page."""
    return {
        "report.md": markdown(shown),
        **{file: rows.text for file, rows in shown.files.items()},
        **shown.record.table,
        "fits.json": json.dumps(shown.document(complete=True), indent=1) + "\n",
    }


def _save(drawn: Sequence[CaptionedFigure], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for one in drawn:
        FigureCanvasAgg(one.figure)
        with styled():  # its hash salt makes the SVG reproducible
            one.figure.savefig(path / f"{one.name}.png")
            one.figure.set_layout_engine("none")  # laid out once: it takes as long as drawing
            (path / f"{one.name}.svg").write_text(text_of(svg(one.figure)), encoding="utf-8")


def markdown(shown: Shown) -> str:
    """The report as text, report.md."""
    parts = [
        f"# {shown.name}",
        escape(shown.question),
        *map(_block, shown.above),
        "\n".join(f"- {escape(text)}" for text in shown.sentences + shown.doubts(every=True)),
        *map(_block, shown.below),
        *(f"![{one.title}]({one.name}.png)\n\n*{escape(one.caption)}*" for one in shown.figures),
        escape(shown.provenance),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _block(block: Block) -> str:
    return block.markdown() if isinstance(block, TextTable) else escape(block)
