"""Fitting one law to the rows of a table, and saying what the fit may be used for.

Many deterministic starts (a grid over the non-linear coordinates, linear ones projected out)
descend together; the best is polished, and we count the starts that reach its objective. A design
that cannot carry the law is refused before anything is fitted, with its numbers.

Of more than MANY rows, the starts search on SOME of them, spread evenly over the product of the
variables, and the ends that are as low as the best, or nearly, and differ descend on all rows: the
optimum is that of all rows, the census is about those that were searched.

What it does not do: intervals (`uncertainty.py`); read files (`tables/formats.py`).
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from lab.scaling.laws.law import RESIDUALS, Held, Law, Objective, descend, polish_to_stationary
from lab.scaling.laws.one_variable import M3, M4, BrokenPower, Power, PowerFloor, Saturating
from lab.scaling.laws.several_variables import (
    Chinchilla,
    Kaplan,
    KaplanSteps,
    Max,
    PowerMean,
    Powers,
    ProductLaw,
    Rosenfeld,
    ThreeTerms,
)

LAWS: Mapping[str, Law] = {
    law.name: law
    for law in (
        Power(),
        PowerFloor(),
        M3(),
        M4(),
        BrokenPower(),
        Saturating(),
        Chinchilla(),
        Kaplan(),
        Rosenfeld(),
        PowerMean(),
        Max(),
        ProductLaw(),
        Powers(),
        ThreeTerms(),
        KaplanSteps(),
    )
}
STARTS = 500
LOOSE, PUSH = 3.0, 3.0  # standard error of a coordinate that may leave all bounds; how far to look
TURNED = 0.002  # p of each side of a turn
VERTEX = 5.0  # rise on each side of a turn of few points over the residuals of a parabola
FLAT = 1e-3  # relative rise of S that is none
NOTABLE = 1.5  # root mean square of residuals over the noise, from which two variables misfit
MANY, SOME = 1000, 500
NEARLY = 0.05  # relative excess of S over the lowest on SOME rows that may be the lowest on all
FIT_STATUS = {
    "converged": "everything may be used",
    "short-range": "a variable spans less than a decade: exponents are local slopes",
    "misfit": "the residuals have a shape: exponents are local slopes, not asymptotic ones",
    "ill-conditioned": "an exponent is less certain than its size: use the curve, not exponents",
    "bound-hit": "a term of the law vanished: its parameters mean nothing, the others hold",
    "ridge": "the best fit is at infinity: parameters are those of no optimum, use the curve only",
    "too-few-points": "refused: fewer rows or distinct values than parameters",
    "degenerate-design": "refused: the variables do not vary independently",
    "flat": "refused: the losses do not change with the variables",
    "rising": "refused: the losses rise",
    "falling": "refused: the values fall, and the law rises",
    "turning": "refused: the losses turn, and the law does not",
}
EXACT = 1e-12
"""Root-mean-square relative residual below which rows lie on the law but for their rounding."""
LIMITS = {
    ("m4", "a"): "(L − floor) exp(c (L − floor)) ∝ x^−α with c = a/(ceiling − floor)",
    ("m3", "gamma"): "power",
    ("bnsl", "f1"): "a curve without a break",
    ("saturating", "E"): "a straight line in log x",
}
"""Limits of a law as one of its parameters leaves all bounds."""


@dataclass(frozen=True)
class LawFit:
    """A fitted law. theta, origin: its coordinates; parameters: by name, empty if refused.
    objective: S of `law.py`. status: a key of FIT_STATUS. tried, reached: the census.
    warnings: sentences. residual: r of each row. searched: rows that the starts saw."""

    problem: Objective
    origin: Float[np.ndarray, " variables"]
    theta: Float[np.ndarray, " coords"]
    parameters: dict[str, float]
    objective: float
    residual: Float[np.ndarray, " points"]
    status: str
    tried: int
    reached: int
    warnings: tuple[str, ...]
    searched: int

    @property
    def n(self) -> int:
        """Rows."""
        return self.problem.log_loss.size

    def predict(self, *x: np.ndarray) -> np.ndarray:
        """Fitted loss at x, one array per variable."""
        z = np.log(np.stack([np.asarray(v, float) for v in x])) - self.origin[:, None]
        if self.problem.residual == "raw":  # the curve may be below 0 there
            return self.problem.law.raw(self.theta[None], z)[0][0]
        return np.exp(self.problem.law.evaluate(self.theta[None], z)[0][0])

    @property
    def exact(self) -> bool:
        """True if the rows lie on the law but for their rounding, so that nothing shows how far
        another row would lie off it."""
        r = self.residual
        if self.problem.residual == "raw":
            r = r / np.exp(self.problem.log_loss)
        r = r if self.problem.scale is None else r / self.problem.scale
        return bool(self.parameters) and bool(np.sqrt((r**2).mean()) < EXACT)

    @property
    def vanished(self) -> tuple[str, ...]:
        """Parameters that the rows do not see, for their term is nothing beside the others."""
        law = self.problem.law
        at = dict(law.coordinates)
        if not isinstance(law, Held):
            at |= {name: pin[0] for name, pin in law.pins.items()}
        gone = self.problem.insensitive_coordinates(
            self.problem.residuals(self.theta[None])[1], _seen(self.residual)
        )[0]
        return tuple(name for name in self.parameters if name in at and gone[at[name]])

    def covariance(
        self, label: Int[np.ndarray, " points"] | None = None
    ) -> tuple[Float[np.ndarray, "coords coords"], int]:
        """C of θ, and its degrees of freedom: σ² (J Jᵀ)⁻¹ of rows alone; with the group of each row
        the sandwich over groups (Liang & Zeger 1986), G/(G − 1) times, on G − 1 degrees."""
        r, jacobian = (part[0] for part in self.problem.residuals(self.theta[None]))
        c = covariance(jacobian, r)
        if label is None or not np.isfinite(c).all():
            return c, self.n - self.theta.size
        groups = int(label.max()) + 1
        inverse = c * (self.n - self.theta.size) / (r @ r)
        score = np.stack([np.bincount(label, row, groups) for row in jacobian * r])
        return inverse @ (score @ score.T) @ inverse * groups / (groups - 1), groups - 1


# Trials far from the data overflow; their cost is infinite and they are never the best. A parameter
# that the data do not bound may end up infinite.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def fit_law(
    law: Law | str,
    x: Float[np.ndarray, "variables points"],
    loss: Float[np.ndarray, " points"],
    *,
    huber: float | int | None = None,
    residual: str = "log",
    hold: Mapping[str, float] | None = None,
    scale: Float[np.ndarray, " points"] | None = None,
    starts: int = STARTS,
    some: int = SOME,
    names: Sequence[str] | None = None,
) -> LawFit:
    """Fit a law to positive losses.

    x: one row per variable of the law. huber: δ of Huber's loss, None for squares. residual:
    `log` or `raw`. hold: parameters that are held, and their values; those of a law that is held
    already by default. scale: factor of each row's residual, see `law.py`.
    starts: about how many. some: rows that they search on, of more than MANY.
    names: of the variables in sentences; those of the law by default.
    A refused fit has NaN coordinates and no parameters.
    Raises ValueError for an unknown law or residual, x of another number of variables, or
    parameters that cannot be held so.
    """
    if isinstance(law, str):
        if law not in LAWS:
            raise ValueError(f"law is {law!r}; the laws are {', '.join(LAWS)}.")
        law = LAWS[law]
    if residual not in RESIDUALS:
        raise ValueError(f"residual is {residual!r}; it must be one of {', '.join(RESIDUALS)}.")
    if len(x) != len(law.variables):
        raise ValueError(
            f"{law.name} is a law of {', '.join(law.variables)}; {len(x)} columns were given."
        )
    names = names or law.variables
    log_x, log_loss = np.log(x), np.log(loss)
    origin = log_x.mean(1)
    z = log_x - origin[:, None]
    if isinstance(law, Held):
        law, hold = law.base, law.held if hold is None else hold
    if hold:
        law = Held(law, hold, origin)
    problem = Objective(law, z, log_loss, huber, residual, scale)
    refused = refusal(law, z, log_loss, origin, names)
    if refused is not None:
        nothing = np.full(law.size, np.nan)
        return LawFit(
            problem, origin, nothing, {}, np.nan, np.full(loss.size, np.nan), refused[0], 0, 0,
            (refused[1],), 0,
        )  # fmt: skip
    seen = _some(z, some)
    search = Objective(
        law, z[:, seen], log_loss[seen], huber, residual, None if scale is None else scale[seen]
    )
    first = law.starts(search.z, search.log_loss, starts)
    if isinstance(law, Held):
        law.check_values(first, search.z)
    if seen.size < loss.size:
        theta, cost = descend(search, first, iterations=50, tolerance=1e-7)
        near, height = descend(problem, _candidates(theta, cost), iterations=10, tolerance=1e-6)
        polished, least = descend(problem, near[[height.argmin()]], iterations=200, tolerance=1e-11)
        lowest = cost.min()
    else:
        theta, cost = descend(search, first)
        polished, least = descend(problem, theta[[cost.argmin()]], iterations=1000, tolerance=1e-15)
        lowest = least[0]
    reached = max(int((cost <= lowest * (1 + 1e-5) + 1e-20).sum()), 1)  # the best comes from one
    theta, r, jacobian = polish_to_stationary(problem, polished[0])
    values = law.natural(theta[None], origin)[0]
    parameters = dict(zip(law.parameters, map(float, values), strict=True))
    parameters |= {name: float(value) for name, value in law.held.items()}
    status, warnings = _judge(problem, names, theta, r, jacobian, float(problem.rho(r).sum()))
    fit = LawFit(
        problem, origin, theta, parameters, float(problem.rho(r).sum()), r, status, len(first),
        reached, tuple(warnings), seen.size,
    )  # fmt: skip
    if reached < 2 and len(first) > 1 and status != "ridge" and not fit.exact:  # S = 0 is global
        said = (
            f"only {reached} of {len(first)} starts reached the best objective: it may not be "
            f"the global one."
        )
        return replace(fit, warnings=(*fit.warnings, said))
    return fit


def _some(z: Float[np.ndarray, "variables points"], some: int) -> Int[np.ndarray, " some"]:
    """The rows that starts search on: all, or some of more than MANY."""
    n = z.shape[1]
    if n <= MANY:
        return np.arange(n)
    order = np.argsort(z.sum(0), kind="stable")
    return np.sort(order[np.linspace(0, n - 1, some).round().astype(int)])


def _candidates(
    theta: Float[np.ndarray, "fits coords"], cost: Float[np.ndarray, " fits"]
) -> Float[np.ndarray, "candidates coords"]:
    """The lowest end, and at most two that are NEARLY as low, each a per mille above the last."""
    order = np.argsort(cost)
    chosen = [order[0]]
    for i in order:
        if cost[chosen[-1]] * 1.001 < cost[i] < cost[order[0]] * (1 + NEARLY) and len(chosen) < 3:
            chosen.append(i)
    return theta[chosen]


def refusal(
    law: Law,
    z: np.ndarray,
    log_loss: np.ndarray,
    origin: np.ndarray,
    names: Sequence[str] | None = None,
) -> tuple[str, str] | None:
    """Status and sentence of a design that cannot carry the law."""
    names = law.variables if names is None else names
    n, coords = log_loss.size, law.size
    if n <= coords:
        return "too-few-points", (
            f"{n} rows cannot carry the {coords} parameters of {law.name}; at least {coords + 1} "
            f"are needed."
        )
    need = coords if len(z) == 1 else 3
    for name, row in zip(names, z, strict=True):
        distinct = np.unique(row.round(12)).size
        if distinct < need:
            return "too-few-points", (
                f"{name} takes {distinct} distinct values; {law.name} needs at least {need}."
            )
    for i, j in itertools.combinations(range(len(z)), 2):
        along = (z[i] @ z[j]) / (z[i] @ z[i])
        apart = (z[j] - along * z[i]).std() / np.log(10)
        if apart < 0.03:
            rho = np.corrcoef(z[[i, j]])[0, 1]
            return "degenerate-design", (
                f"{names[j]} follows {names[i]} (correlation of the logarithms "
                f"{rho:.5f}, {apart:.3f} decades apart): the two exponents cannot be told apart; "
                f"vary them independently."
            )
    design = np.vstack([np.ones(n), z])
    slope, *_ = np.linalg.lstsq(design.T, log_loss, rcond=None)
    rest = log_loss - slope @ design
    around = log_loss - log_loss.mean()
    dof = n - len(design)
    if around @ around <= 1e-20 * n:
        return "flat", "the losses are all equal: there is nothing to fit."
    f = (around @ around - rest @ rest) / len(z) / max(rest @ rest / dof, 1e-300)
    p = float(special.fdtrc(len(z), dof, max(f, 0.0)))
    slopes = ", ".join(f"{s:.3g}" for s in slope[1:])
    turn = _turn(z[0], log_loss) if len(z) == 1 else None
    if turn is not None:
        if law.shape == "turns":
            return None
        how, at = turn
        return "turning", (
            f"the losses {how} (the turn is near x = {np.exp(at + origin[0]):.3g}), and {law.name} "
            f"does not; fit {'bnsl, which turns, or ' if n > 6 else ''}one side of the turn by "
            "where."
        )
    if p > 0.05:
        return "flat", (
            f"the losses do not change with {' and '.join(names)} beyond their noise "
            f"(slope {slopes}, p = {p:.2g}): there is no exponent to fit."
        )
    if law.shape == "rises" and slope[1:].sum() < 0:
        return "falling", f"the values fall with {names[0]} (slope {slopes}), and {law.name} rises."
    if law.shape == "falls" and slope[1:].sum() > 0:
        others = ", ".join(
            name
            for name, other in LAWS.items()
            if other.variables == law.variables and other.shape in ("rises", "either")
        )
        return "rising", (
            f"the losses rise with {' and '.join(names)} (slope {slopes}), and {law.name} "
            f"falls; what rises is fitted by {others}."
        )
    return None


def _turn(z: np.ndarray, log_loss: np.ndarray) -> tuple[str, float] | None:
    """True if values fall and then rise, or rise and then fall, and at which z: on both sides of
    the extreme, without it, four points or more have slopes of unlike signs, either beyond chance
    (Student's t, one-sided p below TURNED) or without an exception from point to point."""
    z, which = np.unique(z, return_inverse=True)
    y = np.bincount(which, log_loss) / np.bincount(which)
    if y.size < 9:
        return _vertex(z, y)
    smooth = np.convolve(y, np.ones(3) / 3, "valid")  # one noisy point is no turn
    for how, sign in (("fall, then rise", 1), ("rise, then fall", -1)):
        at = int((sign * smooth).argmin()) + 1
        chance, even = [], []
        for part, direction in ((slice(None, at), -1), (slice(at + 1, None), 1)):
            x, v = z[part], sign * direction * y[part]
            if x.size < 4 or np.ptp(x) == 0:
                break
            dx = x - x.mean()
            b = float(v @ dx / (dx @ dx))
            rest = v - v.mean() - b * dx
            t = b * np.sqrt(dx @ dx * (x.size - 2) / max(rest @ rest, 1e-300))
            chance.append(float(special.stdtr(x.size - 2, -t)))
            even.append(bool((np.diff(v) > 0).all()))
        if len(chance) == 2 and (max(chance) < TURNED or all(even)):
            return how, float(z[at])
    return None


def _vertex(z: np.ndarray, y: np.ndarray) -> tuple[str, float] | None:
    """As `_turn` of five to eight points: two or more on either side of the extreme, monotone
    there, and both ends farther from it than VERTEX times what a parabola leaves over."""
    if y.size < 5:
        return None
    parabola = np.polynomial.Polynomial.fit(z, y, 2)
    left = np.sqrt(((y - parabola(z)) ** 2).sum() / (y.size - 3))
    for how, sign in (("fall, then rise", 1), ("rise, then fall", -1)):
        at = int((sign * y).argmin())
        step = sign * np.diff(y)
        even = (step[:at] < 0).all() and (step[at:] > 0).all()
        least = min(sign * (y[0] - y[at]), sign * (y[-1] - y[at]))
        if 2 <= at < y.size - 2 and even and least > VERTEX * left:
            return how, float(z[at])
    return None


def _seen(r: Float[np.ndarray, " points"]) -> float:
    """The least change of a log loss that is seen; exact rows see the faintest term."""
    return 1e-10 if np.abs(r).max() < EXACT else 1e-4


def _judge(
    problem: Objective,
    variables: Sequence[str],
    theta: Float[np.ndarray, " coords"],
    r: Float[np.ndarray, " points"],
    jacobian: Float[np.ndarray, "coords points"],
    least: float,
) -> tuple[str, list[str]]:
    """Status, by the first of FIT_STATUS that applies from the worst up, and all warnings."""
    law, z = problem.law, problem.z
    found: list[tuple[str, str]] = []
    gone = np.flatnonzero(problem.insensitive_coordinates(jacobian[None], _seen(r))).tolist()
    names = {i: name for name, i in law.coordinates.items()}
    if gone:
        what = ", ".join(names.get(i, f"coordinate {i}") for i in gone)
        found.append(("bound-hit", f"the data do not see {what}: its term vanished."))
    elif problem.huber is None:
        error = np.sqrt(np.diag(covariance(jacobian, r)))
        for name, i in law.coordinates.items():
            if name not in law.logarithmic and not error[i] < abs(theta[i]):
                found.append(
                    (
                        "ill-conditioned",
                        f"{name} = {theta[i]:.3g} ± {error[i]:.2g} (one standard error).",
                    )
                )
    leaving = _ridge(problem, theta, r, jacobian, least)
    if leaving is not None:
        found.append(("ridge", leaving))
    p, ratio = shape_in_residuals(z, r, jacobian, problem.scale)
    if p < 0.01 and (len(z) == 1 or ratio > NOTABLE):
        found.append(
            (
                "misfit",
                (
                    f"the residuals of {law.name} have a shape (p = {p:.1g}, {ratio:.2g} times "
                    f"what is left without it): the law does not describe these {r.size} points; "
                    f"compare other laws or narrow the range."
                ),
            )
        )
    for name, row in zip(law.variables, z, strict=True):
        decades = np.ptp(row) / np.log(10)
        if decades < 1 - 1e-9:
            found.append(
                (
                    "short-range",
                    (
                        f"{name} spans {decades:.2g} decades: an exponent from less than one "
                        "decade is a local slope."
                    ),
                )
            )
    order = list(FIT_STATUS)
    status = max((s for s, _ in found), key=order.index, default="converged")
    return status, [sentence for _, sentence in found]


def covariance(
    jacobian: Float[np.ndarray, "coords points"], r: Float[np.ndarray, " points"]
) -> Float[np.ndarray, "coords coords"]:
    """σ² (J Jᵀ)⁻¹ of least squares, σ² = S/(n − coords); infinite where J is rank-deficient."""
    coords, n = jacobian.shape
    size = np.sqrt((jacobian**2).sum(1))
    gram = (jacobian @ jacobian.T) / np.maximum(np.outer(size, size), 1e-300)
    if not np.isfinite(gram).all() or np.linalg.eigvalsh(gram)[0] < 1e-13 or n <= coords:
        return np.full((coords, coords), np.inf)
    return (r @ r) / (n - coords) * np.linalg.inv(gram) / np.outer(size, size)


def shape_in_residuals(
    z: Float[np.ndarray, "variables points"],
    r: Float[np.ndarray, " points"],
    jacobian: Float[np.ndarray, "coords points"],
    scale: Float[np.ndarray, " points"] | None = None,
) -> tuple[float, float]:
    """p-value of `the residuals have no smooth shape`, and how many times what is left without it
    they are.

    The F test that adding all products of the second and third degree of the logarithms to the
    tangent space of the fit explains nothing. NaN with too few
    points, of several variables for the second degree as well.
    """
    if (r @ r) < 1e-20 * r.size:
        return 1.0, 1.0
    t = z / np.abs(z).max(1, keepdims=True)
    if len(t) == 1:
        degrees = [[t[0] ** 2, t[0] ** 3]]
    else:
        second, third = (
            [np.prod(some, 0) for some in itertools.combinations_with_replacement(t, degree)]
            for degree in (2, 3)
        )
        degrees = [[*second, *third], second]
    basis, _ = np.linalg.qr(jacobian.T)
    for terms in degrees:
        extra = np.stack(terms)
        extra = extra if scale is None else extra * scale
        extra = extra - (extra @ basis) @ basis.T
        new, size, _ = np.linalg.svd(extra.T, full_matrices=False)
        new = new[:, size > 1e-3]
        dof = r.size - len(jacobian) - new.shape[1]
        if dof < 2 or not new.shape[1] or (len(t) > 1 and dof < 5):
            continue
        explained = ((new.T @ r) ** 2).sum()
        rest = max(r @ r - explained, 1e-300)
        f = explained / new.shape[1] / (rest / dof)
        noise = np.sqrt((rest / dof) / (r @ r / (r.size - len(jacobian))))
        return float(special.fdtrc(new.shape[1], dof, f)), float(1 / max(noise, 1e-12))
    return np.nan, np.nan


def _ridge(
    problem: Objective,
    theta: Float[np.ndarray, " coords"],
    r: Float[np.ndarray, " points"],
    jacobian: Float[np.ndarray, "coords points"],
    least: float,
) -> str | None:
    """A sentence if the objective does not rise towards infinity in some direction: what stands as
    the optimum is where the search gave up. Coordinates that are less certain than FAR are pushed
    away from it, with all others at their best."""
    size = np.sqrt((jacobian**2).sum(1))
    if not least > 0 or not (size > 0).all() or np.sqrt(least / r.size) < EXACT:
        return None
    value, vector = np.linalg.eigh((jacobian @ jacobian.T) / np.outer(size, size))
    spread = np.sqrt(least / max(r.size - theta.size, 1) / max(value[0], 1e-15))
    loose = np.abs(vector[:, 0] / size) * spread
    names = (
        {pin[0]: name for name, pin in problem.law.pins.items()}
        if not isinstance(problem.law, Held)
        else {}
    )
    names |= {i: name for name, i in problem.law.coordinates.items()}
    flat: list[tuple[float, int, float, np.ndarray]] = []
    for i in np.flatnonzero(loose > LOOSE).tolist():
        along = vector[:, 0] / size
        for push in (-PUSH, PUSH):
            start = theta + along / along[i] * push
            if not np.isfinite(problem.residuals(start[None])[0]).all():
                start = theta.copy()
                start[i] += push
            still = np.arange(theta.size) == i
            end, cost = descend(
                problem, start[None], held=still[None], iterations=200, tolerance=1e-12
            )
            if cost[0] <= least * (1 + FLAT):
                flat.append((float(cost[0]), i, push, end[0] - theta))
    if not flat:
        return None
    _, i, push, moved = min(flat, key=lambda one: one[0])
    for j, name in names.items():  # a parameter that goes along, and whose limit has a name
        if (problem.law.name, name) in LIMITS and abs(moved[j]) > 1e-3:
            i, push = j, float(moved[j])
    name = names.get(i, f"coordinate {i}")
    end_of = "∞" if push > 0 else ("0" if name in problem.law.logarithmic else "−∞ or 0")
    becomes = LIMITS.get((problem.law.name, name))
    what = f", where {problem.law.name} becomes {becomes}" if becomes else ""
    return (
        f"the objective does not rise as {name} → {end_of}{what}: there is no optimum, and no "
        f"parameter has an interval; hold {name} or take a law with fewer parameters."
    )
