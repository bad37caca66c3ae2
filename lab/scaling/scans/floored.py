"""Scans whose law has a floor that is not known: every teacher with its own, signed.

Exponents are those of the teachers' own curves (`curves.py`). Where the curve of a teacher stops at
the edge of its box, its own exponent means nothing, and the more teachers the more often one does;
then the teachers' values are the pseudo-values of the delete-one jackknife of the exponent common
to all of them, K α_c − (K − 1) α_c,−k, which exist whatever a single curve does. In simulation both
cover alike, and the pseudo-values are usable as often with 20 teachers as with 4. Sources:
Quenouille 1956, Tukey 1958; profile: Bates & Watts 1988.

What it does not do: tell a floor from a bend. No fit can; a bend of a law with a floor is never
tested, and stays a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float

from lab.scaling.scans.curves import Curves, fit_curves
from lab.scaling.scans.intervals import student_quantile, tail_of_f, teacher_t
from lab.scaling.scans.lines import PAIR, lines
from lab.scaling.scans.profile import common_exponent


@dataclass(frozen=True)
class Floored:
    """Fits with a floor: as in `Estimates`, and curves: of all teachers, scan by scan. at_bound:
    whether a teacher's own curve stopped at the edge of its box. share: the floor's share of the
    fitted loss, median over teachers."""

    alpha: Float[np.ndarray, " scans"]
    lower: Float[np.ndarray, " scans"]
    upper: Float[np.ndarray, " scans"]
    halves: dict[str, Float[np.ndarray, " scans"]]
    teacher_alpha: Float[np.ndarray, "scans teachers"]
    at_bound: Bool[np.ndarray, "scans teachers"]
    curves: Curves
    share: Float[np.ndarray, "scans points"]
    tests: dict[str, Float[np.ndarray, " scans"]]


def fit(
    log_x: Float[np.ndarray, " points"], log_loss: Float[np.ndarray, "scans teachers points"]
) -> Floored:
    """Fit every teacher of every scan; each needs three measured x."""
    scans, teachers, points = log_loss.shape
    flat = log_loss.reshape(-1, points)
    curves = fit_curves(log_x, flat)
    common = common_exponent(log_x, log_loss, curves)
    own = curves.alpha.reshape(scans, teachers).copy()
    at_bound = curves.at_bound.reshape(scans, teachers)
    for i in np.flatnonzero(at_bound.any(1) & (teachers > 2)).tolist():
        own[i] = _pseudo_values(log_x, log_loss[i], curves, i, float(common.alpha[i]))
    alpha = own.mean(1)
    profile = common.profile
    lower, upper = teacher_t(own) if teachers > 1 else profile
    halves = {"profile": (profile[1] - profile[0]) / 2}
    if teachers > 1:
        halves = {"teacher-t": (upper - lower) / 2, **halves}
        longer = profile[1] - profile[0] > upper - lower
        lower = np.where(longer, profile[0] + alpha - common.alpha, lower)
        upper = np.where(longer, profile[1] + alpha - common.alpha, upper)
    cost = curves.cost.reshape(scans, teachers).sum(1)
    dof = np.isfinite(log_loss).sum((1, 2)) - 3 * teachers
    noise = (cost + 1e-26) / np.maximum(dof, 1)
    apart = (common.cost - cost) / max(teachers - 1, 1)
    straight = lines(log_x, log_loss).cost
    _, inner = curves.inner(log_x)
    share = ((1 - curves.share)[:, None] / inner).reshape(scans, teachers, points)
    tests = {
        "law": shape(log_x, log_loss),
        "floor": tail_of_f((straight - cost) / teachers / noise, teachers, dof),
        "teachers": tail_of_f(apart / noise, teachers - 1, dof),
    }
    share = np.median(share, 1)
    return Floored(alpha, lower, upper, halves, own, at_bound, curves, share, tests)


def _pseudo_values(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "teachers points"],
    curves: Curves,
    scan: int,
    together: float,
) -> Float[np.ndarray, " teachers"]:
    teachers = len(log_loss)
    mine = slice(scan * teachers, (scan + 1) * teachers)
    left = []
    for k in range(teachers):
        keep = np.arange(teachers) != k
        rest = Curves(*(getattr(curves, f.name)[mine][keep] for f in fields(Curves)))
        left.append(common_exponent(log_x, log_loss[None, keep], rest).alpha[0])
    return teachers * together - (teachers - 1) * np.array(left)


def shape(
    log_x: Float[np.ndarray, " points"], log_loss: Float[np.ndarray, "scans teachers points"]
) -> Float[np.ndarray, " scans"]:
    """p of `the teachers' residuals about their curves have no shape in common`; with holes, over
    the teachers that have every x of their scan."""
    scans, teachers, points = log_loss.shape
    r = fit_curves(log_x, log_loss.reshape(-1, points)).residual.reshape(scans, teachers, points)
    has = np.isfinite(log_loss)
    whole = (has == has.any(1, keepdims=True)).all(2)
    r = np.where(whole[..., None], r, 0)
    K, free = whole.sum(1), has.any(1).sum(1) - 3
    mean = r.sum(1) / np.maximum(K, 1)[:, None]
    inside = np.where(whole[..., None], (r - mean[:, None]) ** 2, 0).sum((1, 2))
    F = K * (mean**2).sum(1) * np.maximum(K - 1, 1) / np.maximum(inside, 1e-20)
    return tail_of_f(F, free, (K - 1) * free)


def forecast(
    log_x: Float[np.ndarray, " points"],
    log_loss: Float[np.ndarray, "scans teachers points"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `lines.forecast`: mean error in log loss, its half-width (Student's t over teachers), and
    the distance in log x; NaN with fewer than six x."""
    scans, teachers, points = log_loss.shape
    nothing = np.full(scans, np.nan)
    if points < 4 + PAIR or teachers < 2:
        return nothing, nothing.copy(), nothing.copy()
    head = np.where(np.arange(points) < points - PAIR, log_loss, np.nan)
    known = (np.isfinite(head).sum(2) >= 3) & np.isfinite(log_loss[..., -PAIR:]).any(2)
    curves = fit_curves(log_x, np.where(known[..., None], head, 0.0).reshape(-1, points))
    _, inner = curves.inner(log_x[-PAIR:])
    ahead = curves.level[:, None] + np.log(np.where(inner > 0, inner, np.nan))
    apart = log_loss[..., -PAIR:] - ahead.reshape(scans, teachers, PAIR)
    seen = np.isfinite(apart)
    known &= seen.any(2)
    off = np.where(seen, apart, 0.0).sum(2) / np.maximum(seen.sum(2), 1)
    off = np.where(known, off, np.nan)
    K = np.isfinite(off).sum(1)
    mean = np.nansum(off, 1) / np.maximum(K, 1)
    scatter = np.sqrt(np.nansum((off - mean[:, None]) ** 2, 1) / np.maximum(K - 1, 1))
    half = student_quantile(np.maximum(K - 1, 1)) * scatter / np.sqrt(np.maximum(K, 1))
    away = np.full(scans, log_x[-PAIR:].mean() - log_x[:-PAIR].mean())
    mean, half, away = (np.where(K > 1, v, np.nan) for v in (mean, half, away))
    return mean, half, away
