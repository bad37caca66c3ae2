"""Laws of three variables x, y and z; their papers write them in parameters N, samples D, steps S.

    three-terms     E + A x^−α + B y^−β + G z^−γ
    kaplan-steps    [(N_c/x)^(α_N/α_D) + D_c/y]^α_D + (S_c/z)^α_S      Kaplan et al. 2020, (1.5)
                    with the term of steps of (1.6)

All amplitudes are positive; an E that the data push to 0 is reported as a bound. Steps at a batch
that is not large are no S_min, and S_c is then in units of such steps.
"""

from collections.abc import Mapping

import numpy as np

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
from lab.scaling.laws.two_variables import EXPONENT_GRID, Kaplan, sum_of_terms


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
