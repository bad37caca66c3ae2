"""Straight lines in log-log, many scans at once: slopes, how they change, and how sure they are.

Everything here is a linear functional of the log losses of one teacher k,

    α_k = −Σ_i (u_i − ū) y_ki / Σ_i (u_i − ū)²,         u = log x, y = log L,

the exponent over the measured range, a number that every curve has; by how much the slope of the
least-squares parabola changes from the smallest to the largest x (`change`); how far the loss at
the smallest x lies off the line through the others (`first`); the error of a line through the
smaller x about the two largest (`forecast`). Missing cells are NaN and drop out of the sums.

The variance of a mean over K teachers has two parts,

    s²/K + τ² Σ_i w_i²,

the scatter of the functional between teachers, and what all teachers have in common at each x. τ²
is seen as scatter of the mean curve about a polynomial in u, of degree 2 up to 8 x, 3 up to 10 and
4 beyond, so that a smooth bend is no noise:

    τ² = max(0, COMMON · M − v/K),

M the mean square of the mean curve about the polynomial, v the variance of the teachers' residuals
about what they have in common. Student's t at Satterthwaite's degrees of freedom (1946). COMMON is
above 1 because M, with 3 to 5 degrees of freedom, is often small by luck: with 1 the intervals
under common noise hold the truth in .91 to .94 of the scans, with 1.4 in .94 to .96, for a tenth of
length. Measured: `results/coverage`.

Known bias: a kink that a polynomial cannot follow counts as common noise, so that the interval is
too long, never too short.

Of independent teachers alone, each with its own amplitude and floor, the interval is

    teacher-t    α ± t_{K−1} s/√K,  α = mean of α_k, s their standard deviation. Quoted.
    percentile,  cluster bootstrap over teachers: the K values are resampled. Too short for few
    basic        teachers (a factor √((K−1)/K) and normal tails): for comparison.

Sources: Student 1908; Efron 1979. Coverage: `benchmarks/coverage.py`. Nothing chooses between
intervals after seeing them.

What it does not do: floors (see `curves.py`), words and verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scipy import special

LEVEL = 0.95


def student_quantile(dof: float | int | np.ndarray, level: float = LEVEL) -> np.ndarray | float:
    """The two-sided quantile t with P(|T| ≤ t) = level."""
    return special.stdtrit(dof, 0.5 + level / 2)


def tail_of_f(f: np.ndarray, above: np.ndarray | int, below: np.ndarray | int) -> np.ndarray:
    """P(F > f) of the F distribution; NaN without degrees of freedom."""
    f, above, below = np.broadcast_arrays(f, np.asarray(above, float), np.asarray(below, float))
    p = special.fdtrc(np.maximum(above, 1), np.maximum(below, 1), np.maximum(f, 0))
    return np.where((above > 0) & (below > 0), p, np.nan)


def teacher_t(alpha: Float[np.ndarray, "scans teachers"]) -> tuple[np.ndarray, np.ndarray]:
    """Student's interval of the mean over teachers (last axis). NaN for a single teacher."""
    teachers = alpha.shape[-1]
    if teachers < 2:
        gap = np.full(alpha.shape[:-1], np.nan)
        return gap, gap.copy()
    half = student_quantile(teachers - 1) * alpha.std(-1, ddof=1) / np.sqrt(teachers)
    return alpha.mean(-1) - half, alpha.mean(-1) + half


def resamples(teachers: int, replicates: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts of each teacher in cluster-bootstrap resamples, and the weight of each resample.

    Every distinct resample with its exact probability where there are at most `replicates` of
    them (35 for 4 teachers, 126 for 5), else `replicates` random ones.
    Returns counts, shape [resamples, teachers], and weights that sum to 1, shape [resamples].
    """
    if comb(2 * teachers - 1, teachers) > replicates:
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(teachers, np.full(teachers, 1 / teachers), replicates)
        return counts, np.full(replicates, 1 / replicates)
    draws = np.array(list(combinations_with_replacement(range(teachers), teachers)))
    counts = (draws[:, :, None] == np.arange(teachers)).sum(1)
    log_weight = special.gammaln(teachers + 1) - special.gammaln(counts + 1).sum(1)
    return counts, np.exp(log_weight - teachers * np.log(teachers))


def bootstrap(
    alpha: Float[np.ndarray, "scans teachers"], *, replicates: int, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Percentile and basic intervals of the mean over teachers, by resampling teachers."""
    counts, weight = resamples(alpha.shape[-1], replicates, seed)
    mean = alpha @ counts.T / alpha.shape[-1]
    order = np.argsort(mean, axis=-1)
    mass = np.cumsum(weight[order], axis=-1)
    ends = []
    for p in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        at = np.minimum((mass < p - 1e-12).sum(-1), weight.size - 1)
        ordered = np.take_along_axis(mean, order, -1)
        ends.append(np.take_along_axis(ordered, at[..., None], -1)[..., 0])
    centre = alpha.mean(-1)
    return {"percentile": (ends[0], ends[1]), "basic": (2 * centre - ends[1], 2 * centre - ends[0])}


# ---- slopes of straight lines ----

PAIR = 2
"""Number of the largest x that a forecast is about."""
COMMON = 1.4
"""By what the scatter of the mean curve is made larger before it counts as noise in common."""
TINY = 1e-300

PerScan = Shaped[np.ndarray, " scans"]
CellArray = Float[np.ndarray, "scans teachers points"]


class LineScatter(NamedTuple):
    """Scatter of log losses about the teachers' lines, one entry per scan.

    inner, inner_dof: variance of single cells about what the teachers have in common. curve,
    curve_dof: mean square of the mean curve about a polynomial. share: mean of 1/teachers over x.
    """

    inner: PerScan
    inner_dof: PerScan
    curve: PerScan
    curve_dof: PerScan
    share: PerScan

    @property
    def common(self) -> PerScan:
        """τ², the variance that all teachers share at each x."""
        excess = COMMON * self.curve - np.where(self.inner_dof > 0, self.inner, 0) * self.share
        return np.where(self.curve_dof > 0, np.maximum(excess, 0), 0)

    @property
    def p(self) -> PerScan:
        """p of `teachers have no noise in common`; NaN without degrees of freedom."""
        F = self.curve / np.maximum(self.inner * self.share, TINY)
        return tail_of_f(F, self.curve_dof, self.inner_dof)


@dataclass(frozen=True)
class Functional:
    """A linear functional of each teacher's log losses, and the scatter that its mean's error
    needs.

    value: of each teacher, NaN where it has too few points. weight: w with value = Σ w y.
    """

    value: Float[np.ndarray, "scans teachers"]
    weight: CellArray
    scatter: LineScatter

    @property
    def teachers(self) -> PerScan:
        """Number of teachers that have a value."""
        return np.isfinite(self.value).sum(1)

    @property
    def mean(self) -> PerScan:
        """The mean over the teachers that have a value."""
        has = np.isfinite(self.value)
        return np.where(has, self.value, 0).sum(1) / np.maximum(has.sum(1), 1) + np.where(
            has.any(1), 0, np.nan
        )

    @property
    def between(self) -> PerScan:
        """s²/K, the variance of the mean by the scatter between teachers."""
        has, K = np.isfinite(self.value), self.teachers
        off = np.where(has, self.value - self.mean[:, None], 0)
        return (off**2).sum(1) / np.maximum(K - 1, 1) / np.maximum(K, 1)

    @property
    def norm(self) -> PerScan:
        """Σ_i w_i² of the mean over teachers."""
        has = np.isfinite(self.value)[..., None]
        return (self._weights(has).sum(1) ** 2).sum(1)

    def _weights(self, has: np.ndarray) -> CellArray:
        return np.where(has, self.weight, 0) / np.maximum(has.sum(1, keepdims=True), 1)

    def error(self) -> tuple[PerScan, PerScan]:
        """Standard error of the mean and its degrees of freedom; of one teacher by the scatter of
        its own curve. NaN without any."""
        K, s = self.teachers, self.scatter
        own = self.between
        shared = self.norm * np.where(K > 1, s.common, s.curve)
        total = np.where(K > 1, own, 0) + shared
        parts = np.where(K > 1, own**2 / np.maximum(K - 1, 1), 0) + (
            shared**2 / np.maximum(s.curve_dof, 1)
        )
        dof = np.where(K > 1, K - 1, s.curve_dof).astype(float)
        dof = np.where(parts > TINY, total**2 / np.maximum(parts, TINY), dof)
        return np.where(dof > 0, np.sqrt(total), np.nan), np.maximum(dof, 1)

    def half(self, level: float = LEVEL) -> PerScan:
        """Half-width of the interval of the mean at this level."""
        error, dof = self.error()
        return student_quantile(dof, level) * error

    def halves(self) -> dict[str, PerScan]:
        """Half-widths of the 95 % intervals: `teacher-t`, of the scatter between teachers alone,
        and `common`, with the noise that they share; NaN without degrees of freedom."""
        alone = student_quantile(np.maximum(self.teachers - 1, 1)) * np.sqrt(self.between)
        return {"teacher-t": np.where(self.teachers > 1, alone, np.nan), "common": self.half()}

    def half_by_cells(self, others: LineScatter, level: float = LEVEL) -> PerScan:
        """Half-width by the scatter of single cells about what the teachers have in common, and by
        the noise in common that `others` show."""
        s = self.scatter
        cells = s.inner * (self._weights(np.isfinite(self.value)[..., None]) ** 2).sum((1, 2))
        shared = np.maximum(others.curve - s.inner * others.share, 0)
        common = self.norm * np.where(others.curve_dof > 0, shared, 0)
        total = cells + common
        parts = cells**2 / np.maximum(s.inner_dof, 1) + common**2 / np.maximum(others.curve_dof, 1)
        dof = np.where(parts > TINY, total**2 / np.maximum(parts, TINY), s.inner_dof)
        half = student_quantile(np.maximum(dof, 1), level) * np.sqrt(total)
        return np.where(s.inner_dof > 0, half, np.nan)

    def half_of_part(self, part: Functional, level: float = LEVEL) -> PerScan:
        """Half-width of the interval of `part`, the same slope from fewer of the cells.

        The least-squares slope α is independent of its difference to one of fewer cells (Gauss and
        Markov), so that Var α′ = Var α + Var(α′ − α). The teachers' own exponents, which both have,
        drop out of the difference: it scatters as single cells do, of which there are more than
        teachers, and as noise in common."""
        error, dof = self.error()
        K, s = self.teachers, self.scatter
        more = part._weights(np.isfinite(part.value)[..., None])
        more = more - self._weights(np.isfinite(self.value)[..., None])
        cells = s.inner * (more**2).sum((1, 2))
        common = np.where(K > 1, s.common, s.curve) * (more.sum(1) ** 2).sum(1)
        total = error**2 + cells + common
        parts = error**4 / dof + cells**2 / np.maximum(s.inner_dof, 1)
        parts = parts + common**2 / np.maximum(s.curve_dof, 1)
        free = np.where(parts > TINY, total**2 / np.maximum(parts, TINY), dof)
        return student_quantile(np.maximum(free, 1), level) * np.sqrt(total)


@dataclass(frozen=True)
class Lines:
    """The lines of all teachers: exponent and level at u = 0, the change of the parabola's slope
    from the smallest to the largest x, the residuals, 0 where not measured, and what was."""

    alpha: Functional
    change: Functional
    level: Float[np.ndarray, "scans teachers"]
    residual: CellArray
    measured: Bool[np.ndarray, "scans teachers points"]

    @property
    def cost(self) -> PerScan:
        """Sum of squared residuals over all teachers."""
        return (self.residual**2).sum((1, 2))


def degree(points: int) -> int:
    """Degree of the polynomial that a smooth mean curve follows over so many x."""
    return 2 if points <= 8 else 3 if points <= 10 else 4


def lines(u: Float[np.ndarray, " points"], y: CellArray) -> Lines:
    """Fit a line and a parabola to each teacher's cells; NaN marks cells without a loss."""
    has = np.isfinite(y)
    w = has.astype(float)
    y0 = np.where(has, y, 0)
    n = np.maximum(w.sum(-1, keepdims=True), 1)
    mean_u, mean_y = (w * u).sum(-1, keepdims=True) / n, y0.sum(-1, keepdims=True) / n
    du = w * (u - mean_u)
    Sxx = (du**2).sum(-1, keepdims=True)
    enough = (w.sum(-1) >= 2) & (Sxx[..., 0] > TINY)
    of_alpha = -du / np.maximum(Sxx, TINY)
    alpha = np.where(enough, (of_alpha * y0).sum(-1), np.nan)
    slope = np.where(enough, alpha, 0)[..., None]
    r = w * (y0 - mean_y + slope * du) * enough[..., None]
    # The parabola's own direction: u² made orthogonal to 1 and u over the cells of the teacher.
    square = w * (u - mean_u) ** 2
    skew = (square * du).sum(-1, keepdims=True) / np.maximum(Sxx, TINY)
    q = w * (square - square.sum(-1, keepdims=True) / n) - skew * du
    Sqq = (q**2).sum(-1, keepdims=True)
    bends = enough & (w.sum(-1) >= 3) & (Sqq[..., 0] > 1e-12 * Sxx[..., 0] ** 2)
    used = has.any(1)
    reach = np.where(used, u, -np.inf).max(1) - np.where(used, u, np.inf).min(1)
    of_change = -2 * reach[:, None, None] * q / np.where(bends[..., None], Sqq, 1)
    change = np.where(bends, (of_change * y0).sum(-1), np.nan)
    scatter = _scatter(u, r, has & enough[..., None])
    return Lines(
        Functional(alpha, of_alpha, scatter), Functional(change, of_change, scatter),
        np.where(enough, (mean_y + slope * mean_u)[..., 0], np.nan), r, has,
    )  # fmt: skip


def _scatter(
    u: Float[np.ndarray, " points"], r: CellArray, has: Bool[np.ndarray, "scans teachers points"]
) -> LineScatter:
    at = has.sum(1)
    teachers, points = has.any(2).sum(1), (at > 0).sum(1)
    mean = r.sum(1) / np.maximum(at, 1)
    inner_dof = has.sum((1, 2)) - 2 * teachers - (points - 2)
    inner_dof = np.where(teachers > 1, np.maximum(inner_dof, 0), 0)
    inner = (np.where(has, r - mean[:, None], 0) ** 2).sum((1, 2)) / np.maximum(inner_dof, 1)
    rest, free = np.zeros(len(r)), np.zeros(len(r))
    patterns, which = np.unique(at > 0, axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):  # one, where no x is missing
        mine, v = which.ravel() == i, u[pattern]
        p = degree(v.size)
        if v.size - p - 1 < 1:
            continue
        basis = np.linalg.qr(np.vander((v - v.mean()) / np.ptp(v), p + 1))[0]
        m = mean[mine][:, pattern]
        rest[mine] = ((m - (m @ basis) @ basis.T) ** 2).sum(1)
        free[mine] = v.size - p - 1
    share = np.where(at > 0, 1 / np.maximum(at, 1), 0).sum(1) / np.maximum(points, 1)
    return LineScatter(inner, inner_dof, rest / np.maximum(free, 1), free, share)


def without_first(y: CellArray) -> CellArray:
    """The losses without the smallest x of each scan."""
    used = np.isfinite(y).any(1)
    first = (np.cumsum(used, 1) == 1) & used
    return np.where(first[:, None], np.nan, y)


def first(u: Float[np.ndarray, " points"], y: CellArray) -> Functional:
    """Distance of the log loss at the smallest x off the line through the others, of the teachers
    that have both."""
    used = np.isfinite(y).any(1)
    at = ((np.cumsum(used, 1) == 1) & used)[:, None]
    whole = lines(u, y)
    return _off(u, y, lines(u, np.where(at, np.nan, y)), at, whole.alpha.scatter)[0]


def forecast(u: Float[np.ndarray, " points"], y: CellArray) -> tuple[Functional, PerScan]:
    """The mean error in log loss of the smaller x's line about the two largest x, and the
    distance in u from the centre of the one to that of the other, by which it is an error of α;
    both over the teachers that have cells on either side."""
    used = np.isfinite(y).any(1)
    order = np.cumsum(used[:, ::-1], axis=1)[:, ::-1] * used
    ahead = ((order >= 1) & (order <= PAIR))[:, None]
    head = lines(u, np.where(used[:, None] & ~ahead, y, np.nan))
    return _off(u, y, head, ahead, head.alpha.scatter)


def _off(
    u: Float[np.ndarray, " points"], y: CellArray, fit: Lines, at: np.ndarray, scatter: LineScatter
) -> tuple[Functional, PerScan]:
    """The mean deviation of the cells at these x from a line through others, and its distance."""
    has = np.isfinite(y) & at
    share = has / np.maximum(has.sum(-1, keepdims=True), 1)
    count = np.maximum(fit.measured.sum(-1, keepdims=True), 1)
    away = (share * u).sum(-1, keepdims=True) - (fit.measured * u).sum(-1, keepdims=True) / count
    # deviation = mean of y there − (mean of y fitted − α · distance)
    weight = share - fit.measured / count + away * fit.alpha.weight
    value = np.where(
        has.any(-1) & np.isfinite(fit.alpha.value),
        (weight * np.where(np.isfinite(y), y, 0)).sum(-1),
        np.nan,
    )
    known = np.isfinite(value)
    total = np.where(known, away[..., 0], 0).sum(1)
    distance = np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)
    return Functional(value, weight, scatter), distance


def local(
    u: Float[np.ndarray, " points"], y: CellArray
) -> tuple[Float[np.ndarray, "scans pairs"], Float[np.ndarray, "scans pairs"]]:
    """Slopes between neighbouring x, means over teachers, and their 95 % half-widths: the longer
    of Student's t over teachers and the scatter about what the teachers have in common."""
    value = -(y[..., 1:] - y[..., :-1]) / np.diff(u)
    has = np.isfinite(value)
    K = has.sum(1)
    mean = np.where(has, value, 0).sum(1) / np.where(K > 0, K, np.nan)
    off = np.where(has, value - mean[:, None], 0)
    t = _half(K - 1, (off**2).sum(1) / np.maximum(K - 1, 1) / np.maximum(K, 1))
    s = lines(u, y).alpha.scatter
    several = s.inner_dof > 0
    variance, dof = np.where(several, s.inner, s.curve), np.where(several, s.inner_dof, s.curve_dof)
    pooled = _half(dof[:, None], variance[:, None] * 2 / np.diff(u) ** 2 / np.maximum(K, 1))
    return mean, np.fmax(t, pooled)


def _half(dof: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return np.where(dof > 0, student_quantile(np.maximum(dof, 1)) * np.sqrt(variance), np.nan)
