"""Whether the data that somebody brought are still those of the stored runs."""

from __future__ import annotations

from lab.data.user_data import GivenSpec
from lab.execution.store import Store
from lab.mistakes import StudyError
from lab.study import Study


def same(study: Study, store: Store) -> None:
    """Raises StudyError where runs of other data are stored, and none of these.

    Data have changed then since the runs: the path is no part of a run, its content is.
    """
    tasks = [task for scan in study.scans for task in scan.tasks(1) if isinstance(task, GivenSpec)]
    if not tasks:
        return
    stored = store.contents()
    for task in tasks:
        if stored and task.content not in stored:
            raise StudyError(
                [
                    f"{task.asked.path}: has changed since the runs in {store.path} (sha256 "
                    f"{task.content[:12]}, and then {', '.join(sorted(c[:12] for c in stored))}); "
                    "bring the data of then back, or run the study again"
                ]
            )
