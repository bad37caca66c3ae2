"""The plan of a study: whole scans repeated at other budgets, and one at other rates."""

import pytest

GOOD = """
schema = 1
question = "Does it?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [[8, 8], [16]], count = 3, bias = [0.0, 0.5] }
[student]
widths = [4, 8, 16]
seeds = 2
[training]
steps = 100
"""


def test_evidence_repeats_whole_scans_at_other_budgets(make_study):
    found = make_study(evidence={"share": 0.25, "budgets": [0.5, 3]}, task={"teacher": {"count": 4},
                       "manifold": {"dim": [2, 3]}})  # fmt: skip
    of = {role: [p for p in found.plan if p.role == role] for role in
          ("scan", "budget", "slower", "rate", "weights", "limit")}  # fmt: skip
    assert len(of["scan"]) == 2 * 4 * 3 and not of["limit"]
    assert len(of["budget"]) == 2 * 2 * 3 * 2  # d, teachers (at least two), widths, budgets
    assert {p.run.task.teacher for p in of["budget"]} == found.checked and len(found.checked) == 2
    assert {(p.factor, p.run.training.steps) for p in of["budget"]} == {(0.5, 100), (3, 600)}
    assert {(p.factor, p.run.training.stages[0][2]) for p in of["rate"]} == {(0.5, 0.01), (2, 0.04)}
    assert {(p.factor, p.run.student.weight) for p in of["weights"]} == {(0.5, 1), (2, 4)}
    slow = {(p.factor, p.run.training.stages[0][::2]) for p in of["slower"]}
    assert slow == {(2, (400, 0.01))}
    assert len(of["slower"]) == 2 * 3  # one teacher of every setting, all widths
    assert {p.run.task.teacher for p in of["slower"]} < found.checked
    for role in ("rate", "weights"):  # one teacher of the middle setting
        assert len(of[role]) == 2 * 3 and {p.run.task.dim for p in of[role]} == {3}
        assert {p.run.task.teacher for p in of[role]} < found.checked
    scan = {p.run for p in of["scan"]}
    assert all(cell.base in scan and cell.x == found.x(cell.base) for cell in found.cells())


def test_evidence_may_be_none_or_of_every_teacher(make_study):
    assert not [p for p in make_study(evidence={"share": 0.0}).plan if p.check]
    every = make_study(evidence={"share": 1.0, "slower": [], "rates": [], "weights": []},
                       task={"teacher": {"count": 3}})  # fmt: skip
    assert every.checked == {0, 1, 2} and len(every.plan) == 3 * 3 * (1 + 2)


@pytest.mark.parametrize("override, words", [
    ("evidence.budgets=[0.5, 1.2]", "at least 1.5"),
    ("evidence.budgets=[1, 2]", "repeats the scan"),
    ("evidence.rates=[1.0]", "repeats the scan"), ("evidence.slower=[0.5]", "is faster"),
    ("evidence.until=100", "out of range"),
    ("evidence.budget=2", "did you mean 'budgets'"), ("scan.size='n'", "Known: N, hidden, width"),
])  # fmt: skip
def test_mistakes_of_the_evidence(refused, override, words):
    assert any(words in m for m in refused(GOOD, override))
