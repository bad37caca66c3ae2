"""The dimension of some points as text: a line per estimator, and what is to be known of them.

What it does not do: figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.dimension.measurement import Measurement

HEAD = ("method", "d", "± se", "95 % interval", "corrected", "95 % interval")


def lines(found: Measurement) -> list[tuple[str, ...]]:
    """One line per estimator in the columns of HEAD."""
    return [
        (e.method, _number(e.dimension), _number(e.se), _interval(e.interval),
         _number(e.corrected), _interval(e.corrected_interval))
        for e in found.estimates
    ]  # fmt: skip


def sentences(found: Measurement, more: Sequence[str] = ()) -> list[str]:
    """The estimate at all scales, whether there is a plateau, and the warnings after `more`."""
    said = []
    if found.scales:
        each = ", ".join(f"{_number(e.dimension)} at {e.scale:.3g}" for e in found.scales)
        said.append(f"scales     gride {each}: {_plateau(found)}")
    return said + [f"warning    {sentence}" for sentence in (*more, *found.warnings)]


def _plateau(found: Measurement) -> str:
    if found.plateau is None:
        return "no plateau"
    first, last = (found.scales[i] for i in found.plateau)
    return f"plateau from {first.scale:.3g} to {last.scale:.3g}"


def _number(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.2f}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None or math.isnan(ends[0]) else f"[{ends[0]:.2f}, {ends[1]:.2f}]"
