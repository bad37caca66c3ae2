"""Nothing that a person types ends in a traceback: every case of `cases.py` is a sentence.

Refused with code 2, on standard error, at once, with the words that say why; nothing is written.
"""

import json
import os
import sys

import pytest
from cases import FILES, FORMULAS, JSON, OPTIONS, SETS, STUDIES, TABLES

from lab import cli


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """said(files, arguments): what `lab ARGUMENTS` says as it refuses beside these files."""

    def lab(files: dict, *arguments: str) -> str:
        monkeypatch.chdir(tmp_path)
        for name, text in files.items():
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        before = contents(tmp_path)
        monkeypatch.setattr(sys, "argv", ["lab", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        assert caught.value.code == 2, (out, err)
        assert "Traceback" not in out + err
        assert contents(tmp_path) == before
        assert "\x1b" not in err
        return err

    return lab


def contents(folder) -> dict:
    """Every file of a folder and what is in it; a pipe has nothing."""
    return {
        path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


def label(value) -> str:
    return repr(value)[:40]


@pytest.mark.parametrize("name, override, words", SETS, ids=label)
def test_an_override_is_refused(said, name, override, words):
    verb = "plan" if "GiB" in words else "check"
    sentences = said({"s.toml": STUDIES[name]}, verb, "s.toml", "--set", override)
    assert words in sentences
    assert max(map(len, sentences.splitlines())) < 600


@pytest.mark.parametrize("formula, words", FORMULAS, ids=label)
def test_a_formula_is_refused(said, formula, words):
    override = f"prediction.exponent={json.dumps(formula, ensure_ascii=False)}"
    assert words in said({"s.toml": STUDIES["network"]}, "check", "s.toml", "--set", override)


@pytest.mark.parametrize("text, words", FILES, ids=label)
def test_a_file_is_refused(said, text, words):
    sentences = said({"s.toml": text}, "check", "s.toml")
    assert words in sentences
    assert len(sentences.splitlines()) <= 101


@pytest.mark.parametrize("text, options, words", TABLES, ids=label)
def test_a_table_is_refused(said, text, options, words):
    assert words in said({"t.csv": text}, "fit", "t.csv", *options)


@pytest.mark.parametrize("text, words", JSON, ids=label)
def test_a_json_table_is_refused(said, text, words):
    options = ("--law", "power", "--x", "x", "--loss", "y")
    assert words in said({"t.json": text}, "fit", "t.json", *options)


@pytest.mark.parametrize("verb, arguments, words", OPTIONS, ids=label)
def test_a_command_line_is_refused(said, tmp_path, verb, arguments, words):
    for name in ("pipe", "pipe.csv"):
        os.mkfifo(tmp_path / name)
    given = arguments.split(" ") if arguments or verb == "check" else []
    sentences = said({"s.toml": STUDIES["network"]}, verb, *given)
    assert any(word in sentences for word in words), sentences


def test_every_bad_override_is_told_at_once(said):
    sets = ["nonsense", "training.steps=0", "training.batch='x'", "student.widths=[4, 6]",
            "prediction.exponent=4/d"]  # fmt: skip
    options = [part for text in sets for part in ("--set", text)]
    lines = said({"s.toml": STUDIES["network"]}, "check", "s.toml", *options).splitlines()
    assert len(lines) == 5
    assert all(any(line.startswith(f"--set {text}: ") for line in lines) for text in sets)


def test_there_are_many_cases():
    assert len(SETS) + len(FORMULAS) + len(FILES) + len(TABLES) + len(JSON) + len(OPTIONS) > 250
