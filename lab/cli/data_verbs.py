"""The verb of data: how many dimensions they have."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.options import AsJson
from lab.cli.output import say_json, say_sentence, say_table
from lab.mistakes import StudyError


def dimension(
    source: Annotated[
        str, typer.Argument(metavar="DATA", help="A file (.csv, .tsv, .json, .parquet, .npy, .npz) "
                            "or a set that comes with scikit-learn, such as digits or swiss_roll.")
    ],
    columns: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Coordinates, by name (arrays: by number); "
                                 "'varying': all that are not constant. Default: all.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="CONDITION", help="Rows to use, as in \"x > 0 and "
                                 "kind == 'a'\".")
    ] = None,
    discard: Annotated[
        float, typer.Option(metavar="SHARE", help="Largest ratios that two-nn-linear and knn leave "
                            "out.")
    ] = 0.1,
    k: Annotated[
        int, typer.Option("--k", metavar="K", help="Neighbours of mle and mle-inverse.")
    ] = 10,
    metric: Annotated[
        str, typer.Option(metavar="euclidean|cosine|precomputed", help="How far points are from "
                          "each other; precomputed: DATA is the matrix of all distances.")
    ] = "euclidean",
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Give every column mean 0 and standard deviation "
                           "1 first.")
    ] = False,
    exclude_window: Annotated[
        int, typer.Option("--exclude-window", min=0, metavar="ROWS", help="Rows before and after a "
                          "point that are no neighbours of it, where rows follow in time.")
    ] = 0,
    sample: Annotated[
        int, typer.Option(min=1, metavar="N", help="Points that are drawn at random from more.")
    ] = 20_000,
    decimal: Annotated[
        str | None, typer.Option(metavar=",|.", help="What separates decimals; default: as the "
                                 "cells tell.")
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Estimate the intrinsic dimension of data, raw and corrected for bias. Writes nothing.

    Every row is a point. Estimators of nearest neighbours read low where the dimension is high: the
    corrected estimate takes off what they read low on manifolds of known dimension.
    """
    from lab.dimension.measurement import measure
    from lab.dimension.neighbours import PointsError
    from lab.dimension.points import read_points
    from lab.plain import plain
    from lab.report.progress import counted, patient

    try:
        with patient(f"reading {source}"):
            points = read_points(
                source,
                columns,
                where,
                sample=None if metric == "precomputed" else sample,
                decimal=decimal,
            )
        with patient(f"measuring the dimension of {len(points.values)} points"):
            found = measure(
                points.values,
                discard=discard,
                k=k,
                metric=metric,
                standardise=standardise,
                exclude_window=exclude_window,
                columns=points.columns,
                track=lambda blocks: counted(blocks, "searching neighbours in", unit="blocks"),
            )
    except PointsError as error:
        raise StudyError([str(error)]) from None
    except MemoryError:
        raise StudyError([f"{source}: too large for the memory of this machine"]) from None
    warnings = [*points.warnings, *found.warnings]
    if as_json:
        say_json(plain(found.as_json() | {"warnings": warnings}))
        return
    from lab.report import verb_tables as shown

    title = f"{points.name}: {found.n} points, {found.ambient} coordinates"
    say_table(title, shown.DIMENSION_HEAD, shown.dimension_lines(found))
    for sentence in shown.dimension_sentences(found, points.warnings):
        say_sentence(sentence)
