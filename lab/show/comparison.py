"""Theory beside the measurement, where a formula knows the whole loss: a table, and plain values.

One row per point, one cell per x: measured / expected, its standard error, and z in brackets.
"""

from __future__ import annotations

from lab.answers.answer import Answer, Point
from lab.answers.expected import SOURCES, Expected
from lab.show.markdown import table

__all__ = ["markdown", "values"]


def markdown(answer: Answer) -> str:
    """The table with a sentence before it; empty where no formula is known."""
    known = [p for p in answer.points if p.expected]
    if not known:
        return ""
    xs = sorted({e.x for p in known for e in p.expected})
    columns = (f"measured / theory at {answer.study.axis.symbol} =", *(f"{x:.0f}" for x in xs))
    rows = []
    for p in known:
        of = {e.x: e for e in p.expected}
        rows.append((p.label, *(_cell(of[x]) if x in of else "–" for x in xs)))
    sources = dict.fromkeys(e.source for p in known for e in p.expected)
    return (
        "Theory knows the whole loss here, not only its exponent (dashed in the figure). Mean of "
        "measured / expected loss over teachers and draws ± its standard error, and in brackets "
        "by how many of these it differs from 1; no bracket where the loss has no variance over "
        "draws, and – where it has no mean. "
        + " ".join(SOURCES[s] for s in sources) + "\n\n" + table(columns, rows)
    )  # fmt: skip


def values(point: Point) -> list[dict[str, float | str | None]]:
    """The same numbers for fits.json."""
    return [
        {"x": e.x, "theory": e.value, "ratio": e.ratio,
         "standard_error": e.error, "z": e.z,
         "source": e.source}
        for e in point.expected
    ]  # fmt: skip


def _cell(e: Expected) -> str:
    z = f" ({e.z:+.1f})" if e.z is not None else ""
    return f"{e.ratio:.3f} ± {e.error:.3f}{z}"
