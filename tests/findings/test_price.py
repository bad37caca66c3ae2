"""What decides an undecided point, in one line: more teachers with their price, or why nothing."""

import re
import shlex

import pytest
from simulated import power, rows

from lab.config import study as studies
from lab.execution.store import Store
from lab.findings.answering import answers

STUDY = {
    "question": "What would decide it?",
    "regime": "resolution-data",
    "task": {"manifold": {"kind": "torus", "dim": 1},
             "teacher": {"count": 4, "activation": "tanh"}},
    "student": {"kind": "nearest"},
    "data": {"sizes": [16, 32, 64, 128, 256, 512]},
    "prediction": {"exponent": 2.0, "sense": "equal", "over": "range"},
}  # fmt: skip


def advice(tmp_path, law, *, noise=0.5, left_out=0, overrides=(), seconds=None, **changes):
    study = studies.of_tables({**STUDY, **changes}, overrides)
    with Store.write(tmp_path / "s") as store:
        found = [*rows(study, law, noise=noise)]
        store.add(found[: len(found) - left_out])
        (point,) = answers(study, store)[0].points
    assert "\n" not in point.advice and (point.advice == "") == (point.verdict != "undecided")
    return point


def test_more_teachers_have_a_number_a_price_and_a_command(tmp_path):
    point = advice(tmp_path, power(1.9), noise=0.8)
    said = re.fullmatch(
        r"(\d+) more teachers?, (.+) on one core: (lab run STUDY --set task\.teacher\.count=(\d+)) "
        r"\(±[\d.]+ where ±[\d.]+ is needed\)\.", point.advice)  # fmt: skip
    assert said and int(said[1]) == int(said[4]) - 4 and int(said[4]) <= 200
    words = shlex.split(said[3])
    again = studies.of_tables(STUDY, [words[words.index("--set") + 1]])
    assert again.task.count == int(said[4])
    e = point.exponent
    need = min(abs(e.alpha - edge) for edge in (1.7, 2.3))
    widest = max((b - a) / 2 for _, _, _, ends in e.readings if ends for a, b in [ends])
    assert int(said[4]) >= 4 * ((e.interval[1] - e.interval[0]) / 2 / need) ** 2 or widest > need


def test_overrides_of_now_stay_in_the_command(tmp_path):
    point = advice(tmp_path, power(1.9), noise=0.8, overrides=["seed=3", "task.teacher.count=5"])
    assert re.search(r"run STUDY --set seed=3 --set task\.teacher\.count=\d+ ", point.advice)


@pytest.mark.parametrize("law, options, said", [
    (power(1.7), {"noise": 0.05}, "nothing of this design decides it: ±"),  # on the edge
    (power(1.0), {"noise": 0.01, "left_out": 1}, "let the study finish, at most "),
    (power(2.0), {"noise": 0.01, "data": {"sizes": [16, 20, 24]},
                  "prediction": {"exponent": 2.0, "sense": "equal"}},
     "nothing of this design decides it: fewer than five x, less than a decade of x; first scan"),
])  # fmt: skip
def test_what_no_teacher_decides_is_said(tmp_path, law, options, said):
    point = advice(tmp_path, law, **options)
    assert point.advice.startswith(said) and point.advice.count("lab run") <= 1


def test_what_is_decided_needs_nothing(tmp_path):
    assert advice(tmp_path, power(2.0), noise=0.01).verdict == "agrees"
