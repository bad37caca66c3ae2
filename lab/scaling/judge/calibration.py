"""Power of a study's design before any compute is spent, and how sure each look must be.

Scans of exactly this design are simulated from a truth and judged by the same code that judges
real ones (`scans/estimate.py`, `exponent.py`, `verdict.py`):

    log L(k, x, s) = log(β_k x^−α_k + floor) + ε,   α_k ~ N(α, spread²), log β_k ~ N(·, amplitude²),

with ε of standard deviation `noise` between seeds. A truth may also be one that no model of the lab
assumes: a curve that turns to another exponent in the middle of the scan, losses that lack training
at large x, noise that grows, that all teachers share or that is skewed, a smallest x off the law.

Reported: coverage of each interval, bias, how often either verdict is given at each ratio of the
truth to the prediction (so how often it is wrong), how often each shape is found, and the power to
tell the truth from named alternatives. The truth of a claim over the range is the least-squares
slope of the mean curve over the design's x, of one about the limit its exponent at x → ∞.

Looks. A study that is run until it is decided is looked at with K_1 < K_2 < … < K_m teachers
(`looks`), and each look may end it. The errors of all looks add up to that of one: with t = K/K_m
the share of the teachers that have been seen, Pocock's spending function (Lan & DeMets, Biometrika
70, 1983)

    α*(t) = α ln(1 + (e − 1) t),    α = .05,

gives look i the share α*(t_i) − α*(t_{i−1}), and its intervals have the level 1 less that share. By
the union bound the exponent lies within the intervals of all looks in .95 of the sequences, so that
at each edge of what a prediction allows at most .025 of the verdicts are wrong, however the looks
depend on each other. Pocock's function rather than O'Brien and Fleming's: theirs leaves the first
look 3 · 10⁻⁸, at which four teachers decide nothing. Known bias: the looks share their teachers,
and the union bound gives nothing back for that: the intervals are some tenth longer than they need
to be.

What it does not do: simulate saturation, or the evidence of convergence; run a sequence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from lab.scaling.judge import verdict as rule
from lab.scaling.judge.exponent import doubts_of_losses as left
from lab.scaling.judge.exponent import readings, ruling, shape
from lab.scaling.judge.verdict import BENT, OPEN, STRAIGHT, Doubt
from lab.scaling.scans.estimate import USABLE, ExponentEstimate, estimates
from lab.scaling.scans.limit import limits
from lab.scaling.scans.lines import bootstrap
from lab.scaling.scans.scan import Interval, Scan

RATIOS = (0.5, 0.7, 0.8, 0.85, 0.9, 1.0, 1.1, 1.15, 1.2, 1.3, 1.5)
"""Truth / prediction at which the verdicts are counted; .85 and 1.15 are the edges of τ = .15."""


@dataclass(frozen=True)
class Truth:
    """Truth of simulated scans. alpha: mean exponent. first: loss at the smallest x without
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
        """The exponent at x → ∞."""
        return self.alpha if self.later is None else self.later

    def slope(self, x: Float[np.ndarray, " points"]) -> float:
        """The exponent over these x: the least-squares slope of the mean log curve."""
        still = replace(self, noise=0.0, amplitude=0.0, spread=0.0, common=0.0, off=0.0)
        curve = still.simulate(x, 1, 1, 1, np.random.default_rng(0))[0, 0]
        return float(-np.polyfit(np.log(x), curve, 1)[0])

    @staticmethod
    def of(found: ExponentEstimate, scan: Scan) -> Truth:
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
        if not self.noise:
            noise = np.zeros(size)
        elif self.skewed:
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
    """One scan of a study. x: scanned sizes, ascending. prediction, sense, tolerance, over: as in
    `verdict.py`. delta: the change of the local exponent up to which a curve is straight, relative
    to the prediction; twice the tolerance where None. alternatives: named exponents that the scan
    should tell from the truth. law: what is fitted. omega: of the correction, for the limit; None
    where none is declared. counts: x by every count of size, shape [counts, points], declared the
    row that is x; None where nothing is counted."""

    x: Float[np.ndarray, " points"]
    teachers: int
    seeds: int
    prediction: float | int
    sense: str = "bound"
    tolerance: float | int = 0.15
    alternatives: Mapping[str, float | int] = field(default_factory=dict)
    law: str = "power"
    over: str = "limit"
    delta: float | int | None = None
    omega: float | int | None = None
    counts: Float[np.ndarray, "counts points"] | None = None
    declared: int = 0


@dataclass(frozen=True)
class Calibration:
    """Outcome of simulated scans of one design. coverage: of each nominal 95 % interval, `quoted`
    that of the exponent over the range, `limit` that at x → ∞ where an ω is declared. width: median
    width of each. bias, error: mean and root-mean-square of estimate − truth over usable scans.
    verdicts: share of each verdict. wrong: share of verdicts that are wrong, `contradicts` where
    the truth is allowed or `agrees` where it is not. shapes: share of each shape. usable: share
    with a usable status. doubts: share with each doubt, reasons included. power: share whose quoted
    interval leaves out each alternative. by_ratio: P(agrees) and P(contradicts) by truth /
    prediction."""

    truth: Truth
    scans: int
    coverage: dict[str, float]
    width: dict[str, float]
    bias: float
    error: float
    verdicts: dict[str, float]
    wrong: float
    shapes: dict[str, float]
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
    asked = [[r.asked for r in readings(e, i) if r.asked] for i in range(scans)]
    far: list[Interval | None] = [None] * scans
    if design.omega is not None:
        found = limits(e.log_x, losses, design.omega)
        far = list(zip(found.lower.tolist(), found.upper.tolist(), strict=True))
    usable = np.array([s in USABLE for s in e.status])
    slope = truth.slope(x) if design.law == "power" else truth.alpha
    target = slope if design.over == rule.RANGE else truth.asymptote
    ends = {"quoted": (e.lower, e.upper)} | {
        name: (e.alpha - half, e.alpha + half) for name, half in e.halves.items()
    }
    if design.teachers > 1:
        ends |= bootstrap(e.teacher_alpha, replicates=replicates, seed=seed)
    holds = {k: (lo, hi, slope) for k, (lo, hi) in ends.items()}
    if design.omega is not None:
        holds["limit"] = (found.lower, found.upper, float(truth.asymptote))

    def judged(prediction: float) -> list[tuple[rule.Said, str, tuple[Doubt, ...]]]:
        delta = 2 * design.tolerance if design.delta is None else design.delta
        told = []
        for i in range(scans):
            form = shape(e, i, prediction * delta)
            doubts = left(e, i, form)
            said = rule.verdict(
                asked[i], prediction=prediction, sense=design.sense, tolerance=design.tolerance,
                over=design.over, shape=ruling(e, form), limit=far[i], usable=bool(usable[i]),
                doubts=doubts,
            )  # fmt: skip
            told.append((said, str(form), (*doubts, *([said.reason] if said.reason else []))))
        return told

    own = judged(design.prediction)
    verdicts = np.array([said.verdict for said, *_ in own])
    forms = np.array([form for _, form, _ in own])
    low, high = rule.allowed(design.prediction, design.sense, design.tolerance)
    wrong = verdicts == (rule.CONTRADICTS if low <= target <= high else rule.AGREES)
    off = e.alpha[usable] - slope
    slugs = sorted({d for *_, doubts in own for d in doubts})
    return Calibration(
        truth=truth,
        scans=scans,
        coverage={k: float(np.mean((lo <= t) & (t <= hi))) for k, (lo, hi, t) in holds.items()},
        width={k: float(np.median(hi - lo)) for k, (lo, hi, _) in holds.items()},
        bias=float(off.mean()) if off.size else np.nan,
        error=float(np.sqrt((off**2).mean())) if off.size else np.nan,
        verdicts={v: float(np.mean(verdicts == v)) for v in rule.VERDICTS},
        wrong=float(wrong.mean()),
        shapes={form: float(np.mean(forms == form)) for form in (STRAIGHT, BENT, OPEN)},
        usable=float(usable.mean()),
        doubts={d: float(np.mean([d in doubts for *_, doubts in own])) for d in slugs},
        power={
            name: float(np.mean((other < e.lower) | (other > e.upper)))
            for name, other in design.alternatives.items()
        },
        by_ratio={
            ratio: (float(np.mean(v == rule.AGREES)), float(np.mean(v == rule.CONTRADICTS)))
            for ratio in sorted({*ratios, *edges(design)})
            for v in [np.array([said.verdict for said, *_ in judged(target / ratio)])]
        },
    )


# ---- looks of a sequence ----

ERROR = 0.05
"""α: what the intervals of all looks together may miss, as one interval of .95 may."""
LOOKS = (4, 8, 16, 32)
"""Teachers at which a study is looked at, from its own number on."""
SIZES = 0.1
"""Share of α that is kept for the look with a size between every two of the scan."""


def looks(count: int, at: Sequence[int] = LOOKS) -> tuple[int, ...]:
    """The looks of a study of so many teachers: its own number, and those of `at` beyond it."""
    return (count, *(more for more in at if more > count))


def spent(share: float) -> float:
    """α*(t), what has been spent when this share of the teachers has been seen."""
    return ERROR * math.log1p((math.e - 1) * share)


def level(teachers: int, every: Sequence[int], *, kept: float = 0.0) -> float:
    """The level of the intervals at the look of so many teachers, one of `every`, ascending. kept:
    the share of α that these looks leave to a look with more sizes.

    Raises ValueError for a number that is no look."""
    if teachers not in every:
        raise ValueError(f"{teachers} teachers are no look; the looks are {list(every)}.")
    i = list(every).index(teachers)
    before = spent(every[i - 1] / every[-1]) if i else 0.0
    return 1 - (1 - kept) * (spent(teachers / every[-1]) - before)


def level_between(kept: float = SIZES) -> float:
    """The level of the intervals at the look with a size between every two of the scan."""
    return 1 - kept * ERROR
