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
    """α; of a bent curve with its local exponents from the smallest to the largest x, without one
    that may be quoted these alone."""
    if e.ends is None:
        return number(e.alpha)
    ends = " → ".join(number(end.alpha) for end in e.ends)
    return f"{number(e.alpha)}, {e.shape.direction} {ends}"
