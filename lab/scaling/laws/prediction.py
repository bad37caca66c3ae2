"""Losses that a fitted law expects elsewhere, and how far to trust the law.

Predictions at other x:

    mean    log L̂ ± t_ν √(gᵀ C g),       g = ∂μ/∂θ, C the covariance of θ: of the mean curve
    new     log L̂ ± t_ν √(gᵀ C g + σ²),  σ² = S/ν: of one more run there

the delta method (Bates & Watts 1988, §2.3), in L instead of log L for residuals in L. With groups C
is the sandwich over groups (Liang & Zeger 1986) and ν their number less one. Where C does not
exist, and for Huber's loss, the interval is that of the bootstrap. Both assume that the law is
right: of one that the data contradict nothing is said beyond them. Beside them stand the other laws
that describe the data as well (weight by AICc of at least LEAST), and beyond the data the interval
of a new run is widened to hold theirs: what the choice of a law adds.

The plane of two coordinates x and y: which of them limits the loss, and by what joint law.

    share of y    s = ε_y/(ε_x + ε_y),  ε_x = −∂ log L/∂ log x,  ε_y = −∂ log L/∂ log y

Where s is near 0 more of y changes nothing and the loss is L(x, ∞), limited by x; near 1 it is
L(∞, y). The slopes are differences on the grid, so no law is assumed. The joint laws are fitted to
finite y only; L(x, ∞), which was measured too, then says how far each can be trusted beyond its
data. Neighbouring cells share teachers and starts: intervals are over teachers. The regime says
what x and y are: parameters and samples of a phase map.

Weights: how strongly the rows of a table speak for each law.

    aicc      w ∝ exp(−AICc/2),  AICc = 2Λ m/n + 2k m/(m−k−1), k = free coordinates + 1
              (Hurvich & Tsai 1989). About the measured range.
    holdout   w ∝ exp(−Λ_h m_h/h), Λ_h of the h rows at the far end, which the fit has not seen.
              About extrapolation, which is what an exponent is for.

Λ is the negative log-likelihood at the best scale of the density whose maximum the fit's objective
is, so that laws are weighed by what was minimised, S = Σ ρ(r) of `law.py`:

    squares   normal:  Λ = (n/2) log(S/n)
    Huber     density exp(−ρ_δ(r)/s)/Z(s), normal in the middle with exponential tails:
              Λ = min_s S/s + n log Z(s),  Z(s) = √(2πs) erf(δ/√(2s)) + (2s/δ) exp(−δ²/(2s))
              (Huber 1964; the least favourable density, with scale s).

m counts what is independent: rows, or groups of rows where there are groups, which only shortens
the evidence in proportion. Fewer than three held out, rows or groups, give no hold-out weight: one
row says nothing of the size of its own error. Weights are reported beside a law chosen beforehand.
An interval quoted after choosing the law by its weight covers .78–.93 instead of .95.

What it does not do: choose a law, average over laws, or say which is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from lab.scaling.laws.fit import LAWS, SOME, LawFit, fit_law, refusal
from lab.scaling.laws.law import Law, Objective, Stack, descend
from lab.scaling.scans.curves import CurveFits
from lab.scaling.scans.lines import LEVEL, student_quantile, teacher_t
from lab.scaling.scans.scan import Interval

LEAST = 0.05
"""Weight of another law, over that of the heaviest, from which it describes the data as well."""
UNUSABLE = ("misfit",)
"""Statuses of fits that say nothing beyond their data."""


@dataclass(frozen=True)
class LawPrediction:
    """The loss that a law expects at one x.

    x: by symbol. error: standard error of the mean curve. mean, new: 95 % intervals of the mean
    curve and of a new run, None where nothing honest can be said. beyond: how many times beyond the
    data, 1 within them. where: in words.
    others: what the other laws say that describe the data as well.
    """

    x: dict[str, float]
    value: float
    error: float | None
    mean: Interval | None
    new: Interval | None
    beyond: float
    where: str
    others: dict[str, float]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def predictions(
    fit: LawFit,
    x: Float[np.ndarray, "variables places"],
    *,
    groups: Sequence | np.ndarray | None = None,
    bootstrap: Float[np.ndarray, "replicates coords"] | None = None,
    others: Mapping[str, LawFit] | None = None,
    names: Sequence[str] | None = None,
) -> list[LawPrediction]:
    """Prediction at x of a fit that was not refused, one entry per column.

    groups: of the rows that were fitted. bootstrap: θ of replicates. others: laws that describe the
    data as well, fitted to the same rows. names: of the variables.
    """
    problem = fit.problem
    names = names or problem.law.variables
    z = np.log(x) - fit.origin[:, None]
    raw = problem.residual == "raw"
    curve = problem.law.raw if raw else problem.law.evaluate
    mu, slope = (part[0] for part in curve(fit.theta[None], z))
    value = mu if raw else np.exp(mu)
    label = None if groups is None else np.unique(groups, return_inverse=True)[1]
    c, dof = fit.covariance(label)
    quantile = float(student_quantile(max(dof, 1)))
    sigma2 = float(fit.residual @ fit.residual) / max(fit.n - fit.theta.size, 1)
    around = np.einsum("ip,ij,jp->p", slope, c, slope)
    if bootstrap is not None and (problem.huber is not None or not np.isfinite(c).all()):
        draws = curve(bootstrap, np.array(z))[0]
        ends = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        around = (np.maximum(np.abs(ends - mu), 0).max(0) / quantile) ** 2
    back = (lambda v: float(v)) if raw else (lambda v: float(np.exp(v)))
    out = []
    for i in range(x.shape[1]):
        beyond, where = _where(fit, x[:, i], names)
        said = {
            name: float(other.predict(*x[:, i : i + 1])[0])
            for name, other in (others or {}).items()
        }
        error, mean, new = None, None, None
        silent = fit.exact or (fit.status in UNUSABLE and beyond > 1)
        if np.isfinite(around[i]) and not silent:
            half, wide = quantile * np.sqrt(around[i]), quantile * np.sqrt(around[i] + sigma2)
            error = float(np.sqrt(around[i]) * (1 if raw else value[i]))
            mean = (back(mu[i] - half), back(mu[i] + half))
            reach = [back(mu[i] - wide), back(mu[i] + wide)]
            if beyond > 1:
                reach += [v for v in said.values() if np.isfinite(v)]
                for other in (others or {}).values():  # nothing in the data prefers this law to it
                    own = predictions(other, x[:, i : i + 1], groups=groups, names=names)[0].new
                    reach += [end for end in own or () if np.isfinite(end)]
            new = (min(reach), max(reach))
        at = dict(zip(names, map(float, x[:, i]), strict=True))
        out.append(LawPrediction(at, float(value[i]), error, mean, new, beyond, where, said))
    return out


def _where(
    fit: LawFit, x: Float[np.ndarray, " variables"], names: Sequence[str]
) -> tuple[float, str]:
    """Distance of an x beyond the data as a factor, and in words."""
    data = np.exp(fit.problem.z + fit.origin[:, None])
    return beyond(names, data, x)


def beyond(
    names: Sequence[str],
    data: Float[np.ndarray, "variables points"],
    x: Float[np.ndarray, " variables"],
) -> tuple[float, str]:
    """Distance of an x beyond the data as a factor, and in words: interpolation, or projection by
    which factors."""
    said, most = [], 1.0
    for name, values, at in zip(names, data, x, strict=True):
        low, high = values.min() * (1 - 1e-9), values.max() * (1 + 1e-9)
        if at > high:
            most = max(most, at / values.max())
            said.append(f"{at / values.max():.3g} × the largest {name}")
        elif at < low:
            most = max(most, values.min() / at)
            said.append(f"{at / values.min():.3g} × the smallest {name}")
    return float(most), f"projection: {', '.join(said)}" if said else "interpolation"


def of_teachers(
    curves: CurveFits,
    data: Float[np.ndarray, "variables points"],
    x: Float[np.ndarray, "one places"],
) -> list[LawPrediction]:
    """Prediction at x by curves of several teachers: their geometric mean, its interval by
    Student's t over teachers, and that of the curve of a new teacher."""
    values = curves.amplitude()[:, None] * x[0] ** -curves.alpha[:, None] + curves.floor()[:, None]
    out = []
    for i in range(x.shape[1]):
        far, where = beyond(("x",), data, x[:, i])
        value, error, mean, new = float("nan"), None, None, None
        if (values[:, i] > 0).all():
            mu = np.log(values[:, i])
            value, teachers = float(np.exp(mu.mean())), mu.size
            half = float(student_quantile(teachers - 1) * mu.std(ddof=1))
            error = float(value * mu.std(ddof=1) / np.sqrt(teachers))
            ends = half / np.sqrt(teachers), half * np.sqrt(1 + 1 / teachers)
            mean, new = ((value * np.exp(-end), value * np.exp(end)) for end in ends)
        out.append(LawPrediction({"x": float(x[0, i])}, value, error, mean, new, far, where, {}))
    return out


# ---- the plane of two coordinates ----

JOINT_LAWS = tuple(name for name, law in LAWS.items() if law.variables == ("x", "y"))
ENDLESS = 1e30
"""Stand-in for infinity where a law is evaluated at its limits."""
LIMITED = 2 / 3
"""A cell is limited by y where s is above this, by x where 1 − s is."""


@dataclass(frozen=True)
class Joint:
    """A joint law over all teachers.

    fit: of the geometric mean over teachers. alpha, beta: mean over teachers of the exponents of x
    and y, each with its 95 % interval (Student's t over teachers). residual: root mean square of
    log L left by the fits. ahead: that of log L(x, ∞), which they have not seen.
    """

    law: str
    fit: LawFit
    alpha: float
    alpha_interval: tuple[float, float]
    beta: float
    beta_interval: tuple[float, float]
    residual: float
    ahead: float


@dataclass(frozen=True)
class Plane:
    """Losses on a grid, all positive; `fresh` is L(x, ∞). names: of the coordinates."""

    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    loss: Float[np.ndarray, "teachers columns rows"]
    fresh: Float[np.ndarray, "teachers columns"]
    names: tuple[str, str] = ("x", "y")

    @cached_property
    def mean(self) -> Float[np.ndarray, "columns rows"]:
        """Geometric mean over teachers."""
        return np.exp(np.log(self.loss).mean(0))

    @cached_property
    def mean_fresh(self) -> Float[np.ndarray, " columns"]:
        """Geometric mean over teachers of L(x, ∞)."""
        return np.exp(np.log(self.fresh).mean(0))

    @cached_property
    def share(self) -> Float[np.ndarray, "columns rows"]:
        """s; slopes of the wrong sign, which only noise gives, count as none."""
        by_x, by_y = np.gradient(-np.log(self.mean), np.log(self.x), np.log(self.y))
        by_x, by_y = np.maximum(by_x, 0.0), np.maximum(by_y, 0.0)
        return by_y / np.maximum(by_x + by_y, np.finfo(float).tiny)

    def joint(self, laws: Sequence[str] = JOINT_LAWS) -> tuple[Joint, ...]:
        """The laws that can be fitted, the one that is least wrong about L(x, ∞) first."""
        found = [self._joint(law) for law in laws]
        return tuple(sorted((j for j in found if j is not None), key=lambda j: j.ahead))

    def _joint(self, law: str) -> Joint | None:
        grid = np.meshgrid(self.x, self.y, indexing="ij")
        z = np.stack([v.ravel() for v in grid])
        fits = [fit_law(law, z, loss.ravel(), names=self.names) for loss in (self.mean, *self.loss)]
        if not all(fit.parameters for fit in fits):
            return None
        exponents = [LAWS[law].exponents(fit.parameters) for fit in fits[1:]]
        ahead = [
            np.log(fit.predict(self.x, np.full_like(self.x, ENDLESS)) / fresh)
            for fit, fresh in zip(fits[1:], self.fresh, strict=True)
        ]
        alpha, beta = (np.array([[e[name] for e in exponents]]) for name in LAWS[law].variables)
        return Joint(
            law, fits[0], float(alpha.mean()), _interval(alpha), float(beta.mean()),
            _interval(beta), float(np.sqrt(np.mean([f.residual**2 for f in fits[1:]]))),
            float(np.sqrt(np.mean(np.square(ahead)))),
        )  # fmt: skip


def _interval(exponents: Float[np.ndarray, "1 teachers"]) -> tuple[float, float]:
    lower, upper = teacher_t(exponents)
    return float(lower[0]), float(upper[0])


# ---- weights of laws ----

STARTS, FEW_STARTS = 200, 50  # of a fit to at most ALL_STARTS rows, and of one to many at least
ALL_STARTS = 250
CURVES, CURVE_STARTS = 12, 20  # curves that laws are weighed on at most, and starts for each
FEWEST_ROWS = 100  # that starts search on where many curves share SOME
HELD_LEAST = 3


@dataclass(frozen=True)
class Weights:
    """aicc, holdout: weight of each law that could be fitted, each summing to 1; empty where no
    law can be weighed. errors: root-mean-square residual of each law in the rows held out. held:
    how many those are. independent: m, of all rows. curves: on how many of them laws were weighed.
    """

    aicc: dict[str, float]
    holdout: dict[str, float]
    errors: dict[str, float]
    held: int
    independent: int
    curves: int = 1


@dataclass(frozen=True)
class Request:
    """Options of every fit to a table of so many rows and curves. hold: law → parameters held
    in it, and their values."""

    rows: int
    curves: int
    huber: float | int | None = None
    residual: str = "log"
    hold: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def starts(self) -> int:
        """About as many as keep the work of a fit, starts times rows, below a bound."""
        return int(np.clip(STARTS * ALL_STARTS // self.rows, FEW_STARTS, STARTS))

    def fit(
        self, law: str, x: np.ndarray, loss: np.ndarray, scale: np.ndarray | None = None
    ) -> LawFit:
        """The law fitted to these rows of one curve."""
        return fit_law(
            law,
            x,
            loss,
            huber=self.huber,
            residual=self.residual,
            hold=self.hold.get(law),
            scale=scale,
            starts=self.starts,
            some=max(SOME // self.curves, FEWEST_ROWS),
        )


def law_weights(
    laws: Sequence[str],
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
    *,
    curves: Sequence | np.ndarray | None = None,
    groups: Sequence | np.ndarray | None = None,
    huber: float | int | None = None,
    residual: str = "log",
    hold: Mapping[str, Mapping[str, float]] | None = None,
    scale: Float[np.ndarray, " points"] | None = None,
    held: int | None = None,
) -> Weights:
    """Weights of laws of the same variables.

    curves: one label per row; each label has a curve of its own, and AICc adds up. groups: one
    label per row; rows of one label share the curve but are not independent. huber, residual,
    scale: of the objective. hold: law → parameters held in it. held: how many rows of each curve at
    its largest x (largest product, for two variables) the hold-out keeps from the fit; by default a
    tenth of them, at least one of each of several curves, three of a single one of twelve rows or
    more. Laws refused by one of the curves get no weight. Of more than CURVES curves that many,
    evenly chosen, are weighed.
    """
    label = np.zeros(loss.size, int) if curves is None else np.asarray(curves)
    order = np.argsort(label, kind="stable")
    members = np.split(order, np.flatnonzero(label[order][1:] != label[order][:-1]) + 1)
    several = len(members) > 1
    if len(members) > CURVES:
        some = np.linspace(0, len(members) - 1, CURVES).round().astype(int)
        members = [members[i] for i in some]
    unit = np.arange(loss.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    request = Request(loss.size, len(members), huber, residual, hold or {})
    aicc, off = {}, {}
    for law in laws:
        if several and not request.hold.get(law):
            parts = _curves(law, x, loss, members, request, held)
        else:
            parts = [
                _one_curve(
                    law,
                    x[:, m],
                    loss[m],
                    unit[m],
                    request,
                    _rows_held(m.size, len(members)) if held is None else held,
                    None if scale is None else scale[m],
                )
                for m in members
            ]
        aicc[law] = sum(part[0] for part in parts)
        off[law] = np.concatenate([part[1] for part in parts])
        seen = np.concatenate([unit[m][part[2]] for m, part in zip(members, parts, strict=True)])
    off = {law: r for law, r in off.items() if r.size and np.isfinite(r).all()}
    distinct = np.unique(seen).size
    enough = distinct >= HELD_LEAST
    return Weights(
        _normalised({law: -v / 2 for law, v in aicc.items() if np.isfinite(v)}),
        _normalised(
            {law: -surprise(r, huber) * distinct / r.size for law, r in off.items() if enough}
        ),
        {law: float(np.sqrt((r**2).mean())) for law, r in off.items()},
        int(seen.size),
        int(np.unique(unit).size),
        len(members),
    )


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _curves(
    law: str,
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
    members: Sequence[Int[np.ndarray, " curve"]],
    request: Request,
    held: int | None,
) -> list[tuple[float, Float[np.ndarray, " far"], Int[np.ndarray, " far"]]]:
    """Result of `_one_curve` for a law of one variable on many curves that descend together."""
    near, far = [], []
    for m in members:
        order = np.argsort(x[0, m], kind="stable")
        h = _rows_held(m.size, len(members)) if held is None else held
        near.append(m[np.sort(order[: max(m.size - h, 0)])])
        far.append(np.sort(order[max(m.size - h, 0) :]))
    coords = LAWS[law].size
    out = []
    whole = _descended(law, x[0], loss, members, request) if _enough(members, coords) else None
    part = _descended(law, x[0], loss, near, request) if _enough(near, coords - 1) else None
    for i, m in enumerate(members):
        aicc, off = np.nan, np.full(far[i].size, np.nan)
        k = coords + 1
        curve = None if whole is None else whole[i]
        if curve is not None and m.size - k - 1 > 0:
            r = curve.residuals(m)
            aicc = 2 * surprise(r, request.huber) + 2 * k * m.size / (m.size - k - 1)
        curve = None if part is None else part[i]
        if curve is not None and far[i].size:
            off = curve.residuals(m[far[i]])
        out.append((aicc, off, far[i]))
    return out


def _enough(members: Sequence[np.ndarray], coords: int) -> bool:
    return min(m.size for m in members) > coords


@dataclass(frozen=True)
class CurveOf:
    """One curve of many: θ of a law, and the residuals that it leaves in any rows."""

    law: Law
    theta: np.ndarray
    origin: float
    x: np.ndarray
    loss: np.ndarray
    residual: str

    def residuals(self, rows: np.ndarray) -> np.ndarray:
        """Residuals of the curve's rows, or of others."""
        z = np.log(self.x[rows])[None] - self.origin
        problem = Objective(self.law, z, np.log(self.loss[rows]), None, self.residual)
        return problem.residuals(self.theta[None])[0][0]


def _descended(
    law: str, x: np.ndarray, loss: np.ndarray, members: Sequence[np.ndarray], request: Request
) -> list[CurveOf | None]:
    """The law fitted to every curve, None where it is refused."""
    own = LAWS[law]
    most = max(m.size for m in members)
    z, log_loss = np.zeros((1, len(members), most)), np.zeros((len(members), most))
    here = np.zeros((len(members), most))
    origin = np.zeros(len(members))
    starts, curve = [], []
    for i, m in enumerate(members):
        log_x = np.log(x[m])
        origin[i] = log_x.mean()
        z[0, i, : m.size], log_loss[i, : m.size] = log_x - origin[i], np.log(loss[m])
        here[i, : m.size] = 1
        if refusal(own, z[:, i, : m.size], log_loss[i, : m.size], origin[i : i + 1]) is None:
            first = own.starts(z[:, i, : m.size], log_loss[i, : m.size], CURVE_STARTS)
            starts.append(first)
            curve += [i] * len(first)
    if not starts:
        return [None] * len(members)
    which = np.array(curve)
    stack = Stack(own, z, log_loss, request.huber, request.residual, None, which)
    theta, cost = descend(
        stack, np.concatenate(starts), weights=here[which], iterations=60, tolerance=1e-6
    )
    best = np.array([np.flatnonzero(which == i)[cost[which == i].argmin()] for i in set(curve)])
    theta, cost = descend(
        stack.at(best), theta[best], weights=here[which[best]], iterations=200, tolerance=1e-9
    )
    found: list[CurveOf | None] = [None] * len(members)
    for at, i in enumerate(which[best].tolist()):
        if np.isfinite(cost[at]):
            found[i] = CurveOf(own, theta[at], float(origin[i]), x, loss, request.residual)
    return found


def _rows_held(n: int, curves: int) -> int:
    if curves > 1:
        return max(round(n / 10), 1)
    return max(round(n / 10), HELD_LEAST) if n >= 4 * HELD_LEAST else 0


def surprise(r: Float[np.ndarray, " points"], huber: float | int | None) -> float:
    """Λ of residuals: their negative log-likelihood at the best scale, without constants."""
    n = r.size
    if huber is None:
        return float(n / 2 * np.log(max(r @ r / n, 1e-28)))
    # scipy.optimize takes a tenth of a second to import.
    from scipy.optimize import minimize_scalar

    size = np.abs(r)
    rho = np.where(size <= huber, r * r / 2, huber * (size - huber / 2))
    mean = max(rho.mean(), 1e-28)

    def cost(log_s: float) -> float:
        s = np.exp(log_s)
        middle = 0.5 * np.log(2 * np.pi * s) + np.log(special.erf(huber / np.sqrt(2 * s)))
        tails = np.log(2 * s / huber) - huber**2 / (2 * s)
        return float(mean / s + np.logaddexp(middle, tails))

    # The best s is S/n for a density that is all tails, 2 S/n for a normal one.
    found = minimize_scalar(
        cost,
        bounds=(np.log(mean) - 0.1, np.log(2 * mean) + 0.1),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(n * found.fun)


def _one_curve(
    law: str,
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
    unit: Int[np.ndarray, " points"],
    request: Request,
    held: int,
    scale: Float[np.ndarray, " points"] | None = None,
) -> tuple[float, Float[np.ndarray, " far"], Int[np.ndarray, " far"]]:
    """AICc, the residuals of the rows held out (NaN where the law is refused), and those rows."""
    n, independent = loss.size, np.unique(unit).size
    order = np.argsort(np.log(x).sum(0), kind="stable")
    near, far = np.sort(order[: max(n - held, 0)]), np.sort(order[max(n - held, 0) :])
    aicc, off = np.nan, np.full(far.size, np.nan)
    if near.size:
        whole = request.fit(law, x, loss, scale)
        k = whole.theta.size + 1
        if whole.parameters and independent - k - 1 > 0:
            spread = 2 * surprise(whole.residual, request.huber) * independent / n
            aicc = spread + 2 * k * independent / (independent - k - 1)
    if near.size and far.size:
        part = request.fit(law, x[:, near], loss[near], None if scale is None else scale[near])
        if part.parameters:
            # A negative floor may make an extrapolated loss negative, a steep law make it overflow.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                said = part.predict(*x[:, far])
                off = loss[far] - said if request.residual == "raw" else np.log(loss[far] / said)
                off = off if scale is None else off * scale[far]
    return aicc, off, far


def _normalised(log_weight: dict[str, float]) -> dict[str, float]:
    if not log_weight:
        return {}
    top = max(log_weight.values())
    weight = {law: np.exp(value - top) for law, value in log_weight.items()}
    total = sum(weight.values())
    return {law: float(value / total) for law, value in weight.items()}
