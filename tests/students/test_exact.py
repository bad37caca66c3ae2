"""The one contract of the exact students, which every kind passes."""

import numpy as np
import pytest

from lab.config import study
from lab.kinds.student import STUDENTS as KINDS
from lab.mistakes import StudyError
from lab.students import exact
from lab.students.exact import Exact

STUDENTS = [
    ("kernel", {}),
    ("kernel", {"kernel": "matern", "nu": 1.5, "length": 2.0}),
    ("kernel", {"kernel": "erf-nngp", "depth": 2, "bias": 0.5, "ridge": 1e-3}),
    ("random-features", {"count": 200, "bias": 0.5}),
    ("random-features", {"count": 40, "features": "fourier", "ridge": 1e-6}),
    ("linear", {}),
    ("nearest", {"neighbours": 2}),
    ("simplex", {}),
]


@pytest.fixture(params=STUDENTS, ids=lambda s: "-".join([s[0], *map(str, s[1].values())]))
def student(request):
    return request.param


def data(n=300, d=2, outputs=2):
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.5, 0.5, (n, d))
    return x, np.stack([x[:, 0] + 0.3 * x[:, 1], np.full(n, 0.0)], axis=1)[:, :outputs]


def test_learns_a_linear_target_better_than_its_mean(student):
    kind, settings = student
    x, y = data()
    x_test, y_test = data(n=100)
    predict = exact.learn(kind, settings, x, y, rng=np.random.default_rng(1))
    assert predict(x_test).shape == (100, 2)
    assert np.mean((predict(x_test) - y_test)[:, 0] ** 2) < 0.05 * np.var(y_test[:, 0])
    np.testing.assert_allclose(predict(x_test)[:, 1], 0, atol=1e-12)  # outputs do not mix


def test_is_deterministic_does_not_change_its_data_and_ignores_the_rest_of_a_batch(student):
    kind, settings = student
    x, y = data()
    before = x.copy(), y.copy()
    a, b = (exact.learn(kind, settings, x, y, rng=np.random.default_rng(1)) for _ in range(2))
    x_test, _ = data(n=50)
    np.testing.assert_array_equal(a(x_test), b(x_test))
    np.testing.assert_allclose(a(x_test[:7]), a(x_test)[:7], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal((x, y), before)


def test_scales_with_its_target_and_forgets_the_order_of_its_data(student):
    kind, settings = student
    x, y = data()
    y = y + 0.1 * np.random.default_rng(2).standard_normal(y.shape)
    order = np.random.default_rng(3).permutation(len(x))
    x_test, _ = data(n=50)
    plain, scaled, shuffled = (
        exact.learn(kind, settings, *xy, rng=np.random.default_rng(1))(x_test)
        for xy in ((x, y), (x, -3 * y), (x[order], y[order]))
    )
    np.testing.assert_allclose(scaled, -3 * plain, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(shuffled, plain, rtol=1e-4, atol=1e-4)


def test_counts_what_it_trains():
    learners = {k: table for k, table in KINDS.items() if issubclass(table, Exact)}
    others = ("dimension", "realisable", "perceptron", "committee")
    exact_kinds = {k: table for k, table in learners.items() if k not in others and not table.timed}
    needed = {"ridges": {"units": (8,)}}
    counts = {
        kind: next(table(kind=kind, **needed.get(kind, {})).specs()).parameters(7, 2, 1000)
        for kind, table in exact_kinds.items()
    }
    assert counts == {
        "kernel": 2000, "random-features": 512, "linear": 14, "nearest": 2000, "simplex": 2000,
        "ridges": 56,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("kernels", {}, "student.kind: unknown kind 'kernels'; did you mean 'kernel'"),
        ("kernel", {"kernel": "matern-ntk"}, "unknown covariance 'matern-ntk'; did you mean 'mat"),
        ("kernel", {"kernel": "laplace", "depth": 2}, "unknown setting of laplace kernels 'depth'"),
        ("kernel", {"depth": 1.5}, "student.depth: 1.5 is of the wrong type"),
        ("random-features", {"count": 0}, "student.count: 0 is out of range"),
        ("linear", {"ridge": -1}, "student.ridge: -1 is out of range"),
        ("linear", {"ridge": "1"}, "student.ridge: '1' is of the wrong type"),
        ("simplex", {"domain": "torus"}, "unknown domain 'torus'"),
        ("nearest", {"neighbors": 2}, "did you mean 'neighbours'"),
        ("nearest", {"ridge": 0.1}, 'it belongs to kind = "kernel", "linear", "random-features"'),
    ],
)
def test_mistakes_are_sentences(kind, settings, sentence):
    tables = {
        "question": "Is it refused?",
        "regime": "resolution-data",
        "task": {"manifold": {"kind": "cube", "dim": 2}},
        "student": {"kind": kind, **settings},
        "data": {"sizes": [64, 128, 256]},
    }
    with pytest.raises(StudyError) as caught:
        study.validate(tables)
    assert sentence in "; ".join(caught.value.mistakes)
