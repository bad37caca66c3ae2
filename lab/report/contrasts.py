"""Contrasts as a table: what was changed, what both settings share, and the change of α."""

from __future__ import annotations

from lab.findings.contrasts import Contrast
from lab.findings.study_results import named, value_text
from lab.findings.view import Answers, Table, View, interval
from lab.report.page import differences

COLUMNS = ("d", "from → to", "both", "Δα", "95 % interval")


def above(answers: Answers) -> list[Table]:
    """One table of all contrasts, which a terminal leaves to the report."""
    found = [c for answer in answers for c in answer.found("contrasts")]
    if not found:
        return []
    words = (
        "Differences between settings, teacher by teacher (Student's t over "
        f"{found[0].teachers} differences):"
    )
    return [Table(COLUMNS, [_cells(c) for c in found], words, shown=())]


def _cells(c: Contrast) -> tuple[str, ...]:
    change = f"{c.name.split('.')[-1]} {value_text(c.before)} → {value_text(c.after)}"
    both = named(c.fixed) or "–"
    return (str(c.dim), change, both, f"{c.change:+.2f}", interval(c.interval))


VIEW = View(above=above, key="contrasts", json="fits", page=differences.sections)
