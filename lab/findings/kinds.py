"""The kinds of finding in the order in which they are told: how each is found, and how it is shown.

A finder takes the `StudyResults` of a study and returns its findings, values with the contract of
`study_results.Finding`. Which kinds a study is asked for says `Study.findings`. A kind of your own
is an entry more, `KINDS["ratio"] = FindingKind(ratios, View(...))`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.findings import (
    batches,
    calibrated,
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
from lab.findings.study_results import StudyResults
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
