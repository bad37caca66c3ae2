"""Reports of what was run with other settings, or of another study: refused, and the study kept."""

import json
import sys
from dataclasses import replace

import pytest
from invocation import invoke, power, rows

from lab import cli
from lab.config import study as studies
from lab.execution import runner
from lab.execution.store import Store, reports
from lab.mistakes import StudyError

EXACT = """
schema = 1
question = "Who keeps the report?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "nearest"
[data]
sizes = [32, 64, 128]
[prediction]
exponent = "2/d"
"""
MORE = ("--set", "data.sizes=[32, 64, 128, 256]")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(EXACT)
    return tmp_path


VARIANT = "results/s/variants/data.sizes=_32_64_128_256-"


def report(here, folder="results/s"):
    return (here / folder / "report.md").read_text()


def variant(here):
    (found,) = (here / "results/s/variants").iterdir()
    assert str(found.relative_to(here)).startswith(VARIANT)
    return found.relative_to(here)


def test_a_report_with_overrides_has_a_folder_of_its_own_and_rows_are_shared(here):
    assert invoke("run", "s.toml", "--lanes", "1").exit_code == 0
    before = {file.name: file.read_bytes() for file in (here / "results/s").glob("*.*")}
    said = invoke("run", "s.toml", "--lanes", "1", *MORE)
    assert said.exit_code == 0 and "2 runs trained" in said.output
    for name, content in before.items():
        assert "lab.db" in name or (here / "results/s" / name).read_bytes() == content
    mine = variant(here)
    assert f"the report has a folder of its own, {mine};" in " ".join(said.output.split())
    told = report(here, mine)
    assert "written before the run" in told and "8 runs planned: 8 done" in told
    assert "This is read with --set 'data.sizes=[32, 64, 128, 256]'." in told
    fits = json.loads((here / mine / "fits.json").read_text())
    assert fits["overrides"] == [MORE[1]] and fits["study"] == "s"
    page = (here / mine / "report.html").read_text()
    assert "--set &#39;data.sizes=[32, 64, 128, 256]&#39;" in page
    assert "lab run s.toml --set 'data.sizes=[32, 64, 128, 256]' --results again" in page
    plain = (here / "results/s/report.html").read_text()
    assert "lab run s.toml --results again" in plain and ">lab run s.toml</pre>" in plain
    for verb in ("report", "run"):  # there is nothing to train
        assert invoke(verb, "s.toml").exit_code == 0
    assert report(here).startswith(before["report.md"].decode()[:400])
    (here / "results/s/lab.db").unlink()
    assert "2 done" not in invoke("status", "s.toml", *MORE).output
    assert "8 runs planned: 8 done" in invoke("status", "s.toml", *MORE).output
    assert "this is read from results/s/table.csv" in " ".join(
        invoke("status", "s.toml").output.split()
    )
    for verb in (("runs", "s.toml"), ("export", "s.toml", "runs.csv"), ("fit", "s.toml")):
        assert "read from results/s/table.csv" in " ".join(invoke(*verb).output.split())
    written = invoke("figures", "s.toml", "--format", "svg", *MORE)
    assert f"{mine}/figures/losses-double.svg" in written.output
    invoke("report")
    index = (here / "results/index.html").read_text()
    assert 'href="s/report.html"' in index and "variants/data.sizes%3D_32_64_128_256-" in index


def test_names_of_variants_are_apart_and_stay_in_their_folder(tmp_path):
    def name(*overrides):
        found = reports(tmp_path, overrides)
        assert found.parent == tmp_path / "variants" and len(found.name) < 100
        return found.name

    assert name("training.steps=300") == "training.steps=300"
    assert name("a=1", "b=2") == name("b=2", "a=1") != name("a=1")
    assert name("a=1", "a=2") != name("a=2", "a=1")  # of one key the last one holds
    assert name("a=[1, 2]") != name("a=[1 ,2]")
    assert ".." not in name('a="../../x"') and name("a=" + "9" * 500)
    assert reports(tmp_path) == tmp_path


def test_what_was_interrupted_is_gone_on_with_by_the_same_command(here, monkeypatch):
    summary = replace(runner.run(studies.read("s.toml"), here / "x"), interrupted=True, left=3)
    monkeypatch.setattr("lab.run", lambda *_, **__: summary)
    said = invoke("run", "s.toml", "--results", "else where", *MORE, "--until-converged")
    assert said.exit_code == 130
    assert (
        "Go on with: lab run s.toml --set 'data.sizes=[32, 64, 128, 256]' --until-converged "
        "--results 'else where'"
    ) in said.output


def test_a_report_that_is_refused_prints_no_table(here, monkeypatch, capsys):
    invoke("run", "s.toml", "--lanes", "1")
    (here / "s.toml").write_text(EXACT.replace("[32, 64, 128]", "[32, 64, 128, 256, 512]"))
    with Store.write(here / "results/s") as store:
        store.delete([*store.states()][:2])
    monkeypatch.setattr(sys, "argv", ["lab", "report", "s.toml"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    out, err = capsys.readouterr()
    assert out == "" and "tells of 6 finished runs" in err


def test_a_prediction_that_is_edited_after_the_run_is_told(here):
    invoke("run", "s.toml", "--lanes", "1")
    (here / "s.toml").write_text(EXACT.replace("2/d", "3/d"))
    invoke("report", "s.toml")
    assert "α = 3/d as a lower bound, tolerance 15%, changed after the first run" in report(here)
    assert "α = 2/d as a lower bound" in report(here) and "before the run" not in report(here)


def test_another_study_of_the_same_name_neither_trains_nor_reports_there(here):
    invoke("run", "s.toml", "--lanes", "1")
    before = report(here)
    (here / "b").mkdir()
    (here / "b/s.toml").write_text(EXACT.replace("[8]", "[9]"))
    with pytest.raises(StudyError, match="holds the study of s.toml"):
        invoke("run", "b/s.toml")
    with pytest.raises(StudyError, match="nothing stored yet"):
        invoke("report", "b/s.toml")
    assert report(here) == before


def test_a_study_whose_runs_all_diverged_exits_with_3(here, monkeypatch):
    study = studies.read("s.toml")
    with Store.write(here / "results/s") as store:
        store.add(rows(study, power(1.0), diverge=lambda run: True))
    found = invoke("run", "s.toml")
    assert found.exit_code == 3 and "all 6 runs diverged" in found.output
    assert "0 done, 6 diverged" in report(here)
    assert runner.run(study, here / "results/s").useless
