"""Records of single runs: shown on the page alone, where they can be looked at one by one."""

from __future__ import annotations

from lab.show.page import runs
from lab.show.view import View

VIEW = View(json="nowhere", page=runs.sections)
