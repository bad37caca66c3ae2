"""Progress, in one display: a bar on a terminal, and below it one for each lane that is at work;
plain lines elsewhere. What goes wrong is said as it happens, on both.

What may be over in a moment waits for PATIENCE before it says anything. What is known to take long
has its bar at once and, elsewhere, a line every EVERY seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

from rich.console import Console

from lab.mistakes import duration
from lab.report.runs import KEY, last_line

EVERY = 30.0
"""Seconds between plain lines."""
FIRST = 5.0
"""Seconds to the first of them."""
PATIENCE = 2.0
"""Seconds of silence before something short is told of."""
WORDS = 65
"""Columns that the words beside a bar may take."""
BRIEF = 75
"""Columns of a terminal below which the words are fewer."""
LANES = 8
"""Lanes that have a bar of their own."""
WRONG = 5
"""Sentences about runs that went wrong; the note counts them all."""
Item = TypeVar("Item")
Part = tuple[float, str]
"""A fraction that is done, and a note."""


@runtime_checkable
class Tell(Protocol):
    """To be called with the fraction that is done and a note.

    parts: what is at work, which a terminal shows below. said: lines to print, once and for all.
    """

    def __call__(
        self, fraction: float, note: str, parts: Sequence[Part] = (), said: Sequence[str] = ()
    ) -> None: ...


@contextmanager
def display(console: Console, what: str, *, opening: str = "", note: str = "") -> Iterator[Tell]:
    """A function to be told of progress, for as long as the context lasts.

    opening: the one line of something short, after PATIENCE; on a terminal its bar comes as late
        and vanishes at the end. Without it, the lines are those that the function is told.
    """
    terminal = console.is_terminal
    shown = _bar(console, what, opening, note) if terminal else _lines(console, what, opening)
    with shown as tell:
        yield tell


@contextmanager
def _bar(console: Console, what: str, opening: str, note: str) -> Iterator[Tell]:
    from rich.progress import BarColumn, Progress, TextColumn

    # What is said in words must have room; the bar takes the rest.
    text = TextColumn("{task.percentage:>3.0f} %  {task.fields[note]}", markup=False)
    room = console.width - len(what) - WORDS
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(min(room, 40)), text) if room >= 5 else (text,)
    with Progress(*columns, console=console, transient=bool(opening)) as bar:
        task = bar.add_task(what, total=None if opening else 1.0, note=note, visible=not opening)
        with _after(PATIENCE, lambda: bar.update(task, visible=True)):
            rows = [bar.add_task("", total=1.0, note="", visible=False) for _ in range(LANES)]

            def tell(
                fraction: float, note: str, parts: Sequence[Part] = (), said: Sequence[str] = ()
            ) -> None:
                for line in said:
                    bar.console.print(line, highlight=False, markup=False, soft_wrap=True)
                bar.update(task, total=1.0, completed=fraction, note=note)
                for row in rows[len(parts) :]:
                    bar.update(row, visible=False)
                for row, (done, words) in zip(rows, parts, strict=False):
                    bar.update(row, completed=done, note=words, visible=True)

            yield tell


@contextmanager
def _lines(console: Console, what: str, opening: str) -> Iterator[Tell]:
    if opening:
        with _after(
            PATIENCE, lambda: console.print(opening, highlight=False, markup=False, soft_wrap=True)
        ):
            yield lambda fraction, note, parts=(), said=(): None
        return
    last = [time.perf_counter() - EVERY + FIRST]

    def line(
        fraction: float, note: str, parts: Sequence[Part] = (), said: Sequence[str] = ()
    ) -> None:
        for words in said:
            console.print(words, highlight=False, markup=False, soft_wrap=True)
        if time.perf_counter() - last[0] >= EVERY:
            last[0] = time.perf_counter()
            console.print(f"{what}: {fraction:.0%}, {note}", highlight=False)

    yield line


@contextmanager
def _after(seconds: float, act: Callable[[], Any]) -> Iterator[None]:
    """Do this if the context lasts longer."""
    timer = threading.Timer(seconds, act)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def counted(items: Sequence[Item], what: str, unit: str = "points") -> Iterator[Item]:
    """The items one by one, with progress on standard error."""
    opening = f"{what} {len(items)} {unit} …"
    with display(Console(stderr=True), what, opening=opening) as tell:
        for done, item in enumerate(items, start=1):
            yield item
            tell(done / len(items), "")


@contextmanager
def patient(what: str) -> Iterator[None]:
    """A line on standard error, or a bar on a terminal, if what is inside takes long."""
    with display(Console(stderr=True), what, opening=f"{what} …"):
        yield


@contextmanager
def training(console: Console) -> Iterator[Callable[[Any], None]]:
    """A function to be told the `lab.execution.runner.Progress` of a run of a study."""
    brief = console.is_terminal and console.width < BRIEF
    told = 0
    with display(console, "training", note="waiting for the first steps") as tell:

        def observe(progress: Any) -> None:
            nonlocal told
            told = min(told, len(progress.ended_badly))  # of another round, there are none yet
            wrong = progress.ended_badly[told:WRONG]
            told += len(wrong)
            parts = (
                () if brief else [(done, _group(group)) for group, done in progress.at_work[:LANES]]
            )
            tell(progress.fraction, _note(progress, brief), parts, [_wrong(*one) for one in wrong])

        yield observe


@contextmanager
def verifying(console: Console) -> Iterator[Callable[[int, int, float, float | None], None]]:
    """The same for a `lab.execution.verification`, see its Observer."""
    with display(console, "verifying", note="compiling") as tell:

        def observe(done: int, runs: int, fraction: float, left: float | None) -> None:
            rest = f", {duration(left)} left" if left is not None else ""
            tell(fraction, f"{done} of {runs} runs trained again{rest}")

        yield observe


def _note(progress: Any, brief: bool) -> str:
    if progress.stopping:
        return "finishing; Ctrl-C again drops" if brief else (
            "finishing the groups in flight, Ctrl-C again drops them"
        )  # fmt: skip
    runs = f"{progress.done}/{progress.runs}" if brief else (
        f"{progress.done} of {progress.runs} runs stored"
    )  # fmt: skip
    counts = (("failed", progress.failed), ("diverged", progress.diverged))
    wrong = "".join(f", {n} {how}" for how, n in counts if n)
    left = progress.seconds_left
    return f"{runs}{wrong}, {duration(left)} left" if left is not None else f"{runs}{wrong}"


def _group(group: Any) -> str:
    """Work of a lane, as in 'd = 4, N = 289 to 1300, 12 students'."""
    task = group.teachers[0]
    N = [student.parameters(task.D_amb, task.outputs, D) for student, D, _ in group.shapes]
    sizes = [D for _, D, _ in group.shapes if D]
    spans = [_span("d", [task.dim]), _span("N", N), *([_span("D", sizes)] if sizes else [])]
    return f"{', '.join(spans)}, {group.students} student{'s' if group.students > 1 else ''}"


def _span(symbol: str, values: Sequence[float]) -> str:
    least, most = min(values), max(values)
    return f"{symbol} = {least:g}" if least == most else f"{symbol} = {least:g} to {most:g}"


def _wrong(run: Any, row: Any) -> str:
    why = f": {last_line(row.error)}" if row.error else ", its loss is no number"
    size = f", D = {run.size}" if run.size else ""
    return (
        f"{row.status}: run {row.fingerprint[:KEY]}, d = {run.task.dim:g}, N = {run.N}{size}, "
        f"teacher {run.task.teacher}, seed {run.seed}{why}"
    )
