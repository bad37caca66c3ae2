"""Processes: a pool of workers on this machine, one lane each, that outlives its workers.

A worker that dies, killed, out of memory or by a fault in compiled code, costs its group another
try, after all others and with no other lane at work; a group that kills twice has failed, and the
others go on. Nothing computes when the driver is gone: a worker ends with its standard input.

The driver never imports JAX; what a worker runs on, the first one says.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from lab.execution import engine
from lab.execution.engine import Device, Finished, Tick, cores
from lab.mistakes import StudyError
from lab.spec import Group

LAST = 4000
"""Bytes of a worker's standard error that are kept."""
SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Threads of NumPy's linear algebra: one, so that lanes do not take each other's cores and results
do not depend on their number. What the user has set wins."""


class Worker:
    """A worker that is starting, waits for a group or is at one.

    kinds: foreign ones that it must know. visible: the one GPU that it sees. idle:
    seconds without a group after which it ends.
    """

    def __init__(
        self, kinds: Sequence[str], *, visible: str | None = None, idle: float | None = None
    ) -> None:
        self.visible = visible
        self.said: Mapping[str, Any] = {}
        """Its message about its device, once it was sent."""
        self.group: Group | None = None
        self.steps, self.compiled, self._since = 0, 0.0, 0.0
        self._rest, self._errors = b"", b""
        # A session of its own: an interrupt from the terminal is for the driver alone.
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "lab.execution.worker"),
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
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    @property
    def device(self) -> str:
        """Its device, in words."""
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
            engine.send_message(self._in, {"group": engine.group_values(group), "turn": turn})

    def read(self) -> Iterator[Mapping[str, Any] | None]:
        """Messages that have come, and None at its end."""
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
        """Its end in words, with the last lines that it wrote to standard error."""
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
    """Bytes that can be read at once; b"" at the end."""
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


PATIENCE = 0.2
"""Seconds between two looks at what was asked meanwhile."""
DEATHS = 2
"""Workers that a group may kill."""
FALSE_STARTS = 3
"""Workers in a row that may die before they say anything."""


class Processes:
    """The engine of this machine: `lanes` workers, by default one per core, or per GPU.

    idle: seconds after which a worker without a group ends; for who does not close the engine.
    """

    def __init__(self, lanes: int | None = None, *, idle: float | None = None) -> None:
        self._asked, self._idle = lanes, idle
        self._device: Device | None = None
        self._workers: list[Worker] = []
        self._visible: list[str] = []
        self._false_starts, self._compiled = 0, 0.0
        self._selector = selectors.DefaultSelector()

    def start(self) -> Device:
        if self._device is None:
            none = _Work((), lambda group, steps: None, threading.Event())
            while not (self._workers and self._workers[0].said):
                self._open(1)
                for _ in self._heard(none):
                    pass
            said = self._workers[0].said
            lanes = self._asked or (cores() if said["kind"] == "cpu" else said["devices"])
            if said["devices"] > 1:
                self._visible = _devices(said["devices"])
                self._end(self._workers[0])  # it holds all of them
            self._device = Device(said["kind"], said["name"], lanes, said["teachers"])
        return self._device

    def compile_seconds(self) -> float:
        return self._compiled + sum(worker.compiled for worker in self._workers)

    def close(self) -> None:
        for worker in [*self._workers]:
            self._end(worker)

    def execute(
        self,
        groups: Sequence[Group],
        *,
        tick: Tick,
        stop: threading.Event,
        abandon: threading.Event,
    ) -> Generator[Finished | None, None, None]:
        device, work = self.start(), _Work(groups, tick, stop)
        told = time.monotonic()
        try:
            while not abandon.is_set():
                self._open(min(device.lanes, len(self._busy()) + len(work)))
                self._deal(work)
                if not self._busy() and not len(work):
                    break
                yield from self._heard(work)
                if time.monotonic() - told >= PATIENCE:
                    yield None
                    told = time.monotonic()
        finally:
            for worker in self._busy():
                self._end(worker)

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.group]

    def _open(self, number: int) -> None:
        """Start workers until there are so many."""
        kinds = engine.foreign_kinds() if len(self._workers) < number else []
        while len(self._workers) < number:
            taken = Counter(worker.visible for worker in self._workers)
            visible = min(self._visible, key=taken.__getitem__, default=None)
            worker = Worker(kinds, visible=visible, idle=self._idle)
            self._workers.append(worker)
            self._selector.register(worker.out, selectors.EVENT_READ, worker)
            self._selector.register(worker.err, selectors.EVENT_READ, worker)

    def _end(self, worker: Worker) -> None:
        for stream in (worker.out, worker.err):
            if stream in self._selector.get_map():
                self._selector.unregister(stream)
        self._workers.remove(worker)
        self._compiled += worker.compiled
        worker.end()

    def _deal(self, work: _Work) -> None:
        """Give every worker that waits a group, as far as there are any."""
        for turn, worker in enumerate(self._workers):
            if worker.said and not worker.group and worker.alive:
                group = work.next(alone=not self._busy())
                if group is None:
                    return
                worker.give(group, turn=turn)

    def _heard(self, work: _Work) -> Iterator[Finished]:
        """Groups that were finished, after no more than PATIENCE."""
        for key, _ in self._selector.select(PATIENCE):
            worker = key.data
            if worker not in self._workers:  # ended a moment ago
                continue
            if key.fileobj is worker.err:
                if not worker.hear():
                    self._selector.unregister(worker.err)
                continue
            for message in worker.read():
                if message is None:
                    yield from self._died(worker, work)
                    break
                finished = self._told(worker, message, work)
                if finished:
                    self._deal(work)  # before the driver is busy writing
                    yield finished

    def _told(self, worker: Worker, message: Mapping[str, Any], work: _Work) -> Finished | None:
        if "kind" in message:
            worker.said, self._false_starts = message, 0
            return None
        worker.compiled, group = message["compiled"], worker.group
        assert group
        if "steps" in message:
            worker.steps += message["steps"]
            work.tick(group, message["steps"])
            return None
        worker.group = None
        results = message["results"]
        if results is not None:
            results = engine.results_of(group, results)
        return Finished(group, results, message["error"], message["seconds"], worker.device)

    def _died(self, worker: Worker, work: _Work) -> Iterator[Finished]:
        """A worker is gone: its group waits for another, or has failed."""
        group, words, seconds = worker.group, worker.death(), worker.seconds
        self._end(worker)
        if group:
            work.tick(group, -worker.steps)
            if work.died(group):
                yield Finished(group, None, f"{words}, as the worker before it", seconds,
                               worker.device)  # fmt: skip
        elif not worker.said:
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS:
                last = words.splitlines()[-2:]
                raise StudyError(
                    [f"no worker starts on this machine ({': '.join(last)}); "
                     "`engine` threads does without them"]
                )  # fmt: skip


class _Work:
    """Groups that wait for a worker; behind them those that a worker died of, each for the pool
    alone. None waits after `stop`."""

    def __init__(self, groups: Sequence[Group], tick: Tick, stop: threading.Event) -> None:
        self.tick, self._stop = tick, stop
        self._first, self._again = deque(groups), deque[Group]()
        self._deaths: Counter[int] = Counter()

    def __len__(self) -> int:
        return 0 if self._stop.is_set() else len(self._first) + len(self._again)

    def next(self, *, alone: bool) -> Group | None:
        """The next group, if there is one for now. alone: whether no worker is at work."""
        if not len(self):
            return None
        if self._first:
            return self._first.popleft()
        return self._again.popleft() if alone else None

    def died(self, group: Group) -> bool:
        """A worker died of this group: whether that was once too often."""
        self._deaths[id(group)] += 1
        if self._deaths[id(group)] == DEATHS:
            return True
        self._again.append(group)
        return False


def _devices(number: int) -> list[str]:
    """The names of the GPUs of this process, as their driver's variable lists them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named.split(",") if named else [*map(str, range(number))]
