"""The views of all kinds of finding, one line per kind, in the order in which they are told.

A kind of your own is an entry more, `VIEWS["ratio"] = View(...)`, beside its finder in
`lab.findings.finders.FINDERS`.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.findings import (
    calibrated,
    claims,
    contrasts,
    coverage,
    dimensions,
    expected,
    exponent_views,
    frontiers,
    gaps,
    learning,
    lines,
    planes,
    run_lists,
)
from lab.findings.answer import Answer
from lab.findings.study_results import Finding
from lab.findings.view import View

VIEWS: dict[str, View] = {
    "frontier": frontiers.VIEW,
    "learning": learning.VIEW,
    "plane": planes.VIEW,
    "exponents": exponent_views.VIEW,
    "calibrated": calibrated.VIEW,
    "lines": lines.VIEW,
    "dimensions": dimensions.VIEW,
    "gaps": gaps.VIEW,
    "contrasts": contrasts.VIEW,
    "expected": expected.VIEW,
    "coverage": coverage.VIEW,
    "records": run_lists.VIEW,
}


def views(answers: Iterable[Answer]) -> dict[str, View]:
    """The views of what the answers were asked for, by kind.

    Raises LookupError for a kind that has none: nothing is found and then not shown.
    """
    kinds = dict.fromkeys(kind for answer in answers for kind in answer.findings)
    for kind in kinds:
        if kind not in VIEWS:
            raise LookupError(f"'{kind}' has no view; register one in lab.report.views.VIEWS.")
    return {kind: view for kind, view in VIEWS.items() if kind in kinds}


def doubted(answers: Iterable[Answer]) -> dict[str, list[str]]:
    """The findings and claims that have a doubt, by doubt.

    A finding without a label goes by its kind; one that spans settings tells its doubts itself.
    """
    at: dict[str, list[str]] = {}
    for answer in answers:
        for kind in views([answer]):
            for finding in answer.found(kind):
                for doubt in finding.doubts if _told_of(answer, kind, finding) else ():
                    at.setdefault(doubt, []).append(finding.label or kind)
        for one in claims.own(answer):
            for doubt in one.doubts if one.evidence is None else ():
                at.setdefault(doubt, []).append(one.label)
    return at


def _told_of(answer: Answer, kind: str, finding: Finding) -> bool:
    """Whether its doubts are told in one list: not of what spans settings, nor of exponents of
    which nothing is claimed."""
    return finding.setting is not None and (kind != "exponents" or answer.predicts)
