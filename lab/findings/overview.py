"""Measured exponents on the page: against the dimension, or as a list of intervals.

Answers in, `Charts` out. Nothing is computed here but where a mark stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from lab import theory
from lab.findings.answer import Answer
from lab.findings.drawing import Frame, Scale, apart, drawing, marker, stroke, text
from lab.findings.exponent_result import ExponentResult
from lab.findings.view import (
    Answers,
    Chart,
    Charts,
    Rows,
    agreeing_points,
    alpha,
    figure_parts,
    interval,
)

MOST_NAMED = 14
"""Rows of a list that are drawn with their names; beyond, they are drawn densely and sorted."""

MOST_PANELS = 12
"""Charts against the dimension; of more settings than that, a list."""

Asked = tuple[Answer, ExponentResult]


def overview(answers: Answers) -> Charts:
    """The figure of the exponents, with the numbers that it draws."""
    asked = [(answer, point) for answer in answers for point in answer.points]
    parts = figure_parts(answers)
    if len(parts) <= MOST_PANELS and any(len({p.dim for p in part}) > 1 for *_, part in parts):
        charts, caption = _against_dimension(answers, parts)
    elif len(asked) <= MOST_NAMED:
        charts, caption = [_list(asked)], LIST + strokes(point for _, point in asked)
    else:
        charts, caption = [_dense(asked)], DENSE
    caption += MARKERS + (MEASURED if any(point.likely for _, point in asked) else "")
    return Charts("exponents", "Measured and predicted exponents", charts, caption, _rows(asked),
                  lead=True)  # fmt: skip


MARKERS = " Disc: agrees; square: undecided; cross: contradicts."
LIST = (
    "Measured exponents α with their 95 % intervals over teachers. Black strokes: the predictions, "
    "in brackets; bands: their tolerance. Of a lower bound, everything "
    "right of the band's left edge agrees."
)
MEASURED = (
    " Lines along: what the interval of a measured d makes of the prediction; a verdict holds at "
    "both ends."
)
DENSE = (
    "Measured exponents in units of the predicted ones, in the order of their size, with their "
    "95 % intervals over teachers; the table below names them. Black stroke: the prediction; "
    "band: its tolerance."
)


def strokes(points: Iterable[ExponentResult]) -> str:
    """What the blue strokes of a list are, where there are any."""
    names = dict.fromkeys(r.formula for p in points for r in p.rivals if r.value != p.prediction)
    return f" Blue strokes: rivals ({', '.join(names)})." if names else ""


def measured(p: ExponentResult) -> str:
    """α with its interval beside what was predicted."""
    predicted = f", {p.prediction:.3g} predicted" if p.claim else ""
    if p.exponent is None or not math.isfinite(p.exponent.alpha):
        return f"nothing measured yet{predicted}"
    return f"α = {alpha(p.exponent)} {interval(p.exponent.interval)}{predicted}"


def _rows(asked: Sequence[Asked]) -> Rows:
    columns = ("d", "setting", "prediction", "alpha", "lo", "hi", "verdict", "runs", "planned")
    rows = []
    for _, p in asked:
        e = p.exponent
        values = (e.alpha, *e.interval) if e else (math.nan,) * 3
        rows.append((p.dim, p.setting.name, f"{p.prediction:.4g}", *(f"{v:.4g}" for v in values),
                     p.verdict, p.runs.done, p.runs.planned))  # fmt: skip
    return Rows(columns, rows)


def _against_dimension(
    answers: Answers, parts: Sequence[tuple[Answer, str, list[ExponentResult]]]
) -> tuple[list[Chart], str]:
    """A chart for each panel and setting, all on the same axes."""
    points = [p for answer in answers for p in answer.points]
    found = [p.exponent for p in points if p.exponent]
    values = [v for e in found for v in (e.alpha, *e.interval)]
    values += [r.value for p in points for r in p.rivals]
    predictions = [p.prediction for p in points]
    values += predictions
    low, high = min(predictions) / 4, max(predictions) * 4  # one wild interval hides all
    size = (480.0, 330.0) if len(parts) == 1 else (340.0, 260.0)
    y = Scale.over([v for v in values if low < v < high], size[1] - 40, 20, log=True)
    dims = sorted({p.dim for p in points})
    x = Scale.over(dims, 48, size[0] - 62, log=True, pad=0.06)
    charts = [
        Chart(_dimension(answer, some, Frame(x, y), dims, size), name, _spoken(name, some))
        for answer, name, some in parts
    ]
    asked = [answer.prediction for answer in answers]
    texts = " or ".join(dict.fromkeys(one.text for one in asked))
    fitted = any(one.line for answer in answers for one in answer.found("lines"))
    return charts, (
        f"Measured exponent α against intrinsic dimension d, both logarithmic. Bars: 95 % interval "
        f"over teachers. Black line: the prediction {texts}; band: its tolerance; "
        f"{agreeing_points(answers)} agree."
        + " Dotted: the fitted line α = a + b/d." * fitted
        + " Dashed: rival exponents." * any(one.rivals for one in asked)
    )  # fmt: skip


def _spoken(name: str, points: Sequence[ExponentResult]) -> str:
    """What a chart shows, for those who do not see it."""
    said = "; ".join(f"d = {p.dim}: {measured(p)}, {p.verdict}" for p in points)
    return f"{name + ': ' if name else ''}exponent against dimension. {said}."


def _dimension(
    answer: Answer, points: Sequence[ExponentResult], frame: Frame, dims: Sequence[int | float],
    size: tuple[float, float],
) -> str:  # fmt: skip
    order = sorted(points, key=lambda p: p.dim)
    asked = answer.prediction
    d, p = _stretched(*_curve(asked.text, order))
    tau, right = asked.tolerance, frame.x.end + 4
    name = asked.text if len(asked.text) < 9 else "predicted"
    parts = [
        frame.band(d, [v * (1 - tau) for v in p], [v * (1 + tau) for v in p]),
        frame.axes("intrinsic dimension d", "exponent α", x_ticks=dims),
        frame.line(d, p, "line ink"),
    ]
    labels = [(p[-1], name, "label strong")]
    names = dict.fromkeys(r.formula for q in order for r in q.rivals)
    for formula in (name for name in names if name != asked.text):
        at = [(q.dim, r.value) for q in order for r in q.rivals if r.formula == formula]
        ds, values = _stretched(*map(list, zip(*at, strict=True)))
        parts.append(frame.line(ds, values, "line rival"))
        labels.append((values[-1], formula, "label rival"))
    heights = apart([frame.y(_within(frame.y, value)) for value, *_ in labels])
    parts += [text(right, height + 4, words, css)
              for height, (_, words, css) in zip(heights, labels, strict=True)]  # fmt: skip
    for found in answer.found("lines"):
        if found.line is not None and found.pairs == order[0].setting.pairs:
            parts.append(frame.line(d, np.ravel(found.line.predict(d)).tolist(), "line dotted"))
    for q in order:
        e = q.exponent
        if e and math.isfinite(e.alpha):
            parts.append(frame.bars([(q.dim, *e.interval)], f"bar {q.verdict}"))
            parts.append(frame.mark(q.dim, e.alpha, q.verdict or "", f"{q.label}: {measured(q)}"))
    return drawing(*size, _spoken(order[0].setting.name, order), *parts)


def _within(scale: Scale, value: float) -> float:
    return min(max(value, scale.low), scale.high)


def _curve(formula: str, order: Sequence[ExponentResult]) -> tuple[list[float], list[float]]:
    """The predicted exponents: a smooth curve where the formula has d alone, else by point."""
    parsed = theory.parse(formula)
    mixed = any("manifold" in p.setting.varying for p in order)
    if set(parsed.symbols) <= {"d"} and not mixed and len(order) > 1:
        d = np.geomspace(order[0].dim, order[-1].dim, 40).tolist()
        return d, [float(parsed.value({"d": v})) for v in d]
    return [float(p.dim) for p in order], [p.prediction for p in order]


def _stretched(d: list[float], values: list[float]) -> tuple[list[float], list[float]]:
    """A stroke where there is one point."""
    return ([d[0] / 1.04, d[0] * 1.04], values * 2) if len(d) == 1 else (d, values)


def side_by_side(asked: Sequence[tuple[str, Answer, ExponentResult]]) -> list[Chart]:
    """Exponents of several studies, named by study, setting by setting, on the same axis."""
    order = {p.label: i for i, (_, _, p) in reversed([*enumerate(asked)])}
    together = sorted(asked, key=lambda one: order[one[2].label])
    return [_list([(answer, p) for _, answer, p in together], [name for name, *_ in together])]


def _list(asked: Sequence[Asked], studies: Sequence[str] = ()) -> Chart:
    """Named rows, each name above its interval, so that it can be read on a narrow screen."""
    step, width = 34.0, 480.0
    height = 20 + step * len(asked) + 40
    ends = [v for _, p in asked if p.exponent for v in (p.exponent.alpha, *p.exponent.interval)]
    far = 3 * max(p.prediction for _, p in asked)
    values = [0.0, *(p.prediction for _, p in asked), *(v for v in ends if abs(v) < far)]
    values += [r.value for _, p in asked for r in p.rivals if r.value < far]
    x = Scale.over(values, 14, width - 14)
    parts = [_upright(Frame(x, Scale(0, 1, height - 40, 8)), "exponent α")]
    names = [f"{p.label}  [{answer.prediction.text}]" for answer, p in asked]
    if studies:
        names = [f"{name}, {study}" for name, study in zip(names, studies, strict=True)]
    for i, (answer, p) in enumerate(asked):
        y = 8 + step * (i + 0.72)
        parts.append(_row(x, y, 8.0, p, answer.prediction.tolerance, 1.0))
        parts += [stroke(x(r.value), y, "rivalmark", f"{r.formula} = {r.value:.3g}")
                  for r in p.rivals if x.holds(r.value) and r.value != p.prediction]  # fmt: skip
        parts.append(text(16, y - 12, names[i], "label"))
    said = zip(names, (p for _, p in asked), strict=True)
    spoken = "; ".join(f"{name}: {measured(p)}, {p.verdict}" for name, p in said)
    alt = f"Exponents beside predictions. {spoken}."
    return Chart(drawing(width, height, alt, *parts), "", alt)


def _dense(asked: Sequence[Asked]) -> Chart:
    """Rows without names, sorted by what was measured in units of what was predicted."""
    known = [(a, p, p.exponent.alpha / p.prediction) for a, p in asked
             if p.exponent and math.isfinite(p.exponent.alpha)]  # fmt: skip
    known.sort(key=lambda row: row[2])
    step = max(5.0, min(12.0, 420 / max(len(known), 1)))
    width, height = 480.0, 20 + step * len(known) + 40
    ends = [end / p.prediction for _, p, _ in known if p.exponent for end in p.exponent.interval]
    x = Scale.over([0.9, 1.1, *(r for *_, r in known), *(v for v in ends if -0.5 < v < 3)],
                   14, width - 14)  # fmt: skip
    frame = Frame(x, Scale(0, 1, height - 40, 8))
    parts = [_upright(frame, "α measured / α predicted")]
    for i, (answer, p, _) in enumerate(known):
        tolerance = answer.prediction.tolerance
        parts.append(_row(x, 14 + step * (i + 0.5), step / 2, p, tolerance, p.prediction))
    ratios = f" from {known[0][2]:.2f} to {known[-1][2]:.2f}" if known else ""
    alt = f"{len(known)} measured exponents in units of the predicted ones,{ratios}."
    return Chart(drawing(width, height, alt, *parts), "", alt)


def _upright(frame: Frame, label: str) -> str:
    """An axis of x with its grid, and none of y."""
    x, bottom, top = frame.x, frame.y.start, frame.y.end
    ticks = x.ticks()
    lines = "".join(f"M{x(v):.1f} {bottom:.1f}V{top:.1f}" for v in ticks)
    numbers = "".join(text(x(v), bottom + 14, f"{v:g}", "tick mid") for v in ticks)
    return (
        f'<path class="grid" d="{lines}"/><path class="axis" d="M{x.start:.1f} {bottom:.1f}'
        f'H{x.end:.1f}"/>{numbers}'
        + text((x.start + x.end) / 2, bottom + 31, label, "label mid")
    )  # fmt: skip


def _row(x: Scale, y: float, half: float, p: ExponentResult, tolerance: float, unit: float) -> str:
    """One interval with its marker, over the band of its prediction; all in units of `unit`."""
    low, high = (_within(x, p.prediction * (1 + s * tolerance) / unit) for s in (-1, 1))
    at = x(_within(x, p.prediction / unit))
    parts = [
        f'<rect class="band" x="{x(low):.1f}" y="{y - half:.1f}" '
        f'width="{x(high) - x(low):.1f}" height="{2 * half:.1f}"/>',
        f'<path class="line ink" d="M{at:.1f} {y - half:.1f}v{2 * half:.1f}"/>',
    ]
    if p.likely:
        ends = [x(_within(x, end / unit)) for end in (p.likely[0], p.likely[-1])]
        above = y - half / 2
        parts.append(f'<path class="line ink" d="M{ends[0]:.1f} {above:.1f}H{ends[1]:.1f}"/>')
    e = p.exponent
    if e and math.isfinite(e.alpha):
        if np.isfinite(e.interval).all():
            ends = [x(_within(x, end / unit)) for end in e.interval]
            line = f"M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}"
            parts.append(f'<path class="bar {p.verdict}" d="{line}"/>')
        at = x(_within(x, e.alpha / unit))
        parts.append(marker(at, y, p.verdict or "", f"{p.label}: {measured(p)}"))
    return "".join(parts)
