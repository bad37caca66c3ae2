"""A teacher-student laboratory for neural scaling laws.

`lab.load("studies/quickstart.toml")` gives the results of a study as NumPy columns; everything else
is in the modules, which a reader can guess from their names. Importing this imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load(study: str | Path, results: str | Path = "results") -> dict[str, Any]:
    """Columns of all stored runs of a study: arrays by name, see `lab.runs.table.COLUMNS`."""
    from lab.runs.store import Store, folder
    from lab.runs.table import columns
    from lab.study import read

    with Store.read(folder(study, results)) as store:
        return columns(read(study), store)
