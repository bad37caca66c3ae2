"""Compute frontiers as text: the estimators of a table side by side, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

HEAD = ("method", "ξ of N ∝ C^ξ", "D ∝ C^", "η of L ∝ C^−η", "excess")
ALLOCATION_HEAD = ("C", "method", "N", "D", "loss")
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
    if one["value"] is None:
        return "–"
    low, high = ("−∞" if v is None else f"{v:.4g}" for v in one["interval"])
    return f"{one['value']:.4g} [{low}, {'∞' if high == '−∞' else high}]"
