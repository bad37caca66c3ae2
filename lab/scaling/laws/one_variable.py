"""Laws of one variable x.

    power         β x^−α                                          where L∞ is known to be 0
    power+floor   β x^−α + floor                                  Hestness et al. 2017
    m3            β (1/x + γ)^α                                   Alabdulmohsin et al. 2022, M3
    m4            (L − floor)/(ceiling − L)^a = β x^−α            the same, M4
    bnsl          a + b x^−c0 (1 + (x/d1)^(1/f1))^(−c1 f1)        Caballero et al. 2022, one break
    saturating    E − A x^−α                                      accuracies: what rises to a limit

`power` fits what rises as well, with α below 0; `bnsl` bends up or down. The floor of power+floor
is signed, see `curves.py`; the others are positive.
m4 is implicit: with v = logit((L − floor)/(ceiling − floor)) its left side is monotone in v and
is solved by Newton's method; derivatives follow from the implicit function theorem.

What it does not do: the many small curves of a scan, which `curves.py` fits faster.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from scipy.special import expit, log_expit

from lab.scaling.laws.law import (
    Coords,
    Evaluated,
    Inputs,
    Law,
    Losses,
    Named,
    Origin,
    Starts,
    Theta,
    amplitude,
    itself,
    line,
    logarithm,
)


def _product(*axes: np.ndarray) -> list[np.ndarray]:
    return [g.ravel() for g in np.meshgrid(*axes, indexing="ij")]


class Power(Law):
    """log L = ℓ − α z, θ = (ℓ, α)."""

    name, variables, parameters = "power", ("x",), ("beta", "alpha")
    coordinates = {"alpha": 1}
    pins = {"alpha": itself(1), "beta": amplitude(0, 1, 0)}
    shape = "either"

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        level, alpha = theta.T[:, :, None]
        mu = level - alpha * z[0]
        return mu, np.stack([np.ones_like(mu), np.broadcast_to(-z[0], mu.shape)], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        level, alpha = theta.T
        return np.stack([np.exp(level + alpha * origin[0]), alpha], 1)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        return np.array([np.log(values["beta"]) - values["alpha"] * origin[0], values["alpha"]])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        return np.stack(line(z[0], log_loss[None]), 1)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"alpha": values["alpha"]}


class PowerFloor(Law):
    """log L = ℓ + log(1 + σ(m − 1)), m = exp(−α z), θ = (ℓ, α, σ); see `curves.py`."""

    name, variables, parameters = "power+floor", ("x",), ("beta", "alpha", "floor")
    coordinates = {"alpha": 1}
    # floor = (1 − σ) e^ℓ gives way in σ, β = σ e^(ℓ + α origin) in ℓ, with σ still to be found.
    pins = {
        "alpha": itself(1),
        "beta": (0, lambda t, beta, o: np.log(beta) - t[1] * o[0] - np.log(t[2])),
        "floor": (2, lambda t, floor, o: 1 - floor * np.exp(-t[0])),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        level, alpha, share = theta.T[:, :, None]
        m = np.exp(-alpha * z[0])
        inner = 1 + share * (m - 1)
        inner = np.where(inner > 0, inner, np.nan)
        mu = level + np.log(inner)
        return mu, np.stack([np.ones_like(mu), -share * m * z[0] / inner, (m - 1) / inner], 1)

    def raw(self, theta: Theta, z: Inputs) -> Evaluated:
        level, alpha, share = theta.T[:, :, None]
        m, top = np.exp(-alpha * z[0]), np.exp(level)
        loss = top * (1 + share * (m - 1))
        return loss, np.stack([loss, -top * share * m * z[0], top * (m - 1)], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        level, alpha, share = theta.T
        return np.stack(
            [share * np.exp(level + alpha * origin[0]), alpha, (1 - share) * np.exp(level)], 1
        )

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        power = values["beta"] * np.exp(-values["alpha"] * origin[0])
        whole = power + values["floor"]
        return np.array([np.log(whole), values["alpha"], power / whole])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        low = np.exp(log_loss.min())
        floor = low * np.concatenate([[-1.0, -0.3], np.linspace(0, 0.99, max(count - 2, 8))])
        # A floor is subtracted only as far as every point stays positive.
        level, alpha = line(z[0], np.log(np.exp(log_loss) - floor[:, None]))
        power = np.exp(level)
        whole = np.maximum(power + floor, 1e-3 * power)
        return np.stack([np.log(whole), np.maximum(alpha, 0.02), power / whole], 1)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"alpha": values["alpha"]}


class Saturating(Law):
    """log L = e + log(1 − e^(a − α z)), θ = (e, a, α): E = e^e, A = E e^(a + α origin)."""

    name, variables, parameters = "saturating", ("x",), ("E", "A", "alpha")
    coordinates = {"E": 0, "alpha": 2}
    logarithmic = frozenset({"E"})
    pins = {
        "E": logarithm(0),
        "alpha": itself(2),
        "A": (1, lambda t, A, o: np.log(A) - t[0] - t[2] * o[0]),
    }
    shape = "rises"

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        e, a, alpha = theta.T[:, :, None]
        gap = np.exp(a - alpha * z[0])
        inner = np.where(gap < 1, 1 - gap, np.nan)
        rate = -gap / inner
        return e + np.log(inner), np.stack([np.ones_like(gap), rate, -z[0] * rate], 1)

    def raw(self, theta: Theta, z: Inputs) -> Evaluated:
        e, a, alpha = theta.T[:, :, None]
        top, gap = np.exp(e), np.exp(a - alpha * z[0])
        loss = top * (1 - gap)
        return loss, np.stack([loss, -top * gap, top * z[0] * gap], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        e, a, alpha = theta.T
        return np.stack([np.exp(e), np.exp(e + a + alpha * origin[0]), alpha], 1)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        e = np.log(values["E"])
        return np.array([e, np.log(values["A"]) - e - values["alpha"] * origin[0], values["alpha"]])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        top = np.exp(log_loss.max()) * (1 + np.geomspace(1e-3, 10, max(count, 8)))
        level, alpha = line(z[0], np.log(1 - np.exp(log_loss) / top[:, None]))
        alpha = np.maximum(alpha, 0.02)
        # every point stays below the limit
        level = np.minimum(level, -1e-3 + alpha * z[0].min())
        return np.stack([np.log(top), level, alpha], 1)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"alpha": values["alpha"]}


class M3(Law):
    """log L = ℓ + α log((e^−z + e^g)/(1 + e^g)), θ = (ℓ, α, g), γ = e^(g − origin)."""

    name, variables, parameters = "m3", ("x",), ("beta", "alpha", "gamma")
    coordinates = {"alpha": 1}
    pins = {
        "alpha": itself(1),
        "gamma": (2, lambda t, gamma, o: np.log(gamma) + o[0]),
        "beta": (0, lambda t, beta, o: np.log(beta) - t[1] * (o[0] - np.log(1 + np.exp(t[2])))),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        level, alpha, g = theta.T[:, :, None]
        grow = np.logaddexp(-z[0], g) - np.logaddexp(0, g)
        return level + alpha * grow, np.stack(
            [np.ones_like(grow), grow, alpha * (expit(g + z[0]) - expit(g))], 1
        )

    def natural(self, theta: Theta, origin: Origin) -> Named:
        level, alpha, g = theta.T
        beta = np.exp(level + alpha * (origin[0] - np.logaddexp(0, g)))
        return np.stack([beta, alpha, np.exp(g - origin[0])], 1)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        g = np.log(values["gamma"]) + origin[0]
        level = np.log(values["beta"]) - values["alpha"] * (origin[0] - np.logaddexp(0, g))
        return np.array([level, values["alpha"], g])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        g = np.linspace(-z[0].max() - 6, -z[0].min() + 2, max(count, 8))
        grow = np.logaddexp(-z[0], g[:, None]) - np.logaddexp(0, g[:, None])
        centred = grow - grow.mean(1, keepdims=True)
        alpha = centred @ log_loss / np.maximum((centred**2).sum(1), 1e-300)
        level = log_loss.mean() - alpha * grow.mean(1)
        return np.stack([level, np.maximum(alpha, 0.02), g], 1)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"alpha": values["alpha"]}


class M4(Law):
    """F(v) = log σ(v) − a log σ(−v) = b − α z − (1 − a) Δ, L = floor + e^Δ σ(v),
    θ = (b, α, log floor, Δ = log(ceiling − floor), log a)."""

    name, variables = "m4", ("x",)
    parameters = ("beta", "alpha", "floor", "ceiling", "a")
    inside = MappingProxyType({"ceiling": 1.0})
    coordinates = {"alpha": 1, "floor": 2, "a": 4}
    logarithmic = frozenset({"floor", "a"})
    pins = {
        "alpha": itself(1),
        "beta": amplitude(0, 1, 0),
        "floor": logarithm(2),
        "a": logarithm(4),
        "ceiling": (3, lambda t, ceiling, o: np.log(ceiling - np.exp(t[2]))),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        b, alpha, low, gap, log_a = theta.T[:, :, None]
        a = np.exp(log_a)
        right = b - alpha * z[0] - (1 - a) * gap
        v = _solve(right, a)
        slope = expit(-v) + a * expit(v)
        floor, power = np.exp(low), np.exp(gap + log_expit(v))
        loss = floor + power
        rate = power * expit(-v) / slope / loss  # ∂ log L / ∂ right
        one = np.ones_like(right)
        return np.log(loss), np.stack(
            [
                rate,
                -z[0] * rate,
                floor / loss * one,
                power / loss - (1 - a) * rate,
                a * (gap + log_expit(-v)) * rate,
            ],
            1,
        )

    def natural(self, theta: Theta, origin: Origin) -> Named:
        b, alpha, low, gap, log_a = theta.T
        return np.stack(
            [
                np.exp(b + alpha * origin[0]),
                alpha,
                np.exp(low),
                np.exp(low) + np.exp(gap),
                np.exp(log_a),
            ],
            1,
        )

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        return np.array(
            [
                np.log(values["beta"]) - values["alpha"] * origin[0],
                values["alpha"],
                np.log(values["floor"]),
                np.log(values["ceiling"] - values["floor"]),
                np.log(values["a"]),
            ]
        )

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        side = max(round(count ** (1 / 3)), 4)
        loss = np.exp(log_loss)
        low, over, log_a = _product(
            np.linspace(0.05, 0.97, side),
            np.geomspace(0.02, 10, side),
            np.linspace(-1.5, 1.5, side),
        )
        floor, ceiling = low * loss.min(), (1 + over) * loss.max()
        left = np.log(loss - floor[:, None]) - np.exp(log_a)[:, None] * np.log(
            ceiling[:, None] - loss
        )
        b, alpha = line(z[0], left)
        return np.stack(
            [b, np.maximum(alpha, 0.02), np.log(floor), np.log(ceiling - floor), log_a], 1
        )

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"alpha": values["alpha"]}


def _solve(right: np.ndarray, a: np.ndarray) -> np.ndarray:
    """v of log σ(v) − a log σ(−v) = right: Newton from the side where the left side is concave
    or convex throughout, so that it never overshoots twice. Fits that have converged or
    overflowed are left out."""
    v = np.divide(right, a, out=right.copy(), where=right >= 0)
    live = np.arange(len(v))
    for _ in range(60):
        now, al = v[live], a[live]
        small = np.exp(-np.abs(now))
        soft, up = np.log1p(small), now >= 0
        left = np.minimum(now, 0) - soft + al * (np.maximum(now, 0) + soft)
        slope = (np.where(up, small, 1) + al * np.where(up, 1, small)) / (1 + small)
        step = (left - right[live]) / slope
        v[live] = now - step
        live = live[np.abs(step).max(1) > 1e-13 * (1 + np.abs(now).max(1))]
        if not live.size:
            break
    return v


class BrokenPower(Law):
    """L = e^e + e^T, T = ℓ − c0 z − c1 f log(1 + exp((z − δ)/f)), θ = (e, ℓ, c0, c1, δ, log f)."""

    name, variables = "bnsl", ("x",)
    parameters = ("a", "b", "c0", "c1", "d1", "f1")
    coordinates = {"a": 0, "c0": 2, "c1": 3, "f1": 5}
    logarithmic = frozenset({"a", "f1"})
    pins = {
        "a": logarithm(0),
        "c0": itself(2),
        "b": amplitude(1, 2, 0),
        "c1": itself(3),
        "d1": (4, lambda t, d1, o: np.log(d1) - o[0]),
        "f1": logarithm(5),
    }
    shape = "turns"

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        e, level, c0, c1, delta, log_f = theta.T[:, :, None]
        f = np.exp(log_f)
        q = (z[0] - delta) / f
        soft = np.logaddexp(0, q)
        term = level - c0 * z[0] - c1 * f * soft
        mu = np.logaddexp(e, term)
        w = np.exp(term - mu)
        return mu, np.stack(
            [
                1 - w,
                w,
                -w * z[0],
                -w * f * soft,
                w * c1 * expit(q),
                -w * c1 * f * (soft - q * expit(q)),
            ],
            1,
        )

    def natural(self, theta: Theta, origin: Origin) -> Named:
        e, level, c0, c1, delta, log_f = theta.T
        return np.stack(
            [
                np.exp(e),
                np.exp(level + c0 * origin[0]),
                c0,
                c1,
                np.exp(delta + origin[0]),
                np.exp(log_f),
            ],
            1,
        )

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        return np.array(
            [
                np.log(values["a"]),
                np.log(values["b"]) - values["c0"] * origin[0],
                values["c0"],
                values["c1"],
                np.log(values["d1"]) - origin[0],
                np.log(values["f1"]),
            ]
        )

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        side = max(round(count ** (1 / 3)), 4)
        # a break ahead of the data, or before them, bends what is seen of it, too
        span = max(np.ptp(z[0]), 1.0)
        beyond = [z[0].min() - 0.2 * span, *(z[0].max() + span * np.array([0.02, 0.1, 0.3]))]
        low, delta, log_f = _product(
            np.linspace(0.01, 0.95, side),
            np.append(np.quantile(z[0], np.linspace(0.1, 0.9, side)), beyond),
            np.linspace(-3.0, 1.5, side),
        )
        floor = low * np.exp(log_loss.min())
        f = np.exp(log_f)[:, None]
        soft = f * np.logaddexp(0, (z[0] - delta[:, None]) / f)
        flat = np.ones_like(soft)
        design = np.stack([flat, -z[0] * flat, -soft], 2)
        y = np.log(np.exp(log_loss) - floor[:, None])
        gram = design.transpose(0, 2, 1) @ design + 1e-9 * np.eye(3)
        level, c0, c1 = np.linalg.solve(gram, design.transpose(0, 2, 1) @ y[..., None])[..., 0].T
        return np.stack([np.log(floor), level, c0, c1, delta, log_f], 1)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"before": values["c0"], "after": values["c0"] + values["c1"]}
