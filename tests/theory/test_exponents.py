"""The catalogue of known exponents: its values against one another and against the kernel formula,
and that it knows what the shipped studies predict."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from lab.config import study
from lab.models import RandomFeaturesRidge
from lab.theory import KNOWN, SYMBOLS, PredictionError, kernel, known, parse, smoothness
from lab.theory.formula import WORKED_OUT

STUDIES = Path(__file__).parents[2] / "studies"


def value(text, **symbols):
    return parse(known(text).formula).value(symbols)


def test_the_ladder_of_exponents():
    assert [value(text, d=4) for text in ("1/d", "2/d", "4/d")] == [0.25, 0.5, 1.0]
    assert value("2p/d", d=8, p=4) == 1.0 and value("2p/d", d=7, p=2) == value("4/d", d=7)
    assert value("4/max(d)", d=(3, 3, 3)) == value("4/d", d=3) > value("4/d", d=(3, 3, 3))
    assert value("1") == 1.0


@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("student", ["relu-nngp", "relu-ntk", "gaussian"])
def test_a_relu_network_teacher_is_a_field_on_the_sphere(d, student):
    field = kernel(d - 1, smoothness("relu-nngp"), smoothness(student))
    assert value("3/(d-1)", d=d) == field
    assert value("kernel(teacher, student)", d=d - 1, teacher=3.0, student=1.0) == field


def test_spectral_exponents():
    assert value("min(a-1, 2b)", a=2.5, b=1.5) == 1.5
    assert value("min(a-1, 2b)", a=9.0, b=1.5) == 3.0
    assert value("(a-1)/b", a=2.5, b=1.5) == 1.0
    # isotropic weights: a = b = 1 + α_K, and the random features are the model of eigenlearning
    assert value("alpha", alpha=0.5) == value("min(a-1, 2b)", a=1.5, b=1.5)


@pytest.mark.parametrize("a, b", [(2.0, 1.5), (3.5, 1.5)])
def test_data_and_features_are_worth_the_same_only_while_the_target_is_hard(a, b):
    i, some = np.arange(1, 100_001.0), np.array([100, 400])
    model = RandomFeaturesRidge(i**-b, i ** (-a / 2), 0.0)
    by_features = -np.diff(np.log(model.risk(np.inf, some)))[0] / np.log(4)
    by_data = -np.diff(np.log(model.risk(some, np.inf)))[0] / np.log(4)
    assert by_features == pytest.approx(value("min(a-1, b)", a=a, b=b), abs=0.05)
    assert by_data == pytest.approx(value("min(a-1, 2b)", a=a, b=b), abs=0.06)


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.formula)
def test_every_entry_is_a_formula_with_a_source(entry):
    assert set(parse(entry.formula).symbols) <= set(SYMBOLS)
    assert "arXiv" in entry.source and all(entry)
    assert known(f" {entry.formula.replace('/', ' / ')} ") is entry  # so no two are the same


def predictions(table):
    """The exponents under every [prediction] of a file."""
    claims = table.get("prediction", ())
    for claim in claims if isinstance(claims, list) else [claims]:
        if "exponent" in claim:
            yield claim["exponent"]
    for part in table.get("panel", ()):
        yield from predictions(part)


MEASURED = {"kl-teachers": (0.607,), "selection-networks": ("2.2/d",)}
"""Predictions that no theory has: a published number, and the exponent of exact students before the
same targets, whose file says where it comes from."""


@pytest.mark.parametrize("file", sorted(STUDIES.glob("*.toml")), ids=lambda file: file.stem)
def test_what_a_shipped_study_predicts_is_known(file):
    tables = tomllib.loads(file.read_text())
    found = [*predictions(tables)]
    claimed = [claim for scan in study.read(file).scans for claim in scan.claims]
    of_alpha = {claim.text for claim in claimed if claim.quantity == "alpha"}
    assert found or of_alpha <= {*WORKED_OUT}
    found = [text for text in found if text not in MEASURED.get(file.stem, ())]
    assert all(text in WORKED_OUT or known(text) for text in found)


def test_what_nobody_derived_is_not_known():
    assert known("5/d") is None and known(1.3) is None and known("4/(d+1)") is None
    with pytest.raises(PredictionError, match="unknown symbol"):
        known("4/D")
