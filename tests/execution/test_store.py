"""The store: atomic, locked, shared, and silent about nothing."""

import math
import os
import shutil
import sqlite3
from dataclasses import replace

import pytest

from lab.execution.store import Row, Store, folder
from lab.mistakes import StudyError
from lab.spec import PHYSICS_VERSION, digest
from lab.students.solvers import Observation


def row(name, status="done", loss=0.5):
    return Row(name, "{}", status, 10, loss, loss, 5, ((1, 0.9), (5, math.nan)), None, 1.5, 2,
               {"device": "cpu", "dtype": "float32", "jax": "0", "lab": "0", "git": None,
                "finished": 1.0})  # fmt: skip


def test_rows_come_back_as_they_went_in(tmp_path):
    with Store.write(tmp_path / "a") as store:
        store.add([row("x"), row("y", "diverged", None)])
    with Store.read(tmp_path / "a") as store:
        found = store.rows(["x", "y", "z"])
        assert set(found) == {"x", "y"} and store.states() == {"x": "done", "y": "diverged"}
        assert found["x"].loss == 0.5 and found["y"].loss is None
        assert len(found["x"].curve) == 2
        assert found["x"].curve[0] == (1, 0.9) and math.isnan(found["x"].curve[1][1])
        assert found["x"].provenance["device"] == "cpu"
        assert store.spent() == (store.states(), {"x": 1.5, "y": 1.5})


def test_reading_makes_nothing(tmp_path):
    with Store.read(tmp_path / "none") as store:
        assert store.states() == {}
    assert not list(tmp_path.iterdir())


def test_one_writer(tmp_path):
    with Store.write(tmp_path), pytest.raises(StudyError, match="in use by another process"):
        with Store.write(tmp_path):
            pass
    with Store.write(tmp_path):
        pass


def test_a_transaction_is_all_or_nothing(tmp_path):
    with Store.write(tmp_path) as store:
        bad = row("y")
        object.__setattr__(bad, "status", None)  # the column is NOT NULL
        with pytest.raises(sqlite3.Error):
            store.add([row("x"), bad])
        assert store.states() == {}


def test_another_physics_version_is_refused(tmp_path):
    with Store.write(tmp_path):
        pass
    db = sqlite3.connect(tmp_path / "lab.db")
    db.execute("UPDATE meta SET value = ? WHERE key = 'physics_version'",
               (str(PHYSICS_VERSION + 1),))  # fmt: skip
    db.commit()
    db.close()
    for opening in (Store.read, Store.write):
        with pytest.raises(StudyError, match="physics version"):
            with opening(tmp_path):
                pass


def test_a_store_of_a_newer_lab_is_refused(tmp_path):
    with Store.write(tmp_path):
        pass
    _script(tmp_path / "lab.db", "UPDATE meta SET value = '9' WHERE key = 'store_version'")
    for opening in (Store.read, Store.write):
        with pytest.raises(StudyError, match="version 9.*update the lab"):
            with opening(tmp_path):
                pass


def test_a_lab_of_before_observations_finds_no_column_that_it_needs(tmp_path):
    """It asks for `curve` and then says in a sentence that this is no store of its own."""
    with Store.write(tmp_path) as store:
        store.add([row("x")])
    columns = {name for _, name, *_ in _select(tmp_path, "PRAGMA table_info(runs)")}
    assert "curve" not in columns


SEEN = (
    Observation(1, "test", 0.9), Observation(1, "train", 0.8), Observation(2.5, "test", math.inf),
    Observation(5, "test", 0.5, 1.25), Observation(5, "validation", 0.6),
)  # fmt: skip


def observed(name, status="done"):
    return replace(row(name, status), observations=SEEN)


def _select(path, query):
    db = sqlite3.connect(path / "lab.db")
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


@pytest.mark.parametrize("many", [3000, 1])
def test_observations_come_back_as_they_went_in(tmp_path, monkeypatch, many):
    monkeypatch.setattr("lab.execution.store.MANY", many)
    with Store.write(tmp_path) as store:
        store.add([observed("x"), observed("y", "failed"), row("z")])
    with Store.read(tmp_path) as store:
        found = store.observations(["x", "y", "z", "none"])
    assert set(found) == {"x", "z"}  # of no run that has not ended
    assert repr(found["x"]) == repr((*SEEN[:2], SEEN[2]._replace(loss=math.nan), *SEEN[3:]))
    assert found["z"] == (Observation(5, "test", 0.5),)  # the one that counts is always there


def test_a_run_that_starts_again_replaces_all_that_it_left(tmp_path):
    with Store.write(tmp_path) as store:
        store.add([observed("x"), observed("y")])
        again = replace(row("x"), observations=(Observation(5, "test", 0.5),))
        store.add([again])
        assert store.observations(["x"])["x"] == again.observations
        bad = replace(again, observations=(Observation(1, "test", 0.1),) * 2)
        with pytest.raises(sqlite3.Error):  # one key, twice
            store.add([replace(bad, loss=0.1)])
        assert store.rows(["x"])["x"].loss == 0.5
        assert store.observations(["x"])["x"] == again.observations
        assert len(store.observations(["y"])["y"]) == len(SEEN)


def test_observations_go_with_their_row(tmp_path):
    with Store.write(tmp_path) as store:
        store.add([observed("x"), observed("y")])
        assert store.delete(["x"]) == 1
    assert _select(tmp_path, "SELECT DISTINCT run FROM observations") == [("y",)]


def test_adopted_runs_bring_their_observations(tmp_path):
    one = replace(observed(digest("{}")), spec="{}")
    with Store.write(tmp_path / "a") as store:
        store.add([one])
    with Store.write(tmp_path / "b") as store:
        assert store.adopt([one.fingerprint]) == 1
        assert len(store.observations([one.fingerprint])[one.fingerprint]) == len(SEEN)


def test_many_observations_are_a_few_queries(tmp_path):
    """Statements, not seconds, for 1000 runs of 24 checkpoints."""
    runs = [replace(row(f"{i:04}"), observations=tuple(
        Observation(s, split, 1 / s) for s in range(1, 25) for split in ("test", "train")))
        for i in range(1000)]  # fmt: skip
    with Store.write(tmp_path) as store:
        store.add(runs)
    with Store.read(tmp_path) as store:
        asked = []
        store._db.set_trace_callback(asked.append)
        found = store.observations(r.fingerprint for r in runs)
    assert sum(len(seen) for seen in found.values()) == 1000 * 48
    assert len([query for query in asked if query.startswith("SELECT")]) == 4


def test_studies_share_runs_that_are_what_they_say(tmp_path):
    true, failed, doctored = (replace(row("x"), spec=f'{{"run":{i}}}') for i in range(3))
    true, failed = (replace(r, fingerprint=digest(r.spec)) for r in (true, failed))
    with Store.write(tmp_path / "a") as store:
        store.add([true, replace(failed, status="failed"), doctored])
    with Store.write(tmp_path / "b") as store:
        assert store.adopt([true.fingerprint, failed.fingerprint, "x", "z"]) == 1
        assert store.states() == {true.fingerprint: "done"}


@pytest.fixture
def locked(monkeypatch):
    """Folders where nobody may write: SQLite is asked for them through a symbolic mount."""

    def lock(folder):
        plain = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: (
            False if os.fspath(path) == os.fspath(folder) and mode == os.W_OK
            else plain(path, mode)))  # fmt: skip

    return lock


def test_an_archive_that_cannot_be_written_is_read_and_left_as_it_is(tmp_path, locked):
    with Store.write(tmp_path / "a") as store:
        store.add([row("x")])
    locked(tmp_path / "a")
    before = {f.name for f in (tmp_path / "a").iterdir()}
    with Store.read(tmp_path / "a") as store:
        assert store.states() == {"x": "done"}
        assert store.rows(["x"])["x"].loss == 0.5
        assert {f.name for f in (tmp_path / "a").iterdir()} == before  # no -shm beside it


def test_what_a_stopped_run_left_in_its_log_is_read(tmp_path, locked):
    with Store.write(tmp_path / "a") as store:
        store.add([row("x")])
        (tmp_path / "b").mkdir()
        for name in ("lab.db", "lab.db-wal"):
            shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    assert (tmp_path / "b/lab.db-wal").stat().st_size > 0
    locked(tmp_path / "b")
    with Store.read(tmp_path / "b") as store:
        assert store.states() == {"x": "done"}


NOT_STORES = {
    "text": lambda file: file.write_text("no database, but long enough to look like one" * 50),
    "truncated": lambda file: file.write_bytes(_store(file).read_bytes()[:5000]),
    "a folder": lambda file: file.mkdir(),
    "another database": lambda file: _script(file, "CREATE TABLE songs (name TEXT)"),
    "runs of another kind": lambda file: _script(
        file, "CREATE TABLE meta (key, value); CREATE TABLE runs (name TEXT)"),
    "a version that is no number": lambda file: _script(
        _store(file), "UPDATE meta SET value = 'two'"),
}  # fmt: skip


def _store(file):
    with Store.write(file.parent) as store:
        store.add([replace(row(str(i)), spec=f'"{"x" * 400}"') for i in range(200)])
    return file


def _script(file, text):
    db = sqlite3.connect(file)
    db.executescript(text)
    db.close()


@pytest.mark.parametrize("kind", NOT_STORES)
@pytest.mark.parametrize("opening", [Store.read, Store.write])
def test_what_is_no_store_is_one_sentence_and_stays_as_it_is(tmp_path, kind, opening):
    file = tmp_path / "lab.db"
    NOT_STORES[kind](file)
    before = file.read_bytes() if file.is_file() else None
    with pytest.raises(StudyError, match="not a store") as caught:
        with opening(tmp_path) as store:
            store.rows(map(str, range(200)))
    assert len(caught.value.mistakes) == 1
    assert before is None or file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", None])
def test_a_store_that_was_only_begun_is_empty(tmp_path, content):
    file = tmp_path / "lab.db"
    if content is None:
        _script(file, "PRAGMA journal_mode=WAL")
    else:
        file.write_bytes(content)
    with Store.read(tmp_path) as store:
        assert store.states() == {} and store.registered() == []
    with Store.write(tmp_path) as store:
        store.add([row("x")])
    with Store.read(tmp_path) as store:
        assert store.states() == {"x": "done"}


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be written"):
        with Store.write(tmp_path / "file" / "s"):
            pass


def test_what_was_asked_is_kept_in_order(tmp_path):
    with Store.write(tmp_path) as store:
        store.register(2.0, "b")
        store.register(1.0, "a")
    with Store.read(tmp_path) as store:
        assert store.registered() == [(2.0, "b"), (1.0, "a")]


@pytest.mark.parametrize("name", ["..", "...toml", ".hidden.toml", "a b.toml", "é.toml"])
def test_results_stay_inside_the_folder(tmp_path, name):
    with pytest.raises(StudyError):
        folder(name, tmp_path)


def test_a_store_from_before_is_read_and_written_on(tmp_path):
    with Store.write(tmp_path) as store:
        store.add([row("x")])
    db = sqlite3.connect(tmp_path / "lab.db")
    for name in ("details", "numpy"):
        db.execute(f"ALTER TABLE runs DROP COLUMN {name}")
    db.execute("ALTER TABLE runs RENAME COLUMN trajectory TO curve")
    db.execute("DELETE FROM meta WHERE key = 'store_version'")
    db.execute("DROP TABLE registered")
    db.execute("DROP TABLE observations")
    db.commit()
    db.close()
    with Store.read(tmp_path) as store:
        assert store.rows(["x"])["x"].details == {} and store.registered() == []
        assert store.rows(["x"])["x"].curve[0] == (1, 0.9)
        assert store.observations(["x"]) == {"x": (Observation(5, "test", 0.5),)}
    with Store.write(tmp_path) as store:
        store.add([replace(row("y"), details={"limit": 0.25})])
        assert store.rows(["x", "y"])["y"].details == {"limit": 0.25}
        assert store.rows(["x"])["x"].curve[0] == (1, 0.9)
    with Store.write(tmp_path) as store:  # once more, migrated
        assert store.rows(["x"])["x"].curve[0] == (1, 0.9)


def test_a_whole_table_is_read_as_its_rows_are_one_by_one(tmp_path, monkeypatch):
    with Store.write(tmp_path) as store:
        store.add(row(str(i), "done" if i % 3 else "failed", 0.1 * i) for i in range(20))
    wanted = [str(i) for i in range(5, 30)]

    def told(rows):  # a NaN on a curve equals nothing
        return {key: repr(replace(r, curve=[*r.curve])) for key, r in rows.items()}

    with Store.read(tmp_path) as store:
        one_by_one = told(store.rows(wanted))
    monkeypatch.setattr("lab.execution.store.MANY", 3)
    with Store.read(tmp_path) as store:
        assert told(store.rows(wanted)) == one_by_one and [*one_by_one] == wanted[:15]
    with Store.read(tmp_path, specs=False) as store:
        assert {r.spec for r in store.rows(wanted).values()} == {""}


def test_a_reader_reads_no_row_twice_and_a_writer_what_is_there_now(tmp_path):
    with Store.write(tmp_path) as store:
        store.add([row("x")])
        assert store.rows(["x", "y"]).keys() == {"x"}
        store.add([row("y"), row("x", "failed")])
        assert store.rows(["x", "y"])["x"].status == "failed"
        with Store.read(tmp_path) as reader:
            before = reader.rows(["x"])["x"]
            store.add([row("x", "diverged")])
            assert reader.rows(["x", "y"])["x"] is before


def test_a_curve_is_looked_at_when_somebody_asks(tmp_path):
    with Store.write(tmp_path) as store:
        store.add([row("x"), replace(row("y"), curve=())])
    db = sqlite3.connect(tmp_path / "lab.db")
    db.execute("UPDATE runs SET trajectory = '[[1, 0.5], [2' WHERE fingerprint = 'x'")
    db.commit()
    db.close()
    with Store.read(tmp_path) as store:
        found = store.rows(["x", "y"])
        assert found["x"].loss == 0.5 and len(found["y"].curve) == 0 == len([*found["y"].curve])
        with pytest.raises(StudyError, match="not a store"):
            found["x"].curve[0]


@pytest.mark.parametrize(
    "edit, said",
    [
        ("loss = -1", "it is done, and its loss is -1"),
        ("loss = NULL", "it is done, and its loss is missing"),
        ("relative = 9e999", "it is done, and its relative is inf"),
        ("loss = 'much'", "its loss is 'much', and no number"),
        ("finished = 'yesterday'", "its finished is 'yesterday'"),
        ("finished = 1e300", "its finished is 1e"),
        ("seconds = -5", "its seconds is -5"),
        ("spec = ''", "its spec is empty"),
        ("spec = '[]'", "its spec is '[]'"),
        ("status = 'fine'", "its status is 'fine'"),
        ("N = 'many'", "its N is 'many'"),
        ("details = '[1]'", "run x: "),
        ("details = '{\"a\": \"b\"}'", "details are numbers by name"),
        ("trajectory = 'junk'", "run x: Expecting value"),
        ('trajectory = \'[["a", "b"]]\'', "a learning curve is of steps and losses"),
        ("trajectory = '{}'", None),
    ],
)
def test_rows_that_no_run_leaves_are_refused_by_the_name_of_the_run(tmp_path, edit, said):
    with Store.write(tmp_path) as store:
        store.add([row("x")])
    with sqlite3.connect(tmp_path / "lab.db") as db:
        db.execute(f"UPDATE runs SET {edit}")
    db.close()
    with Store.read(tmp_path) as store:
        if said is None:
            assert [*store.rows(["x"])["x"].curve] == []
            return
        with pytest.raises(StudyError, match="run x: ") as caught:
            [*store.rows(["x"])["x"].curve]
    (mistake,) = caught.value.mistakes
    assert said in mistake and "move it away" in mistake


@pytest.mark.parametrize("edit", ["split = 'moon'", "step = 'x'", "loss = 'x'"])
def test_observations_that_no_run_leaves_are_refused(tmp_path, edit):
    with Store.write(tmp_path) as store:
        store.add([replace(row("x"), observations=(Observation(1, "test", 0.5),))])
    with sqlite3.connect(tmp_path / "lab.db") as db:
        db.execute(f"UPDATE observations SET {edit}")
    db.close()
    with Store.read(tmp_path) as store:
        with pytest.raises(StudyError, match="run x: it has the observation"):
            store.observations(["x"])


def test_a_time_that_is_text_stops_no_run(tmp_path):
    with Store.write(tmp_path) as store:
        store.add([row("x")])
    with sqlite3.connect(tmp_path / "lab.db") as db:
        db.execute("UPDATE runs SET finished = 'yesterday'")
        db.execute("INSERT INTO registered VALUES ('noon', '{}')")
    db.close()
    with Store.write(tmp_path) as store:
        with pytest.raises(StudyError, match="it was asked '{}' at 'noon'"):
            store.now()
