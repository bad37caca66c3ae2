"""A teacher-student laboratory for neural scaling laws.

    study = lab.read("studies/width-exponent-small.toml")     a study, checked; or from tables
    lab.plan(study)                                 what it would train, and what that costs here
    lab.run(study)                                  train what is missing
    lab.verify(study)                               train some of it again, and compare
    found = lab.answer(study)                       exponents, verdicts, doubts; found.figures()
    lab.load(study)                                 its stored runs, a pandas DataFrame
    lab.runs(study)                                 every planned run, with what went wrong
    lab.calibrate(study)                            what its design can show, by simulated scans
    lab.fit("table.csv", "power", x="D", loss="L")  a law fitted to a table of your own
    lab.exponent(x, loss, teacher)                  an exponent of losses of your own
    lab.frontier(N, S, loss)                        the best size at fixed compute, from curves
    lab.dimension.measure(X)                        the intrinsic dimension of points of your own
    lab.models.Truncation(1.5, 1.5)                 exact models that know their own exponents

These are what the verbs of the command line call. What they give prints itself; nothing is written
but the results of `run`. Importing this imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

    from lab.config.study import Study
    from lab.execution.listing import Removal
    from lab.execution.plan import PlanSummary
    from lab.execution.runner import Summary
    from lab.execution.settings import Settings
    from lab.execution.verification import Verification
    from lab.findings.calibrated import Simulation
    from lab.report.fitted import Fit
    from lab.report.report import StudyReport
    from lab.scaling.frontier import Frontier
    from lab.scaling.judge.exponent import Exponent

    Source = str | Path | Mapping[str, Any] | Study
    """A study file, its tables, or what `read` made of them."""


ALTERNATIVES = ("3/(d-1)", "2/d", "1")
"""Exponents that `calibrate` tells from the truth unless others are named."""


def read(source: Source, overrides: Sequence[str] = ()) -> Study:
    """The study of a TOML file or of its tables, with overrides such as "training.steps=2000".

    Raises lab.mistakes.StudyError with every mistake at once, a sentence each, and for overrides of
    a study that was read before.

    >>> study = read("studies/width-exponent-small.toml", ["task.manifold.dim=[2, 3]"])
    >>> study.axis.words, study.prediction.text
    ('trainable parameters N', '4/d')
    """
    from lab.config import study as studies
    from lab.mistakes import StudyError

    if isinstance(source, Mapping):
        return studies.of_tables(source, overrides)
    if isinstance(source, str | Path):
        return studies.read(source, overrides)
    if not isinstance(source, studies.Study):
        raise StudyError(
            [f"a {type(source).__name__} is no study; give a path, its tables as a dictionary, or "
             "what lab.read returned"]
        )  # fmt: skip
    if overrides:
        raise StudyError(
            [f"{overrides[0]}: this study was read before; give the overrides to lab.read"]
        )
    return source


def plan(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    tables: bool = False,
) -> PlanSummary:
    """Stored and missing runs of a study, and about how long those take on this machine.

    results: the folder that holds all results; those of a study are in the folder of its name: what
    `name` says, or else its file's, or else "study".
    overrides: as `read` takes them, here and below.
    tables: whether, without a store, the runs of the report's table are there; `run` trains them.

    >>> summary = plan("studies/width-exponent-small.toml", "nowhere")
    >>> summary.left.planned, summary.left.done
    (708, 0)
    """
    from lab.execution.plan import summarise

    asked = read(study, overrides)
    return summarise(asked, _folder(asked, results, name), tables=tables)


def run(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    lanes: int | None = None,
    engine: str | Mapping[str, Any] | Settings | None = None,
    until_converged: bool = False,
    until_decided: bool = False,
    seconds: float | None = None,
    progress: bool = True,
) -> Summary:
    """Train what the results folder lacks of a study; `lab run` says more.

    Interrupting it once finishes and stores the groups in flight, and running it again goes on from
    there.

    lanes: groups trained at once, one per core by default.
    engine: where they are trained, a name, or more by name, such as {"name": "dask", "scheduler":
        "tcp://host:8786"}; what it does not say is as in `lab.execution.settings`, whose Settings
        are taken as they are.
    until_decided: go on with more teachers, then a size between every two, then more steps, at
        looks that are registered before the first run, until every claim about α is decided
        (`lab.scaling.judge.calibration`).
    seconds: after so many no more is begun; what is undecided then stays so.
    progress: tell of it on standard error.

    >>> from tempfile import TemporaryDirectory
    >>> small = ["task.manifold.dim=2", "task.teacher.count=1", "data.sizes=[16, 32, 64]"]
    >>> with TemporaryDirectory() as folder:
    ...     print(run(read("studies/kernel-pairs.toml", small), folder, progress=False).trained)
    12
    """
    from contextlib import nullcontext

    from rich.console import Console

    from lab.execution import runner
    from lab.findings.answering import following
    from lab.report.progress import training

    asked = read(study, overrides)
    settings = _settings(asked, engine)
    shown = training(Console(stderr=True)) if progress else nullcontext(lambda progress: None)
    with shown as observe:
        return runner.run(
            asked, _folder(asked, results, name), lanes=lanes,
            until_converged=until_converged, following=following if until_decided else None,
            seconds=seconds, observe=observe, settings=settings,
        )  # fmt: skip


def verify(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    share: float = 0.02,
    seed: int = 0,
    lanes: int | None = None,
    engine: str | Mapping[str, Any] | Settings | None = None,
    progress: bool = True,
) -> Verification:
    """Train a random share of the stored runs again and compare; nothing is written.

    Losses are equal on the machine and under the versions that stored them, and within a stated
    tolerance elsewhere, see `lab.execution.verification`; `wrong` lists those that are not. Whole
    groups are trained again, so it may be more runs. seed: another draws others. engine: as in
    `run`.

    >>> from tempfile import TemporaryDirectory
    >>> small = ["task.manifold.dim=2", "task.teacher.count=1", "data.sizes=[16, 32, 64]"]
    >>> with TemporaryDirectory() as folder:
    ...     study = read("studies/kernel-pairs.toml", small)
    ...     stored = run(study, folder, progress=False)
    ...     found = verify(study, folder, progress=False)
    >>> len(found.compared) > 0, found.wrong
    (True, ())
    """
    from contextlib import nullcontext

    from rich.console import Console

    from lab.execution import verification
    from lab.report.progress import verifying

    asked = read(study, overrides)
    settings = _settings(asked, engine)
    shown = verifying(Console(stderr=True)) if progress else nullcontext(lambda *_: None)
    with shown as observe:
        return verification.verify(
            asked, _folder(asked, results, name), share=share, seed=seed, lanes=lanes,
            observe=observe, settings=settings,
        )  # fmt: skip


def answer(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    replicates: int = 2000,
) -> StudyReport:
    """Answer of a study from its stored runs.

    A value that prints itself and iterates over the answers of its scans, with `points`,
    `figures()`, `plain()` and `write()`. It may be called at any time and tells what is missing.
    Without a store the table of the report is read.

    >>> found = answer("studies/width-exponent-small.toml", "nowhere")
    >>> [point.dim for point in found.points], found.points[0].runs.missing
    ([2, 3, 4, 6, 8], 72)
    """
    from lab.execution.registration import another
    from lab.execution.store import Store, reports
    from lab.findings.answering import answers
    from lab.report.report import StudyReport

    asked = read(study, overrides)
    path = _folder(asked, results, name)
    by = asked.origin.overrides
    with Store.read(path, specs=False, overrides=by) as store:
        found = answers(asked, store, replicates=replicates)
        return StudyReport(found, asked.question, path.name, reports(path, by),
                           another(asked, store), store.source)  # fmt: skip


def load(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    observations: bool = False,
) -> DataFrame:
    """All stored runs of a study, one a row: a pandas DataFrame with the columns of
    `lab.execution.listing.columns`; `.to_dict("list")` gives the columns as lists.

    observations: one row per loss that a run left, at its checkpoints and on each set of points,
    see `lab.execution.listing.observations`.

    >>> table = load("studies/width-exponent-small.toml", "nowhere")
    >>> len(table), "N" in table
    (0, True)
    """
    from lab.execution import listing
    from lab.execution.store import Store

    table = listing.observations if observations else listing.columns
    asked = read(study, overrides)
    path = _folder(asked, results, name)
    with Store.read(path, specs=False, overrides=asked.origin.overrides) as store:
        return table(asked, store)


def runs(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    status: str | None = None,
    dim: int | None = None,
) -> DataFrame:
    """The runs of a study, planned and raised, one a row: a pandas DataFrame whose columns are the
    fields of `lab.execution.listing.Listed`; loss and seconds are nan where there is none.

    status: done, diverged, failed or missing, for these alone; dim: those of this d alone.
    """
    from lab.execution import listing
    from lab.execution.store import Store

    asked = read(study, overrides)
    with Store.read(_folder(asked, results, name), overrides=asked.origin.overrides) as store:
        return listing.frame(listing.listed(asked, store, status=status, dim=dim))


def retry(
    study: Source,
    results: str | Path = "results",
    *,
    statuses: Collection[str],
    name: str | None = None,
    overrides: Sequence[str] = (),
    dry: bool = True,
) -> Removal:
    """Have the next `run` train again what diverged or failed: delete these rows of the study.

    statuses: diverged, failed, or both. dry: only say which. Raises StudyError while another
    process writes to the store.
    """
    from lab.execution import listing

    asked = read(study, overrides)
    path = _folder(asked, results, name)
    return listing.remove(path, lambda store: listing.stored(asked, store, statuses), dry=dry)


def clean(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    dry: bool = True,
) -> Removal:
    """Delete the rows of a study's store that it does not plan, at any budget: those of earlier
    settings, and of overrides. Otherwise as `retry`."""
    from lab.execution import listing

    asked = read(study, overrides)
    path = _folder(asked, results, name)
    return listing.remove(path, lambda store: listing.orphans(asked, store), dry=dry)


def calibrate(
    study: Source,
    results: str | Path = "results",
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    alphas: Sequence[str] = (),
    floor: float | None = None,
    noise: float | None = None,
    spread: float | None = None,
    alternatives: Sequence[str] | None = None,
    scans: int = 1000,
    seed: int = 0,
    keep: bool = False,
    progress: bool = True,
) -> Simulation:
    """Simulated scans of a study's design: what it can show, before anything is trained.

    Args:
        alphas: formulas of true exponents, such as "4/d", each simulated for itself; without any
            the study's own fit, or else its prediction.
        floor, noise, spread: of the truth: its floor in units of loss, and standard deviations of
            the log loss between seeds and of α between teachers.
        alternatives: exponents to tell from the truth, by default ALTERNATIVES; those without a
            value at a point are left out there.
        scans: simulated per point. seed: of the simulation.
        keep: put it into the results folder of the study, for its report, if it is of the study as
            it stands: without overrides and without a truth of your own.
        progress: tell of it on standard error.

    Returns a value whose `plain()` holds coverage, bias, shares of verdicts and power point by
    point, and `kept` the file, where it was kept. Nothing else is written.
    Raises StudyError for a number that is negative or not finite, for formulas that cannot be read,
    and for alternatives without a value at any point.

    >>> small = ["task.manifold.dim=2", "task.teacher.count=4"]
    >>> found = calibrate("studies/width-exponent-small.toml", "nowhere", overrides=small, scans=20,
    ...                   progress=False)
    >>> [point["source"] for point in found.plain()["points"]]
    ['prediction']
    """
    from dataclasses import replace

    from lab.execution.store import Store
    from lab.findings import calibrated
    from lab.findings.answering import answers
    from lab.report.progress import counted

    asked = read(study, overrides)
    path = _folder(asked, results, name)
    with Store.read(path, overrides=asked.origin.overrides) as store:
        found = answers(asked, store)
    known = {"floor": floor, "noise": noise, "spread": spread}
    changes = {name: value for name, value in known.items() if value is not None}
    simulated = calibrated.simulate(
        [(one.study, one.points) for one in found if one.points], path.name, alphas=alphas,
        changes=changes, alternatives=alternatives or (), otherwise=ALTERNATIVES, scans=scans,
        seed=seed, watched=counted if progress else lambda cases, what: iter(cases),
    )  # fmt: skip
    own = not (asked.origin.overrides or alphas or changes)
    if not (keep and own):
        return simulated
    return replace(simulated, kept=calibrated.keep(simulated.plain(), path))


def fit(
    table: str | Path,
    law: str,
    *,
    x: str | None = None,
    loss: str | None = None,
    columns: Mapping[str, str] | None = None,
    group: str | None = None,
    weights: str | None = None,
    where: str | None = None,
    best_of: Sequence[str] = (),
    drop_worst: int = 0,
    huber: float | None = None,
    residual: str = "log",
    hold: Mapping[str, float] | None = None,
    predict: float | None = None,
    sense: str | None = None,
    tolerance: float | None = None,
    wide: bool = False,
    checks: bool = False,
    log10: Sequence[str] = (),
    percent: Sequence[str] = (),
    unit: Mapping[str, float] | None = None,
    decimal: str | None = None,
    at: Sequence[Mapping[str, float] | float | str | Path] = (),
    replicates: int = 2000,
    seed: int = 0,
) -> Fit:
    """A law fitted to a table, with intervals: what `lab fit TABLE --json` prints, as a mapping
    that prints itself, with `.parameters`, `.status`, `.warnings`, `.predict(…)` and `.plot(…)`.

    Args:
        table: a file, a folder of them, or a pattern such as "runs/*.csv".
        law: a name in `lab.scaling.laws.fit.LAWS`.
        x, loss: the columns of a law of one variable.
        columns: symbol → column, as in {"N": "params", "D": "tokens", "L": "loss"}.
        group: column of labels of rows that belong together.
        weights: column of standard errors of the loss.
        where: which rows, as in "flops < 1e21 and family == 'pythia'".
        best_of: columns that were swept; of each x the row of the lowest loss is fitted.
        drop_worst: how many of the largest losses to leave out.
        huber: δ of Huber's loss; None for squares. residual: of log loss, `log`, or of loss, `raw`.
        hold: parameters that are held, and their values.
        predict, sense, tolerance: an exponent to judge, `equal` or `bound`, within which share.
        wide: whether a column is a run. checks: whether to keep the checks of a lab's own export.
        log10, percent, unit: symbols or columns that hold log10, per cent, or so many units.
        decimal: what separates decimals, "," or "."; None: as the cells tell.
        at: where to predict at once, see `Fit.predict`.
        replicates, seed: of the bootstrap.

    Raises lab.scaling.tables.rows.TableError, one sentence, for what cannot be read or asked.

    >>> found = fit("studies/tables/chinchilla_digitised.csv", "chinchilla",
    ...             columns={"N": "parameters", "D": "tokens", "L": "loss"}, replicates=50)
    >>> found["n"], sorted(found.parameters), found.predict(N=1e9, D=2e10)[0]["where"]
    (245, ['A', 'B', 'E', 'alpha', 'beta'], 'interpolation')
    """
    from lab.report.fitted import Fit
    from lab.scaling.tables.reply import fitted_table

    found = Fit(
        fitted_table(
            table, law=law, x=x, loss=loss, columns=columns, group=group, weights=weights,
            where=where, best_of=best_of, drop_worst=drop_worst, huber=huber, residual=residual,
            hold=hold, predict=predict, sense=sense, tolerance=tolerance, wide=wide, checks=checks,
            log10=log10, percent=percent, unit=unit, decimal=decimal, replicates=replicates,
            seed=seed,
        )
    )  # fmt: skip
    if at and found.parameters:
        found["predictions"] = found.predict(*at)
    return found


def _settings(study: Study, engine: str | Mapping[str, Any] | Settings | None) -> Settings:
    """The settings of an engine, completed by those beside the file of the study."""
    from lab.execution.settings import Settings

    if isinstance(engine, Settings):
        return engine
    asked = engine if isinstance(engine, Mapping) else {"name": engine}
    file = study.origin.file
    return Settings.found(Path(file).parent if file else None, **asked)


def _folder(study: Study, results: str | Path, name: str | None) -> Path:
    from lab.execution.store import folder

    return folder(name or study.origin.file or "study", results)


def exponent(
    x: Collection[float],
    loss: Collection[float],
    teacher: Collection[Any] | None = None,
    *,
    prediction: float | None = None,
    sense: str = "bound",
    tolerance: float = 0.15,
    floor: bool = False,
    seed: int = 0,
    over: str = "limit",
    delta: float | None = None,
    omega: float | None = None,
) -> Exponent:
    """The exponent α of L ∝ x^−α from losses of your own, with its interval, doubts and verdict.

    α is the exponent over the measured range, the least-squares slope of log L, which every curve
    has. Whether a power law holds there is told by `shape`, what holds at larger x by `limit`.

    Args:
        x, loss: positive numbers, one entry per run. Runs of one teacher at one x are repetitions,
            and enter by their geometric mean.
        teacher: which runs belong together (any labels): the independent units of the interval.
            Without it all runs are one teacher's, and nothing is decided.
        prediction: exponent to judge, as a lower bound or, with sense = "equal", as an equality,
            within the relative tolerance.
        over: where the prediction holds: over these x ("range"), or as x grows ("limit"), which a
            bent curve neither confirms nor, without omega, refutes.
        delta: the change of the local exponent from the smallest to the largest x up to which the
            curve is straight, relative to the prediction (to α without one); twice the tolerance
            where None.
        omega: the exponent ω of the correction L = A x^−α (1 + B x^−ω); then `limit` is α at
            x → ∞, with the systematic error of ω/2 … 2ω.
        floor: whether the loss has a floor of its own for each teacher, as label noise gives it.
            Without it flattening is told as what it is, a curve that is no power law.
        seed: of the bootstrap beyond seven teachers.

    Returns a value with `alpha`, `interval`, `status`, `doubts`, `verdict` and `relation` (None
    without a prediction), `shape` ("straight", "bent" or "open", with `change` and its `interval`),
    `limit` (None without omega), `readings`, `local` exponents (rows of x, alpha, lo, hi),
    `forecast`, and more: see `lab.scaling.judge.exponent.Exponent`. For its known bias see
    `lab.scaling.scans.estimate`. Raises ValueError, one sentence, for columns that are not equally
    long, for numbers that are not finite and positive, and for a prediction that is not positive.

    >>> import numpy as np
    >>> x = np.tile(np.geomspace(100, 10_000, 8), 4)
    >>> teacher = np.repeat(np.arange(4), 8)
    >>> noise = np.random.default_rng(0).normal(0, 0.02, x.size)
    >>> found = exponent(x, 3 / x * np.exp(noise), teacher, prediction=1.0)
    >>> found.verdict, found.relation, round(found.alpha, 1)
    ('agrees', 'equals', 1.0)
    """
    from lab.scaling.judge.exponent import exponent as estimate
    from lab.scaling.scans.scan import Scan

    scan = Scan.of(list(x), list(loss), None if teacher is None else list(teacher))
    return estimate(
        scan, prediction=prediction, sense=sense, tolerance=tolerance, over=over, delta=delta,
        omega=omega, law="power+floor" if floor else "power", seed=seed,
    )  # fmt: skip


def frontier(
    N: Collection[float],
    S: Collection[float],
    loss: Collection[float],
    flops: Collection[float] | None = None,
    run: Collection[Any] | None = None,
    method: str = "envelope",
    **options: Any,
) -> Frontier:
    """The compute frontier of losses of your own: N_opt ∝ C^ξ, L_opt ∝ C^−η, and the excess over
    the loss of the best size at infinite time.

    Args:
        N, S, loss: sizes, steps (or samples) and losses, positive, one entry an observation.
        flops: compute; 6 N S unless told.
        run: which observations are one curve; those of one size unless told.
        method: "envelope" of curves, "isoflop" minima, or "parametric", an additive law.
        options: huber and seed, as in `lab.scaling.frontier.frontier`.

    Returns a value with `xi`, `eta`, `excess`, each with `value`, `interval` and `status`, and
    `allocate(C)` with the best `N`, `S` and `loss`. For its known bias see that module.
    Raises ValueError, one sentence, for columns and designs that have no frontier.

    >>> import numpy as np
    >>> from lab.models import Truncation
    >>> model = Truncation(1.5, 1.5)
    >>> N = np.repeat(2.0 ** np.arange(4, 11), 30)
    >>> t = np.tile(np.geomspace(0.01, 100, 30), 7) * N**1.5
    >>> found = frontier(N, t, model.loss(N, t), flops=N * t)
    >>> round(found.xi.value, 2), round(found.eta.value, 2), round(found.excess.value, 2)
    (0.4, 0.2, 0.17)
    """
    from lab.scaling.frontier import frontier as estimate

    C, curve = (None if column is None else list(column) for column in (flops, run))
    return estimate(list(N), list(S), list(loss), C, curve, method, **options)


def __getattr__(name: str) -> Any:
    """`__version__`, and the packages `dimension` and `models`, imported on first use."""
    from importlib import import_module, metadata

    if name in ("dimension", "models"):
        return import_module(f"lab.{name}")
    if name == "__version__":
        return metadata.version("scaling-lab")
    raise AttributeError(f"module 'lab' has no attribute '{name}'")
