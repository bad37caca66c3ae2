"""A worker: a process that is given groups, one at a time, and says what became of them.

    python -m lab.execution.worker [--idle SECONDS] [KIND …]

Groups come in on standard input, and ticks and results go out on standard output, a line of JSON
each (`engine.py`). KINDS are foreign ones. When standard input closes, which it does when the
driver is gone for whatever reason, the worker ends at once; with --idle also after so many seconds
without a group. It writes nothing to any disk but compiled programs to their cache.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lab.spec import Group

EVERY = 0.2
"""Seconds between two ticks at least."""
PROGRAMS = 500
"""Programs that a worker compiles before it forgets them all. The twelve or so of one shape of
students take 14 MB and 130 of the 65 530 memory maps that a process may have."""


def main() -> None:
    """Work until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=float)
    parser.add_argument("kinds", nargs="*")
    options = parser.parse_args()
    told = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever prints does not speak for the worker
    given: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(given,), daemon=True).start()
    from lab.execution import engine
    from lab.execution.compiled import Compilations

    engine.register_kinds(options.kinds)
    device = engine.configure(1)
    import jax

    def say(**message: Any) -> None:
        engine.send_message(told, message)

    say(kind=device.kind, name=device.name, teachers=device.teachers, devices=len(jax.devices()))
    compiled, known = Compilations(), 0
    while True:
        try:
            line = given.get(timeout=options.idle)
        except queue.Empty:
            return
        asked = json.loads(line)
        group = engine.group_of(asked["group"])
        tick = _Ticks(lambda steps: say(steps=steps, compiled=compiled.seconds))
        results, error, seconds = engine.learned(_turned(group, asked["turn"]), tick)
        values = None if results is None else engine.result_values(group, results)
        say(results=values, error=error, seconds=seconds, compiled=compiled.seconds)
        if compiled.programs - known > PROGRAMS:
            jax.clear_caches()
            known = compiled.programs


def _turned(group: Group, turn: int) -> Group:
    """A group of networks that begins with another shape. Results are the same; but workers that
    begin together compile different programs, and find those of each other in the cache."""
    if not group.training.steps:
        return group
    cut = turn % len(group.shapes)
    return replace(group, shapes=group.shapes[cut:] + group.shapes[:cut])


class _Ticks:
    """Student-steps, added up and told every EVERY seconds."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell, self._steps, self._last = tell, 0, 0.0

    def __call__(self, steps: int) -> None:
        self._steps += steps
        now = time.perf_counter()
        if now - self._last >= EVERY:
            self._tell(self._steps)
            self._steps, self._last = 0, now


def _listen(given: queue.SimpleQueue[bytes]) -> None:
    """Take lines from standard input until it closes; then end the process, whatever it does."""
    rest = b""
    while chunk := os.read(0, 1 << 16):  # `sys.stdin` has a lock that Python wants when it ends
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            given.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
