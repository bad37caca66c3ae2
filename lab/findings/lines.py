"""The lines of a study over d: one per setting besides d, α = intercept + slope/d.

Only points that are decided enter, and a line needs three dimensions: an undecided exponent may be
off by more than its interval says. The fit is `lab.scaling.series.line`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.findings.answer import Answer
from lab.findings.exponent_result import ExponentResult
from lab.findings.study_results import Setting, StudyResults
from lab.findings.view import View, interval
from lab.scaling.judge.verdict import UNDECIDED
from lab.scaling.scans.lines import student_quantile
from lab.scaling.series import Line, PowerOfDimension, across, series

FEWEST = 3
"""Dimensions that a line needs."""


@dataclass(frozen=True)
class OverDimensions:
    """The line of what varies besides d, None where too few dimensions are decided; and α = c/d^κ
    from all exponents, decided or not, where c/d is predicted."""

    name: str
    pairs: tuple[tuple[str, Any], ...]
    line: Line | None
    series: PowerOfDimension | None = None
    setting: Setting | None = None
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The settings that vary besides d, as text; empty where nothing does."""
        return self.name

    @property
    def doubts(self) -> tuple[str, ...]:
        """Those of any point that entered."""
        return self.line.doubts if self.line else ()

    def plain(self) -> dict[str, Any]:
        """Slope and intercept, null without a line, and what entered."""
        line = self.line
        if line is None:
            nothing = {"value": None, "interval": [None, None]}
            return {"slope": nothing, "intercept": nothing}
        return {
            "slope": {"value": line.slope, "interval": line.slope_interval},
            "intercept": {"value": line.intercept, "interval": line.intercept_interval},
            "line": {"dims": line.dims, "fits": line.fit_p, "doubts": line.doubts},
        }


NO_LINE = OverDimensions("", (), None)


def lines(question: StudyResults) -> tuple[OverDimensions, ...]:
    """One per setting besides d, in the order of the grid."""
    together: dict[Setting, list[ExponentResult]] = defaultdict(list)
    for point in question.found("exponents"):
        together[replace(point.setting, dim=0)].append(point)
    return tuple(
        OverDimensions(s.name, s.pairs, _line(some), _series(some)) for s, some in together.items()
    )


def _series(points: Sequence[ExponentResult]) -> PowerOfDimension | None:
    """All exponents that are one number, pooled against the c of a prediction c/d."""
    told = [(p, p.exponent) for p in points
            if p.exponent and p.exponent.one_number and p.exponent.teachers > 1]  # fmt: skip
    told = [(p, e) for p, e in told if e.alpha > 0 and e.interval[1] > e.interval[0]]
    c = [p.prediction * p.dim for p, _ in told]
    if not c or not all(math.isclose(one, c[0], rel_tol=1e-9) for one in c):
        return None
    error = [(e.interval[1] - e.interval[0]) / 2 / float(student_quantile(e.teachers - 1))
             for _, e in told]  # fmt: skip
    return series([p.dim for p, _ in told], [e.alpha for _, e in told], error,
                  dof=sum(e.teachers - 1 for _, e in told), predicted=c[0])  # fmt: skip


def _line(points: Sequence[ExponentResult]) -> Line | None:
    """The line of α on 1/d over the points that are decided."""
    decided = [
        (p.dim, p.exponent) for p in points if p.exponent and p.verdict not in (UNDECIDED, None)
    ]
    dims, exponents = [dim for dim, _ in decided], [exponent for _, exponent in decided]
    if len(set(dims)) < FEWEST:
        return None
    line = across(dims, exponents)
    return line if math.isfinite(line.slope) else None


# ---- as people see them --------------------------------------------------------------------------


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
