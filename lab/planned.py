"""The flat list of everything that a study has to train, each run with its role.

    scan      the product of the grid
    budget    scans of a share of the teachers, of at least two, with other budgets
    rate,     the scan of the first of these teachers, at the middle setting of the grid, at other
    weights   rates and from other first weights
    limit     networks of a scan over D on unlimited data, with the budgets of the scan and of its
              checks: that loss is their L∞

Checks repeat whole scans, so that they tell the change in α as well as in loss, with all seeds of a
teacher: they then train in the programs that are compiled already. Which teachers are checked is
drawn by hash of the study's seed, so that a longer grid never changes which were drawn before.

A phase map trains every width on every D and on unlimited data, and what its two limits need.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.spec import LIMITS, Planned, Run, TaskSpec

if TYPE_CHECKING:
    from lab.study import Study


def plan(study: Study) -> tuple[Planned, ...]:
    """Every run of the study: those of the scan, then the limits and the checks."""
    if study.regime == "phase-map":
        return _plane(study)
    recipe, limit = study.recipe, LIMITS.get(study.regime, "")
    sizes: tuple[int | None, ...] = study.data.sizes if study.data else (None,)
    seeds = study.student.seeds
    if study.regime == "variance-data" and study.data:
        seeds = study.data.draws or 1
    runs, checks, limits = [], [], []
    varied = _varied(study)
    for task in study.tasks(study.task.teacher.count):
        for student, D, s in itertools.product(study.students(), sizes, range(seeds)):
            run = Run(task, student, recipe, D, s, study.seed, limit)
            runs.append(Planned(run))
            if task.teacher in study.checked:
                checks += [
                    Planned(replace(run, training=recipe.scaled(factor)), "budget", factor)
                    for factor in study.evidence.budgets
                ]
            if task == varied:
                checks += _variations(study, run)
        if study.measures_limit:
            budgets = (1.0, *(study.evidence.budgets if task.teacher in study.checked else ()))
            limits += [
                Planned(Run(task, student, recipe.scaled(factor), None, s, study.seed, limit),
                        "limit", factor)
                for student, s, factor in itertools.product(
                    study.students(), range(seeds), budgets)
            ]  # fmt: skip
    return (*runs, *limits, *checks)


def base(study: Study, planned: Planned) -> Run:
    """The run of the scan that a check repeats; the run itself if it is none."""
    run = planned.run
    if planned.role in ("budget", "rate"):
        return replace(run, training=study.recipe)
    if planned.role == "weights":
        return replace(run, student=replace(run.student, weight=study.student.weight))
    return run


def drawn(study: Study) -> list[int]:
    """The indices k of the teachers in the order in which they are checked."""

    def key(k: int) -> str:
        return hashlib.sha256(f"{study.seed}:{k}".encode()).hexdigest()

    return sorted(range(study.task.teacher.count), key=key)


def _plane(study: Study) -> tuple[Planned, ...]:
    sizes = (*(study.data.sizes if study.data else ()), None)
    grid = itertools.product(study.students(), sizes, range(study.student.seeds))
    shapes = list(grid)
    runs = dict.fromkeys(
        Run(task, student, study.recipe, D, s, study.seed, "")
        for task in study.tasks(study.task.teacher.count)
        for student, D, s in shapes
    )
    # a limit of the one scan may be a check of the other
    checks = {p.run: p for scan in study.scans for p in scan.plan if p.run not in runs}
    return (*map(Planned, runs), *checks.values())


def _varied(study: Study) -> TaskSpec | None:
    """The task whose scan is repeated at other rates and from other first weights."""
    if not study.checked:
        return None
    first = drawn(study)[0]
    tasks = [t for t in study.tasks(study.task.teacher.count) if t.teacher == first]
    return tasks[len(tasks) // 2]


def _variations(study: Study, run: Run) -> list[Planned]:
    evidence, student = study.evidence, run.student
    return [
        *(Planned(replace(run, training=run.training.at_rate(f)), "rate", f)
          for f in evidence.rates),
        *(Planned(replace(run, student=replace(student, weight=f * student.weight)), "weights", f)
          for f in evidence.weights),
    ]  # fmt: skip
