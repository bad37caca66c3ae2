"""[measure]: places and their mistakes, and what of them is part of a run."""

import json

import pytest
from invocation import invoke

from lab.dimension.calibration import calibration
from lab.dimension.measurement import measure
from lab.execution import plan
from lab.mistakes import StudyError
from lab.spec import MeasureSpec, Run
from lab.students.dimensions import Dimension, Measure, ProbeSite, measured

STUDY = """
question = "Where?"
regime = "resolution-width"
task = { manifold = { dim = 2 }, teacher = { widths = [8, 8], count = 2 } }
student = { widths = [3, 4, 5], seeds = 1 }
"""


@pytest.mark.parametrize("text, place", [
    ("input", ProbeSite("input")),
    ("teacher.last", ProbeSite("teacher")),
    ("teacher.2.before", ProbeSite("teacher", 2, before=True)),
    ("student.1", ProbeSite("student", 1)),
    ("student.last.initialisation", ProbeSite("student", initial=True)),
    ("student.12.before.initialisation", ProbeSite("student", 12, before=True, initial=True)),
])  # fmt: skip
def test_places_are_read(text, place):
    assert ProbeSite.of(text) == place


@pytest.mark.parametrize("places, words", [
    ("[\"student\"]", "no place to measure at; give"),
    ("[\"student.0\"]", "no place"), ("[\"input.1\"]", "no place"),
    ("[\"student.last.initialisation.before\"]", "no place"),
    ("[\"teacher.last.initialisation\"]", "a teacher is never trained; leave"),
    ("[\"student.3\"]", "2 hidden layers; name a layer that all of them have"),
    ("[\"teacher.3.before\"]", "2 hidden layers"),
    ("[\"input\", \"input\"]", "given twice"),
    ("3", "measure.dimension"),
])  # fmt: skip
def test_mistakes_are_sentences(refused, places, words):
    (sentence,) = refused(STUDY, f"measure.dimension={places}")
    assert words in sentence and "measure.dimension" in sentence


@pytest.mark.parametrize("override, words", [
    ("measure.n=10", "250"), ("measure.n=30000", "20000"), ("measure.n=500", "say where"),
    ("measure.method=\"mlle\"", "did you mean 'mle'"),
    ("measure.dimensions=\"input\"", "dimension"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(refused, override, words):
    assert any(words in sentence for sentence in refused(STUDY, override))


def test_exact_students_and_linear_teachers_have_no_layers(refused):
    exact = """
question = "Where?"
regime = "resolution-data"
task = { manifold = { dim = 2 }, teacher = { count = 2 } }
student = { kind = "nearest" }
data = { sizes = [32, 64, 128] }
measure = { dimension = "input" }
"""
    assert any("no descent trains them; leave it out" in s for s in refused(exact))
    found = refused(STUDY, "task.teacher.widths=[]", "measure.dimension=\"teacher.last\"")
    assert any("no hidden layer;" in sentence for sentence in found)


def test_it_is_part_of_a_run_and_left_out_of_its_text_where_nothing_is_measured(make_study):
    plain, asked = make_study(), make_study(measure={"dimension": "input", "n": 400})
    one, other = plain.plan[0].run, asked.plan[0].run
    assert '"measure"' not in one.canonical() and one.fingerprint() != other.fingerprint()
    assert json.loads(other.canonical())["measure"] == {
        "dimension": ["input"], "method": "two-nn-mle", "n": 400
    }  # fmt: skip
    assert make_study(measure={}).plan == plain.plan


def test_checks_and_limits_measure_too_and_groups_measure_alike(make_study):
    found = make_study(
        regime="resolution-data", measure={"dimension": ["student.last"], "n": 400},
        data={"sizes": [64, 128, 256]}, evidence={"share": 1.0},
    )  # fmt: skip
    assert {p.role for p in found.plan} > {"budget", "limit"}
    assert all(p.run.measure == found.measured for p in found.plan)
    runs: list[Run] = [p.run for p in (*found.plan, *make_study().plan)]
    assert sorted(map(hash, runs)) == sorted(hash(r) for g in plan.groups(runs) for r in g.runs())
    assert measured(runs) == ("student.last",)


def test_measuring_costs_time(make_study):
    few, many = (make_study(measure={"dimension": ["student.last"], "n": n}) for n in (250, 20_000))
    seconds = [plan.cost(plan.groups(p.run for p in s.plan)).seconds for s in (few, many)]
    assert seconds[1] > 2 * seconds[0]


def test_its_methods_are_those_of_the_lab_with_a_correction(rng_points):
    methods = Measure.model_fields["method"].annotation.__args__
    found = measure(rng_points).estimates
    assert [e.method for e in found] == [*methods]
    assert all(e.corrected_interval is not None for e in found)
    assert calibration().n[0] == 250


@pytest.fixture
def rng_points():
    import numpy as np

    return np.random.default_rng(0).random((300, 3))


def test_details_come_back_as_they_were():
    one = Dimension(3.0, 0.1, 3.2, 3.0, 3.4, 0.0)
    details = one.details("student.last")
    assert details["dimension.student.last"] == 3.0
    assert Dimension.of(details | {"limit": 1.0}, "student.last") == one
    assert Dimension.of(details, "student.1") is None


def test_a_measured_study_goes_through_the_verbs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = (
        "\ntraining = { steps = 20, batch = 32 }\nevidence = { share = 0.0 }\n"
        "measure = { dimension = [\"input\", \"student.last\"], n = 250 }\n"
    )
    (tmp_path / "s.toml").write_text(STUDY + asked)
    assert invoke("run", "s.toml", "--no-report").exit_code == 0
    runs = json.loads(invoke("runs", "s.toml", "--json").stdout)["runs"]
    assert all(1 < one["dimension"]["input"] < 3 for one in runs)
    assert "d of student.last" in " ".join(invoke("runs", "s.toml", "--wide").stdout.split())
    assert invoke("export", "s.toml", "out.csv").exit_code == 0
    head = (tmp_path / "out.csv").read_text().split("\n")[0].split(",")
    assert head[-12:-6] == [*Dimension(0, 0, 0, 0, 0, 0).details("input")]
    assert isinstance(MeasureSpec(("input",), 250, "pca"), MeasureSpec)


def test_an_unknown_place_names_its_line(tmp_path):
    from lab.config import study

    (tmp_path / "s.toml").write_text(STUDY + "\n[measure]\ndimension = \"student.lst\"\n")
    with pytest.raises(StudyError, match=r"s\.toml:8: measure\.dimension: 'student\.lst' is no"):
        study.read(tmp_path / "s.toml")
