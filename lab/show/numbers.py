"""Exponents as text: two decimals, a dash for what is not finite."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """Two decimals."""
    return f"{value:.2f}" if math.isfinite(value) else "–"


def interval(ends: tuple[float, float]) -> str:
    """Both ends in brackets."""
    return f"[{number(ends[0])}, {number(ends[1])}]"
