"""End of a command: its exit code, and the sentence that says why.

A mistake is its sentences; what the machine refuses, a full disk or a folder that is none, is one
sentence; anything else is a defect of the lab, and two lines: what it was doing, and where the
traceback was kept. Ctrl-C ends a command at once, unless it trains: then the groups in flight are
finished first (`lab.execution.runner`). SIGTERM and SIGHUP do the same.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO

DONE, DEFECT, MISTAKE, FAILED, INTERRUPTED, CLOSED = 0, 1, 2, 3, 130, 141
CODES = {
    DONE: "done",
    DEFECT: "a defect of the lab (two lines say where its traceback is kept)",
    MISTAKE: "a mistake in the command or the study, or a place that cannot be read or written",
    FAILED: "some runs failed, or all diverged; or verified runs are not what is stored",
    INTERRUPTED: "interrupted, by Ctrl-C, SIGTERM or SIGHUP",
    CLOSED: "whoever read the output went away, as in | head, or a terminal that was closed",
}
"""Meaning of every exit code. Trained runs are stored, whichever it is."""
REMEDIES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.ENOENT: "make the folder first, or give another place",
    errno.ENOTDIR: "a file stands where a folder is needed; give another place",
    errno.EISDIR: "a folder stands where a file is needed; give another place",
    errno.EEXIST: "something else stands there; give another place",
    errno.EACCES: "give another place, or let it be read and written",
    errno.EPERM: "give another place, or let it be read and written",
    errno.EROFS: "give a place that can be written",
}
SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def signal_handlers() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the process with INTERRUPTED, whatever it is doing; what the
    process was started to ignore, as under nohup, it ignores.

    An exception would not do: JAX drops those that are raised while it calls back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, _interrupted)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupted(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):
        os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + b"\nInterrupted.\n")
    os._exit(INTERRUPTED)


def run_and_exit_code(act: Callable[[], None]) -> int:
    """Do this, tell of what went wrong on standard error, and return the exit code."""
    from lab.mistakes import StudyError
    from lab.terminal import spell

    spell(sys.stdout)
    spell(sys.stderr)
    warnings.showwarning = _warned  # a sentence, without the line of code that says it
    code = DONE
    try:
        act()
    except SystemExit as end:
        code = CLOSED if _closed(end) else _code(end)
    except StudyError as error:
        code = CLOSED if _closed(error) else MISTAKE
        _tell(*error.mistakes)
    except OSError as error:
        code = CLOSED if _closed(error) else MISTAKE
        if code != CLOSED:
            _tell(refused(error))
    except Exception as error:
        code = DEFECT
        _tell(*defect(error))
    unwritten = [_flushed(stream) for stream in (sys.stdout, sys.stderr)]
    return code or max(unwritten)


def _warned(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    file: TextIO | None = None, line: str | None = None,
) -> None:  # fmt: skip
    _tell(str(message))


def refused(error: OSError) -> str:
    """Sentence on what the machine refused, where, and what to do."""
    where = error.filename if isinstance(error.filename, str) else "the output"
    remedy = REMEDIES.get(error.errno or 0, "give another place")
    return f"{where}: {error.strerror or error}; {remedy}"


def defect(error: Exception) -> tuple[str, str]:
    """Sentence on what the lab was doing, and where the traceback was kept."""
    command = " ".join(["lab", *sys.argv[1:]])
    what = f"{type(error).__name__}: {error}".split("\n")[0]
    return f"{command}: a defect of the lab ({what})", _kept(command)


def _kept(command: str) -> str:
    text = f"{command}\n\n{traceback.format_exc()}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="lab-defect-", suffix=".txt", delete=False, encoding="utf-8",
            errors="backslashreplace",
        ) as file:  # fmt: skip
            file.write(text)
    except OSError:
        return "its traceback could not be kept: the temporary folder cannot be written"
    return f"its traceback is kept in {file.name}; please report it with what you did"


def _closed(error: BaseException) -> bool:
    """True if a closed pipe or terminal is behind this."""
    behind: BaseException | None = error
    while behind is not None and not _gone(behind):
        behind = behind.__context__
    return behind is not None


def _gone(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno == errno.EIO:
        return error.filename is None  # of a terminal; a disk's has the name of the file
    return isinstance(error, BrokenPipeError)


def _code(end: SystemExit) -> int:
    return end.code if isinstance(end.code, int) else DONE if end.code is None else DEFECT


def _tell(*sentences: str) -> None:
    """Sentences on standard error, unless that is closed."""
    from lab.terminal import clean, flagged

    with suppress(OSError, ValueError):
        for sentence in sentences:
            print(clean(flagged(sentence)), file=sys.stderr, flush=True)


def _flushed(stream: Any) -> int:
    """Write what waits in a stream; what cannot be written is dropped, so that Python's own end is
    quiet. Returns the exit code of that."""
    if stream is None:
        return DONE
    try:
        stream.flush()
    except (OSError, ValueError) as error:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return CLOSED if _closed(error) else MISTAKE
    return DONE
