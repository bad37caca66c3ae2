"""The house: imports in one direction, files that can be read, verbs that start at once."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lab import study

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "lab"
# A module may import from its own floor and the floors below it.
FLOORS = [
    {"lab.cli", "lab.__main__"},
    {"lab.show", "lab.templates"},
    {"lab.answers"},
    {"lab.execution"},
    {"lab.students"},
    {"lab.task"},
    {"lab.dimension"},
    {"lab.scaling", "lab.study", "lab.consistency", "lab.planned"},
    {"lab.tables"},
    {"lab.recipe"},
    {"lab.spec"},
    {"lab.catalogue", "lab.theory", "lab.axes"},
    {"lab.mistakes"},
]
NO_JAX = {"lab.axes", "lab.study", "lab.consistency", "lab.planned", "lab.tables", "lab.catalogue",
          "lab.recipe", "lab.spec", "lab.theory", "lab.mistakes", "lab.scaling", "lab.dimension",
          "lab.answers.design", "lab.show.statistics"}  # fmt: skip


def floor(module: str) -> int:
    for number, names in enumerate(FLOORS):
        if any(module == name or module.startswith(name + ".") for name in names):
            return number
    raise AssertionError(f"{module} has no floor in the house")


def modules():
    for file in sorted(LAB.rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), file


def imports(file: Path, *, top_level_only: bool = False):
    tree = ast.parse(file.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""


@pytest.mark.parametrize("name, file", [m for m in modules() if m[0] != "lab"])
def test_imports_go_down(name, file):
    for module, what in imports(file):
        if not module.startswith("lab"):
            continue
        full = (
            f"{module}.{what}"
            if (LAB.parent / module.replace(".", "/") / f"{what}.py").exists()
            else module
        )
        if full == "lab":
            continue
        assert floor(full) >= floor(name), f"{name} imports {full} from a floor above"
        if name.startswith("lab.scaling"):
            assert full.startswith(("lab.scaling", "lab.theory")), f"{name} imports {full}"
        if name.startswith("lab.dimension"):
            below = ("lab.dimension", "lab.mistakes", "lab.scaling.tables")
            assert full.startswith(below), f"{name} imports {full}"
        elif full.startswith("lab.dimension"):
            assert name.startswith(("lab.cli", "lab.show", "lab.answers")), f"{name} imports {full}"


@pytest.mark.parametrize("name, file", [m for m in modules() if m[0] != "lab"])
def test_files_without_jax(name, file):
    if any(name == n or name.startswith(n + ".") for n in NO_JAX):
        assert not {m.split(".")[0] for m, _ in imports(file)} & {"jax", "flax", "optax"}


def test_files_are_short_and_say_what_they_are():
    for _, file in modules():
        text = file.read_text()
        assert text.count("\n") <= 400, f"{file.name} is longer than 400 lines"
        assert not text or ast.get_docstring(ast.parse(text)), f"{file.name} has no docstring"
        assert file.stem not in ("utils", "helpers", "common", "core")


LIGHT = {"jax", "flax", "optax", "matplotlib", "sklearn", "scipy"}
FITTING = LIGHT - {"scipy"}


@pytest.mark.parametrize("arguments, absent", [
    (["--help"], LIGHT), (["fit", "--help"], LIGHT), (["dimension", "--help"], LIGHT),
    (["calibrate", "--help"], LIGHT),
    (["status", "studies/quickstart.toml"], LIGHT), (["plan", "studies/quickstart.toml"], LIGHT),
    (["check", "studies/quickstart.toml"], LIGHT),
    (["calibrate", "studies/quickstart.toml", "--scans", "20", "--alpha", "4/d"], FITTING),
    (["fit", "results/coverage/coverage.csv", "--law", "power", "--x", "teachers", "--loss",
      "width"], FITTING),
])  # fmt: skip
def test_verbs_import_no_more_than_they_need(arguments, absent):
    code = (
        "import sys; sys.argv = ['lab', *sys.argv[1:]]\n"
        "from lab.cli import main\n"
        "try: main()\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        f"assert not {absent} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, check=True,
                   capture_output=True)  # fmt: skip


def test_import_has_no_effect(tmp_path):
    code = "import lab, sys; assert len([m for m in sys.modules if m.startswith('lab')]) == 1"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True,
                   env={"PYTHONPATH": str(ROOT), "PATH": ""})  # fmt: skip
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", sorted((ROOT / "studies").glob("*.toml")), ids=lambda f: f.stem)
def test_every_study_passes_check(file):
    found = study.read(file)
    assert len(found.plan) > 0 and found.question.endswith("?")
