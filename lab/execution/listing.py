"""The runs of a study one by one: what each is, how it ended; and rows that are to go.

Object: `Listed`, a planned run with its stored row. To the plan come the runs of raised budgets
that are stored. Rows that the study plans at no budget are its orphans: those of earlier settings,
and of overrides. Nothing is trained here, and no JAX is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from lab.execution import budgets, sequence
from lab.execution.store import Row, Store
from lab.mistakes import StudyError
from lab.spec import Planned
from lab.students.measure import column, measured
from lab.study import Study

STATUSES = ("done", "diverged", "failed", "missing")


@dataclass(frozen=True)
class Listed:
    """One run. loss: relative to the constant student's; it and seconds are None where there is
    none. x is 0 for unlimited data. error: the traceback of a failed run. dimension: what was
    measured at each place that the study names, raw."""

    fingerprint: str
    status: str
    role: str
    factor: float
    panel: str
    dim: int | float
    x: int
    teacher: int
    seed: int
    loss: float | None
    seconds: float | None
    error: str | None
    dimension: Mapping[str, float] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """What `lab runs --json` prints; the dimensions where there are any."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: v for name, v in values.items() if name != "dimension" or v}


@dataclass(frozen=True)
class Removal:
    """Rows of a store that go, or would go if it were not dry."""

    folder: Path
    rows: tuple[Row, ...]
    dry: bool


def listed(study: Study, store: Store) -> list[Listed]:
    """The plan in its order, each run once, then what is stored of raised budgets."""
    found = store.rows(store.states())
    listed: dict[str, Listed] = {}
    for scan in sequence.reached(study, store).scans:
        places = {cell.planned: (cell.x, cell.base) for cell in scan.laid_out}
        raised = (p for p in budgets.every(scan) if p not in places)
        for planned in (*places, *raised):
            key = planned.run.fingerprint()
            row = found.get(key)
            if key in listed or not (row or planned in places):
                continue
            x = places[planned][0] if planned in places else scan.x(planned.run)
            listed[key] = _one(planned, key, x, scan.title, row)
    return [*listed.values()]


def _one(planned: Planned, key: str, x: int, panel: str, row: Row | None) -> Listed:
    run = planned.run
    return Listed(
        key, row.status if row else "missing", planned.role, planned.factor, panel, run.task.dim, x,
        run.task.teacher, run.seed, row.relative if row else None, row.seconds if row else None,
        row.error if row else None,
        {place: row.details[column(place)] for place in measured([run])
         if row and column(place) in row.details},
    )  # fmt: skip


def one(store: Store, beginning: str) -> Row:
    """The row whose fingerprint begins so, with its observations. Raises StudyError unless there is
    exactly one."""
    keys = [key for key in store.states() if key.startswith(beginning.strip().lower())]
    if len(keys) == 1:
        (row,) = store.rows(keys).values()
        return replace(row, observations=store.observations(keys).get(keys[0], ()))
    what = f"{len(keys)} runs have" if keys else "no stored run has"
    raise StudyError(
        [f"{store.path}: {what} a fingerprint that begins with '{beginning}'; `lab runs` lists "
         "them"]
    )  # fmt: skip


def planned(study: Study) -> Iterator[Planned]:
    """Everything that the study may plan: its runs, and those of every raised budget."""
    yield from study.plan
    for scan in study.scans:
        yield from budgets.every(scan)


def stored(study: Study, store: Store, statuses: Collection[str]) -> list[str]:
    """Fingerprints of the study's rows that ended in one of these ways."""
    states = store.states()
    mine = dict.fromkeys(p.run.fingerprint() for p in planned(sequence.whole(study, store)))
    return [key for key in mine if states.get(key) in statuses]


def orphans(study: Study, store: Store) -> list[str]:
    """Fingerprints of the rows that the study does not plan."""
    mine = {p.run.fingerprint() for p in planned(sequence.whole(study, store))}
    return [key for key in store.states() if key not in mine]


def remove(path: Path, which: Callable[[Store], Iterable[str]], *, dry: bool) -> Removal:
    """Delete the rows of a store whose fingerprints `which` gives, or, if dry, only find them.
    Without a store there is nothing to delete: what a table has stays."""
    if not (path / "lab.db").exists():
        return Removal(path, (), dry)
    with (Store.read if dry else Store.write)(path) as store:
        found = tuple(store.rows(which(store)).values())
        if not dry:
            store.delete(row.fingerprint for row in found)
    return Removal(path, found, dry)
