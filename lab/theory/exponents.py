"""Exponents that theory knows: what each formula says, when it holds, and whose result it is.

Object: `KNOWN`, formulas in the language of `formula.py`, each with its conditions and its source.
`known("2p/d")` finds the entry of a prediction by what is written, however it is spaced.

What it does not do: check that a study meets the conditions; the same formula may stand for another
idea there. Formulas for the whole loss, not only its exponent, stand beside their students.

`resolution`: the exponent of a pair of target and student.

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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lab.theory.formula import PredictionError, parse

BAHRI = "Bahri et al., arXiv 2102.06701"
SHARMA = "Sharma & Kaplan, arXiv 2004.10802"
SPIGLER = "Spigler, Geiger & Wyart, arXiv 1905.10843"
BORDELON = "Bordelon, Atanasov & Pehlevan, arXiv 2402.01092"


class Known(NamedTuple):
    """An exponent of the literature.

    formula: in the language of `formula.parse`. says: what it is about. holds: its conditions.
    source: where it was found.
    """

    formula: str
    says: str
    holds: str
    source: str


KNOWN = (
    Known(
        "1/d",
        "the loss itself is Lipschitz in the distance to the nearest sample, D^(−1/d)",
        "a lower bound for any model that interpolates, with no assumption on the smoothness of "
        "the loss near its minimum",
        BAHRI,
    ),
    Known(
        "2/d",
        "pieces that are constant, as of the nearest neighbour, under the squared error",
        "resolution-limited; targets with one derivative",
        f"{SHARMA}; {BAHRI}",
    ),
    Known(
        "4/d",
        "pieces that are linear, as of a ReLU network or of interpolation on simplices, under a "
        "loss quadratic in the error: a piece of size s errs by s², and x pieces tile d dimensions "
        "at s ∝ x^(−1/d)",
        "resolution-limited; targets with two derivatives and generic curvature; for networks a "
        "lower bound, so that an exponent above it agrees",
        f"{SHARMA}; {BAHRI}",
    ),
    Known(
        "2p/d",
        "pieces that are linear, under the loss |y − ŷ|^p; pieces of order q give (q+1)p/d",
        "as for 4/d, which it is at p = 2",
        f"{SHARMA}; {BAHRI}",
    ),
    Known(
        "1 + 3/d",
        "shallow ReLU networks in the number of units, whose directions are free, before a target "
        "of ridges of one sign or a smooth one",
        "squared error, fewer units than the target; asymptotic from some 6, 16, 64 and 100 units "
        "on at d = 1 to 4",
        "Siegel, arXiv 2307.15285 (error n^(−1/2−3/(2d)), with a matching lower bound)",
    ),
    Known(
        "3/d",
        "students of pieces that are linear, before a target of smoothness 3/2: a wide ReLU "
        "network with random signs, below its own size",
        "squared error; shallow students in units, interpolation on simplices in D; for deeper "
        "networks it is inferred",
        "Siegel & Xu, arXiv 2101.12365 (shallow); the other students: kinks, inferred and measured",
    ),
    Known(
        "4/max(d)",
        "pieces that are linear, target a sum of functions, one per factor of a product manifold",
        "as for 4/d; the student finds the sum, and pays only for its largest factor, not for all "
        "dimensions together",
        SHARMA,
    ),
    Known(
        "1",
        "the excess over the limit of infinite data or infinite width, averaged over draws",
        "variance-limited: L(D) − L(∞) at D ≫ N, or L(w) − L(∞) at w ≫ 1 with D fixed; the limit "
        "exists and the loss is smooth at it",
        BAHRI,
    ),
    Known(
        "kernel(teacher, student)",
        "min(α_T − d, 2α_S)/d with α = d + θ: regression on a Gaussian field that was drawn with "
        "another kernel",
        "squared error, no ridge, points that are regular enough (uniform draws measured the "
        "same); not both kernels analytic",
        SPIGLER,
    ),
    Known(
        "3/(d-1)",
        "a wide random ReLU network without biases as teacher: a Gaussian field whose singularity "
        "in the angle is |θ|³ at any depth, on S^(d−1), for the radial direction is free",
        "inputs in R^d, d ≥ 2; it is kernel(3, θ_S) in d − 1 dimensions for every θ_S ≥ 1; a "
        "matched kernel student measured 3.05, 1.51, 1.03 for d = 2, 3, 4",
        f"an inference of ours from {SPIGLER}",
    ),
    Known(
        "alpha",
        "regression on P random features of spectrum λ_i = i^−(1+α_K), in P and in D alike",
        "isotropic weights of the target on those features, no noise, no ridge; the other of P and "
        "D is infinite",
        f"{BAHRI} (duality)",
    ),
    Known(
        "min(a-1, 2b)",
        "kernel and feature regression in D, λ_i ∝ i^−b, v_i² ∝ i^−a; in N while a − 1 ≤ b",
        "no noise, no ridge, a > 1 and b > 1",
        f"Simon et al., arXiv 2110.03922; {BORDELON} (its λ_k ∝ k^−b, (w*_k)² λ_k ∝ k^−a)",
    ),
    Known(
        "min(a-1, b)",
        "the best fit with N Gaussian random features on unlimited data, λ_i ∝ i^−b, v_i² ∝ i^−a",
        "no ridge, a > 1 and b > 1",
        "Simon et al., arXiv 2311.14646, at n → ∞; the limit loss F₀ of Paquette et al., arXiv "
        "2405.15074 (b = 2α, a = 2α + 2β)",
    ),
    Known(
        "(a-1)/b",
        "the model of min(a-1, 2b) in the time t of gradient flow",
        "as for min(a-1, 2b), D and N infinite",
        BORDELON,
    ),
)


SMOOTH = ("4/d", "2p/d", "4/max(d)")
"""Formulas about targets with two derivatives."""
TWO_DERIVATIVES = 2.0


def rough(text: str | float, s: float | None) -> bool:
    """True if a formula is about smoother targets than one of smoothness s; None: unknown."""
    if s is None or s >= TWO_DERIVATIVES:
        return False
    return parse(text).canonical in {parse(formula).canonical for formula in SMOOTH}


def known(text: str | float) -> Known | None:
    """The entry of a formula; None where no derivation is known.

    Raises PredictionError for what is no formula.
    """
    asked = parse(text).canonical
    return next((entry for entry in KNOWN if parse(entry.formula).canonical == asked), None)


Pieces = Literal["constant", "linear", "shallow", "deep"]
"""The students that the table knows, by what they are made of."""
Evidence = Literal["theorem", "measured", "inferred"]
"""Basis of an exponent of the table."""

EVIDENCE: Mapping[Evidence, str] = {
    "theorem": "a theorem",
    "measured": "measured, not proven",
    "inferred": "inferred, neither proven nor measured apart from this",
}
"""Words for what an exponent of the table rests on."""

SIEGEL = "Siegel, arXiv 2307.15285"
SHALLOW = "Siegel & Xu, arXiv 2101.12365; Yang & Zhou 2024"
PIECES = "measured in the studies premises and ladder of this laboratory"
ADAPTIVE = "DeVore 1998; Castro & Nowak 2007; pieces balanced between hyperplane and rest"
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

    def __str__(self) -> str:
        return f"{self.formula} = {self.value:.3g}, {self.rests}"

    @property
    def rests(self) -> str:
        """Basis of the exponent, in words."""
        return f"{EVIDENCE[self.evidence]} ({self.source})"


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


def selected(pieces: Pieces, *, d: float, s: float) -> Resolved:
    """The exponent of D where a target is rough on one hyperplane or boundary, and pieces are small
    there because students chose the points.

    Args:
        pieces: what the student is made of, `constant` or `linear`.
        d: dimension. s: smoothness of the target across the hyperplane: q + ½ of |u·x − c|^q, and ½
            of classes.

    With h the size of pieces at distance r from the hyperplane, the square error ∫ h⁴ r^(2q−4) dr
    of linear pieces at ∫ h^−d dr of them is least at h^(4+d) ∝ r^(4−2q): the exponent is 4/d as if
    nothing were singular, unless the pieces on the hyperplane alone, N of size N^(−1/(d−1)), carry
    2s/(d − 1). Without selection it is 2s/d. Derived here; DeVore, Acta Numerica 7 (1998), for
    nonlinear approximation; Castro & Nowak, COLT 2007, for boundaries.

    Raises PredictionError for other pieces, and in one dimension for classes.
    """
    order = {"constant": 2.0, "linear": 4.0}.get(pieces)
    if order is None:
        raise PredictionError(
            f"no exponent is known for {pieces} students that choose their points; predict a number"
        )
    if d == 1 and s <= 0.5:
        raise PredictionError(
            "a threshold in one dimension is found exponentially fast by students that choose "
            "their points, and has no exponent; take d ≥ 2"
        )
    edge = math.inf if d == 1 else 2 * s / (d - 1)
    if s <= 0.5:  # nothing else is left to learn of classes
        return Resolved("1/(d-1)", edge, "inferred", ADAPTIVE)
    text = f"{order:g}/d" if edge >= order / d else "2s/(d-1)"
    return Resolved(text, min(order / d, edge), "inferred", ADAPTIVE)


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
