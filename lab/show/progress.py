"""Progress of a run: a bar on a terminal, one plain line every 30 seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from lab.execution.runner import Progress
from lab.show.duration import duration

EVERY = 30.0
"""Seconds between plain lines."""


@contextmanager
def display(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A function to be told of progress, for as long as the context lasts."""
    if console.is_terminal:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        text = TextColumn("{task.percentage:>3.0f} %  {task.fields[note]}")
        bar = Bar(TextColumn("{task.description}"), BarColumn(), text, console=console)
        with bar:
            task = bar.add_task("training", total=1.0, note="compiling")
            yield lambda p: bar.update(task, completed=p.fraction, note=_note(p))
        return
    last = [time.perf_counter() - EVERY + 5.0]

    def line(p: Progress) -> None:
        if time.perf_counter() - last[0] >= EVERY:
            last[0] = time.perf_counter()
            console.print(f"training: {p.fraction:.0%}, {_note(p)}", highlight=False)

    yield line


def _note(p: Progress) -> str:
    runs = f"{p.done} of {p.runs} runs stored"
    if p.stopping:
        return f"{runs}; finishing the groups in flight, Ctrl-C again drops them"
    return f"{runs}, {duration(p.seconds_left)} left" if p.seconds_left is not None else runs
