"""Pages for readers: links lead somewhere, the first page is short, and its commands work.

Every TOML block of README and docs/ is checked as `lab check` checks a file, completed by a study
of its regime where it is a part of one; every command is parsed with its options. README's commands
are run, made short by overrides, and the tutorial as it is, both under the mark `long`. A block
that cannot be checked stands behind a comment `<!-- not checked: why -->`.
"""

import doctest
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from invocation import invoke

from lab.cli.verbs import app
from lab.config import study
from lab.execution.settings import Settings
from lab.mistakes import StudyError

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "studies" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    gone = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not gone, f"{page.name}: {gone}"


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 150 and len(text.encode()) <= 8_000
    assert (ROOT / "docs" / "page.png").stat().st_size <= 120_000


def test_every_page_has_a_place_in_the_site():
    """MkDocs refuses a page of `nav` that does not exist, so that only the other way is asked."""
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    assert all(f": {page.name}\n" in nav for page in (ROOT / "docs").glob("*.md"))


GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^(<!-- not checked: .*? -->\n+)?```(\w*)\n(.*?)^```", re.M | re.S)
REST = "width-exponent-small"
"""The study that completes a block without a regime."""


def completions(regime: str | None) -> Iterator[dict]:
    """The tables of every study, or panel, of this regime."""
    for file in sorted((ROOT / "studies").glob("*.toml" if regime else f"{REST}.toml")):
        top = tomllib.loads(file.read_text())
        panels = top.pop("panel", [{}])
        for panel in panels:
            tables = {**top, **panel}
            if regime in (None, tables.get("regime")):
                yield {key: value for key, value in tables.items() if key != "title"}


def blocks(page: Path, *languages: str) -> list[str]:
    found = BLOCK.findall(page.read_text())
    return [text for skip, language, text in found if language in languages and not skip]


TOML = [pytest.param(text, id=f"{page.name}-{i}") for page in GUIDES
        for i, text in enumerate(blocks(page, "toml"))]  # fmt: skip


@pytest.mark.parametrize("text", TOML)
def test_toml_blocks_are_valid(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAB_ENGINE", raising=False)
    rows = [f"{i % 7},{i % 11 + i / 900},{i % 13},{i * i % 17 + i / 70}" for i in range(1500)]
    (tmp_path / "table.csv").write_text("size,age,rooms,price\n" + "\n".join(rows) + "\n")
    tables = tomllib.loads(text)
    if "engine" in tables:
        (tmp_path / "lab.toml").write_text(text)
        assert Settings.found(tmp_path).name == tables["engine"]["name"]
        return
    whole = [{}] if "schema" in tables else completions(tables.get("regime"))
    mistakes = []
    for rest in whole:
        try:
            assert len(study.of_tables({**rest, **tables}).plan) > 0
            return
        except StudyError as error:
            mistakes += error.mistakes
    pytest.fail("; ".join(mistakes) or "no study has this regime")


def commands(page: Path) -> list[str]:
    """The lab commands of a page, of its blocks and within its sentences."""
    lines = "\n".join(blocks(page, "", "sh")).replace("\\\n", " ").splitlines()
    shown = [line.partition("#")[0].removeprefix("$ ").strip() for line in lines]
    inline = re.findall(r"`(lab [a-z-]+ [^`]+)`", page.read_text())
    return [line for line in [*shown, *inline] if line.startswith("lab ") and "…" not in line]


COMMANDS = sorted({line for page in GUIDES for line in commands(page)})
VERBS = typer.main.get_command(app).commands


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_have_the_options_that_are_shown(line):
    name, *arguments = shlex.split(re.sub(r"[\[\]]", "", line))[1:]
    assert name in VERBS
    try:
        VERBS[name].make_context(name, arguments)
    except click.exceptions.Exit:  # --help, --list
        pass


SHORT = ("training.steps=60", "training.batch=32", "student.widths=[4, 6, 8]",
         "task.manifold.dim=4", "task.teacher.count=2", "evidence.share=0.5",
         "evidence.budgets=[2.0]", "evidence.slower=[]")  # fmt: skip


@pytest.mark.long
def test_the_commands_of_the_readme_run(tmp_path, monkeypatch):
    """On the study of the README, made short; `lab run` writes what the README names."""
    monkeypatch.chdir(tmp_path)
    (text,) = blocks(ROOT / "README.md", "toml")
    Path("mine.toml").write_text(text)
    short = [word for one in SHORT for word in ("--set", one)]
    x = "\n".join(f"{2**i},{3 * 2 ** (-i / 2) + 0.1 + 0.001 * (i % 3)}" for i in range(4, 14))
    Path("runs.csv").write_text(f"N,loss\n{x}\n")
    ran = set()
    for line in commands(ROOT / "README.md"):
        name, *arguments = shlex.split(line)[1:]
        if name in ("check", "plan", "run", "report"):
            arguments += short
        if name == "init":
            arguments = ["other.toml"]
        if name != "dimension":
            result = invoke(name, *arguments)
            assert result.exit_code == 0, f"{line}: {result.output}"
            ran.add(name)
    assert ran == {"init", "check", "plan", "run", "report", "fit"}
    assert [*Path("results/mine").rglob("report.html")]


@pytest.mark.long
def test_the_tutorial_runs_as_it_is_printed():
    failed, tried = doctest.testfile(str(ROOT / "docs" / "index.md"), module_relative=False)
    assert tried > 20 and not failed


def cells(text: str) -> list[list[str]]:
    """The rows of a table as rich draws it."""
    rows = [line.strip("│ ").split("│") for line in text.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in row] for row in rows]


@pytest.mark.long
def test_the_dimensions_of_digits_are_those_of_the_page():
    page = cells((ROOT / "docs" / "dimension.md").read_text())
    assert len(page) == 8 and page == cells(invoke("dimension", "digits").output)


def test_students_that_the_page_on_engines_leaves_on_the_cpu_import_no_jax():
    import inspect
    import sys

    import lab.students  # every kind
    from lab.kinds.student import STUDENTS

    text = " ".join((ROOT / "docs" / "engines.md").read_text().split())
    told = text[text.index("on the CPU only") :].split(". ")[0]
    named = set(re.findall(r"`([a-z-]+)`", told))
    assert named == {kind for kind, table in STUDENTS.items() if not table.trained}
    assert lab.students is not None
    for kind in named - {"dimension"}:  # whose estimators are in lab.dimension
        source = inspect.getsource(sys.modules[STUDENTS[kind].__module__])
        assert not re.search(r"^\s*(import|from) jax\b", source, re.MULTILINE), kind
