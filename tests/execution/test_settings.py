"""Which engine: what was asked last wins, and what makes no sense is one sentence."""

import pytest
from invocation import invoke

from lab.execution import settings
from lab.execution.processes import Processes
from lab.execution.settings import Settings
from lab.execution.threads import Threads
from lab.mistakes import StudyError


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(settings.VARIABLE)


def test_the_command_goes_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    assert Settings.found(tmp_path) == Settings()
    (tmp_path / "lab.toml").write_text('[engine]\nname = "threads"\nlanes = 3\n')
    assert Settings.found(tmp_path) == Settings("threads", 3)
    monkeypatch.setenv(settings.VARIABLE, "processes")
    assert Settings.found(tmp_path) == Settings("processes", 3)
    assert Settings.found(tmp_path, name="threads", lanes=None).name == "threads"
    assert isinstance(Settings("threads").engine(), Threads)
    assert isinstance(Settings().engine(), Processes)
    assert Settings("threads", 3).engine(2).start().lanes == 2


@pytest.mark.parametrize("text, words", [
    ('[engine]\nname = "dusk"', "did you mean 'dask'"),
    ("[engine]\nlane = 2", "did you mean 'lanes'"),
    ("[engine]\nworkers = 0", "workers is 0; give a whole number"),
    ("[engine]\nlanes = true", "lanes is True"),
    ("[engine]\nscheduler = 8786", "give an address"),
    ('engine = "dask"', "write it as a table"),
    ("[motor]\n", "unknown table 'motor'"),
    ("[engine", "not TOML"),
])  # fmt: skip
def test_a_wrong_file_is_a_sentence_with_its_name(tmp_path, text, words):
    (tmp_path / "lab.toml").write_text(text)
    with pytest.raises(StudyError) as caught:
        Settings.found(tmp_path)
    (sentence,) = caught.value.mistakes
    assert words in sentence and sentence.startswith(f"{tmp_path / 'lab.toml'}: ")


@pytest.mark.parametrize("asked, words", [
    ({"name": "dusk"}, "did you mean 'dask'"),
    ({"name": "dask"}, "`scheduler`: say where"),
    ({"name": "slurm"}, "`workers`: say how many"),
    ({"scheduler": "tcp://127.0.0.1:1"}, "`scheduler` is of engine dask"),
    ({"name": "dask", "workers": 2}, "`workers` is of engine slurm"),
])  # fmt: skip
def test_what_does_not_fit_together_is_a_sentence(asked, words):
    with pytest.raises(StudyError) as caught:
        Settings.found(**asked).engine()
    (sentence,) = caught.value.mistakes
    assert words in sentence


@pytest.mark.parametrize("name, more", [("dask", {"scheduler": "tcp://127.0.0.1:1"}),
                                        ("slurm", {"workers": 2})])  # fmt: skip
def test_without_dask_the_extra_is_named(monkeypatch, name, more):
    monkeypatch.setattr("lab.execution.cluster.find_spec", lambda module: None)
    with pytest.raises(StudyError, match=r"scaling-lab\[cluster\]"):
        Settings.found(name=name, **more).engine()


def test_the_engine_of_a_command_is_no_part_of_the_study(make_tables, tmp_path, monkeypatch):
    """The same runs, whatever trained them: the second command finds everything stored."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab.toml").write_text('[engine]\nname = "threads"\n')
    (tmp_path / "s.toml").write_text(STUDY)
    assert "6 runs trained" in invoke("run", "s.toml", "--no-report").output
    (tmp_path / "lab.toml").write_text('[engine]\nname = "processes"\n')
    assert "nothing to train" in invoke("run", "s.toml", "--no-report", "--engine",
                                        "threads").output  # fmt: skip


STUDY = """
question = "Is it exact?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = [2] }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "nearest"
[data]
sizes = [32, 64, 128]
"""
