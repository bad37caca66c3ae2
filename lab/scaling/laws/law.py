"""A scaling law: its formula with derivatives, parameters that are held, and descent.

A law is a truth object and a model at once. It generates losses from named parameters, knows
which exponents it has, and gives the fitter log L with exact derivatives in internal
coordinates θ, in which parameters that must be positive are logarithms and the inputs are

    z = log x − origin      (one row per variable; `origin` is the mean of log x in the table),

so that no coordinate depends on the units.

Held parameters, as in `--hold E=0`, are a constraint on θ. It gives way in one coordinate, its
pivot (`Law.pins`), and the others are free:

    θ_pivot = g(θ_free),   ∂μ/∂θ_free = ∂μ/∂θ_free|θ_pivot + ∂μ/∂θ_pivot ∂g/∂θ_free,

so amplitudes may be held, which are no coordinates themselves. ∂g is the complex-step derivative,
exact to round-off (Squire & Trapp 1998). What counts coordinates (degrees of freedom, AICc,
intervals) counts the free ones. Inequalities, or ties between parameters, cannot be held.

Descent is robust nonlinear least squares from many starts at once. With residuals r = log L − μ(θ)
or r = L − L(θ), each times its scale where rows are not equally certain, and row weights w:

    S(θ) = Σ_i w_i ρ(r_i),   ρ(r) = r²,   or Huber  ρ(r) = r²/2 (|r| ≤ δ),  δ(|r| − δ/2) beyond.

Every start descends by Levenberg–Marquardt with exact derivatives and Marquardt's scaling, which
makes the path independent of the units of each coordinate; convergence is judged on relative
gains, which makes it independent of the scale of S (at δ = 10⁻³, S ~ 10⁻³, absolute tolerances
stop optimisers early: a published fit stopped 5·10⁻⁴ short of its optimum). Huber's ρ is
majorised by reweighted squares (Holland & Welsch 1977), so S falls at every accepted step.

S is flat where it is least, and tells θ apart to √ε of the valley's width only: where a descent
ends within it is up to the rounding of the processor. Its gradient g crosses zero there, and
`polish_to_stationary` goes on to that point, the same on every machine, by the decrement gᵀ H⁻¹ g.

What it does not do: judge a fit (`fit.py`); fit many small tables at once inside a box, which is
another problem, see `scans/curves.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from lab.mistakes import question

Pin = tuple[int, Callable[[np.ndarray, float, np.ndarray], np.ndarray | float]]
# What every law takes and gives, for all signatures alike.
Inputs = Float[np.ndarray, "variables *each points"]
Origin = Float[np.ndarray, " variables"]
Losses = Float[np.ndarray, " points"]
Theta = Float[np.ndarray, "fits coords"]
Evaluated = tuple[Float[np.ndarray, "fits points"], Float[np.ndarray, "fits coords points"]]
Named = Float[np.ndarray, "fits params"]
Coords = Float[np.ndarray, " coords"]
Starts = Float[np.ndarray, "starts coords"]


class Law(ABC):
    """A scaling law. Subclasses are final.

    name: as on the command line. variables: of the table, `("x",)` or `("x", "y")`.
    parameters: names of the natural parameters, in the order of `natural`.
    coordinates: the natural parameters that are themselves, or whose logarithms are, coordinates
    of θ whatever the origin: name → index. Profile intervals exist for these.
    logarithmic: those of `coordinates` that stand in θ as logarithms.
    pins: how each parameter is held at a value (`Held`): the coordinate that gives way, and its
    value as an analytic function of (the other coordinates, the parameter's value, origin), θ with
    coordinates along its first axis. A pin may use the coordinates of pins that stand before it.
    held: parameters that are, and their values.
    inside: values that the law allows, of those parameters that may not be 1/2.
    shape: what the law does with growing variables, `falls`, `rises`, `either` or `turns`, which is
    all of them.
    """

    name: str
    variables: tuple[str, ...]
    parameters: tuple[str, ...]
    coordinates: dict[str, int]
    logarithmic: frozenset[str] = frozenset()
    pins: dict[str, Pin]
    held: Mapping[str, float] = MappingProxyType({})
    inside: Mapping[str, float] = MappingProxyType({})
    shape: str = "falls"

    @abstractmethod
    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        """log L and its derivatives by θ."""

    def raw(self, theta: Theta, z: Inputs) -> Evaluated:
        """L and its derivatives by θ; where a law may cross 0, negative values too."""
        mu, jacobian = self.evaluate(theta, z)
        loss = np.exp(mu)
        return loss, jacobian * loss[:, None]

    @abstractmethod
    def natural(self, theta: Theta, origin: Origin) -> Named:
        """The named parameters."""

    @abstractmethod
    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        """θ of the named parameters; the inverse of `natural`."""

    @abstractmethod
    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        """About `count` starting points, a deterministic grid over the non-linear coordinates;
        coordinates in which the loss is linear are projected out."""

    @abstractmethod
    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        """The exponents the law has at these parameters, by variable, or by the stretch each one
        governs."""

    @property
    def size(self) -> int:
        """The number of coordinates."""
        allowed = {**dict.fromkeys(self.parameters, 0.5), **self.inside}
        return len(self.internal(allowed, np.zeros(len(self.variables))))

    def loss(self, values: Mapping[str, float], *x: Losses) -> Losses:
        """The loss at x (one array per variable), noise-free."""
        z = np.log(np.stack([np.asarray(v, float) for v in x]))
        theta = self.internal(values, np.zeros(len(self.variables)))
        return np.exp(self.evaluate(theta[None], z)[0][0])


def itself(index: int) -> Pin:
    """The pin of a parameter that is a coordinate."""
    return index, lambda theta, value, origin: value


def logarithm(index: int) -> Pin:
    """The pin of a parameter whose logarithm is a coordinate."""
    return index, lambda theta, value, origin: np.log(value)


def amplitude(index: int, exponent: int, variable: int) -> Pin:
    """The pin of A in A x^−α: log A − α origin is a coordinate."""
    return index, lambda theta, value, origin: np.log(value) - theta[exponent] * origin[variable]


def line(
    z: Float[np.ndarray, " points"], log_loss: Float[np.ndarray, "starts points"]
) -> tuple[Float[np.ndarray, " starts"], Float[np.ndarray, " starts"]]:
    """Level at z = 0 and exponent of the least-squares line through each row."""
    dz = z - z.mean()
    slope = log_loss @ dz / (dz @ dz)
    return log_loss.mean(1) - slope * z.mean(), -slope


def weights_of_terms(
    terms: Float[np.ndarray, "starts terms points"], log_loss: Float[np.ndarray, " points"]
) -> Float[np.ndarray, "starts terms"]:
    """Coefficients c ≥ 0 of Σ_j c_j terms_j ≈ L, relative squared error, clipped away from 0.

    This is the variable projection: to first order relative errors are errors of log L.
    """
    scaled = terms * np.exp(-log_loss)
    gram = scaled @ scaled.transpose(0, 2, 1)
    size = np.sqrt(np.einsum("sjj->sj", gram))
    gram = gram / (size[:, :, None] * size[:, None, :])
    ridge = 1e-9 * np.eye(gram.shape[1])
    right = scaled.sum(2) / size
    c = np.linalg.solve(gram + ridge, right[..., None])[..., 0]
    # A negative term is switched almost off and the others are scaled to the data again.
    c = np.maximum(c, 1e-3 * np.abs(c).max(1, keepdims=True))
    scale = (c * right).sum(1) / np.maximum(np.einsum("sj,sjk,sk->s", c, gram, c), 1e-300)
    return c * scale[:, None] / size


# ---- parameters that are held ----

STEP = 1e-30


class HeldError(ValueError):
    """Parameters that cannot be held so, in one sentence."""


class Held(Law):
    """`base` with the parameters in `values` held, for a table with this origin.

    Raises HeldError for an unknown parameter, a value that is not finite, or none left free.
    """

    def __init__(self, base: Law, values: Mapping[str, float], origin: Origin) -> None:
        check_held(base, values)
        self.base, self.held, self.origin = base, dict(values), origin
        self.name, self.variables, self.parameters = base.name, base.variables, base.parameters
        self.shape = base.shape
        self.pivots = [base.pins[name][0] for name in base.pins if name in values]
        self.inside = base.inside
        self.free = np.array([i for i in range(base.size) if i not in self.pivots], int)
        if not self.free.size:
            raise HeldError(f"every parameter of {base.name} is held; leave one to be fitted.")
        place = {int(old): new for new, old in enumerate(self.free)}
        self.coordinates = {name: place[i] for name, i in base.coordinates.items() if i in place}
        self.logarithmic = base.logarithmic & self.coordinates.keys()

    def full(self, theta: Float[np.ndarray, "fits free"]) -> Float[np.ndarray, "fits coords"]:
        """θ of the whole law."""
        return self._pinned(np.asarray(theta, float).T).T

    def _pinned(self, free: np.ndarray) -> np.ndarray:
        """All coordinates, along the first axis, of the free ones."""
        whole = np.zeros((self.free.size + len(set(self.pivots)), *free.shape[1:]), free.dtype)
        whole[self.free] = free
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for name, (index, pin) in self.base.pins.items():
                if name in self.held:
                    whole[index] = pin(whole, self.held[name], self.origin)
        return whole

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        mu, whole = self.base.evaluate(self.full(theta), z)
        return mu, self._free(theta, whole)

    def _free(self, theta: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Derivatives by the free coordinates, of those by all."""
        jacobian = whole[:, self.free]
        turned = theta.T[:, None] + STEP * 1j * np.eye(self.free.size)[:, :, None]
        slope = self._pinned(turned).imag / STEP  # [coords, free, fits]
        for pivot in set(self.pivots):
            if slope[pivot].any():
                jacobian = jacobian + whole[:, pivot, None] * slope[pivot].T[:, :, None]
        return jacobian

    def raw(self, theta: Theta, z: Inputs) -> Evaluated:
        loss, whole = self.base.raw(self.full(theta), z)
        return loss, self._free(theta, whole)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        return self.base.natural(self.full(theta), self.origin)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        return self.base.internal(values, origin)[self.free]

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        found = self.base.starts(z, log_loss, count)[:, self.free]
        return found[np.unique(found.round(12), axis=0, return_index=True)[1]]

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return self.base.exponents(values)

    def check_values(self, theta: Float[np.ndarray, "fits free"], z: np.ndarray) -> None:
        """Raise HeldError if the law has no losses, or other parameters, with the values held."""
        with np.errstate(all="ignore"):
            found = self.natural(theta, self.origin)
            finite = np.isfinite(self.evaluate(theta, z)[0]).all(1)
        wanted = [self.held.get(name, np.nan) for name in self.parameters]
        off = np.abs(found - wanted) > 1e-6 * np.abs(wanted) + 1e-12
        if not finite.any() or off[finite].any(1).all():
            said = ", ".join(f"{name} = {value:g}" for name, value in self.held.items())
            raise HeldError(f"{self.name} has no losses with {said}; hold other values.")


def check_held(law: Law, values: Mapping[str, float]) -> None:
    """Raise HeldError for a name that is no parameter of the law, or a value that is no number."""
    for name, value in values.items():
        if name not in law.parameters:
            raise HeldError(
                f"{law.name} has no parameter {name!r} to hold; its parameters are "
                f"{', '.join(law.parameters)}.{question(name, law.parameters)}"
            )
        if not np.isfinite(value):
            raise HeldError(f"{name} is held at {value}; give a finite number, as in {name}=0.")


# ---- descent ----

RESIDUALS = ("log", "raw")
RISING = 1e-3  # relative rise of S by a step of the polish that is no rounding
BATCH = 400_000  # numbers in one Jacobian: more neither fits the processor's cache nor is faster


@dataclass(frozen=True)
class Objective:
    """Objective to minimise. log_loss: log L of the rows, shape [points]. z: inputs minus origin.
    huber: δ, None for squares. residual: `log` or `raw`. scale: factor of each residual, the
    inverse of its standard deviation over a typical one; None: all are alike."""

    law: Law
    z: Float[np.ndarray, "variables *curves points"]
    log_loss: Float[np.ndarray, "*curves points"]
    huber: float | int | None = None
    residual: str = "log"
    scale: Float[np.ndarray, "*curves points"] | None = None

    def at(self, which: Any) -> "Objective":
        """That of some of the fits; all have the same."""
        return self

    def residuals(
        self, theta: Float[np.ndarray, "fits coords"]
    ) -> tuple[Float[np.ndarray, "fits points"], Float[np.ndarray, "fits coords points"]]:
        """r, and the derivatives of μ or exp μ by θ. NaN where θ is outside the law's domain."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self.residual == "log":
                mu, jacobian = self.law.evaluate(theta, self.z)
                r = self.log_loss - mu
            else:
                loss, jacobian = self.law.raw(theta, self.z)
                r = np.exp(self.log_loss) - loss
            if self.scale is None:
                return r, jacobian
            return r * self.scale, jacobian * self.scale

    def rho(self, r: np.ndarray) -> np.ndarray:
        """ρ of each residual."""
        if self.huber is None:
            return r * r
        size = np.abs(r)
        return np.where(size <= self.huber, r * r / 2, self.huber * (size - self.huber / 2))

    def insensitive_coordinates(
        self, jacobian: Float[np.ndarray, "fits coords points"], least: float = 1e-4
    ) -> Bool[np.ndarray, "fits coords"]:
        """The coordinates that change no log loss by `least`: their term vanished, they may be
        anything."""
        unit = jacobian if self.residual == "log" else jacobian / np.exp(self.log_loss)
        unit = unit if self.scale is None else unit / self.scale
        return np.abs(unit).max(2) < least


@dataclass(frozen=True)
class Stack(Objective):
    """Objectives of many curves of as many points, each fit with its own. z, log_loss, scale: with
    an axis of curves before that of points. curve: of each fit."""

    curve: Int[np.ndarray, " fits"] = field(default_factory=lambda: np.zeros(0, int))

    def at(self, which: Any) -> Objective:
        return replace(self, curve=self.curve[which])

    def residuals(
        self, theta: Float[np.ndarray, "fits coords"]
    ) -> tuple[Float[np.ndarray, "fits points"], Float[np.ndarray, "fits coords points"]]:
        scale = None if self.scale is None else self.scale[self.curve]
        own = Objective(
            self.law, self.z[:, self.curve], self.log_loss[self.curve], self.huber, self.residual,
            scale,
        )  # fmt: skip
        return own.residuals(theta)


def descend(
    objective: Objective,
    theta: Float[np.ndarray, "fits coords"],
    *,
    weights: Float[np.ndarray, "fits points"] | None = None,
    held: Bool[np.ndarray, "fits coords"] | None = None,
    iterations: int = 100,
    tolerance: float = 1e-10,
) -> tuple[Float[np.ndarray, "fits coords"], Float[np.ndarray, " fits"]]:
    """Minimise from each row of `theta`; returns the end points and their S (inf: never finite).

    weights: of the rows, per fit (bootstrap counts). held: coordinates that must not move.
    tolerance: relative gain of S that ends a descent. Fits are independent and run in batches of
    bounded memory.
    """
    size = max(BATCH // (theta.shape[1] * objective.log_loss.shape[-1]), 1)
    parts = [
        _descend(
            objective.at(slice(i, i + size)),
            theta[i : i + size],
            None if weights is None else weights[i : i + size],
            None if held is None else held[i : i + size],
            iterations,
            tolerance,
        )
        for i in range(0, len(theta), size)
    ]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def polish_to_stationary(
    objective: Objective, theta: Float[np.ndarray, " coords"], *, steps: int = 50
) -> tuple[
    Float[np.ndarray, " coords"], Float[np.ndarray, " points"], Float[np.ndarray, "coords points"]
]:
    """The stationary point of S beside the end of a descent, with r and its derivatives there, by
    undamped steps for as long as the decrement falls and S does not rise. Coordinates that the data
    do not see at the start stay.

    Two to ten steps for squares. Reweighted squares close in by a tenth a step where δ is far below
    the noise: the steps run out, and θ is known to some 1e-7.
    """
    undamped = np.zeros(1)
    r, jacobian = objective.residuals(theta[None])
    still = objective.insensitive_coordinates(jacobian)
    step, decrement = _step(r, jacobian, objective.huber, undamped, None, still)
    for _ in range(steps):
        trial = theta + step[0]
        r_new, jacobian_new = objective.residuals(trial[None])
        step, less = _step(r_new, jacobian_new, objective.huber, undamped, None, still)
        rise = float((objective.rho(r_new[0]) - objective.rho(r[0])).sum())
        # NaN outside the domain of the law; far off a decrement may vanish where S is large
        if not less < decrement or rise > RISING * float(objective.rho(r[0]).sum()) + 1e-20:
            break
        theta, r, jacobian, decrement = trial, r_new, jacobian_new, less
    return theta, r[0], jacobian[0]


def _descend(
    objective: Objective,
    theta: Float[np.ndarray, "fits coords"],
    weights: Float[np.ndarray, "fits points"] | None,
    held: Bool[np.ndarray, "fits coords"] | None,
    iterations: int,
    tolerance: float,
) -> tuple[Float[np.ndarray, "fits coords"], Float[np.ndarray, " fits"]]:
    theta = np.array(theta, float)
    fits = len(theta)
    delta = objective.huber

    def total(r: np.ndarray, w: np.ndarray | None) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            s = objective.rho(r)
            s = s.sum(1) if w is None else (w * s).sum(1)
        return np.where(np.isfinite(s), s, np.inf)

    r, jacobian = objective.residuals(theta)
    cost = total(r, weights)
    # Starts outside the domain of the law have nowhere to go.
    live = np.flatnonzero(np.isfinite(cost))
    r, jacobian = r[live], jacobian[live]
    damping = np.full(fits, 1e-2)
    for _ in range(iterations):
        if not live.size:
            break
        w = None if weights is None else weights[live]
        step, _ = _step(r, jacobian, delta, damping[live], w, None if held is None else held[live])
        trial = theta[live] + step
        r_new, jacobian_new = objective.at(live).residuals(trial)
        cost_new = total(r_new, w)
        better = cost_new < cost[live]
        gain = cost[live] - cost_new
        stuck = ~better & (damping[live] > 1e8)
        done = (better & (gain <= tolerance * cost_new)) | stuck | (cost[live] <= 1e-28)
        theta[live[better]], cost[live[better]] = trial[better], cost_new[better]
        damping[live] = np.where(better, np.maximum(damping[live] / 5, 1e-12), damping[live] * 4)
        stay = ~done
        r = np.where(better[:, None], r_new, r)[stay]
        jacobian = np.where(better[:, None, None], jacobian_new, jacobian)[stay]
        live = live[stay]
    return theta, cost


def _step(
    r: Float[np.ndarray, "fits points"],
    jacobian: Float[np.ndarray, "fits coords points"],
    delta: float | None,
    damping: Float[np.ndarray, " fits"],
    weights: Float[np.ndarray, "fits points"] | None,
    held: Bool[np.ndarray, "fits coords"] | None,
) -> tuple[Float[np.ndarray, "fits coords"], Float[np.ndarray, " fits"]]:
    """The damped step of each fit, and how much it goes downhill, g · step."""
    diagonal = np.arange(jacobian.shape[1])
    scaled = jacobian
    if delta is not None:
        scaled = scaled * np.minimum(1, delta / np.maximum(np.abs(r), 1e-300))[:, None]
    if weights is not None:
        scaled = scaled * weights[:, None]
    hessian = scaled @ jacobian.transpose(0, 2, 1)
    downhill = (scaled @ r[..., None])[..., 0]
    size = hessian[:, diagonal, diagonal]
    size = np.maximum(size, 1e-14 * size.max(1, keepdims=True)) + 1e-300
    hessian[:, diagonal, diagonal] = size * (1 + damping[:, None])
    if held is not None:
        free = ~held
        hessian *= free[:, :, None] & free[:, None, :]
        downhill = downhill * free
        hessian[:, diagonal, diagonal] += ~free
    # Solved in units of the diagonal: amplitudes and exponents differ by orders.
    unit = np.sqrt(np.maximum(hessian[:, diagonal, diagonal], 1e-300))
    matrix = hessian / (unit[:, :, None] * unit[:, None, :])
    matrix[:, diagonal, diagonal] += 1e-14
    step = np.linalg.solve(matrix, (downhill / unit)[..., None])[..., 0] / unit
    return step, (downhill * step).sum(1)
