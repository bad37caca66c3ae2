"""A lane: one worker process as its driver sees it, with the group that it is at.

It says nothing of what is to be done when the process dies (`processes.py`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from lab.execution.engines import messages
from lab.spec import Group

LAST = 4000
"""Bytes of a worker's standard error that are kept."""
SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Threads of NumPy's linear algebra: one, so that lanes do not take each other's cores and results
do not depend on their number. What the user has set wins."""


class Lane:
    """A worker that is starting, waits for a group or is at one.

    kinds: foreign ones (`foreign.py`) that it must know. visible: the one GPU that it sees. idle:
    seconds without a group after which it ends.
    """

    def __init__(
        self, kinds: Sequence[str], *, visible: str | None = None, idle: float | None = None
    ) -> None:
        self.visible = visible
        self.said: Mapping[str, Any] = {}
        """What it said of its device, once it did."""
        self.group: Group | None = None
        self.steps, self.compiled, self._since = 0, 0.0, 0.0
        self._rest, self._errors = b"", b""
        # A session of its own: an interrupt from the terminal is for the driver alone.
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "lab.execution.engines.worker"),
                *(("--idle", str(idle)) if idle is not None else ()),
                *kinds,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            env=_environment(visible), start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._in, self.out, self.err = (
            self._process.stdin, self._process.stdout, self._process.stderr
        )  # fmt: skip
        os.set_blocking(self.out.fileno(), False)
        os.set_blocking(self.err.fileno(), False)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def device(self) -> str:
        """What it runs on, in words."""
        return f"{self.said['kind']} ({self.said['name']})"

    @property
    def seconds(self) -> float:
        """Since it was given its group."""
        return time.monotonic() - self._since

    def give(self, group: Group, *, turn: int = 0) -> None:
        """Have it train a group, beginning with its shape number `turn`; a worker that died
        meanwhile is noticed when it is read."""
        self.group, self.steps, self._since = group, 0, time.monotonic()
        with suppress(BrokenPipeError):
            messages.send(self._in, {"group": messages.of_group(group), "turn": turn})

    def read(self) -> Iterator[Mapping[str, Any] | None]:
        """What it has said, and None at its end."""
        for chunk in _chunks(self.out.fileno()):
            if not chunk:
                yield None
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            yield from map(json.loads, lines)

    def hear(self) -> bool:
        """Keep the last of what it wrote to standard error; False at its end."""
        for chunk in _chunks(self.err.fileno()):
            if not chunk:
                return False
            self._errors = (self._errors + chunk)[-LAST:]
        return True

    def end(self) -> None:
        """Kill it, if it lives, and forget it; what was said till then can no longer be read."""
        self._process.kill()
        self._process.wait()
        for stream in (self._in, self.out, self.err):
            with suppress(OSError):
                stream.close()

    def death(self) -> str:
        """How it ended, in words, with the last lines that it wrote to standard error."""
        self.hear()
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:  # it closed its output, and lives
            self._process.kill()
            code = self._process.wait()
        how = f"died of {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
        said = self._errors.decode(errors="replace").strip()
        return f"{said}\nthe worker {how}".lstrip()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _chunks(fd: int) -> Iterator[bytes]:
    """What can be read at once; b"" at the end."""
    while True:
        try:
            chunk = os.read(fd, 1 << 16)
        except BlockingIOError:
            return
        yield chunk
        if not chunk:
            return


def _environment(visible: str | None) -> dict[str, str]:
    """This process's, with its import path, so that a worker imports what its driver would."""
    path = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    one = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return {**dict.fromkeys(SINGLE, "1"), **os.environ, "PYTHONPATH": path, **one}
