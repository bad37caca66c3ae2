"""Known answers from one end to the other: study tables, runs, store, verdict.

Every student here is exact and every prediction a theorem about an asymptote. The lab agrees, or it
is undecided and says which premise does not hold; it never contradicts.
"""

import pytest

from lab.config import study as studies
from lab.data import sets
from lab.execution import runner
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.mistakes import StudyError
from lab.students import exact

PREMISES = {"coarse", "late", "extrapolated", "distractors"}
NETWORK = {"widths": [16], "activation": "tanh", "bias": 0.5, "count": 4}
SIZES = [256, 512, 1024, 2048, 4096]
NEAREST = {"kind": "nearest"}
SIMPLEX = {"kind": "simplex"}


@pytest.fixture(autouse=True)
def few_test_points(monkeypatch):
    monkeypatch.setattr(exact, "TEST_POINTS", 2_000)
    monkeypatch.setattr(sets, "FIELD_TEST_POINTS", 800)


def local(student, manifold, *, exponent="2/d", embedding=None, sizes=SIZES):
    """A smooth network on a manifold, before students that look at nearby points only."""
    return {
        "question": "Is it a rung of the ladder?",
        "regime": "resolution-data",
        "task": {"manifold": manifold, "teacher": NETWORK}
        | ({"embedding": embedding} if embedding else {}),
        "student": student,
        "data": {"sizes": sizes},
        "prediction": {"exponent": exponent, "sense": "equal", "tolerance": 0.06},
    }


def field(teacher, student, *, d=2, tolerance=0.05, sizes=(128, 256, 512, 1024, 1536)):
    """A Matérn field on the sphere under a Matérn kernel."""
    return {
        "question": "Does the kernel learn with min(alpha_T - d, 2 alpha_S)/d?",
        "regime": "resolution-data",
        "task": {"manifold": {"kind": "sphere", "dim": d},
                 "teacher": {"kind": "field", "covariance": "matern", "nu": teacher, "count": 4,
                             "outputs": 8}},
        "student": {"kind": "kernel", "kernel": "matern", "nu": student, "inputs": "raw"},
        "data": {"sizes": list(sizes)},
        "prediction": {"exponent": "kernel(teacher, student)", "sense": "equal",
                       "tolerance": tolerance},
    }  # fmt: skip


def cube(d):
    return {"kind": "cube", "dim": d}


def answered(tables, path):
    """The points of a study that was run for real."""
    study = studies.validate(tables)
    summary = runner.run(study, path, lanes=1)
    assert summary.failed == summary.diverged == summary.left == 0, summary.first_error
    with Store.read(path) as store:
        (answer,) = answers.answers(study, store)
    return answer.points


HIDDEN = {"kind": "features", "ambient": 6}
MATRIX = {
    "neighbours on a cube": (local(NEAREST, cube(2)), set()),
    "neighbours on a coarse cube": (local(NEAREST, cube(8)), {"coarse"}),
    "neighbours on a coarse torus": (local(NEAREST, {"kind": "torus", "dim": 6}), {"coarse"}),
    "neighbours on a sphere": (local(NEAREST, {"kind": "sphere", "dim": 3}), set()),
    "neighbours among distractors": (
        local(NEAREST, cube(2), embedding=HIDDEN), {"coarse", "distractors"}),
    "a kernel among distractors": (
        local({"kind": "kernel", "kernel": "laplace"}, cube(2), exponent="4/d", embedding=HIDDEN,
              sizes=[64, 128, 256, 512, 1024]), {"distractors"}),
    "simplices on a cube": (local(SIMPLEX, cube(2), exponent="4/d"), set()),
    "few simplices in four dimensions": (
        local(SIMPLEX, cube(4), exponent="4/d", sizes=[100, 200, 400, 700, 1100]),
        {"coarse", "extrapolated"}),
    "a field under its own kernel": (field(0.5, 0.5), set()),
    "a smooth field under a rough kernel": (field(2.5, 0.5), {"late"}),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRIX)
def test_a_known_answer_agrees_or_says_which_premise_fails(name, tmp_path):
    tables, expected = MATRIX[name]
    for point in answered(tables, tmp_path / "s"):
        assert PREMISES & set(point.doubts) == expected, (point.label, point.doubts)
        assert point.verdict in {"agrees", "undecided"}, (point.label, point.exponent.interval)
        if expected:
            assert point.verdict == "undecided"


def test_simplices_in_the_chart_of_a_torus_are_refused():
    tables = local(SIMPLEX, {"kind": "torus", "dim": 2}, exponent="4/d")
    with pytest.raises(StudyError, match="no simplex of 4 coordinates holds a point of a manifold"):
        studies.validate(tables)
