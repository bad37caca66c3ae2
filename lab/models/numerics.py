"""Arguments of a truth object, checked, and sums of many slowly varying terms.

A truth object vectorises over its argument: arrays broadcast, a scalar gives a float. `numbers`
reads such an argument, `number` a parameter, and the first outside of its range is refused in a
sentence. Ranges are written as intervals, "(0, 1]" or "[1, inf)".

`total` is Σ_{k=first}^{last} f(k) in the time of a few hundred terms.

Its first HEAD terms are added. The others are smooth on the scale of 1, and the midpoint form of
Euler and Maclaurin's formula sums them,

    Σ_{k=m}^{n} f(k) = [F − f′/24 + 7f‴/5760 − …] between m − ½ and n + ½,  F = ∫ f

with F by Gauss–Legendre panels in log k. The term in f‴ is left out: it is below 10⁻¹¹ of the sum
for f that changes by a power of k, or by e^(−c k^−b), where it counts.

It does not accelerate alternating sums, nor sums whose terms oscillate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import Float

Argument = SupportsFloat | Sequence[Any] | np.ndarray
"""A number or numbers of any shape and type: what a truth object takes."""

Numbers = float | np.ndarray
"""Return type of a truth object: a float for a scalar argument, an array of its shape otherwise."""


def numbers(
    name: str, values: Argument, interval: str = "(-inf, inf)", *, whole: bool = False
) -> np.ndarray:
    """An argument as an array of floats of its own shape, each of them inside of the interval.

    Args:
        name: as the sentence shall call it.
        values: a number or an array of any shape.
        interval: "[0, 1)" and the like; an infinite end is always open unless closed by "]".
        whole: only whole numbers, of whatever type.

    Raises ValueError, one sentence, for what is no number, outside, or not whole.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {values!r} is no number; give one in {interval}") from None
    low, high = (float(end) for end in interval[1:-1].split(","))
    inside = (array >= low if interval[0] == "[" else array > low) & (
        array <= high if interval[-1] == "]" else array < high
    )
    if whole:
        inside &= array == np.floor(array)
    if not inside.all():
        wrong = array[~inside].flat[0]
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} = {wrong:g} is outside of its range; give {kind} in {interval}")
    return array


def number(name: str, value: Argument, interval: str = "(-inf, inf)") -> float:
    """A parameter as a float inside of the interval. Raises ValueError, one sentence."""
    array = numbers(name, value, interval)
    if array.ndim:
        raise ValueError(f"{name} has shape {array.shape}; give one number in {interval}")
    return float(array)


def symmetric(name: str, matrix: Argument, size: int) -> Float[np.ndarray, "size size"]:
    """A covariance: a symmetric matrix [size, size] without a negative eigenvalue.

    Raises ValueError, one sentence.
    """
    array = numbers(name, matrix)
    if array.shape != (size, size):
        raise ValueError(f"{name} has shape {array.shape}; give a matrix [{size}, {size}]")
    if not np.allclose(array, array.T, rtol=1e-9, atol=1e-12):
        raise ValueError(f"{name} is not symmetric; give the covariance of {size} variables")
    least = np.linalg.eigvalsh(array)[0]
    if least < -1e-9 * max(np.trace(array), 1e-300):
        raise ValueError(f"{name} has the negative eigenvalue {least:.3g}; give a covariance")
    return array


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
