"""Predicted exponents: the language that writes them down, and whose results they are.

Does not say whether a measurement agrees: that is `lab.scaling`. Imports neither NumPy nor JAX.
"""

from lab.theory.exponents import (
    KNOWN,
    SPIGLER,
    Known,
    Pieces,
    Resolved,
    known,
    resolution,
    rough,
    selected,
)
from lab.theory.formula import (
    REFERENCE,
    RESOLUTION,
    SYMBOLS,
    NoValue,
    Prediction,
    PredictionError,
    kernel,
    parse,
    smoothness,
)

__all__ = [
    "KNOWN",
    "REFERENCE",
    "RESOLUTION",
    "SPIGLER",
    "SYMBOLS",
    "Known",
    "NoValue",
    "Pieces",
    "Prediction",
    "PredictionError",
    "Resolved",
    "kernel",
    "known",
    "parse",
    "resolution",
    "rough",
    "selected",
    "smoothness",
]
