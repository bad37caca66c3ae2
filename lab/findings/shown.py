"""Everything that is told of a study, collected once from the views of its kinds: `Shown`.

Object: the blocks, sentences, doubts, files, figures and verdicts of the answers of a study, in the
order of the kinds (`lab.findings.kinds`), its claims first. Each is worked out when it is first
asked for, so that tables do not wait for matplotlib. `lab.report` puts a `Shown` into files, and
asks no view itself. One `Shown` is of one report: what writes a figure also lays it out.

`document` is the study as JSON: what `lab fit --json` prints, and fits.json with everything behind
it. One entry of `points` per setting, with what each kind of finding says of that setting; beside
them what spans the settings of a panel, and at the top what is listed for the whole file, all
`claims` with their verdicts among it. A file of several panels has its points under `panels`. What
is not a number is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lab.execution.table import FIRST
from lab.files import to_jsonable
from lab.findings import calibrated, claims, provenance, run_lists
from lab.findings.answer import Answer, Judgement
from lab.findings.kinds import KINDS
from lab.findings.provenance import Provenance
from lab.findings.study_results import Finding, Setting
from lab.findings.view import Answers, Block, CaptionedFigure, Rows, TextTable, View, told_by_panel
from lab.scaling.judge.verdict import Doubt, explain

NAMED = 8
"""Settings of which a list names each."""


@dataclass(frozen=True)
class Judged:
    """A finding or claim with its verdict: its number in a few words, and what would decide it."""

    answer: Answer
    finding: Finding | Judgement
    measured: str
    advice: str


@dataclass(frozen=True)
class Shown:
    """All that is told of the answers of a study of this name."""

    answers: Answers
    name: str

    @cached_property
    def views(self) -> dict[str, View]:
        """The views of the claims and of what the answers were asked for, by kind."""
        asked = {kind for answer in self.answers for kind in answer.findings}
        kinds = {name: kind.view for name, kind in KINDS.items() if name in asked}
        return {"claims": claims.VIEW, **kinds}

    @property
    def record(self) -> Provenance:
        """The provenance of the runs of the whole file."""
        return self.answers[0].record

    # ---- blocks, figures, files --------------------------------------------------------------

    @cached_property
    def _above(self) -> dict[str, Sequence[Block]]:
        return {kind: view.above(self.answers) for kind, view in self.views.items()}

    @cached_property
    def _below(self) -> dict[str, Sequence[Block]]:
        return {kind: view.below(self.answers) for kind, view in self.views.items()}

    @cached_property
    def _drawn(self) -> dict[str, Sequence[CaptionedFigure]]:
        return {kind: view.figures(self.answers) for kind, view in self.views.items()}

    @cached_property
    def above(self) -> list[Block]:
        """Paragraphs and tables before the sentences."""
        return [block for some in self._above.values() for block in some]

    @property
    def below(self) -> list[Block]:
        """Paragraphs and tables after the sentences."""
        return [block for some in self._below.values() for block in some]

    @property
    def tables(self) -> list[TextTable]:
        """The tables of the terminal, as far as it shows them."""
        brief = [block.brief() for block in self.above if isinstance(block, TextTable)]
        return [table for table in brief if table.columns]

    @property
    def figures(self) -> list[CaptionedFigure]:
        """The figures of all kinds."""
        return [one for some in self._drawn.values() for one in some]

    @cached_property
    def sections(self) -> list[tuple[str, list[Block | CaptionedFigure]]]:
        """Kind by kind its figures, and its tables beside them, under a title."""
        found: list[tuple[str, list[Block | CaptionedFigure]]] = []
        for kind, view in self.views.items():
            figures = self._drawn[kind]
            title = view.title or (figures[0].title if figures else kind.capitalize())
            found.append((title, [*figures, *self._above[kind], *self._below[kind]]))
        return [(title, blocks) for title, blocks in found if blocks]

    @cached_property
    def files(self) -> dict[str, Rows]:
        """The CSV files by name."""
        every = [view.files(self.answers) for view in self.views.values()]
        return {file: rows for some in every for file, rows in some.items()}

    @property
    def fitted(self) -> dict[str, Rows]:
        """Fitted values run by run, as a file: the first columns of the table of runs."""
        rows = [(e.dim, e.setting, e.x, repr(e.fitted), e.planned.run.task.teacher,
                 e.planned.run.seed) for e in self.record.entries
                if e.fitted is not None]  # fmt: skip
        return {"fitted.csv": Rows(FIRST, rows)} if rows else {}

    # ---- words -------------------------------------------------------------------------------

    @property
    def question(self) -> str:
        """The question of the study."""
        return self.answers[0].study.question

    @property
    def predictions(self) -> list[str]:
        """Every claim, as it was written, with the panels that make it."""
        asked = [answer for answer in self.answers if answer.claims] or self.answers
        return told_by_panel((answer, claim.told) for answer in asked
                             for claim in answer.study.claims)  # fmt: skip

    @cached_property
    def sentences(self) -> list[str]:
        """Sentences of all findings, answer by answer."""
        return [text for answer in self.answers for text in self._said(answer)]

    def _said(self, answer: Answer) -> Iterator[str]:
        """First what spans settings, then setting by setting what each kind says of it."""
        findings = [
            (view, f)
            for kind, view in self.views.items()
            for f in (claims.own(answer) if kind == "claims" else answer.found(kind))
        ]
        settings = dict.fromkeys(f.setting for _, f in findings if f.setting is not None)
        for setting in (None, *settings):
            for view, finding in findings:
                if finding.setting == setting:
                    name = f"{finding.label}: " if finding.label else ""
                    yield from (f"{name}{text}" for text in view.sentences(answer, finding))

    @cached_property
    def doubted(self) -> dict[str, list[str]]:
        """The findings and claims that have a doubt, by doubt.

        A finding without a label goes by its kind; one that spans settings tells its doubts itself.
        """
        at: dict[str, list[str]] = {}
        for answer in self.answers:
            for kind in self.views:
                for finding in answer.found(kind):
                    for doubt in finding.doubts if _doubtful(answer, kind, finding) else ():
                        at.setdefault(doubt, []).append(finding.label or kind)
            for one in claims.own(answer):
                for doubt in one.doubts if one.evidence is None else ():
                    at.setdefault(doubt, []).append(one.label)
        return at

    def doubts(self, *, every: bool = False) -> list[str]:
        """Each doubt once, with the findings that have it: what it means, which way, what removes
        it. every: name all of them, as the report does; else beyond `NAMED` they are counted."""
        return [
            f"{explain([doubt])[0] if doubt in set(Doubt) else doubt} ("
            f"{'; '.join(where) if every or len(where) <= NAMED else f'{len(where)} settings'})"
            for doubt, where in self.doubted.items()
        ]

    @property
    def provenance(self) -> str:
        """The paragraph on the runs."""
        return provenance.paragraph(self.record)

    @property
    def simulated(self) -> str:
        """Coverage and error rates in simulated scans of this design; empty without any."""
        return calibrated.simulated(self.answers)

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Data that a click on a run needs, setting by setting."""
        return run_lists.told(self.answers)

    # ---- verdicts ----------------------------------------------------------------------------

    @cached_property
    def judged(self) -> list[Judged]:
        """The claims, in words of the findings that they were read from, and what is judged
        besides."""
        return [
            Judged(answer, finding, view.measured(finding), view.advice(finding))
            for answer in self.answers for view, finding in self._judged(answer)
        ]  # fmt: skip

    def _judged(self, answer: Answer) -> Iterator[tuple[View, Finding | Judgement]]:
        for one in answer.claims:
            known = one.evidence is not None and one.kind in answer.findings
            yield (self.views[one.kind], one.evidence) if known else (claims.VIEW, one)
        told = {one.kind for one in answer.claims}
        for kind, view in self.views.items():
            found = () if kind in told else answer.found(kind)
            yield from ((view, f) for f in found if f.verdict is not None)

    @property
    def unjudged(self) -> list[str]:
        """Measured values without a verdict; exponents are told by claims."""
        return [
            f"{finding.label}: {words}"
            for kind, view in self.views.items() if kind != "exponents"
            for answer in self.answers for finding in answer.found(kind)
            if finding.verdict is None and (words := view.measured(finding))
        ]  # fmt: skip

    # ---- JSON --------------------------------------------------------------------------------

    def document(self, *, complete: bool) -> dict[str, Any]:
        """The findings as plain values. complete: as fits.json has them, with the overrides and
        what was registered, where there are any."""
        where = ("answer", "fits") if complete else ("answer",)
        told = {kind: view for kind, view in self.views.items() if view.json in where}
        parts = [(a, part) for a in self.answers if (part := _part(a, told, complete))]
        titled = [{"title": answer.study.title, **part} for answer, part in parts]
        body = parts[0][1] if len(parts) == 1 else {"panels": titled} if parts else {}
        judged = [one.plain() for answer in self.answers for one in answer.claims]
        listed = {
            view.key: [f.plain() for a in self.answers for f in a.found(kind) if f.setting is None]
            for kind, view in told.items() if view.key
        }  # fmt: skip
        made = provenance.plain(self.record) if complete else {}
        lists = {"claims": judged, **listed, **made, "not_judged_again": self.record.lacking}
        kept = {key: some for key, some in lists.items() if some}
        return to_jsonable({"study": self.name, **body, **kept})


def _doubtful(answer: Answer, kind: str, finding: Finding) -> bool:
    """True if its doubts are told in one list: not of what spans settings, nor of exponents of
    which nothing is claimed."""
    return finding.setting is not None and (kind != "exponents" or answer.predicts)


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
