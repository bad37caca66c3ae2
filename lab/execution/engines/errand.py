"""An errand: some groups that one task of a Dask cluster trains, in a process beside its worker.

It takes a text and gives a text, both JSON: the groups, kinds and versions of the driver; and what
became of each group. Meanwhile steps are told as events of the scheduler, which may come after the
answer, or never. The process beside the
Dask worker is that of the engine of one machine (`processes.py`), so that a crash costs a group
another try and not the worker, and JAX finds its own environment; it waits a minute for the next
errand. When the driver drops the task, or is gone, the process ends within a second.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from lab.execution.engines import foreign, messages
from lab.execution.engines.processes import Processes
from lab.spec import PHYSICS_VERSION, Group

IDLE = 60.0
EVERY = 1.0
"""Seconds between events of an errand."""

_here = threading.local()
"""The engine of each thread of a Dask worker, which runs one errand at a time."""


def versions() -> dict[str, str]:
    """What has to be the same wherever groups of one run are trained."""
    found = {"lab": "scaling-lab", "JAX": "jax", "NumPy": "numpy"}
    return {
        **{name: metadata.version(package) for name, package in found.items()},
        "physics": str(PHYSICS_VERSION),
    }


def difference(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """What differs between a worker's versions and the driver's, or ""."""
    return ", ".join(
        f"{name} {theirs.get(name)} there and {version} here"
        for name, version in ours.items()
        if theirs.get(name) != version
    )


def run(text: str) -> str:
    """Train the groups of an errand; called by a Dask worker."""
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
        worker.log_event(given["topic"], {"errand": given["errand"], **event})

    groups = [messages.group(values) for values in given["groups"]]
    found, compiled = _executed(_engine(given["kinds"]), groups, dropped, tell)
    return json.dumps({"groups": found, "compiled": compiled})


def _engine(kinds: list[str]) -> Processes:
    """The engine of this thread; a new one for other kinds than before."""
    if getattr(_here, "kinds", None) != kinds:
        if hasattr(_here, "engine"):
            _here.engine.close()
        foreign.register(kinds)
        _here.engine, _here.kinds = Processes(1, idle=IDLE), kinds
    return _here.engine


def _executed(
    engine: Processes,
    groups: list[Group],
    dropped: Callable[[], bool],
    tell: Callable[[dict[str, Any]], None],
) -> tuple[list[dict[str, Any]], float]:
    """What became of each group, and the seconds of compilation."""
    places = {id(group): place for place, group in enumerate(groups)}
    found: list[dict[str, Any]] = [{} for _ in groups]
    steps: Counter[int] = Counter()
    abandon, last, before = threading.Event(), time.monotonic(), engine.compile_seconds()

    def tick(group: Group, more: int) -> None:
        steps[places[id(group)]] += more

    for finished in engine.execute(groups, tick=tick, stop=threading.Event(), abandon=abandon):
        if dropped():
            abandon.set()
        if time.monotonic() - last >= EVERY:
            last, compiled = time.monotonic(), engine.compile_seconds() - before
            tell({"steps": [*steps.items()], "compiled": compiled})
            steps.clear()
        if finished:
            results = finished.results
            found[places[id(finished.group)]] = {
                "results": results and messages.of_results(finished.group, results),
                "error": finished.error, "seconds": finished.seconds, "device": finished.device,
            }  # fmt: skip
    compiled = engine.compile_seconds() - before
    tell({"steps": [*steps.items()], "compiled": compiled})
    return found, compiled
