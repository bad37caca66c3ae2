"""Records of single runs: shown on the page alone, where they can be looked at one by one."""

from __future__ import annotations

from lab.findings import run_charts
from lab.findings.view import View

VIEW = View(json="nowhere", page=run_charts.sections)
