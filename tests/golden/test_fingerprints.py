"""The shipped studies plan the runs that they planned: counts by role, order and fingerprints.

A fingerprint that changes makes every stored run of a user an orphan. Numbers in
`fingerprints.json`, made by `regenerate.py`; what they are is told in `fingerprints.py`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lab

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "fingerprints.json"
STUDIES = sorted(file.stem for file in (HERE.parents[1] / "studies").glob("*.toml"))


def printed() -> str:
    """The numbers of this code as JSON, from a process of its own that must not load JAX."""
    done = subprocess.run([sys.executable, HERE / "fingerprints.py"], cwd=HERE.parents[1],
                          env={"PYTHONPATH": str(HERE.parents[1])}, capture_output=True,
                          text=True)  # fmt: skip
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def found():
    return json.loads(printed())


@pytest.fixture(scope="module")
def expected():
    return json.loads(EXPECTED.read_text())


def test_every_shipped_study_has_its_numbers(expected):
    assert sorted(expected) == STUDIES


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_plans_the_same_runs(name, found, expected):
    assert found[name] == expected[name]


FILES = [HERE.parents[1] / "studies" / f"{name}.toml" for name in STUDIES]
FILES += sorted((HERE / "studies").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_study_names_the_recipe_that_it_was_run_with(file):
    """So that a new default of training changes no study that is there."""
    for scan in lab.read(file).scans:
        training = getattr(scan, "training", None)
        assert not scan.trained or getattr(training, "preset", "") != "default", scan.title
