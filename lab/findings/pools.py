"""Random orders of one pool as units: what their scatter knows, and what it does not.

Training sets of D points out of a pool of n share a fraction f = D/n of their points, and all are
tested on one set. The scatter between orders is therefore less than that between pools, the more so
the larger f. Measured with five orders and no label noise (`benchmarks/one_pool.py`, 100 worlds,
two errors .04): the quoted interval, the longest of three, holds the truth as often as with
independent pools up to f = ½, and less often beyond. There the doubt is `one-pool`; and of networks
of several sizes on the whole pool always.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.data.user_data import MOST_SHARED, GivenSpec
from lab.spec import Run


def share(runs: Sequence[Run]) -> float | None:
    """The share of the pool in the largest training set; None where there is no pool."""
    task = runs[0].task
    if not isinstance(task, GivenSpec):
        return None
    return max(run.size or 0 for run in runs) / task.facts.pool


def dependent(runs: Sequence[Run]) -> bool:
    """Whether the units share too much for their scatter to be the error of the exponent."""
    return (share(runs) or 0.0) > MOST_SHARED


def told(runs: Sequence[Run]) -> tuple[str, ...]:
    """What a report has to say of the data, and of the units: a paragraph each."""
    part = share(runs)
    if part is None:
        return ()
    units = len({run.task.teacher for run in runs})
    less, than = ("less", "than") if part > MOST_SHARED else ("as", "as")
    because = "more than half" if part > MOST_SHARED else "at most half"
    return (
        " ".join(runs[0].task.notes),
        f"In the place of teachers stand {units} random orders of one pool, with one test set. The "
        f"largest training set takes {part:.0%} of the pool, {because}: simulated intervals hold "
        f"the truth {less} often {than} with "
        "independent pools.",
    )
