"""What a study's design can show, before any compute is spent, and how often it would be wrong.

Scans of exactly this design are simulated from a truth and judged by the same code that judges
real ones (`estimates.py`, `reading.py`, `verdict.py`):

    log L(k, x, s) = log(β_k x^−α_k + floor) + ε,   α_k ~ N(α, spread²), log β_k ~ N(·, amplitude²),

with ε of standard deviation `noise` between seeds. A truth may also be one that no model of the lab
assumes: a curve that turns to another exponent in the middle of the scan, losses that lack training
at large x, noise that grows, that all teachers share or that is skewed, a smallest x off the law.

Reported: coverage of each interval, bias, how often either verdict is given at each ratio of the
truth to the prediction (so how often it is wrong), how often an interval that misses the truth
carries neither a doubt nor an `undecided`, and the power to tell the truth from named alternatives.

What it does not do: simulate saturation, or the evidence of convergence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from lab.scaling.judge import verdict as rule
from lab.scaling.judge.reading import readings
from lab.scaling.scans.estimate import Estimate
from lab.scaling.scans.estimates import USABLE, estimates
from lab.scaling.scans.intervals import bootstrap
from lab.scaling.scans.scan import Scan

RATIOS = (0.5, 0.7, 0.8, 0.85, 0.9, 1.0, 1.1, 1.15, 1.2, 1.3, 1.5)
"""Truth / prediction at which the verdicts are counted; .85 and 1.15 are the edges of τ = .15."""


@dataclass(frozen=True)
class Truth:
    """Where simulated scans come from. alpha: mean exponent. first: loss at the smallest x without
    the floor. floor: in units of loss. noise: standard deviation of log loss between seeds.
    amplitude, spread: standard deviation between teachers of log β and of α. heavy: seeds scatter
    by Student's t with 3 degrees of freedom; skewed: by an exponential distribution.

    Of truths that are no power law: later: the exponent that the curve turns to, both parts equal
    in the middle of log x. unlearned: relative excess of the loss at the largest x, for want of
    training, growing like x. growth: how many times larger the noise is at the largest x, less one.
    common: standard deviation of log loss that all teachers share at each x. off: shift of the log
    loss at the smallest x."""

    alpha: float | int
    first: float | int = 0.3
    floor: float | int = 0.0
    noise: float | int = 0.15
    amplitude: float | int = 0.3
    spread: float | int = 0.0
    heavy: bool = False
    skewed: bool = False
    later: float | int | None = None
    unlearned: float | int = 0.0
    growth: float | int = 0.0
    common: float | int = 0.0
    off: float | int = 0.0

    @property
    def asymptote(self) -> float | int:
        """The exponent at x → ∞, which is what a study asks for."""
        return self.alpha if self.later is None else self.later

    @staticmethod
    def of(found: Estimate, scan: Scan) -> "Truth":
        """The truth a fitted scan suggests: its curve, and the scatter around it and between
        teachers. The floor is cut at 0, the noise is that of the residuals.

        Raises ValueError for a scan to which nothing was fitted."""
        curves, x = found.curves, found.x
        if curves is None:
            raise ValueError(f"no truth without a fit: {found.refusal}")
        own = 2 if found.law == "power" else 3  # parameters that each teacher has
        dof = max(found.n - own * found.teachers, 1)
        cell = float(np.sqrt(curves.cost.sum() / dof))
        beta = np.maximum(curves.amplitude(), np.finfo(float).tiny)
        first = np.log(beta) - curves.alpha * np.log(x[0])
        u = np.log(x / x[-1])
        share = float(np.clip(np.median(curves.share), 0.05, 1))
        m = np.exp(-found.alpha * u)
        inner = 1 + share * (m - 1)
        design = np.stack([np.ones_like(u), -u * share * m / inner, (m - 1) / inner], 1)[:, :own]
        within = cell**2 * np.linalg.pinv(design.T @ design)[1, 1]
        several = found.teachers > 1
        total = found.teacher_alpha.var(ddof=1) if several else 0.0
        seeds = max(float(np.median(scan.count[scan.count > 0])), 1.0)
        return Truth(
            alpha=found.alpha,
            first=float(np.exp(np.median(first))),
            floor=max(found.parameters["floor"], 0.0),
            noise=cell * np.sqrt(seeds),
            amplitude=float(first.std(ddof=1)) if several else 0.3,
            spread=float(np.sqrt(max(total - within, 0.0))),
        )

    def simulate(
        self,
        x: Float[np.ndarray, " points"],
        teachers: int,
        seeds: int,
        scans: int,
        rng: np.random.Generator,
    ) -> Float[np.ndarray, "scans teachers points"]:
        """log of the geometric mean over seeds of the loss in each cell."""
        u = np.log(x / x[0])
        ratio = 1 + self.spread / self.alpha * rng.standard_normal((scans, teachers, 1))
        level = np.log(self.first) + self.amplitude * rng.standard_normal((scans, teachers, 1))
        curve = level - ratio * self._fall(u)
        size = (scans, teachers, x.size, seeds)
        if self.skewed:
            noise = rng.exponential(size=size) - 1
        elif self.heavy:
            noise = rng.standard_t(3, size) / np.sqrt(3)  # of variance 1
        else:
            noise = rng.standard_normal(size)
        noise = self.noise * (1 + self.growth * u / u[-1]) * noise.mean(-1)
        losses = np.log(np.exp(curve) + self.floor) + noise
        losses += np.log1p(self.unlearned * x / x[-1])
        losses += self.common * rng.standard_normal((scans, 1, x.size))
        losses[..., 0] += self.off
        return losses

    def _fall(self, u: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """−log of the mean curve over u = log(x/x_1), 0 at u = 0."""
        if self.later is None:
            return self.alpha * u
        cross = (self.alpha - self.later) * u[-1] / 2
        both = np.array([self.alpha * u, self.later * u + cross])
        # the larger of two falling parts rules where it flattens, the smaller where it steepens
        sign = -1 if self.later < self.alpha else 1
        fall = sign * np.logaddexp(*(sign * both))
        return fall - fall[0]


def misspecified(truth: Truth) -> dict[str, Truth]:
    """Truths that the estimator does not know of, of the noise and size of this one, by name."""
    a = truth.alpha
    return {
        "bends to half of α": replace(truth, later=a / 2),
        "bends to twice α": replace(truth, later=2 * a),
        "untrained at large x": replace(truth, unlearned=0.5),
        "noise grows threefold": replace(truth, growth=2.0),
        "noise common to teachers": replace(truth, common=truth.noise / 2),
        "first x off by twice the noise": replace(truth, off=2 * truth.noise),
        "skewed seeds": replace(truth, skewed=True),
        "a floor, 10 % of the first loss": replace(truth, floor=0.1 * truth.first),
    }


@dataclass(frozen=True)
class Design:
    """One scan of a study. x: scanned sizes, ascending. prediction, sense, tolerance: as in
    `verdict.py`. alternatives: named exponents that the scan should tell from the truth. law: what
    is fitted. counts: x by every count of size, shape [counts, points], declared the row that is x;
    None where nothing is counted."""

    x: Float[np.ndarray, " points"]
    teachers: int
    seeds: int
    prediction: float | int
    sense: str = "bound"
    tolerance: float | int = 0.15
    alternatives: Mapping[str, float | int] = field(default_factory=dict)
    law: str = "power"
    counts: Float[np.ndarray, "counts points"] | None = None
    declared: int = 0


@dataclass(frozen=True)
class Calibration:
    """What simulated scans of one design showed. coverage: of each nominal 95 % interval, whole
    line. width: median width of each. bias, error: mean and root-mean-square of estimate − truth,
    over usable scans. verdicts: share of each verdict. wrong: share of verdicts that are wrong,
    `contradicts` where the truth is allowed or `agrees` where it is not. silent: share of scans
    whose interval misses the truth without a doubt and without an `undecided`. usable: share with a
    usable status. doubts: share with each doubt. power: share whose quoted interval leaves out each
    alternative. by_ratio: P(agrees) and P(contradicts) by truth / prediction."""

    truth: Truth
    scans: int
    coverage: dict[str, float]
    width: dict[str, float]
    bias: float
    error: float
    verdicts: dict[str, float]
    wrong: float
    silent: float
    usable: float
    doubts: dict[str, float]
    power: dict[str, float]
    by_ratio: dict[float, tuple[float, float]]

    def at_the_edge(self, design: Design) -> tuple[float, float]:
        """The larger P(agrees) and P(contradicts) where the truth is an edge of the region."""
        both = [self.by_ratio[edge] for edge in edges(design)]
        return max(a for a, _ in both), max(c for _, c in both)


def edges(design: Design) -> tuple[float, ...]:
    """Truth / prediction at the edges of what the prediction allows."""
    low, high = round(1 - design.tolerance, 12), round(1 + design.tolerance, 12)
    return (low, high) if design.sense == "equal" else (low,)


def calibrate(
    design: Design,
    truth: Truth,
    *,
    scans: int = 1000,
    seed: int,
    replicates: int = 2000,
    ratios: Sequence[float] = RATIOS,
) -> Calibration:
    """Simulate `scans` scans of a design and judge each.

    seed: of the simulation. replicates: of the cluster bootstrap, exact for few teachers. ratios:
    truth / prediction, at each of which the same scans are judged again.
    A standard error of a coverage near .95 is .007 at 1000 scans.
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(design.x, float)
    losses = truth.simulate(x, design.teachers, design.seeds, scans, rng)
    sizes = np.log(x[None] if design.counts is None else design.counts)
    e = estimates(sizes, losses, declared=design.declared, law=design.law)
    found = readings(e, design.tolerance)
    quoted = np.array([r.interval for r in found]).T
    ends = {"quoted": quoted} | {
        name: (e.alpha - half, e.alpha + half) for name, half in e.halves.items()
    }
    if design.teachers > 1:
        ends |= bootstrap(e.teacher_alpha, replicates=replicates, seed=seed)
    usable = np.array([s in USABLE for s in e.status])
    target = truth.asymptote

    def judged(prediction: float) -> np.ndarray:
        return np.array([
            rule.verdict(r.interval, head=r.head, beyond=r.beyond, usable=bool(u), doubts=r.doubts,
                         prediction=prediction, sense=design.sense, tolerance=design.tolerance)
            for r, u in zip(found, usable, strict=True)
        ])  # fmt: skip

    verdicts = judged(design.prediction)
    low, high = rule.allowed(design.prediction, design.sense, design.tolerance)
    allowed = low <= target <= high
    wrong = verdicts == (rule.CONTRADICTS if allowed else rule.AGREES)
    missed = (quoted[0] > target) | (quoted[1] < target)
    silent = missed & (verdicts != rule.UNDECIDED) & np.array([not r.doubts for r in found])
    off = e.alpha[usable] - target
    slugs = sorted({d for r in found for d in r.doubts})
    return Calibration(
        truth=truth,
        scans=scans,
        coverage={
            k: float(np.mean((lo <= target) & (target <= hi))) for k, (lo, hi) in ends.items()
        },
        width={k: float(np.median(hi - lo)) for k, (lo, hi) in ends.items()},
        bias=float(off.mean()) if off.size else np.nan,
        error=float(np.sqrt((off**2).mean())) if off.size else np.nan,
        verdicts={v: float(np.mean(verdicts == v)) for v in rule.VERDICTS},
        wrong=float(wrong.mean()),
        silent=float(silent.mean()),
        usable=float(usable.mean()),
        doubts={d: float(np.mean([d in r.doubts for r in found])) for d in slugs},
        power={
            name: float(np.mean((other < quoted[0]) | (other > quoted[1])))
            for name, other in design.alternatives.items()
        },
        by_ratio={
            ratio: (float(np.mean(v == rule.AGREES)), float(np.mean(v == rule.CONTRADICTS)))
            for ratio in sorted({*ratios, *edges(design)})
            for v in [judged(target / ratio)]
        },
    )
