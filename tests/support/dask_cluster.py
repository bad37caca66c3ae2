"""A Dask scheduler and its workers on the loopback, as processes of their own; SLURM as scripts."""

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


SBATCH = """#!/bin/sh
copy=$JOBS/$$.sh
cp "$1" "$copy"
setsid sh "$copy" > "$copy.log" 2>&1 < /dev/null &
echo $! >> "$JOBS/sent"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
echo "$1" >> "$JOBS/cancelled"
kill -TERM -- "-$1"
"""


def slurm(folder, **scripts):
    """The environment in which jobs of SLURM are processes of this machine, whose numbers stand in
    the files `sent` and `cancelled` of a folder. scripts: commands of SLURM that are others."""
    usual = {"sbatch": SBATCH, "scancel": SCANCEL, "squeue": "#!/bin/sh\n"}
    for name, text in {**usual, **scripts}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    said = {"CORES": "1", "MEMORY": "1GB", "INTERFACE": "lo", "LOCAL_DIRECTORY": str(folder)}
    return {"PATH": f"{folder}:{os.environ['PATH']}", "JOBS": str(folder),
            **{f"DASK_JOBQUEUE__SLURM__{key}": value for key, value in said.items()}}  # fmt: skip
