"""Straight lines in log-log, many scans at once: slopes, bends, forecasts, and how sure they are.

Everything here is a linear functional of the log losses of one teacher k,

    α_k = −Σ_i (u_i − ū) y_ki / Σ_i (u_i − ū)²,         u = log x, y = log L,

the exponent; the slope of a parabola through the same points at the largest x (`tail`), at the
smallest (`head`) or half a range beyond the largest (`beyond`); the error of a line through the
smaller x about the two largest (`forecast`); the slope between two neighbouring x. Missing cells
are NaN and drop out of the sums.

A mean over the K teachers of such a functional has three standard errors, one per kind of
repetition, each with Student's t at its own degrees of freedom:

    teacher-t   scatter of the functional between teachers: covers exponents that differ
    profile     scatter of the cells around their teacher's curve, shared by all teachers: is not
                short by luck where a few teachers happen to agree
    mean-curve  scatter of the teachers' mean curve: covers noise that all teachers have in common

Each covers .95 where its assumption holds; the longest, which is quoted, covers .92 to .99 in all
simulations of `benchmarks/coverage.py`, with noise common to teachers of half of their own.

What it does not do: floors (see `curves.py`), words and verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from lab.scaling.scans.intervals import student_quantile, tail_of_f

PAIR = 2
"""How many of the largest x a forecast is about."""
BEYOND = 0.5
"""Ranges of log x beyond the largest x at which `beyond` is taken. Of truths that bend inside the
range, parabolas evaluated at the largest x confirmed a bound at its edge in up to a quarter of the
scans, half a range further in one of a hundred."""
TINY = 1e-300


@dataclass(frozen=True)
class Functional:
    """A linear functional of each teacher's log losses and what its mean's errors need.

    value: of each teacher, NaN where it has too few points. weight: w with value = Σ w y. residual:
    of the curve that it belongs to, 0 where not measured; parameters: how many that curve has.
    """

    value: Float[np.ndarray, "scans teachers"]
    weight: Float[np.ndarray, "scans teachers points"]
    residual: Float[np.ndarray, "scans teachers points"]
    measured: Bool[np.ndarray, "scans teachers points"]
    parameters: int

    @property
    def mean(self) -> Float[np.ndarray, " scans"]:
        """The mean over the teachers that have a value."""
        has = np.isfinite(self.value)
        return np.where(has, self.value, 0).sum(1) / np.maximum(has.sum(1), 1) + np.where(
            has.any(1), 0, np.nan
        )

    def half_widths(self) -> dict[str, Float[np.ndarray, " scans"]]:
        """Half-widths of the three 95 % intervals of the mean; NaN without degrees of freedom."""
        has = np.isfinite(self.value)
        K = has.sum(1)
        off = np.where(has, self.value - self.mean[:, None], 0)
        weight = np.where(has[..., None], self.weight, 0) / np.maximum(K, 1)[:, None, None]
        r = np.where(has[..., None], self.residual, 0)
        cells = (self.measured & has[..., None]).sum((1, 2))
        at_x = (self.measured & has[..., None]).sum(1)
        points = (at_x > 0).sum(1)
        curve = r.sum(1) / np.maximum(at_x, 1)
        return {
            "teacher-t": _half(K - 1, (off**2).sum(1), 1 / np.maximum(K, 1)),
            "profile": _half(cells - self.parameters * K, (r**2).sum((1, 2)),
                             (weight**2).sum((1, 2))),
            "mean-curve": _half(points - self.parameters, (curve**2).sum(1),
                                (weight.sum(1) ** 2).sum(1)),
        }  # fmt: skip

    def half_width(self, *, common: bool = True) -> Float[np.ndarray, " scans"]:
        """The longest of them. common: whether `mean-curve` counts; one degree of freedom, of
        three or four x, says nothing."""
        halves = self.half_widths()
        points = self.measured.any(1).sum(1)
        if not common:
            del halves["mean-curve"]
        else:
            enough = points - self.parameters > 1
            halves["mean-curve"] = np.where(enough, halves["mean-curve"], np.nan)
        return np.fmax.reduce([*halves.values()])

    def less(self, other: Functional) -> Functional:
        """This functional minus another one, with this one's residuals."""
        return Functional(self.value - other.value, self.weight - other.weight, self.residual,
                          self.measured, self.parameters)  # fmt: skip


def _half(dof: np.ndarray, squares: np.ndarray, norm: np.ndarray) -> np.ndarray:
    error = np.sqrt(squares / np.maximum(dof, 1) * norm)
    return np.where(dof > 0, student_quantile(np.maximum(dof, 1)) * error, np.nan)


@dataclass(frozen=True)
class Lines:
    """The lines of all teachers: exponent and level at u = 0; slopes of their parabolas."""

    alpha: Functional
    level: Float[np.ndarray, "scans teachers"]
    head: Functional
    tail: Functional
    beyond: Functional
    u: Float[np.ndarray, " points"]

    @property
    def cost(self) -> Float[np.ndarray, " scans"]:
        """Sum of squared residuals over all teachers."""
        return (self.alpha.residual**2).sum((1, 2))

    @property
    def drift(self) -> Functional:
        """The slope at the largest x minus the exponent of the line."""
        return self.tail.less(self.alpha)


def lines(u: Float[np.ndarray, " points"], y: Float[np.ndarray, "scans teachers points"]) -> Lines:
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
    r = w * (y0 - mean_y + slope * du)
    # The parabola's own direction: u² made orthogonal to 1 and u over the cells of the teacher.
    square = w * (u - mean_u) ** 2
    skew = (square * du).sum(-1, keepdims=True) / np.maximum(Sxx, TINY)
    q = w * (square - square.sum(-1, keepdims=True) / n) - skew * du
    Sqq = (q**2).sum(-1, keepdims=True)
    bends = enough & (w.sum(-1) >= 3) & (Sqq[..., 0] > 1e-12 * Sxx[..., 0] ** 2)
    of_bend = q / np.where(bends[..., None], Sqq, 1)
    r_bent = r - np.where(bends, (of_bend * y0).sum(-1), 0)[..., None] * q

    def slope_at(place: float) -> Functional:
        rise = 2 * (place - mean_u) - skew  # dq/du
        weight = of_alpha - rise * of_bend
        return Functional(np.where(bends, (weight * y0).sum(-1), np.nan), weight, r_bent, has, 3)

    return Lines(
        Functional(alpha, of_alpha, r, has, 2),
        np.where(enough, (mean_y + slope * mean_u)[..., 0], np.nan),
        slope_at(u[0]), slope_at(u[-1]), slope_at(u[-1] + np.ptp(u) * BEYOND), u,
    )  # fmt: skip


def forecast(
    u: Float[np.ndarray, " points"], y: Float[np.ndarray, "scans teachers points"]
) -> tuple[Functional, Float[np.ndarray, " scans"]]:
    """The mean error in log loss of the smaller x's line about the two largest x, and the
    distance in u from the centre of the one to that of the other, by which it is an error of α;
    both over the teachers that have cells on either side."""
    used = np.isfinite(y).any(1)
    order = np.cumsum(used[:, ::-1], axis=1)[:, ::-1] * used
    ahead = (order >= 1) & (order <= PAIR)
    head = lines(u, np.where((used & ~ahead)[:, None], y, np.nan))
    has = np.isfinite(y) & ahead[:, None]
    n = np.maximum(has.sum(-1, keepdims=True), 1)
    share = has / n
    mean_u = (share * u).sum(-1, keepdims=True)
    in_head = head.alpha.measured
    centre = (in_head * u).sum(-1, keepdims=True) / np.maximum(in_head.sum(-1, keepdims=True), 1)
    away = mean_u - centre
    # error = mean of y ahead − (mean of y in the head − α (ū_ahead − ū_head))
    weight = (
        share - in_head / np.maximum(in_head.sum(-1, keepdims=True), 1) + (away * head.alpha.weight)
    )
    value = np.where(
        has.any(-1) & np.isfinite(head.alpha.value),
        (weight * np.where(np.isfinite(y), y, 0)).sum(-1),
        np.nan,
    )
    error = Functional(value, weight, head.alpha.residual, in_head, 2)
    known = np.isfinite(value)
    total = np.where(known, away[..., 0], 0).sum(1)
    return error, np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)


def local(
    u: Float[np.ndarray, " points"], y: Float[np.ndarray, "scans teachers points"]
) -> tuple[Float[np.ndarray, "scans pairs"], Float[np.ndarray, "scans pairs"]]:
    """Slopes between neighbouring x, means over teachers, and their 95 % half-widths: the longer
    of teacher-t and the scatter around the teachers' lines and their common shape."""
    value = -(y[..., 1:] - y[..., :-1]) / np.diff(u)
    has = np.isfinite(value)
    K = has.sum(1)
    mean = np.where(has, value, 0).sum(1) / np.where(K > 0, K, np.nan)
    off = np.where(has, value - mean[:, None], 0)
    t = _half(K - 1, (off**2).sum(1), 1 / np.maximum(K, 1))
    fit = lines(u, y).alpha
    at_x = np.maximum(fit.measured.sum(1), 1)
    own = fit.residual - (fit.residual.sum(1) / at_x)[:, None] * fit.measured
    several = fit.measured.any(-1).sum(1) > 1
    own = np.where(several[:, None, None], own, fit.residual)
    free = (
        fit.measured.sum((1, 2))
        - 2 * fit.measured.any(-1).sum(1)
        - np.where(several, fit.measured.any(1).sum(1) - 2, 0)
    )
    pooled = _half(
        free[:, None], (own**2).sum((1, 2))[:, None], 2 / np.diff(u) ** 2 / np.maximum(K, 1)
    )
    return mean, np.fmax(t, pooled)


def shape(
    u: Float[np.ndarray, " points"], y: Float[np.ndarray, "scans teachers points"]
) -> Float[np.ndarray, " scans"]:
    """p of `the teachers' residuals have no shape in common`.

    Under the alternative every teacher adds one curve g(u) to its own line. With M_k the projection
    on what is left of teacher k's cells after its line,

        F = gᵀb / df  /  ((Σ |M_k y_k|² − gᵀb)/(Σ dof_k − df)),   Σ M_k g = b = Σ M_k y_k,

    df the rank of Σ M_k, n − 2 where nothing is missing. NaN for a single teacher, or without
    degrees of freedom.
    """
    fit = lines(u, y).alpha
    r, has = fit.residual, fit.measured
    lively = (has.sum(-1) >= 3)[..., None]
    r, has = r * lively, has & lively
    teachers = has.any(-1).sum(1)
    b = r.sum(1)
    whole = (has == has.any(1, keepdims=True)).all((1, 2), where=lively)
    points = has.any(1).sum(1)
    gain = (b**2).sum(1) / np.maximum(teachers, 1)
    df = np.maximum(points - 2, 0)
    for i in np.flatnonzero(~whole):
        gain[i], df[i] = _common(u, b[i], has[i][has[i].any(-1)])
    free = has.sum((1, 2)) - 2 * teachers - df
    # Residuals of rounding size have no shape: exact data pass.
    rest = np.maximum((r**2).sum((1, 2)) - gain, 1e-20)
    F = gain / np.maximum(df, 1) * np.maximum(free, 1) / rest
    return np.where(teachers > 1, tail_of_f(F, df, free), np.nan)


def _common(
    u: Float[np.ndarray, " points"],
    b: Float[np.ndarray, " points"],
    has: Bool[np.ndarray, "teachers points"],
) -> tuple[float, int]:
    """gᵀb and the rank of Σ M_k, of cells with holes.

    Σ M_k = √D (1 − W Wᵀ) √D, D the teachers that have each x, and W two columns per teacher: so
    the singular values of W say all, and no matrix of all x by all x is needed.
    """
    at = has.any(0)
    count, u, c = has[:, at].sum(0), u[at], b[at] / np.sqrt(has[:, at].sum(0))
    columns = []
    for mask in has[:, at]:
        column = np.zeros((u.size, 2))
        column[mask] = np.linalg.qr(np.stack([np.ones(mask.sum()), u[mask]], 1))[0]
        columns.append(column / np.sqrt(count)[:, None])
    U, s, _ = np.linalg.svd(np.concatenate(columns, 1), full_matrices=False)
    rest = 1 - s**2
    gone = rest < 1e-9
    along = (U.T @ c) ** 2
    return float(c @ c + (along * np.where(gone, -1, s**2 / np.where(gone, 1, rest))).sum()), int(
        u.size - gone.sum()
    )
