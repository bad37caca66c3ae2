"""A law with some of its parameters held at given values, as in `--hold E=0`.

A held parameter is a constraint on the coordinates θ of the law. It gives way in one of them, its
pivot (`Law.pins`), and the others are free:

    θ_pivot = g(θ_free),   ∂μ/∂θ_free = ∂μ/∂θ_free|θ_pivot + ∂μ/∂θ_pivot ∂g/∂θ_free,

so amplitudes may be held, which are no coordinates themselves. ∂g is the complex-step derivative,
exact to round-off (Squire & Trapp 1998). What counts coordinates (degrees of freedom, AICc,
intervals) counts the free ones.

What it does not do: inequalities, or ties between parameters.
"""

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
from jaxtyping import Float

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
)

STEP = 1e-30


class HeldError(ValueError):
    """Parameters that cannot be held so, in one sentence."""


class Held(Law):
    """`base` with the parameters in `values` held, for a table with this origin.

    Raises HeldError for an unknown parameter, a value that is not finite, or none left free.
    """

    def __init__(self, base: Law, values: Mapping[str, float], origin: Origin) -> None:
        check(base, values)
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


def check(law: Law, values: Mapping[str, float]) -> None:
    """Raise HeldError for a name that is no parameter of the law, or a value that is no number."""
    for name, value in values.items():
        if name not in law.parameters:
            near = get_close_matches(name, law.parameters, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise HeldError(
                f"{law.name} has no parameter {name!r} to hold; its parameters are "
                f"{', '.join(law.parameters)}.{hint}"
            )
        if not np.isfinite(value):
            raise HeldError(f"{name} is held at {value}; give a finite number, as in {name}=0.")
