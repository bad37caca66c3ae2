"""Predictions have the value of their formulas, and are read safely."""

import math
import pickle
import subprocess
import sys

import pytest

from lab import theory
from lab.theory import PredictionError, parse

STUDY = {"d": 8, "p": 2, "a": 2.5, "b": 1.5, "alpha": 0.5, "teacher": 3.0, "student": 1.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4/d", 0.5),
        ("2/d", 0.25),
        ("1", 1.0),
        (1.3, 1.3),
        (4, 4.0),
        ("4/3", 4 / 3),
        ("3/(d-1)", 3 / 7),
        ("4/(d-1)", 4 / 7),
        ("2p/d", 0.5),
        ("(1+1)p/d", 0.5),
        ("(1/2)d", 4.0),
        ("2(a-1)", 3.0),
        ("1/(2d)", 1 / 16),
        ("4/max(d)", 0.5),
        ("min(a-1, 2b)", 1.5),
        ("min(a-1,2*b)", 1.5),
        ("kernel(teacher, student)", 3 / 8),
        ("alpha", 0.5),
        ("-d+9", 1.0),
        ("-2^2", -4.0),
        ("2^-1", 0.5),
        ("1e-2", 0.01),
        (" .5d ", 4.0),
    ],
)
def test_a_prediction_has_the_value_of_its_formula(text, value):
    assert parse(text).value(STUDY) == pytest.approx(value, rel=1e-15)


def test_d_of_a_product_is_the_sum_and_max_d_its_largest_factor():
    product = {"d": (3, 2, 3)}
    assert parse("4/d").value(product) == 0.5
    assert parse("4/max(d)").value(product) == 4 / 3
    assert parse("4/min(d)").value(product) == 2.0
    assert parse("4/max(d)").value({"d": 3}) == 4 / 3


def test_symbols_are_exactly_what_value_needs():
    assert parse("2p/d").symbols == ("d", "p")
    assert parse("4/3").symbols == ()
    assert parse("kernel(teacher, student)").symbols == ("d", "student", "teacher")
    for name in theory.SYMBOLS:
        assert parse(name).value({name: 0.75}) == 0.75
    with pytest.raises(PredictionError, match=r"needs 'p' \(power of the loss.*it has d"):
        parse("2p/d").value({"d": 8})


@pytest.mark.parametrize("text", ["2p/d", "2*p/d", " 2 p / d", "(2p)/d", "((2)*p)/(d)"])
def test_a_formula_is_one_however_it_is_written(text):
    assert parse(text).canonical == parse("2p/d").canonical
    assert parse(parse(text).canonical.replace("**", "^")).value(STUDY) == 0.5


@pytest.mark.parametrize("text", ["2/d*p^2", "2(p/d)", "p/d", "2p/(d-1)", "2d/p"])
def test_formulas_that_differ_are_not_one(text):
    assert parse(text).canonical != parse("2p/d").canonical


def test_a_prediction_is_a_value():
    assert parse("4/d") == parse(" 4/d ") != parse("2/d")
    assert hash(parse("4/d")) == hash(parse("4/d"))
    assert pickle.loads(pickle.dumps(parse("2p/d"))).value(STUDY) == 0.5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("4/dd", "unknown symbol 'dd' .* did you mean 'd'"),
        ("4/D", "unknown symbol 'D' .* did you mean 'd'"),
        ("4/techer", "did you mean 'teacher'"),
        ("1/2d", "ambiguous"),
        ("1/(d)p", "ambiguous"),
        ("", "not a formula"),
        ("4/", "not a formula"),
        ("4/(d", "not a formula"),
        ("2 d d", "not a formula"),
        ("d@p", "not a formula"),
        ("4/d; 1", "not a formula"),
        ("4//d", "uses more than"),
        ("d.real", "uses more than"),
        ("d,p", "uses more than"),
        ("True", "uses more than"),
        ("d if p else a", "uses more than"),
        ("min(*d)", "uses more than"),
        ("__import__('os').getcwd()", "not a formula"),
        ("__import__(d)", "cannot call"),
        ("d(2)", r"cannot call 'd'.*\*"),
        ("min()", "write it as in"),
        ("max", "write it as in"),
        ("kernel(teacher)", r"kernel\(teacher, student\)"),
        ("(" * 200 + "d" + ")" * 200, "401 characters"),
        (True, "number or a formula"),
        (math.nan, "finite"),
        (math.inf, "finite"),
    ],
)
def test_what_is_no_prediction_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(PredictionError, match=sentence):
        parse(text)


@pytest.mark.parametrize("text", ["4/(d-8)", "9^9^9^9", "(-8)^(1/3)", "2e999", "0^-1"])
def test_a_value_that_is_no_finite_number_is_refused(text):
    with pytest.raises(PredictionError, match="no finite value"):
        parse(text).value(STUDY)


@pytest.mark.parametrize(
    ("d", "nu_teacher", "nu_student", "exponent"),
    [(1, 0.5, 0.5, 1.0), (1, 1.5, 0.5, 3.0), (2, 1.5, 0.5, 1.5), (3, 0.5, 0.5, 1 / 3),
     (4, 1.5, 1.5, 0.75), (1, 9.0, 0.5, 4.0)],
)  # fmt: skip
def test_kernel_teacher_and_student_as_published(d, nu_teacher, nu_student, exponent):
    teacher = theory.smoothness("matern", nu=nu_teacher)
    student = theory.smoothness("matern", nu=nu_student)
    assert theory.kernel(d, teacher, student) == pytest.approx(exponent)


def test_smoothness_of_kernels():
    assert theory.smoothness("matern", nu=0.5) == theory.smoothness("laplace")
    assert theory.kernel(3, math.inf, theory.smoothness("laplace")) == pytest.approx(8 / 3)
    with pytest.raises(PredictionError, match="positive dimension, got 0"):
        theory.kernel(0, 1.0, 1.0)
    with pytest.raises(PredictionError, match="analytic"):
        theory.kernel(3, math.inf, math.inf)
    with pytest.raises(PredictionError, match="did you mean 'matern'"):
        theory.smoothness("mattern")
    with pytest.raises(PredictionError, match="nu > 0"):
        theory.smoothness("matern")


def test_the_import_is_cheap():
    code = "import sys, lab.theory; print({'numpy', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
