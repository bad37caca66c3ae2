"""Arguments of a truth object, checked: numbers in a range, a sentence for the first outside.

A truth object vectorises over its argument: arrays broadcast, a scalar gives a float. `numbers`
reads such an argument, `number` a parameter. Ranges are written as intervals, "(0, 1]" or
"[1, inf)". It does not know which ranges a model needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import Float

__all__ = ["Argument", "Numbers", "number", "numbers", "symmetric"]

Argument = SupportsFloat | Sequence[Any] | np.ndarray
"""A number or numbers of any shape and type: what a truth object takes."""

Numbers = float | np.ndarray
"""What a truth object returns: a float for a scalar argument, an array of its shape otherwise."""


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
