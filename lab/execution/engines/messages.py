"""Messages between a driver and its workers: groups and their results as lines of JSON.

Plain values only, nothing that runs when it is read. Floats are written by their shortest
representation and come back the same; what is not finite is written as Python's JSON does, NaN and
Infinity. A result does not repeat its run: results come in the order of `group.runs()`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from io import RawIOBase
from typing import IO, Any

from lab.data.user_data import Asked, Facts, GivenSpec, Split
from lab.kinds.student import StudentSpec
from lab.spec import AnyTask, Group, MeasureSpec, TaskSpec, TrainingSpec
from lab.students.result import Failed, Observation, Result

Message = Mapping[str, Any]


def line(message: Message) -> bytes:
    """A message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def send(stream: RawIOBase | IO[bytes], message: Message) -> None:
    """Write a message whole to a raw stream, which may take a part of it at a time."""
    rest = memoryview(line(message))
    while rest:
        rest = rest[stream.write(rest) or 0 :]


def of_group(group: Group) -> dict[str, Any]:
    """The values of a group."""
    return asdict(group)


def group(values: Message) -> Group:
    """The group of these values, after JSON too."""
    given = {key: _tuples(value) for key, value in values.items()}
    return Group(
        tuple(map(_task, given["teachers"])),
        tuple((StudentSpec(**student), D, seeds) for student, D, seeds in given["shapes"]),
        TrainingSpec(**given["training"]),
        given["root"],
        given["learner"],
        given["measure"] and MeasureSpec(**given["measure"]),
        given["start"],
        given["round"],
    )


def _task(values: Mapping[str, Any]) -> AnyTask:
    if "content" not in values:
        return TaskSpec(**values)
    parts = {"split": Split, "asked": Asked, "facts": Facts}
    return GivenSpec(**{**values, **{name: part(**values[name]) for name, part in parts.items()}})


def _tuples(value: Any) -> Any:
    """A value in which every list is a tuple: specs hold no lists."""
    if isinstance(value, list | tuple):
        return tuple(map(_tuples, value))
    return {k: _tuples(v) for k, v in value.items()} if isinstance(value, dict) else value


def of_results(group: Group, results: Sequence[Result | Failed]) -> list[dict[str, Any]]:
    """The values of the results of a group, in the order of its runs."""
    found = {result.run: result for result in results}
    return [
        {"error": r.error} if isinstance(r, Failed) else
        {"status": r.status, "loss": r.loss, "relative": r.relative, "best_step": r.best_step,
         "curve": r.curve, "details": dict(r.details), "observations": r.observations}
        for r in map(found.__getitem__, group.runs())
    ]  # fmt: skip


def results(group: Group, values: Sequence[Message]) -> list[Result | Failed]:
    """The results of these values, after JSON too."""
    return [
        Failed(run, v["error"]) if "error" in v else
        Result(run, v["status"], v["loss"], v["relative"], v["best_step"], _tuples(v["curve"]),
               v["details"], tuple(Observation(*seen) for seen in v["observations"]))
        for run, v in zip(group.runs(), values, strict=True)
    ]  # fmt: skip
