"""`lab` on a pseudo-terminal of a given size."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def on_terminal(*arguments, columns=80, **environment):
    """Exit code and lines of `lab ARGUMENTS…` on a terminal so wide, in the current folder."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "LAB_RESULTS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", *map(str, arguments)], stdin=theirs, stdout=theirs,
        stderr=theirs, close_fds=True,
        env={**given, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHONUTF8": "1", **environment},
    )  # fmt: skip
    os.close(theirs)
    read = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not some:
            break
        read += some
    os.close(ours)
    return process.wait(), read.decode().replace("\r\n", "\n")
