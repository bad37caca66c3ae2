"""Selection of training points: rules that choose D labels among more candidates.

A rule gives an `order` of the candidates, and a training set of D is its first D (`subset`), so
that sets of several D are nested. Candidates are a `pool`, or 1/`keep` of them for each label.

    random       the order in which candidates were drawn; no selection
    farthest     the candidate farthest from those before it (Gonzalez 1985): points fill the space
    p-greedy     the candidate where the kernel interpolant of those before it is least sure, by its
                 power function (De Marchi, Schaback & Wendland 2005): of kernel students
    hard, easy   the largest, or smallest, error of a student of the labels so far, |f̂(x) − y|; or,
                 by the teacher, the smallest, or largest, margin |T(x)| (Sorscher et al., arXiv
                 2206.14486, of a perfect metric)
    uncertain    the largest disagreement of students that each miss some of the labels so far

The first two are functions of the points, whatever their targets. Rules that ask a student do so in
rounds: `first` random labels, then R rounds that grow the set by one ratio each,

    n_r = first · (until/first)^(r/R),

and a student is solved before each. Exact students are solved anew within every run. Networks are
trained by runs: the sizes of a scan are their rounds, a run leaves the candidates that its students
choose next (`lab.execution.runner`), and the `committee`, all seeds of one teacher, is asked
together. Within a round the next point has the largest

    gain(x) = score(x) · (δ(x)/δ₀(x))²

with δ the distance from the labels and this round's points, δ₀ that from the labels alone: a batch
is spread out. All of it is deterministic, so that a run that was killed selects the same points.

Losses are those of points that were not selected; D counts labels, not candidates. Reading errors
of candidates takes their labels ("hard", "easy"): these count as looked at, not as used. Does not
mix selected with random points, and takes no reweighting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from lab.canonical import Part, later

Rule = Literal["random", "farthest", "p-greedy", "hard", "easy", "uncertain"]
"""Rules that choose training points."""
INDEPENDENT = ("farthest", "p-greedy")
"""Rules that no student is asked for, and no label."""
ENOUGH = 20
"""Candidates for each label, below which the pool limits what selection can buy."""
FEWEST_ROUNDS = 3
LABEL = "label "
"""Begins the name of a detail of a run that is a candidate which its students chose, by the number
of the label that it becomes."""

Order = Int[np.ndarray, " _"]
"""Rows of the candidates in the order in which they are labelled."""
Ask = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Scores [left], not negative, of the rows that are left, by students of labelled rows."""


@dataclass(frozen=True)
class SelectionSpec(Part):
    """A resolved selection. `pool`: candidates, 0 where `keep` gives a fraction; `first`, `rounds`,
    `until`: of the rounds, 0 where no student is asked; `by`: who says what is hard or easy;
    `committee`: networks that are asked together, 0 of exact students."""

    rule: str
    pool: int = 0
    keep: float = 0.0
    first: int = 0
    rounds: int = 0
    until: int = 0
    by: str = "student"
    committee: int = later(0)

    __hash__ = Part.__hash__

    @property
    def asks(self) -> bool:
        """True if students are asked between rounds."""
        return self.rounds > 0

    @property
    def between_runs(self) -> bool:
        """True if rounds are runs of their own, as those of networks are."""
        return self.committee > 0

    def next(self, round_: int) -> int:
        """Labels of the round after this one, of the last round its own."""
        return self.schedule[min(round_ + 1, self.rounds)]

    @cached_property
    def schedule(self) -> tuple[int, ...]:
        """Labels after each round, the first random set in front."""
        ratio = self.until / self.first
        steps = (self.first * ratio ** (r / self.rounds) for r in range(self.rounds + 1))
        return tuple(round(n) for n in steps)

    def candidates(self, D: int) -> int:
        """Candidates that are looked at for D labels."""
        if self.pool:
            return self.pool
        labels = min((n for n in self.schedule if n >= D), default=D) if self.asks else D
        return math.ceil(labels / self.keep * (1 - 1e-12))

    def limited(self, D: int) -> bool:
        """True if there are too few candidates for D labels to show what selection can buy."""
        return self.candidates(D) < ENOUGH * D


def subset(order: Order, D: int) -> Order:
    """The training set of D: the first D rows of an order.

    Raises ValueError where the order has fewer.
    """
    if D > len(order):
        raise ValueError(f"{D} labels cannot be taken from an order of {len(order)} candidates; "
                         "take a smaller D or a larger pool")  # fmt: skip
    return order[:D]


def farthest(x: Float[np.ndarray, "n D_amb"], size: int) -> Order:
    """The first `size` of the order in which each point is the farthest from those before it; the
    first is row 0. Nested in `size`; size · n distances."""
    order = np.zeros(size, int)
    away = np.full(len(x), np.inf)
    for i in range(1, size):
        away = np.minimum(away, _squared(x, x[order[i - 1]]))
        order[i] = np.argmax(away)
    return order


def p_greedy(
    x: Float[np.ndarray, "n D_amb"],
    size: int,
    covariance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    diagonal: Float[np.ndarray, " n"],
) -> Order:
    """The first `size` of the order of the largest power function P² = k(x, x) − k K⁻¹ k.

    In the Newton basis v_j = (k(·, x_j) − Σ_{i<j} v_i(x_j) v_i)/P(x_j) it is k(x, x) − Σ v_j². A
    point whose P² is rounding error ends the search; the rest is by distance.
    """
    power, basis = diagonal.astype(float).copy(), np.zeros((size, len(x)))
    order = np.zeros(size, int)
    least = 1e-13 * float(diagonal.max())
    for j in range(size):
        at = int(np.argmax(power))
        if power[at] <= least:
            rest = spread(x, order[:j], np.setdiff1d(np.arange(len(x)), order[:j]), None, size - j)
            return np.concatenate([order[:j], rest])
        order[j] = at
        new = covariance(x, x[at : at + 1])[:, 0] - basis[:j, at] @ basis[:j]
        basis[j] = new / math.sqrt(power[at])
        power -= basis[j] ** 2
        power[order[: j + 1]] = 0.0
    return order


def pruned(margin: Float[np.ndarray, " n"], D: int, *, which: str) -> Order:
    """The D rows of the smallest ("hard") or largest ("easy") margin, best first."""
    order = np.argsort(margin if which == "hard" else -margin, kind="stable")
    return subset(order, D)


def grown(
    x: Float[np.ndarray, "n D_amb"], spec: SelectionSpec, size: int, ask: Ask
) -> tuple[Order, Order]:
    """The order of a rule that asks students, up to `size` labels, and the round of each label.

    The rounds do not depend on `size`: an order of more labels begins with that of fewer.
    """
    order, of = np.arange(spec.first), np.zeros(spec.first, int)
    for number, labels in enumerate(spec.schedule[1:], 1):
        batch = labels - len(order)
        if len(order) >= size or batch <= 0:
            continue
        left = np.setdiff1d(np.arange(min(spec.candidates(labels), len(x))), order)
        chosen = spread(x, order, left, ask(order, left), batch)
        order = np.concatenate([order, chosen])
        of = np.concatenate([of, np.full(len(chosen), number)])
    return order[:size], of[:size]


def scores(
    rule: str, answers: Float[np.ndarray, "students n out"], y: Float[np.ndarray, "n out"]
) -> Float[np.ndarray, " n"]:
    """Preference of a rule for each point, from the answers of the students that are asked."""
    if rule == "uncertain":
        return np.sqrt(np.var(answers, axis=0).sum(axis=1))
    error = np.abs(answers - y).max(axis=2).mean(axis=0)
    typical = 1e-3 * float(np.median(error)) + 1e-300
    return error if rule == "hard" else 1 / (error + typical)


def spread(
    x: Float[np.ndarray, "n D_amb"],
    labelled: Order,
    left: Order,
    score: Float[np.ndarray, " left"] | None,
    batch: int,
) -> Order:
    """The next `batch` rows among those that are left, by the gain of this file; those of score 0
    last and, as all where there is no score, by their distance alone."""
    wanted = left if score is None else left[score > 0]
    nearest = _nearest(x[wanted], x[labelled])
    weight = np.ones(len(left)) if score is None else score[score > 0] / nearest
    chosen = wanted[_apart(x[wanted], weight, nearest, batch)]
    if len(chosen) == min(batch, len(left)):
        return chosen
    # what has no score comes after all that has one
    rest = np.setdiff1d(left, chosen)
    nearest = _nearest(x[rest], x[np.concatenate([labelled, chosen])])
    more = _apart(x[rest], np.ones(len(rest)), nearest, batch - len(chosen))
    return np.concatenate([chosen, rest[more]])


def _nearest(x: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Squared distances from the nearest of some points."""
    from scipy.spatial import cKDTree

    return np.maximum(cKDTree(to).query(x)[0] ** 2, 1e-300)


def _apart(x: np.ndarray, weight: np.ndarray, away: np.ndarray, batch: int) -> Order:
    """The first of the largest weight · away each time, δ² to what there was and the taken ones."""
    chosen = np.empty(min(batch, len(x)), int)
    for i in range(len(chosen)):
        chosen[i] = best = int(np.argmax(weight * away))
        away = np.minimum(away, _squared(x, x[best]))
        away[best] = -1.0  # a copy of it may be taken, and it never again
    return chosen


def _squared(x: np.ndarray, to: np.ndarray) -> np.ndarray:
    step = x - to
    return np.einsum("ni,ni->n", step, step)
