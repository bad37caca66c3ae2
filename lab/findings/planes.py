"""The phase map of a study: its losses on the plane of its two axes, one `Plane` per setting.

Only teachers whose every cell is done enter, so that all cells average the same teachers; what is
missing is a doubt. N is counted setting by setting: the same widths have other N at another d.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lab.execution.store import Row
from lab.findings.run_lists import MISSING, Entry
from lab.findings.study_results import Setting, StudyResults, varies
from lab.regimes.axes import Key
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import Doubt
from lab.scaling.laws.plane import Joint, Plane
from lab.spec import Run

HOLES = {
    "diverged": Doubt.DIVERGED, "failed": Doubt.FAILED, MISSING: Doubt.UNFINISHED
}  # fmt: skip
"""The doubt of a plane whose teachers lack cells, by the state of these runs."""


@dataclass(frozen=True)
class PlaneMap:
    """The plane of one setting, `at`: plane is None while no teacher is complete; `teachers` of
    `planned` are. entries: every planned run with its row, the first coordinate as its x."""

    study: Regime
    at: Setting
    widths: tuple[tuple[int, ...], ...]
    plane: Plane | None
    teachers: int
    planned: int
    setting: Setting | None = None
    doubts: tuple[Doubt, ...] = ()
    verdict: str | None = None
    entries: tuple[Entry, ...] = ()

    @cached_property
    def joint(self) -> tuple[Joint, ...]:
        """The joint laws that could be fitted, best ahead first."""
        return self.plane.joint() if self.plane else ()

    @property
    def label(self) -> str:
        """The setting of the plane as text."""
        return self.at.label

    @property
    def dim(self) -> int | float:
        """The intrinsic dimension d."""
        return self.at.dim

    def plain(self) -> dict[str, Any]:
        """The plane cell by cell, and the joint laws."""
        plane = self.plane
        told: dict[str, Any] = {"dim": self.dim, "title": self.study.title}
        told |= {"setting": self.at.varying} if self.at.pairs else {}
        told |= {"doubts": list(self.doubts)} if self.doubts else {}
        if plane is None:
            return told | {"teachers": 0}
        return told | {
            "teachers": self.teachers,
            plane.names[0]: plane.x.tolist(), plane.names[1]: plane.y.tolist(),
            "loss": plane.mean.tolist(),
            "loss_unlimited_data": plane.mean_fresh.tolist(),
            "share_of_data": plane.share.tolist(),
            "joint": [
                {
                    "law": j.law, "status": j.fit.status, "parameters": j.fit.parameters,
                    "alpha": j.alpha, "alpha_interval": j.alpha_interval, "beta": j.beta,
                    "beta_interval": j.beta_interval, "residual": j.residual, "ahead": j.ahead,
                }
                for j in self.joint
            ],
        }  # fmt: skip


def planes(question: StudyResults) -> tuple[PlaneMap, ...]:
    """One map per setting of a study whose plan has every width on every D."""
    study = question.study
    together: dict[Key, list[tuple[Run, Row | None]]] = defaultdict(list)
    for p, row in question.store.found(p for p in study.plan if not p.check):
        together[study.setting(p.run)].append((p.run, row))
    varying = varies(together)
    return tuple(
        _map(study, Setting.of(study, some[0][0], key, varying), some)
        for key, some in together.items()
    )


def _map(study: Regime, at: Setting, some: list[tuple[Run, Row | None]]) -> PlaneMap:
    """The plane of the runs of one setting."""
    first, second = (axis.coordinate for axis in study.axes)
    size = {run.student.widths: float(run.coordinate(first) or 0) for run, _ in some}
    order = sorted(size, key=lambda widths: size[widths])
    cells: dict[tuple, list[float]] = defaultdict(list)
    states: dict[int, set[str]] = defaultdict(set)
    for run, row in some:
        k = run.task.teacher
        states[k].add(row.status if row else MISSING)
        if row and row.status == "done":
            assert row.relative is not None  # it is done
            cells[k, run.student.widths, run.coordinate(second)].append(np.log(row.relative))
    teachers = sorted(k for k, found in states.items() if found == {"done"})
    there = set().union(*states.values())
    return PlaneMap(
        study, at, tuple(order), _plane(study, cells, order, size, teachers), len(teachers),
        len(states), doubts=tuple(doubt for state, doubt in HOLES.items() if state in there),
        entries=tuple(Entry(size[run.student.widths], run, row) for run, row in some),
    )  # fmt: skip


def _plane(
    study: Regime, cells: dict, order: list, size: dict, teachers: list[int]
) -> Plane | None:
    if not teachers:
        return None
    finite = sorted({y for _, _, y in cells if y is not None})
    log_loss = np.array([[[np.mean(cells[k, w, y]) for y in (*finite, None)] for w in order]
                         for k in teachers])  # fmt: skip
    loss = np.exp(log_loss)
    x, y = np.array([size[w] for w in order]), np.array(finite, float)
    one, two = study.axes
    return Plane(x, y, loss[..., :-1], loss[..., -1], (one.symbol, two.symbol))
