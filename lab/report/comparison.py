"""Studies side by side: their exponents on one axis, and the differences where settings match.

Settings match where they read alike: d and what varies besides. The studies are taken as
independent, so that with estimates a, b and intervals [a₁, a₂], [b₁, b₂] the interval of b − a is

    b − a − √((b − b₁)² + (a₂ − a)²)   to   b − a + √((b₂ − b)² + (a − a₁)²)

(MOVER; Zou & Donner, Stat. Med. 27, 2008, 1693). Known bias: studies that share their teachers move
together, and then it is too wide. Paired differences are those of one study with several settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from lab.files import put
from lab.findings.answer import Answer
from lab.findings.contrasts import Difference, forest
from lab.findings.exponent_figures import listed, spoken
from lab.findings.exponent_result import ExponentResult
from lab.findings.shown import Shown
from lab.findings.view import Answers, CaptionedFigure, Rows, TextTable, alpha, interval
from lab.mistakes import StudyError
from lab.report.pages import block, marks, render
from lab.report.top import top
from lab.scaling.judge.verdict import briefly

Named = tuple[str, Answers]
"""A study by its name."""


def write(studies: Sequence[Named], file: Path) -> Path:
    """Write the page that compares these studies; returns its file."""
    return put(html(studies), file)


def file_of(studies: Sequence[Path], results: Path) -> Path:
    """File of the comparison of these studies. Raises StudyError for two of one name."""
    names = [file.stem for file in studies]
    if len(set(names)) < len(names):
        raise StudyError([f"{', '.join(map(str, studies))}: two of these have one name, and so one "
                          "results folder; name different studies"])  # fmt: skip
    return results / f"{'-and-'.join(names)}.html"


def html(studies: Sequence[Named]) -> str:
    """The comparison as text."""
    if not any(_points(answers) for _, answers in studies):
        names = " and ".join(name for name, _ in studies)
        raise StudyError([f"{names}: no exponent is claimed, and exponents are what is compared"])
    found = [*differences(studies)]
    compared = (
        forest(found, "differences", "Differences of exponents", WORDS) if found else
        "No setting of one study reads like one of another, so none are compared."
    )  # fmt: skip
    mark = marks()
    sections = [("Side by side", [block(_shown(studies), mark), block(_table(studies), mark)]),
                ("Differences", [block(compared, mark)])]  # fmt: skip
    return render(
        "comparison.html.j2", title=" and ".join(name for name, _ in studies),
        studies=[(name, top(Shown(answers, name))) for name, answers in studies],
        sections=sections,
    )  # fmt: skip


WORDS = (
    "Difference of α where settings read alike, the later study's less the earlier one's, with its "
    "95 % interval, the studies taken as independent. Filled: the interval leaves zero out."
)


def differences(studies: Sequence[Named]) -> Iterator[Difference]:
    """Differences of every pair of studies, setting by setting."""
    for (first, one), (second, other) in combinations(studies, 2):
        after = {p.label: p for _, p in _points(other)}
        for _, p in _points(one):
            q = after.get(p.label)
            found = between(p, q) if q else None
            if found:
                value, ends = found
                yield Difference(f"{p.label}: {second} − {first}", value, ends)


def between(p: ExponentResult, q: ExponentResult) -> tuple[float, tuple[float, float]] | None:
    """α of q less that of p, with its interval; None where either has none."""
    if p.exponent is None or q.exponent is None:
        return None
    a, (a1, a2) = float(p.exponent.alpha), p.exponent.interval
    b, (b1, b2) = float(q.exponent.alpha), q.exponent.interval
    if not all(map(math.isfinite, (a, a1, a2, b, b1, b2))):
        return None
    low, high = math.hypot(b - b1, a2 - a), math.hypot(b2 - b, a - a1)
    return b - a, (b - a - low, b - a + high)


def _points(answers: Answers) -> list[tuple[Answer, ExponentResult]]:
    """The exponents that something is claimed of."""
    return [(answer, point) for answer in answers if answer.predicts for point in answer.points]


def _shown(studies: Sequence[Named]) -> CaptionedFigure:
    """The exponents, setting by setting, on the same axis."""
    asked = [(f"{p.label}, {name}", name, answer, p)
             for name, answers in studies for answer, p in _points(answers)]  # fmt: skip
    order = {p.label: i for i, (*_, p) in reversed([*enumerate(asked)])}
    asked.sort(key=lambda one: order[one[-1].label])
    values = [(name, p.label, f"{p.prediction:.4g}",
               *(f"{v:.4g}" for v in (p.exponent.alpha, *p.exponent.interval)), p.verdict)
              for _, name, _, p in asked if p.exponent]  # fmt: skip
    columns = ("study", "setting", "prediction", "alpha", "lo", "hi", "verdict")
    figure, caption = listed([(label, answer, p) for label, _, answer, p in asked])
    alt = f"Exponents beside predictions. {spoken((label, p) for label, *_, p in asked)}."
    return CaptionedFigure("exponents", "Exponents", figure, caption, alt, Rows(columns, values))


def _table(studies: Sequence[Named]) -> TextTable:
    cells = [
        (name, p.label, f"{answer.prediction.text} = {p.prediction:.3g}", alpha(p.exponent),
         interval(p.exponent.interval), p.verdict or "–", briefly(p.doubts))
        for name, answers in studies for answer, p in _points(answers) if p.exponent
    ]  # fmt: skip
    return TextTable(
        ("study", "setting", "prediction", "α", "95 % interval", "verdict", "doubts"), cells
    )
