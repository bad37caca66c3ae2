"""A study as JSON: what `lab fit --json` prints, and fits.json with everything behind it.

One entry of `points` per setting, with what each kind of finding says of that setting; beside them
what spans the settings of a panel, and at the top what is listed for the whole file, all `claims`
with their verdicts among it. A file of several panels has its points under `panels`. What is not a
number is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.findings import provenance_text
from lab.findings.answer import Answer
from lab.findings.study_results import Setting
from lab.findings.view import Answers, View
from lab.plain import plain
from lab.report.views import views


def document(answers: Answers, name: str, *, complete: bool) -> dict[str, Any]:
    """The findings as plain values. complete: as fits.json has them, with the overrides and what
    was registered, where there are any."""
    where = ("answer", "fits") if complete else ("answer",)
    told = {kind: view for kind, view in views(answers).items() if view.json in where}
    parts = [(answer, part) for answer in answers if (part := _part(answer, told, complete))]
    titled = [{"title": answer.study.title, **part} for answer, part in parts]
    body = parts[0][1] if len(parts) == 1 else {"panels": titled} if parts else {}
    made = provenance_text.plain(answers[0].record) if complete else {}
    lacking = answers[0].record.lacking
    made |= {"not_judged_again": lacking} if lacking else {}
    judged = [one.plain() for answer in answers for one in answer.claims]
    claims = {"claims": judged} if judged else {}
    return plain({"study": name, **body, **claims, **_listed(answers, told), **made})


def told_runs(document: Mapping[str, Any]) -> int:
    """The finished runs of scans that such a document tells of."""
    parts = document.get("panels", [document])
    return sum(point.get("runs", 0) for part in parts for point in part.get("points", ()))


def _part(answer: Answer, told: dict[str, View], complete: bool) -> dict[str, Any]:
    """What one answer says of its settings and across them; empty where it has none."""
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
