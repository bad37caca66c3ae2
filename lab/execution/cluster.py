"""Cluster: Dask workers as lanes, wherever they are. Groups go out as tasks of the scheduler.

Only as many tasks are under way as there are threads of workers, and one in ten more, so that after
a stop little is left to finish, and workers that come later find work. A worker that is lost costs
nothing but time: Dask gives its task to another, as often as the scheduler allows; if that ends in
an error the groups of the task are tried once more, each alone, and have failed then. Workers need
no disk in common with the driver, and the same versions of the lab, JAX and NumPy.

A task (`dask_task`) takes a text and gives a text, both JSON: the groups, kinds and versions of the
driver; and what became of each group. Meanwhile steps are told as events of the scheduler, which
may come after the answer, or never. The groups train in a process beside the Dask worker, that of
the engine of one machine (`processes.py`), so that a crash costs a group another try and not the
worker, and JAX finds its own environment; it waits a minute for the next task. When the driver
drops the task, or is gone, the process ends within a second.
"""

from __future__ import annotations

import json
import logging
import queue
import shutil
import threading
import time
import uuid
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from lab.execution import plan
from lab.execution.engine import (
    Device,
    Finished,
    Tick,
    foreign_kinds,
    group_of,
    group_values,
    register_kinds,
    result_values,
    results_of,
)
from lab.execution.processes import Processes
from lab.mistakes import StudyError
from lab.spec import PHYSICS_VERSION, Group

PATIENCE = 10.0
"""Seconds to wait for a scheduler."""
TRIES = 2

Connection = Callable[[], tuple[Any, Any, list[str]]]
"""Gives a client, the cluster that was started for it, or None, and a list that takes what is said
of jobs that are refused."""


def running(scheduler: str) -> Cluster:
    """The engine of a Dask cluster that runs already."""
    _installed("dask", "distributed")

    def connect() -> tuple[Any, None, list[str]]:
        from distributed import Client

        try:
            return Client(scheduler, timeout=PATIENCE, set_as_default=False), None, []
        except (OSError, TimeoutError, ValueError) as error:
            why = str(error).split("\n")[0] or type(error).__name__
            raise StudyError(
                [f"no Dask scheduler answers at {scheduler} within {PATIENCE:.0f} s ({why}); "
                 "start one with `dask scheduler`, and say the address that it shows"]
            ) from None  # fmt: skip

    return Cluster(connect, scheduler)


def slurm(workers: int) -> Cluster:
    """The engine of so many Dask workers, jobs of SLURM as the user's Dask configuration says."""
    _installed("slurm", "dask_jobqueue")

    def connect() -> tuple[Any, Any, list[str]]:
        from dask_jobqueue import SLURMCluster
        from distributed import Client

        refusals: list[str] = []
        if not shutil.which("sbatch"):
            raise StudyError(["engine slurm: no sbatch on the PATH; run this where jobs are sent"])
        try:
            with warnings.catch_warnings(action="ignore"):  # of a port that is taken
                cluster = SLURMCluster(job_cls=_job(refusals))
        except (ValueError, TypeError, OSError) as error:  # no cores, no memory, no such option
            why = str(error).split("\n")[0]
            raise StudyError(
                [f"engine slurm: {why}; say so in jobqueue.slurm of ~/.config/dask/jobqueue.yaml"]
            ) from None
        return Client(cluster, set_as_default=False), cluster, refusals

    return Cluster(connect, f"{workers} workers of SLURM", workers=workers)


def _job(refusals: list[str]) -> Any:
    """A class of jobs of SLURM that keep what was said when they were refused, where Dask would
    print it."""
    from dask_jobqueue.slurm import SLURMJob
    from distributed.core import Status

    class Job(SLURMJob):
        async def start(self) -> None:
            try:
                await super().start()
            except (RuntimeError, ValueError, OSError) as error:
                refusals.append(str(error).strip().split("\n")[-1])
                self.status = Status.running  # one that never begins, with nothing to cancel

    return Job


def _installed(engine: str, module: str) -> None:
    if not (find_spec("distributed") and find_spec(module)):
        raise StudyError(
            [f"engine {engine}: Dask is not installed; add it with pip install "
             "'scaling-lab[cluster]'"]
        )  # fmt: skip


class Cluster:
    """The engine of Dask workers. workers: those to ask the started cluster for."""

    def __init__(self, connect: Connection, name: str, *, workers: int = 0) -> None:
        self._connect, self._name, self._workers = connect, name, workers
        self._client: Any = None
        self._cluster: Any = None
        self._refusals: list[str] = []
        self._compiled: dict[str, float] = {}
        self._lanes = workers

    def start(self) -> Device:
        if self._client is None:
            self._client, self._cluster, self._refusals = self._connect()
            # A client that looks for a lost scheduler ends in a traceback; here it is a sentence.
            logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
            if not self._workers:
                self._wait()
            self._refuse_strangers()
            self._lanes = self._threads() or self._workers
        return Device("dask", self._name, max(self._lanes, 1), 1, plan.LONGEST)

    def compile_seconds(self) -> float:
        return sum(self._compiled.values())

    def close(self) -> None:
        for one in (self._client, self._cluster):
            if one is not None:
                with suppress(OSError, TimeoutError, RuntimeError):
                    one.close()
        self._client = self._cluster = None

    def execute(
        self,
        groups: Sequence[Group],
        *,
        tick: Tick,
        stop: threading.Event,
        abandon: threading.Event,
    ) -> Generator[Finished | None, None, None]:
        self.start()
        if self._cluster is not None:
            self._cluster.scale(self._workers)
        out = _Out(self._client, groups, tick, self._compiled)
        looked = lost = time.monotonic()
        try:
            while not abandon.is_set():
                now = time.monotonic()
                if self._client.status == "running":
                    lost = now
                elif now - lost > PATIENCE:
                    raise StudyError([f"the scheduler ({self._name}) is gone; what was trained "
                                      "till then is stored, and the next `lab.run` goes on from "
                                      "there"])  # fmt: skip
                if now - looked > 1 and lost == now:
                    threads, looked = self._threads(), now
                    self._lanes = threads or self._lanes
                    if self._workers and not threads and len(self._refusals) >= self._workers:
                        raise StudyError([f"engine slurm: sbatch refuses ({self._refusals[-1]}); "
                                          "see jobqueue.slurm of ~/.config/dask/jobqueue.yaml"]
                                         )  # fmt: skip
                if not stop.is_set():
                    out.send(self._lanes)
                if not out.under_way and (stop.is_set() or not out.todo):
                    break
                yield from out.back()
                yield None
        finally:
            out.drop()

    def _wait(self) -> None:
        """Raise StudyError unless a cluster that runs has workers before long."""
        end = time.monotonic() + PATIENCE
        while not self._threads():
            if time.monotonic() > end:
                self.close()
                raise StudyError(
                    [f"the scheduler at {self._name} has no workers; start some with "
                     f"`dask worker {self._name}`"]
                )  # fmt: skip
            time.sleep(0.1)

    def _threads(self) -> int:
        """Threads of all workers there are; 0 where the scheduler does not say."""
        try:
            found = self._client.sync(self._client.scheduler.ncores, callback_timeout=PATIENCE)
        except (OSError, TimeoutError):
            return 0
        return sum(found.values())

    def _refuse_strangers(self) -> None:
        """Raise StudyError for workers without the lab, or with other versions."""
        said = self._client.run(versions, on_error="return")
        wrong = []
        for address, theirs in said.items():
            if isinstance(theirs, OSError | TimeoutError):
                continue  # lost meanwhile; every task compares the versions again
            if isinstance(theirs, BaseException):
                wrong.append(f"{address}: this worker has no lab ({theirs}); install it there")
            elif differs := difference(theirs, versions()):
                wrong.append(_differs(f"{address}: {differs}"))
        if wrong:
            self.close()
            raise StudyError(wrong)


def _differs(what: str) -> str:
    return f"{what}; install the same versions on all workers"


class _Out:
    """Errands that are under way, and groups that wait to go."""

    def __init__(
        self, client: Any, groups: Sequence[Group], tick: Tick, compiled: dict[str, float]
    ) -> None:
        self.todo, self.under_way = deque(groups), dict[str, tuple[Any, list[Group]]]()
        self._client, self._tick, self._compiled = client, tick, compiled
        self._tries: Counter[int] = Counter()
        self._alone = False
        self._steps: Counter[int] = Counter()
        self._measured = self._modelled = 0.0
        self._left = sum(map(plan.lane_seconds, groups))
        self._back: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._topic = f"lab-{uuid.uuid4().hex}"
        self._kinds = foreign_kinds()
        client.subscribe_topic(self._topic, lambda event: self._events.put(event[1]))

    def send(self, lanes: int) -> None:
        """Send tasks until every lane has one, and one in ten lanes two."""
        pace = self._measured / self._modelled if self._modelled else 1.0
        while self.todo and len(self.under_way) < lanes + lanes // 10 + 1:
            tried = bool(self._tries[id(self.todo[0])])
            if self.under_way and (tried or self._alone):
                return  # Dask blames all that a dead worker held
            self._alone = tried
            groups = (
                [self.todo.popleft()]
                if tried
                else plan.next_batch(self.todo, left=self._left, lanes=lanes, pace=pace)
            )
            self._left -= sum(map(plan.lane_seconds, groups))
            name = f"lab-{uuid.uuid4().hex}"
            text = json.dumps({
                "task": name, "topic": self._topic, "kinds": self._kinds,
                "versions": versions(), "groups": [*map(group_values, groups)],
            })  # fmt: skip
            future = self._client.submit(dask_task, text, key=name, pure=False)
            self.under_way[name] = (future, groups)
            future.add_done_callback(self._back.put)

    def back(self) -> Iterator[Finished]:
        """Groups that came back within a fifth of a second; lost ones wait to go again."""
        with suppress(queue.Empty):
            while True:
                self._hear(self._events.get_nowait())
        try:
            future = self._back.get(timeout=0.2)
        except queue.Empty:
            return
        if future.key not in self.under_way:
            return
        _, groups = self.under_way.pop(future.key)
        if future.status == "finished":
            answer = json.loads(future.result(timeout=PATIENCE))
            self._compiled[future.key] = answer.get("compiled", 0.0)
            yield from self._opened(groups, answer)
            return
        for group in groups:
            self._tick(group, -self._steps.pop(id(group), 0))
            self._left += plan.lane_seconds(group)
        if future.status == "error":
            yield from self._failed(groups, future.exception(timeout=PATIENCE))
        else:
            self.todo.extendleft(reversed(groups))  # the scheduler lost it

    def _opened(self, groups: list[Group], answer: dict[str, Any]) -> Iterator[Finished]:
        if "refused" in answer:
            raise StudyError([_differs(answer["refused"])])
        for group, found in zip(groups, answer["groups"], strict=True):
            results = found["results"]
            self._measured += found["seconds"]
            self._modelled += plan.lane_seconds(group)
            yield Finished(group, results and results_of(group, results), found["error"],
                           found["seconds"], found["device"])  # fmt: skip

    def _failed(self, groups: list[Group], error: BaseException) -> Iterator[Finished]:
        """A task ended in an error: each group goes once more, alone, and has failed then."""
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "lab":
            raise StudyError([f"a worker has no lab ({error}); install it there"])
        for group in groups:
            self._tries[id(group)] += 1
            if self._tries[id(group)] < TRIES:
                self.todo.append(group)
            else:
                yield Finished(group, None, f"{type(error).__name__}: {error}", 0.0, "dask")

    def _hear(self, event: dict[str, Any]) -> None:
        if event["task"] in self.under_way:
            _, groups = self.under_way[event["task"]]
            for place, steps in event["steps"]:
                self._steps[id(groups[place])] += steps
                self._tick(groups[place], steps)
            self._compiled[event["task"]] = event["compiled"]

    def drop(self) -> None:
        """Cancel what is under way; its workers notice within a second."""
        with suppress(OSError, TimeoutError, RuntimeError):
            self._client.unsubscribe_topic(self._topic)
            self._client.cancel([future for future, _ in self.under_way.values()], force=True)


# ---- in the process of a Dask worker -------------------------------------------------------------

IDLE = 60.0
EVENTS_EVERY = 1.0
"""Seconds between events of a task."""

_here = threading.local()
"""The engine of each thread of a Dask worker, which runs one task at a time."""


def versions() -> dict[str, str]:
    """Versions that must be the same wherever groups of one run are trained."""
    found = {"lab": "scaling-lab", "JAX": "jax", "NumPy": "numpy"}
    return {
        **{name: metadata.version(package) for name, package in found.items()},
        "physics": str(PHYSICS_VERSION),
    }


def difference(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Differences between a worker's versions and the driver's, or ""."""
    return ", ".join(
        f"{name} {theirs.get(name)} there and {version} here"
        for name, version in ours.items()
        if theirs.get(name) != version
    )


def dask_task(text: str) -> str:
    """Train the groups of a task; called by a Dask worker."""
    from distributed import get_worker

    given = json.loads(text)
    worker, versions_differ = get_worker(), difference(versions(), given["versions"])
    if versions_differ:
        return json.dumps({"refused": f"{worker.address}: {versions_differ}"})
    task = worker.get_current_task()

    def dropped() -> bool:
        state = worker.state.tasks.get(task)
        return state is None or state.state == "cancelled"

    def tell(event: dict[str, Any]) -> None:
        worker.log_event(given["topic"], {"task": given["task"], **event})

    groups = [group_of(values) for values in given["groups"]]
    found, compiled = _executed(_engine(given["kinds"]), groups, dropped, tell)
    return json.dumps({"groups": found, "compiled": compiled})


def _engine(kinds: list[str]) -> Processes:
    """The engine of this thread; a new one for other kinds than before."""
    if getattr(_here, "kinds", None) != kinds:
        if hasattr(_here, "engine"):
            _here.engine.close()
        register_kinds(kinds)
        _here.engine, _here.kinds = Processes(1, idle=IDLE), kinds
    return _here.engine


def _executed(
    engine: Processes,
    groups: list[Group],
    dropped: Callable[[], bool],
    tell: Callable[[dict[str, Any]], None],
) -> tuple[list[dict[str, Any]], float]:
    """Train the groups; return the values of each, and the seconds of compilation."""
    places = {id(group): place for place, group in enumerate(groups)}
    found: list[dict[str, Any]] = [{} for _ in groups]
    steps: Counter[int] = Counter()
    abandon, last, before = threading.Event(), time.monotonic(), engine.compile_seconds()

    def tick(group: Group, more: int) -> None:
        steps[places[id(group)]] += more

    for finished in engine.execute(groups, tick=tick, stop=threading.Event(), abandon=abandon):
        if dropped():
            abandon.set()
        if time.monotonic() - last >= EVENTS_EVERY:
            last, compiled = time.monotonic(), engine.compile_seconds() - before
            tell({"steps": [*steps.items()], "compiled": compiled})
            steps.clear()
        if finished:
            results = finished.results
            found[places[id(finished.group)]] = {
                "results": results and result_values(finished.group, results),
                "error": finished.error, "seconds": finished.seconds, "device": finished.device,
            }  # fmt: skip
    compiled = engine.compile_seconds() - before
    tell({"steps": [*steps.items()], "compiled": compiled})
    return found, compiled
