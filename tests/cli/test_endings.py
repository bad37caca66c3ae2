"""The command line on a terminal, in a pipe and on a full disk; how it ends, by exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from invocation import invoke, power, rows
from matplotlib.text import Text
from pseudo import ROOT, on_terminal

import lab
from lab import cli
from lab.config import study as studies
from lab.execution.store import Store

STUDY = """
schema = 1
question = "Does [/b] hold, and [p] of $x_{$?"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [8], activation = "tanh", count = 3 }
[data]
sizes = [64, 128, 256, 512, 1024]
[[panel]]
title = "$x_{$ [/b]"
regime = "resolution-data"
student = { kind = "nearest" }
[[panel]]
title = "simplices"
regime = "resolution-data"
student = { kind = "simplex" }
"""
PIPE = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
QUICK = ("JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS", "LAB_CACHE")
"""What the tests say of the compilation of programs, for a child that trains."""


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("LAB_RESULTS", raising=False)
    (tmp_path / "s.toml").write_text(STUDY)
    with Store.write(tmp_path / "results/s") as store:
        for panel in studies.read("s.toml").panels:
            store.add(rows(panel, power(lambda d: 2 / d), noise=0.01, seed=1))
    return tmp_path


def shell(command, **environment):
    """Exit code of `lab`, output and errors of a shell's line in which $LAB is the lab."""
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True,
        env={**PIPE, "LAB": f"{sys.executable} -m lab", **environment}, timeout=300,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr and "Exception" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_eighty_columns_read_without_a_folded_word(stored):
    code, text = on_terminal("fit", "s.toml", columns=80, NO_COLOR="1")
    assert code == 0 and "\x1b" not in text
    lines = text.split("\n")
    assert max(map(len, lines)) <= 80
    assert "Does [/b] hold, and [p] of $x_{$?" in text
    for word in ("prediction", "95 % interval", "verdict"):
        assert sum(word in line for line in lines if line.startswith("┃")) == 1


def test_forty_columns_are_a_list(stored):
    code, text = on_terminal("fit", "s.toml", columns=40, NO_COLOR="1")
    assert code == 0 and max(map(len, text.split("\n"))) <= 40
    assert "d 2, $x_{$ [/b]" in text and "\n  verdict " in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_other_encodings_degrade(stored, encoding):
    code, out, _ = shell("$LAB fit s.toml", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert code == 0 and "alpha" in out


def test_the_report_of_a_title_with_dollars_is_drawn(stored):
    figures = lab.answer("s.toml", replicates=50).figures()
    assert {"losses", "local"} <= set(figures)
    words = []
    for figure in figures.values():
        figure.draw_without_rendering()
        words += [text.get_text() for text in figure.findobj(Text)]
    assert any("x_{" in text and "[/b]" in text for text in words)


@pytest.mark.parametrize("command, code", [
    ("$LAB runs s.toml --limit 0 --json | head -0", 141),
    ("$LAB runs s.toml > /dev/full", 2),
    ("$LAB status s.toml > /dev/full", 2),
    ("$LAB --help > /dev/full", 2),
    ("$LAB export s.toml no/such/x.csv", 2),
    ("$LAB export s.toml results.csv", 2),
    ("$LAB init no/such/a.toml", 2),
    ("$LAB run s.toml --results s.toml", 2),
    ("$LAB status s.toml", 0),
])  # fmt: skip
def test_every_end_has_its_code_and_a_sentence(stored, command, code):
    (stored / "results.csv").mkdir()
    found, out, errors = shell(command)
    assert found == code or (code == 141 and found == 0)  # the reader may go after the last letter
    assert len(errors.splitlines()) == (1 if code == 2 else 0)


def test_a_reader_that_goes_away_is_told_by_the_code(stored):
    """More text than a pipe holds, so that the writer meets the closed end."""
    code, _, errors = shell("$LAB runs s.toml --json --limit 999 | true")
    assert (code, errors) in ((141, ""), (0, ""))


def test_training_into_a_pipe_that_closes_is_stored(stored):
    small = "--set task.manifold.dim=2 --set task.teacher.count=2 --set 'data.sizes=[16,32,64]'"
    (stored / "t.toml").write_text(STUDY)
    quick = {name: os.environ[name] for name in QUICK}
    code, _, errors = shell(f"$LAB run t.toml --lanes 1 {small} > /dev/full", **quick)
    assert code == 2 and errors.splitlines()[-1].startswith("the output: No space left")
    state = json.loads(shell(f"$LAB status t.toml --json {small}")[1])
    assert state["left"] == 0 and state["done"] == state["planned"] > 0


@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_ctrl_c_is_heard_at_once(stored, seconds):
    """Before, during and after the import of what is heavy."""
    (stored / "t.toml").write_text(STUDY)
    process = subprocess.Popen(
        [sys.executable, "-c",
         "from lab.cli import ending\n"
         "import sys, time\n"
         "with ending.signal_handlers():\n"
         "    print('ready', flush=True)\n"
         f"    time.sleep({seconds} - 0.2)\n"
         "    import jax; time.sleep(60)"],
        env=PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.split() == ["Interrupted."]


def test_a_defect_is_two_lines_and_a_file(stored, monkeypatch, capsys):
    def fails(*_, **__):
        raise RuntimeError("on purpose\nand more")

    monkeypatch.setattr(lab, "plan", fails)
    monkeypatch.setattr(sys, "argv", ["lab", "status", "s.toml"])
    monkeypatch.setattr("tempfile.tempdir", str(stored))
    with pytest.raises(SystemExit) as caught:
        cli.main()
    first, second = capsys.readouterr().err.splitlines()
    assert caught.value.code == 1 and "lab status s.toml" in first and "on purpose" in first
    (file,) = stored.glob("lab-defect-*.txt")
    assert str(file) in second and "Traceback" in file.read_text()


def test_version_help_and_the_folder_of_results(stored, monkeypatch):
    assert lab.__version__ in invoke("--version").output
    assert invoke("-h").output == invoke("--help").output
    assert "Exit codes" in invoke("-h").output and "LAW" in invoke("fit", "-h").output
    monkeypatch.setenv("LAB_RESULTS", str(Path("elsewhere")))
    assert json.loads(invoke("status", "s.toml", "--json").output)["done"] == 0
    monkeypatch.setenv("LAB_RESULTS", "results")
    assert json.loads(invoke("status", "s.toml", "--json").output)["left"] == 0
    assert "verdict" in invoke("fit", "s.toml").output


@pytest.mark.parametrize("words, offered, others", [
    ("lab fit t.csv --law chin", "chinchilla", "power"),
    ("lab fit t.csv --sense ", "bound", "chinchilla"),
    ("lab fit t.csv --residual ", "raw", "bound"),
    ("lab init --preset quick", "quickstart", "size"),
    ("lab runs s.toml --status dive", "diverged", "done"),
])  # fmt: skip
def test_values_complete(words, offered, others):
    environment = {"_LAB_COMPLETE": "complete_bash", "COMP_WORDS": words,
                   "COMP_CWORD": str(len(words.split(" ")) - 1)}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv = ['lab']; from lab.cli import main; main()"],
        env=PIPE | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert offered in done.stdout.split() and others not in done.stdout.split()
