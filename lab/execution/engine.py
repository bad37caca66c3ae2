"""Engines: the contract of what trains groups, its device, and what workers and drivers exchange.

    processes   a pool of worker processes on this machine, one lane each   (`processes.py`)
    threads     lanes are threads of this process                           (`threads.py`)
    dask        workers of a running Dask cluster                           (`cluster.py`)
    slurm       Dask workers that are jobs of SLURM                         (`cluster.py`)

Whoever drives an engine is the only one that writes: what is trained comes back as values. Which
engine trained a run is no part of its identity, and does not change a digit of its losses.

On a CPU, XLA gains little from a second core on matrices this small (measured in
benchmarks/throughput.py), so every core is a lane of its own, and the lanes train different groups.
XLA's pool of threads runs part of every program: it gets a thread per lane of the process, two at
least, and Eigen's products stay on one thread. A GPU is one lane with many teachers per group.
`configure` must come before the first use of JAX in the process.

Groups and their results travel as lines of JSON: plain values only, nothing that runs when it is
read. Floats are written by their shortest representation and come back the same; what is not finite
is written as Python's JSON does, NaN and Infinity. A result does not repeat its run: results come
in the order of `group.runs()`. Foreign kinds, students, teachers, manifolds and optimisers that are
not the lab's own, a driver names as "students:module:Class"; a worker imports and registers them.
"""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import RawIOBase
from pathlib import Path
from typing import IO, Any, Protocol, runtime_checkable

from lab.data.manifolds import MANIFOLDS
from lab.data.selection import SelectionSpec
from lab.data.task import TaskSpec
from lab.data.teachers import TEACHERS
from lab.data.user_data import AnyTask, DatasetQuery, DatasetSummary, Split, UserDataSpec
from lab.execution import compiled
from lab.kinds import load
from lab.kinds.optimisers import OPTIMISERS
from lab.kinds.student import STUDENTS, StudentSpec
from lab.mistakes import StudyError
from lab.spec import Group, MeasureSpec, TrainingSpec
from lab.students.solvers import Failed, Observation, Result, solve


class Abandoned(Exception):
    """Raised inside a lane whose work is no longer wanted."""


def learned(group: Group, tick: Callable[[int], None]) -> tuple[list | None, str | None, float]:
    """The results of a group, or the traceback of what went wrong; and the seconds it took."""
    start = time.perf_counter()
    try:
        results, error = solve(group, tick=tick), None
    except Abandoned:
        raise
    except (Exception, SystemExit):  # a failed group is a result; the others go on
        results, error = None, traceback.format_exc()
    return results, error, time.perf_counter() - start


@dataclass(frozen=True)
class Device:
    """The device of the lanes. `teachers` is the number that share a group there.

    longest: seconds that one group may take there (`plan.parted`), or None for any.
    """

    kind: str
    name: str
    lanes: int
    teachers: int
    longest: float | None = None

    def __str__(self) -> str:
        return f"{self.kind} ({self.name})"


GPU_TEACHERS = 64
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def configure(lanes: int | None = None) -> Device:
    """Set JAX up for lanes and the persistent compilation cache, and say what it runs on.

    Where compiled programs are kept is up to `compiled.py`.
    """
    # XLA reads both when it starts. With fewer threads in its pool than lanes the lanes wait for
    # each other; products that spread over the pool would take the threads of other lanes. A pool
    # of one thread compiles to other round-off than all larger ones, so there are always two.
    os.environ.setdefault("NPROC", str(max(2, lanes or cores())))
    flags = os.environ.get("XLA_FLAGS", "")
    if ONE_THREAD.split("=")[0] not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {ONE_THREAD}".strip()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    kept = compiled.usable()
    jax.config.update("jax_compilation_cache_dir", str(kept) if kept else None)
    warnings.filterwarnings("ignore", compiled.COMPLAINT)  # the driver says it, once
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    jax.config.update("jax_traceback_filtering", "off")  # a traceback ends in the error itself
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # a lane computes in its own thread
    device = jax.devices()[0]
    if device.platform == "cpu":
        return Device("cpu", f"{cores()} cores{_processor()}", lanes or cores(), 1)
    return Device(device.platform, device.device_kind, lanes or 1, GPU_TEACHERS)


def _processor() -> str:
    """The model of the processor, where the system tells: others give other last digits."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, model = line.partition(":")
            if name.strip() == "model name":
                return f", {model.strip()}"
    return ""


Tick = Callable[[Group, int], None]
"""Progress callback: student-steps of a group that are done, negative where steps were lost."""


@dataclass(frozen=True)
class Finished:
    """A group that an engine is done with: a result of each run in the order of `group.runs()`,
    `Failed` among those of exact students, or else the traceback of what went wrong.

    device: what trained it, in words.
    """

    group: Group
    results: list[Result | Failed] | None
    error: str | None
    seconds: float
    device: str


@runtime_checkable
class Engine(Protocol):
    """Trains groups. Started once, then asked to `execute` as often as one likes, then closed."""

    def start(self) -> Device:
        """Find out what trains, and start it where that is needed to know; once started, the same
        again. Raises StudyError, a sentence, where nothing can be started."""
        ...

    def execute(
        self,
        groups: Sequence[Group],
        *,
        tick: Tick,
        stop: threading.Event,
        abandon: threading.Event,
    ) -> Generator[Finished | None, None, None]:
        """Train the groups, yielding each as it finishes, and None about five times a second.

        After `stop` no new group starts (on a cluster: no new task); after `abandon` those in
        flight are dropped. Closing the iterator does both, and returns when nothing is computing
        any more (on a cluster: a second or so before).
        """
        ...

    def compile_seconds(self) -> float:
        """Seconds of compilation so far, summed over lanes."""
        ...

    def close(self) -> None:
        """End whatever was started; also after an exception, and more than once."""
        ...


# ---- groups and results as JSON ----------------------------------------------------------------

Message = Mapping[str, Any]


def message_line(message: Message) -> bytes:
    """A message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def send_message(stream: RawIOBase | IO[bytes], message: Message) -> None:
    """Write a message whole to a raw stream, which may take a part of it at a time."""
    rest = memoryview(message_line(message))
    while rest:
        rest = rest[stream.write(rest) or 0 :]


def group_values(group: Group) -> dict[str, Any]:
    """The values of a group."""
    return asdict(group)


def group_of(values: Message) -> Group:
    """The group of these values, after JSON too."""
    given = {key: _tuples(value) for key, value in values.items()}
    return Group(
        tuple(map(_task_of, given["teachers"])),
        tuple((StudentSpec(**student), D, seeds) for student, D, seeds in given["shapes"]),
        TrainingSpec(**given["training"]),
        given["root"],
        given["learner"],
        given["measure"] and MeasureSpec(**given["measure"]),
        given["start"],
        given["round"],
        given["labelled"],
    )


def _task_of(values: Mapping[str, Any]) -> AnyTask:
    values = {**values}
    if values.get("selection") is not None:
        values["selection"] = SelectionSpec(**values["selection"])
    if "content" not in values:
        return TaskSpec(**values)
    parts = {"split": Split, "asked": DatasetQuery, "facts": DatasetSummary}
    whole = {name: part(**values[name]) for name, part in parts.items()}
    return UserDataSpec(**{**values, **whole})


def _tuples(value: Any) -> Any:
    """A value in which every list is a tuple: specs hold no lists."""
    if isinstance(value, list | tuple):
        return tuple(map(_tuples, value))
    return {k: _tuples(v) for k, v in value.items()} if isinstance(value, dict) else value


def result_values(group: Group, results: Sequence[Result | Failed]) -> list[dict[str, Any]]:
    """The values of the results of a group, in the order of its runs."""
    found = {result.run: result for result in results}
    return [
        {"error": r.error} if isinstance(r, Failed) else
        {"status": r.status, "loss": r.loss, "relative": r.relative, "best_step": r.best_step,
         "curve": r.curve, "details": dict(r.details), "observations": r.observations}
        for r in map(found.__getitem__, group.runs())
    ]  # fmt: skip


def results_of(group: Group, values: Sequence[Message]) -> list[Result | Failed]:
    """The results of these values, after JSON too."""
    return [
        Failed(run, v["error"]) if "error" in v else
        Result(run, v["status"], v["loss"], v["relative"], v["best_step"], _tuples(v["curve"]),
               v["details"], tuple(Observation(*seen) for seen in v["observations"]))
        for run, v in zip(group.runs(), values, strict=True)
    ]  # fmt: skip


# ---- kinds from outside ------------------------------------------------------------------------

REGISTRIES = {"students": STUDENTS, "teachers": TEACHERS, "manifolds": MANIFOLDS,
              "optimisers": OPTIMISERS}  # fmt: skip


def foreign_kinds() -> list[str]:
    """The foreign kinds of this process. Raises StudyError for those that cannot be imported."""
    found = [
        (registry, table.__module__, table.__qualname__)
        for registry, kinds in REGISTRIES.items()
        for table in kinds.values()
        if not table.__module__.startswith("lab.")
    ]
    for _, module, name in found:
        if module == "__main__" or "." in name:
            raise StudyError(
                [f"{name}: workers cannot import what a script or a function defines; put it at "
                 "the top of a module that the script imports, or take `engine` threads"]
            )  # fmt: skip
    return [":".join(parts) for parts in found]


def register_kinds(names: Iterable[str]) -> None:
    """Import and register the kinds that a driver named."""
    for name in names:
        registry, _, table = name.partition(":")
        REGISTRIES[registry].add(load(table))
