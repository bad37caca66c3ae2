"""The rows of a study as columns: for `lab.load`, for export, for anyone's own analysis."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lab.mistakes import StudyError
from lab.runs.store import Store
from lab.study import Study

COLUMNS = (
    "dim", "D_amb", "manifold", "embedding", "teacher", "teacher_widths", "teacher_activation",
    "teacher_bias", "noise", "loss_kind", "student", "settings", "widths", "activation", "seed",
    "N", "D",
    "steps", "check", "status", "loss", "relative_loss", "best_step", "seconds", "fingerprint",
    "device", "dtype", "jax", "git", "details",
)  # fmt: skip


def columns(study: Study, store: Store) -> dict[str, np.ndarray]:
    """One array per column of COLUMNS, one entry per stored run of the study.

    `D` is 0 for unlimited fresh data; losses are nan for runs that are not done; `check` marks
    runs with the larger budget. Lists such as widths are text, "8x8"; the settings of exact
    students and the details of a result are text, "name=value name=value".
    """
    found: dict[str, list] = {name: [] for name in COLUMNS}
    for p, row in store.found(study.plan):
        run = p.run
        if row is None:
            continue
        task = run.task
        values = (
            task.dim, task.D_amb, "×".join(f"{k}{d}" for k, d in task.manifold), task.embedding,
            task.teacher, _text(task.teacher_widths), task.teacher_activation, task.teacher_bias,
            task.noise, task.loss, run.student.kind, _pairs(run.student.settings),
            _text(run.student.widths), run.student.activation, run.seed, run.N, run.size or 0,
            run.training.steps, p.check,
            row.status, _number(row.loss), _number(row.relative), row.best_step or 0,
            _number(row.seconds), row.fingerprint, row.provenance["device"],
            row.provenance["dtype"], row.provenance["jax"], row.provenance["git"] or "",
            _pairs(row.details.items()),
        )  # fmt: skip
        for name, value in zip(COLUMNS, values, strict=True):
            found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def write(table: dict[str, np.ndarray], path: Path) -> None:
    """Write columns to a file by its ending: .csv, .json or .parquet (needs pyarrow)."""
    if path.suffix == ".csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            writer.writerows(zip(*(v.tolist() for v in table.values()), strict=True))
    elif path.suffix == ".json":
        path.write_text(json.dumps(
            {k: [None if v != v else v for v in column.tolist()] for k, column in table.items()}
        ))
    elif path.suffix == ".parquet":
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise StudyError(
                [f"{path}: Parquet needs pyarrow; install it (pip install 'scaling-lab[tables]') "
                 "or write .csv"]
            ) from None
        pyarrow.parquet.write_table(pyarrow.table(dict(table)), path)
    else:
        raise StudyError([f"{path}: unknown ending '{path.suffix}'; use .csv, .json or .parquet"])


def _text(widths: tuple[int, ...]) -> str:
    return "x".join(map(str, widths))


def _pairs(items: Iterable[tuple[str, object]]) -> str:
    return " ".join(f"{name}={value}" for name, value in items)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
