"""The verbs that write for people: pages of studies, and figures for print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.output import (
    RESULTS,
    Overrides,
    Results,
    StudyFile,
    Wide,
    answered,
    quoted,
    read,
    say,
    say_report,
    say_sentence,
)
from lab.mistakes import StudyError

Studies = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[STUDY]…", help="Study files; without any, write the index of all results."
    ),
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
        from lab.report import index

        say(f"Written: {index.write_index(results)}")
    elif len(studies) == 1:
        say_report(answered(read(studies[0], overrides), results), write=True, wide=wide)
    else:
        from lab.report import comparison

        file = comparison.file_of(studies, results)
        found = [(path.stem, answered(read(path, overrides), results).answers) for path in studies]
        say(f"Written: {comparison.write(found, file)}")


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
    from lab.report.figure_files import check_format

    check_format(form, width)
    found = answered(read(study, overrides), results)
    written = found.publish(form, width)
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
        bool, typer.Option("--check", help="Write nothing; exit with 2 if a document differs from "
                                           "the results.")
    ] = False,
) -> None:  # fmt: skip
    """Fill the findings of a document from the files of results.

    A marker <!-- findings: STUDY --> or <!-- findings in brief: ... --> is followed by its table up
    to <!-- end -->, and <!-- finding: STUDY d=8 --> by one exponent within a sentence.
    <!-- value: STUDY/FILE.csv COLUMN d=8 --> is a number of any table of results, <!-- rows:
    STUDY/FILE.csv COLUMN,COLUMN --> some of its rows, and <!-- quoted: STUDY/report.md --> checks
    that the words up to <!-- end --> stand in that file.
    """
    from lab.report.marked_document import outdated

    old = outdated(documents, results)
    if check and old:
        raise StudyError(
            [f"{one.file}: its findings are not those of {results}; "
             f"`lab findings {quoted(one.file)}` writes them" for one in old]
        )  # fmt: skip
    for one in old:
        say(f"Written: {one.write()}")
