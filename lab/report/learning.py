"""Learning curves: exponents of steps and of size in a table, and one figure of the curves."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lab.findings.answer import Answer
from lab.findings.learning import FLAT, LearningFound
from lab.findings.view import Answers, CaptionedFigure, Rows, Table, View

HEAD = ("setting", "exponent", "value", "95 % interval", "over", "shape")
SYMBOLS = {"alpha_S": ("α_S", "S"), "alpha_N": ("α_N", "N")}


def above(answers: Answers) -> list[Table]:
    """A line for each setting and exponent."""
    lines = []
    for found in _all(answers):
        for name, (symbol, x) in SYMBOLS.items():
            e, at = found.exponent(name), found.scans[name][0]
            if e:
                ends = f"[{e.interval[0]:.3g}, {e.interval[1]:.3g}]"
                lines.append((found.label, symbol, f"{e.alpha:.3g}", ends,
                              f"{x} = {at.min():g} … {at.max():g}", e.shape))  # fmt: skip
    words = "Learning curves, by the losses at checkpoints:"
    return [Table(HEAD, lines, words, most=4)] if lines else []


def sentences(_: Answer, found: LearningFound) -> Iterator[str]:
    """How many curves there are, and whether they are flat at their end."""
    if not found.units:
        yield "learning curves need a teacher with every size; go on running."
        return
    sizes = len(set(found.columns["N"].tolist()))
    yield f"curves of {sizes} sizes, of {found.units} of {found.planned} teachers or seeds."
    if found.ends < FLAT:
        yield "at the last step all are flat."
    elif math.isfinite(found.ends):
        yield f"at the last step the steepest of them falls as S^−{found.ends:.2g}."


def figures(answers: Answers) -> list[CaptionedFigure]:
    """One figure of all settings that have curves."""
    from lab.report.frontier_figures import curves

    found = [one for one in _all(answers) if one.units]
    return [CaptionedFigure("learning", "Learning curves", *curves(found))] if found else []


def files(answers: Answers) -> dict[str, Rows]:
    """Every loss of every curve."""
    rows = [
        (found.label, *(f"{v:.8g}" for v in row))
        for found in _all(answers)
        for row in zip(*(found.columns[n].tolist() for n in COLUMNS), strict=True)
    ]
    return {"curves.csv": Rows(("label", *COLUMNS), rows)} if rows else {}


def measured(found: LearningFound) -> str:
    """Both exponents."""
    known = {symbol: found.exponent(name) for name, (symbol, _) in SYMBOLS.items()}
    return ", ".join(f"{symbol} = {e.alpha:.3g}" for symbol, e in known.items() if e)


def _all(answers: Answers) -> list[LearningFound]:
    return [one for answer in answers for one in answer.found("learning")]


COLUMNS = ("N", "S", "C", "unit", "loss")
VIEW = View(above=above, sentences=sentences, figures=figures, files=files, key="curves",
            measured=measured)  # fmt: skip
