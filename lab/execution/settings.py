"""Settings of engines: which one trains, and on how many lanes. No part of any study.

Each is taken from the first that gives it: the command line (or the Python door), LAB_ENGINE for
the name alone, a `lab.toml` beside the study, the defaults.

    [engine]
    name = "dask"                       # processes, threads, dask, slurm
    lanes = 8                           # of this machine
    scheduler = "tcp://10.0.0.1:8786"   # of dask
    workers = 64                        # of slurm
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from lab.config import toml
from lab.execution.engine import Engine
from lab.mistakes import StudyError, shown, unknown

ENGINES = ("processes", "threads", "dask", "slurm")
"""The names of all engines (`engine.py`)."""
VARIABLE = "LAB_ENGINE"
"""The variable of the environment that names the engine."""
FILE = "lab.toml"


@dataclass(frozen=True)
class Settings:
    """Settings of an engine; None where nothing was said."""

    name: str | None = None
    lanes: int | None = None
    scheduler: str | None = None
    workers: int | None = None

    @classmethod
    def found(cls, folder: Path | None = None, **asked: Any) -> Settings:
        """Settings from these arguments, the environment, and a `lab.toml` in the folder.

        Raises StudyError for what is no setting, or no engine.
        """
        given = _of_file(folder / FILE) if folder and (folder / FILE).exists() else {}
        if os.environ.get(VARIABLE):
            given = {**given, "name": os.environ[VARIABLE]}
        asked = {name: value for name, value in asked.items() if value is not None}
        found = _checked({**given, **asked})
        for name, whose in (("scheduler", "dask"), ("workers", "slurm")):
            if name in asked and found.name != whose:
                raise StudyError([f"`{name}` is of engine {whose}; add `engine` {whose}"])
        return found

    def engine(self, lanes: int | None = None) -> Engine:
        """The engine, not yet started; `lanes` go before these.

        Raises StudyError where settings do not fit together.
        """
        found = replace(self, lanes=lanes or self.lanes)
        if found.name == "threads":
            from lab.execution.threads import Threads

            return Threads(found.lanes)
        if found.name in ("dask", "slurm"):
            from lab.execution import cluster

            if found.name == "slurm":
                return cluster.slurm(_needed("workers", found.workers, "how many, as in 64"))
            return cluster.running(_needed("scheduler", found.scheduler, "where, as in "
                                           "tcp://127.0.0.1:8786"))  # fmt: skip
        from lab.execution.processes import Processes

        return Processes(found.lanes)


Value = TypeVar("Value")


def _needed(name: str, value: Value | None, words: str) -> Value:
    if value is None:
        raise StudyError([f"`{name}`: say {words}; or {name} in the [engine] of {FILE}"])
    return value


def _of_file(path: Path) -> Mapping[str, Any]:
    tables = toml.tables(toml.text(path), str(path))
    wrong = [f"{path}: {unknown('table', name, ['engine'])}" for name in tables if name != "engine"]
    given = tables.get("engine", {})
    if not isinstance(given, dict):
        wrong.append(f"{path}: engine is {shown(given)}; write it as a table, [engine]")
    if wrong:
        raise StudyError(wrong)
    try:
        _checked(given)
    except StudyError as error:
        raise StudyError([f"{path}: {mistake}" for mistake in error.mistakes]) from None
    return given


def _checked(given: Mapping[str, Any]) -> Settings:
    names = [f.name for f in fields(Settings)]
    wrong = [unknown("key", name, names) for name in given if name not in names]
    if "name" in given and given["name"] not in ENGINES:
        wrong.append(unknown("engine", given["name"], ENGINES))
    for name in ("lanes", "workers"):
        value = given.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            wrong.append(f"{name} is {shown(value)}; give a whole number, 1 or more")
    if not isinstance(given.get("scheduler", ""), str):
        wrong.append(f"scheduler is {shown(given['scheduler'])}; give an address, such as "
                     "tcp://127.0.0.1:8786")  # fmt: skip
    if wrong:
        raise StudyError(wrong)
    return Settings(**given)
