"""Progress without a terminal: lines, not too many, and none of what was over in a moment."""

import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from lab.show import progress


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


@pytest.mark.parametrize("columns, words", [
    (80, "finishing the groups in flight, Ctrl-C again drops them"),
    (40, "finishing; Ctrl-C again drops"),
])  # fmt: skip
def test_words_beside_a_bar_are_whole(columns, words):
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, no_color=True)
    told = SimpleNamespace(done=12, runs=3600, seconds_left=3700.0, stopping=False, fraction=0.04)
    with progress.training(console) as observe:
        observe(told)
        time.sleep(0.2)  # the bar is drawn ten times a second
        observe(SimpleNamespace(**{**vars(told), "stopping": True}))
    text = console.file.getvalue()
    assert words in text and "1 h 01 min left" in text
