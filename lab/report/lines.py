"""Lines over d as a sentence each, and as slope and intercept in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.findings.answer import Answer
from lab.findings.lines import NO_LINE, OverDimensions
from lab.findings.view import View, interval


def sentences(_: Answer, found: OverDimensions) -> Iterator[str]:
    """The line with its intervals and what entered; nothing where too few d are decided."""
    line = found.line
    if line is not None:
        yield (
            f"α = {line.intercept:.2f} "
            f"{interval(line.intercept_interval)} + {line.slope:.2f} "
            f"{interval(line.slope_interval)} / d  "
            f"(95 % intervals; decided points only: d = {', '.join(f'{d:g}' for d in line.dims)}"
            + (f"; p of a line {line.fit_p:.2g}" if math.isfinite(line.fit_p) else "")
            + (f"; doubts: {', '.join(line.doubts)}" if line.doubts else "") + ")"
        )  # fmt: skip

    pooled = found.series
    if pooled is not None:
        yield (
            f"all exponents together, decided or not: α = {pooled.c:.2f} "
            f"{interval(pooled.c_interval)} / d, and with a free power d^−{pooled.kappa:.2f} "
            f"{interval(pooled.kappa_interval)}; p of the prediction {pooled.p:.2g} "
            f"(d = {', '.join(f'{d:g}' for d in pooled.dims)})"
        )


def part(found: Sequence[OverDimensions]) -> Mapping[str, Any]:
    """The one line of a study that varies nothing besides d; null where there are several."""
    return (found[0] if len(found) == 1 else NO_LINE).plain()


VIEW = View(sentences=sentences, part=part)
