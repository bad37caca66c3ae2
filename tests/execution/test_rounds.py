"""Rounds of networks that say which labels they want: runs of their own, resumable one by one."""

import json
import os
import signal
import subprocess
import sys
import time

import dask_cluster
import numpy as np
import pytest

from lab.config import study
from lab.data.selection import LABEL, scores, spread
from lab.execution import budgets, runner
from lab.execution.engine import group_of, group_values
from lab.execution.plan import groups
from lab.execution.settings import Settings
from lab.execution.store import Store
from lab.mistakes import StudyError
from lab.students.batches import batch_source

TABLES = {
    "question": "Do networks learn faster from the labels that they want?", "regime": "selection",
    "task": {"manifold": {"kind": "cube", "dim": 2},
             "teacher": {"kind": "network", "widths": [[16, 16]], "count": 2}},
    "student": {"kind": "mlp", "widths": [[8, 8]], "seeds": 2},
    "training": {"steps": 200, "batch": 16}, "evidence": {"share": 0.0},
    "data": {"sizes": [16, 32, 64, 128], "selection": ["random", "hard"], "pool": 2560,
             "rounds": 3},
    "prediction": [{"exponent": 1.0}, {"quantity": "difference", "value": 0.0}],
}  # fmt: skip
DIGITS = {
    "task": {"data": "digits", "targets": "classes", "dim": 9.0, "subsets": 2},
    "data": {"sizes": [40, 80, 160, 320], "selection": ["random", "uncertain"], "keep": 0.5,
             "rounds": 3},
}  # fmt: skip


def made(**change):
    return study.validate({**TABLES, **change})


def trained(found, path, observe=lambda progress: None):
    return runner.run(found, path, lanes=1, settings=Settings(name="threads"), observe=observe)


def chain(found, rule, teacher=0, seed=0):
    """The runs of one student under one rule, round by round."""
    return [run for run in found.runs() if run.seed == seed and run.task.teacher == teacher
            and (run.task.selection.rule if run.task.selection else "random") == rule]  # fmt: skip


def stored(found, path):
    """Of each run its loss, details and the time at which it was stored."""
    with Store.read(path) as store:
        rows = store.rows(run.fingerprint() for run in found.runs())
    return {k: (row.loss, dict(row.details), row.provenance["finished"]) for k, row in rows.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "s"
    found = made()
    summary = trained(found, path)
    assert summary.left == 0 and summary.trained == len({p.run for p in found.plan})
    return found, path


def test_every_round_is_a_run_whose_labels_the_round_before_has_chosen(whole):
    found, path = whole
    for teacher in (0, 1):
        first = chain(found, "hard", teacher)
        assert [(run.round, run.size) for run in first] == [(0, 16), (1, 32), (2, 64), (3, 128)]
        assert [run.coordinate("labels") for run in first] == [16, 32, 64, 128]
        assert {run.coordinate("candidates") for run in first} == {2560}
        rows = stored(found, path)
        chosen = [rows[run.fingerprint()][1] for run in first]
        assert [len(one) for one in chosen] == [16, 32, 64, 0]
        other = [rows[run.fingerprint()][1] for run in chain(found, "hard", teacher, seed=1)]
        assert chosen == other  # they are asked together
        with Store.read(path) as store:
            sets = [runner.supplied(groups([run])[0], store).labelled for run in first]
        assert sets[0] == () and sets[1][0][:16] == tuple(range(16))
        for small, large in zip(sets[1:], sets[2:], strict=False):
            assert large[0][: len(small[0])] == small[0] and len(set(large[0])) == len(large[0])
        assert [sets[3][0][i] for i in range(64, 128)] == [
            int(chosen[2][f"{LABEL}{i}"]) for i in range(64, 128)]  # fmt: skip


def test_students_learn_from_the_candidates_that_were_chosen(whole):
    found, path = whole
    run = chain(found, "hard")[2]
    with Store.read(path) as store:
        (group,) = groups([run])
        group = runner.supplied(group, store)
    given, plain = batch_source(group), batch_source(groups([chain(found, "hard")[0]])[0])
    rows = np.array(group.labelled[0])
    for part, candidates in zip(given.pool, given.candidates, strict=True):
        np.testing.assert_array_equal(np.asarray(part[0]), np.asarray(candidates[0])[rows])
    np.testing.assert_array_equal(given.candidates[0], plain.candidates[0])  # of one pool
    assert given.pool[0].shape[1] == 64 and given.candidates[0].shape[1] == 2560


def test_a_group_brings_its_labels_wherever_it_travels(whole):
    found, path = whole
    with Store.read(path) as store:
        group = runner.supplied(groups([chain(found, "hard")[2]])[0], store)
    assert group_of(json.loads(json.dumps(group_values(group)))) == group
    assert group.representative.labelled == () and len(group.labelled[0]) == 64


def test_scores_are_what_rules_want():
    y = np.array([[0.0], [0.0], [1.0]])
    answers = np.array([[[0.1], [2.0], [1.0]], [[0.3], [0.0], [1.0]]])
    np.testing.assert_allclose(scores("hard", answers, y), [0.2, 1.0, 0.0])
    np.testing.assert_allclose(scores("uncertain", answers, y), [0.1, 1.0, 0.0])
    assert np.argmax(scores("easy", answers, y)) == 2


def test_copies_of_a_point_are_taken_once_each():
    x = np.array([[0.0], [1.0], [1.0], [1.0], [2.0]])
    rows = spread(x, np.array([0]), np.arange(1, 5), None, 4)
    assert sorted(rows.tolist()) == [1, 2, 3, 4]


def test_a_run_that_is_stopped_goes_on_with_the_next_round(whole, tmp_path):
    found, path = whole

    def stop(progress):
        rows = stored(found, tmp_path / "s")
        if any(run.round == 1 and run.fingerprint() in rows for run in found.runs()):
            os.kill(os.getpid(), signal.SIGINT)

    summary = trained(found, tmp_path / "s", stop)
    assert summary.interrupted and summary.left > 0
    before = stored(found, tmp_path / "s")
    assert trained(found, tmp_path / "s").left == 0
    after, uninterrupted = stored(found, tmp_path / "s"), stored(found, path)
    assert all(after[key][2] == when for key, (*_, when) in before.items())
    assert {k: v[:2] for k, v in after.items()} == {k: v[:2] for k, v in uninterrupted.items()}


def test_a_round_waits_for_the_one_before_it_and_asks_for_it(whole, tmp_path):
    found, path = whole
    last = chain(found, "hard")[3]
    assert [run.round for run in (one.run for one in runner.with_earlier(
        [p for p in found.plan if p.run == last]))] == [3, 2, 1, 0]  # fmt: skip
    with Store.write(tmp_path / "empty") as empty:
        assert runner.ready([last], empty) == ()
    with Store.read(path) as store:
        assert runner.ready([last], store) == (last,)


def test_networks_choose_among_points_that_somebody_brings(tmp_path):
    found = made(**DIGITS, student={"kind": "mlp", "widths": [[8, 8]], "seeds": 2})
    assert trained(found, tmp_path / "s").left == 0
    rows = stored(found, tmp_path / "s")
    one = chain(found, "uncertain")
    chosen = [rows[run.fingerprint()][1] for run in one]
    assert [len(some) for some in chosen] == [40, 80, 160, 0]
    assert [run.coordinate("candidates") for run in one] == [80, 160, 320, 640]
    assert all(max(some.values()) < 160 * 2**i for i, some in enumerate(chosen[:3]))


@pytest.mark.long
def test_a_killed_run_selects_the_same_points(whole, tmp_path):
    """kill -9 of the driver and its worker once round 1 is stored, then the same command again."""
    found, path = whole
    file = tmp_path / "s.json"
    file.write_text(json.dumps(TABLES))
    program = (
        "import json, sys; from pathlib import Path; from lab.config import study;"
        "from lab.execution import runner; from lab.execution.settings import Settings;"
        f"runner.run(study.validate(json.loads(Path({str(file)!r}).read_text())),"
        f" Path({str(tmp_path / 's')!r}), lanes=1, settings=Settings(name='processes'))"
    )
    child = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    end = time.monotonic() + 120
    wanted = {run.fingerprint() for run in found.runs() if run.round == 1}
    while not wanted & set(stored(found, tmp_path / "s") if (tmp_path / "s").exists() else ()):
        assert time.monotonic() < end and child.poll() is None
        time.sleep(0.05)
    child.kill()
    child.wait()
    subprocess.run([sys.executable, "-c", program], check=True)
    after, uninterrupted = stored(found, tmp_path / "s"), stored(found, path)
    assert {k: v[:2] for k, v in after.items()} == {k: v[:2] for k, v in uninterrupted.items()}


@pytest.mark.long
def test_workers_of_a_cluster_select_the_same_points(whole, tmp_path):
    found, path = whole
    with dask_cluster.scheduler(tmp_path) as address, dask_cluster.workers(tmp_path, 1):
        runner.run(found, tmp_path / "s", settings=Settings(name="dask", scheduler=address))
    after, uninterrupted = stored(found, tmp_path / "s"), stored(found, path)
    assert {k: v[:2] for k, v in after.items()} == {k: v[:2] for k, v in uninterrupted.items()}


WRONG = [
    ({"data": {**TABLES["data"], "sizes": [16, 30, 64, 128]}},
     r"data.sizes: .* are rounds, 3 after .*; take sizes = \[16, 32, 64, 128\], or other rounds"),
    ({"data": {**TABLES["data"], "first": 4}},
     "data.first: networks begin with the smallest of data.sizes; leave it out"),
    ({"data": {**TABLES["data"], "selection": ["random", "uncertain"]},
      "student": {**TABLES["student"], "seeds": 1}},
     "student.seeds: uncertain points are those on which networks of other seeds disagree; take"),
    ({"student": {**TABLES["student"], "seeds": 17}},
     "student.seeds: 17 are too many to be asked together; take at most 16"),
    ({"data": {k: v for k, v in TABLES["data"].items() if k != "rounds"}},
     "rounds: hard points .* say how often they are asked"),
]  # fmt: skip


@pytest.mark.parametrize("change, sentence", WRONG)
def test_what_networks_cannot_be_asked_is_one_sentence(change, sentence):
    with pytest.raises(StudyError, match=sentence) as error:
        made(**change)
    assert len(error.value.mistakes) == 1


def test_a_scan_of_rounds_is_not_made_denser():
    assert made().denser(0.95) is None


def test_more_steps_are_asked_of_all_rounds_before(whole):
    found, _ = whole
    last = chain(found, "hard")[3]
    more = budgets.at(found, last, 2.0)
    earlier = runner.round_before(more)
    assert earlier.training == more.training and (earlier.round, earlier.size) == (2, 64)
