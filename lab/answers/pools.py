"""Random orders of one pool as units: how much longer an interval has to be than theirs.

Training sets of D points out of a pool of n share a fraction f = D/n of their points. An estimate
that is, to first order, a sum over the points of its set has correlation f between two such sets:
its mean over J orders has the variance σ² (1 + (J − 1) f)/J about the truth, where the scatter
between orders shows σ² (1 − f)/J. An interval from that scatter is therefore stretched by

    √((1 + (J − 1) f) / (1 − f))

with f of the largest set. Beyond f = ½ nothing is known of the truth by the scatter: the doubt
`one-pool`. So it is of networks of several sizes on the whole pool.

Coverage: `benchmarks/one_pool.py`. What it does not do: know the error of the test set, which all
orders share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.kinds.given import GivenSpec
from lab.scaling.judge.doubts import Doubt
from lab.spec import Run

MOST = 0.5
"""Share of the pool in the largest training set beyond which orders are hardly different."""


def stretch(share: float, units: int) -> float:
    """By how much an interval from `units` orders is too short, for a share f below 1."""
    return math.sqrt((1 + (units - 1) * share) / (1 - share))


def dependence(runs: Sequence[Run]) -> tuple[float, tuple[Doubt, ...]]:
    """The factor for the intervals of a scan of these runs, and the doubt that it leaves."""
    task = runs[0].task
    if not isinstance(task, GivenSpec):
        return 1.0, ()
    units = len({run.task.teacher for run in runs})
    share = max(run.size or 0 for run in runs) / task.facts.pool
    if share > MOST:
        return 1.0, (Doubt.ONE_POOL,)
    return stretch(share, units), ()


def shared(runs: Sequence[Run]) -> tuple[str, ...]:
    """What a report has to say of the units."""
    task = runs[0].task
    if not isinstance(task, GivenSpec):
        return ()
    units, largest = len({run.task.teacher for run in runs}), max(run.size or 0 for run in runs)
    factor, doubts = dependence(runs)
    because = (
        "more than half, so that their scatter is no error of the exponent"
        if doubts
        else f"and every interval is {factor:.2f} times as long as their scatter makes it"
    )
    return (
        f"In the place of teachers stand {units} random orders of one pool. The largest training "
        f"set takes {largest / task.facts.pool:.0%} of it, {because}. They share the test set, "
        "whose own error is in no interval.",
    )
