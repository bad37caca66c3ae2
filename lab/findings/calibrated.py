"""What `lab calibrate` found of a study's design: how often its intervals hold and verdicts err.

Object: one `Calibrated` per setting of which the results folder keeps a calibration. It is kept by
whoever calibrated, as the JSON object that `lab calibrate --json` prints, and only of the design
and the truth that are the study's own. A design that has changed since is told, not shown as if it
were the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.findings.design import designs
from lab.findings.study_results import Setting, StudyResults
from lab.plain import plain
from lab.scaling.judge.calibration import Design

FILE = "calibration.json"
"""In the results folder of the study."""
DESIGN = ("x", "teachers", "seeds", "prediction", "sense", "tolerance")
"""What makes a design, by the names of its fields and of JSON."""
SHORT = ("source", "coverage", "width", "bias", "verdicts", "wrong", "shapes")
"""What fits.json has of a calibration; its file has the rest."""


@dataclass(frozen=True)
class Calibrated:
    """One setting. values: its entry in the calibration; scans: how many were simulated; current:
    whether the study still has this design."""

    setting: Setting
    values: Mapping[str, Any] = field(repr=False)
    scans: int
    current: bool
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.setting.label

    def plain(self) -> dict[str, Any]:
        """The shares that matter, with the true exponent they are of."""
        known = {name: self.values.get(name) for name in SHORT}
        return {"scans": self.scans, "current": self.current, "alpha": self.alpha, **known}

    @property
    def alpha(self) -> float:
        """The true exponent of the simulated scans."""
        return float(self.values["truth"]["alpha"])


def calibrated(question: StudyResults) -> tuple[Calibrated, ...]:
    """The settings that a calibration is kept of, in the order of the grid."""
    kept = read(question.store.path)
    if kept is None or question.study.prediction is None:
        return ()
    entries = {_key(one): one for one in kept["points"]}
    found = []
    for one, design in zip(question.stored, designs(question.study), strict=True):
        name = {"dim": one.setting.dim}
        if one.setting.pairs:
            name["setting"] = plain(one.setting.varying)
        entry = entries.get(_key(name))
        if entry:
            found.append(Calibrated(one.setting, entry, kept["scans"], _same(design, entry)))
    return tuple(found)


def _key(entry: Mapping[str, Any]) -> str:
    return json.dumps([entry["dim"], entry.get("setting")], sort_keys=True)


def _same(design: Design, entry: Mapping[str, Any]) -> bool:
    """Whether the entry is of this design, and by rules that tell straight curves from bent ones:
    before, a calibration had no shapes."""
    return "shapes" in entry and plain({name: getattr(design, name) for name in DESIGN}) == {
        name: entry.get(name) for name in DESIGN
    }


def read(folder: Path) -> dict[str, Any] | None:
    """The calibration that a results folder keeps; None where there is none that can be read."""
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        whole = all("truth" in one and "dim" in one for one in kept["points"])
        return kept if whole and isinstance(kept["scans"], int) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
