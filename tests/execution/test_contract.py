"""What every engine promises, whatever it is made of."""

import threading
import time
from contextlib import closing
from dataclasses import asdict

import dask_cluster
import pytest
from scripted import Scripted, descents, executed, pids, plain, running, scripted

from lab.execution import cluster
from lab.execution.engine import Engine
from lab.execution.processes import Processes
from lab.execution.threads import Threads
from lab.kinds.student import STUDENTS
from lab.students import solvers
from lab.students.solvers import Failed

FOREVER = 2_000_000
"""Steps of a descent that nobody waits for."""


@pytest.fixture(scope="module", autouse=True)
def kind():
    STUDENTS.add(Scripted)
    yield
    STUDENTS.remove(Scripted)


def dask(folder):
    """The engine of a Dask scheduler and two workers on this machine, in a folder of theirs."""
    with dask_cluster.scheduler(folder) as address, dask_cluster.workers(folder, 2):
        with closing(cluster.running(address)) as made:
            yield made


@pytest.fixture(scope="module", params=["threads", "processes", "dask"])
def engine(request, kind, tmp_path_factory):
    if request.param == "dask":
        yield from dask(tmp_path_factory.mktemp("dask"))
        return
    with closing({"threads": Threads, "processes": Processes}[request.param](2)) as made:
        yield made


def test_it_is_an_engine_that_says_what_it_is(engine):
    assert isinstance(engine, Engine)
    device = engine.start()
    assert device == engine.start()
    assert device.lanes == 2 and device.teachers == 1


def test_results_are_those_of_a_single_lane_bit_by_bit(engine, tmp_path):
    groups = [*descents(teachers=2), scripted(tmp_path / "a", "learn")]
    steps = dict.fromkeys(map(id, groups), 0)

    def tick(group, more):
        steps[id(group)] += more

    found = {id(f.group): f for f in executed(engine, groups, tick=tick)}
    assert len(found) == len(groups)
    for group in groups:
        finished = found[id(group)]
        assert finished.error is None and finished.seconds > 0 and "cores" in finished.device
        assert [r.run for r in finished.results] == group.runs()
        assert plain(finished.results) == plain(solvers.solve(group, tick=lambda n: None))
        assert steps[id(group)] <= group.student_steps
    assert engine.compile_seconds() > 0


def test_a_run_that_diverges_comes_back_as_it_is(engine):
    (group,) = descents(teachers=1)
    wild = type(group.training)(**{**asdict(group.training), "stages": ((40, 16, 1e30),)})
    group = type(group)(group.teachers, group.shapes, wild, group.root)
    (finished,) = executed(engine, [group])
    assert {r.status for r in finished.results} == {"diverged"}
    assert plain(finished.results) == plain(solvers.solve(group, tick=lambda n: None))


def test_an_error_is_a_result_and_the_others_go_on(engine, tmp_path):
    (group,) = descents(teachers=1)
    wrong = type(group.training)(**{**asdict(group.training), "optimiser": "nonesuch"})
    wrong = type(group)(group.teachers, group.shapes, wrong, group.root)
    groups = [wrong, scripted(tmp_path / "a", "fail"), scripted(tmp_path / "b", "learn"),
              scripted(tmp_path / "c", "exit")]  # fmt: skip
    found = {id(f.group): f for f in executed(engine, groups)}
    assert found[id(wrong)].results is None and "Traceback" in found[id(wrong)].error
    (failed,) = found[id(groups[1])].results
    assert isinstance(failed, Failed) and "as it was told" in failed.error
    assert found[id(groups[2])].results[0].status == "done"
    (left,) = found[id(groups[3])].results
    assert isinstance(left, Failed) and "SystemExit: 3" in left.error


def test_after_stop_no_group_starts_and_those_in_flight_are_finished(engine, tmp_path):
    groups = [scripted(tmp_path / f"{i}", "learn", teacher=i % 3) for i in range(12)]
    stop = threading.Event()
    found = executed(engine, groups, stop=stop, look=lambda finished: finished and stop.set())
    most = 12 if isinstance(engine, cluster.Cluster) else 5  # one task takes all of these
    assert 1 <= len(found) <= most and all(f.results[0].status == "done" for f in found)
    assert len([*tmp_path.iterdir()]) == len(found)
    stop = threading.Event()
    stop.set()
    assert executed(engine, groups, stop=stop) == []


@pytest.mark.parametrize(
    "how",
    ["abandon", *(pytest.param(how, marks=pytest.mark.long) for how in ("close", "raise"))],
)
def test_what_is_dropped_ends_at_once_and_the_engine_goes_on(engine, tmp_path, how):
    groups = descents(steps=FOREVER, teachers=1)
    abandon, begun = threading.Event(), []

    def look(finished):
        assert finished is None
        if begun and how == "abandon":
            abandon.set()
        if begun and how == "raise":
            raise BrokenPipeError

    if how == "close":
        work = engine.execute(groups, tick=lambda group, steps: begun.append(group),
                              stop=threading.Event(), abandon=abandon)  # fmt: skip
        while not begun:
            next(work)
        start = time.perf_counter()
        work.close()
    else:
        start = time.perf_counter()
        try:
            assert executed(engine, groups, tick=lambda group, steps: begun.append(group),
                            abandon=abandon, look=look) == []  # fmt: skip
        except BrokenPipeError:
            assert how == "raise"
    assert begun and time.perf_counter() - start < 60
    alive = [t for t in threading.enumerate() if t is not threading.main_thread() and "lane" in
             t.name]  # fmt: skip
    assert not alive
    (finished,) = executed(engine, [scripted(tmp_path / "a", "learn")])
    assert finished.results[0].status == "done"
    assert len(pids(tmp_path / "a")) == 1


def test_nothing_outlives_it(tmp_path):
    with closing(Processes(1)) as engine:
        file = tmp_path / "a"
        abandon = threading.Event()
        executed(engine, [scripted(file, "sleep")], abandon=abandon,
                 look=lambda _: pids(file) and abandon.set())  # fmt: skip
        (pid,) = pids(file)
        assert not running(pid)
        executed(engine, [scripted(tmp_path / "b", "learn")])
    assert not running(pids(tmp_path / "b")[0])
