"""Findings in a document of your own, such as a README, out of the files of results.

What stands between a marker and `<!-- end -->` is written anew from results, everything else stays:

    <!-- findings: STUDY -->        a table, one row per setting of the study
    <!-- findings in brief:
    STUDY: words                    a table, one row per panel and whatever differs besides d; the
    STUDY nu=0.5: words -->         words name the row, which links to the study's report
    <!-- finding: STUDY d=8 -->     α with its interval within a sentence, not at a line's start
    <!-- value: … -->               a number of another table; with rows: … some of its rows, and
    <!-- quoted: STUDY/report.md -->    words that stand in a file, see `table_values.py`

The first three read fits.json: NAME=VALUE after a study picks its settings by d and by the names
that `setting` has there; what has spaces is quoted, as in title="no biases". A sentence needs one.
Nothing is fitted here, and nothing of a document is understood but the markers.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.files import put
from lab.findings.study_results import named
from lab.findings.view import escape, interval, number, table
from lab.mistakes import StudyError
from lab.report import table_values
from lab.scaling.judge.verdict import AGREES, CONTRADICTS

MARKED = re.compile(
    r"(<!-- (findings in brief|findings|finding|value|rows|quoted):(.*?)-->)(.*?)(<!-- end -->)",
    re.S,
)
OPENED = re.compile(r"<!-- (?:findings?(?: in brief)?|value|rows|quoted):")
BENT = frozenset({"bent", "flattens", "steepens", "wrong-law", "forecast-failed"})
"""Doubts of a curve that is no one power law; all but the first are of reports before `bent`."""
COUNTS = {"N": "in N", "hidden": "in hidden weights"}

Point = Mapping[str, Any]
"""An entry of `points` in fits.json."""


@dataclass(frozen=True)
class Document:
    """A text file with markers. results: the folder that holds all results."""

    file: Path
    results: Path

    def filled(self) -> str:
        """Its text as it should be. Raises StudyError for markers that cannot be followed."""
        text = self.read()
        if len(OPENED.findall(text)) != len(MARKED.findall(text)):
            raise StudyError([f"{self.file}: a marker of findings lacks its <!-- end -->; add it"])
        if not MARKED.search(text):
            raise StudyError(
                [f"{self.file}: no marker of findings; write <!-- findings: STUDY --> and, below "
                 "it, <!-- end --> where a table belongs"]
            )  # fmt: skip
        return MARKED.sub(lambda found: f"{found[1]}{self._fill(*found.group(2, 3, 4))}{found[5]}",
                          text)  # fmt: skip

    def read(self) -> str:
        """Its text as it is."""
        try:
            return self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError([f"{self.file}: cannot be read ({error}); name a text file"]) from None

    def write(self) -> Path:
        """Write it as it should be; returns its file."""
        return put(self.filled(), self.file)

    def _fill(self, kind: str, asked: str, words: str) -> str:
        if kind == "findings in brief":
            return f"\n\n{self._brief(asked)}\n\n"
        name, *wanted = self._words(asked)
        if kind in ("value", "rows", "quoted"):
            return self._cells(kind, [name, *wanted], words)
        if kind == "finding":
            return self._one(name, wanted)
        return f"\n\n{self._settings(name, wanted)}\n\n"

    def _cells(self, kind: str, asked: Sequence[str], words: str) -> str:
        try:
            if kind == "quoted":
                return table_values.quoted(self.results, asked, words)
            if kind == "value":
                return table_values.value(self.results, asked)
            return f"\n\n{table_values.rows(self.results, asked)}\n\n"
        except StudyError as error:
            raise StudyError([f"{self.file}: {one}" for one in error.mistakes]) from None

    def _words(self, asked: str) -> list[str]:
        try:
            return shlex.split(asked) or [""]
        except ValueError:
            raise StudyError(
                [f"{self.file}: '{asked.strip()}' has a quote without its end; close it"]
            ) from None  # fmt: skip

    def _one(self, name: str, wanted: Sequence[str]) -> str:
        found = [point for _, points in self._parts(name, wanted) for point in points]
        if len(found) != 1:
            raise StudyError(
                [f"{self.file}: '{' '.join([name, *wanted])}' picks {len(found)} settings; name d "
                 "and what varies so that it picks one"]
            )  # fmt: skip
        return _measured(found[0])

    def _settings(self, name: str, wanted: Sequence[str]) -> str:
        points = [point for _, points in self._parts(name, wanted) for point in points]
        counts = {key: title for key, title in COUNTS.items()
                  if any(key in point.get("alpha_by_size", ()) for point in points)}  # fmt: skip
        head = ("d", "predicted", "α", "95 % interval", *counts.values(), "verdict", "doubts")
        return table(head, [
            (", ".join(filter(None, [str(p["dim"]), _varying(p)])), f"{p['prediction']:.3g}",
             _alpha(p), interval(_ends(p["interval"])),
             *(number(_value(p.get("alpha_by_size", {}).get(key, {}).get("value")))
               for key in counts),
             p["verdict"], ", ".join(p["doubts"]) or "none")
            for p in points
        ])  # fmt: skip

    def _brief(self, asked: str) -> str:
        head = ("study", "d", "predicted", "measured α, 95 % interval", "verdict")
        rows = [row for line in asked.strip().splitlines() for row in self._rows(line)]
        cells = ["| " + " | ".join((link, *map(escape, rest))) + " |" for link, *rest in rows]
        return "\n".join([table(head, []), *cells])

    def _rows(self, line: str) -> Iterator[tuple[str, ...]]:
        """A row per panel and whatever differs besides d; of one d, a row per panel."""
        asked, _, words = line.partition(":")
        name, *wanted = self._words(asked)
        link = Path(os.path.relpath(self.results / name / "report.md", self.file.parent)).as_posix()
        for title, points in self._parts(name, wanted):
            groups = _groups(points, wanted)
            for setting, some in groups.items():
                told = "" if words.strip() and len(groups) == 1 else setting
                label = ", ".join(filter(None, [words.strip() or name, title, told]))
                dims = dict.fromkeys(str(p["dim"]) for p in some)
                yield (f"[{escape(label)}]({link})", ", ".join(dims),
                       ", ".join(f"{p['prediction']:.3g}" for p in some),
                       ", ".join(map(_measured, some)), _verdicts(some))  # fmt: skip

    def _parts(self, name: str, wanted: Sequence[str]) -> list[tuple[str, list[Point]]]:
        """The title of every panel of a study that has points that are picked, and these."""
        file = self.results / name / "fits.json"
        try:
            fits = json.loads(file.read_text(encoding="utf-8"))
            every = [(part.get("title") or "", part["points"])
                     for part in fits.get("panels", [fits])]  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise StudyError(
                [f"{self.file}: there are no fits of '{name}' in {file}; `lab report {name}.toml` "
                 "writes them"]
            ) from None  # fmt: skip
        claimed = [(title, [p for p in points if p["prediction"] is not None])
                   for title, points in every]  # fmt: skip
        picked = [(title, [p for p in points if all(_picks(p, one) for one in wanted)])
                  for title, points in claimed]  # fmt: skip
        found = [(title, points) for title, points in picked if points]
        if not found:
            raise StudyError(
                [f"{self.file}: '{' '.join([name, *wanted])}' picks no setting; {file} names them"]
            )
        return found


def outdated(files: Iterable[Path], results: Path) -> list[Document]:
    """The documents that are not what results say. Raises StudyError as `filled` does."""
    every = [Document(file, results) for file in files]
    return [one for one in every if one.filled() != one.read()]


def _groups(points: Sequence[Point], wanted: Sequence[str]) -> dict[str, list[Point]]:
    """Points by what varies besides d and what was picked; all of them under one name where d does
    not vary."""
    hidden = {"title", *(one.partition("=")[0] for one in wanted)}
    if len({point["dim"] for point in points}) == 1:
        names = dict.fromkeys(_varying(point, hidden) for point in points)
        return {"; ".join(filter(None, names)): [*points]}
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(_varying(point, hidden), []).append(point)
    return found


def _varying(point: Point, hidden: Collection[str] = ()) -> str:
    pairs = point.get("setting", {}).items()
    return named({k: v for k, v in pairs if k not in hidden})


def _picks(point: Point, wanted: str) -> bool:
    key, _, value = wanted.partition("=")
    known = {"d": point["dim"], **point.get("setting", {})}
    return key in known and str(known[key]) == value


def _alpha(point: Point) -> str:
    """α, of a bent curve with its local exponents at both ends."""
    local, own = point.get("local", ()), number(_value(point["alpha"]))
    if len(local) < 2 or not BENT.intersection(point["doubts"]):
        return own
    first, last = (_value(local[i]["alpha"]) for i in (0, -1))
    return f"{own}, {'falls' if last < first else 'rises'} {number(first)} → {number(last)}"


def _measured(point: Point) -> str:
    """α with its interval, and of a bent curve its local exponents at both ends."""
    own, _, ends = _alpha(point).partition(",")
    return f"{own} {interval(_ends(point['interval']))}" + (f",{ends}" if ends else "")


def _verdicts(points: Sequence[Point]) -> str:
    """The verdict that all share, or how many have each."""
    count: dict[str, int] = {}
    for point in points:
        count[point["verdict"]] = count.get(point["verdict"], 0) + 1
    if len(count) == 1:
        return next(iter(count))
    plural = {AGREES: "agree", CONTRADICTS: "contradict"}
    return ", ".join(f"{n} {verdict if n == 1 else plural.get(verdict, verdict)}"
                     for verdict, n in sorted(count.items()))  # fmt: skip


def _value(value: float | None) -> float:
    return math.nan if value is None else value


def _ends(ends: Sequence[float | None]) -> tuple[float, float]:
    return _value(ends[0]), _value(ends[1])
