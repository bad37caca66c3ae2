"""Tables and sentences fit their terminal without a folded word, in the letters that it has."""

import io

import pytest

from lab.terminal import Terminal, clean, flagged, spell, spelled

HEAD = ("d", "prediction", "α", "95 % interval", "verdict", "relation", "doubts")
ROWS = [
    ("2, tanh", "4/d = 2", "1.47 → 0.30", "[0.73, 1.16]", "undecided", "open",
     "flattens, wrong-law, forecast-failed, intervals-disagree"),
    ("4", "4/d = 1", "0.80", "[0.73, 1.16]", "agrees", "above", "none"),
]  # fmt: skip
WORDS = {word for row in (HEAD, *ROWS) for cell in row for word in cell.split()}


def shown(columns, **settings):
    text = Terminal(columns, fits=True, **settings).table(
        "Does it hold?", HEAD, ROWS, most=range(5)
    )
    assert max(map(len, text.split("\n"))) <= columns
    return text


@pytest.mark.parametrize("columns", [40, 55, 65, 80, 100, 120, 200])
def test_no_word_is_folded_and_no_line_too_long(columns):
    found = set(shown(columns).translate({ord(c): " " for c in "│┃"}).split())
    kept = {word for row in (HEAD, *ROWS) for cell in row[:5] for word in cell.split()}
    assert kept <= found


def test_what_has_no_room_is_named():
    assert "relation, doubts" in shown(80) and "--wide" in shown(80)
    assert "intervals-disagree" in shown(120) and "--wide" not in shown(120)


def test_forty_columns_have_a_line_per_fact():
    lines = shown(40).split("\n")
    assert "  prediction     4/d = 2" in lines and "  verdict        agrees" in lines
    assert "d 2, tanh" in lines and not any("┃" in line for line in lines)


def test_wide_and_files_have_everything():
    for terminal in (Terminal(), Terminal(80, wide=True)):
        text = terminal.table("Does it hold?", HEAD, ROWS, most=range(5))
        assert all(word in text for word in WORDS)
    long = Terminal(80, wide=True).table("", ("a", "b"), [("x" * 120, "y" * 120)])
    assert "x" * 120 in long and "y" * 120 in long


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("columns", [40, 80])
def test_letters_that_are_missing_are_spelled(columns, encoding):
    text = shown(columns, encoding=encoding)
    text.encode(encoding)
    assert "alpha" in text and "->" in text and "?" not in text.replace("hold?", "")


@pytest.mark.parametrize("letters, ascii", [
    ("α", "alpha"), ("±", "+-"), ("–", "-"), ("Δα", "Deltaalpha"), ("½", "1/2"), ("é", "e"),
    ("∞", "inf"), ("ν = 3/2", "nu = 3/2"), ("漢", "?"), ("\udc80", "?"), ("┏", "+"),
])  # fmt: skip
def test_spelling(letters, ascii):
    assert spelled(letters, "ascii") == ascii
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    spell(file)
    file.write(letters)
    file.flush()
    assert file.buffer.getvalue().decode() == ascii


@pytest.mark.parametrize(
    "text", ["Does [/b] hold?", "What of [/]?", "[red]x[/red]", ":smile: a[0]"]
)
def test_markup_stands_as_it_is(text):
    for terminal in (Terminal(), Terminal(80, fits=True, styled=True), Terminal(40, fits=True)):
        table = terminal.table(text, (text, "b"), [(text, "c")])
        assert table.count(text) >= 3 - (terminal.width == 40)
        assert terminal.paragraph(text) == terminal.line(text) == text


def test_control_characters_are_removed():
    assert clean("a\x1b[31mb\x07c\u202ed\n\te") == "a[31mbcd\n    e"
    table = Terminal(80, fits=True).table("\x1b]0;x\x07", ("a",), [("\x9b2J",)])
    assert not {c for c in table if c < " " and c != "\n"} | ({"\x9b"} & set(table))


def test_lines_go_on_under_what_they_label():
    text = Terminal(40, fits=True).line(
        "time      about three minutes and at most twelve to compile"
    )
    first, *rest = text.split("\n")
    assert first.startswith("time      about") and all(line.startswith(" " * 10) for line in rest)


def test_a_table_without_rows_or_names_is_no_trouble():
    assert Terminal(80, fits=True).table("", ("a", ""), [])


@pytest.mark.parametrize("message, typed", [
    ("take more by `sample` 30000.", "take more by --sample 30000."),
    ("say how, by `exclude_window`, or take fewer", "say how, by --exclude-window, or take fewer"),
    ("give `x` COLUMN `loss` COLUMN.", "give --x COLUMN --loss COLUMN."),
    ("take `k` 5 and `discard` 0.1", "take --k 5 and --discard 0.1"),
    ("nothing stored yet; `lab.run` comes first", "nothing stored yet; `lab run` comes first"),
    ("'`k` > 3': a column `x`, `lab.loads`", "'`k` > 3': a column `x`, `lab.loads`"),
])  # fmt: skip
def test_messages_name_fields_and_the_command_line_its_options(message, typed):
    assert flagged(message) == typed
