"""Runs of a study one by one, as columns for anyone's own analysis and as a list of what each is.

`columns` and `observations` are the frames of `lab.load` and export. `Listed` is a planned run
with its stored row; to the plan come the runs of raised budgets that are stored. Rows that the
study plans at no budget are its orphans: those of earlier settings, and of overrides. Nothing is
trained here, and no JAX is loaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.config.study import Study
from lab.data.selection import LABEL
from lab.data.user_data import AnyTask
from lab.execution import budgets, registration
from lab.execution.store import Row, Store
from lab.files import csv_text, put_bytes, to_jsonable
from lab.mistakes import StudyError
from lab.regimes.regime import Regime
from lab.spec import COORDINATES, Planned, TrainingSpec
from lab.students.dimensions import Dimension, column, measured

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = (
    "panel", "regime", "dim", "D_amb", "manifold", "embedding", "teacher", "teacher_widths",
    "teacher_activation", "teacher_bias", "gain", "covariance", "noise", "loss_kind", "p",
    "student", "settings", "widths", "width", "activation", "seed", "N", "D", "optimiser", "batch",
    "rate", "steps", "weight", "check", "role", "budget_factor", "rate_factor", "weights_factor",
    "status", "loss", "relative_loss", "best_step", "seconds",
    "fingerprint", "device", "dtype", "jax", "git", "details",
)  # fmt: skip


def columns(study: Study, store: Store) -> DataFrame:
    """The stored runs of the study, one a row, with the columns COLUMNS.

    panel, regime: title and regime of the panel; of a run that panels share, all of them, joined
        by " | ". The title is empty where a study has none.
    dim, D_amb, N, D: `D` is 0 for unlimited fresh data.
    covariance: of a Gaussian-field teacher, "kind name=value …"; else empty.
    p: the power of the loss |y − ŷ|^p.
    width: of the largest hidden layer; 0 where there is none.
    batch, rate: of the first stage; rate is nan where the file sets none: in L-BFGS alone and in
        full-batch descent, and batch is 0 too for students that no descent trains.
    weight: variance of the student's first weights times their fan-in; 0 for exact students.
    check: every run that is not of the scan itself: those trained again otherwise, and limits.
    role: `scan`, `limit`, or the check: `budget`, `slower`, `rate`, `weights`; with the factors of
        its budget, rate and variance of the first weights, each in units of the scan's.
    loss, relative_loss, seconds: nan where a run has none, because it is not done.

    Lists such as widths are text, "8x8"; the settings of exact students and the details of a result
    are text, "name=value name=value", without the labels that it chose. Dimensions that a study
    measures are columns of their own (`lab.students.dimensions.Dimension`), nan where a run has
    none.
    """
    from pandas import DataFrame

    found: dict[str, list] = {name: [] for name in COLUMNS}
    dimensions = {
        column(place, f.name): list[float]()
        for place in measured(p.run for p in study.plan)
        for f in fields(Dimension)
    }
    of: dict[Planned, list[Regime]] = {}
    for panel in study.panels:
        for planned in panel.plan:
            of.setdefault(planned, []).append(panel)
    for p, row in store.found(study.plan):
        run = p.run
        if row is None:
            continue
        task = run.task
        values = (
            _joined(panel.title for panel in of[p]), _joined(panel.regime for panel in of[p]),
            task.dim, task.D_amb, "×".join(f"{k}{d}" for k, d in task.manifold), task.embedding,
            task.teacher, _text(task.teacher_widths), task.teacher_activation, task.teacher_bias,
            task.teacher_gain, _covariance(task), task.noise, task.loss, task.power,
            run.student.kind, _pairs(run.student.settings), _text(run.student.widths),
            max(run.student.widths, default=0), run.student.activation, run.seed, run.N,
            run.size or 0, run.training.optimiser, *_batch_and_rate(run.training),
            run.training.steps, run.student.weight, p.check, p.role, *p.factors,
            row.status, _number(row.loss), _number(row.relative), row.best_step or 0,
            _number(row.seconds), row.fingerprint, row.provenance["device"],
            row.provenance["dtype"], row.provenance["jax"], row.provenance["git"] or "",
            _pairs((n, value) for n, value in row.details.items()
                   if n not in dimensions and not n.startswith(LABEL)),
        )  # fmt: skip
        for name, value in zip(COLUMNS, values, strict=True):
            found[name].append(value)
        for name, numbers in dimensions.items():
            numbers.append(row.details.get(name, math.nan))
    return DataFrame({name: np.array(values) for name, values in (found | dimensions).items()})


def observations(study: Study, store: Store) -> DataFrame:
    """The observations of the stored runs of the study, one a row, in the order of the plan and of
    steps.

    run: fingerprint. Then the coordinates of the observation (`lab.spec.COORDINATES`), nan where a
        run has none: S, samples, labels and C are those at its step.
    step, split: `step` is S, or an exact time; `split` the points, test, validation, train or
        population.
    loss, relative: as the task defines it, and in units of the constant student's; relative is nan
        of a run that has no loss. seconds: since the run began, nan where they were not measured.
    """
    from pandas import DataFrame

    names = (OWN[0], *COORDINATES, *OWN[1:])
    found: dict[str, list] = {name: [] for name in names}
    runs = {p.run.fingerprint(): p.run for p in study.plan}
    rows = store.rows(runs)
    for key, seen in store.observations(runs).items():
        scale = _number(rows[key].scale)
        at = {o.step: runs[key].coordinates_at(o.step) for o in seen}
        for o in seen:
            for name, value in at[o.step].items():
                found[name].append(_number(value))
            own = (key, o.step, o.split, o.loss, o.loss / scale, _number(o.seconds))
            for place, entry in zip(OWN, own, strict=True):
                found[place].append(entry)
    return DataFrame({name: np.array(values) for name, values in found.items()})


OWN = ("run", "step", "split", "loss", "relative", "seconds")
"""Columns of an observation besides its coordinates."""


def write(table: DataFrame, path: Path) -> None:
    """Write a frame to a file by its ending, whole or not at all: .csv, .json or .parquet (needs
    pyarrow)."""
    columns = table.to_dict("list")
    if path.suffix == ".parquet":
        content = _parquet(table)
    elif path.suffix == ".csv":
        content = csv_text([*columns], zip(*columns.values(), strict=True)).encode()
    elif path.suffix == ".json":
        content = json.dumps(to_jsonable(columns)).encode()
    else:
        raise StudyError([f"{path}: unknown ending '{path.suffix}'; use .csv, .json or .parquet"])
    put_bytes(content, path, make=False)


def _parquet(table: DataFrame) -> bytes:
    try:
        return table.to_parquet(None, engine="pyarrow", index=False)
    except ImportError:
        raise StudyError(
            ["Parquet needs pyarrow; install it (pip install 'scaling-lab[tables]') or write .csv"]
        ) from None


def _joined(texts: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(texts))


def _covariance(task: AnyTask) -> str:
    if task.covariance is None:
        return ""
    kind, settings = task.covariance
    return f"{kind} {_pairs(settings)}"


def _batch_and_rate(training: TrainingSpec) -> tuple[int, float]:
    if not training.stages:
        return training.polish_batch, math.nan
    _, batch, rate = training.stages[0]
    return batch, math.nan if training.optimiser == "descent" else rate


def _text(widths: tuple[int, ...]) -> str:
    return "x".join(map(str, widths))


def _pairs(items: Iterable[tuple[str, object]]) -> str:
    return " ".join(f"{name}={value}" for name, value in items)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


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
        """JSON value of the run (`lab runs --json`); with dimensions where there are any."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: v for name, v in values.items() if name != "dimension" or v}


@dataclass(frozen=True)
class Removal:
    """Rows of a store that go, or would go if it were not dry."""

    folder: Path
    rows: tuple[Row, ...]
    dry: bool


def listed(
    study: Study, store: Store, *, status: str | None = None, dim: int | None = None
) -> list[Listed]:
    """The plan in its order, each run once, then what is stored of raised budgets. status, dim:
    those of it alone."""
    found = store.rows(store.states())
    listed: dict[str, Listed] = {}
    for scan in registration.reached(study, store).scans:
        places = {cell.planned: (cell.x, cell.base) for cell in scan.all_cells}
        raised = (p for p in budgets.every(scan) if p not in places)
        for planned in (*places, *raised):
            key = planned.run.fingerprint()
            row = found.get(key)
            if key in listed or not (row or planned in places):
                continue
            x = places[planned][0] if planned in places else scan.x(planned.run)
            listed[key] = _one(planned, key, x, scan.title, row)
    return [
        one for one in listed.values() if status in (None, one.status) and dim in (None, one.dim)
    ]


def frame(runs: Iterable[Listed]) -> DataFrame:
    """Runs, one a row, with the fields of `Listed` as columns; what a run has none of is nan, or
    empty text. Dimensions that were measured are columns of their own, as in `columns`."""
    from pandas import DataFrame

    runs = [*runs]
    none: dict[str, Any] = {"loss": math.nan, "seconds": math.nan, "error": ""}
    names = [f.name for f in fields(Listed) if f.name != "dimension"]
    values = [{name: getattr(one, name) for name in names} for one in runs]
    rows = [{k: none.get(k) if v is None else v for k, v in one.items()} for one in values]
    measures = dict.fromkeys(place for one in runs for place in one.dimension)
    return DataFrame(
        {name: np.array([row[name] for row in rows]) for name in names}
        | {
            column(place): np.array([one.dimension.get(place, math.nan) for one in runs])
            for place in measures
        }
    )


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
        [f"{store.path}: {what} a fingerprint that begins with '{beginning}'; `lab.runs` lists "
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
    mine = dict.fromkeys(p.run.fingerprint() for p in planned(registration.whole(study, store)))
    return [key for key in mine if states.get(key) in statuses]


def orphans(study: Study, store: Store) -> list[str]:
    """Fingerprints of the rows that the study does not plan."""
    mine = {p.run.fingerprint() for p in planned(registration.whole(study, store))}
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
