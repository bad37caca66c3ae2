"""Answers of single verbs as text: `lab verify` and `lab dimension`.

Every function takes what the verb found and returns heads, lines of cells or sentences for whoever
prints them. Nothing is computed or drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.dimension.measurement import Measurement
    from lab.execution.verification import Compared, Verification

# ---- a verification -----------------------------------------------------------------------------


VERIFICATION_HEAD = ("run", "d", "stored", "trained again", "difference", "asked")
VERIFICATION_MOST = 5
"""Columns that a narrow terminal shows of a verification."""


def verification_lines(runs: tuple[Compared, ...]) -> list[tuple[str, ...]]:
    """One line per run in the columns of VERIFICATION_HEAD."""
    from lab.report.runs import KEY

    return [
        (one.fingerprint[:KEY], str(one.dim), _loss(one.loss, one.status),
         _loss(one.loss_again, one.status_again), _difference(one),
         f"within {one.tolerance:g}" if one.differs else "equal")
        for one in runs
    ]  # fmt: skip


def verification_sentences(found: Verification) -> Iterator[str]:
    """Comparison of stored and repeated losses, and its outcome."""
    from lab.execution.verification import SHIFT

    exact = [one for one in found.compared if not one.differs]
    about = [one for one in found.compared if one.differs]
    yield (
        f"{_runs(len(found.compared))} of {found.stored} stored trained again on {found.device}: "
        f"{len(found.compared) - len(found.wrong)} hold, {len(found.wrong)} do not."
    )
    if exact:
        equal = sum(one.difference == 0 and one.observed == 0 for one in exact)
        yield (
            f"{_runs(len(exact))} of this machine, in the same company: {equal} equal to the last "
            "digit."
        )
    if about:
        differs = ", ".join(dict.fromkeys(name for one in about for name in one.differs))
        yield (
            f"{_runs(len(about))} of another {differs}: ln(loss/stored) up to "
            f"±{max(abs(one.difference) for one in about):.2g}, where "
            f"±{max(one.tolerance for one in about):g} is round-off."
        )
    if found.shift is not None:
        yield (
            f"On the average these differ by {found.shift:+.2g}, where ±{SHIFT:g} is chance"
            f"{': the losses are others' if found.shifted else ''}."
        )


def _difference(one: Compared) -> str:
    """That of the loss, or where it holds that of a checkpoint."""
    if abs(one.difference) >= one.observed:
        return f"{one.difference:+.2g}"
    return f"±{one.observed:.2g} at a checkpoint"


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"


def _loss(loss: float | None, status: str) -> str:
    return status if loss is None else f"{loss:.6g}"


# ---- the dimension of some points ---------------------------------------------------------------

DIMENSION_HEAD = ("method", "d", "± se", "95 % interval", "corrected", "95 % interval")


def dimension_lines(found: Measurement) -> list[tuple[str, ...]]:
    """One line per estimator in the columns of DIMENSION_HEAD."""
    return [
        (e.method, _estimate(e.dimension), _estimate(e.se), _interval(e.interval),
         _estimate(e.corrected), _interval(e.corrected_interval))
        for e in found.estimates
    ]  # fmt: skip


def dimension_sentences(found: Measurement) -> list[str]:
    """The estimate at all scales, whether there is a plateau, and the warnings."""
    said = []
    if found.scales:
        each = ", ".join(f"{_estimate(e.dimension)} at {e.scale:.3g}" for e in found.scales)
        said.append(f"scales     gride {each}: {_plateau(found)}")
    return said + [f"warning    {sentence}" for sentence in found.warnings]


def _plateau(found: Measurement) -> str:
    if found.plateau is None:
        return "no plateau"
    first, last = (found.scales[i] for i in found.plateau)
    return f"plateau from {first.scale:.3g} to {last.scale:.3g}"


def _estimate(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.2f}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None or math.isnan(ends[0]) else f"[{ends[0]:.2f}, {ends[1]:.2f}]"
