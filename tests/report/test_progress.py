"""Progress without a terminal: lines, not too many, and none of what was over in a moment."""

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console

from lab.execution.engine import Finished
from lab.execution.plan import groups
from lab.execution.runner import Progress, rows_of
from lab.report import progress


@pytest.fixture
def console():
    return Console(file=io.StringIO(), force_terminal=False)


def test_what_takes_long_has_a_line_every_so_often(console, monkeypatch):
    clock = iter([0.0, 1.0, 5.0, 5.0, 20.0, 36.0, 36.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    with progress.display(console, "training") as tell:
        for fraction in (0.1, 0.2, 0.3, 0.4):  # told after 1, 5, 20 and 36 seconds
            tell(fraction, "some runs stored")
    assert console.file.getvalue().splitlines() == [
        "training: 20%, some runs stored", "training: 40%, some runs stored",
    ]  # fmt: skip


def test_what_is_over_in_a_moment_says_nothing(console):
    with progress.display(console, "fitting", opening="fitting …") as tell:
        tell(0.5, "")
    assert console.file.getvalue() == ""


def test_what_is_short_says_its_opening_once_patience_is_gone(console, monkeypatch):
    """A timer that acts as soon as it starts stands for a wait."""

    class Gone:
        def __init__(self, seconds, act):
            assert seconds == progress.PATIENCE
            self.start, self.cancel = act, lambda: None

    monkeypatch.setattr(progress.threading, "Timer", Gone)
    with progress.display(console, "fitting", opening="fitting [a] table …"):
        pass
    assert console.file.getvalue() == "fitting [a] table …\n"


def test_counted_gives_every_item_once():
    assert list(progress.counted([3, 1, 2], "counting")) == [3, 1, 2]


def progress_of(**found):
    empty = {"runs": 12, "done": 0, "fraction": 0.04, "seconds": 1.0, "seconds_left": None}
    return Progress(**{**empty, "stopping": False, **found})


@pytest.mark.parametrize("columns, words", [
    (80, "finishing the groups in flight, Ctrl-C again drops them"),
    (40, "finishing; Ctrl-C again drops"),
])  # fmt: skip
def test_words_beside_a_bar_are_whole(columns, words):
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, no_color=True)
    told = progress_of(done=12, runs=3600, seconds_left=3700.0)
    with progress.training(console) as observe:
        observe(told)
        time.sleep(0.2)  # the bar is drawn ten times a second
        observe(replace(told, stopping=True))
    text = console.file.getvalue()
    assert words in text and "1 h 01 min left" in text


@pytest.fixture
def group(make_study):
    found = make_study(training={"steps": 20})
    return groups((planned.run for planned in found.plan), teachers=8)[0]


def test_a_terminal_shows_what_each_lane_is_at(group):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, no_color=True)
    with progress.training(console) as observe:
        observe(progress_of(at_work=((group, 0.25), (group, 0.5)) * progress.LANES))
        time.sleep(0.2)
    text = console.file.getvalue()
    runs = group.runs()
    assert f"25 %  d = {runs[0].task.dim}, N = {min(r.N for r in runs)}" in text
    assert f"{len(runs)} students" in text and "50 %  d =" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_what_goes_wrong_is_said_as_it_happens_and_no_more_than_a_few_times(group, terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, no_color=True)
    error = "Traceback …\n  File [x]\nValueError: it broke"
    run, row = group.runs()[1], rows_of(Finished(group, None, error, 1.0, "cpu"), {})[1]
    with progress.training(console) as observe:
        for n in range(1, 3 * progress.WRONG):
            observe(progress_of(failed=n, ended_badly=((run, row),) * n))
    text = console.file.getvalue()
    assert text.count("ValueError: it broke") == progress.WRONG
    assert f"failed: run {row.fingerprint[:8]}" in text and f"teacher {run.task.teacher}" in text


def test_the_note_counts_what_went_wrong(console, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", progress.FIRST)
    with progress.training(console) as observe:
        monkeypatch.setattr(progress, "EVERY", 0.0)
        observe(progress_of(done=5, failed=2, diverged=1))
    assert "5 of 12 runs stored, 2 failed, 1 diverged" in console.file.getvalue()
