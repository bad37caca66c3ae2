"""Mutants of what people give to the lab: none may end in another exception than `StudyError`.

    python tests/hostile/fuzz.py [MUTANTS] [SEED]

Studies, overrides, formulas, tables and stores are mutated at random from a seed. What is accepted
is planned, so that nothing that is called fine fails later. A mutant that raises anything else, or
takes longer than `SLOWEST` seconds, is printed with its seed, and the exit code is 1.
"""

from __future__ import annotations

import io
import json
import random
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT)]

import lab  # noqa: E402
from lab.dimension import measure  # noqa: E402
from lab.dimension.neighbours import PointsError  # noqa: E402
from lab.dimension.points import read_points  # noqa: E402
from lab.execution import plan  # noqa: E402
from lab.mistakes import StudyError  # noqa: E402
from lab.regimes import cross_checks  # noqa: E402
from lab.regimes.design_warnings import warnings_of  # noqa: E402
from lab.scaling.tables.rows import TableError  # noqa: E402

SLOWEST = 5.0
"""Seconds that one mutant may take."""
PLANNED = 3000
"""Runs above which an accepted study is not planned here."""

STUDIES = sorted((ROOT / "studies").glob("*.toml"))
TEXTS = {path: path.read_text(encoding="utf-8") for path in STUDIES}
VALUES = [
    "0", "-1", "1", "2", "3", "1e9", "1e308", "1e-320", "inf", "nan", "-0.0", "0.5", "true", "''",
    "'x'", "[]", "{}", "[[]]", "[1, 2, 3]", "[4, 8, 16, 32]", "[[4, 4], [8, 8], [16, 16]]",
    "[0.5, 2.0]", "[1, 1]", "{a = 1}", "{kind = 'cube', dim = 2}", "{kind = 'kernel'}", "'mlp'",
    "'kernel'", "'nearest'", "'simplex'", "'linear'", "'random-features'", "'spectral'", "'field'",
    "'relu'", "'erf'", "'laplace'", "'matern'", "'sphere'", "'torus'", "'product'", "'adam'",
    "'sgd'", "'lbfgs'", "'gauss-newton'",
    "'step'", "'4/d'", "'kl'", "'power'", "'mse'", "'linear'", "'curved'",
    "'hidden'", "'width'", "'bound'", "'equal'", "'ntk'", "'resolution-width'", "'phase-map'",
    "'resolution-data'", "'variance-data'", "'variance-width'", "2026-01-01", "'\\u0000'",
    "[{steps = 1, batch = 1, rate = 1}]", "[{kind = 'cube', dim = 2}, {dim = 1}]", "'raw'",
    "1000000000000", "99999999999999999999", "100000", "[128, 256, 512, 1e6]", "'float64'",
    "{kind = 'spectral', alpha = 1.0, modes = 50}", "{kind = 'field', covariance = 'laplace'}",
]  # fmt: skip
KEYS = {
    "": ["schema", "question", "regime", "seed", "title", "task", "student", "training", "data",
         "prediction", "evidence", "scan", "panel"],
    "task": ["manifold", "embedding", "teacher", "loss", "power", "noise"],
    "task.manifold": ["kind", "dim", "factors", "a", "b", "alpha", "modes"],
    "task.embedding": ["kind", "ambient"],
    "task.teacher": ["kind", "widths", "activation", "bias", "gain", "outputs", "count",
                     "normalise", "covariance", "nu", "length", "depth", "weight", "readout"],
    "student": ["kind", "widths", "depth", "seeds", "activation", "parametrisation", "weight",
                "bias", "inputs", "kernel", "ridge", "nu", "length", "count", "features",
                "neighbours", "domain", "readout"],
    "training": ["preset", "optimiser", "rate", "beta1", "beta2", "weight_decay", "steps", "batch",
                 "schedule", "warmup", "stages", "polish", "polish_batch", "polish_by",
                 "precision"],
    "data": ["sizes", "draws"],
    "prediction": ["exponent", "sense", "tolerance", "rivals", "omega", "delta", "size"],
    "evidence": ["share", "budgets", "rates", "weights", "until"],
    "scan": ["size"],
    "panel.1": ["task", "student", "title", "regime", "training"],
    "panel.1.student": ["kind", "widths", "seeds"],
}  # fmt: skip
TOKENS = ["d", "p", "a", "b", "alpha", "teacher", "student", "min", "max", "kernel", "(", ")", ",",
          "+", "-", "*", "/", "^", "**", "2", "4", "0.5", "1e9", " ", "\n", ".", "_", "=", "lambda",
          "if", "[", "]", "'", "@", "𝑑", "9" * 60, "e", "x"]  # fmt: skip
TABLE = "x,y,g\n" + "".join(f"{2**i},{3 / 2**i + 0.01},t{i % 3}\n" for i in range(2, 14))
CELLS = ["", "0", "-1", "inf", "nan", "1e999", "abc", '"', "'", ";", "\t", ",", "\n", "\r", "\x00",
         "1_000", "١٢٣", "=1+1", "1e-300", "1e300", "9" * 50, "\ufeff"]  # fmt: skip


def characters(text: str, rng: random.Random) -> str:
    """Text with some characters lost, doubled, moved or replaced."""
    letters = list(text)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(letters) or 1)
        some = letters[at : at + rng.randint(1, 8)]
        letters[at : at + len(some)] = rng.choice(
            [[], some + some, some[::-1], [rng.choice("[]{}=\"'.,\n#\\0-eé\x00\x1b𝑑 ")]]
        )
    return "".join(letters)


def lines(text: str, rng: random.Random) -> str:
    """Text with lines lost, doubled, moved, or with another value."""
    rows = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        at, to = rng.randrange(len(rows)), rng.randrange(len(rows))
        row, how = rows[at], rng.randrange(4)
        if how == 0:
            rows[at] = ""
        elif how == 1:
            rows.insert(to, row)
        elif how == 2:
            rows[at], rows[to] = rows[to], rows[at]
        elif "=" in row:
            rows[at] = f"{row.partition('=')[0]}= {rng.choice(VALUES)}"
    return "\n".join(rows)


def override(rng: random.Random) -> str:
    """A setting of some table with some value, at times not even that."""
    table = rng.choice(list(KEYS))
    text = f"{table}{'.' if table else ''}{rng.choice(KEYS[table])}={rng.choice(VALUES)}"
    return characters(text, rng) if rng.random() < 0.2 else text


def formula(rng: random.Random) -> str:
    """Tokens of the language of predictions, in no order."""
    return "".join(rng.choice(TOKENS) for _ in range(rng.randint(1, 12)))


def of_study(rng: random.Random, folder: Path) -> None:
    path = rng.choice(STUDIES)
    text = TEXTS[path]
    text = characters(text, rng) if rng.random() < 0.4 else lines(text, rng)
    (folder / "s.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    _asked(lab.read(folder / "s.toml"))


def of_overrides(rng: random.Random, folder: Path) -> None:
    _asked(lab.read(rng.choice(STUDIES), [override(rng) for _ in range(rng.randint(1, 4))]))


def of_formula(rng: random.Random, folder: Path) -> None:
    text = formula(rng).replace("'", "").replace("\n", "")
    _asked(lab.read(rng.choice(STUDIES), [f"prediction.exponent='{text}'"]))


def of_table(rng: random.Random, folder: Path) -> None:
    text = TABLE
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(CELLS) + text[at + rng.randint(0, 3) :]
    raw = bytearray(text.encode())
    if rng.random() < 0.2:
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    name = rng.choice(["t.csv"] * 6 + ["t.tsv", "t.json", "t.csv.gz", "t.parquet"])
    (folder / name).write_bytes(bytes(raw))
    where = rng.choice([None, None, "x > 8", characters("x > 8 and g == 't0'", rng)])
    group = rng.choice([None, "g"])
    lab.fit(folder / name, rng.choice(["power", "power", "power+floor"]), x="x", loss="y",
            where=where, group=group, replicates=20)  # fmt: skip


def of_file(rng: random.Random, folder: Path) -> None:
    """A file as people have it, mutated, read as a table, as points, and as a task's data."""
    name, text = rng.choice(list(CLOTHES.items()))
    raw = bytearray(text.encode() if isinstance(text, str) else text)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(raw))
        new = rng.choice(CELLS + ODD).encode("utf-8", "surrogatepass")
        raw[at : at + rng.randint(0, 4)] = new
    (folder / name).write_bytes(bytes(raw))
    where = rng.choice([None, None, "x < 10M", "`x` > 8", characters("`a, b` is missing", rng)])
    how = rng.randrange(3)
    if how == 0:
        at = [rng.choice(["x=1e9", "x=8k", "x=", "y=3,x=1", "x=-1", characters("x=7B", rng)])]
        lab.fit(folder / name, rng.choice(["power", "powers", "saturating", "bnsl"]), x="x",
                loss="y", where=where, at=at, replicates=10, decimal=rng.choice([None, ",", "."]),
                wide=rng.random() < 0.2, best_of=rng.choice([[], [], ["g"]]),
                weights=rng.choice([None, None, "g", "x"]))  # fmt: skip
    elif how == 1:
        points = read_points(folder / name, rng.choice([None, "varying", "x,y"]), where, sample=50)
        measure(points.values, exclude_window=rng.choice([0, 0, 3]),
                metric=rng.choice(["euclidean", "cosine"]),
                standardise=rng.random() < 0.3)  # fmt: skip
    else:
        lab.read({"schema": 1, "question": "?", "regime": "resolution-data",
                  "task": {"data": str(folder / name), "target": "y", "subsets": 2,
                           "targets": rng.choice(["numbers", "classes"])},
                  "student": {"kind": "nearest"}, "data": {"sizes": [8, 16, 32]}})  # fmt: skip


def of_store(rng: random.Random, folder: Path) -> None:
    path = folder / "results" / "quickstart"
    path.mkdir(parents=True, exist_ok=True)
    file = path / "lab.db"
    file.unlink(missing_ok=True)
    if rng.random() < 0.1:
        file.write_bytes(rng.randbytes(rng.randint(0, 5000)))
    else:
        raw = bytearray(_stored(folder))
        for _ in range(rng.randint(1, 20)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        file.write_bytes(bytes(raw[: rng.randint(0, 2 * len(raw))]))
    lab.plan(ROOT / "studies" / "quickstart.toml", folder / "results")
    lab.load(ROOT / "studies" / "quickstart.toml", folder / "results")
    lab.load(ROOT / "studies" / "quickstart.toml", folder / "results", observations=True)


def _stored(folder: Path) -> bytes:
    """A store of a few rows."""
    from lab.execution.store import SCHEMA

    file = folder / "whole.db"
    if not file.exists():
        db = sqlite3.connect(file)
        db.executescript(SCHEMA)
        db.execute("INSERT INTO meta VALUES ('physics_version', '2'), ('store_version', '2')")
        for planned in lab.read(ROOT / "studies" / "quickstart.toml").plan[:20]:
            run = planned.run
            row = {"fingerprint": run.fingerprint(), "spec": run.canonical(), "status": "done",
                   "N": run.N, "loss": 0.1, "relative": 0.1, "best_step": 1,
                   "trajectory": "[[1, 0.5]]",
                   "seconds": 1.0, "group_size": 1, "details": "{}"}  # fmt: skip
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            db.execute(f"INSERT INTO runs ({names}) VALUES ({marks})", tuple(row.values()))
            seen = (row["fingerprint"], 1.0, "train", 0.05, None)
            db.execute("INSERT INTO observations VALUES (?, ?, ?, ?, ?)", seen)
        db.commit()
        db.close()
    return file.read_bytes()


def _asked(study: object) -> None:
    """What the verbs that train nothing ask of a study that was called fine."""
    plan.check_memory(study)
    for scan in study.scans:  # type: ignore[attr-defined]
        assert all(map(str, warnings_of(scan)))
    runs = sum(cross_checks.runs(panel) for panel in study.panels)  # type: ignore[attr-defined]
    if runs <= PLANNED:
        assert str(lab.plan(study, "nowhere"))  # type: ignore[arg-type]


def _packed(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


GRID = [(8 * 2**k, 3 / 2**k + 0.01 * (k % 3), k % 3 + 0.5) for k in range(40)]
CLOTHES = {
    "a.csv": "x;y;g\n" + "".join(f"{x};{y};{g}\n".replace(".", ",") for x, y, g in GRID),
    "b.txt": "# made by hand\n" + "".join(f"{x}  {y}\t{g}\n" for x, y, g in GRID),
    "c.csv": ",x,y,g\n" + "".join(f'{i},"{x:,}",{y} %,{g}\n' for i, (x, y, g) in enumerate(GRID)),
    "d.tsv": "x\ty\tg\n" + "".join(f"{x / 1e3:.3f}k\t{y}\tNA\n" for x, y, g in GRID),
    "e.json": json.dumps([{"x": x, "y": y, "g": {"h": g}} for x, y, g in GRID]),
    "f.jsonl": "\n".join(json.dumps({"x": x, "y": y, "g": g}) for x, y, g in GRID),
    "g.json": json.dumps({"columns": ["x", "y", "g"], "data": GRID}),
    "h.npz": _packed(X=np.array(GRID), y=np.arange(40.0)),
    "i.npz": _packed(data=np.ones(40), indices=np.arange(40) % 7, indptr=np.arange(41),
                     shape=np.array([40, 7]), format=np.array(b"csr")),
    "j.csv": '"a, b",x,y,g\n' + "".join(f'1,{x},{y},"{g}"\n' for x, y, g in GRID),
}  # fmt: skip
ODD = ["1.3B", "56 %", "1,234", "1.234,5", "NA", "n/a", "None", "#", "|", "  ", '""', "{", "[",
       "\"", "null", "true", "1e5", "\u2212", "\u00a0", "`", "2\u202f000", "-", "?", "%",
       "k"]  # fmt: skip

MUTANTS: dict[str, Callable[[random.Random, Path], None]] = {
    "study": of_study, "overrides": of_overrides, "formula": of_formula, "table": of_table,
    "store": of_store, "file": of_file,
}  # fmt: skip
SHARES = {"study": 40, "overrides": 40, "formula": 10, "table": 6, "store": 4, "file": 10}


def mutant(seed: int, folder: Path) -> tuple[str, str | None, float]:
    """Its kind, the traceback if it ended in one, and the seconds of work that it took."""
    rng = random.Random(seed)
    kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
    start, wrong = time.process_time(), None
    try:
        MUTANTS[kind](rng, folder)
    except (StudyError, TableError, PointsError):
        pass
    except Exception:
        wrong = traceback.format_exc()
    return kind, wrong, time.process_time() - start


def main(mutants: int, seed: int) -> int:
    """Try so many mutants; returns how many were not taken well."""
    slowest, bad = 0.0, 0
    kinds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(seed, seed + mutants):
            kind, wrong, took = mutant(number, Path(folder))
            kinds[kind] += 1
            slowest = max(slowest, took)
            if took > SLOWEST:
                wrong = f"{wrong or ''}took {took:.1f} s"
            if wrong:
                bad += 1
                print(f"seed {number}, a {kind}:\n{wrong}", flush=True)
    told = ", ".join(f"{count} of a {kind}" for kind, count in kinds.items())
    print(f"{mutants} mutants ({told}): {bad} bad, the slowest took {slowest:.2f} s")
    return bad


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:3]]
    raise SystemExit(1 if main(*(given + [5000, 0][len(given) :])) else 0)
