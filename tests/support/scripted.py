"""Groups whose students do as they are told where they train: learn, fail, exit, sleep or die."""

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from lab.config import study
from lab.execution import plan
from lab.kinds.student import StudentSpec
from lab.spec import NO_TRAINING, Group
from lab.students.exact import Exact


class Scripted(Exact):
    """An exact student that notes its process in `file` and then does `act`: "learn", "fail",
    "exit", "sleep", or a signal that it sends to itself the first `times` it is asked; or "orphan",
    which sends SIGKILL to its parent."""

    kind: Literal["scripted"] = "scripted"
    act: str = "learn"
    file: str = ""
    times: int = 99

    parametric: ClassVar[bool] = False

    @classmethod
    def learn(cls, settings, x, y, *, rng):
        file = Path(settings["file"])
        with file.open("a") as open_file:
            open_file.write(f"{os.getpid()}\n")
        act = settings["act"]
        if act == "fail":
            raise ZeroDivisionError("as it was told")
        if act == "exit":
            raise SystemExit(3)
        if act == "sleep":
            time.sleep(600)
        if act == "orphan" and len(pids(file)) <= settings["times"]:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        if act.startswith("SIG") and len(pids(file)) <= settings["times"]:
            os.kill(os.getpid(), signal.Signals[act])
            time.sleep(600)
        return lambda points: np.full((len(points), 1), 0.1)

    @classmethod
    def flops(cls, spec, *, D, D_amb, test):
        return 1.0


def pids(file):
    """The processes that a student was asked in, in order."""
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def running(pid):
    """Whether a process computes: it is there, and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


TASK = {"manifold": {"kind": "cube", "dim": 1}, "teacher": {"widths": [4], "count": 3}}


def scripted(file, act, *, teacher=0, times=99):
    """A group of one such student."""
    found = study.validate({
        "question": "Who dies?", "regime": "resolution-data", "task": TASK,
        "student": {"kind": "nearest"}, "data": {"sizes": [8, 16, 32]},
    })  # fmt: skip
    run = next(p.run for p in found.plan if p.run.task.teacher == teacher)
    settings = {"act": act, "file": str(file), "times": times}
    student = StudentSpec.of("scripted", settings)
    return Group((run.task,), ((student, 8, (0,)),), NO_TRAINING, run.root)


def descents(steps=100, teachers=3):
    """Groups of networks, one for each teacher."""
    found = study.validate({
        "question": "What is learned?", "regime": "resolution-width",
        "task": {**TASK, "teacher": {"widths": [4], "count": teachers}},
        "student": {"widths": [2, 3, 4], "seeds": 1},
        "training": {"preset": "adam", "steps": steps, "batch": 16}, "evidence": {"share": 0.0},
    })  # fmt: skip
    return plan.groups(p.run for p in found.plan)


def executed(engine, groups, *, tick=lambda group, steps: None, stop=None, abandon=None,
             look=lambda finished: None):  # fmt: skip
    """What an engine finished; `look` is told of everything that it yields."""
    found = []
    stop, abandon = stop or threading.Event(), abandon or threading.Event()
    with closing(engine.execute(groups, tick=tick, stop=stop, abandon=abandon)) as work:
        for finished in work:
            look(finished)
            if finished:
                found.append(finished)
    return found


def plain(results):
    """Results that can be compared: NaN is equal to itself."""
    return [repr(result) for result in results]
