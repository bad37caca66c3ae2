"""What is known of a study beforehand: that it fits this machine, the number of its runs, the
doubts it will have, and how often it would say so were its prediction true."""

from __future__ import annotations

from typing import Any

BUILT = 50_000
"""Runs of the scans up to which the runs are built to be counted: some two seconds."""


def counted(study: Any) -> str:
    """How many runs a study has. Of very many those of its scans, without building one."""
    from lab.regimes.coherence import many, runs

    scans = sum(map(runs, study.panels))
    if scans > BUILT:
        return f"{many(scans)} runs, besides limits and checks"
    return f"{len({planned.run for planned in study.plan})} runs"


def beforehand(study: Any) -> list[str]:
    """The doubts that the design has whatever is measured, a sentence each.

    Raises StudyError for a study that does not fit into this machine.
    """
    from lab.execution.plan_summary import check_memory
    from lab.regimes.foresight import foreseen

    check_memory(study)
    return [
        f"{f'{scan.title}: ' if scan.title else ''}{doubt}"
        for scan in study.scans
        for doubt in foreseen(scan)
    ]


def power(study: Any) -> list[str]:
    """How often the design would say so were its prediction true, a sentence; none where nothing
    is claimed of an exponent, or of a study that is too large to look at in a second."""
    from lab.regimes import foresight
    from lab.regimes.coherence import runs

    if sum(map(runs, study.panels)) > BUILT:
        return []
    said: dict[foresight.Scatter, list[tuple[float, float]]] = {}
    for scan in study.scans:
        ends = foresight.power(scan)
        if ends is not None:
            said.setdefault(foresight.scatter(scan), []).append(ends)
    return [
        f"were the prediction true, this design would say so in {_share(some)} of runs, if log "
        f"losses scatter by {noise:g} between seeds and α by {spread:.0%} between teachers; "
        "`lab calibrate` simulates it, and other truths."
        for (noise, spread), some in said.items()
    ]


def _share(some: list[tuple[float, float]]) -> str:
    low, high = min(low for low, _ in some), max(high for _, high in some)
    return f"{low:.0%}" if high - low < 0.005 else f"{low:.0%} to {high:.0%}"
