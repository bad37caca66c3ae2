"""The phase map of a study: its losses on the plane of N and D, one `Plane` per setting.

Only teachers whose every cell is done enter, so that all cells average the same teachers; what is
missing is told.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lab.answers.question import Question
from lab.answers.records import Entry
from lab.answers.setting import Setting
from lab.regimes.regime import Regime
from lab.scaling.laws.plane import Joint, Plane


@dataclass(frozen=True)
class PhaseMap:
    """One setting: plane is None while no teacher is complete; `teachers` of `planned` are.
    entries: every planned run with its row, N as its x."""

    study: Regime
    dim: int | float
    widths: tuple[tuple[int, ...], ...]
    plane: Plane | None
    teachers: int
    planned: int
    setting: Setting | None = None
    doubts: tuple[str, ...] = ()
    verdict: str | None = None
    entries: tuple[Entry, ...] = ()

    @cached_property
    def joint(self) -> tuple[Joint, ...]:
        """The joint laws that could be fitted, best ahead first."""
        return self.plane.joint() if self.plane else ()

    @property
    def label(self) -> str:
        """The dimension and the title as text."""
        return ", ".join(filter(None, [f"d = {self.dim}", self.study.title]))

    def plain(self) -> dict[str, Any]:
        """The plane cell by cell, and the joint laws."""
        plane = self.plane
        if plane is None:
            return {"dim": self.dim, "title": self.study.title, "teachers": 0}
        return {
            "dim": self.dim, "title": self.study.title, "teachers": self.teachers,
            "N": plane.N.tolist(), "D": plane.D.tolist(), "loss": plane.mean.tolist(),
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


def planes(question: Question) -> tuple[PhaseMap, ...]:
    """One map per setting of a study whose plan has every width on every D."""
    study = question.study
    settings: dict[tuple, dict[tuple, list[float]]] = defaultdict(lambda: defaultdict(list))
    incomplete: dict[tuple, set[int]] = defaultdict(set)
    sizes: dict[tuple[int, ...], int] = {}
    entries: dict[tuple, list[Entry]] = defaultdict(list)
    for p, row in question.store.found(p for p in study.plan if not p.check):
        run = p.run
        key = (replace(run.task, teacher=0), replace(run.student, widths=()))
        k, widths = run.task.teacher, run.student.widths
        sizes[widths] = run.N
        entries[key].append(Entry(float(run.N), run, row))
        if row and row.status == "done":
            assert row.relative is not None  # it is done
            settings[key][k, widths, run.size].append(np.log(row.relative))
        else:
            incomplete[key].add(k)
            settings[key]  # so that a setting without a run has its map too
    order = sorted(sizes, key=lambda w: sizes[w])
    found = []
    for key, cells in settings.items():
        teachers = sorted(set(range(study.task.count)) - incomplete[key])
        found.append(PhaseMap(study, key[0].dim, tuple(order), _plane(study, cells, order, sizes,
                              teachers), len(teachers), study.task.count,
                              entries=tuple(entries[key])))  # fmt: skip
    return tuple(found)


def _plane(study: Regime, cells: dict, order: list, N: dict, teachers: list[int]) -> Plane | None:
    if not teachers:
        return None
    D = sorted(size for size in study.sizes if size)
    log_loss = np.array([[[np.mean(cells[k, w, size]) for size in (*D, None)] for w in order]
                         for k in teachers])  # fmt: skip
    loss = np.exp(log_loss)
    return Plane(
        np.array([N[w] for w in order], float), np.array(D, float), loss[..., :-1], loss[..., -1]
    )
