"""The device that lanes run on, and what JAX is told of it before it starts.

On a CPU, XLA gains little from a second core on matrices this small (measured in
benchmarks/throughput.py), so every core is a lane of its own, and the lanes train different groups.
XLA's pool of threads runs part of every program: it gets a thread per lane of the process, two at
least, and Eigen's products stay on one thread. Results do not depend on the number of lanes. A GPU
is one lane with many teachers per group.

`configure` must come before the first use of JAX in the process.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.execution import compiled


@dataclass(frozen=True)
class Device:
    """What the lanes run on. `teachers` is how many share a group there.

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
