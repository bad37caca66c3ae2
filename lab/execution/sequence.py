"""The sequence of a study that is run until it is decided: which look the store has reached.

`lab run --until-decided` registers its looks, numbers of teachers, before the first run
(`registration.py`), and trains look after look: each is the plan of the same study with more
teachers, which changes no other run. Where a study stands follows from the registration and the
store alone: each panel is at the largest look whose scans are all stored, and everything that
answers reads the study `reached`. So a run that was killed goes on with the same look, and a plain
`lab run` later neither forgets the looks nor relaxes their intervals.

What it does not do: judge, or say which panel needs another look; see `lab.findings.following`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lab.execution.registration import registered
from lab.execution.store import FINISHED, Store
from lab.mistakes import StudyError
from lab.regimes.regime import Regime
from lab.scaling.judge.looks import level, looks
from lab.study import Panels, Study


def asked(store: Store) -> tuple[int, ...]:
    """The looks that were registered, none where the study is not run as a sequence."""
    return next((one.looks for one in registered(store) if one.looks), ())


def refuse(study: Study) -> None:
    """Raise StudyError for a study that has no sequence of teachers."""
    for panel in study.panels:
        whose = f"{panel.title}: " if panel.title else ""
        if panel.scans != (panel,):
            raise StudyError([f"{whose}a phase map has no looks; run its scans as studies of "
                              "their own, or without until_decided"])  # fmt: skip
        if not hasattr(panel.task, "teacher"):
            raise StudyError([f"{whose}until_decided adds teachers, and data that somebody "
                              "brings have none; give more data, and run it without"])  # fmt: skip


def at(panel: Regime, teachers: int, at: Sequence[int]) -> Regime:
    """A panel at the look of so many teachers, with the level of its intervals."""
    return panel.looked(teachers, level(teachers, looks(panel.task.count, at)))


def following(panel: Regime, now: Regime, at: Sequence[int]) -> Regime | None:
    """The panel at the look after this one; None after the last."""
    every = looks(panel.task.count, at)
    i = every.index(now.task.count) + 1
    return panel.looked(every[i], level(every[i], every)) if i < len(every) else None


def _reached(panel: Regime, states: Mapping[str, str], asked: Sequence[int]) -> Regime:
    """The panel at the largest look that is stored as a whole, at the first where none is."""
    now = at(panel, panel.task.count, asked)
    while (after := following(panel, now, asked)) is not None:
        scan = (planned.run for planned in after.plan if planned.role == "scan")
        if not all(states.get(run.fingerprint()) in FINISHED for run in scan):
            break
        now = after
    return now


def reached(study: Study, store: Store) -> Study:
    """The study as far as its sequence has come; itself where it is none."""
    steps = asked(store)
    if not steps or any(panel.scans != (panel,) for panel in study.panels):
        return study
    states = store.states()
    panels = tuple(_reached(panel, states, steps) for panel in study.panels)
    return replace(study, panels=panels) if isinstance(study, Panels) else panels[0]


def whole(study: Study, store: Store) -> Study:
    """The study with the teachers of its last look; itself where it is no sequence."""
    steps = asked(store)
    if not steps:
        return study
    panels = tuple(at(panel, looks(panel.task.count, steps)[-1], steps)
                   for panel in study.panels)  # fmt: skip
    return replace(study, panels=panels) if isinstance(study, Panels) else panels[0]
