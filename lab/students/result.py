"""What one run left: a result, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.spec import Run


@dataclass(frozen=True)
class Result:
    """What one run left: `loss` as defined by the task, `relative` to the constant student.

    `curve` is (step, relative test loss) at log-spaced steps, `best_step` where `loss` was taken.
    `status` is "done" or "diverged"; a diverged run keeps its curve and has loss nan. `details`
    are further numbers by name: `limit`, the relative loss that an excess is counted from;
    `condition` and `jitter` of the system that an exact student solved.
    """

    run: Run
    status: str
    loss: float
    relative: float
    best_step: int
    curve: tuple[tuple[int, float], ...]
    details: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_loss(
        cls, run: Run, loss: float, baseline: float, details: Mapping[str, float]
    ) -> Result:
        """The result of a run that has no steps."""
        ok = math.isfinite(loss)
        return cls(run, "done" if ok else "diverged", loss, loss / baseline, 0, (), details)


@dataclass(frozen=True)
class Failed:
    """A run of which no result came; `error` is the traceback of what went wrong."""

    run: Run
    error: str
    status: str = "failed"
