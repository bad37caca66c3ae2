"""The studies to start from: those of the checkout, in the package too, or a sentence."""

import tomllib
from pathlib import Path

import pytest

from lab.config import study, toml
from lab.mistakes import StudyError
from lab.regimes.regime import REGIMES

STUDIES = Path(__file__).resolve().parents[2] / "studies"


def test_the_package_has_every_study_of_the_checkout():
    assert set(toml.preset_questions()) == {file.stem for file in STUDIES.glob("*.toml")}
    assert toml.STUDIES.parent == Path(study.__file__).parent.parent
    assert toml.preset_text("quickstart") == (STUDIES / "quickstart.toml").read_text()


def test_a_package_without_them_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(toml, "STUDIES", tmp_path / "studies")
    for asked in (toml.preset_questions, lambda: toml.preset_text("quickstart")):
        with pytest.raises(StudyError, match="are not there; install the lab again"):
            asked()


def test_every_regime_has_a_study_to_start_from():
    asked: set[str] = set()
    for name in toml.preset_questions():
        tables = tomllib.loads(toml.preset_text(name))
        asked |= {one.get("regime", "") for one in (tables, *tables.get("panel", []))}
    assert set(REGIMES) <= asked
