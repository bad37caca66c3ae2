"""What a law is: a formula for the loss, with its parameters, derivatives and exponents.

A law is a truth object and a model at once. It generates losses from named parameters, knows
which exponents it has, and gives the fitter log L with exact derivatives in internal
coordinates θ, in which parameters that must be positive are logarithms and the inputs are

    z = log x − origin      (one row per variable; `origin` is the mean of log x in the table),

so that no coordinate depends on the units.

What it does not do: fit (`fit.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

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
    pins: how each parameter is held at a value (`held.py`): the coordinate that gives way, and its
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
