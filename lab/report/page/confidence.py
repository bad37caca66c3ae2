"""Confidence curves on the page: a card per setting, p of every α by each interval of sampling.

The band is the interval that is quoted; readings by another budget or count of size are not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from lab.findings.answer import Answer
from lab.findings.drawing import Frame, Scale, drawing, text
from lab.findings.exponent_result import ExponentResult
from lab.findings.overview import alpha
from lab.findings.view import Answers, Chart, Charts, Rows, Section, interval
from lab.scaling.scans.estimate import confidence
from lab.scaling.scans.scan import Scan

POINTS = 61
LEVEL = 0.05
"""p at which 95 % intervals end."""
METHODS = ("teacher-t", "common", "profile")
"""The intervals of sampling."""
CAPTION = (
    "p of every α, by the scatter between teachers (solid), with the noise that they have in "
    "common (dotted), and by the profile of a law with a floor (dashed): 1 at the estimate; the "
    "95 % interval of each ends where it crosses the thin line at .05. Band: the interval that is "
    "quoted. Black stroke: the prediction."
)


def sections(answers: Answers) -> list[Section]:
    """The curves of all settings that have an interval."""
    charts, rows = [], []
    for answer in answers:
        for p in answer.points:
            alphas = _alphas(p)
            curves = confidence(p.exponent, _scan(p), alphas) if p.exponent and alphas.size else {}
            if curves:
                charts.append(_card(answer, p, alphas, curves))
                rows += _rows(p, alphas, curves)
    if not charts:
        return []
    columns = ("setting", "alpha", *METHODS)
    drawn = Charts("confidence", "Confidence curves", charts, CAPTION, Rows(columns, rows))
    return [Section("Confidence curves", [drawn])]


def _scan(p: ExponentResult) -> Scan:
    x, loss, teacher, seed = map(np.array, zip(*p.fitted.rows, strict=True))
    return Scan.of(x, loss, teacher, seed)


def _alphas(p: ExponentResult) -> np.ndarray:
    """Where the curves are drawn: twice the longest interval, the quoted one and the prediction,
    if that is no farther than that again."""
    e = p.exponent
    if e is None or e.arrays is None or not np.isfinite(e.interval).all():
        return np.array([])
    centre = float(e.arrays.alpha[0])
    halves = [float(h[0]) for h in e.arrays.halves.values() if np.isfinite(h[0])]
    reach = max([1.4 * max(halves, default=0.0), *(abs(end - centre) for end in e.interval)])
    ends = [centre - reach, centre + reach]
    if abs(p.prediction - centre) < 2 * reach:
        ends.append(p.prediction)
    even = np.linspace(min(ends), max(ends), POINTS)
    return np.union1d(even, [centre]) if reach > 0 else np.array([])


def _card(
    answer: Answer, p: ExponentResult, alphas: np.ndarray, curves: Mapping[str, np.ndarray]
) -> Chart:
    e = p.exponent
    assert e
    frame = Frame(Scale.over(alphas.tolist(), 50, 340, pad=0.02), Scale(0.0, 1.04, 168, 16))
    low, high = e.interval
    parts = [
        frame.band((low, high), (0.0, 0.0), (1.04, 1.04)),
        frame.axes("exponent α", "p", y_most=4),
        frame.line((frame.x.low, frame.x.high), (LEVEL, LEVEL), "line ink thin"),
        *(frame.line(alphas.tolist(), curve.tolist(), f"line {name}")
          for name, curve in curves.items()),
        frame.line((p.prediction, p.prediction), (0.0, 1.04), "line ink"),
    ]  # fmt: skip
    if frame.x.holds(p.prediction):
        right = frame.x(p.prediction) < 280
        at = frame.x(p.prediction) + (4 if right else -4)
        parts.append(text(at, 12, answer.prediction.text, "label" if right else "label end"))
    alt = (f"Confidence curves of {p.label}: α = {alpha(e)}, quoted {interval(e.interval)}, "
           f"{p.prediction:.3g} predicted.")  # fmt: skip
    title = f"{p.label} — {interval(e.interval)}"
    return Chart(drawing(350, 204, alt, *parts), title, alt)


def _rows(p: ExponentResult, alphas: np.ndarray, curves: Mapping[str, np.ndarray]) -> list[tuple]:
    def told(name: str, i: int) -> str:
        value = float(curves[name][i]) if name in curves else math.nan
        return f"{value:.4f}" if math.isfinite(value) else ""

    return [(p.label, f"{a:.5g}", *(told(name, i) for name in METHODS))
            for i, a in enumerate(alphas.tolist())]  # fmt: skip
