"""The verbs of the statistics: fit a study or a table, calibrate a design, measure the dimension of
points."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from lab import ALTERNATIVES
from lab.cli.output import (
    FOLDER,
    RESULTS,
    AsJson,
    Overrides,
    Results,
    StudyFile,
    Wide,
    answered,
    completing,
    laws,
    read,
    results_folder,
    say,
    say_json,
    say_report,
    say_sentence,
    say_table,
)
from lab.mistakes import StudyError

SENSES = ("equal", "bound")
RESIDUALS = ("log", "raw")
EXAMPLE = "N=parameters,D=tokens,L=loss"
PREPARING = ("where", "drop_worst", "best_of", "checks", "log10", "percent", "unit", "decimal")
"""Options that say which rows of a table are used, and how its cells are read."""


def fit(
    source: Annotated[
        Path, typer.Argument(metavar="STUDY|TABLE", help="A study (.toml) or a table (.csv, .tsv, "
                             ".json, .parquet; .csv.gz).")
    ],
    overrides: Overrides = None,
    results: Annotated[
        Path | None, typer.Option(help="Folder that holds all results; default: $"
                                  f"{FOLDER}, else results.")
    ] = None,
    law: Annotated[
        str | None, typer.Option(metavar="LAW", autocompletion=completing(laws),
                                 help="Law to fit to a table: power+floor, m3, m4, "
                                 "bnsl, power, saturating; chinchilla, kaplan, rosenfeld, "
                                 "power-mean, max, product, powers; three-terms, kaplan-steps.")
    ] = None,
    x: Annotated[str | None, typer.Option("--x", metavar="COLUMN", help="Column of x.")] = None,
    loss: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of the loss.")] = None,
    columns: Annotated[
        str | None, typer.Option(metavar=EXAMPLE, help="Columns of a law of several variables.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of teachers, or of other groups "
                                 "whose rows belong together, such as checkpoints of one "
                                 "model.")
    ] = None,
    hold: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Hold a parameter of the law, as "
                                       "in E=0. Repeatable.")
    ] = None,
    predict: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Exponent to test, such as 4/3.")
    ] = None,
    sense: Annotated[
        str | None, typer.Option(metavar="equal|bound", autocompletion=completing(lambda: SENSES),
                                 help="The prediction is the exponent, the "
                                 "default, or a lower bound.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Relative tolerance of the prediction; default: 0.15.")
    ] = None,
    huber: Annotated[
        float | None, typer.Option(metavar="DELTA", help="Huber's δ; default: least squares.")
    ] = None,
    residual: Annotated[
        str | None, typer.Option(metavar="log|raw",
                                 autocompletion=completing(lambda: RESIDUALS),
                                 help="Residuals in log loss, the default, or in loss.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="CONDITION", help="Rows to use, as in \"flops<1e21 and "
                                 "family == 'pythia' and tokens is not missing\".")
    ] = None,
    drop_worst: Annotated[
        int | None, typer.Option(metavar="K", help="Leave out the K largest losses, after --where.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(metavar="N=7e9,D=1.4e12", help="Predict the loss there: "
                                       "value, intervals, how far beyond the data. Repeatable; "
                                       "also a table of rows.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw data, law, band and residuals (.png, "
                                  ".svg, .pdf).")
    ] = None,
    allocate: Annotated[
        list[str] | None, typer.Option(metavar="FLOP", help="Best N and D at this compute, "
                                       "along the frontier of the rows. Repeatable.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of standard errors of the loss.")
    ] = None,
    best_of: Annotated[
        str | None, typer.Option(metavar="COLUMN,…", help="Columns of a sweep, as lr,batch: for "
                                                          "each x the row of the lowest loss is "
                                                          "fitted.")
    ] = None,
    log10: Annotated[
        str | None, typer.Option("--log10", metavar="NAME,…", help="Symbols or columns that hold "
                                 "logarithms to base 10.")
    ] = None,
    percent: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Symbols or columns in per cent.")
    ] = None,
    unit: Annotated[
        list[str] | None, typer.Option(metavar="NAME=NUMBER", help="Unit of a symbol or a column, "
                                       "as in N=1e6. Repeatable.")
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(metavar=",|.", help="Decimal separator; default: as the cells "
                                                     "show.")
    ] = None,
    checks: Annotated[
        bool, typer.Option("--checks", help="Keep checks and limits in a table of `lab export`.")
    ] = False,
    frontier: Annotated[
        bool, typer.Option("--frontier", help="Fit the compute frontier of a table instead of a "
                                              "law: "
                           "columns N, D, L, and C unless it is 6 N D.")
    ] = False,
    method: Annotated[
        str | None, typer.Option(metavar="envelope|isoflop|parametric", help="Estimator of the "
                                                                             "frontier; default: "
                                                                             "each that the table "
                                                                             "allows, and with "
                                 "--law the law.")
    ] = None,
    as_json: AsJson = False,
    wide: Annotated[
        bool, typer.Option("--wide", help="For a table: a column is a run. For a study: print all "
                           "columns, also where the terminal has no room for them.")
    ] = False,
) -> None:  # fmt: skip
    """Fit the stored runs of a study, or a law to a table, with intervals; predict with it. Writes
    nothing but the figure that --plot names.

    A study's prediction stands in its file. A table needs --law and the names of its columns:
    --x and --loss, or --columns. Separators, decimal commas, suffixes (1.3B), per cent, indices
    and comments are recognised, and said. Empty cells, NA and nan are missing: rows that lack a
    value that is used are left out. A refused fit exits with 2.
    """
    from lab.scaling.tables.files import ending, several
    from lab.scaling.tables.formats import ENDINGS

    options = {
        "law": law, "x": x, "loss": loss, "columns": columns, "group": group, "predict": predict,
        "sense": sense, "tolerance": tolerance, "huber": huber, "residual": residual,
        "where": where, "drop_worst": drop_worst, "hold": hold, "at": at, "plot": plot,
        "weights": weights, "best_of": best_of, "log10": log10, "percent": percent, "unit": unit,
        "decimal": decimal, "checks": checks or None, "allocate": allocate,
        "frontier": frontier or None, "method": method,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    if ending(source) == ".toml":
        _refuse(given, "a table", "a study")
        _fit_study(source, overrides, results or results_folder(), as_json, wide)
    elif ending(source) in ENDINGS or several(source):
        _refuse({"set": overrides, "results": results}, "a study", "a table")
        (_fit_frontier if frontier else _fit_table)(
            source, given | ({"wide": True} if wide else {}), as_json
        )
    else:
        raise StudyError(
            [f"{source}: its ending is neither .toml, a study, nor {', '.join(ENDINGS)}, a table; "
             "rename it or give another file"]
        )  # fmt: skip


def _refuse(options: dict[str, Any], whose: str, what: str) -> None:
    """StudyError if an option of the other kind of file was given."""
    for name in (name for name, value in options.items() if value is not None):
        option = "--" + name.replace("_", "-")
        raise StudyError([f"{option} is for {whose}, and this is {what}; leave it out"])


def _fit_study(
    path: Path, overrides: list[str] | None, results: Path, as_json: bool, wide: bool
) -> None:
    import lab

    asked = read(path, overrides)
    if as_json:
        say_json(lab.answer(asked, results).plain())
    else:
        say_report(answered(asked, results), write=False, wide=wide)


def _parsed(given: dict[str, Any]) -> dict[str, Any]:
    """Options of a table as what their text says."""
    from lab.scaling.tables.rows import listed

    asked = dict(given)
    if "columns" in given:
        asked["columns"] = _columns(given)
    if "predict" in given:
        asked["predict"] = _value(given["predict"])
    for option in ("hold", "unit"):
        if option in given:
            asked[option] = _numbers(option, given[option])
    for option in ("best_of", "log10", "percent"):
        if option in given:
            asked[option] = listed(given[option])
    if "allocate" in given:
        asked["allocate"] = [_typed("allocate", text) for text in given["allocate"]]
    return asked


def _fit_frontier(path: Path, given: dict[str, Any], as_json: bool) -> None:
    from lab.findings import frontiers as shown
    from lab.report.progress import patient
    from lab.scaling.tables.reply import fit_frontier
    from lab.scaling.tables.rows import TableError

    asked = _parsed(given)
    asked.pop("frontier")
    takes = ("columns", "group", "huber", "method", "allocate", *PREPARING)
    _refuse({n: v for n, v in asked.items() if n not in takes}, "a law", "a frontier")
    try:
        with patient(f"frontier of {path}"):
            found = fit_frontier(path, **asked)
    except TableError as error:
        raise StudyError([str(error)]) from None
    if as_json:
        say_json(found)
    else:
        if lines := shown.frontier_lines(found):
            say_table(f"Compute frontier of {path}", shown.HEAD, lines)
        if lines := shown.allocation_lines(found):
            say_table("Allocations", shown.ALLOCATION_HEAD, lines)
        for sentence in shown.frontier_sentences(found):
            say_sentence(sentence)
    if all("refused" in one for one in found["methods"].values()):
        raise typer.Exit(2)


def _fit_table(path: Path, given: dict[str, Any], as_json: bool) -> None:
    import lab
    from lab.report.progress import patient
    from lab.scaling.laws.fit import LAWS
    from lab.scaling.tables.rows import TableError

    if "method" in given and "allocate" not in given:
        raise StudyError(["--method is for a frontier; add --frontier, or leave it out"])
    if "law" not in given:
        raise StudyError([f"{path}: a table needs --law; the laws are {', '.join(LAWS)}"])
    asked = _parsed(given)
    plot, compute = asked.pop("plot", None), asked.pop("allocate", ())
    method = asked.pop("method", "parametric")
    try:
        with patient(f"fitting {given['law']} to {path}"):
            found = lab.fit(path, **asked)
            if plot is not None and found.parameters:
                found.plot(plot)
            if compute and found.parameters:
                found["frontier"] = found.allocate(*compute, method=method)
    except TableError as error:
        raise StudyError([str(error)]) from None
    if as_json:
        say_json(found)
    else:
        _say_fit(found, path, plot)
    if not found.parameters:
        raise typer.Exit(2)


def _say_fit(found: Any, path: Path, plot: Path | None) -> None:
    from lab.report import fitted

    if found.parameters:
        title = f"{found['law']} fitted to {found['n']} rows of {path}"
        say_table(title, fitted.FIT_HEAD, fitted.fit_lines(found))
    if "predictions" in found:
        lines = fitted.prediction_lines(found["predictions"])
        say_table("Predictions", fitted.PREDICTION_HEAD, lines, most=5)
    for sentence in fitted.fit_sentences(found):
        say_sentence(sentence)
    if plot is not None and found.parameters:
        say(f"Written: {plot}")


def _columns(given: dict[str, Any]) -> dict[str, str]:
    """'N=parameters,D=tokens' as a mapping, without symbols that --x or --loss give too."""
    text, taken = given["columns"], {"x": "x" in given, "L": "loss" in given}
    named: dict[str, str] = {}
    # a comma ends a name where another SYMBOL= follows, so that names may have commas
    for part in re.split(r""",(?=\s*\w+\s*=(?:[^"`]|"[^"]*"|`[^`]*`)*$)""", text):
        symbol, sign, column = (piece.strip() for piece in part.partition("="))
        if len(column) > 1 and column[0] == column[-1] and column[0] in "\"'`":
            column = column[1:-1]
        if not (symbol and sign and column):
            raise StudyError(
                [f"--columns {text}: '{part.strip()}' is not of the form SYMBOL=COLUMN; write it "
                 f"as in {EXAMPLE}"]
            )  # fmt: skip
        if symbol in named or taken.get(symbol):
            raise StudyError([f"--columns {text}: {symbol} is given twice; keep one"])
        named[symbol] = column
    return named


def _typed(option: str, text: str) -> float:
    """A number of an option, as in 1e21 or 7B."""
    from lab.scaling.tables.rows import number

    try:
        return number(text)
    except ValueError:
        raise StudyError([f"--{option} {text}: not a number; write it as in 1e21"]) from None


def _numbers(option: str, texts: list[str]) -> dict[str, float]:
    """['E=0', 'alpha=0.5'] as a mapping."""
    from lab.scaling.tables.rows import number

    example, what = {"hold": ("E=0", "held"), "unit": ("N=1e6", "given")}[option]
    found: dict[str, float] = {}
    for text in texts:
        name, sign, value = (piece.strip() for piece in text.rpartition("="))
        if not (name and sign and value):
            raise StudyError(
                [f"--{option} {text}: not of the form NAME=VALUE; write it as in {example}"]
            )
        if name in found:
            raise StudyError([f"--{option} {text}: {name} is {what} twice; keep one"])
        try:
            found[name] = number(value)
        except ValueError:
            raise StudyError(
                [f"--{option} {text}: '{value}' is not a number; write it as in {example}"]
            ) from None
    return found


def _value(text: str) -> float:
    """The number that an expression of numbers, such as 4/3, stands for."""
    from lab.theory import PredictionError, parse

    try:
        formula = parse(text)
        if formula.symbols:
            raise StudyError([f"--predict {text}: a table has no {formula.symbols[0]}; give a "
                              "number, such as 4/3"])  # fmt: skip
        return formula.value({})
    except PredictionError as error:
        raise StudyError([f"--predict {text}: {error}"]) from None


def calibrate(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    alpha: Annotated[
        list[str] | None, typer.Option(metavar="FORMULA", help="True exponent, such as 4/d or 1.2; "
                                       "default: the study's own fit, else its prediction. "
                                       "Repeatable.")
    ] = None,
    floor: Annotated[float | None, typer.Option(help="True floor, in units of loss.")] = None,
    noise: Annotated[
        float | None, typer.Option(help="Scatter of log loss between seeds, one standard "
                                   "deviation.")
    ] = None,
    spread: Annotated[
        float | None, typer.Option(help="Scatter of α between teachers, one standard deviation.")
    ] = None,
    scans: Annotated[
        int, typer.Option(min=20, max=20_000, help="Simulated scans per point.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    alternatives: Annotated[
        list[str] | None, typer.Option(metavar="FORMULAS", help="Exponents to distinguish from "
                                                                "the truth, "
                                       "separated by commas; default: "
                                       f"{', '.join(ALTERNATIVES)}. Repeatable.")
    ] = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:  # fmt: skip
    """Simulate scans of the study's design and print what it can decide, before training.

    Prints per point the coverage of the quoted interval, the bias, the share of each verdict and of
    wrong ones, the power to tell the truth from other exponents, and how often a verdict is wrong
    at the edge of what the prediction allows where the truth is none that the estimator assumes;
    --json has more. Of the study as it is, without a truth or a setting of your own, that is kept
    in its results folder for the report.
    """
    import lab

    listed = [text for some in alternatives or () for text in _listed(some)]
    found = lab.calibrate(
        read(study, overrides), results, alphas=alpha or (), floor=floor,
        noise=noise, spread=spread, alternatives=listed or None, scans=scans, seed=seed, keep=True,
    )  # fmt: skip
    plain = found.plain()
    if as_json:
        say_json(plain)
        return
    from lab.findings import calibrated

    for table in calibrated.tables(plain["points"], str(scans)):
        say_table(table.words, table.columns, table.rows, most=table.most, wide=wide)
    for sentence in calibrated.remarks(plain["points"], scans=scans, seed=seed):
        say_sentence(sentence)
    if found.kept:
        say_sentence(f"Kept for the report: {found.kept}.")


def _listed(text: str) -> list[str]:
    """Formulas separated by commas; a comma inside parentheses belongs to its formula."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


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
        float, typer.Option(metavar="SHARE", help="Share of the largest ratios that two-nn-linear "
                                                  "and knn leave out.")
    ] = 0.1,
    k: Annotated[
        int, typer.Option("--k", metavar="K", help="Neighbours of mle and mle-inverse.")
    ] = 10,
    metric: Annotated[
        str, typer.Option(metavar="euclidean|cosine|precomputed", help="Distance between points; "
                                                                       "precomputed: DATA is the "
                                                                       "matrix of all distances.")
    ] = "euclidean",
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Give every column mean 0 and standard deviation "
                           "1 first.")
    ] = False,
    exclude_window: Annotated[
        int, typer.Option("--exclude-window", min=0, metavar="ROWS", help="Number of rows before "
                                                                          "and after a point that "
                                                                          "cannot be its "
                                                                          "neighbours, for rows "
                                                                          "that follow in time.")
    ] = 0,
    sample: Annotated[
        int, typer.Option(min=1, metavar="N", help="Largest number of points; of more, this many "
                                                   "are drawn at random.")
    ] = 20_000,
    decimal: Annotated[
        str | None, typer.Option(metavar=",|.", help="Decimal separator; default: as the cells "
                                                     "show.")
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Estimate the intrinsic dimension of data, raw and corrected for bias. Writes nothing.

    Every row is a point. Nearest-neighbour estimates are too low where the dimension is high; the
    corrected estimate subtracts the bias that was measured on manifolds of known dimension.
    """
    from lab.dimension import PointsError, measure_file
    from lab.files import to_jsonable
    from lab.report import verb_tables as shown
    from lab.report.progress import counted, patient

    try:
        with patient(f"measuring the dimension of {source}"):
            found = measure_file(
                source, columns, where, sample=sample, decimal=decimal, discard=discard, k=k,
                metric=metric, standardise=standardise, exclude_window=exclude_window,
                track=lambda blocks: counted(blocks, "searching neighbours in", unit="blocks"),
            )  # fmt: skip
    except PointsError as error:
        raise StudyError([str(error)]) from None
    except MemoryError:
        raise StudyError([f"{source}: too large for the memory of this machine"]) from None
    if as_json:
        say_json(to_jsonable(found.as_json()))
        return
    title = f"{found.name}: {found.n} points, {found.ambient} coordinates"
    say_table(title, shown.DIMENSION_HEAD, shown.dimension_lines(found))
    for sentence in shown.dimension_sentences(found):
        say_sentence(sentence)
