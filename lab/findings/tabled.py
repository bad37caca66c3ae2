"""The stored runs of a study at their places, as its table has them (`lab.execution.table`).

Every run of the plan, scan by scan, with the setting and the x of its scan, and every run of a
raised budget. What is fitted stands at the run that it is fitted of: where a value is a mean over
repetitions, at the first of them that is done.

What it does not do: write, or say what a run is worth.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from lab.execution import budgets
from lab.execution.store import Store
from lab.execution.table import Tabled
from lab.findings.question import Question, Stored
from lab.findings.setting import Setting
from lab.regimes.cell import Key
from lab.regimes.regime import COUNTED, Regime
from lab.spec import Planned, Run
from lab.study import Study


def text(setting: Setting) -> str:
    """What varies besides d, as JSON; empty where nothing does."""
    return json.dumps(setting.varying, ensure_ascii=False) if setting.pairs else ""


def tabled(study: Study, store: Store, questions: Iterable[Question]) -> tuple[Tabled, ...]:
    """The stored runs in the order of the plan. questions: the scans that were asked."""
    asked = {id(question.study): question for question in questions}
    states = store.states()
    return tuple(
        entry
        for panel in study.panels
        for entry in _panel(panel, store, asked, many=len(states) > len(study.plan))
    )


def _panel(
    panel: Regime, store: Store, asked: dict[int, Question], *, many: bool
) -> Iterator[Tabled]:
    """many: whether the store has runs that the plan has not, such as those of raised budgets."""
    seen: set[str] = set()
    for scan in panel.scans:
        question = asked.get(id(scan)) or Question(scan, store, {})
        places = {cell.planned: (cell.setting, cell.x) for cell in scan.laid_out}
        if many:
            for planned in budgets.every(scan):
                places.setdefault(planned, (scan.setting(planned.run), scan.x(planned.run)))
        for entry in _scan(question, places):
            seen.add(entry.row.fingerprint)
            yield entry
    for planned, row in store.found(panel.plan):  # what no scan of it has
        if row and row.fingerprint not in seen:
            setting = Setting.of(panel, planned.run, panel.setting(planned.run), ())
            yield Tabled(setting.dim, text(setting), panel.x(planned.run), planned, row)


def _scan(question: Question, places: dict[Planned, tuple[Key, int]]) -> Iterator[Tabled]:
    settings = dict(zip(question.cells, (one.setting for one in question.stored), strict=True))
    fitted = dict(_fitted(question))
    found = question.store.found(places)
    for planned, row in found:
        if row is None:
            continue
        key, x = places[planned]
        setting = settings[key]
        value = fitted.pop((setting, planned.run), None)  # it stands once
        yield Tabled(setting.dim, text(setting), x, planned, row, value)


def _fitted(question: Question) -> Iterator[tuple[tuple[Setting, Run], float]]:
    """Values that were fitted, by setting and the run that each stands at; none of a regime that
    fits nothing, and where a value is an observation at a checkpoint: it stands with those."""
    if "exponents" not in question.study.findings or question.study.counts != COUNTED:
        return
    of = {point.setting: point.fitted for point in question.found("exponents")}
    for one in question.stored:
        at = _places(question.study, one)
        for x, value, teacher, seed in of[one.setting].rows:
            yield (one.setting, at[x, teacher, seed]), value


def _places(study: Regime, one: Stored) -> dict[tuple[float, int, int], Run]:
    """The finished runs by x, teacher and seed; by seed 0 the first of each x and teacher, where no
    run has it."""
    at: dict[tuple[float, int, int], Run] = {}
    for run, _ in one.done:
        at[float(study.x(run)), run.task.teacher, run.seed] = run
    for run, _ in one.done:
        at.setdefault((float(study.x(run)), run.task.teacher, 0), run)
    return at
