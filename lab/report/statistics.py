"""Calibrations of studies as text: heads, lines of cells, sentences.

Every function takes what `lab.findings.design` found and returns plain strings for whoever prints
them. Nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lab.findings.design import Case, same
from lab.findings.study_results import value_text
from lab.scaling.judge.calibration import Calibration, Truth
from lab.scaling.judge.reading import BENT
from lab.scaling.judge.verdict import allowed

INTERVALS = ("quoted", "teacher-t", "profile", "percentile")
COVERAGE_HEAD = ("d", "true α", "from", *INTERVALS, "width", "bias")
VERDICTS = ("agrees", "contradicts", "undecided")
VERDICT_HEAD = ("d", "true α", "usable", *VERDICTS, "wrong")
LIKELY_WRONG = 0.05
"""Share of wrong verdicts that needs a remark."""
HONEST = (0.93, 0.97)
"""Coverage of a 95 % interval that needs no remark."""


# ---- a calibrated study ------------------------------------------------------------------------


def coverage_lines(found: Sequence[tuple[Case, Calibration]]) -> list[tuple[str, ...]]:
    """One line per case in the columns of COVERAGE_HEAD."""
    return [
        (*_case(case), case.source, *(_share(c.coverage.get(name)) for name in INTERVALS),
         _number(c.width["quoted"], 3), f"{c.bias:+.3f}" if math.isfinite(c.bias) else "–")
        for case, c in found
    ]  # fmt: skip


def verdict_head(found: Sequence[tuple[Case, Calibration]]) -> tuple[str, ...]:
    """VERDICT_HEAD and a column of power per alternative."""
    return (*VERDICT_HEAD, *(f"≠ {name}" for name in _alternatives(found)))


def verdict_lines(found: Sequence[tuple[Case, Calibration]]) -> list[tuple[str, ...]]:
    """One line per case in the columns of `verdict_head`."""
    names = _alternatives(found)
    return [
        (*_case(case), _share(c.usable), *(_share(c.verdicts[v]) for v in VERDICTS),
         f"{c.wrong:.3f}", *(_power(case, c, name) for name in names))
        for case, c in found
    ]  # fmt: skip


def ratio_head(found: Sequence[tuple[Case, Calibration]]) -> tuple[str, ...]:
    """d, the true α, and every truth / prediction."""
    return ("d", "true α", *(f"{ratio:g}" for ratio in _ratios(found)))


def ratio_lines(found: Sequence[tuple[Case, Calibration]]) -> list[tuple[str, ...]]:
    """One line per case in the columns of `ratio_head`: P(agrees) / P(contradicts)."""
    return [
        (*_case(case), *("–" if ratio not in c.by_ratio else
                         " / ".join(f"{share:.2f}" for share in c.by_ratio[ratio])
                         for ratio in _ratios(found)))
        for case, c in found
    ]  # fmt: skip


def _ratios(found: Sequence[tuple[Case, Calibration]]) -> list[float]:
    return sorted({ratio for _, c in found for ratio in c.by_ratio})


WRONG_HEAD = ("truth", "d", "agrees", "contradicts", "bent")


def wrong_lines(
    found: Sequence[tuple[Case, Mapping[str, Calibration]]],
) -> list[tuple[str, ...]]:
    """One line per truth: the largest shares over all cases, and the dimensions calibrated."""
    lines: list[tuple[str, ...]] = []
    for name in found[0][1] if found else ():
        both = [shown[name].at_the_edge(case.design) for case, shown in found]
        dims = ", ".join(dict.fromkeys(str(case.point.dim) for case, _ in found))
        lines.append((
            name, dims, f"{max(a for a, _ in both):.3f}", f"{max(c for _, c in both):.3f}",
            f"{max(shown[name].shapes[BENT] for _, shown in found):.3f}",
        ))  # fmt: skip
    return lines


def calibration_sentences(
    found: Sequence[tuple[Case, Calibration]], *, scans: int, seed: int
) -> list[str]:
    """What was simulated, how to read it, and which quoted intervals are not what they say."""
    error = (0.95 * 0.05 / scans) ** 0.5
    said = [
        f"{scans} scans per line, seed {seed}; a coverage near 0.95 has a standard error of "
        f"{error:.3f}. Under ≠: how often the quoted interval leaves that exponent out."
    ]
    truths: dict[str, list[str]] = {}
    for case, _ in found:
        t, design = case.truth, case.design
        text = (
            f"{design.x.size} x, {design.teachers} teachers, {design.seeds} seeds; loss "
            f"{t.first:.3g} at the smallest x, floor {t.floor:.3g}, scatter of log loss "
            f"{t.noise:.3g} between seeds and {t.amplitude:.3g} between teachers, of α as shown"
        )
        truths.setdefault(text, []).append(_case(case)[0])
    for text, dims in truths.items():
        said.append(f"d = {', '.join(dict.fromkeys(dims))}: {text}.")
    for case, c in found:
        covered = c.coverage["quoted"]
        low, high = (HONEST[0] - 2 * error, HONEST[1] + 2 * error)
        if not low <= covered <= high:
            said.append(f"d = {_case(case)[0]}: the quoted 95 % interval covers {covered:.0%} of "
                        "such scans; quote it with that number.")  # fmt: skip
        if c.wrong > LIKELY_WRONG:
            said.append(f"d = {_case(case)[0]}: {c.wrong:.0%} of the verdicts are wrong: "
                        f"{_edge(case)}.")  # fmt: skip
    return said


def _edge(case: Case) -> str:
    """Where the truth lies against what the prediction allows."""
    d, alpha = case.design, case.truth.alpha
    low, high = allowed(d.prediction, d.sense, d.tolerance)
    edge = low if abs(alpha - low) < abs(alpha - high) else high
    where = "inside" if low <= alpha <= high else "outside"
    return (f"the true {alpha:.3g} lies {abs(alpha - edge):.2g} {where} the edge {edge:.3g} of "
            "what the prediction allows")  # fmt: skip


def _case(case: Case) -> tuple[str, str]:
    values = [value_text(value) for _, value in case.point.setting.pairs]
    return ", ".join([str(case.point.dim), *values]), _true(case.truth)


def _true(truth: Truth) -> str:
    spread = f" ± {truth.spread:.2g}" if truth.spread else ""
    return f"{truth.alpha:.3g}{spread}"


def _alternatives(found: Sequence[tuple[Case, Calibration]]) -> list[str]:
    return list(dict.fromkeys(name for case, _ in found for name in case.design.alternatives))


def _power(case: Case, found: Calibration, name: str) -> str:
    if name not in case.design.alternatives:
        return "–"
    return "same" if same(case.design.alternatives[name], case.truth) else _share(found.power[name])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}g}"
