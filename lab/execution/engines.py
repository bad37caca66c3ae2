"""Where groups are trained: lanes, the threads that each drive one device or one CPU core.

On a CPU, XLA gains little from a second core on matrices this small (measured in
benchmarks/throughput.py), so every core is a lane of its own, and the lanes train different groups.
All lanes share one XLA client, whose pool runs part of every program: it gets a thread per lane,
two at least, and Eigen's products stay on one thread. Results do not depend on the number of lanes.
A GPU is one lane with many teachers per group.

`configure` must come before the first use of JAX in the process.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass

from lab.execution import compiled
from lab.spec import Group


@dataclass(frozen=True)
class Device:
    """What the lanes run on. `teachers` is how many share a group there."""

    kind: str
    name: str
    lanes: int
    teachers: int


class Abandoned(Exception):
    """Raised inside a lane whose work is no longer wanted."""


@dataclass(frozen=True)
class Finished:
    """A group that a lane is done with: a result of each run, `Failed` among those of exact
    students, or else the traceback of what went wrong."""

    group: Group
    results: list | None
    error: str | None
    seconds: float


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
    warnings.filterwarnings("ignore", compiled.COMPLAINT)  # said once, by whoever runs the study
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    jax.config.update("jax_traceback_filtering", "off")  # a traceback ends in the error itself
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # a lane computes in its own thread
    device = jax.devices()[0]
    if device.platform == "cpu":
        return Device("cpu", f"{cores()} cores", lanes or cores(), 1)
    return Device(device.platform, device.device_kind, lanes or 1, GPU_TEACHERS)


def execute(
    groups: list[Group],
    lanes: int,
    *,
    tick: Callable[[Group, int], None],
    stop: threading.Event,
    abandon: threading.Event,
) -> Generator[Finished | None, None, None]:
    """Train the groups, yielding each as it finishes, and None five times a second meanwhile.

    After `stop` no new group starts; after `abandon` those in flight are dropped. Closing the
    iterator does both, and returns when the last lane has ended.
    """
    from lab.students import learning

    todo: queue.SimpleQueue[Group] = queue.SimpleQueue()
    for group in groups:
        todo.put(group)
    done: queue.SimpleQueue[Finished | None] = queue.SimpleQueue()

    def lane() -> None:
        while not stop.is_set():
            try:
                group = todo.get_nowait()
            except queue.Empty:
                break

            def advance(student_steps: int, group: Group = group) -> None:
                if abandon.is_set():
                    raise Abandoned
                tick(group, student_steps)

            start = time.perf_counter()
            try:
                results, error = learning.learn(group, tick=advance), None
            except Abandoned:
                break
            except Exception:  # a failed group is a result; the others go on
                results, error = None, traceback.format_exc()
            done.put(Finished(group, results, error, time.perf_counter() - start))
        done.put(None)

    threads = [
        threading.Thread(target=lane, daemon=True) for _ in range(min(lanes, len(groups)) or 1)
    ]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            try:
                finished = done.get(timeout=0.2)
            except queue.Empty:
                yield None
                continue
            if finished is None:
                running -= 1
            else:
                yield finished
    finally:
        if running:  # closed before the end: the interpreter must not go while a lane computes
            stop.set()
            abandon.set()
        for thread in threads:
            thread.join()
