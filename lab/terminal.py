"""The terminal: how wide it is, which letters it has, and text and tables that fit it.

On a terminal a table takes the first of these forms in which no word is folded: all columns, the
columns that matter most, or a list with a line per fact. In a file or a pipe there are WIDE columns
and every table is whole. Letters that the output does not have are spelled, α as alpha; characters
that would control the terminal are removed. Knows nothing of studies.
"""

from __future__ import annotations

import codecs
import os
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

WIDE = 150
"""Columns of what is no terminal."""
SHORT = 16
"""Cells of so many letters are never broken."""
TALL = 3
"""Lines that a cell may take."""
NARROW = 20
"""Columns below which nothing is tried."""
FRAME, PLAIN = 3, 2
"""Columns that a column of a table takes beside its text, with lines around it and without."""
ASCII = {
    "–": "-", "—": "-", "−": "-", "±": "+-", "×": "x", "·": ".", "…": "...", "→": "->", "≠": "!=",
    "≤": "<=", "≥": ">=", "≫": ">>", "≪": "<<", "∞": "inf", "∝": "~", "≈": "~", "√": "sqrt",
    "∈": "in", "‘": "'", "’": "'", "“": '"', "”": '"', "°": " deg", "─": "-", "━": "-", "═": "-",
    "╸": "-", "╺": "-", "│": "|", "┃": "|", "\u00a0": " ", "⁄": "/",
}  # fmt: skip
"""Spelling of letters where only ASCII can be written."""
FIELD = re.compile(
    r"`(columns|decimal|discard|engine|exclude_window|group|results|sample|scheduler|share|"
    r"standardise|where|workers|k(?=` \d)|(?:x|loss)(?=` COLUMN))`"
)
"""Fields of the Python door as messages name them, which are options of the command line."""
VERB = re.compile(r"`lab\.(runs?)`")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and those that turn the direction of writing."""


def flagged(text: str) -> str:
    """A message as whoever types commands reads it: `sample` is --sample, `lab.run` is `lab run`.

    Messages name the fields and functions of the Python door; options are spelled here alone.
    """
    text = FIELD.sub(lambda field: f"--{field[1].replace('_', '-')}", text)
    return VERB.sub(r"`lab \1`", text)


def clean(text: str) -> str:
    """The text without characters that control a terminal."""
    return CONTROL.sub("", text.expandtabs(4))


def spelled(text: str, encoding: str) -> str:
    """The text with letters that an encoding does not have written out."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(c if _has(encoding, c) else _ascii(c) for c in text)
    return text


def _has(encoding: str, letter: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _ascii(letter: str) -> str:
    """A letter in ASCII; '?' for what has no spelling."""
    if letter in ASCII:
        return ASCII[letter]
    if "\u2500" <= letter <= "\u257f":
        return "+"
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+).*", unicodedata.name(letter, ""))
    if greek:
        return greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
    plain = "".join(ASCII.get(c, c) for c in unicodedata.normalize("NFKD", letter))
    return plain.encode("ascii", "ignore").decode() or "?"


def _spell(error: UnicodeError) -> tuple[str, int]:
    """The same as a handler of errors of encoding."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_ascii, error.object[error.start : error.end])), error.end


def spell(stream: Any) -> None:
    """Let a stream spell what its encoding does not have, whoever writes to it."""
    codecs.register_error("spelled", _spell)
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="spelled")


@dataclass(frozen=True)
class Terminal:
    """Destination of text.

    fits: whether text must fit the width, as on a terminal. wide: let tables be as wide as they
    are. styled: whether escape sequences may make text bold.
    """

    width: int = WIDE
    fits: bool = False
    wide: bool = False
    encoding: str = "utf-8"
    styled: bool = False

    @classmethod
    def of(cls, stream: Any, *, wide: bool = False) -> Terminal:
        """Kind of a stream."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        if stream is None or not stream.isatty():
            return cls(wide=wide, encoding=encoding)
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") in ("dumb", "unknown")
        width = max(shutil.get_terminal_size().columns, NARROW)
        return cls(width, not wide, wide, encoding, not plain)

    def line(self, text: str) -> str:
        """Lines as they are; on a terminal long ones go on under what they label."""
        own = self._own(text)
        return "\n".join(map(self._wrapped, own.split("\n"))) if self.fits else own

    def paragraph(self, text: str) -> str:
        """Sentences, broken between words."""
        return self.line(text) if self.fits else self._rendered(_text(self._own(text)), self.width)

    def table(
        self,
        title: str,
        columns: Iterable[str],
        rows: Iterable[Sequence[str]],
        *,
        most: Sequence[int] = (),
    ) -> str:
        """A table of text cells in a form that fits; most: the columns that matter most."""
        title = " ".join(self._own(title).split())
        head = [self._own(name) for name in columns]
        cells = [[self._own(cell) for cell in row] for row in rows]
        every = range(len(head))
        if not self.fits:
            natural = _total([w for w, _ in _widths(head, cells)], FRAME) if self.wide else 0
            return self._framed(title, head, cells, None, width=max(self.width, natural))
        forms = [(every, FRAME), *([(most, FRAME), (most, PLAIN)] if most else [(every, PLAIN)])]
        for kept, beside in forms:
            some = [head[i] for i in kept], [[row[i] for i in kept] for row in cells]
            widths = _layout(*some, self.width, beside)
            if widths is not None:
                shown = self._framed(title, *some, widths, width=self.width, beside=beside)
                rest = ", ".join(head[i] for i in every if i not in kept)
                note = f"Left out for want of room: {rest}; --wide shows them."
                return f"{shown}\n{self.line(note)}" if rest else shown
        return self._listed(title, head, cells)

    def _own(self, text: str) -> str:
        return spelled(clean(text), self.encoding)

    def _wrapped(self, line: str) -> str:
        """A line broken between words; what follows a label stands under what it labels."""
        label = re.match(r"\s*(?:\S+(?: \S+)*\s{2,})?", line)
        hang = label.end() if label and label.end() <= self.width // 2 else 2
        return "\n".join(
            textwrap.wrap(line, self.width, subsequent_indent=" " * hang, break_long_words=False,
                          break_on_hyphens=False)
        )  # fmt: skip

    def _listed(self, title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """A line per fact; the first column is the heading of its row."""
        most = max((len(name) for name in head[1:] if len(name) <= SHORT), default=0)
        lines = [title]
        for first, *others in rows:
            lines += ["", f"{head[0]} {first}"]
            facts = zip(head[1:], others, strict=True)
            lines += [f"  {name:{most}}  {cell}" for name, cell in facts if cell]
        return "\n".join(map(self._wrapped, lines))

    def _framed(
        self,
        title: str,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: Sequence[int] | None,
        *,
        width: int,
        beside: int = FRAME,
    ) -> str:
        from rich import box
        from rich.table import Table

        lines = box.HEAVY_HEAD if self.encoding.lower().startswith("utf") else box.ASCII
        table = Table(
            title=_text(title, "italic"), box=lines if beside == FRAME else None,
            pad_edge=beside == FRAME, padding=(0, 1) if beside == FRAME else (0, PLAIN, 0, 0),
        )  # fmt: skip
        for i, name in enumerate(head):
            table.add_column(_text(name), overflow="fold", width=widths[i] if widths else None)
        for cells in rows:
            table.add_row(*map(_text, cells))
        return self._rendered(table, width)

    def _rendered(self, what: Any, width: int) -> str:
        from rich.console import Console

        console = Console(
            file=StringIO(), width=width, force_terminal=self.styled, highlight=False,
            color_system="standard" if self.styled else None,
        )  # fmt: skip
        with console.capture() as captured:
            console.print(what)
        return captured.get().removesuffix("\n")


def _text(text: str, style: str = "") -> Any:
    """Text in which nothing is markup."""
    from rich.text import Text

    return Text(text, style=style)


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Widths of every column: of its longest cell, and of the longest part that stays whole."""
    return [
        (max(1, *map(len, cells)), max(1, *map(_whole, cells)))
        for cells in zip(head, *rows, strict=True)
    ]  # fmt: skip


def _whole(cell: str) -> int:
    return len(cell) if len(cell) <= SHORT else max(map(len, cell.split()), default=0)


def _total(widths: Sequence[int], beside: int) -> int:
    return sum(widths) + beside * len(widths) + (1 if beside == FRAME else -beside)


def _layout(
    head: Sequence[str], rows: Sequence[Sequence[str]], width: int, beside: int
) -> list[int] | None:
    """Widths of the columns within a width, the widest cut first; None if that folds a word or
    makes a cell taller than TALL lines."""
    found = _widths(head, rows)
    widths, least = [w for w, _ in found], [whole for _, whole in found]
    while _total(widths, beside) > width:
        wide = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        if widths[wide] <= least[wide]:
            return None
        widths[wide] -= 1
    tall = (
        len(textwrap.wrap(cell, w)) > TALL
        for row in rows
        for cell, w in zip(row, widths, strict=True)
    )
    return None if any(tall) else widths
