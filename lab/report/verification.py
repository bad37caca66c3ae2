"""What a verification found, as lines of text cells and as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from lab.execution.verification import SHIFT, Compared, Verification
from lab.report.runs import KEY

HEAD = ("run", "d", "stored", "trained again", "difference", "asked")
MOST = 5
"""Columns that a narrow terminal shows."""


def lines(runs: tuple[Compared, ...]) -> list[tuple[str, ...]]:
    """One line per run in the columns of HEAD."""
    return [
        (one.fingerprint[:KEY], str(one.dim), _loss(one.loss, one.status),
         _loss(one.loss_again, one.status_again), _difference(one),
         f"within {one.tolerance:g}" if one.differs else "equal")
        for one in runs
    ]  # fmt: skip


def sentences(found: Verification) -> Iterator[str]:
    """What was compared how, and how it came out."""
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
