"""What a panel takes from the top of its file, and whom a mistake is told of."""

import pytest

from lab.config import study
from lab.config.merging import hides, inherited
from lab.mistakes import StudyError

TOP = {
    "task": {"manifold": {"kind": "cube", "dim": 2}, "teacher": {"widths": [600], "count": 6}},
    "student": {"widths": [3, 4], "seeds": 2},
}


@pytest.mark.parametrize("own, found", [
    ({}, TOP),
    ({"title": "x"}, {**TOP, "title": "x"}),
    ({"task": {"teacher": {"count": 1}}},
     {**TOP, "task": {"manifold": {"kind": "cube", "dim": 2},
                      "teacher": {"widths": [600], "count": 1}}}),
    ({"task": {"manifold": {"kind": "sphere"}}},
     {**TOP, "task": {"manifold": {"kind": "sphere"}, "teacher": {"widths": [600], "count": 6}}}),
    ({"student": {"kind": "nearest"}}, {**TOP, "student": {"kind": "nearest"}}),
    ({"task": {"data": "digits"}}, {**TOP, "task": {"data": "digits"}}),
    ({"student": 3}, {**TOP, "student": 3}),
    ({"evidence": {"share": 1}}, {**TOP, "evidence": {"share": 1}}),
])  # fmt: skip
def test_a_panel_takes_what_it_does_not_say(own, found):
    assert inherited(TOP, own) == found


@pytest.mark.parametrize("place, hidden", [
    (("task",), True),
    (("task", "teacher", "count"), True),
    (("task", "teacher", "widths"), False),
    (("task", "manifold", "dim"), True),  # of another kind
    (("student", "seeds"), False),
    (("title", "x"), True),
])  # fmt: skip
def test_what_a_panel_hides(place, hidden):
    own = {"title": "x", "task": {"teacher": {"count": 1}, "manifold": {"kind": "sphere"}}}
    assert hides(own, place) is hidden


FILE = """schema = 1
question = "?"
regime = "resolution-width"
[task]
manifold = { kind = "cube", dim = 2 }
loss = "{top}"
[student]
widths = [3, 4, 5]
[prediction]
exponent = "4/d"
[[panel]]
title = "one"
[[panel]]
title = "two"
[panel.task]
teacher = { count = {count} }
"""


@pytest.mark.parametrize("top, count, cited", [
    ("mes", "2", ["s.toml:6: panel 1: task.loss", "s.toml:6: panel 2: task.loss"]),
    ("mse", "-2", ["s.toml:16: panel 2: task.teacher.count"]),
])  # fmt: skip
def test_a_mistake_is_told_of_the_line_on_which_it_is(tmp_path, top, count, cited):
    text = FILE.replace("{top}", top).replace("{count}", count)
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(StudyError) as caught:
        study.read(tmp_path / "s.toml")
    assert len(caught.value.mistakes) == len(cited)
    for said, place in zip(caught.value.mistakes, cited, strict=True):
        assert f"{place}: " in said


def test_a_table_that_is_wrong_with_what_it_took_from_the_top_says_so(tmp_path):
    text = FILE.replace("{top}", "mse").replace("{count}", "2")
    text += 'manifold = { kind = "spectral", alpha = 0.5, modes = 400 }\n'
    text = text.replace('loss = "mse"', 'teacher = { widths = [16] }')
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(StudyError) as caught:
        study.read(tmp_path / "s.toml")
    wrong = [said for said in caught.value.mistakes if "spectral" in said]
    assert wrong and all("part of this table is from the top" in said for said in wrong)
    whole = text.replace("{ count = 2 }", '{ kind = "network", count = 2 }')
    (tmp_path / "s.toml").write_text(whole)
    with pytest.raises(StudyError) as caught:  # size has no meaning for it, but the task is right
        study.read(tmp_path / "s.toml")
    assert not any("part of this table" in said for said in caught.value.mistakes)
