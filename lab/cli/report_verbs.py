"""The verbs that write for people: pages of studies, and figures for print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lab.cli.output import (
    RESULTS,
    Overrides,
    Results,
    StudyFile,
    Wide,
    answered,
    command,
    quoted,
    read,
    say,
    say_answer,
    say_sentence,
    typed,
)
from lab.mistakes import StudyError

Studies = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[STUDY]…", help="Study files; none: the index of all results."),
]


def report(
    studies: Studies = None,
    overrides: Overrides = None,
    results: Results = RESULTS,
    wide: Wide = False,
) -> None:
    """Write table, fits, figures and a page of what is stored to results/STUDY/.

    Of several studies, write one page that compares them; of none, the index of all results.
    """
    if not studies:
        from lab.report import pages

        say(f"Written: {pages.write_index(results)}")
    elif len(studies) == 1:
        asked = read(studies[0], overrides)
        say_answer(asked, studies[0], results, write=True, wide=wide)
    else:
        _compare(studies, overrides, results)


def _compare(studies: list[Path], overrides: list[str] | None, results: Path) -> None:
    from lab.report import comparison

    names = [path.stem for path in studies]
    if len(set(names)) < len(names):
        raise StudyError([f"{', '.join(map(str, studies))}: two of these have one name, and so one "
                          "results folder; name different studies"])  # fmt: skip
    found = [_stored(path, overrides, results) for path in studies]
    file = comparison.file_of(names, results)
    pairs = [(name, one.answers) for name, one in zip(names, found, strict=True)]
    say(f"Written: {comparison.write(pairs, file)}")


def figures(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    form: Annotated[str, typer.Option("--format", help="svg, pdf or png.")] = "pdf",
    width: Annotated[
        str, typer.Option(help="single (86 mm), double (178 mm) or slide (254 mm).")
    ] = "double",
) -> None:
    """Write the figures for print to results/STUDY/figures/, of a width in millimetres."""
    from lab.report import figure_files

    figure_files.check_format(form, width)
    found = _stored(study, overrides, results)
    written = figure_files.publish(found.drawn(), found.folder / "figures", form, width)
    if found.lacking or found.source:
        say_sentence(found.lacking or found.source)
    say("Written: " + ", ".join(map(str, written)))


def findings(
    documents: Annotated[
        list[Path], typer.Argument(metavar="DOCUMENT…", help="Text files with markers, such as "
                                   "README.md.")
    ],
    results: Results = RESULTS,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 2 where a document is not "
                           "what results say.")
    ] = False,
) -> None:  # fmt: skip
    """Fill the tables of findings of a document from the fits.json of results.

    A marker <!-- findings: STUDY --> or <!-- findings in brief: ... --> is followed by its table up
    to <!-- end -->, and <!-- finding: STUDY d=8 --> by one exponent within a sentence.
    """
    from lab.files import put
    from lab.report.marked_document import Document

    every = [Document(file, results) for file in documents]
    old = [one for one in every if one.filled() != one.read()]
    if check and old:
        raise StudyError(
            [f"{one.file}: its findings are not those of {results}; "
             f"`lab findings {quoted(one.file)}` writes them" for one in old]
        )  # fmt: skip
    for one in old:
        say(f"Written: {put(one.filled(), one.file)}")


def _stored(study: Path, overrides: list[str] | None, results: Path) -> Any:
    found = answered(read(study, overrides), study, results)
    if not found.stored:
        raise StudyError(
            [
                f"{found.folder}: nothing stored yet; "
                f"`{typed(command('run', study, overrides, results))}` comes first"
            ]
        )
    return found
