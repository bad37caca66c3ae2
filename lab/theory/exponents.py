"""The exponents that theory knows: what each formula says, when it holds, and whose result it is.

Object: `KNOWN`, formulas in the language of `formula.py`, each with its conditions and its source.
`known("2p/d")` finds the entry of a prediction by what is written, however it is spaced.

What it does not do: check that a study meets the conditions; the same formula may stand for another
idea there. Formulas for the whole loss, not only its exponent, stand beside their students.
"""

from __future__ import annotations

from typing import NamedTuple

from lab.theory.formula import parse

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
    """Whether a formula is about smoother targets than one of smoothness s; None: nobody knows."""
    if s is None or s >= TWO_DERIVATIVES:
        return False
    return parse(text).canonical in {parse(formula).canonical for formula in SMOOTH}


def known(text: str | float) -> Known | None:
    """The entry of a formula; None where nobody is known to have derived it.

    Raises PredictionError for what is no formula.
    """
    asked = parse(text).canonical
    return next((entry for entry in KNOWN if parse(entry.formula).canonical == asked), None)
