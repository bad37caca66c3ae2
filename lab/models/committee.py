"""Soft committees as teacher and student: exact learning by order parameters (Saad & Solla 1995).

Student Σ_k v_k g(w_k·x/√N) and teacher Σ_m A_m g(B_m·x/√N), g(z) = erf(z/√2), inputs x ~ N(0, I_N),
N → ∞. One sample a step, labels with N(0, σ²) noise,

    w_k ← w_k + (η/√N) v_k g′(λ_k) (y − φ) x,    time = steps/N

All that matters are the overlaps Q = wwᵀ/N [K, K], R = wBᵀ/N [K, M], T = BBᵀ/N [M, M], which obey
ordinary differential equations (Saad & Solla, Phys. Rev. E 52, 4225; with second layers Goldt et
al., arXiv 1906.08632). The generalisation error ½E(φ* − φ)² is

    ε = (1/π)[Σ v_i v_k S(Q_ik, Q_ii, Q_kk) + Σ A_n A_m S(T_nm, T_nn, T_mm)
              − 2 Σ v_i A_n S(R_in, Q_ii, T_nn)],    S(c, a, b) = asin(c/√((1 + a)(1 + b)))

Units of T = I and v = A = 1 unless told. Known of it: the plateau on which student units are all
alike, a fixed point for η → 0; at η > 0 it lies higher (.0121 for .0116, K = 2 and η = .1).
With label noise, trained only in the first layer, the error of K ≥ M ends at

    ε∞ = (ησ²/2π)[M/√3 + (K − M)] + O(η²)

which is 1 to 2 % low at η = .05. A plateau is left at the rate `escape`. K < M units have the
optimum `copy_average`. Finite N adds O(1/N), and a plateau that ends sooner, for units differ by
1/√N at first. Match units (a permutation) before comparing R of two runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.models.numerics import Argument, Numbers, number, numbers, symmetric

__all__ = ["Committee", "Overlaps"]

SETTLED = 2e4
"""Time, over the rate, after which units that are alike have settled on the plateau."""
PRECISION = 1e-10
"""Relative tolerance of the integration in time."""


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Order parameters, at one time or along a trajectory (first axis).

    Attributes:
        Q: student with student [..., K, K].
        R: student with teacher [..., K, M].
        error: generalisation error ½E(φ* − φ)² [...].
        v: second layer of the student [..., K].
        times: steps/N [...]; None of a fixed point.
    """

    Q: np.ndarray
    R: np.ndarray
    error: Numbers
    v: np.ndarray
    times: np.ndarray | None = None

    @property
    def specialisation(self) -> Numbers:
        """Largest difference of one student's overlaps with two teacher units; 0 on the plateau."""
        return np.ptp(self.R, axis=-1).max(-1)[()]


@dataclass(frozen=True)
class Committee:
    """The model of this file.

    Attributes:
        K: units of the student, ≥ 1.
        M: units of the teacher, ≥ 1.
    """

    K: int
    M: int

    def __post_init__(self) -> None:
        numbers("K", number("K", self.K), "[1, inf)", whole=True)
        numbers("M", number("M", self.M), "[1, inf)", whole=True)

    def error(
        self,
        Q: Argument,
        R: Argument,
        T: Argument | None = None,
        v: Argument | None = None,
        A: Argument | None = None,
    ) -> float:
        """Generalisation error ε of the overlaps.

        Args:
            Q [K, K], R [K, M], T [M, M]: overlaps; T is I unless told.
            v [K], A [M]: second layers of student and teacher, 1 unless told.

        Raises ValueError for shapes that do not match, and Q, R, T that are no covariance.
        """
        T, v, A = self._layers(T, v, A)
        return float(_error(self._covariance(Q, R, T), np.concatenate([v, -A])))

    def trajectory(
        self,
        Q0: Argument,
        R0: Argument,
        rate: float,
        noise: float,
        times: Argument,
        *,
        T: Argument | None = None,
        v: Argument | None = None,
        A: Argument | None = None,
        second_rate: float = 0.0,
        precision: float = PRECISION,
    ) -> Overlaps:
        """Overlaps and error along training, at these times.

        Args:
            Q0 [K, K], R0 [K, M]: overlaps at time 0.
            rate: η > 0.
            noise: σ, standard deviation of the label noise.
            times: steps/N [times], ≥ 0 and not decreasing.
            T, v, A: as in `error`; v is the second layer at time 0.
            second_rate: of the second layer, (second_rate/N) g(λ_k)(y − φ) a step; 0 fixes it.
            precision: relative tolerance of the integration, absolute a thousandth of it.
        """
        from scipy.integrate import solve_ivp

        T, v, A = self._layers(T, v, A)
        C = self._covariance(Q0, R0, T)
        η, σ = number("rate", rate, "(0, inf)"), number("noise", noise, "[0, inf)")
        second = number("second_rate", second_rate, "[0, inf)")
        t = np.atleast_1d(numbers("times", times, "[0, inf)"))
        if t.ndim != 1 or not t.size or np.any(np.diff(t) < 0):
            raise ValueError("times are no column that increases; sort them")
        K, M = self.K, self.M
        upper = np.triu_indices(K)

        def unpack(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            full = C.copy()
            full[upper] = full[upper[1], upper[0]] = state[: len(upper[0])]
            full[:K, K:] = state[len(upper[0]) : -K].reshape(K, M)
            full[K:, :K] = full[:K, K:].T
            return full, state[-K:]

        def flow(_: float, state: np.ndarray) -> np.ndarray:
            full, w = unpack(state)
            dQ, dR, dv = _flow(full, w, A, rate=η, noise=σ, second_rate=second)
            return np.concatenate([dQ[upper], dR.ravel(), dv])

        start = np.concatenate([C[:K, :K][upper], C[:K, K:].ravel(), v])
        found = solve_ivp(
            flow, (0.0, t[-1]), start, t_eval=np.unique(t), method="DOP853",
            rtol=precision, atol=precision * 1e-3,
        )  # fmt: skip
        if not found.success or not np.isfinite(found.y).all():
            raise ValueError(f"training diverges at rate = {η:g}; choose a smaller one")
        states = [unpack(state) for state in found.y.T[np.searchsorted(found.t, t)]]
        return Overlaps(
            np.stack([C[:K, :K] for C, _ in states]),
            np.stack([C[:K, K:] for C, _ in states]),
            np.array([_error(C, np.concatenate([w, -A])) for C, w in states]),
            np.stack([w for _, w in states]),
            t,
        )

    def flow(
        self, Q: Argument, R: Argument, *, rate: float = 0.0, noise: float = 0.0
    ) -> tuple[Float[np.ndarray, "K K"], Float[np.ndarray, "K M"]]:
        """dQ/dt and dR/dt over the rate, of the soft committee with T = I; rate 0 is the limit."""
        C = self._covariance(Q, R, np.eye(self.M))
        dQ, dR, _ = _flow(C, np.ones(self.K), np.ones(self.M), rate=rate, noise=noise, over=True)
        return dQ, dR

    def plateau(self) -> Overlaps:
        """The symmetric fixed point of η → 0: all student units alike, R_in = r, Q_ik = M r².

        r² = x solves K²(2M − 1) x² + 2(K² − M) x = 1. For K = M: r = 1/√(K(2K − 1)) and
        ε = (K/π)[π/6 − K asin(1/2K)].
        """
        a, b = self.K**2 * (2 * self.M - 1), self.K**2 - self.M
        x = (np.sqrt(b * b + a) - b) / a if b <= 0 else 1 / (np.sqrt(b * b + a) + b)
        Q = np.full((self.K, self.K), self.M * x)
        R = np.full((self.K, self.M), np.sqrt(x))
        return Overlaps(Q, R, self.error(Q, R), np.ones(self.K))

    def escape(self, rate: float, noise: float = 0.0) -> float:
        """Growth rate λ > 0 of the differences between student units on the plateau of a rate.

        At η > 0 the plateau is R_in = r, Q_ik = q + p δ_ik, where `flow` ends that starts from
        units of this symmetry, p > 0. A change δR_in = a_i b_n with Σ a = Σ b = 0 has a symmetry
        that no other order parameter has, and grows as dδR/dt = λ δR. First weights
        drawn at random differ by 1/√N, so that the plateau lasts ½ ln(N)/λ + const (Biehl, Riegler
        & Wöhler, J. Phys. A 29, 4769).

        Args:
            rate: η > 0. noise: σ, standard deviation of the label noise.

        Raises ValueError for K < 2 or M < 2, and where there is no plateau at this rate.
        """
        from scipy.integrate import solve_ivp

        if min(self.K, self.M) < 2:
            raise ValueError(f"K = {self.K}, M = {self.M} have no units to tell apart; take 2 each")
        η, σ = number("rate", rate, "(0, inf)"), number("noise", noise, "[0, inf)")

        def flow(R: np.ndarray, q: float, p: float) -> tuple[np.ndarray, np.ndarray]:
            Q = np.full((self.K, self.K), q) + p * np.eye(self.K)
            C = np.block([[Q, R], [R.T, np.eye(self.M)]])
            return _flow(C, np.ones(self.K), np.ones(self.M), rate=η, noise=σ, over=True)[:2]

        def moving(_: float, at: np.ndarray) -> list[float]:
            dQ, dR = flow(np.full((self.K, self.M), at[0]), at[1], at[2])
            return [dR[0, 0], dQ[0, 1], dQ[0, 0] - dQ[0, 1]]

        at = self.plateau()
        start = [at.R[0, 0], at.Q[0, 1], 0.2 * at.Q[0, 1]]
        path = solve_ivp(moving, (0.0, SETTLED), start, method="LSODA", rtol=1e-10, atol=1e-12)
        r, q, p = path.y[:, -1]
        if not path.success or not np.max(np.abs(moving(0.0, path.y[:, -1]))) < 1e-6:
            raise ValueError(f"no plateau at rate = {η:g}; choose a smaller one")
        change = np.zeros((self.K, self.M))
        change[:2, :2] = [[1, -1], [-1, 1]]
        more, less = (flow(r + h * change, q, p)[1][0, 0] for h in (1e-5, -1e-5))
        return float(η * (more - less) / 2e-5)

    def copy_average(self) -> Overlaps:
        """The least error that is known of K < M units: K − 1 copy a unit each, one averages the
        m = M − K + 1 others, T = I (Şimşek et al., arXiv 2311.01644).

        With the average's weights r Σ B_n/√m and a second layer a = m S₁/S₂, where
        S₁ = (2/π) asin(r/√m/√(2(1 + r²))) and S₂ = (2/π) asin(r²/(1 + r²)),

            2ε = m/3 − (m S₁)²/S₂,   minimised over r.

        For K ≥ M nothing is averaged, r = 1 and ε = 0. Numerical error of ε: 1e-14.
        """
        from scipy.optimize import minimize_scalar

        m = max(self.M - self.K + 1, 1)

        def layer(r: float) -> tuple[float, float]:
            """The second layer of the average, and 2ε."""
            one = 2 / np.pi * np.arcsin(r / np.sqrt(m) / np.sqrt(2 * (1 + r * r)))
            two = 2 / np.pi * np.arcsin(r * r / (1 + r * r))
            return m * one / two, m / 3 - (m * one) ** 2 / two

        r = 1.0
        if m > 1:
            bounds, tight = (0.05, 20.0), {"xatol": 1e-9}
            r = minimize_scalar(lambda r: layer(r)[1], bounds=bounds, options=tight).x
        w = np.eye(self.K, self.M)
        own = min(self.K, self.M) - 1
        w[own] = 0
        w[own, own : own + m] = r / np.sqrt(m)
        v = np.zeros(self.K)
        v[:own], v[own] = 1, layer(r)[0]
        w[own + 1 :] = 0
        return Overlaps(w @ w.T, w, self.error(w @ w.T, w, v=v), v)

    def noise_floor(self, rate: Argument, noise: Argument) -> Numbers:
        """ε∞ to first order in the rate: the error that label noise sustains, first layer trained.

        Args:
            rate: η ≥ 0.
            noise: σ, standard deviation.

        Raises ValueError for K < M, which never learns the teacher.
        """
        if self.K < self.M:
            raise ValueError(
                f"K = {self.K} units cannot learn M = {self.M}: their error has another floor; "
                "take K ≥ M, or the end of a trajectory"
            )
        η, σ = numbers("rate", rate, "[0, inf)"), numbers("noise", noise, "[0, inf)")
        return (η * σ**2 / (2 * np.pi) * (self.M / np.sqrt(3) + self.K - self.M))[()]

    def _layers(
        self, T: Argument | None, v: Argument | None, A: Argument | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """T, v, A with what they are unless told."""
        student = np.ones(self.K) if v is None else numbers("v", v)
        teacher = np.ones(self.M) if A is None else numbers("A", A)
        for name, layer, count in (("v", student, self.K), ("A", teacher, self.M)):
            if layer.shape != (count,):
                raise ValueError(f"{name} has shape {layer.shape}; give {count} weights")
        own = np.eye(self.M) if T is None else symmetric("T", T, self.M)
        return own, student, teacher

    def _covariance(self, Q: Argument, R: Argument, T: np.ndarray) -> np.ndarray:
        """The covariance of all fields [K + M, K + M]."""
        Q, R = symmetric("Q", Q, self.K), numbers("R", R)
        if R.shape != (self.K, self.M):
            raise ValueError(f"R has shape {R.shape}; give a matrix [{self.K}, {self.M}]")
        return symmetric("[[Q, R], [R', T]]", np.block([[Q, R], [R.T, T]]), self.K + self.M)


def _error(C: np.ndarray, layer: np.ndarray) -> float:
    """ε, with the teacher's second layer negative: ½E(Σ a_i g_i)²."""
    root = np.sqrt(1 + np.diag(C))
    return float(layer @ np.arcsin(C / np.outer(root, root)) @ layer / np.pi)


def _flow(
    C: np.ndarray,
    v: np.ndarray,
    A: np.ndarray,
    *,
    rate: float,
    noise: float,
    second_rate: float = 0.0,
    over: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dQ/dt, dR/dt and dv/dt; the first two over the rate if told so.

    I3(i, n, m) = E g′(λ_i) λ_n g(λ_m), I4(i, k, n, m) = E g′(λ_i) g′(λ_k) g(λ_n) g(λ_m),
    J2 = E g′(λ_i) g′(λ_k), I2 = E g(λ_i) g(λ_n), of Saad & Solla.
    """
    K = len(v)
    layer = np.concatenate([-v, A])  # y − φ without the noise is Σ layer g
    c = 1 + np.diag(C)
    s = c[:K]
    # g′(λ_i) λ_n g(λ_m), summed over m
    Λ3 = s[:, None] * c[None] - C[:K] ** 2
    direct = (layer / np.sqrt(Λ3)) @ C
    along = (layer * C[:K] / np.sqrt(Λ3)).sum(1)
    drift = 2 / np.pi * (direct - along[:, None] / s[:, None] * C[:K]) * v[:, None]
    dR, dQ = drift[:, K:], drift[:, :K] + drift[:, :K].T
    if rate > 0:
        Q = C[:K, :K]
        Λ4 = s[:, None] * s[None] - Q**2
        ci, ck = C[:K, None, :], C[None, :K, :]  # [i, k, n]
        si, sk, both = s[:, None, None], s[None, :, None], Q[..., None]
        # what the fields n explain beyond i and k: one symmetric form gives Λ0, Λ1 and Λ2
        one, two = ck * si - both * ci, ci * sk - both * ck
        explained = one[..., None] * ck[..., None, :] + two[..., None] * ci[..., None, :]
        Λ0 = Λ4[..., None, None] * C - explained
        Λ1 = Λ4[..., None] + np.diagonal(Λ0, axis1=2, axis2=3)
        angle = np.arcsin(np.clip(Λ0 / np.sqrt(Λ1[..., None] * Λ1[..., None, :]), -1, 1))
        I4 = 4 / np.pi**2 * angle / np.sqrt(Λ4)[..., None, None]
        J2 = 2 / np.pi / np.sqrt(Λ4)
        spread = np.einsum("iknm,n,m->ik", I4, layer, layer) + noise**2 * J2
        dQ = dQ + rate * np.outer(v, v) * spread
    root = np.sqrt(c)
    dv = second_rate * (2 / np.pi) * np.arcsin(C[:K] / np.outer(root[:K], root)) @ layer
    step = 1.0 if over else rate
    return step * dQ, step * dR, dv
