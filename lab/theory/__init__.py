"""Predicted exponents: the language that writes them down, and whose results they are.

Does not say whether a measurement agrees: that is `lab.scaling`. Imports neither NumPy nor JAX.
"""

from lab.theory.exponents import KNOWN, Known, known
from lab.theory.formula import (
    SYMBOLS,
    NoValue,
    Prediction,
    PredictionError,
    kernel,
    parse,
    smoothness,
)
from lab.theory.resolution import Resolved, resolution

__all__ = [
    "KNOWN",
    "SYMBOLS",
    "Known",
    "NoValue",
    "Prediction",
    "PredictionError",
    "Resolved",
    "kernel",
    "known",
    "parse",
    "resolution",
    "smoothness",
]
