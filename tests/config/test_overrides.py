"""Overrides of a file with panels: none is lost in silence, none takes other settings away."""

import pytest

from lab.config import study

PANELS = """
schema = 1
question = "Do both?"
[task]
manifold = { kind = "cube", dim = [2, 3] }
[student]
widths = [3, 4, 5]
[training]
steps = 100
rate = 0.5
[[panel]]
title = "short"
regime = "resolution-width"
[[panel]]
title = "long"
regime = "resolution-width"
[panel.training]
steps = 900
"""


def steps_and_rates(tmp_path, *overrides):
    (tmp_path / "s.toml").write_text(PANELS)
    found = study.read(tmp_path / "s.toml", overrides)
    return [(panel.training.steps, panel.training.rate) for panel in found.panels]


@pytest.mark.parametrize("override, words", [
    ("training.steps=10",
     "panel 2 brings its own 'training', which hides this one; set it panel by panel, as in "
     "--set panel.2.training.steps=10"),
    ("regime='resolution-data'", "panels 1, 2 bring their own 'regime'"),
    ("title='same'", "as in --set panel.1.title='same'"),
])  # fmt: skip
def test_what_a_panel_of_its_own_would_hide_is_refused(refused, override, words):
    (sentence,) = refused(PANELS, override)
    assert f"--set {override}: " in sentence and words in sentence


def test_an_override_of_a_panel_keeps_the_other_keys_of_its_table(tmp_path):
    assert steps_and_rates(tmp_path) == [(100, 0.5), (900, 0.5)]
    both = ("panel.1.training.steps=10", "panel.2.training.steps=20")
    assert steps_and_rates(tmp_path, *both) == [(10, 0.5), (20, 0.5)]


def test_an_override_at_the_top_reaches_the_panels_that_do_not_say_the_key_themselves(tmp_path):
    assert steps_and_rates(tmp_path, "training.rate=0.25") == [(100, 0.25), (900, 0.25)]
    both = ("training.rate=0.25", "panel.2.training.rate=0.125")
    assert steps_and_rates(tmp_path, *both) == [(100, 0.25), (900, 0.125)]


def test_a_preset_of_a_panel_by_override_keeps_the_keys_that_it_had(tmp_path):
    assert steps_and_rates(tmp_path, "panel.2.training.preset='adam'") == [(100, 0.5), (900, 0.5)]


def test_what_no_panel_brings_is_set_for_all_in_any_order(tmp_path):
    (tmp_path / "s.toml").write_text(PANELS)
    changes = ("panel.1.task.teacher.count=7", "task.manifold.dim=4", "seed=3")
    one, two = study.read(tmp_path / "s.toml", changes).panels
    assert one.task.manifold.dim == two.task.manifold.dim == (4,) and one.seed == two.seed == 3
    assert (one.task.teacher.count, two.task.teacher.count) == (7, 5)
