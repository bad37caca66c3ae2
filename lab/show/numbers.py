"""Exponents as text: two decimals, a dash for what is not finite."""

from __future__ import annotations

import math

from lab.scaling import Exponent


def number(value: float) -> str:
    """Two decimals."""
    return f"{value:.2f}" if math.isfinite(value) else "–"


def interval(ends: tuple[float, float]) -> str:
    """Both ends in brackets."""
    return f"[{number(ends[0])}, {number(ends[1])}]"


def alpha(e: Exponent) -> str:
    """α, or where the curve is no power law, its local exponents at both ends."""
    return " → ".join(number(end.alpha) for end in e.ends or (e,))
