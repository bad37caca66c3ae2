"""Registrations: what was asked is kept when it differs, and another study is told apart."""

import json

import pytest
from simulated import row

from lab.config import study as studies
from lab.execution.registration import another, register, registered
from lab.execution.store import Store
from lab.mistakes import StudyError


@pytest.fixture
def tables(make_tables):
    return make_tables(prediction={"exponent": "4/d", "rivals": ["2/d"]})


def test_what_is_asked_is_kept_at_first_and_when_it_differs(tables, tmp_path):
    of = studies.of_tables
    with Store.write(tmp_path / "s") as store:
        register(of(tables), store, 1.0)
        register(of(tables), store, 2.0)
        register(of(tables, ["prediction.exponent=1.5"]), store, 3.0)
        register(of({**tables, "prediction": {"sense": "equal"}}), store, 4.0)
        first, second, third = registered(store)
    assert [one.time for one in (first, second, third)] == [1.0, 3.0, 4.0]
    (asked,) = first.scans
    assert asked.judged == ("4/d", "bound", 0.15, "limit", "") and asked.rivals == ("2/d",)
    (raised,) = second.claimed("", "alpha")
    assert raised.exponent == "1.5" and second.overrides == ("prediction.exponent=1.5",)
    assert (
        third.claimed("", "alpha")[0].sense == "equal"
        and first.tables == second.tables != third.tables
    )


def test_overrides_are_no_part_of_what_a_study_is(make_tables):
    changed = studies.of_tables(make_tables(), ["training.steps=300"])
    written = studies.of_tables(make_tables(training={"steps": 300}))
    assert changed == written and changed.plan == written.plan
    assert changed.origin.overrides == ("training.steps=300",) and not written.origin.overrides


@pytest.fixture
def written(tmp_path, tables, monkeypatch):
    """written("a", steps=300): the study of a file a/q.toml with changes."""
    monkeypatch.chdir(tmp_path)

    def write(folder, question=tables["question"], steps=200):
        (tmp_path / folder).mkdir(exist_ok=True)
        training = tables["training"] | {"steps": steps}
        lines = "\n".join(f"{k} = {json.dumps(v)}" for k, v in training.items())
        text = f"""
question = "{question}"
regime = "resolution-width"
[task]
manifold = {{ kind = "cube", dim = 2 }}
[student]
widths = [3, 4, 5]
[training]
{lines}
"""
        (tmp_path / folder / "q.toml").write_text(text)
        return studies.read(f"{folder}/q.toml")

    return write


def test_two_files_of_one_name_are_told_apart(written, tmp_path):
    with Store.write(tmp_path / "results/q") as store:
        register(written("a"), store, 1.0)
        assert another(written("b"), store) is None  # a copy, as it stands
        other = written("b", steps=300)
        assert "a/q.toml" in another(other, store) and "`results`" in another(other, store)
        with pytest.raises(StudyError, match="another name"):
            register(other, store, 2.0)
        assert len(registered(store)) == 1
        (tmp_path / "a/q.toml").rename(tmp_path / "a/old.toml")
        assert another(other, store) is None  # it was moved, and then edited


def test_an_edited_file_is_the_same_study_until_nothing_is_left_of_it(written, tmp_path):
    with Store.write(tmp_path / "results/q") as store:
        first = written("a")
        register(first, store, 1.0)
        store.add([row(first.plan[0].run, 0.5)])
        assert another(written("a", steps=300), store) is None
        assert another(written("a", question="Really?"), store) is None
        strange = another(written("a", question="What else?", steps=300), store)
        assert strange and "A study small enough" in strange


def test_what_is_no_registration_is_one_sentence(tmp_path):
    for text in ("{", "[]", '{"scans": 1}', '{"scans": [], "overrides": [], "more": 1}'):
        with Store.write(tmp_path / "s") as store:
            store.register(1.0, text)
            with pytest.raises(StudyError, match="cannot be read"):
                registered(store)
