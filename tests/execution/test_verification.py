"""Stored runs trained again: equal in their own company, and found out where they were changed."""

import math
import shutil
import sqlite3
from dataclasses import replace

import pytest
from invocation import invoke

import lab
from lab.execution import listing, verification
from lab.execution.store import Store
from lab.execution.verification import Compared, Verification
from lab.mistakes import StudyError

STUDY = """
schema = 1
question = "Is it what is stored?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 3 }
[student]
kind = "nearest"
[data]
sizes = [32, 64, 96, 128, 160, 192]
"""
RUNS, GROUP = 18, 6


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "s.toml").write_text(STUDY)
    lab.run(folder / "s.toml", folder / "results", engine="threads", progress=False)
    return folder


@pytest.fixture
def stored(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAB_RESULTS", raising=False)
    monkeypatch.setenv("LAB_ENGINE", "threads")
    return tmp_path / "results/s/lab.db"


def change(file, statement):
    db = sqlite3.connect(file)
    db.execute(statement)
    db.commit()
    db.close()


def rows(path):
    study = lab.read("s.toml")
    with Store.read(path) as store:
        return {p.run: row for p, row in store.found(listing.planned(study))}


def test_runs_are_equal_in_the_company_in_which_they_were_trained(stored):
    before = stored.read_bytes()
    found = lab.verify("s.toml", progress=False)
    assert len(found.compared) == GROUP and found.stored == RUNS  # one whole group
    assert all(one.differs == () and one.difference == 0 for one in found.compared)
    assert found.holds and stored.read_bytes() == before
    assert len(lab.verify("s.toml", share=0.5, progress=False).compared) == 2 * GROUP


def test_observations_are_compared_too(stored):
    """Of exact students the one that counts; of any that is stored, there must be another."""
    change(stored, "UPDATE observations SET loss = loss * 1.000001")
    found = lab.verify("s.toml", progress=False)
    assert all(one.difference == 0 and not one.holds for one in found.compared)
    assert all(one.observed == pytest.approx(1e-6, rel=1e-3) for one in found.compared)
    change(stored, "DELETE FROM observations")  # a store of before has none
    assert lab.verify("s.toml", progress=False).holds
    change(stored, "INSERT INTO observations SELECT fingerprint, 7, 'train', 1, NULL FROM runs")
    assert all(one.observed == math.inf for one in lab.verify("s.toml", progress=False).wrong)
    assert "at a checkpoint" in invoke("verify", "s.toml").output


def test_groups_are_found_by_their_time_and_packed_anew_where_it_is_not_known(stored):
    found = rows(stored.parent)
    assert [known for _, known in verification.groups(found)] == [True] * 3
    some = dict(list(found.items())[1:])  # one is missing
    known = {len(group.runs()): known for group, known in verification.groups(some)}
    assert known == {GROUP: True, GROUP - 1: False}
    late = {run: replace(row, provenance={**row.provenance, "finished": 1.0})
            for run, row in found.items()}  # fmt: skip
    assert not any(known for _, known in verification.groups(late))


def test_samples_are_drawn_by_seed_and_hold_the_share(stored):
    found = verification.groups(rows(stored.parent))
    drawn = {seed: verification.sample(found, 1, seed) for seed in range(20)}
    assert drawn[0] == verification.sample(found, 1, 0)
    assert all(len(some) == 1 for some in drawn.values())
    assert {id(some[0][0]) for some in drawn.values()} == {id(group) for group, _ in found}
    assert len(verification.sample(found, GROUP + 1, 0)) == 2


def test_a_changed_loss_is_found_and_listed(stored):
    change(stored, "UPDATE runs SET loss = loss * (1 + 1e-6) WHERE rowid % 6 = 1")
    result = invoke("verify", "s.toml", "--share", 1)
    assert result.exit_code == 3 and "15 hold, 3 do not" in result.output
    assert result.output.count("equal") >= 3
    change(stored, "UPDATE runs SET jax = '0.1'")
    result = invoke("verify", "s.toml", "--share", 1, "--json")
    assert result.exit_code == 0 and '"differs": ["jax"]' in result.output


def test_a_run_that_diverged_must_diverge_again(stored):
    change(stored, "UPDATE runs SET status = 'diverged', loss = NULL, jax = '0.1'")
    found = lab.verify("s.toml", progress=False)
    assert len(found.wrong) == GROUP and found.wrong[0].difference == math.inf


def one(ratio, differs=("device",), precision="float32"):
    return Compared("x", 2, "done", "done", 1.0, ratio, differs, precision)


@pytest.mark.parametrize("run, holds", [
    (one(1.0, ()), True), (one(1.0 + 1e-7, ()), False), (one(1.6), True), (one(1.7), False),
    (one(0.0), False), (one(1.00009, precision="float64"), True),
    (one(1.001, precision="float64"), False),
])  # fmt: skip
def test_elsewhere_a_loss_holds_within_a_tolerance(run, holds):
    assert run.holds == holds


def test_a_shift_of_many_runs_is_no_round_off():
    assert Verification((one(1.2), one(0.85)) * 10, 20, "cpu").holds
    assert not Verification((one(1.2),) * 20, 20, "cpu").holds
    assert Verification((one(1.2),) * 5, 20, "cpu").holds  # too few to tell


@pytest.mark.parametrize("share", [0, -1, 1.5, math.nan])
def test_a_share_is_a_share(stored, share):
    with pytest.raises(StudyError, match="above 0"):
        lab.verify("s.toml", share=share, progress=False)


def test_nothing_stored_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    with pytest.raises(StudyError, match="comes first"):
        lab.verify("s.toml", progress=False)


@pytest.mark.parametrize("options, words", [
    (["--engine", "dusk"], "did you mean 'dask'"),
    (["--engine", "dask"], "`scheduler`: say where"),
    (["--workers", "2"], "`workers` is of engine slurm"),
])  # fmt: skip
def test_an_engine_that_cannot_be_is_one_sentence(stored, monkeypatch, options, words):
    monkeypatch.delenv("LAB_ENGINE")
    with pytest.raises(StudyError, match=words):
        invoke("verify", "s.toml", *options)
