"""Canonical text: JSON that anybody can write again, of each value its own, and asked for once."""

import json
from dataclasses import MISSING, fields, is_dataclass, replace

import pytest

from lab.spec import MeasureSpec, Run


def oracle(spec):
    """The plain values of a spec: all fields but those at their default."""
    if not is_dataclass(spec):
        return spec
    return {
        {"learner": "limit"}.get(f.name, f.name): oracle(getattr(spec, f.name))
        for f in fields(spec)
        if f.default is MISSING or getattr(spec, f.name) != f.default
    }


@pytest.fixture
def run(make_study) -> Run:
    return make_study().plan[0].run


@pytest.mark.parametrize("changes", [{}, {"size": 64}, {"learner": "data"}, {"seed": 3}])
def test_the_text_is_sorted_json_without_defaults(run, changes):
    found = replace(run, **changes)
    told = json.dumps(oracle(found), sort_keys=True, separators=(",", ":"))
    assert found.canonical() == told


def test_every_field_tells_runs_apart(run):
    other = {"size": 7, "seed": 9, "root": 5, "learner": "ntk",
             "measure": MeasureSpec(("input",), 500, "mle"),
             "task": replace(run.task, teacher=8),
             "student": replace(run.student, widths=(3, 5)),
             "training": run.training.scaled(2.0), "start": 1, "round": 1}  # fmt: skip
    assert set(other) == {f.name for f in fields(Run)}
    prints = {replace(run, **{name: v}).fingerprint() for name, v in other.items()}
    assert len(prints | {run.fingerprint()}) == len(other) + 1


def test_equal_values_of_other_types_keep_their_own_text(run):
    whole, real = replace(run.task, noise=0), replace(run.task, noise=0.0)
    assert whole == real and hash(whole) == hash(real)
    assert '"noise":0,' in whole.text and '"noise":0.0,' in real.text


def test_what_is_not_finite_has_no_text(run):
    with pytest.raises(ValueError):
        replace(run, task=replace(run.task, noise=float("nan"))).fingerprint()


def test_tasks_are_alike_that_differ_in_their_teacher_alone(run):
    third, louder = replace(run.task, teacher=3), replace(run.task, noise=0.5)
    assert third.representative is run.task.representative and third.representative.teacher == 0
    assert louder.representative is not run.task.representative
