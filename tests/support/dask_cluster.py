"""A Dask scheduler and its workers on the loopback, as processes of their own."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parent.parent


@contextmanager
def started(arguments, log, **more):
    """A `dask` command in the background, with the lab and the support of tests to import."""
    path = os.pathsep.join(map(str, (ROOT, SUPPORT)))
    env = {**os.environ, "PYTHONPATH": path, **more}
    with log.open("w") as file:
        child = subprocess.Popen([sys.executable, "-m", "dask", *arguments], env=env,
                                 stdout=file, stderr=file)  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def scheduler(folder):
    """The address of a scheduler."""
    file = folder / "scheduler.json"
    arguments = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                 "--scheduler-file", str(file)]  # fmt: skip
    with started(arguments, folder / "scheduler.log"):
        while not file.exists() or not file.read_text().endswith("}"):
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"]


@contextmanager
def workers(folder, number, **more):
    """So many workers of the scheduler of a folder, one thread each, under one nanny."""
    arguments = ["worker", "--scheduler-file", str(folder / "scheduler.json"), "--nworkers",
                 str(number), "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1",
                 "--local-directory", str(folder)]  # fmt: skip
    log = folder / "workers.log"
    with started(arguments, log, **more) as child:
        while log.read_text().count("Registered to") < number:
            assert child.poll() is None, log.read_text()
            time.sleep(0.1)
        yield child
