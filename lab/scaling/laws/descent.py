"""Robust nonlinear least squares from many starts at once.

Objective, with residuals r = log L − μ(θ) or r = L − L(θ), each times its scale where rows are not
equally certain, and row weights w:

    S(θ) = Σ_i w_i ρ(r_i),   ρ(r) = r²,   or Huber  ρ(r) = r²/2 (|r| ≤ δ),  δ(|r| − δ/2) beyond.

Every start descends by Levenberg–Marquardt with exact derivatives and Marquardt's scaling, which
makes the path independent of the units of each coordinate; convergence is judged on relative
gains, which makes it independent of the scale of S (at δ = 10⁻³, S ~ 10⁻³, absolute tolerances
stop optimisers early: a published fit stopped 5·10⁻⁴ short of its optimum). Huber's ρ is
majorised by reweighted squares (Holland & Welsch 1977), so S falls at every accepted step.

S is flat where it is least, and tells θ apart to √ε of the valley's width only: where a descent
ends within it is up to the rounding of the processor. Its gradient g crosses zero there, and
`settle` goes on to that point, the same on every machine, by the decrement gᵀ H⁻¹ g.

What it does not do: choose starts, or judge the fit; fit many small tables at once inside a box,
which is another problem, see `scans/curves.py`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from lab.scaling.laws.law import Law

RESIDUALS = ("log", "raw")
BATCH = 400_000  # numbers in one Jacobian: more neither fits the processor's cache nor is faster


@dataclass(frozen=True)
class Objective:
    """What is minimised. log_loss: log L of the rows, shape [points]. z: inputs minus origin.
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

    def unseen(
        self, jacobian: Float[np.ndarray, "fits coords points"], least: float = 1e-4
    ) -> Bool[np.ndarray, "fits coords"]:
        """The coordinates that change no log loss by `least`: their term vanished, they may be
        anything."""
        unit = jacobian if self.residual == "log" else jacobian / np.exp(self.log_loss)
        unit = unit if self.scale is None else unit / self.scale
        return np.abs(unit).max(2) < least

    def gradient(self, theta: Float[np.ndarray, " coords"]) -> Float[np.ndarray, " coords"]:
        """∂S/∂θ at unit weights."""
        r, jacobian = self.residuals(theta[None])
        slope = 2 * r if self.huber is None else np.clip(r, -self.huber, self.huber)
        return -(jacobian[0] @ slope[0])


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


def settle(
    objective: Objective, theta: Float[np.ndarray, " coords"], *, steps: int = 50
) -> tuple[
    Float[np.ndarray, " coords"], Float[np.ndarray, " points"], Float[np.ndarray, "coords points"]
]:
    """The stationary point of S beside the end of a descent, with r and its derivatives there, by
    undamped steps for as long as the decrement falls. Coordinates that the data do not see at the
    start stay.

    Two to ten steps for squares. Reweighted squares close in by a tenth a step where δ is far below
    the noise: the steps run out, and θ is known to some 1e-7.
    """
    undamped = np.zeros(1)
    r, jacobian = objective.residuals(theta[None])
    still = objective.unseen(jacobian)
    step, decrement = _step(r, jacobian, objective.huber, undamped, None, still)
    for _ in range(steps):
        trial = theta + step[0]
        r_new, jacobian_new = objective.residuals(trial[None])
        step, less = _step(r_new, jacobian_new, objective.huber, undamped, None, still)
        if not less < decrement:  # NaN outside the domain of the law
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
