"""How runs came about, in words: when their prediction was written, and what made them.

The one place that says when a prediction was written, for the report and the captions: `written`
beside the prediction, `changes` as sentences of their own. Of stores that registered nothing (see
`lab.execution.registration`) nothing is said. Beside it the paragraph on provenance. Everything is
from the store, nothing from now: a report made twice is the same.
"""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lab.execution.registration import Predicted
from lab.findings.answer import Answer
from lab.findings.record import History, Provenance
from lab.findings.run_lists import rows_of
from lab.findings.view import Answers
from lab.mistakes import duration
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


def paragraph(record: Provenance) -> str:
    """What the runs were made by, when, and under which overrides."""
    if record.lacking:
        return record.lacking
    return " ".join(["Provenance:", *_made(record), *_asked(record)])


def _made(record: Provenance) -> Iterator[str]:
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


def _asked(record: Provenance) -> Iterator[str]:
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


def plain(record: Provenance) -> dict[str, Any]:
    """The same for fits.json: what was asked, as far as it is known."""
    registered = [
        {"time": date(one.time), "question": one.question, "overrides": one.overrides,
         "scans": [scan.plain() for scan in one.scans]}
        for one in record.registered
    ]  # fmt: skip
    found = {"overrides": record.origin.overrides, "registered": registered}
    return {name: value for name, value in found.items() if value}


PAGE_NAMES = {"device": "device", "dtype": "precision", "jax": "JAX", "lab": "scaling-lab",
         "git": "commit"}  # fmt: skip


def provenance_entries(answers: Answers, name: str) -> dict[str, str]:
    """What stands in the block of provenance, by name."""
    rows = {row.fingerprint: row for row in rows_of(answers)}
    record = answers[0].record
    found = {"study": record.origin.file or name, "read with": options(record.origin.overrides)}
    if record.argv:
        found["trained by"] = shlex.join(["lab", *record.argv])
    if record.lacking:
        return {**{key: value for key, value in found.items() if value}, "read": record.lacking}
    found |= {shown: _several(r.provenance.get(key) for r in rows.values())
              for key, shown in PAGE_NAMES.items()}  # fmt: skip
    finished = [r.provenance.get("finished") or 0.0 for r in rows.values()]
    finished = [at for at in finished if at]
    if finished:
        ends = [time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (min(finished), max(finished))]
        found["trained"] = " to ".join(dict.fromkeys(ends))
    found["training took"] = duration(sum(r.seconds or 0.0 for r in rows.values()))
    found["runs"] = f"{len(rows)} stored"
    found["set of runs"] = hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()[:16]
    return {key: value for key, value in found.items() if value}


def _several(values: Iterable[Any]) -> str:
    """Each value once, the commonest first."""
    count: dict[str, int] = {}
    for value in values:
        if value:
            count[str(value)] = count.get(str(value), 0) + 1
    order = sorted(count, key=lambda value: -count[value])
    return ", ".join(order[:4]) + (f" and {len(order) - 4} more" if len(order) > 4 else "")


def study_tables(answers: Answers) -> list[tuple[str, Mapping[str, Any]]]:
    """The study as it was read, panel by panel: what its file sets, by table."""
    studies = dict.fromkeys(id(answer.study) for answer in answers)
    by_id = {id(answer.study): answer.study for answer in answers}
    return [(by_id[i].title, by_id[i].model_dump(mode="json", exclude_unset=True, by_alias=True))
            for i in studies]  # fmt: skip
