"""A setting: what all runs of one scan share, as people are told it.

Object: the intrinsic dimension d, and of the rest of the grid what varies in the study, by name.
The teacher, the seed and x are no part of it. The title of a panel comes first where there is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.regimes.cell import Key
from lab.regimes.regime import Regime
from lab.spec import Run


@dataclass(frozen=True)
class Setting:
    """d and the (name, value) pairs of what varies; two of one study are never equal.

    spectral: whether d counts the modes of a spectral task.
    """

    dim: int | float
    pairs: tuple[tuple[str, Any], ...] = ()
    spectral: bool = False

    @classmethod
    def of(cls, study: Regime, run: Run, key: Key, varying: Collection[str]) -> Setting:
        """The setting of a run. key: its manifold and (name, value) pairs, see
        `lab.regimes.cell.Key`; varying: the names that have more than one value in the study."""
        manifold, *fixed = key
        pairs = [(name, value) for name, value in fixed if name in varying]
        if study.title:
            pairs.insert(0, ("title", study.title))
        if len(manifold) > 1:
            pairs.insert(0, ("manifold", "×".join(f"{kind} {d}" for kind, d in manifold)))
        return cls(run.task.dim, tuple(pairs), run.task.decays is not None)

    @property
    def varying(self) -> dict[str, Any]:
        """What varies, by name."""
        return dict(self.pairs)

    @property
    def dimension(self) -> str:
        """d as text, or how many modes a spectral task has."""
        return f"{self.dim or '∞'} modes" if self.spectral else f"d = {self.dim}"

    @property
    def name(self) -> str:
        """What varies, as text."""
        return named(self.varying)

    @property
    def label(self) -> str:
        """The dimension and what varies, as text."""
        return ", ".join(filter(None, [self.dimension, self.name]))


def varies(keys: Iterable[Key]) -> frozenset[str]:
    """The names that have more than one value in these settings of one study."""
    values: dict[str, set[Any]] = defaultdict(set)
    for _, *fixed in keys:
        for name, value in fixed:
            values[name].add(value)
    return frozenset(name for name, some in values.items() if len(some) > 1)


def named(varying: Mapping[str, Any]) -> str:
    """What varies as text; a word that two of its names end in is told apart by the first."""
    last = [name.split(".")[-1] for name in varying]
    return ", ".join(
        value_text(v) if name == "title" else
        f"{name.replace('.', ' ') if last.count(word) > 1 else word} {value_text(v)}"
        for word, (name, v) in zip(last, varying.items(), strict=True)
    )  # fmt: skip


def value_text(value: Any) -> str:
    """The value of a setting: widths as 8×8."""
    return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)
