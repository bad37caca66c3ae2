"""What one run left: a result, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.spec import Run, TaskSpec

SPLITS = ("test", "validation", "train", "population")
"""The sets of points that a loss is taken on."""


class Observation(NamedTuple):
    """A loss that a run left, as the task defines it: at a step, or an exact time, on one of
    SPLITS; seconds are measured from the start of the run, where they are."""

    step: float
    split: str
    loss: float
    seconds: float | None = None


@dataclass(frozen=True)
class Result:
    """What one run left: `loss` as defined by the task, `relative` to the constant student.

    `curve` is (step, relative test loss) at log-spaced steps, `best_step` where `loss` was taken.
    `status` is "done" or "diverged"; a diverged run keeps its curve and has loss nan. `details`
    are further numbers by name: `limit`, the relative loss that an excess is counted from;
    `condition` and `jitter` of the system that an exact student solved. `observations` are the
    losses at the checkpoints of the recipe and at `best_step`, in the order of steps.
    """

    run: Run
    status: str
    loss: float
    relative: float
    best_step: int
    curve: tuple[tuple[int, float], ...]
    details: Mapping[str, float] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()

    @classmethod
    def of_loss(
        cls, run: Run, loss: float, baseline: float, details: Mapping[str, float]
    ) -> Result:
        """The result of a run that has no steps: its one observation is that of the population
        where the loss is known exactly or the population is a set of points."""
        ok = math.isfinite(loss)
        exact = run.learner == "data" or isinstance(run.task, TaskSpec) and run.task.decays
        seen = (Observation(0, "population" if exact else "test", loss),)
        return cls(run, "done" if ok else "diverged", loss, loss / baseline, 0, (), details, seen)


@dataclass(frozen=True)
class Failed:
    """A run of which no result came; `error` is the traceback of what went wrong."""

    run: Run
    error: str
    status: str = "failed"
