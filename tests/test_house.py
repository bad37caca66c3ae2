"""The house: imports in one direction, files that can be read, verbs that start at once."""

import ast
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import typechecker
from beartype.roar import BeartypeCallHintViolation

from lab.config import study
from lab.execution import settings
from lab.students import linear, random_features

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "lab"
NO_JAX = {"lab.config", "lab.grids", "lab.regimes", "lab.tables", "lab.spec", "lab.theory",
          "lab.mistakes", "lab.models", "lab.files", "lab.canonical", "lab.scaling",
          "lab.dimension", "lab.data.reading", "lab.data.user_data", "lab.findings.calibrated",
          "lab.report.verb_tables", "lab.report.fitted"}  # fmt: skip

# A study is checked by these, which import JAX where points are drawn, inside functions.
JAX_IN_FUNCTIONS = {f"lab.data.{name}" for name in ("activations", "covariances", "manifolds",
                                                    "spectra", "task", "teachers")}  # fmt: skip


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
def test_files_without_jax(name, file):
    if any(name == n or name.startswith(n + ".") for n in NO_JAX):
        assert not {m.split(".")[0] for m, _ in imports(file)} & {"jax", "flax", "optax"}
    if name in JAX_IN_FUNCTIONS:
        top = imports(file, top_level_only=True)
        assert not {m.split(".")[0] for m, _ in top} & {"jax", "flax", "optax"}


def test_imports_go_down_and_in_no_circle():
    """The contracts are in pyproject.toml, under `importlinter`."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_class_name_occurs_once():
    classes = [
        node.name
        for _, file in modules()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    assert not {name for name in classes if classes.count(name) > 1}


def test_files_are_short_and_say_what_they_are():
    for _, file in modules():
        text = file.read_text()
        assert text.count("\n") <= 600, f"{file.name} is longer than 600 lines"
        assert not text or ast.get_docstring(ast.parse(text)), f"{file.name} has no docstring"
        assert file.stem not in ("utils", "helpers", "common", "core")


OPENS = re.compile(r"(What|Which|Who|Whose|Whether|Where|When|Why|How|Of|Told|Said|Asked)\b")


def strings_that_stand_alone(file: Path):
    """Docstrings of modules, classes and functions, and those below a constant or a field."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                yield node.lineno, node.value.value


def test_docstrings_open_with_a_noun_or_an_imperative():
    assert not [
        f"{file}:{line}"
        for _, file in modules()
        for line, text in strings_that_stand_alone(file)
        if OPENS.match(text.strip())
    ]


LIGHT = {"jax", "flax", "optax", "matplotlib", "sklearn", "scipy"}
BARE = LIGHT | {"pydantic", "numpy", "rich"}
FITTING = LIGHT - {"scipy"}


@pytest.mark.parametrize("arguments, absent", [
    (["--help"], BARE), (["--version"], BARE), (["run", "--help"], BARE - {"pydantic"}),
    (["fit", "--help"], LIGHT), (["dimension", "--help"], LIGHT),
    (["calibrate", "--help"], LIGHT),
    (["status", "studies/size.toml"], LIGHT), (["plan", "studies/size.toml"], LIGHT),
    (["check", "studies/size.toml"], LIGHT), (["check", "studies/quickstart.toml"], FITTING),
    (["fit", "studies/size.toml", "--json", "--results", "none"], FITTING),
    (["calibrate", "studies/size.toml", "--scans", "20", "--alpha", "4/d"], FITTING),
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


def test_types_and_shapes_are_checked_while_the_tests_run():
    """Of what takes shapes and of what takes none, in calls and in results."""
    with pytest.raises(BeartypeCallHintViolation):
        for _ in range(typechecker.THEN):  # of a function of many calls one in some is checked
            with suppress(ValueError):
                linear.learn(np.zeros((3, 2)), np.zeros((4, 1)))  # D is 3 and 4
    with pytest.raises(BeartypeCallHintViolation):
        random_features.expected_risk("4", features=2, samples=9)
    with pytest.raises((BeartypeCallHintViolation, jaxtyping.TypeCheckError)):
        linear.LinearRegression(np.zeros(3), 1)  # weights are a matrix
    with pytest.raises(BeartypeCallHintViolation):
        settings.Settings(lanes="4")


def test_a_function_within_another_is_checked_where_it_is_first_made():
    def within():
        def half(number: float) -> float:
            return number / 2

        return typechecker.jaxtyped(half)

    with pytest.raises(BeartypeCallHintViolation):
        within()("4")


def test_a_worker_knows_every_kind():
    """It imports the package of the students and no regime, so the package imports all of them."""
    for package in ("data", "kinds", "students"):
        folder = LAB / package
        registers = {f.stem for f in folder.glob("*.py") if ".add\nclass" in f.read_text()}
        assert registers <= {what for _, what in imports(folder / "__init__.py")}
    elsewhere = [name for name, file in modules() if "STUDENTS.add\nclass" in file.read_text()]
    assert all(name.startswith("lab.students.") for name in elsewhere)
