"""The report of a study: its table, fits and figures, in its results folder.

`tables` and `sentences` are text for the terminal; `write` makes report.md, the CSV files,
fits.json and the figures as PNG and SVG. Everything here can be made again from the store. What
there is to tell is up to the views of the kinds of finding (`views.py`); this file puts it in
order.

`document` is the study as JSON: what `lab fit --json` prints, and fits.json with everything behind
it. One entry of `points` per setting, with what each kind of finding says of that setting; beside
them what spans the settings of a panel, and at the top what is listed for the whole file, all
`claims` with their verdicts among it. A file of several panels has its points under `panels`. What
is not a number is null.
"""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.files import csv_text, to_jsonable
from lab.findings import claims, provenance
from lab.findings.answer import Answer
from lab.findings.drawing import styled
from lab.findings.kinds import doubted, views
from lab.findings.study_results import Finding, Setting
from lab.findings.view import Answers, Block, CaptionedFigure, TextTable, View, escape
from lab.mistakes import StudyError
from lab.report.figure_files import svg, text_of
from lab.scaling.judge.verdict import Doubt, explain

NAMED = 8
"""Settings of which a list names each."""


def tables(answers: Answers) -> list[TextTable]:
    """The tables of the terminal, as far as it shows them."""
    blocks: list[Block] = [*claims.above(answers)]
    blocks += [block for view in views(answers).values() for block in view.above(answers)]
    brief = [block.brief() for block in blocks if isinstance(block, TextTable)]
    return [table for table in brief if table.columns]


def sentences(answers: Answers, *, every: bool = False) -> list[str]:
    """Sentences of all findings, answer by answer, and the doubts, see `doubts`."""
    found = [text for answer in answers for text in _sentences(answer)]
    return found + doubts(answers, every=every)


def _sentences(answer: Answer) -> Iterator[str]:
    """First what spans settings, then setting by setting what each kind says of it."""
    findings: list[tuple[View, Finding]] = [(claims.VIEW, one) for one in claims.own(answer)]
    findings += [(view, f) for kind, view in views([answer]).items() for f in answer.found(kind)]
    settings = dict.fromkeys(f.setting for _, f in findings if f.setting is not None)
    for setting in (None, *settings):
        for view, finding in findings:
            if finding.setting == setting:
                name = f"{finding.label}: " if finding.label else ""
                yield from (f"{name}{text}" for text in view.sentences(answer, finding))


def doubts(answers: Answers, *, every: bool = False) -> list[str]:
    """Each doubt once, with the findings that have it: what it means, which way, what removes it.

    every: name all of them, as the report does; else beyond `NAMED` they are counted.
    """
    return [
        f"{_explained(doubt)} ("
        f"{'; '.join(where) if every or len(where) <= NAMED else f'{len(where)} settings'})"
        for doubt, where in doubted(answers).items()
    ]


def _explained(doubt: str) -> str:
    """A doubt of the catalogue in full; any other is a sentence already."""
    return explain([doubt])[0] if doubt in set(Doubt) else doubt


Drawn = Mapping[str, Sequence[CaptionedFigure]]
"""The figures of a study by the kind of finding."""


def figures(answers: Answers) -> Drawn:
    """The figures of all kinds of findings."""
    return {kind: view.figures(answers) for kind, view in views(answers).items()}


def write(answers: Answers, path: Path, name: str, figured: Drawn | None = None) -> list[Path]:
    """Write the report of a study into its results folder; returns the files. figured: what
    `figures` gives, if already drawn.

    They are written beside and then renamed, so that none is ever half of one and half of another.
    Raises StudyError if they cannot be written.
    """
    shown = views(answers).values()
    figured = figures(answers) if figured is None else figured
    drawn = [one for some in figured.values() for one in some]
    listed = claims.files(answers)
    listed |= {file: rows for view in shown for file, rows in view.files(answers).items()}
    fits = document(answers, name, complete=True)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=path) as beside:
            new = Path(beside)
            _save(drawn, new)
            for file, rows in listed.items():
                text = csv_text(rows.columns, rows.rows)
                (new / file).write_text(text, encoding="utf-8", newline="")
            for file, text in answers[0].record.table.items():
                (new / file).write_text(text, encoding="utf-8")
            (new / "fits.json").write_text(json.dumps(fits, indent=1) + "\n")
            (new / "report.md").write_text(_markdown(answers, name, drawn), encoding="utf-8")
            for made in sorted(new.iterdir(), key=lambda file: file.name == "report.md"):
                made.replace(path / made.name)
    except OSError as error:
        raise StudyError(
            [f"{path}: the report cannot be written ({error.strerror}); make room or let it be "
             "written, and `lab report` writes it again"]
        ) from None  # fmt: skip
    files = [
        "report.md",
        *listed,
        *answers[0].record.table,
        "fits.json",
        *(f"{figure.name}.png" for figure in drawn),
    ]
    return [path / file for file in files]


def emptier(answers: Answers, path: Path) -> str | None:
    """A sentence if the report in this folder tells of more runs than this one would.

    A study that is complete may be smaller than it was, if no override makes the difference.
    """
    try:
        there = json.loads((path / "fits.json").read_text(encoding="utf-8"))
        before, told = told_runs(there), tuple(there.get("overrides", ()))
    except (OSError, ValueError, TypeError, AttributeError):  # none, or no report of the lab
        return None
    points = [p for answer in answers for p in answer.points]
    now, origin = sum(p.runs.done for p in points), answers[0].record.origin
    complete = all(p.runs.done + p.runs.diverged == p.runs.planned for p in points)
    if now >= before or (complete and told == origin.overrides):
        return None
    study = shlex.quote(origin.file or f"{path.name}.toml")
    given = " ".join(filter(None, [f"lab run {study}", provenance.options(origin.overrides)]))
    remedy = f"`{given}` trains what is missing"
    if told != origin.overrides:
        asked = " ".join(filter(None, [f"`lab report {study}", provenance.options(told)]))
        remedy = f"{asked}` writes that one again"
    return (
        f"{path}: the report there tells of {before} finished runs, this one would of {now}; "
        f"{remedy}; to replace it, move it away, or give this study another name"
    )


def _save(drawn: Sequence[CaptionedFigure], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for one in drawn:
        FigureCanvasAgg(one.figure)
        with styled():  # its hash salt makes the SVG reproducible
            one.figure.savefig(path / f"{one.name}.png")
            one.figure.set_layout_engine("none")  # laid out once: it takes as long as drawing
            (path / f"{one.name}.svg").write_text(text_of(svg(one.figure)), encoding="utf-8")


def _markdown(answers: Answers, name: str, drawn: Sequence[CaptionedFigure]) -> str:
    shown = views(answers).values()
    parts = [
        f"# {name}",
        escape(answers[0].study.question),
        *map(_block, claims.above(answers)),
        *(_block(block) for view in shown for block in view.above(answers)),
        "\n".join(f"- {escape(text)}" for text in sentences(answers, every=True)),
        *(_block(block) for view in shown for block in view.below(answers)),
        *(f"![{one.title}]({one.name}.png)\n\n*{escape(one.caption)}*" for one in drawn),
        escape(provenance.paragraph(answers[0].record)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _block(block: Block) -> str:
    return block.markdown() if isinstance(block, TextTable) else escape(block)


def document(answers: Answers, name: str, *, complete: bool) -> dict[str, Any]:
    """The findings as plain values. complete: as fits.json has them, with the overrides and what
    was registered, where there are any."""
    where = ("answer", "fits") if complete else ("answer",)
    told = {kind: view for kind, view in views(answers).items() if view.json in where}
    parts = [(answer, part) for answer in answers if (part := _part(answer, told, complete))]
    titled = [{"title": answer.study.title, **part} for answer, part in parts]
    body = parts[0][1] if len(parts) == 1 else {"panels": titled} if parts else {}
    made = provenance.plain(answers[0].record) if complete else {}
    lacking = answers[0].record.lacking
    made |= {"not_judged_again": lacking} if lacking else {}
    judged = [one.plain() for answer in answers for one in answer.claims]
    claims = {"claims": judged} if judged else {}
    return to_jsonable({"study": name, **body, **claims, **_listed(answers, told), **made})


def told_runs(document: Mapping[str, Any]) -> int:
    """The finished runs of scans that such a document tells of."""
    parts = document.get("panels", [document])
    return sum(point.get("runs", 0) for part in parts for point in part.get("points", ()))


def _part(answer: Answer, told: dict[str, View], complete: bool) -> dict[str, Any]:
    """One answer, setting by setting and across settings; empty where it has none."""
    entries: dict[Setting, dict[str, Any]] = {}
    details: dict[Setting, dict[str, Any]] = {}
    across: dict[str, Any] = {}
    for kind, view in told.items():
        findings = answer.found(kind)
        for finding in findings:
            if finding.setting is not None:
                entry = entries.setdefault(finding.setting, {"dim": finding.setting.dim})
                entry |= {view.key: finding.plain()} if view.key else finding.plain()
                details.setdefault(finding.setting, {}).update(view.details(finding))
        if kind in answer.findings:
            across |= view.part([f for f in findings if f.setting is None])
    for setting, entry in entries.items():
        entry |= details[setting] if complete else {}
        if setting.pairs:
            entry.setdefault("setting", setting.varying)
    if not (entries or across):
        return {}
    return {"regime": answer.study.regime, "points": [*entries.values()], **across}


def _listed(answers: Answers, told: dict[str, View]) -> dict[str, list]:
    """By key, what spans settings, of all answers."""
    listed = {
        view.key: [f.plain() for a in answers for f in a.found(kind) if f.setting is None]
        for kind, view in told.items()
        if view.key
    }
    return {key: some for key, some in listed.items() if some}
