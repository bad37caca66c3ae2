"""The kinds of finding in the order in which they are told: how each is found, and how it is shown.

A finder takes the `StudyResults` of a study and returns its findings, values with the contract of
`study_results.Finding`. Which kinds a study is asked for says `Study.findings`. A kind of your own
is an entry more, `KINDS["ratio"] = FindingKind(ratios, View(...))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.findings import (
    batches,
    calibrated,
    claims,
    contrasts,
    coverage,
    descent_views,
    descents,
    dimensions,
    efficiency,
    expected,
    exponent_views,
    exponents,
    frontier_views,
    frontiers,
    gaps,
    learning,
    limits,
    planes,
    rates,
    run_lists,
    selections,
    specialisations,
    stopping,
    tickets,
)
from lab.findings.answer import Answer
from lab.findings.study_results import Finding, StudyResults
from lab.findings.view import View


@dataclass(frozen=True)
class FindingKind:
    """A finder and a view."""

    find: Callable[[StudyResults], tuple]
    view: View


KINDS: dict[str, FindingKind] = {
    "frontier": FindingKind(frontiers.frontiers, frontier_views.VIEW),
    "limits": FindingKind(limits.limits, limits.VIEW),
    "learning": FindingKind(learning.learning, learning.VIEW),
    "efficiency": FindingKind(efficiency.efficiencies, efficiency.VIEW),
    "stopping": FindingKind(stopping.stopping, stopping.VIEW),
    "descent": FindingKind(descents.descents, descent_views.VIEW),
    "batches": FindingKind(batches.batches, batches.VIEW),
    "rates": FindingKind(rates.rates, rates.VIEW),
    "specialisation": FindingKind(specialisations.specialisations, specialisations.VIEW),
    "plane": FindingKind(planes.planes, planes.VIEW),
    "exponents": FindingKind(exponents.exponents, exponent_views.VIEW),
    "calibrated": FindingKind(calibrated.calibrated, calibrated.VIEW),
    "lines": FindingKind(contrasts.lines, contrasts.LINES),
    "dimensions": FindingKind(dimensions.dimensions, dimensions.VIEW),
    "gaps": FindingKind(gaps.gaps, gaps.VIEW),
    "contrasts": FindingKind(contrasts.contrasts, contrasts.VIEW),
    "selections": FindingKind(selections.selections, selections.VIEW),
    "tickets": FindingKind(tickets.tickets, tickets.VIEW),
    "expected": FindingKind(expected.expected, expected.VIEW),
    "coverage": FindingKind(coverage.coverage, coverage.VIEW),
    "records": FindingKind(run_lists.run_lists, run_lists.VIEW),
}


def views(answers: Iterable[Answer]) -> dict[str, View]:
    """The views of what the answers were asked for, by kind, in the order of `KINDS`."""
    kinds = {kind for answer in answers for kind in answer.findings}
    return {name: kind.view for name, kind in KINDS.items() if name in kinds}


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
    """True if its doubts are told in one list: not of what spans settings, nor of exponents of
    which nothing is claimed."""
    return finding.setting is not None and (kind != "exponents" or answer.predicts)
