"""How runs came about, in words: when their prediction was written, and what made them.

The one place that says when a prediction was written, for the report and the captions: `written`
beside the prediction, `changes` as sentences of their own. Of stores that registered nothing (see
`lab.execution.registration`) nothing is said. Beside it the paragraph on provenance. Everything is
from the store, nothing from now: a report made twice is the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from lab.duration import duration
from lab.execution.registration import Predicted
from lab.findings.answer import Answer
from lab.findings.record import History, Record
from lab.tables.prediction import COUNTED, WHERE, declared

SENSES = {"bound": "a lower bound", "equal": "an equality", "covers": "a least share"}
NAMES = {"lab": "lab", "git": "commit", "jax": "JAX", "numpy": "NumPy"}


def written(answers: Sequence[Answer]) -> str:
    """What stands behind a prediction, comma first; empty where nothing is known."""
    return _written([answer.history for answer in answers], "some of them " * (len(answers) > 1))


def standing(history: History) -> str:
    """The same of one claim."""
    return _written([history], "")


def _written(every: Sequence[History | None], some: str) -> str:
    known = [history for history in every if history and history.first]
    if any(history.changed for history in known):
        return f", {some}changed after the first run"
    if any(history.earlier for history in known):
        return f", {some}registered after some of the runs"
    if any(history and history.unregistered for history in every):
        return f", {some}written after the runs"
    return ", written before the run" if known and len(known) == len(every) else ""


def changes(answer: Answer) -> str:
    """What was predicted before the run and when that changed, in sentences; empty if nothing did
    or nothing is known."""
    return " ".join(text for history in answer.histories for text in _changes(history))


def _changes(history: History) -> Iterator[str]:
    if history.first is None:
        return
    if history.earlier:
        one = history.earlier == 1
        yield (
            f"A prediction was first registered on {date(history.time)}, when {history.earlier} of "
            f"these runs {'was' if one else 'were'} there already."
        )
    if history.changed:
        since = (
            f"what is reported now was registered on {date(history.since)}"
            if history.since is not None
            else "nothing was run since what is reported now was written"
        )
        yield f"Registered first, on {date(history.time)}: {predicted(history.first)}; {since}."
    if history.first.rivals != history.now.rivals:
        then = ", ".join(history.first.rivals) or "none"
        yield f"The rivals that were registered first: {then}."


def predicted(asked: Predicted) -> str:
    """A claim with its sense and tolerance."""
    name = "α" if asked.quantity == "alpha" else asked.quantity
    at = f" at {asked.where}" if asked.where else ""
    where = f" {WHERE[asked.over]}" if name == "α" and asked.over == "range" else ""
    within = f", tolerance {asked.tolerance:.0%}" if asked.tolerance else ""
    return (f"{name}{COUNTED[asked.size]} = {asked.exponent} as {SENSES[asked.sense]}{at}{where}"
            f"{within}{declared(asked.omega, asked.delta)}")  # fmt: skip


def date(seconds: float) -> str:
    """The time since 1970 as a date, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def options(overrides: Sequence[str]) -> str:
    """Overrides as they are typed."""
    return " ".join(f"--set {shlex.quote(override)}" for override in overrides)


def paragraph(record: Record) -> str:
    """What the runs were made by, when, and under which overrides."""
    if record.lacking:
        return record.lacking
    return " ".join(["Provenance:", *_made(record), *_asked(record)])


def _made(record: Record) -> Iterator[str]:
    states = [f"{record.count(status)} {status}" for status in ("done", "diverged", "failed")]
    left = f", {record.missing} of them not run yet" if record.missing else ""
    more = f", and {record.raised} of raised budgets" if record.raised else ""
    yield f"{record.planned} runs planned{left}{more}: {', '.join(states)}."
    if record.finished is None:
        return
    yield f"The newest run ended on {date(record.finished)}."
    yield f"All took {duration(record.seconds)}, summed over lanes,"
    yield f"on {' and '.join(record.devices) or 'an unknown device'}."
    versions = [f"{NAMES[name]} {' and '.join(some)}" for name, some in record.versions if some]
    if versions:
        yield f"Versions: {', '.join(versions)}."


def _asked(record: Record) -> Iterator[str]:
    now = record.origin.overrides
    if now:
        yield f"This is read with {options(now)}."
    kept = record.registered
    told = dict.fromkeys(one.overrides for one in kept)
    if any(told):
        since = {one.overrides: date(one.time) for one in reversed(kept)}
        each = [f"{options(some) or 'no overrides'} (from {since[some]} on)" for some in told]
        yield f"`lab run` was given {', '.join(each)}."
    looks = next((one.looks for one in kept if one.looks), ())
    if looks:
        yield (f"It is run until it is decided, and was registered to be looked at with "
               f"{', '.join(map(str, looks))} teachers, from its own number on: its intervals hold "
               "at all looks together.")  # fmt: skip
    if record.argv:
        yield f"Trained by `{shlex.join(['lab', *record.argv])}`."
    if kept and kept[0].question != record.question:
        yield f"When the study was first run, on {date(kept[0].time)}, it asked: {kept[0].question}"


def plain(record: Record) -> dict[str, Any]:
    """The same for fits.json: what was asked, as far as it is known."""
    registered = [
        {"time": date(one.time), "question": one.question, "overrides": one.overrides,
         "scans": [scan.plain() for scan in one.scans]}
        for one in record.registered
    ]  # fmt: skip
    found = {"overrides": record.origin.overrides, "registered": registered}
    return {name: value for name, value in found.items() if value}
