"""Sums of many slowly varying terms, Σ_{k=first}^{last} f(k), in the time of a few hundred.

The first HEAD terms are added. The others are smooth on the scale of 1, and the midpoint form of
Euler and Maclaurin's formula sums them,

    Σ_{k=m}^{n} f(k) = [F − f′/24 + 7f‴/5760 − …] between m − ½ and n + ½,  F = ∫ f

with F by Gauss–Legendre panels in log k. The term in f‴ is left out: it is below 10⁻¹¹ of the sum
for f that changes by a power of k, or by e^(−c k^−b), where it counts.

It does not accelerate alternating sums, nor sums whose terms oscillate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from jaxtyping import Float

__all__ = ["HEAD", "total"]

HEAD = 2048
PANEL = 0.5
"""Width of a panel in log k, of NODES nodes."""
NODES = 16


def total(
    f: Callable[[np.ndarray], np.ndarray],
    last: Float[np.ndarray, " sums"],
    *,
    first: int = 1,
) -> Float[np.ndarray, " sums"]:
    """Σ_{k=first}^{last} f(k) of several functions at once, each to a last k of its own.

    Args:
        f: takes k of shape [sums, terms] or [1, terms] and returns [sums, terms], one function a
            row; k is not whole beyond HEAD.
        last: of each sum, whole; far beyond where f is negligible in place of ∞.
    """
    head = int(min(last.max(initial=0), first + HEAD - 1))
    k = np.arange(first, head + 1, dtype=float)[None]
    found = np.where(k <= last[:, None], f(k), 0.0).sum(1)
    low, high = head + 0.5, np.maximum(last, head) + 0.5
    if not (high > low).any():
        return found
    length = np.log(high / low)[:, None]
    x, weight = panels(int(np.ceil(length.max() / PANEL)))
    k = low * np.exp(length * x)
    integral = (f(k) * k * weight).sum(1) * length[:, 0]
    ends = np.stack([np.full_like(high, low), high], 1)
    slope = f(ends + 0.5) - f(ends - 0.5)
    return found + integral - np.where(high > low, slope[:, 1] - slope[:, 0], 0.0) / 24


@cache
def panels(count: int) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Nodes and weights on [0, 1] of `count` equal panels of Gauss and Legendre."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    left = np.arange(count)[:, None]
    nodes, weights = ((left + (node + 1) / 2) / count).ravel(), np.tile(weight / 2 / count, count)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights
