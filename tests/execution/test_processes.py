"""Worker processes that die, and drivers that do."""

import io
import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest
from scripted import Scripted, executed, pids, running, scripted

from lab.execution import engine as messages
from lab.execution import processes
from lab.execution.processes import Processes
from lab.kinds.student import STUDENTS
from lab.mistakes import StudyError


@pytest.fixture(scope="module")
def pool():
    STUDENTS.add(Scripted)
    with closing(Processes(2)) as made:
        yield made
    STUDENTS.remove(Scripted)


def test_a_group_whose_worker_dies_once_is_trained_and_no_other_notices(pool, tmp_path):
    groups = [scripted(tmp_path / "a", "SIGKILL", times=1)]
    groups += [scripted(tmp_path / f"{i}", "learn", teacher=i) for i in range(3)]
    found = executed(pool, groups)
    assert all(f.results[0].status == "done" for f in found) and len(found) == 4
    assert found[-1].group is groups[0]  # after all others
    assert [len(pids(tmp_path / name)) for name in ("a", "0", "1", "2")] == [2, 1, 1, 1]


@pytest.mark.parametrize("name", ["SIGKILL", pytest.param("SIGSEGV", marks=pytest.mark.long)])
def test_a_group_that_kills_twice_has_failed_and_the_others_go_on(pool, tmp_path, name):
    groups = [scripted(tmp_path / "a", name), scripted(tmp_path / "b", "learn", teacher=1)]
    found = {id(f.group): f for f in executed(pool, groups)}
    failed = found[id(groups[0])]
    assert failed.results is None
    assert name in failed.error.strip().splitlines()[-1]
    assert len(pids(tmp_path / "a")) == 2
    assert found[id(groups[1])].results[0].status == "done"
    (after,) = executed(pool, [scripted(tmp_path / "c", "learn")])
    assert after.results[0].status == "done"


def test_steps_that_died_are_taken_back(tmp_path, pool):
    told = []
    group = scripted(tmp_path / "a", "SIGKILL", times=1)
    executed(pool, [group], tick=lambda group, steps: told.append(steps))
    assert 0 <= sum(told) <= 1


DRIVER = """
import sys, threading
sys.path[:0] = {path!r}
from scripted import Scripted, scripted
from lab.kinds.student import STUDENTS
from lab.execution.processes import Processes
from pathlib import Path
STUDENTS.add(Scripted)
group = scripted(Path({file!r}), "sleep")
for _ in Processes(1).execute([group], tick=print, stop=threading.Event(),
                              abandon=threading.Event()):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_no_worker_outlives_a_driver_that_is_killed(tmp_path, number):
    file = tmp_path / "a"
    code = DRIVER.format(path=sys.path, file=str(file))
    driver = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        wait(lambda: pids(file) and driver.poll() is None)
        driver.send_signal(number)
        driver.wait()
        wait(lambda: not running(pids(file)[0]), seconds=5)
    finally:
        driver.kill()
        driver.wait()


def wait(what, seconds=120):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.long
def test_a_worker_that_never_starts_is_one_sentence(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "abacus")
    with closing(Processes(1)) as engine, pytest.raises(StudyError) as caught:
        engine.start()
    (sentence,) = caught.value.mistakes
    assert "no worker starts" in sentence and "abacus" in sentence and "exit code 1" in sentence


def test_a_student_of_the_script_itself_is_refused(monkeypatch, pool):
    monkeypatch.setattr(Scripted, "__module__", "__main__")
    with closing(Processes(1)) as engine, pytest.raises(StudyError, match="`engine` threads"):
        engine.start()


def test_groups_and_results_survive_json(tmp_path, pool):
    from lab.students.solvers import Failed, Observation, Result

    group = replace(scripted(tmp_path / "a", "learn"), start=2, round=1)
    seen = (Observation(0.5, "train", float("inf")), Observation(3, "test", 1 / 3, 2.5))
    text = json.dumps(messages.group_values(group))
    assert messages.group_of(json.loads(text)) == group
    (run,) = group.runs()
    for result in (
        Result(run, "diverged", float("nan"), float("inf"), 3, ((1, 0.1), (2, float("nan"))), {}),
        Result(run, "done", 1 / 3, 5e-324, 0, (), {"condition": 1e300, "jitter": 0.0}, seen),
        Failed(run, "Ünicode\n\x00"),
    ):
        values = json.loads(
            messages.message_line({"results": messages.result_values(group, [result])})
        )
        assert repr(messages.results_of(group, values["results"])) == repr([result])


def test_what_the_user_set_wins(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    found = processes._environment(None)
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == ("7", "1")


def test_a_message_goes_whole_through_a_stream_that_takes_a_part_at_a_time():
    class Narrow(io.RawIOBase):
        taken = b""

        def write(self, some):
            self.taken += bytes(some[:3])
            return len(some[:3])

    stream = Narrow()
    messages.send_message(stream, {"steps": 12345, "compiled": 0.25})
    assert stream.taken == messages.message_line({"steps": 12345, "compiled": 0.25})
