"""Provenance: a report claims of its predictions and its runs what the store knows, and no more."""

import json
from dataclasses import replace

import pytest
from simulated import power, rows

import lab
from lab.config import study as studies
from lab.execution.registration import register
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings import exponent_figures, provenance, view
from lab.findings.shown import Shown
from lab.mistakes import StudyError
from lab.report import report

HOUR = 3600.0


@pytest.fixture
def tables(make_tables):
    return make_tables(
        student={"widths": [4, 6, 9, 14, 20]},
        task={"teacher": {"count": 3, "widths": [96, 96]}},
        prediction={"exponent": "4/d", "rivals": ["3/d"]},
    )


def stored(study, finished=HOUR):
    for row in rows(study, power(2.0), noise=0.02):
        made = {**row.provenance, "finished": finished, "lab": "1", "jax": "2", "numpy": "3",
                "git": "abc"}  # fmt: skip
        yield replace(row, provenance=made)


def told(study, store):
    """The paragraph of the prediction, the caption and the last paragraph of the report."""
    found = answers.answers(study, store, replicates=50)
    text = report.markdown(Shown(found, "s"))
    paragraphs = text.split("\n\n")
    return paragraphs[2], exponent_figures.exponents_figure(found)[1], paragraphs[-1]


def test_only_a_prediction_that_was_registered_was_written_before_the_run(tables, tmp_path):
    study = studies.of_tables(tables)
    with Store.write(tmp_path / "s") as store:
        store.add(stored(study))
        for text in told(study, store):
            assert "before" not in text and "registered" not in text
        assert "tolerance 15%. Fitted" in told(study, store)[0]
    with Store.write(tmp_path / "t") as store:
        register(study, store, 0.5 * HOUR)
        store.add(stored(study))
        asked, caption, _ = told(study, store)
        assert (
            "tolerance 15%, written before the run. Fitted" in asked and "Registered" not in asked
        )
        assert "written before the run" in caption


def test_a_prediction_that_changed_is_told_with_what_it_was(tables, tmp_path):
    study = studies.of_tables(tables)
    changed = studies.of_tables(
        tables, ['prediction.exponent="2/d"', 'prediction.sense="equal"', "prediction.rivals=[]"]
    )
    with Store.write(tmp_path / "s") as store:
        register(study, store, 0.5 * HOUR)
        store.add(stored(study))
        asked, caption, made = told(changed, store)
        assert "α = 2/d as an equality, tolerance 15%, changed after the first run. Fitted" in asked
        assert "on 1970-01-01 00:30 UTC: α = 4/d as a lower bound, tolerance 15%;" in asked
        assert "nothing was run since" in asked and "registered first: 3/d." in asked
        assert "changed after the first run" in caption and "before the run" not in caption
        assert "--set 'prediction.exponent=\"2/d\"'" in made
        register(changed, store, 2 * HOUR)
        asked, _, made = told(changed, store)
        assert "what is reported now was registered on 1970-01-01 02:00 UTC" in asked
        assert "no overrides (from 1970-01-01 00:30 UTC on), --set" in made
        # and the first one again is what was written before
        assert "written before the run" in told(study, store)[0]


def test_runs_older_than_the_registration_are_counted(tables, tmp_path):
    study = studies.of_tables(tables)
    with Store.write(tmp_path / "s") as store:
        first, *others = stored(study)
        store.add([first])
        register(study, store, 2 * HOUR)
        store.add(replace(row, provenance={**row.provenance, "finished": 3 * HOUR})
                  for row in others)  # fmt: skip
        asked, caption, _ = told(study, store)
    assert "registered after some of the runs" in asked
    assert "1 of these runs bears an earlier time" in asked
    assert "registered after some of the runs" in caption


def test_the_report_names_machine_versions_time_and_failures(tables, tmp_path):
    study = studies.of_tables(tables, ["training.steps=300"])
    with Store.write(tmp_path / "s") as store:
        one, two, *others = stored(study)
        store.add([replace(one, status="diverged"), replace(two, status="failed"), *others])
        _, _, made = told(study, store)
    assert made.strip() == (
        "Provenance: 15 runs planned: 13 done, 1 diverged, 1 failed. The newest run ended on "
        "1970-01-01 01:00 UTC. All took 2 s, summed over lanes, on simulated. Versions: lab 1, "
        "commit abc, JAX 2, NumPy 3. This is read with --set training.steps=300."
    )


@pytest.fixture
def folder(tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.write(tmp_path / "results/study") as store:
        store.add(stored(studies.of_tables(tables)))
    lab.answer(tables, replicates=50).write()
    return tmp_path / "results/study"


def test_no_report_is_replaced_by_an_emptier_one(tables, folder):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    longer = {**tables, "training": {**tables["training"], "steps": 300}}
    with pytest.raises(StudyError, match="`lab run study.toml` trains what is missing"):
        lab.answer(longer, replicates=50).write()
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    lab.answer(tables, replicates=50).write()  # the same again is the same
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {k: v for k, v in after.items() if "db" not in k} == {
        k: v for k, v in before.items() if "db" not in k
    }


def test_a_smaller_study_replaces_its_report_when_it_is_complete_or_was_trained(tables, folder):
    smaller = {**tables, "student": {"widths": [4, 6, 9], "seeds": 1}}
    assert lab.answer(smaller, replicates=50).write()
    assert lab.answer(tables, replicates=50).write()
    quick = lab.answer(tables, overrides=["student.widths=[4, 6, 9]"], replicates=50)
    assert quick.write() and quick.folder.parent.samefile(folder / "variants")
    fits = json.loads((quick.folder / "fits.json").read_text())
    assert fits["overrides"] == ["student.widths=[4, 6, 9]"]


def test_a_report_that_cannot_be_written_leaves_the_one_before(tables, folder, monkeypatch):
    before = (folder / "report.md").read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(view, "csv_text", full)
    with pytest.raises(StudyError, match="No space left"):
        lab.answer(tables, replicates=50).write()
    assert (folder / "report.md").read_text() == before
    assert not list(folder.glob(".report-*"))


def test_dates_and_options_are_as_they_are_typed():
    assert provenance.date(1.7e9) == "2023-11-14 22:13 UTC"
    assert provenance.options(["a.b=1", 'c="4/d"']) == "--set a.b=1 --set 'c=\"4/d\"'"
