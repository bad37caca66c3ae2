"""Processes: a pool of workers on this machine, one lane each, that outlives its workers.

A worker that dies, killed, out of memory or by a fault in compiled code, costs its group another
try, after all others and with no other lane at work; a group that kills twice has failed, and the
others go on. Nothing computes when the driver is gone: a worker ends with its standard input.

The driver never imports JAX; what a worker runs on, the first one says.
"""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from lab.execution.engines import foreign, messages
from lab.execution.engines.device import Device, cores
from lab.execution.engines.engine import Finished, Tick
from lab.execution.engines.lane import Lane
from lab.mistakes import StudyError
from lab.spec import Group

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
        self._lanes: list[Lane] = []
        self._visible: list[str] = []
        self._false_starts, self._compiled = 0, 0.0
        self._selector = selectors.DefaultSelector()

    def start(self) -> Device:
        if self._device is None:
            none = _Work((), lambda group, steps: None, threading.Event())
            while not (self._lanes and self._lanes[0].said):
                self._open(1)
                for _ in self._heard(none):
                    pass
            said = self._lanes[0].said
            lanes = self._asked or (cores() if said["kind"] == "cpu" else said["devices"])
            if said["devices"] > 1:
                self._visible = _devices(said["devices"])
                self._end(self._lanes[0])  # it holds all of them
            self._device = Device(said["kind"], said["name"], lanes, said["teachers"])
        return self._device

    def compile_seconds(self) -> float:
        return self._compiled + sum(lane.compiled for lane in self._lanes)

    def close(self) -> None:
        for lane in [*self._lanes]:
            self._end(lane)

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
            for lane in self._busy():
                self._end(lane)

    def _busy(self) -> list[Lane]:
        return [lane for lane in self._lanes if lane.group]

    def _open(self, number: int) -> None:
        """Start workers until there are so many."""
        kinds = foreign.named() if len(self._lanes) < number else []
        while len(self._lanes) < number:
            taken = Counter(lane.visible for lane in self._lanes)
            visible = min(self._visible, key=taken.__getitem__, default=None)
            lane = Lane(kinds, visible=visible, idle=self._idle)
            self._lanes.append(lane)
            self._selector.register(lane.out, selectors.EVENT_READ, lane)
            self._selector.register(lane.err, selectors.EVENT_READ, lane)

    def _end(self, lane: Lane) -> None:
        for stream in (lane.out, lane.err):
            if stream in self._selector.get_map():
                self._selector.unregister(stream)
        self._lanes.remove(lane)
        self._compiled += lane.compiled
        lane.end()

    def _deal(self, work: _Work) -> None:
        """Give every worker that waits a group, as far as there are any."""
        for turn, lane in enumerate(self._lanes):
            if lane.said and not lane.group and lane.alive:
                group = work.next(alone=not self._busy())
                if group is None:
                    return
                lane.give(group, turn=turn)

    def _heard(self, work: _Work) -> Iterator[Finished]:
        """Groups that were finished, after no more than PATIENCE."""
        for key, _ in self._selector.select(PATIENCE):
            lane = key.data
            if lane not in self._lanes:  # ended a moment ago
                continue
            if key.fileobj is lane.err:
                if not lane.hear():
                    self._selector.unregister(lane.err)
                continue
            for message in lane.read():
                if message is None:
                    yield from self._died(lane, work)
                    break
                finished = self._told(lane, message, work)
                if finished:
                    self._deal(work)  # before the driver is busy writing
                    yield finished

    def _told(self, lane: Lane, message: Mapping[str, Any], work: _Work) -> Finished | None:
        if "kind" in message:
            lane.said, self._false_starts = message, 0
            return None
        lane.compiled, group = message["compiled"], lane.group
        assert group
        if "steps" in message:
            lane.steps += message["steps"]
            work.tick(group, message["steps"])
            return None
        lane.group = None
        results = message["results"]
        if results is not None:
            results = messages.results(group, results)
        return Finished(group, results, message["error"], message["seconds"], lane.device)

    def _died(self, lane: Lane, work: _Work) -> Iterator[Finished]:
        """A worker is gone: its group waits for another, or has failed."""
        group, words, seconds = lane.group, lane.death(), lane.seconds
        self._end(lane)
        if group:
            work.tick(group, -lane.steps)
            if work.died(group):
                yield Finished(group, None, f"{words}, as the worker before it", seconds,
                               lane.device)  # fmt: skip
        elif not lane.said:
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS:
                last = words.splitlines()[-2:]
                raise StudyError(
                    [f"no worker starts on this machine ({': '.join(last)}); "
                     "`--engine threads` does without them"]
                )  # fmt: skip


class _Work:
    """Groups that wait for a lane; behind them those that a worker died of, each for the pool
    alone. None waits after `stop`."""

    def __init__(self, groups: Sequence[Group], tick: Tick, stop: threading.Event) -> None:
        self.tick, self._stop = tick, stop
        self._first, self._again = deque(groups), deque[Group]()
        self._deaths: Counter[int] = Counter()

    def __len__(self) -> int:
        return 0 if self._stop.is_set() else len(self._first) + len(self._again)

    def next(self, *, alone: bool) -> Group | None:
        """The next group, if there is one for now. alone: whether no lane is at work."""
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
