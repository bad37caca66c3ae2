"""Running a study: missing = planned − done, trained in groups, committed one by one.

The process that calls `run` is the only writer of the store. Interrupting it once finishes the
groups in flight and commits them; twice drops them. Either way the next `run` goes on from there.

**Rounds.** Where networks say which labels they want (`lab.data.selection`) the sizes of a scan are
rounds, and each is a run of its own: students of round r learn from the first labels and all that
were chosen since, are tested, and leave in the details of their rows the candidates to be labelled
next,

    label 64 = 4711      the candidate that is label number 64, counted from 0

A run of round r can begin when the rows of the rounds before it are stored. The runner reads the
labels there and sends them with the group, so that an engine needs to know nothing of rounds; a run
that was killed begins its round again and, as every run, leaves the same. Which labels a run learns
from follows from the run, and is no part of its fingerprint.

What it does not do: choose (`lab.students.training`), or go on where a round has failed.
"""

from __future__ import annotations

import math
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from lab.config.study import Study
from lab.data.selection import LABEL
from lab.execution import budgets, compiled, plan, registration
from lab.execution.engine import Engine, Finished
from lab.execution.plan import Pace
from lab.execution.settings import Settings
from lab.execution.store import FINISHED, Row, Store
from lab.mistakes import StudyError
from lab.scaling.judge.calibration import LOOKS
from lab.spec import Group, Planned, Run
from lab.students.solvers import Failed


@dataclass(frozen=True)
class Progress:
    """Progress of a run of the study; `seconds_left` is None until something was measured.

    at_work: the groups that lanes are at, each with the fraction of it that is done; of those that
    compile, or draw their data, nothing is known yet. ended_badly: of each group the first run that
    failed, or else the first that diverged.
    """

    runs: int
    done: int
    fraction: float
    seconds: float
    seconds_left: float | None
    stopping: bool
    failed: int = 0
    diverged: int = 0
    at_work: tuple[tuple[Group, float], ...] = ()
    ended_badly: tuple[tuple[Run, Row], ...] = ()


Following = Callable[[Study, Store], tuple[Planned, ...]]
"""Gives the next runs of a study, from its store; none where it is decided."""
Observer = Callable[[Progress], None]
"""Progress callback, called five times per second."""


@dataclass(frozen=True)
class Summary:
    """Outcome of `run`: runs trained by status, adopted from other studies, and left.

    useless: whether every planned run is stored, and none of them has a loss.
    """

    trained: int
    diverged: int
    failed: int
    adopted: int
    left: int
    interrupted: bool
    seconds: float
    compile_seconds: float
    device: str
    first_error: str | None
    useless: bool = False


@dataclass(frozen=True)
class Extra:
    """Runs beyond the plan of a study: those of budgets that are raised, and of further looks."""

    plan: tuple[Planned, ...]


def run(
    study: Study,
    path: Path,
    *,
    lanes: int | None = None,
    until_converged: bool = False,
    following: Following | None = None,
    seconds: float | None = None,
    observe: Observer = lambda progress: None,
    settings: Settings | None = None,
) -> Summary:
    """Train what the store in `path` lacks, reporting to `observe` five times per second.

    settings: which engine trains (`settings.py`); `lanes` of this machine go before theirs.
    until_converged: go on and raise the budget of every x whose losses still fall, until none does
    or the study's limit is reached (`budgets.py`).
    following: what to train next of a study that is run until it is decided; its looks are
    registered before anything is trained. seconds: after so many no more groups are begun, and the
    next `run` goes on with the same look.
    What is predicted is registered before anything is trained (`registration.py`).
    Raises StudyError if the store is of another study or cannot be written, or `observe` cannot
    write; whatever goes wrong, the lanes have ended then, and what was committed before stays.
    """
    plan.check_memory(study)
    if following:
        registration.refuse_sequence(study)
    end = math.inf if seconds is None else time.perf_counter() + seconds
    made = (settings or Settings.found()).engine(lanes)
    with Store.write(path) as store, closing(made) as engine:
        registration.register(study, store, store.now(), LOOKS if following else ())
        found = _once(study, store, engine, observe, end)
        while not (found.interrupted or found.failed or time.perf_counter() >= end):
            now = registration.reached(study, store)
            raised = now.scans if until_converged else ()
            extra = Extra(tuple(p for scan in raised for p in budgets.raised(scan, store)))
            if following and not plan.left(extra.plan, store.states()).missing:
                extra = Extra(following(study, store))
            if not plan.left(extra.plan, store.states()).missing:
                break
            more = _once(extra, store, engine, observe, end)
            found = replace(_both(found, more), useless=found.useless)
        return found


def _both(first: Summary, more: Summary) -> Summary:
    """The outcome of two trainings, one after the other."""
    return replace(
        more, trained=first.trained + more.trained, diverged=first.diverged + more.diverged,
        adopted=first.adopted + more.adopted, seconds=first.seconds + more.seconds,
        compile_seconds=first.compile_seconds + more.compile_seconds,
    )  # fmt: skip


def _once(
    study: Study | Extra, store: Store, engine: Engine, observe: Observer, end: float
) -> Summary:
    """Missing runs, one round after the other where a round waits for the one before."""
    found = _round(study, store, engine, observe, end)
    while found.left and not (found.interrupted or found.failed or time.perf_counter() >= end):
        more = _round(study, store, engine, observe, end)
        if not more.trained + more.adopted:
            break
        found = _both(found, more)
    return found


def _round(
    study: Study | Extra, store: Store, engine: Engine, observe: Observer, end: float
) -> Summary:
    start = time.perf_counter()
    planned = with_earlier(study.plan)
    before = plan.left(planned, store.states())
    adopted = 0
    if before.missing:
        adopted = store.adopt(r.fingerprint() for r in before.missing)
        before = plan.left(planned, store.states())
    before = replace(before, missing=ready(before.missing, store))
    if not before.missing:
        took = time.perf_counter() - start
        return Summary(0, 0, 0, adopted, 0, False, took, 0.0, "nothing to train", None,
                       before.done == 0)  # fmt: skip
    return _train(study, store, before, adopted, engine, observe, start, end)


def _train(
    study: Study | Extra,
    store: Store,
    before: plan.Left,
    adopted: int,
    engine: Engine,
    observe: Observer,
    start: float,
    end: float,
) -> Summary:
    compiled.prepare()
    device, before_that = engine.start(), engine.compile_seconds()

    def compiling() -> float:
        return engine.compile_seconds() - before_that

    groups = plan.groups(before.missing, teachers=device.teachers, checks=before.checks)
    groups = [part for group in groups for part in plan.parted(group, device.longest)]
    groups = [supplied(group, store) for group in groups]
    pace, begun = Pace(groups, device.lanes, compiling), time.perf_counter()
    provenance = versions()
    stop, abandon, late = threading.Event(), threading.Event(), threading.Event()
    counts = {"done": 0, "diverged": 0, "failed": 0}
    ended_badly: list[tuple[Run, Row]] = []

    def progress() -> Progress:
        now = time.perf_counter()
        return Progress(
            len(before.missing), sum(counts.values()), pace.fraction, now - start,
            pace.seconds_left(now - begun), stop.is_set(), counts["failed"], counts["diverged"],
            pace.at_work, tuple(ended_badly),
        )  # fmt: skip

    lanes_at_work = engine.execute(groups, tick=pace.tick, stop=stop, abandon=abandon)
    with _interrupts(stop, abandon), closing(lanes_at_work):
        for finished in lanes_at_work:
            if finished is not None:
                rows = rows_of(finished, {**provenance, "finished": store.now()})
                store.add(rows)
                pace.finish(finished.group)
                for row in rows:
                    counts[row.status] += 1
                of_runs = zip(finished.group.runs(), rows, strict=True)
                bad = [pair for pair in of_runs if pair[1].status != "done"]
                ended_badly += sorted(bad, key=lambda pair: pair[1].status, reverse=True)[:1]
            if time.perf_counter() >= end and not stop.is_set():
                late.set()
                stop.set()
            try:
                observe(progress())
            except OSError as error:
                if stop.is_set():  # of a terminal that went away
                    continue
                raise StudyError(
                    [
                        f"{store.path}: progress cannot be written ({error}); what was trained "
                        "till then is stored, and the next `lab.run` goes on from there"
                    ]
                ) from None
    after = plan.left(study.plan, store.states())
    first_error = next((row.error for _, row in ended_badly if row.error), None)
    return Summary(
        sum(counts.values()), counts["diverged"], counts["failed"], adopted, len(after.missing),
        stop.is_set() and not late.is_set(), time.perf_counter() - start, compiling(), str(device),
        first_error, not after.done and after.diverged + after.failed == after.planned,
    )  # fmt: skip


class _interrupts:
    """SIGINT and SIGTERM: once sets `stop`, twice sets `abandon`. SIGHUP, of which a terminal that
    goes away may send several, only sets `stop`. Only in the main thread."""

    def __init__(self, stop: threading.Event, abandon: threading.Event) -> None:
        self.stop, self.abandon = stop, abandon
        self.before: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                    self.before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        again = self.stop.is_set() and number != signal.SIGHUP
        (self.abandon if again else self.stop).set()


def rows_of(finished: Finished, provenance: dict) -> list[Row]:
    """The rows of a group, in the order of its runs."""
    runs = finished.group.runs()
    share = finished.seconds / len(runs)
    dtype = finished.group.training.precision
    made = {**provenance, "device": finished.device, "dtype": dtype}

    def failed(run: Run, error: str | None) -> Row:
        return Row(run.fingerprint(), run.canonical(), "failed", run.N, None, None, None, (),
                   error, share, len(runs), made)  # fmt: skip

    if finished.results is None:
        return [failed(run, finished.error) for run in runs]
    return [
        failed(r.run, r.error) if isinstance(r, Failed) else
        Row(r.run.fingerprint(), r.run.canonical(), r.status, r.run.N,
            r.loss if r.status == "done" else None, r.relative if r.status == "done" else None,
            r.best_step, r.curve, None, share, len(runs), made, r.details,
            r.observations)
        for r in finished.results
    ]  # fmt: skip


def versions() -> dict[str, object]:
    """Versions of the software, as rows keep them: they are those of every worker."""
    return {
        "jax": metadata.version("jax"),
        "numpy": metadata.version("numpy"),
        "lab": metadata.version("scaling-lab"),
        "git": _commit(Path(__file__).resolve()),
    }


def _commit(file: Path) -> str | None:
    """Commit of the checkout that this file of the lab belongs to, with + if it was changed.

    None outside one: a repository around an installed lab, which does not keep the lab's own files,
    says nothing of it.
    """
    try:
        _git(file, "ls-files", "--error-unmatch", "--", file.name)
        return _git(file, "describe", "--always", "--dirty=+", "--abbrev=12") or None
    except (OSError, subprocess.SubprocessError):
        return None


def _git(file: Path, *arguments: str) -> str:
    found = subprocess.run(
        ["git", "-C", str(file.parent), *arguments],
        capture_output=True, text=True, timeout=5, check=True,
    )  # fmt: skip
    return found.stdout.strip()


# ---- rounds --------------------------------------------------------------------------------------


def round_before(run: Run) -> Run | None:
    """The run whose students choose labels of this one; None of a first round."""
    chosen = run.task.selection
    if not run.round or chosen is None:
        return None
    return replace(run, round=run.round - 1, size=chosen.schedule[run.round - 1])


def with_earlier(planned: Iterable[Planned]) -> tuple[Planned, ...]:
    """The same runs and, behind them, the rounds before them."""
    planned = tuple(planned)
    if not any(one.run.round for one in planned):
        return planned
    found = dict.fromkeys(planned)
    for one in planned:
        earlier = round_before(one.run)
        while earlier:
            found.setdefault(replace(one, run=earlier))
            earlier = round_before(earlier)
    return tuple(found)


def ready(missing: Iterable[Run], store: Store) -> tuple[Run, ...]:
    """Those that can begin: the round before is there, and no earlier one is missing."""
    missing = tuple(missing)
    if not any(run.round for run in missing):
        return missing
    states = store.states()
    found = [run for run in missing if not (earlier := round_before(run))
             or states.get(earlier.fingerprint()) in FINISHED]  # fmt: skip
    first = min((run.round for run in found), default=0)
    return tuple(run for run in found if run.round == first)


def supplied(group: Group, store: Store) -> Group:
    """The group with the labels that each of its teachers has by now."""
    if not group.round:
        return group
    runs = {run.task: run for run in group.runs()}
    return replace(group, labelled=tuple(_labelled(runs[task], store) for task in group.teachers))


def _labelled(run: Run, store: Store) -> tuple[int, ...]:
    """Candidates in the order in which they were labelled, the first as they were drawn."""
    chosen, known, earlier = run.task.selection, dict[int, int](), round_before(run)
    assert chosen is not None and run.size
    while earlier:
        row = store.rows([earlier.fingerprint()])[earlier.fingerprint()]
        known |= {int(name.removeprefix(LABEL)): int(value) for name, value in row.details.items()
                  if name.startswith(LABEL)}  # fmt: skip
        earlier = round_before(earlier)
    return tuple(known.get(i, i) for i in range(run.size))
