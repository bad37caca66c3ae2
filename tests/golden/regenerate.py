"""Write the golden files again: `python tests/golden/regenerate.py [WHAT]…`.

Only when a change of numbers or words is meant: read the difference that git shows, and say in the
message of the commit how old numbers move. WHAT is `losses`, `fingerprints`, or the name of a study
of `studies/`, whose outputs are written to `expected/`; without any, everything is written.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "support")]

import losses  # noqa: E402
import stores  # noqa: E402
import test_fingerprints as fingerprints  # noqa: E402


def write_outputs(name: str) -> None:
    before, folder = Path.cwd(), HERE / "expected" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as elsewhere:
        os.chdir(elsewhere)
        found = stores.outputs(name)
        os.chdir(before)
    for file, text in found.items():
        (folder / file).write_text(text)


def main() -> None:
    for what in sys.argv[1:] or ("fingerprints", "losses", *stores.NAMES):
        if what == "fingerprints":
            fingerprints.EXPECTED.write_text(fingerprints.printed())
        elif what == "losses":
            losses.EXPECTED.write_text(losses.printed())
        else:
            write_outputs(what)
        print(f"{what}: written")


if __name__ == "__main__":
    main()
