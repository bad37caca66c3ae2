"""Markdown that renders as text: tables, and words in which nothing is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text cells."""
    lines = ["| " + " | ".join(map(escape, columns)) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(map(escape, row)) + " |" for row in rows)])


def escape(text: str) -> str:
    """Text as it stands: no HTML, no link, no emphasis, no code, no column of a table."""
    for a, b in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("](", "]\\("), ("][", "]\\["),
                 ("|", "\\|"), ("`", "\\`"), ("*", "\\*")):  # fmt: skip
        text = text.replace(a, b)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # within a word it is no markup
