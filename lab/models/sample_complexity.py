"""Errors of learners in the number of labels, exact: rate classes, and labels that are chosen.

Rate classes, one learner for each: exponential, linear, slow.

Errors of realisable classification fall exponentially, as 1/n, or arbitrarily slowly, whatever the
best learner (Bousquet, Hanneke, Moran, van Handel & Yehudayoff, arXiv 2011.04483); empirical risk
minimisation has log(n)/n besides (Hanneke & Xu, arXiv 2412.02810). One example of each:

    Memoriser            ½ Σ_k p_k (1 − p_k)^n, random labels on points of mass p_k: exponential
                         with rate −log(1 − min p) on finitely many, n^−s/(1+s) on p_k ∝ k^−(1+s)
    GeometricThreshold   labels k ≤ k₀ of p_k ∝ q^k, + up to the largest + seen: exponential
    IntervalThreshold    threshold on [0, 1], midpoint of the gap: 1/(2(n + 2)), linear
    UnseenPoint          at most one point is +, the learner bets on one it has not seen: log(n)/n

All are exact expectations over n independent samples (UnseenPoint: over Poisson(n) many). An
exponential looks like a power law until n ≫ 1/p_min. No agnostic noise.

Active learning where its gain is exact.

Labels are asked for where those so far say that they count, and are all counted.

    Bisection          threshold on [0, 1]: 2^−(n+2) where passive points give 1/(2(n+2))
    SingularFunction   x^s on [0, 1] by piecewise-linear interpolation: mean square n^−min(2s+1, 4)
                       on equal intervals, n^−4 on halves of the worst interval (any s > 0)
    DyadicBoundary     ball in [0, 1]^d by the label of each cell's centre: n^−1/d on a grid,
                       n^−1/(d−1) where only cells beside a cell of the other label are halved

The second is non-linear approximation (DeVore, Acta Numerica 7, 51): an adaptive exponent depends
on the Besov, not the Sobolev smoothness of the target. The third is the rate of Castro & Nowak
(COLT 2007) for bounded noise, here without any; of selection by a margin it says nothing.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float, Int

from lab.models.numerics import Argument, Numbers, number, numbers, panels, total


@dataclass(frozen=True, eq=False)
class Memoriser:
    """A learner that repeats the labels it has seen and guesses the others (½ right).

    Attributes:
        support: p_k > 0 of finitely many points, in any scale; or
        decay: s > 0 of infinitely many, p_k ∝ k^−(1+s).
    """

    support: Argument | None = None
    decay: float | None = None

    def __post_init__(self) -> None:
        if (self.support is None) == (self.decay is None):
            raise ValueError("a memoriser needs a support or a decay; give one of the two")
        if self.decay is not None:
            number("decay", self.decay, "[0.02, inf)")
        elif numbers("support", self.support, "(0, inf)").ndim != 1:  # type: ignore[arg-type]
            raise ValueError("support is no column; give the masses p_k of the points")

    @property
    def rate_class(self) -> str:
        """ "exponential" on finitely many points, "slow" on infinitely many."""
        return "slow" if self.decay is not None else "exponential"

    @property
    def exponent(self) -> float:
        """s/(1 + s) of E ∝ n^−α on infinitely many points; ∞ on finitely many."""
        return math.inf if self.decay is None else self.decay / (1 + self.decay)

    @property
    def rate(self) -> float:
        """−log(1 − min p) of E ~ e^(−rate n), reached for n ≫ 1/min p; 0 on infinitely many."""
        return 0.0 if self.decay is not None else -math.log1p(-float(self._masses.min()))

    @property
    def limit(self) -> float:
        """0: every point is seen at last."""
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """½ Σ_k p_k (1 − p_k)^n after n ≥ 0 samples; an array gives an array."""
        many = numbers("n", n, "[0, inf)", whole=True)
        if self.decay is not None:
            return self._on_infinitely_many(many.ravel()).reshape(many.shape)[()]
        p = self._masses
        if p.size == 1:
            return np.where(many == 0, 0.5, 0.0)[()]
        return (np.exp(many[..., None] * np.log1p(-p)) @ p / 2)[()]

    @cached_property
    def _masses(self) -> np.ndarray:
        p = np.asarray(self.support, float)
        return p / p.sum()

    def _on_infinitely_many(self, n: np.ndarray) -> np.ndarray:
        """Terms until n p_k is small, the others by their expansion in n p_k and Hurwitz's zeta."""
        from scipy.special import zeta

        q = 1 + float(self.decay or 0)
        scale = 1 / zeta(q)
        last = np.ceil(np.maximum(64.0, (64 * scale * n) ** (1 / q)))

        def term(k: np.ndarray) -> np.ndarray:
            p = scale * k**-q
            return p * np.exp(n[:, None] * np.log1p(-p))

        found, choose = total(term, last), np.ones_like(n)
        for j in range(12):  # Σ_j C(n, j) (−1)^j Σ_{k>last} p_k^(j+1)
            found = found + choose * (-1) ** j * scale ** (j + 1) * zeta(q * (j + 1), last + 1)
            choose = choose * (n - j) / (j + 1)
        return found / 2


@dataclass(frozen=True)
class GeometricThreshold:
    """Thresholds on k = 1, 2, … of mass p_k = (1 − q) q^(k−1): + up to k₀, and the learner says +
    up to the largest + it has seen (an empirical risk minimiser).

    Attributes:
        last: k₀ ≥ 1, the last point labelled +.
        ratio: q in (0, 1).
    """

    last: int
    ratio: float = 0.5

    def __post_init__(self) -> None:
        numbers("last", number("last", self.last), "[1, inf)", whole=True)
        number("ratio", self.ratio, "(0, 1)")

    @property
    def rate_class(self) -> str:
        return "exponential"

    @property
    def rate(self) -> float:
        """−log(1 − p_{k₀}) of E ~ e^(−rate n), reached for n ≫ 1/p_{k₀} only."""
        return -math.log1p(-float(self._masses[-1]))

    @property
    def limit(self) -> float:
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """Σ_{k≤k₀} p_k (1 − Σ_{j=k}^{k₀} p_j)^n: k is wrong where none of k … k₀ was seen."""
        many = numbers("n", n, "[0, inf)", whole=True)
        p = self._masses
        unseen = np.log1p(-np.minimum(np.cumsum(p[::-1])[::-1], 1 - 1e-16))
        return (np.exp(many[..., None] * unseen) @ p)[()]

    @cached_property
    def _masses(self) -> np.ndarray:
        return (1 - self.ratio) * self.ratio ** np.arange(self.last)


@dataclass(frozen=True)
class IntervalThreshold:
    """A threshold c on [0, 1], uniform points, the middle of the gap around it as estimate.

    Attributes:
        threshold: c in [0, 1]; None for the mean over uniform c.
    """

    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None:
            number("threshold", self.threshold, "[0, 1]")

    @property
    def rate_class(self) -> str:
        return "linear"

    @property
    def exponent(self) -> float:
        """1, of E → 1/(2n)."""
        return 1.0

    @property
    def limit(self) -> float:
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """Mean of |estimate − c| after n ≥ 0 samples; the ends 0 and 1 count as seen.

        (1 − c^(n+1) − (1−c)^(n+1) + |1−2c|^(n+1))/(2(n+1)), and 1/(2(n+2)) over uniform c.
        """
        many = numbers("n", n, "[0, inf)", whole=True)
        if self.threshold is None:
            return (1 / (2 * (many + 2)))[()]
        c, m = self.threshold, many + 1
        return ((1 - c**m - (1 - c) ** m + abs(1 - 2 * c) ** m) / (2 * m))[()]


@dataclass(frozen=True)
class UnseenPoint:
    """Singletons: at most one point is +, here none; an unlucky empirical risk minimiser bets on
    the heaviest point that it has not seen. 2^i points have the mass 4^−i each, i = 1, 2, …

    The heaviest unseen point has a mass of about log(n)/n, so E ∝ log(n)/n up to a periodic factor
    in log n. Exact for Poisson(n) samples, which makes points independent.
    """

    @property
    def rate_class(self) -> str:
        return "log n/n"

    @property
    def limit(self) -> float:
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """Σ_i 4^−i P(block i is the first with an unseen point), n ≥ 0 the mean sample size."""
        many = numbers("n", n, "[0, inf)")
        i = np.arange(1, 40.0)
        with np.errstate(divide="ignore"):
            # log P(all 2^i points of a block are seen)
            seen = 2**i * np.log(-np.expm1(-many[..., None] * 4**-i))
        before = np.concatenate([np.zeros_like(seen[..., :1]), np.cumsum(seen, -1)[..., :-1]], -1)
        return (np.exp(before) * -np.expm1(seen) @ 4**-i)[()]


@dataclass(frozen=True)
class Bisection:
    """A threshold on [0, 1], uniform over thresholds; each label halves the interval it is in."""

    @property
    def rate(self) -> float:
        """log 2 of E = 2^−(n+2)."""
        return float(np.log(2))

    def error(self, n: Argument) -> Numbers:
        """Mean distance of the middle of the last interval from the threshold, n ≥ 0 labels."""
        return (0.25 * 0.5 ** numbers("n", n, "[0, inf)", whole=True))[()]


@dataclass(frozen=True)
class SingularFunction:
    """x^s on [0, 1], interpolated linearly between n + 1 points.

    Attributes:
        s: > 0 and not 1; x^s is singular at 0 below 3/2 in the mean square.
    """

    s: float

    def __post_init__(self) -> None:
        if number("s", self.s, "(0, inf)") == 1:
            raise ValueError("s = 1 is linear, and interpolation exact; choose another s > 0")

    @property
    def uniform_exponent(self) -> float:
        """min(2s + 1, 4), of equal intervals."""
        return min(2 * self.s + 1, 4.0)

    @property
    def adaptive_exponent(self) -> float:
        """4, whatever s."""
        return 4.0

    def uniform(self, n: Argument) -> Numbers:
        """Mean square error on n ≥ 1 equal intervals."""
        many = numbers("n", n, "[1, inf)", whole=True)
        found = [self._equal(int(one)) for one in many.ravel()]
        return np.array(found).reshape(many.shape)[()]

    def adaptive(self, n: Argument) -> Numbers:
        """Mean square error on n ≥ 1 intervals, each time the one of the largest error halved."""
        many = numbers("n", n, "[1, inf)", whole=True)
        if not many.size:
            return np.zeros(many.shape)
        curve = self._bisected(int(many.max()))
        return curve[many.astype(int) - 1][()]

    def _equal(self, n: int) -> float:
        left = np.arange(n) / n
        return float(sum(self._error(left[i : i + 4096], 1 / n).sum() for i in range(0, n, 4096)))

    def _bisected(self, n: int) -> Float[np.ndarray, " n"]:
        """Errors on 1 … n intervals."""
        whole = float(self._error(np.zeros(1), 1.0)[0])
        worst, errors = [(-whole, 0.0, 1.0)], [whole]
        while len(errors) < n:
            error, left, width = heapq.heappop(worst)
            half = width / 2
            parts = self._error(np.array([left, left + half]), half)
            for start, part in zip((left, left + half), parts, strict=True):
                heapq.heappush(worst, (-float(part), start, half))
            errors.append(errors[-1] + error + float(parts.sum()))
        errors[-1] = -sum(entry[0] for entry in worst)
        return np.array(errors)

    def _error(self, left: np.ndarray, width: float) -> np.ndarray:
        """∫ (x^s − chord)² over intervals of one width from each left end."""
        s, (x, weight) = self.s, panels(1)
        start = left[:, None] / width
        # relative to the width, so that no interval is too short
        chord = start**s * (1 - x) + (start + 1) ** s * x
        inside = ((start + x) ** s - chord) ** 2 @ weight
        first = 1 / (2 * s + 1) - 2 / (s + 2) + 1 / 3
        curved = (s * (s - 1) * (start[:, 0] + 0.5) ** (s - 2)) ** 2 / 120
        far = start[:, 0] > 1e4  # there the difference has no digits left, and the curvature all
        return width ** (2 * s + 1) * np.where(left == 0, first, np.where(far, curved, inside))


@dataclass(frozen=True)
class DyadicBoundary:
    """A ball in [0, 1]^d, whose label is asked for at the centres of dyadic cells.

    Attributes:
        d: dimension, 1 … 6.
        radius: of the ball around the centre of the cube, in (0, ½).
        first: 2^first cells a side at the start.
    """

    d: int
    radius: float = 0.35
    first: int = 3

    def __post_init__(self) -> None:
        numbers("d", number("d", self.d), "[1, 6]", whole=True)
        number("radius", self.radius, "(0, 0.5)")
        numbers("first", number("first", self.first), "[1, 10]", whole=True)

    @property
    def passive_exponent(self) -> float:
        """1/d, of labels on a grid or at random."""
        return 1 / self.d

    @property
    def active_exponent(self) -> float:
        """1/(d − 1); ∞ at d = 1, where the error falls exponentially."""
        return 1 / (self.d - 1) if self.d > 1 else np.inf

    def passive(self, level: int) -> tuple[int, float]:
        """Labels and error of the whole grid of 2^level cells a side."""
        cells = _grid(self.d, 2 ** int(number("level", level, "[0, 12]")))
        return len(cells), self._missed(cells, level)

    def active(
        self, rounds: int
    ) -> tuple[Int[np.ndarray, " rounds"], Float[np.ndarray, " rounds"]]:
        """Labels asked for so far and error, after each round; the first is the first grid.

        A cell whose label differs from that of one of its 3^d − 1 neighbours of its size is cut in
        2^d; the others keep their label.
        """
        numbers("rounds", number("rounds", rounds), "[1, 20]", whole=True)
        cells, labels, kept, curve = _grid(self.d, 2**self.first), 0, 0.0, []
        for level in range(self.first, self.first + rounds):
            labels += len(cells)
            curve.append((labels, kept + self._missed(cells, level)))
            mixed = self._mixed(cells, level)
            kept += self._missed(cells[~mixed], level)
            cells = (2 * cells[mixed][:, None] + _grid(self.d, 2)).reshape(-1, self.d)
        asked, errors = zip(*curve, strict=True)
        return np.array(asked), np.array(errors)

    def _inside(self, x: np.ndarray) -> np.ndarray:
        return ((x - 0.5) ** 2).sum(-1) < self.radius**2

    def _mixed(self, cells: np.ndarray, level: int) -> np.ndarray:
        """Mask of the cells that have a neighbour among these with another label."""
        side, label = 2**level + 2, self._inside((cells + 0.5) / 2**level)
        step = side ** np.arange(self.d)
        key = (cells + 1) @ step
        order = np.argsort(key)
        known, found = key[order], np.zeros(len(cells), bool)
        for offset in (_grid(self.d, 3) - 1) @ step:
            at = np.minimum(np.searchsorted(known, key + offset), len(known) - 1)
            found |= (known[at] == key + offset) & (label[order][at] != label)
        return found

    def _missed(self, cells: np.ndarray, level: int) -> float:
        """Volume where the label of a cell's centre is wrong, by points within each cell that the
        boundary may cross: 512 or fewer a cell, whose error averages out over cells."""
        size = 0.5**level
        centre = (cells + 0.5) * size
        away = np.abs(np.sqrt(((centre - 0.5) ** 2).sum(1)) - self.radius)
        crossed = centre[away < size * np.sqrt(self.d) / 2]
        a = max(2, int(512 ** (1 / self.d)))
        points = ((_grid(self.d, a) + 0.5) / a - 0.5) * size
        wrong = 0
        for i in range(0, len(crossed), 512):
            some = crossed[i : i + 512]
            label = self._inside(some)[:, None]
            wrong += int((self._inside(some[:, None] + points) != label).sum())
        return wrong * size**self.d / len(points)


@lru_cache(maxsize=16)
def _grid(d: int, side: int) -> Int[np.ndarray, "cells d"]:
    axes = np.meshgrid(*[np.arange(side)] * d, indexing="ij")
    return np.stack(axes, -1).reshape(-1, d)
