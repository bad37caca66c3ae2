"""Whole-problem optimisers: a student's loss on one fixed batch, and rules that minimise it.

With f the student, n points and k outputs, the residuals of a mean of squares are
r = (f(x_i; θ)_j − y_ij)/√(nk), so that L(θ) = |r|². Rules take (problem, parameters, steps):

    L-BFGS         of any loss, with a zoom line search (Nocedal and Wright, chapters 3 and 7)
    Gauss–Newton   δ = −(A + μ)⁻¹ g with g = 2Jᵀr and A = 2JᵀJ, J = ∂r/∂θ; of squares only

A step δ is accepted where the loss falls. The gain ratio ρ, the fall over the one that the model
L + gᵀδ + ½ δᵀAδ foresees, then sets the damping μ of each student: μ max(1/3, 1 − (2ρ − 1)³), or
after a rejected step μ ν, with ν = 2 and doubled each time (Nielsen 1999, IMM-REP-1999-05). The
model leaves out Σ r ∂²r: where residuals stay large at the optimum convergence is linear. A step
whose loss is not finite is rejected, and a student that starts at one stays there.

Eigenvectors of A serve singular A at any damping, which a Cholesky factor would not; `newton` is
the step for any symmetric A, by its absolute values (Dauphin et al., arXiv 1406.2572).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from jaxtyping import Float

from lab.data.task import squared
from lab.kinds.optimisers import OPTIMISERS, WholeProblem
from lab.kinds.student import STUDENTS, StudentSpec

if TYPE_CHECKING:
    from jaxtyping import Array

START = 1e-3
"""First damping, in units of the largest entry on the diagonal of A."""
MOST_GROWTH = 2.0**10
"""The largest ν, so that a student that is stuck does not reach an infinite damping."""
EIGH = 9
"""Operations of all eigenvectors of a symmetric matrix, by N³ (Golub and Van Loan, §8.3)."""
DOUBLE_RATE = 3e10
"""FLOP/s of JᵀJ and of its eigenvectors in double precision."""
ENTRY = 1.2e-8
"""Seconds of one entry of J (measured at 4096 points and N = 51, 151)."""
MEMORY = 20
"""Vectors of N numbers that L-BFGS keeps: ten steps and the changes of the gradient in them."""


@OPTIMISERS.add
class Lbfgs(WholeProblem):
    """L-BFGS with a zoom line search, which looks at about two points."""

    name: Literal["lbfgs"] = "lbfgs"
    title: ClassVar[str] = "L-BFGS"
    defaults: ClassVar[Mapping[str, Any]] = {"rate": 1.0, "beta1": 0.9, "beta2": 0.999}

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return lbfgs

    @classmethod
    def numbers(cls, *, N: int, residuals: int) -> float:
        return MEMORY * N


@OPTIMISERS.add
class GaussNewton(WholeProblem):
    """Gauss–Newton with the damping of Levenberg and Marquardt, for N up to a few hundred.

    A step evaluates the Jacobian at one point and the loss at another. Its products of JᵀJ square
    the condition of J: single precision ends some orders of magnitude higher than double, which is
    its default.
    """

    name: Literal["gauss-newton"] = "gauss-newton"
    title: ClassVar[str] = "Gauss–Newton"
    defaults: ClassVar[Mapping[str, Any]] = {
        **Lbfgs.defaults, "precision": "float64", "steps": 100, "batch": 4096
    }  # fmt: skip
    squares: ClassVar[bool] = True

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        return gauss_newton

    @classmethod
    def flops(cls, *, N: int, residuals: int) -> float:
        return 2 * residuals * N**2 + EIGH * N**3

    @classmethod
    def seconds(cls, *, N: int, residuals: int) -> float:
        return cls.flops(N=N, residuals=residuals) / DOUBLE_RATE + ENTRY * residuals * N

    @classmethod
    def numbers(cls, *, N: int, residuals: int) -> float:
        """J by layers and in one piece; JᵀJ, its eigenvectors, and their work space."""
        return 2 * residuals * N + 4 * N**2


@dataclass(frozen=True)
class Problem:
    """One student on one fixed batch, as functions of its parameters.

    Attributes:
        loss: L(θ), [].
        residuals: r(θ) with L = |r|², [R]; None where the loss is no mean of squares.
        jacobian: ∂r/∂θ, [R, N], columns in the order of `ravel_pytree`; None as well.
    """

    loss: Callable[[Any], Array]
    residuals: Callable[[Any], Array] | None
    jacobian: Callable[[Any], Array] | None


def problem(
    student: StudentSpec,
    loss: str,
    power: float,
    scale: Array,
    x: Float[Array, "D_amb n"],
    y: Float[Array, "outputs n"],
) -> Problem:
    """The problem of a student on n points, whose coordinates it sees times `scale`."""
    import jax
    import jax.numpy as jnp

    network = STUDENTS[student.kind].network()
    size = y.size**0.5

    def value(p: Any) -> Array:
        from lab.data import sets

        return sets.losses(loss, power, network.apply(student, p, scale * x), y)

    def residuals(p: Any) -> Array:
        return (network.apply(student, p, scale * x) - y).T.ravel() / size

    def jacobian(p: Any) -> Array:
        """Row by row, in reverse: in one piece every row would pass through all points."""

        def slopes(point: Array, output: Array) -> Any:
            def answer(p: Any) -> Array:
                f: Array = network.apply(student, p, scale * point[:, None])
                return f[output, 0]

            return jax.grad(answer)(p)

        outputs = y.shape[0]
        rows = jnp.repeat(x, outputs, axis=1), jnp.tile(jnp.arange(outputs), x.shape[1])
        by_leaf = jax.tree.leaves(jax.vmap(slopes, (1, 0))(*rows))
        return jnp.concatenate([leaf.reshape(y.size, -1) for leaf in by_leaf], axis=1) / size

    if not squared(loss, power):
        return Problem(value, None, None)
    return Problem(value, residuals, jacobian)


def lbfgs(problem: Problem, parameters: Any, steps: int) -> Any:
    """The parameters after so many steps of L-BFGS."""
    import jax
    import optax

    rule, value = optax.lbfgs(), problem.loss

    def step(carry: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], None]:
        p, state = carry
        v, g = optax.value_and_grad_from_state(value)(p, state=state)
        with jax.numpy_dtype_promotion("standard"):  # optax multiplies counts of steps by floats
            u, state = rule.update(g, state, p, value=v, grad=g, value_fn=value)
        return (optax.apply_updates(p, u), state), None

    carry = (parameters, rule.init(parameters))
    return jax.lax.scan(step, carry, length=steps)[0][0]


def gauss_newton(problem: Problem, parameters: Any, steps: int) -> Any:
    """The parameters after so many steps of Gauss–Newton, the rejected ones among them.

    Raises ValueError for a loss without residuals.
    """
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    residuals, jacobian = problem.residuals, problem.jacobian
    if residuals is None or jacobian is None:
        raise ValueError("Gauss–Newton needs residuals; take a loss that is a mean of squares")
    start, unravel = ravel_pytree(parameters)
    digits = jnp.finfo(start.dtype)

    def step(carry: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], None]:
        theta, value, share, growth = carry
        p = unravel(theta)
        J, r = jacobian(p), residuals(p)
        A, g = 2 * J.T @ J, 2 * J.T @ r
        damping = share * jnp.max(jnp.diag(A))
        delta = newton(A, g, damping)
        there = problem.loss(unravel(theta + delta))
        foreseen = 0.5 * delta @ (damping * delta - g)
        better = there < value
        gain = (value - there) / jnp.maximum(foreseen, digits.tiny)
        share = share * jnp.where(better, jnp.maximum(1 / 3, 1 - (2 * gain - 1) ** 3), growth)
        return (
            jnp.where(better, theta + delta, theta), jnp.where(better, there, value),
            jnp.clip(share, digits.eps, 1 / digits.eps),
            jnp.where(better, 2.0, jnp.minimum(2 * growth, MOST_GROWTH)),
        ), None  # fmt: skip

    one = jnp.ones((), start.dtype)
    carry: tuple[Array, ...] = (start, problem.loss(parameters), START * one, 2 * one)
    return unravel(jax.lax.scan(step, carry, length=steps)[0][0])


def newton(
    curvature: Float[Array, "N N"], slope: Float[Array, " N"], damping: Float[Array, ""] | float
) -> Float[Array, " N"]:
    """The damped step −(|A| + μ)⁻¹ g, |A| with the absolute values of the eigenvalues of A."""
    import jax.numpy as jnp

    values, axes = jnp.linalg.eigh(curvature)
    return -(axes @ ((axes.T @ slope) / (jnp.abs(values) + damping)))
