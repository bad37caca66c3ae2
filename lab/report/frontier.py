"""Compute frontiers: the estimators of a table, or of a study's curves, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lab.findings.view import Answers, CaptionedFigure, Rows, Table, View
from lab.scaling.frontier import STATUS

if TYPE_CHECKING:
    from lab.findings.answer import Answer
    from lab.findings.frontiers import FrontierFound

HEAD = ("method", "ξ of N ∝ C^ξ", "D ∝ C^", "η of L ∝ C^−η", "excess")
ALLOCATION_HEAD = ("C", "method", "N", "D", "loss")
SETTING_HEAD = ("setting", *HEAD[:2], "S ∝ C^", *HEAD[3:])
NAMES = {"xi": "ξ", "data": "the exponent of D", "eta": "η", "excess": "the excess"}


def frontier_lines(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line per method that answers, in the columns of HEAD, of what `fit_frontier` returns."""
    return [
        (method, *(_quantity(said[name]) for name in NAMES))
        for method, said in found["methods"].items() if "refused" not in said
    ]  # fmt: skip


def allocation_lines(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line per compute and method, in the columns of ALLOCATION_HEAD."""
    return [
        (f"{at['C']:.4g}", method, *(_quantity(at[name]) for name in ("N", "D", "loss")))
        for method, said in found["methods"].items() for at in said.get("allocations", ())
    ]  # fmt: skip


def frontier_sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """What is unusual: words of status that are no power law, rows left out, refusals."""
    columns = ", ".join(f"{symbol} = {name}" for symbol, name in found["columns"].items())
    compute = "" if "C" in found["columns"] else "; C = 6 N D"
    yield f"rows       {found['n']} ({columns}{compute})"
    for method, said in found["methods"].items():
        if "refused" in said:
            yield f"refused    {method}: {said['refused']}"
            continue
        odd: dict[str, list[str]] = {}
        for name, words in NAMES.items():
            if said[name]["status"] != "power-law":
                odd.setdefault(f"{said[name]['status']}, {said[name]['says']}", []).append(words)
        for says, which in odd.items():
            yield f"status     {method}, {', '.join(which)}: {says}"
        for sentence in said["left_out"]:
            yield f"left out   {method}: {sentence}"
    for sentence in found["warnings"]:
        yield f"warning    {sentence}"


def _quantity(one: Mapping[str, Any]) -> str:
    value = one["value"]
    if value is None or value != value:
        return "–"
    low, high = ("−∞" if v is None else f"{v:.4g}" for v in one["interval"])
    return f"{value:.4g} [{low}, {'∞' if high == '−∞' else high}]"


# ---- of a study ---------------------------------------------------------------------------------


def above(answers: Answers) -> list[Table]:
    """A line for each setting and estimator."""
    lines = [
        (found.label, method, *(_quantity(said[name]) for name in ("xi", "steps", "eta", "excess")))
        for found in _all(answers) for method, said in found.plain()["methods"].items()
        if "refused" not in said
    ]  # fmt: skip
    words = "The compute frontier, by three estimators, with 95 % intervals:"
    return [Table(SETTING_HEAD, lines, words, most=4)] if lines else []


def sentences(_: Answer, found: FrontierFound) -> Iterator[str]:
    """Refusals, what is no power law, and what was left out."""
    if not found.units:
        yield "a frontier needs a teacher with every size; go on running."
        return
    many = "teacher or seed" if found.planned == 1 else "teachers or seeds"
    sizes = len(set(found.columns["N"].tolist()))
    yield f"curves of {sizes} sizes, means over {found.units} of {found.planned} {many}."
    for name, one in found.methods.items():
        if one.frontier is None:
            yield f"{name} is refused: {one.refused}"
            continue
        odd = {q.status for q in (one.frontier.xi, one.frontier.eta, one.frontier.excess)}
        for status in sorted(odd - {"power-law"}):
            yield f"{name}, {status}: {STATUS[status]}."
        if one.frontier.left_out:
            more = len(one.frontier.left_out) - 1
            rest = f", and {more} more" if more else ""
            yield f"{name} leaves out: {one.frontier.left_out[0]}{rest}."


def figures(answers: Answers) -> list[CaptionedFigure]:
    """One figure of all settings that have curves."""
    from lab.report.frontier_figures import frontiers

    found = [one for one in _all(answers) if one.units]
    return [CaptionedFigure("frontier", "Compute frontier", *frontiers(found))] if found else []


def files(answers: Answers) -> dict[str, Rows]:
    """The optima of every estimator."""
    columns = ("label", "method", "C", "N", "S", "loss", "excess")
    rows = [
        (found.label, name, *(f"{v:.6g}" for v in (p.C, p.N, p.S, p.loss, p.excess)))
        for found in _all(answers) for name, one in found.methods.items() if one.frontier
        for p in one.frontier.points
    ]  # fmt: skip
    return {"frontier.csv": Rows(columns, rows)} if rows else {}


def measured(found: FrontierFound) -> str:
    """ξ by the first estimator that answers."""
    for name, one in found.methods.items():
        if one.frontier:
            xi, eta = one.frontier.xi.value, one.frontier.eta.value
            return f"N_opt ∝ C^{xi:.3g}, L ∝ C^−{eta:.3g} by {name}"
    return ""


def _all(answers: Answers) -> list[FrontierFound]:
    return [one for answer in answers for one in answer.found("frontier")]


VIEW = View(above=above, sentences=sentences, figures=figures, files=files, key="frontiers",
            measured=measured)  # fmt: skip
