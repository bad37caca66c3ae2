"""What a study leaves for people: the table, the fits and the figures, in its results folder.

`tables` and `sentences` are text for the terminal; `write` makes report.md, the CSV files,
fits.json and the figures as PNG and SVG. Everything here can be made again from the store. What
there is to tell is up to the views of the kinds of finding (`views.py`); this file puts it in
order.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.answers.answer import Answer
from lab.scaling.judge.doubts import Doubt
from lab.scaling.judge.verdict import explain
from lab.show.document import document
from lab.show.markdown import escape
from lab.show.svg import svg
from lab.show.view import Answers, Block, Drawn, Rows, Table
from lab.show.views import views


def tables(answers: Answers) -> list[Table]:
    """The tables of the terminal, as far as it shows them."""
    blocks = [block for view in views(answers).values() for block in view.above(answers)]
    brief = [block.brief() for block in blocks if isinstance(block, Table)]
    return [table for table in brief if table.columns]


def sentences(answers: Answers) -> list[str]:
    """What every finding says in words, answer by answer, and what the doubts mean."""
    return [text for answer in answers for text in _sentences(answer)] + doubts(answers)


def _sentences(answer: Answer) -> Iterator[str]:
    """First what spans settings, then setting by setting what each kind says of it."""
    findings = [(view, f) for kind, view in views([answer]).items() for f in answer.found(kind)]
    settings = dict.fromkeys(f.setting for _, f in findings if f.setting is not None)
    for setting in (None, *settings):
        for view, finding in findings:
            if finding.setting == setting:
                name = f"{finding.label}: " if finding.label else ""
                yield from (f"{name}{text}" for text in view.sentences(answer, finding))


def doubts(answers: Answers) -> list[str]:
    """Each doubt once, with the findings that have it: what it means, which way, what removes it.

    A finding without a label goes by its kind; one that spans settings tells its doubts itself.
    """
    at: dict[str, list[str]] = {}
    for answer in answers:
        for kind, finding in ((k, f) for k in views([answer]) for f in answer.found(k)):
            for doubt in finding.doubts if finding.setting is not None else ():
                at.setdefault(doubt, []).append(finding.label or kind)
    return [f"{_explained(doubt)} ({'; '.join(where)})" for doubt, where in at.items()]


def _explained(doubt: str) -> str:
    """A doubt of the catalogue in full; any other is a sentence already."""
    return explain([doubt])[0] if doubt in set(Doubt) else doubt


def write(answers: Answers, path: Path, name: str) -> list[Path]:
    """Write the report of a study into its results folder; returns the files."""
    path.mkdir(parents=True, exist_ok=True)
    shown = views(answers).values()
    drawn = [figure for view in shown for figure in view.figures(answers)]
    _save(drawn, path)
    listed = {file: rows for view in shown for file, rows in view.files(answers).items()}
    for file, rows in listed.items():
        _csv(rows, path / file)
    fits = document(answers, name, complete=True)
    (path / "fits.json").write_text(json.dumps(fits, indent=1) + "\n")
    (path / "report.md").write_text(_markdown(answers, name, drawn), encoding="utf-8")
    files = ["report.md", *listed, "fits.json", *(f"{figure.name}.png" for figure in drawn)]
    return [path / file for file in files]


def _save(drawn: Sequence[Drawn], path: Path) -> None:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from lab.show.style import STYLE

    for one in drawn:
        FigureCanvasAgg(one.figure)
        with matplotlib.rc_context(STYLE):  # its hash salt makes the SVG reproducible
            one.figure.savefig(path / f"{one.name}.png")
            (path / f"{one.name}.svg").write_text(svg(one.figure), encoding="utf-8")


def _csv(found: Rows, path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(found.columns)
        writer.writerows(found.rows)


def _markdown(answers: Answers, name: str, drawn: Sequence[Drawn]) -> str:
    shown = views(answers).values()
    parts = [
        f"# {name}",
        escape(answers[0].study.question),
        *(_block(block) for view in shown for block in view.above(answers)),
        "\n".join(f"- {escape(text)}" for text in sentences(answers)),
        *(_block(block) for view in shown for block in view.below(answers)),
        *(f"![{one.title}]({one.name}.png)\n\n*{escape(one.caption)}*" for one in drawn),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _block(block: Block) -> str:
    return block.markdown() if isinstance(block, Table) else escape(block)
