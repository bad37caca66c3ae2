"""The store: atomic, locked, shared, and silent about nothing."""

import math
import sqlite3
from dataclasses import replace

import pytest

from lab.execution.store import Row, Store, folder
from lab.mistakes import StudyError
from lab.spec import PHYSICS_VERSION


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
        assert found["x"].curve[0] == (1, 0.9) and math.isnan(found["x"].curve[1][1])
        assert found["x"].provenance["device"] == "cpu"
        assert store.seconds() == {"x": 1.5, "y": 1.5}


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
    db.execute("UPDATE meta SET value = ?", (str(PHYSICS_VERSION + 1),))
    db.commit()
    db.close()
    for opening in (Store.read, Store.write):
        with pytest.raises(StudyError, match="physics version"):
            with opening(tmp_path):
                pass


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "lab.db").write_text("no database, but long enough to look like one" * 50)
    with pytest.raises(StudyError, match="not a store"):
        with Store.read(tmp_path):
            pass


def test_studies_share_runs(tmp_path):
    with Store.write(tmp_path / "a") as store:
        store.add([row("x"), row("y", "failed", None)])
    with Store.write(tmp_path / "b") as store:
        assert store.adopt(["x", "y", "z"]) == 1
        assert store.states() == {"x": "done"}


@pytest.mark.parametrize("name", ["..", "...toml", ".hidden.toml", "a b.toml", "é.toml"])
def test_results_stay_inside_the_folder(tmp_path, name):
    with pytest.raises(StudyError):
        folder(name, tmp_path)


def test_a_store_from_before_details_is_read_and_written_on(tmp_path):
    with Store.write(tmp_path) as store:
        store.add([row("x")])
    db = sqlite3.connect(tmp_path / "lab.db")
    db.execute("ALTER TABLE runs DROP COLUMN details")
    db.commit()
    db.close()
    with Store.read(tmp_path) as store:
        assert store.rows(["x"])["x"].details == {}
    with Store.write(tmp_path) as store:
        store.add([replace(row("y"), details={"limit": 0.25})])
        assert store.rows(["x", "y"])["y"].details == {"limit": 0.25}
