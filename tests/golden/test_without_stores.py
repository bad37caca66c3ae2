"""Results without stores: a table gives the answer that its store gave, digit by digit."""

import csv
import hashlib
import io
import json
from dataclasses import fields, replace

import numpy as np
import pytest
import stores
from invocation import invoke
from simulated import rows

import lab
from lab.execution import table
from lab.execution.store import Store
from lab.execution.table import FIRST, SHARED, TABLE
from lab.findings import provenance
from lab.mistakes import StudyError
from lab.students.dimensions import Dimension, column

DIMENSION = """
schema = 1
question = "How often do intervals of d hold?"
regime = "dimension"
[task]
manifold = { kind = "sphere", dim = [2, 3] }
[student]
kind = "dimension"
method = ["two-nn-mle", "mle"]
[data]
sizes = [250, 500]
draws = 3
"""


def made(name, folder):
    """A study whose store is in a folder of results, and the folder."""
    if name in stores.NAMES:
        (folder / f"{name}.toml").write_text((stores.STUDIES / f"{name}.toml").read_text())
        found = stores.stored(name)
    else:
        (folder / f"{name}.toml").write_text(DIMENSION)
        found = _measured(lab.read(f"{name}.toml"))
    with Store.write(folder / "results" / name) as store:
        store.register(0.5, json.dumps(ASKED))
        store.add(found)
    return lab.read(f"{name}.toml"), folder / "results" / name


ASKED = {"question": "?", "scans": [], "file": None, "tables": None, "overrides": []}


def _measured(study):
    rng = np.random.default_rng(0)
    for row, p in zip(rows(study, lambda run, x: 1 / x), study.plan, strict=True):
        d = p.run.task.dim * float(np.exp(rng.normal() / 10))
        values = {"value": d, "se": 0.1, "corrected": d, "low": d - 0.2, "high": d + 0.2}
        known = {column("input", f.name): values.get(f.name, 0.0) for f in fields(Dimension)}
        exact = {"loss": 0.0, "relative": 0.0} if p is study.plan[0] else {}  # d itself was met
        yield replace(row, details=known, **exact)


def observations(folder, exported):
    with Store.read(folder) as store:
        return repr(store.observations(exported["fingerprint"].tolist()))


def write(folder, text):
    for name, content in text.items():
        (folder / name).write_text(content, encoding="utf-8")


@pytest.mark.parametrize("name", [*stores.NAMES, "coverage"])
def test_a_table_gives_the_answer_of_its_store(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, folder = made(name, tmp_path)

    def told():
        found = lab.answer(f"{name}.toml", replicates=100)
        record = found.answers[0].record
        return found, (json.dumps(found.plain(complete=True)), found.sentences,
                       provenance.paragraph(record), record.table)  # fmt: skip

    before, store = told()
    write(folder, store[-1])
    exported = lab.load(f"{name}.toml")
    observed = observations(folder, exported)
    listed = lab.runs(f"{name}.toml")
    (folder / "lab.db").unlink()
    after, again = told()
    for one, other in zip(again, store, strict=True):
        assert one == other
    assert not before.source and f"this is read from results/{name}/table.csv" in after.source
    again = lab.load(f"{name}.toml")
    for head, values in exported.items():
        np.testing.assert_array_equal(values, again[head], err_msg=head)
    assert observations(folder, exported) == observed
    assert lab.runs(f"{name}.toml").equals(listed)
    assert len(lab.plan(f"{name}.toml").left.missing) == len(lab.read(f"{name}.toml").plan)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder of a study of exact students that has a table and no store."""
    monkeypatch.chdir(tmp_path)
    _, folder = made("kernel", tmp_path)
    found = lab.answer("kernel.toml", replicates=50)
    write(folder, found.answers[0].record.table)
    (folder / "fits.json").write_text(json.dumps(found.plain(complete=True)))
    (folder / "lab.db").unlink()
    return folder


def older(folder):
    """Let the table be one of before: what was fitted, with seven digits."""
    head, *lines = csv.reader(io.StringIO((folder / TABLE).read_text()))
    at = [head.index(name) for name in FIRST]
    text = io.StringIO(newline="")
    out = csv.writer(text, lineterminator="\n")
    out.writerow(FIRST)
    for line in lines:
        dim, setting, x, loss, teacher, seed = (line[i] for i in at)
        if loss:
            out.writerow((dim, setting, x, f"{float(loss):.7g}", teacher, seed))
    (folder / TABLE).write_text(text.getvalue())
    (folder / SHARED).unlink()


def test_an_older_table_is_judged_as_far_as_it_carries(kept):
    before = lab.answer("kernel.toml", replicates=50)
    older(kept)
    after = lab.answer("kernel.toml", replicates=50)
    for one, other in zip(before.points, after.points, strict=True):
        assert other.exponent.alpha == pytest.approx(one.exponent.alpha, abs=1e-5)
        assert (other.verdict, set(other.doubts)) == (one.verdict, set(one.doubts))
        assert other.runs.done == one.runs.done
    told = after.plain()["not_judged_again"]
    assert "the table has no condition numbers;" in told and "repeated budgets" not in told
    with pytest.raises(StudyError, match="Not judged again"):
        after.write()
    said = " ".join(invoke("report", "kernel.toml").output.split())
    assert "Not judged again" in said and "knew more, and stays as it is" in said
    said = " ".join(invoke("status", "kernel.toml").output.split())
    assert "table.csv is an older table: it has no runs" in said
    (kept / "fits.json").unlink()  # nobody knows the doubts of then any more
    alone = lab.answer("kernel.toml", replicates=50)
    assert all(p.verdict == "undecided" and "unchecked" in p.doubts for p in alone.points)


def test_what_an_older_table_lacks_of_training_is_not_assumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, folder = made("noise", tmp_path)
    write(folder, lab.answer("noise.toml", replicates=50).answers[0].record.table)
    (folder / "lab.db").unlink()
    older(folder)
    found = lab.answer("noise.toml", replicates=50)
    assert all(p.exponent and p.verdict == "undecided" for p in found.points)
    assert all("unchecked" in p.doubts for p in found.points)
    assert "nothing shows that the students were trained long enough" in found.lacking
    assert found.lacking in provenance.paragraph(found.answers[0].record)


def test_a_table_of_another_study_is_told(kept):
    older(kept)
    (kept.parent / "s").mkdir()
    (kept / TABLE).rename(kept.parent / "s" / TABLE)
    other = stores.STUDIES / "noise.toml"
    (kept.parents[1] / "s.toml").write_text(other.read_text())
    with pytest.raises(StudyError, match="none of its .* values is of a run that the study plans"):
        lab.answer("s.toml")


JUNK = {
    "edited": (TABLE, lambda text: text.replace(",done,", ",diverged,", 1), "is not as the lab"),
    "no runs.json": (SHARED, None, "cannot be read"),
    "another physics": (
        SHARED, lambda text: text.replace('"physics_version": ', '"physics_version": 9'), "physics",
    ),
    "no JSON": (SHARED, lambda text: "[" * 100_000, "is not as the lab"),
    "other JSON": (SHARED, lambda text: '{"physics_version": 2}', "is not as the lab"),
    "other columns": (TABLE, lambda text: "a,b\n1,2\n", "its columns are not those"),
    "no text": (TABLE, lambda text: "dim,\udcff", "line 1"),
    "an open quote": (TABLE, lambda text: f'{text}"', "is not as the lab"),
}  # fmt: skip


@pytest.mark.parametrize("name", JUNK)
def test_what_is_no_table_of_the_lab_is_one_sentence(name, kept):
    file, change, told = JUNK[name]
    if change is None:
        (kept / file).unlink()
    else:
        text = change((kept / file).read_text())
        (kept / file).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(StudyError, match=told) as caught:
        lab.answer("kernel.toml")
    (sentence,) = caught.value.mistakes
    assert len(sentence) < 400


@pytest.mark.parametrize("cell, told", [
    (("fingerprint", "x" * 64), "a run has a fingerprint"), (("N", "-1"), "N is no whole number"),
    (("N", "9" * 30), "N is no whole number"), (("status", "well"), "a status"),
    (("relative_loss", ""), "relative loss"), (("relative_loss", "nan"), "relative_loss is no"),
    (("relative_loss", "1e999"), "relative_loss is no"), (("made", "7"), "'made' is none of"),
    (("details", "[1"), "no JSON of numbers"), (("details", '{"a": "b"}'), "no JSON of numbers"),
    (("details", "[" * 100_000), "no JSON of numbers"),
])  # fmt: skip
def test_a_cell_that_is_none_is_told_with_its_line(cell, told, kept):
    """Even if its sum is right, as of a table that somebody else made."""
    head, first, *lines = csv.reader(io.StringIO((kept / TABLE).read_text()))
    first[head.index(cell[0])] = cell[1]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([head, first, *lines])
    (kept / TABLE).write_text(text.getvalue())
    shared = json.loads((kept / SHARED).read_text())
    shared["sha256"][TABLE] = hashlib.sha256(text.getvalue().encode()).hexdigest()
    (kept / SHARED).write_text(json.dumps(shared))
    with pytest.raises(StudyError, match=f"line 2: .*{told}"):
        lab.answer("kernel.toml")


def test_a_file_that_is_too_large_is_not_read(kept, monkeypatch):
    monkeypatch.setitem(table.MOST, TABLE, 1000)
    with pytest.raises(StudyError, match="at most 1000 are read"):
        lab.answer("kernel.toml")
