"""What a study's design can show, before any compute is spent.

Scans of exactly this design are simulated from a truth and judged by the same code that judges
real ones (`estimate.py`, `verdict.py`):

    log L(k, x, s) = log(β_k x^−α_k + floor) + ε,   α_k ~ N(α, spread²), log β_k ~ N(·, amplitude²),

with ε of standard deviation `noise` between seeds, normal or Student's t with 3 degrees of
freedom. Reported per scan of the design: coverage of each interval, bias, how often a verdict is
wrong, and the power to tell the truth from named alternatives.

What it does not do: simulate under-training or saturation; those stay doubts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from lab.scaling import verdict as rule
from lab.scaling.estimate import estimate
from lab.scaling.exponent import USABLE, Exponent, doubts_of
from lab.scaling.intervals import bootstrap
from lab.scaling.scan import Scan


@dataclass(frozen=True)
class Truth:
    """Where simulated scans come from. alpha: mean exponent. first: loss at the smallest x without
    the floor. floor: in units of loss. noise: standard deviation of log loss between seeds.
    amplitude, spread: standard deviation between teachers of log β and of α. heavy: seeds scatter
    by Student's t with 3 degrees of freedom instead of normally."""

    alpha: float | int
    first: float | int = 0.3
    floor: float | int = 0.0
    noise: float | int = 0.15
    amplitude: float | int = 0.3
    spread: float | int = 0.0
    heavy: bool = False

    @staticmethod
    def of(found: Exponent, scan: Scan) -> "Truth":
        """The truth a fitted scan suggests: its curve, and the scatter around it and between
        teachers. The floor is cut at 0, the noise is that of the residuals."""
        used = found.used
        curves, x = found.curves, scan.x[used]
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
        total = curves.alpha.var(ddof=1) if several else 0.0
        seeds = max(float(np.median(scan.count[scan.count > 0])), 1.0)
        return Truth(
            alpha=found.alpha, first=float(np.exp(np.median(first))),
            floor=max(found.parameters["floor"], 0.0), noise=cell * np.sqrt(seeds),
            amplitude=float(first.std(ddof=1)) if several else 0.3,
            spread=float(np.sqrt(max(total - within, 0.0))))

    def simulate(
        self, x: Float[np.ndarray, " points"], teachers: int, seeds: int, scans: int,
        rng: np.random.Generator,
    ) -> Float[np.ndarray, "scans teachers points"]:
        """log of the geometric mean over seeds of the loss in each cell."""
        u = np.log(x / x[0])
        alpha = self.alpha + self.spread * rng.standard_normal((scans, teachers, 1))
        level = np.log(self.first) + self.amplitude * rng.standard_normal((scans, teachers, 1))
        size = (scans, teachers, x.size, seeds)
        # Student's t with 3 degrees of freedom has variance 3.
        noise = rng.standard_t(3, size) / np.sqrt(3) if self.heavy else rng.standard_normal(size)
        return np.log(np.exp(level - alpha * u) + self.floor) + self.noise * noise.mean(-1)


@dataclass(frozen=True)
class Design:
    """One scan of a study. x: scanned sizes, ascending. prediction, sense, tolerance: as in
    `verdict.py`. alternatives: named exponents that the scan should tell from the truth. law: what
    is fitted, `power` where the floor is known to be 0."""

    x: Float[np.ndarray, " points"]
    teachers: int
    seeds: int
    prediction: float | int
    sense: str = "bound"
    tolerance: float | int = 0.15
    alternatives: Mapping[str, float | int] = field(default_factory=dict)
    law: str = "power+floor"


@dataclass(frozen=True)
class Calibration:
    """What simulated scans of one design showed. coverage: of each nominal 95 % interval, whole
    line. width: median width of each. bias, error: mean and root-mean-square of estimate − truth,
    over usable scans. verdicts: share of each verdict. wrong: share of verdicts that are wrong,
    `contradicts` where the truth is allowed or `agrees` where it is not. usable: share with a
    usable status. power: share whose quoted interval leaves out each alternative."""

    truth: Truth
    scans: int
    coverage: dict[str, float]
    width: dict[str, float]
    bias: float
    error: float
    verdicts: dict[str, float]
    wrong: float
    usable: float
    power: dict[str, float]


def calibrate(
    design: Design, truth: Truth, *, scans: int = 1000, seed: int, replicates: int = 2000
) -> Calibration:
    """Simulate `scans` scans of a design and judge each.

    seed: of the simulation. replicates: of the cluster bootstrap, exact for few teachers.
    A standard error of a coverage near .95 is .007 at 1000 scans.
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(design.x, float)
    losses = truth.simulate(x, design.teachers, design.seeds, scans, rng)
    e = estimate(np.log(x), losses, law=design.law)
    ends = {"quoted": (e.lower, e.upper), "profile": e.common.profile, "wald": e.common.wald}
    if design.teachers > 1:
        ends |= bootstrap(e.teacher_alpha, replicates=replicates, seed=seed)
    usable = np.array([s in USABLE for s in e.status])
    request = dict(prediction=design.prediction, sense=design.sense, tolerance=design.tolerance)
    low, high = rule.allowed(**request)
    allowed = low <= truth.alpha <= high
    verdicts = np.array([
        rule.verdict(a, (lo, hi), usable=bool(u), doubts=d, **request)
        for a, lo, hi, u, d in zip(
            e.alpha, e.lower, e.upper, usable, doubts_of(e, np.log(x)), strict=True)
    ])
    wrong = verdicts == (rule.CONTRADICTS if allowed else rule.AGREES)
    off = e.alpha[usable] - truth.alpha
    return Calibration(
        truth=truth, scans=scans,
        coverage={k: float(np.mean((lo <= truth.alpha) & (truth.alpha <= hi)))
                  for k, (lo, hi) in ends.items()},
        width={k: float(np.median(hi - lo)) for k, (lo, hi) in ends.items()},
        bias=float(off.mean()) if off.size else np.nan,
        error=float(np.sqrt((off**2).mean())) if off.size else np.nan,
        verdicts={v: float(np.mean(verdicts == v))
                  for v in (rule.AGREES, rule.CONTRADICTS, rule.UNDECIDED)},
        wrong=float(wrong.mean()), usable=float(usable.mean()),
        power={name: float(np.mean((other < e.lower) | (other > e.upper)))
               for name, other in design.alternatives.items()},
    )
