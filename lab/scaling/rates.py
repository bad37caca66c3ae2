"""The class of a learning rate: does the error fall exponentially, as 1/n, as log(n)/n, or slower?

Errors of realisable classification fall in one of three ways for the best learner, exponentially,
as 1/n, or arbitrarily slowly (Bousquet, Hanneke, Moran, van Handel & Yehudayoff, arXiv 2011.04483),
and as log(n)/n besides for empirical risk minimisation (Hanneke & Xu, arXiv 2412.02810). So no
power above 1 is the law of large n, and what falls faster than 1/n there is exponential. Laws of
the mean error Ē(n) over draws, with n₀ ≥ 0 for the first few samples:

    exponential   log E = a − r n                      linear    log E = a − log(n + n₀)
    slow          log E = a − α log(n + n₀), α ≤ 1     log n/n   log E = a + log(log n/n), n + n₀

χ² is in units of the error of log Ē(n), with `MISFIT` of each value for what a law of large n
leaves out, and divided by the least χ² per degree of freedom where that is above 1: errors may
oscillate about their law. An exponential has to beat all powers on the largest n, within a factor
`LATE`, for it comes last; the other laws are compared on all n. The law of a free α has to be
`EXTRA` better than 1/n, three standard deviations. log n/n is weighed from a range of `WIDE` on,
for over less it is n^−.8.

Undecided: laws within `NEAR` of each other; 1/n where α might be below `ONE`; and, where the
smallest mass p that counts is known, what was measured at n < 3/p, for an exponential looks like a
power law there. How often labels are wrong is in tests/scaling/test_rates.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

EXPONENTIAL, LINEAR, LOGARITHMIC, SLOW = "exponential", "linear", "log n/n", "slow"
CLASSES = (EXPONENTIAL, LINEAR, LOGARITHMIC, SLOW)
NO_CLASS = "undecided"
FEWEST = 5
"""Values of n that a class needs, among the largest too."""
SEEN = 5
"""Draws with an error above 0 that an n needs."""
LATE = 12.0
MISFIT = 0.02
EXTRA = 9.0
NEAR = 4.0
ONE = 0.85
STEEP = 3.0
"""χ² of 1/n per degree of freedom above which errors do not follow it."""
WIDE = 1e5
MASSES = 3.0
"""n over 1/p from which an exponential is one."""
POWERS = np.linspace(0.02, 1.0, 99)
OFFSETS = np.concatenate([[0.0], np.geomspace(0.25, 64, 33)])


@dataclass(frozen=True)
class RateClass:
    """label: one of CLASSES, or undecided. misfit: χ² of every law that was fitted on all n, and of
    the exponential and the best power on the largest. exponent, interval: α of the law with a free
    one, at most 1, and where its χ² is within 4 of the least. rate: r of the exponential. n: how
    many values of n were fitted. why: what keeps it from being decided, a sentence."""

    label: str
    misfit: dict[str, float]
    exponent: float
    interval: tuple[float, float]
    rate: float
    n: int
    why: str = ""


def classify(
    n: Float[np.ndarray, " n"],
    errors: Float[np.ndarray, "draws n"],
    *,
    smallest_mass: float | None = None,
) -> RateClass:
    """The class of the errors of independent draws at every n.

    Args:
        n: ascending, > 1.
        errors: ≥ 0, a draw each row.
        smallest_mass: p of the rarest point that counts, where it is known.

    >>> n = np.geomspace(4, 4000, 12).round()
    >>> noise = np.random.default_rng(0).exponential(size=(400, 12))
    >>> classify(n, 0.5 / n * noise).label
    'linear'
    """
    used = (errors > 0).sum(0) >= SEEN
    n, errors = n[used], errors[:, used]
    late = n >= n.max(initial=0) / LATE
    if late.sum() < FEWEST:
        why = (
            f"{int(late.sum())} n within a factor {LATE:g} of the largest have an error in {SEEN} "
            f"draws or more, and a class needs {FEWEST}."
        )
        return RateClass(NO_CLASS, {}, math.nan, (math.nan, math.nan), math.nan, int(n.size), why)
    mean = errors.mean(0)
    logs = np.log(mean)
    weight = 1 / (errors.var(0, ddof=1) / len(errors) / mean**2 + MISFIT**2)
    steep, r = _straight(n[late], logs[late], weight[late])
    shallow = _powers(n[late], logs[late], weight[late]).min()
    surface = _powers(n, logs, weight)
    by_power = surface.min(0)
    best = int(by_power.argmin())
    scale = max(1.0, float(by_power[best]) / max(n.size - 3, 1))
    within = POWERS[by_power <= by_power[best] + 4 * scale]
    misfit = {
        LINEAR: float(surface[:, -1].min()), SLOW: float(by_power[best]),
        "exponential of the largest": steep, "power of the largest": float(shallow),
    }  # fmt: skip
    if n[-1] >= WIDE * n[0]:
        misfit[LOGARITHMIC] = _logarithmic(n, logs, weight)
    known = {name: misfit[name] / scale + EXTRA * (name == SLOW)
             for name in CLASSES if name in misfit}  # fmt: skip
    label = min(known, key=lambda name: known[name])
    if steep + NEAR * max(1.0, min(steep, shallow) / (late.sum() - 2)) < shallow and r > 0:
        label = EXPONENTIAL
    others = [value for name, value in known.items() if name not in (label, SLOW)]
    if label == SLOW:
        others += [known[LINEAR]]
    why = ""
    if smallest_mass is not None and n[-1] < MASSES / smallest_mass:
        why = f"n ends at {n[-1]:g}, before {MASSES:g}/p = {MASSES / smallest_mass:.3g}."
    elif label != EXPONENTIAL and min(others, default=math.inf) < known[label] + NEAR:
        why = "two laws are nearly as good; take more draws, or a wider range of n."
    elif label == LINEAR and misfit[LINEAR] > STEEP * (n.size - 2):
        why = "errors do not follow 1/n, and fall no slower; take more draws, or larger n."
    elif label == LINEAR and within[0] < ONE:
        why = f"α may be {within[0]:.2f}, below {ONE:g}; take more draws, or a wider range of n."
    return RateClass(
        NO_CLASS if why else label, misfit, float(POWERS[best]),
        (float(within[0]), float(within[-1])), r, int(n.size), why,
    )  # fmt: skip


def _straight(n: np.ndarray, logs: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """χ² and rate of the exponential."""
    z, y = n - n @ weight / weight.sum(), logs - logs @ weight / weight.sum()
    slope = (weight * z) @ y / ((weight * z) @ z)
    return float(weight @ (y - slope * z) ** 2), -float(slope)


def _powers(n: np.ndarray, logs: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """χ² [OFFSETS, POWERS] of powers of n + n₀."""
    u = np.log(n + OFFSETS[:, None])
    left = logs + POWERS[:, None] * u[:, None]
    left = left - (left @ weight / weight.sum())[..., None]
    return left**2 @ weight


def _logarithmic(n: np.ndarray, logs: np.ndarray, weight: np.ndarray) -> float:
    """χ² of log(n)/n."""
    moved = n + OFFSETS[:, None]
    left = logs - np.log(np.log(np.maximum(moved, 1.5)) / moved)
    left = left - (left @ weight / weight.sum())[:, None]
    return float((left**2 @ weight).min())
