"""What every finding is: one thing that a study says, whatever its kind.

An exponent, a line over d, a phase plane, a gap, a contrast, theory beside measurement: each kind
is a frozen dataclass with values of its own and what is named here. A kind is found by its finder
(`finders.py`) and shown by its view (`lab.report.views`); nobody else knows it.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from lab.findings.setting import Setting


@runtime_checkable
class Finding(Protocol):
    """One finding.

    setting: the setting that it is about; None where it spans several of them.
    label: that in words, to begin a sentence with; empty where nothing needs to be told apart.
    doubts: what may be wrong with it, slugs of `lab.scaling.judge.doubts.Doubt` or sentences of
        its own.
    verdict: agrees, contradicts or undecided; None where nothing was predicted.
    """

    @property
    def setting(self) -> Setting | None: ...

    @property
    def label(self) -> str: ...

    @property
    def doubts(self) -> tuple[str, ...]: ...

    @property
    def verdict(self) -> str | None: ...

    def plain(self) -> Any:
        """Its values under the names that JSON has them by; numbers may still be NumPy's."""
        ...
