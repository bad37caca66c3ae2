"""The plans of the shipped studies as few numbers: prints them as JSON, and loads no JAX.

Of every study: how many runs it plans in each role, and the sha256 of the lines

    role factor fingerprint

of its plan in its order. Of a plan of more than MANY runs every n-th is taken, n odd, so that it
keeps step with no grid of an even number of values.
"""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

STUDIES = Path(__file__).resolve().parents[2] / "studies"
MANY = 400


def summary(plan) -> dict:
    """The numbers of one plan."""
    every = len(plan) // MANY | 1
    lines = [f"{p.role} {p.factor:g} {p.run.fingerprint()}" for p in plan[::every]]
    text = "\n".join(lines)
    return {
        "runs": dict(Counter(p.role for p in plan)),
        "every": every,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def main() -> None:
    from lab.config import study

    found = {file.stem: summary(study.read(file).plan) for file in sorted(STUDIES.glob("*.toml"))}
    assert "jax" not in sys.modules, "planning a study imports JAX"
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
