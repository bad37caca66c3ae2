"""Where the numbers come from: versions, machine, seconds, commits, and the set of runs."""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Iterable, Mapping
from typing import Any

from lab.duration import duration
from lab.findings.provenance_text import options
from lab.findings.run_charts import rows_of
from lab.findings.view import Answers

NAMES = {"device": "device", "dtype": "precision", "jax": "JAX", "lab": "scaling-lab",
         "git": "commit"}  # fmt: skip


def provenance(answers: Answers, name: str) -> dict[str, str]:
    """What stands in the block of provenance, by name."""
    rows = {row.fingerprint: row for row in rows_of(answers)}
    record = answers[0].record
    found = {"study": record.origin.file or name, "read with": options(record.origin.overrides)}
    if record.argv:
        found["trained by"] = shlex.join(["lab", *record.argv])
    if record.lacking:
        return {**{key: value for key, value in found.items() if value}, "read": record.lacking}
    found |= {shown: _several(r.provenance.get(key) for r in rows.values())
              for key, shown in NAMES.items()}  # fmt: skip
    finished = [r.provenance.get("finished") or 0.0 for r in rows.values()]
    finished = [at for at in finished if at]
    if finished:
        ends = [time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (min(finished), max(finished))]
        found["trained"] = " to ".join(dict.fromkeys(ends))
    found["training took"] = duration(sum(r.seconds or 0.0 for r in rows.values()))
    found["runs"] = f"{len(rows)} stored"
    found["set of runs"] = hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()[:16]
    return {key: value for key, value in found.items() if value}


def _several(values: Iterable[Any]) -> str:
    """Each value once, the commonest first."""
    count: dict[str, int] = {}
    for value in values:
        if value:
            count[str(value)] = count.get(str(value), 0) + 1
    order = sorted(count, key=lambda value: -count[value])
    return ", ".join(order[:4]) + (f" and {len(order) - 4} more" if len(order) > 4 else "")


def tables(answers: Answers) -> list[tuple[str, Mapping[str, Any]]]:
    """The study as it was read, panel by panel: what its file sets, by table."""
    studies = dict.fromkeys(id(answer.study) for answer in answers)
    by_id = {id(answer.study): answer.study for answer in answers}
    return [(by_id[i].title, by_id[i].model_dump(mode="json", exclude_unset=True, by_alias=True))
            for i in studies]  # fmt: skip
