"""The studies to start from: those of the checkout, in the package too, or a sentence."""

from pathlib import Path

import pytest

from lab import study, templates
from lab.mistakes import StudyError

STUDIES = Path(__file__).resolve().parents[1] / "studies"


def test_the_package_has_every_study_of_the_checkout():
    assert set(templates.questions()) == {file.stem for file in STUDIES.glob("*.toml")}
    assert templates.STUDIES.parent == Path(study.__file__).parent
    assert templates.text("quickstart") == (STUDIES / "quickstart.toml").read_text()


def test_a_package_without_them_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(templates, "STUDIES", tmp_path / "studies")
    for asked in (templates.questions, lambda: templates.text("quickstart")):
        with pytest.raises(StudyError, match="are not there; install the lab again"):
            asked()
