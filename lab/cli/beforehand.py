"""What is certain of a study beforehand: that it fits this machine, and the doubts it will have."""

from __future__ import annotations

from typing import Any


def beforehand(study: Any) -> list[str]:
    """The doubts that the design has whatever is measured, a line each.

    Raises StudyError for a study that does not fit into this machine.
    """
    from lab.execution.room import refuse
    from lab.regimes.foresight import foreseen

    refuse(study)
    return [
        f"doubt     {f'{scan.title}: ' if scan.title else ''}{doubt}"
        for scan in study.scans
        for doubt in foreseen(scan)
    ]
