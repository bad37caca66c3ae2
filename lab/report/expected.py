"""Theory beside the measurement, where a formula knows the whole loss.

One row per setting, one cell per x: measured / expected, its standard error, and z in brackets.
"""

from __future__ import annotations

from lab.findings.answer import Answer
from lab.findings.expected import SOURCES, Expected
from lab.findings.view import Answers, Table, View

WORDS = (
    "Theory knows the whole loss here, not only its exponent (dashed in the figure). Mean of "
    "measured / expected loss over teachers and draws ± its standard error, and in brackets "
    "by how many of these it differs from 1; no bracket where the loss has no variance over "
    "draws, and – where it has no mean. "
)


def below(answers: Answers) -> list[Table]:
    """A table per answer of which a formula knows anything."""
    return [_table(answer) for answer in answers if answer.found("expected")]


def _table(answer: Answer) -> Table:
    known = answer.found("expected")
    xs = sorted({e.x for found in known for e in found.at})
    columns = (f"measured / theory at {answer.study.axis.symbol} =", *(f"{x:.0f}" for x in xs))
    rows = []
    for found in known:
        of = {e.x: e for e in found.at}
        rows.append((found.label, *(_cell(of[x]) if x in of else "–" for x in xs)))
    sources = dict.fromkeys(e.source for found in known for e in found.at)
    return Table(columns, rows, WORDS + " ".join(SOURCES[s] for s in sources))


def _cell(e: Expected) -> str:
    z = f" ({e.z:+.1f})" if e.z is not None else ""
    return f"{e.ratio:.3f} ± {e.error:.3f}{z}"


VIEW = View(below=below, key="expected", json="fits")
