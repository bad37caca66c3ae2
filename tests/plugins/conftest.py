"""A Dask cluster that all plugins share, whose workers can import them."""

import os
from contextlib import closing
from pathlib import Path

import dask_cluster
import pytest

from lab.execution import cluster
from lab.execution.processes import Processes

PLUGINS = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def dask_address(tmp_path_factory):
    """Of a scheduler with one worker."""
    folder = tmp_path_factory.mktemp("dask")
    path = os.pathsep.join(map(str, (dask_cluster.ROOT, dask_cluster.SUPPORT, PLUGINS)))
    with (
        dask_cluster.scheduler(folder) as address,
        dask_cluster.workers(folder, 1, PYTHONPATH=path),
    ):
        yield address


@pytest.fixture(params=["processes", "dask"])
def through_workers(request):
    """An engine whose students learn in other processes."""
    made = (
        Processes(1)
        if request.param == "processes"
        else cluster.running(request.getfixturevalue("dask_address"))
    )
    with closing(made):
        yield made
