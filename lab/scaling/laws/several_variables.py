"""Laws of two and three variables; their papers write them in parameters N = x, samples D = y and
steps S = z.

    chinchilla   E + A x^−α + B y^−β                                   Hoffmann et al. 2022
    kaplan       [(N_c/x)^(α_N/α_D) + D_c/y]^α_D                       Kaplan et al. 2020
    rosenfeld    ε₀ ε̃/|ε̃ − iη|,  ε̃ = a y^−α + b x^−β + c            Rosenfeld et al. 2020
    power-mean   E + [(A x^−α)^q + (B y^−β)^q]^(1/q)                   q = 1 additive, q → ∞ max
    max          E + max(A x^−α, B y^−β)
    product      E + A x^−α y^−β
    powers       c x^−α y^−β                                    α or β below 0 where it rises
    three-terms  E + A x^−α + B y^−β + G z^−γ
    kaplan-steps [(N_c/x)^(α_N/α_D) + D_c/y]^α_D + (S_c/z)^α_S         Kaplan et al. 2020, (1.5)
                 with the term of steps of (1.6)

Rosenfeld's envelope depends on ε̃/η only: (a, b, c, η) and λ(a, b, c, η) are one law. The lab
fixes the gauge η = ε₀, in which L ≈ ε̃ where ε̃ ≪ ε₀, so that a, b, c are in units of loss.
All amplitudes are positive; an E that the data push to 0 is reported as a bound. Steps at a batch
that is not large are no S_min, and S_c is then in units of such steps.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

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
    logarithm,
    weights_of_terms,
)

EXPONENT_GRID = (0.05, 1.2)


def _grid(count: int, lo: float, hi: float) -> tuple[np.ndarray, np.ndarray]:
    side = max(round(count**0.5), 3)
    grid = np.linspace(lo, hi, side)
    one, two = np.meshgrid(grid, grid, indexing="ij")
    return one.ravel(), two.ravel()


def sum_of_terms(terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log Σ exp(terms) over axis 1, and the share of each term."""
    top = terms.max(1, keepdims=True)
    part = np.exp(terms - top)
    total = part.sum(1, keepdims=True)
    return (top + np.log(total))[:, 0], part / total


def _flat(value: np.ndarray, points: int) -> np.ndarray:
    return np.broadcast_to(value[:, None], (value.size, points))


class Chinchilla(Law):
    """θ = (log E, a, b, α, β) with A = exp(a + α origin_x), B = exp(b + β origin_y)."""

    name, variables = "chinchilla", ("x", "y")
    parameters = ("E", "A", "B", "alpha", "beta")
    coordinates = {"E": 0, "alpha": 3, "beta": 4}
    logarithmic = frozenset({"E"})
    pins = {
        "alpha": itself(3),
        "beta": itself(4),
        "E": logarithm(0),
        "A": amplitude(1, 3, 0),
        "B": amplitude(2, 4, 1),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        e, a, b, alpha, beta = theta.T
        mu, share = sum_of_terms(
            np.stack(
                [
                    _flat(e, z.shape[1]),
                    a[:, None] - alpha[:, None] * z[0],
                    b[:, None] - beta[:, None] * z[1],
                ],
                1,
            )
        )
        return mu, np.concatenate([share, -share[:, 1:] * z], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        e, a, b, alpha, beta = theta.T
        return np.stack(
            [np.exp(e), np.exp(a + alpha * origin[0]), np.exp(b + beta * origin[1]), alpha, beta], 1
        )

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        v = values
        return np.array(
            [
                np.log(v["E"]),
                np.log(v["A"]) - v["alpha"] * origin[0],
                np.log(v["B"]) - v["beta"] * origin[1],
                v["alpha"],
                v["beta"],
            ]
        )

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        alpha, beta = _grid(count, *EXPONENT_GRID)
        terms = np.exp(
            np.stack(
                [np.zeros((alpha.size, z.shape[1])), -alpha[:, None] * z[0], -beta[:, None] * z[1]],
                1,
            )
        )
        return np.column_stack([np.log(weights_of_terms(terms, log_loss)), alpha, beta])

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha"], "y": values["beta"]}


class Kaplan(Law):
    """log L = α_D log(e^(p − r z_x) + e^(s − z_y)), r = α_N/α_D, θ = (p, s, r, α_D)."""

    name, variables = "kaplan", ("x", "y")
    parameters = ("N_c", "D_c", "alpha_N", "alpha_D")
    coordinates = {"alpha_D": 3}
    # α_N = r α_D gives way in r, N_c = exp(p/r + origin) in p.
    pins = {
        "alpha_D": itself(3),
        "alpha_N": (2, lambda t, alpha, o: alpha / t[3]),
        "N_c": (0, lambda t, size, o: t[2] * (np.log(size) - o[0])),
        "D_c": (1, lambda t, size, o: np.log(size) - o[1]),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        p, s, r, alpha = (t[:, None] for t in theta.T)
        total, share = sum_of_terms(np.stack([p - r * z[0], s - z[1] + 0 * p], 1))
        n, d = alpha * share[:, 0], alpha * share[:, 1]
        return alpha * total, np.stack([n, d, -n * z[0], total], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        p, s, r, alpha = theta.T
        return np.stack([np.exp(p / r + origin[0]), np.exp(s + origin[1]), r * alpha, alpha], 1)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        r = values["alpha_N"] / values["alpha_D"]
        return np.array(
            [
                r * (np.log(values["N_c"]) - origin[0]),
                np.log(values["D_c"]) - origin[1],
                r,
                values["alpha_D"],
            ]
        )

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        side = max(round(count**0.5), 3)
        grid = np.meshgrid(np.geomspace(0.2, 5, side), np.geomspace(0.02, 1.5, side))
        r, alpha = (g.ravel() for g in grid)
        rows, level = [], log_loss.mean()
        for power in np.unique(alpha):  # L^(1/α_D) is linear in the two amplitudes
            rr = r[alpha == power]
            terms = np.exp(np.stack([-rr[:, None] * z[0], -z[1] + 0 * rr[:, None]], 1))
            c = np.log(weights_of_terms(terms, (log_loss - level) / power)) + level / power
            rows.append(np.column_stack([c, rr, np.full(rr.size, power)]))
        return np.concatenate(rows)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha_N"], "y": values["alpha_D"]}


class Rosenfeld(Law):
    """log L = t + k − ½ log(e^2t + e^2k), t = log ε̃, k = log ε₀, θ = (a, b, log c, α, β, k)."""

    name, variables = "rosenfeld", ("x", "y")
    parameters = ("a", "b", "c", "alpha", "beta", "epsilon0", "eta")
    coordinates = {"c": 2, "alpha": 3, "beta": 4, "epsilon0": 5}
    logarithmic = frozenset({"c", "epsilon0"})
    pins = {
        "alpha": itself(3),
        "beta": itself(4),
        "a": amplitude(0, 3, 1),
        "b": amplitude(1, 4, 0),
        "c": logarithm(2),
        "epsilon0": logarithm(5),
        "eta": logarithm(5),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        a, b, c, alpha, beta, k = theta.T
        t, share = sum_of_terms(
            np.stack(
                [
                    a[:, None] - alpha[:, None] * z[1],
                    b[:, None] - beta[:, None] * z[0],
                    _flat(c, z.shape[1]),
                ],
                1,
            )
        )
        k = k[:, None]
        below = expit(2 * (k - t))  # 1 far below the ceiling
        mu = t + k - 0.5 * np.logaddexp(2 * t, 2 * k)
        inner = np.concatenate([share, -share[:, :1] * z[1], -share[:, 1:2] * z[0]], 1)
        return mu, np.concatenate([inner * below[:, None], (1 - below)[:, None]], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        a, b, c, alpha, beta, k = theta.T
        return np.stack(
            [
                np.exp(a + alpha * origin[1]),
                np.exp(b + beta * origin[0]),
                np.exp(c),
                alpha,
                beta,
                np.exp(k),
                np.exp(k),
            ],
            1,
        )

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        v = values
        gauge = np.log(v["epsilon0"] / v["eta"])
        return np.array(
            [
                np.log(v["a"]) - v["alpha"] * origin[1] + gauge,
                np.log(v["b"]) - v["beta"] * origin[0] + gauge,
                np.log(v["c"]) + gauge,
                v["alpha"],
                v["beta"],
                np.log(v["epsilon0"]),
            ]
        )

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        rows = []
        for over in (0.05, 0.3, 1.5):  # ceilings above the largest loss
            top = np.exp(log_loss.max()) * (1 + over)
            inner = log_loss - 0.5 * np.log1p(-np.exp(2 * log_loss) / top**2)
            alpha, beta = _grid(count // 3, 0.1, 2.0)
            terms = np.exp(
                np.stack(
                    [
                        -alpha[:, None] * z[1],
                        -beta[:, None] * z[0],
                        np.zeros((alpha.size, z.shape[1])),
                    ],
                    1,
                )
            )
            c = np.log(weights_of_terms(terms, inner))
            rows.append(np.column_stack([c, alpha, beta, np.full(alpha.size, np.log(top))]))
        return np.concatenate(rows)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["beta"], "y": values["alpha"]}


class PowerMean(Law):
    """M = (1/q) log(e^(q T_x) + e^(q T_y)), L = e^e + e^M, θ = (e, a, b, α, β, log q)."""

    name, variables = "power-mean", ("x", "y")
    parameters = ("E", "A", "B", "alpha", "beta", "q")
    coordinates = {"E": 0, "alpha": 3, "beta": 4, "q": 5}
    logarithmic = frozenset({"E", "q"})
    pins = {**Chinchilla.pins, "q": logarithm(5)}

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        e, a, b, alpha, beta, log_q = (t[:, None] for t in theta.T)
        q = np.exp(log_q)
        terms = np.stack([a - alpha * z[0], b - beta * z[1]], 1)
        total, share = sum_of_terms(q[:, None] * terms)
        mean = total / q
        mu = np.logaddexp(e, mean)
        w = np.exp(mean - mu)
        by_terms = w[:, None] * share
        by_q = w * ((share * terms).sum(1) - mean)
        return mu, np.concatenate([(1 - w)[:, None], by_terms, -by_terms * z, by_q[:, None]], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        first = Chinchilla().natural(theta[:, :5], origin)
        return np.column_stack([first, np.exp(theta[:, 5])])

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        return np.append(Chinchilla().internal(values, origin), np.log(values["q"]))

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        first = Chinchilla().starts(z, log_loss, count // 3)
        return np.concatenate(
            [np.column_stack([first, np.full(len(first), np.log(q))]) for q in (0.6, 1.0, 3.0)]
        )

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha"], "y": values["beta"]}


class Max(Law):
    """L = e^e + exp(max(a − α z_x, b − β z_y)), θ = (e, a, b, α, β). One-sided at the crease."""

    name, variables = "max", ("x", "y")
    parameters = ("E", "A", "B", "alpha", "beta")
    coordinates = {"E": 0, "alpha": 3, "beta": 4}
    logarithmic = frozenset({"E"})
    pins = Chinchilla.pins

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        e, a, b, alpha, beta = (t[:, None] for t in theta.T)
        one, two = a - alpha * z[0], b - beta * z[1]
        top = np.maximum(one, two)
        mu = np.logaddexp(e, top)
        w = np.exp(top - mu)
        n, d = w * (one >= two), w * (one < two)
        return mu, np.stack([1 - w, n, d, -n * z[0], -d * z[1]], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        return Chinchilla().natural(theta, origin)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        return Chinchilla().internal(values, origin)

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        return Chinchilla().starts(z, log_loss, count)

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha"], "y": values["beta"]}


class ProductLaw(Law):
    """log L = log(e^e + e^T), T = a − α z_x − β z_y, θ = (e, a, α, β)."""

    name, variables = "product", ("x", "y")
    parameters = ("E", "A", "alpha", "beta")
    coordinates = {"E": 0, "alpha": 2, "beta": 3}
    logarithmic = frozenset({"E"})
    pins = {
        "E": logarithm(0),
        "alpha": itself(2),
        "beta": itself(3),
        "A": (1, lambda t, A, o: np.log(A) - t[2] * o[0] - t[3] * o[1]),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        e, a, alpha, beta = (t[:, None] for t in theta.T)
        term = a - alpha * z[0] - beta * z[1]
        mu = np.logaddexp(e, term)
        w = np.exp(term - mu)
        return mu, np.stack([1 - w, w, -w * z[0], -w * z[1]], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        e, a, alpha, beta = theta.T
        top = a + alpha * origin[0] + beta * origin[1]
        return np.stack([np.exp(e), np.exp(top), alpha, beta], 1)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        v = values
        top = np.log(v["A"]) - v["alpha"] * origin[0] - v["beta"] * origin[1]
        return np.array([np.log(v["E"]), top, v["alpha"], v["beta"]])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        floor = np.exp(log_loss.min()) * np.linspace(0.001, 0.99, max(count, 8))
        y = np.log(np.exp(log_loss) - floor[:, None])
        design = np.vstack([np.ones(z.shape[1]), -z]).T
        return np.column_stack([np.log(floor), np.linalg.lstsq(design, y.T, rcond=None)[0].T])

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha"], "y": values["beta"]}


class Powers(Law):
    """log L = ℓ − α z_x − β z_y, θ = (ℓ, α, β)."""

    name, variables, parameters = "powers", ("x", "y"), ("c", "alpha", "beta")
    coordinates = {"alpha": 1, "beta": 2}
    pins = {
        "alpha": itself(1),
        "beta": itself(2),
        "c": (0, lambda t, c, o: np.log(c) - t[1] * o[0] - t[2] * o[1]),
    }
    shape = "either"

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        level, alpha, beta = (t[:, None] for t in theta.T)
        mu = level - alpha * z[0] - beta * z[1]
        one = np.ones_like(mu)
        return mu, np.stack([one, -z[0] * one, -z[1] * one], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        level, alpha, beta = theta.T
        return np.stack([np.exp(level + alpha * origin[0] + beta * origin[1]), alpha, beta], 1)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        v = values
        level = np.log(v["c"]) - v["alpha"] * origin[0] - v["beta"] * origin[1]
        return np.array([level, v["alpha"], v["beta"]])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        design = np.vstack([np.ones(z.shape[1]), -z]).T
        return np.linalg.lstsq(design, log_loss, rcond=None)[0][None]

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha"], "y": values["beta"]}


# ---- of three variables --------------------------------------------------------------------------


class ThreeTerms(Law):
    """θ = (log E, a, b, g, α, β, γ) with A = exp(a + α origin_x), and so on."""

    name, variables = "three-terms", ("x", "y", "z")
    parameters = ("E", "A", "B", "G", "alpha", "beta", "gamma")
    coordinates = {"E": 0, "alpha": 4, "beta": 5, "gamma": 6}
    logarithmic = frozenset({"E"})
    pins = {
        "alpha": itself(4),
        "beta": itself(5),
        "gamma": itself(6),
        "E": logarithm(0),
        "A": amplitude(1, 4, 0),
        "B": amplitude(2, 5, 1),
        "G": amplitude(3, 6, 2),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        level, powers = theta[:, :4, None], theta[:, 4:, None]
        endless = np.zeros((len(theta), 1, z.shape[1]))
        mu, share = sum_of_terms(level - np.concatenate([endless, powers * z], 1))
        return mu, np.concatenate([share, -share[:, 1:] * z], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        amplitudes = np.exp(theta[:, 1:4] + theta[:, 4:] * origin)
        return np.concatenate([np.exp(theta[:, :1]), amplitudes, theta[:, 4:]], 1)

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        powers = np.array([values[name] for name in ("alpha", "beta", "gamma")])
        logs = np.log([values[name] for name in ("E", "A", "B", "G")])
        logs[1:] -= powers * origin
        return np.concatenate([logs, powers])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        side = max(round(count ** (1 / 3)), 3)
        grid = np.meshgrid(*3 * [np.linspace(*EXPONENT_GRID, side)])
        powers = np.stack([g.ravel() for g in grid], 1)
        terms = np.exp(-np.concatenate(
            [np.zeros((len(powers), 1, z.shape[1])), powers[:, :, None] * z], 1
        ))  # fmt: skip
        return np.column_stack([np.log(weights_of_terms(terms, log_loss)), powers])

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha"], "y": values["beta"], "z": values["gamma"]}


class KaplanSteps(Law):
    """log L = log(e^K + e^(c − α_S z_z)), K that of `Kaplan`, θ = (p, s, r, α_D, c, α_S)."""

    name, variables = "kaplan-steps", ("x", "y", "z")
    parameters = ("N_c", "D_c", "alpha_N", "alpha_D", "S_c", "alpha_S")
    coordinates = {"alpha_D": 3, "alpha_S": 5}
    pins = {
        **Kaplan.pins,
        "alpha_S": itself(5),
        "S_c": (4, lambda t, size, o: t[5] * (np.log(size) - o[2])),
    }

    def evaluate(self, theta: Theta, z: Inputs) -> Evaluated:
        still, slopes = Kaplan().evaluate(theta[:, :4], z[:2])
        c, gamma = theta[:, 4:5], theta[:, 5:]
        mu, share = sum_of_terms(np.stack([still, c - gamma * z[2]], 1))
        moving = share[:, 1:]
        return mu, np.concatenate([share[:, :1] * slopes, moving, -moving * z[2]], 1)

    def natural(self, theta: Theta, origin: Origin) -> Named:
        first = Kaplan().natural(theta[:, :4], origin[:2])
        scale = np.exp(theta[:, 4] / theta[:, 5] + origin[2])
        return np.column_stack([first, scale, theta[:, 5]])

    def internal(self, values: Mapping[str, float], origin: Origin) -> Coords:
        power = values["alpha_S"]
        level = power * (np.log(values["S_c"]) - origin[2])
        return np.concatenate([Kaplan().internal(values, origin[:2]), [level, power]])

    def starts(self, z: Inputs, log_loss: Losses, count: int) -> Starts:
        first = Kaplan().starts(z[:2], log_loss, max(count // 3, 9))
        return np.concatenate([
            np.column_stack([first, np.full(len(first), log_loss.mean()),
                             np.full(len(first), power)])
            for power in (0.2, 0.5, 1.0)
        ])  # fmt: skip

    def exponents(self, values: Mapping[str, float]) -> dict[str, float]:
        return {"x": values["alpha_N"], "y": values["alpha_D"], "z": values["alpha_S"]}
