"""Resolution-limited exponents: which one belongs to which pair of target and student.

With s the smoothness of the target (the number of its derivatives that are square integrable, ∞ for
smooth ones), d its dimension, and a loss that is quadratic in the error, the best student of x
samples, units or parameters has L ∝ x^−α with

    pieces, x           smooth or rough target        ridges of one sign
    constant, D         2 min(1, s)/d                 2/d
    linear, D           min(4, 2s)/d                  3/d
    shallow, units      min(2s, d + 3)/d              1 + 3/d
    deep, N             min(4, 2s)/d                  –

constant: nearest neighbours. linear: interpolation on simplices. shallow: one hidden ReLU layer.
deep: two and more hidden ReLU layers, N parameters. A cell of side h that a kink crosses errs by
h², and such cells are a share h of all: h³ = N^(−3/d), which is the rule for s = 3/2.

Evidence. Theorems: Siegel, arXiv 2307.15285 (ridges of one sign, matching lower bound); Siegel &
Xu, arXiv 2101.12365, with Yang & Zhou on Hölder targets (shallow, s < (d + 3)/2). Measured here:
both kinds of pieces. For deep students the rule is inferred, from a bound on one side: a shallow
network is one of them, and has (1 + 3/d)/2 in N. At s = 1 (constant), s = 2 (linear) and
2s = d + 3 (shallow) the power comes with a logarithm.

Not here: kernels, whose exponent is `kernel(teacher, student)`; random features; variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lab.theory.formula import PredictionError

Pieces = Literal["constant", "linear", "shallow", "deep"]
"""The students that the table knows, by what they are made of."""
Evidence = Literal["theorem", "measured", "inferred"]
"""What an exponent of the table rests on."""

SIEGEL = "Siegel, arXiv 2307.15285"
SHALLOW = "Siegel & Xu, arXiv 2101.12365; Yang & Zhou 2024"
PIECES = "measured in the studies premises and ladder of this laboratory"
KINKS = "a cell of side h that a kink crosses errs by h²; no proof for networks"


@dataclass(frozen=True)
class Resolved:
    """An exponent of the table.

    formula: in the language of `formula.parse`, in d and s. value: at this d and s. evidence: what
    it rests on. source: whose result it is.
    """

    formula: str
    value: float
    evidence: Evidence
    source: str


def resolution(pieces: Pieces, *, d: float, s: float, one_sign: bool = False) -> Resolved:
    """The exponent of a pair.

    Args:
        pieces: what the student is made of.
        d: dimension of the target, above 0.
        s: its smoothness, at least ½; ∞ for smooth targets.
        one_sign: whether the target is a sum of infinitely many ReLU ridges of one sign.

    Raises PredictionError, one sentence, for a pair that is not in the table.
    """
    if not (d > 0 and s >= 0.5):
        raise PredictionError(
            f"a resolution exponent needs d > 0 and a smoothness of at least 1/2, got d = {d:g} "
            f"and s = {s:g}"
        )
    if one_sign:
        return _of_one_sign(pieces, d)
    match pieces:
        case "constant":
            return Resolved("2 * min(1, s) / d", 2 * min(1.0, s) / d, "measured", PIECES)
        case "linear":
            return Resolved("min(4, 2s)/d", min(4.0, 2 * s) / d, "measured", PIECES)
        case "shallow":
            value = min(2 * s, d + 3) / d
            if math.isinf(s):
                return Resolved("1 + 3/d", value, "theorem", SIEGEL)
            return Resolved("min(2s, d + 3)/d", value, "theorem", SHALLOW)
    return Resolved("min(4, 2s)/d", min(4.0, 2 * s) / d, "inferred", KINKS)


def _of_one_sign(pieces: Pieces, d: float) -> Resolved:
    match pieces:
        case "shallow":
            return Resolved("1 + 3/d", 1 + 3 / d, "theorem", SIEGEL)
        case "constant":
            return Resolved("2/d", 2 / d, "measured", PIECES)
        case "linear":
            return Resolved("3/d", 3 / d, "measured", PIECES)
    raise PredictionError(
        "no resolution exponent is known for deep students of ridges of one sign, only that it is "
        "at least (1 + 3/d)/2; predict that, or take a shallow student"
    )
