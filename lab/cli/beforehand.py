"""What is certain of a study beforehand: that it fits this machine, the number of its runs, and the
doubts it will have."""

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
    from lab.execution.room import refuse
    from lab.regimes.foresight import foreseen

    refuse(study)
    return [
        f"{f'{scan.title}: ' if scan.title else ''}{doubt}"
        for scan in study.scans
        for doubt in foreseen(scan)
    ]
