"""Write the golden files again: `python tests/golden/regenerate.py [WHAT]…`.

Only when a change of numbers or words is meant: read the difference that git shows, and say in the
message of the commit how old numbers move. WHAT is `losses`, `fingerprints`, `smoke`, what verbs
print of one study, or the name of a study of `studies/`, whose numbers are written to
`expected/NAME.json`; without any, everything is written.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "support")]

import losses  # noqa: E402
import stores  # noqa: E402
import test_fingerprints as fingerprints  # noqa: E402
import test_stores as golden  # noqa: E402


def elsewhere(function: Callable[[str], Any], name: str) -> Any:
    """What a function of a golden study gives in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return function(name)


def main() -> None:
    for what in sys.argv[1:] or ("fingerprints", "losses", "smoke", *stores.NAMES):
        if what == "fingerprints":
            fingerprints.EXPECTED.write_text(fingerprints.printed())
        elif what == "losses":
            losses.EXPECTED.write_text(losses.printed())
        elif what == "smoke":
            for file, text in elsewhere(stores.smoke, golden.SMOKE).items():
                (golden.EXPECTED / "smoke" / file).write_text(text)
        else:
            text = stores.dumped(elsewhere(stores.outputs, what))
            (golden.EXPECTED / f"{what}.json").write_text(f"{text}\n")
        print(f"{what}: written")


if __name__ == "__main__":
    main()
