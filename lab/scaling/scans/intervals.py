"""95 % intervals from independent teachers.

Each teacher k is an experiment of its own: α_k is fitted with its own amplitude and floor, and

    teacher-t    α ± t_{K−1} s/√K,  α = mean of α_k, s their standard deviation. Quoted.
    percentile,  cluster bootstrap over teachers: the K values are resampled. Too short for few
    basic        teachers (a factor √((K−1)/K) and normal tails): for comparison.

Sources: Student 1908; Efron 1979. Coverage: `benchmarks/coverage.py`. The interval that trusts
teachers to share one exponent is in `profile.py`.

What it does not do: choose between intervals after seeing them.
"""

from itertools import combinations_with_replacement
from math import comb

import numpy as np
from jaxtyping import Float
from scipy import special

LEVEL = 0.95
Interval = tuple[float, float]


def student_quantile(dof: float | int | np.ndarray, level: float = LEVEL) -> np.ndarray | float:
    """The two-sided quantile t with P(|T| ≤ t) = level."""
    return special.stdtrit(dof, 0.5 + level / 2)


def tail_of_f(f: np.ndarray, above: np.ndarray | int, below: np.ndarray | int) -> np.ndarray:
    """P(F > f) of the F distribution; NaN without degrees of freedom."""
    f, above, below = np.broadcast_arrays(f, np.asarray(above, float), np.asarray(below, float))
    p = special.fdtrc(np.maximum(above, 1), np.maximum(below, 1), np.maximum(f, 0))
    return np.where((above > 0) & (below > 0), p, np.nan)


def teacher_t(alpha: Float[np.ndarray, "scans teachers"]) -> tuple[np.ndarray, np.ndarray]:
    """Student's interval of the mean over teachers (last axis). NaN for a single teacher."""
    teachers = alpha.shape[-1]
    if teachers < 2:
        gap = np.full(alpha.shape[:-1], np.nan)
        return gap, gap.copy()
    half = student_quantile(teachers - 1) * alpha.std(-1, ddof=1) / np.sqrt(teachers)
    return alpha.mean(-1) - half, alpha.mean(-1) + half


def resamples(teachers: int, replicates: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts of each teacher in cluster-bootstrap resamples, and the weight of each resample.

    Every distinct resample with its exact probability where there are at most `replicates` of
    them (35 for 4 teachers, 126 for 5), else `replicates` random ones.
    Returns counts, shape [resamples, teachers], and weights that sum to 1, shape [resamples].
    """
    if comb(2 * teachers - 1, teachers) > replicates:
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(teachers, np.full(teachers, 1 / teachers), replicates)
        return counts, np.full(replicates, 1 / replicates)
    draws = np.array(list(combinations_with_replacement(range(teachers), teachers)))
    counts = (draws[:, :, None] == np.arange(teachers)).sum(1)
    log_weight = special.gammaln(teachers + 1) - special.gammaln(counts + 1).sum(1)
    return counts, np.exp(log_weight - teachers * np.log(teachers))


def bootstrap(
    alpha: Float[np.ndarray, "scans teachers"], *, replicates: int, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Percentile and basic intervals of the mean over teachers, by resampling teachers."""
    counts, weight = resamples(alpha.shape[-1], replicates, seed)
    mean = alpha @ counts.T / alpha.shape[-1]
    order = np.argsort(mean, axis=-1)
    mass = np.cumsum(weight[order], axis=-1)
    ends = []
    for p in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        at = np.minimum((mass < p - 1e-12).sum(-1), weight.size - 1)
        ordered = np.take_along_axis(mean, order, -1)
        ends.append(np.take_along_axis(ordered, at[..., None], -1)[..., 0])
    centre = alpha.mean(-1)
    return {"percentile": (ends[0], ends[1]), "basic": (2 * centre - ends[1], 2 * centre - ends[0])}
