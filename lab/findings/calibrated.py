"""Calibration of a study's design: how often its intervals hold the exponent and its verdicts err.

One `Design` per point of the study, in the order of `Answer.points`, from the plan alone: nothing
is trained. Beside it the truth that simulated scans come from: the study's own fit where the store
has a usable one, else a number given or the prediction, with scatter as in `assumed`. `simulate`
has them calibrated; what comes of it is kept in the results folder as the JSON object that `lab
calibrate --json` prints, and is found as one `Calibrated` per setting. A design that has changed
since is told, not shown as if it were the same. Shown are a table and, on the page, how often
either verdict is given by how far the truth lies from the prediction; where the truth is the edge
of what the prediction allows, either curve is the probability of a wrong verdict.

What it does not do: simulate or judge a scan; see `lab.scaling.judge.calibration`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lab.files import put, to_jsonable
from lab.findings.drawing import by_dimension, told
from lab.findings.exponent_result import ExponentResult
from lab.findings.exponents import declared
from lab.findings.study_results import Finding, Setting, StudyResults, named, scan_of
from lab.findings.view import Answers, Block, CaptionedFigure, Rows, TextTable, View, findings_of
from lab.mistakes import StudyError
from lab.regimes.axes import Values
from lab.regimes.regime import Regime
from lab.scaling.judge.calibration import Calibration, Design, Truth, calibrate, misspecified
from lab.scaling.judge.verdict import (
    AGREES,
    BENT,
    CONTRADICTS,
    STRAIGHT,
    UNDECIDED,
    allowed,
)
from lab.scaling.scans.estimate import USABLE
from lab.scaling.scans.scan import COUNTS, Scan
from lab.spec import Run
from lab.theory import NoValue, PredictionError

SPREAD = 0.1
"""Assumed standard deviation of α between teachers, relative to α."""


@dataclass(frozen=True)
class Case:
    """A design and a truth to simulate it from. source: `fit`, `prediction` or `given`."""

    point: ExponentResult
    design: Design
    truth: Truth
    source: str


@dataclass(frozen=True)
class Simulation:
    """Simulated scans of every case of a study's design.

    calibrated: each case under its truth. misspecified: the same cases under truths that the
    estimator does not assume, by name. kept: the file that holds it, where it was kept.
    """

    study: str
    scans: int
    seed: int
    calibrated: tuple[tuple[Case, Calibration], ...]
    misspecified: tuple[tuple[Case, Mapping[str, Calibration]], ...]
    kept: Path | None = None

    def plain(self) -> dict[str, Any]:
        """Plain values, as `lab calibrate --json` prints them."""
        points = [
            as_json(case, shown) | {"misspecified": wrong_at_the_edge(case, wrong)}
            for (case, shown), (_, wrong) in zip(self.calibrated, self.misspecified, strict=True)
        ]
        return {"study": self.study, "scans": self.scans, "seed": self.seed, "points": points}


def simulate(
    scans_of: Iterable[tuple[Regime, Sequence[ExponentResult]]],
    study: str,
    *,
    alphas: Sequence[str],
    changes: Mapping[str, float],
    alternatives: Sequence[str],
    otherwise: Sequence[str],
    scans: int,
    seed: int,
    watched: Callable[[Sequence[Case], str], Iterable[Case]],
) -> Simulation:
    """Simulate every case of a study of this name; arguments as in `lab.calibrate`.

    scans_of: each scan of the study, as a regime, with the points of its answer. otherwise:
    alternatives where none are named. watched: the cases one by one, while progress is shown of how
    many are done.
    """
    for name, value in changes.items():
        if not (math.isfinite(value) and value >= 0):
            raise StudyError([f"{name} is {value}; it must be 0 or a positive number"])
    found = [
        case for regime, points in scans_of
        for case in cases(regime, points, alphas=alphas, changes=changes,
                          alternatives=alternatives or otherwise)
    ]  # fmt: skip
    for formula in alternatives:
        if not any(formula in case.design.alternatives for case in found):
            raise StudyError([f"alternatives: {formula} has no value at any point; leave it out"])
    calibrated = tuple(
        (case, calibrate(case.design, case.truth, scans=scans, seed=seed))
        for case in watched(found, "calibrating")
    )
    others = tuple(
        (case, {name: calibrate(case.design, truth, scans=max(scans // 5, 20), seed=seed)
                for name, truth in misspecified(case.truth).items()})
        for case in watched(found, "calibrating against other truths")
    )  # fmt: skip
    return Simulation(study, scans, seed, calibrated, others)


def cases(
    study: Regime,
    points: Sequence[ExponentResult],
    *,
    alphas: Sequence[str] = (),
    alternatives: Sequence[str] = (),
    changes: Mapping[str, float] | None = None,
) -> list[Case]:
    """List what to calibrate, point by point.

    points: of the study's answer. alphas: formulas of true exponents, each a case of its own;
    without any, the truth is the point's own fit, or the prediction. changes: fields of every
    `Truth` to replace, such as floor.
    Raises StudyError for a formula without a positive value, or an alternative without any.
    """
    given = [_positive(study, text) for text in alphas]
    changed: dict[str, Any] = {**(changes or {})}
    found = []
    for i, (point, design) in enumerate(zip(points, designs(study, alternatives), strict=True)):
        own = None if given else fitted(point, design)
        truths = [("given", assumed(alpha[i])) for alpha in given] or [
            ("fit", own) if own else ("prediction", assumed(design.prediction))
        ]
        found += [
            Case(point, design, replace(truth, **changed), source) for source, truth in truths
        ]
    return found


def designs(study: Regime, alternatives: Sequence[str] = ()) -> tuple[Design, ...]:
    """One design per point; alternatives without a value at a point are left out there.

    alternatives: formulas as in a prediction, such as "3/(d-1)"; each gets its text as its name.
    The prediction itself is always among them.
    Raises StudyError for an alternative that does not parse, or needs what the study lacks.
    """
    claim = study.prediction
    if claim is None:
        raise StudyError(
            ["prediction: no exponent is claimed, and a design is calibrated by the verdicts on "
             "one; add a claim with quantity = \"alpha\""]
        )  # fmt: skip
    texts = dict.fromkeys([claim.text, *alternatives])
    values = {text: exponents(study, text) for text in texts}
    found = []
    for i, runs in enumerate(_points(study)):
        scan, (omega, count) = shape(study, runs), declared(study, claim)
        own = COUNTS.index(count) if count and scan.counts is not None else scan.declared
        found.append(Design(
            x=scan.x if scan.counts is None else scan.counts[own], counts=scan.counts, declared=own,
            teachers=len({run.task.teacher for run in runs}),
            # a mean excess over repetitions is one value with one error
            seeds=1 if study.averages_repeats else len({run.seed for run in runs}),
            prediction=study.predicted(runs[0].task, runs[0].student, size=claim.size),
            sense=claim.sense,
            tolerance=claim.tolerance, over=claim.over,
            law=study.law, omega=omega, delta=claim.delta,
            alternatives={t: v for t, some in values.items() if (v := some[i]) is not None},
        ))  # fmt: skip
    return tuple(found)


def shape(study: Regime, runs: Sequence[Run]) -> Scan:
    """The scan of these planned runs, with every count of its sizes, and no losses."""
    x = np.array([study.x(run) for run in runs], float)
    ones = np.ones(x.size)
    return scan_of(study, Values(x, ones, ones.astype(int), np.arange(x.size)), list(runs))


def exponents(study: Regime, text: str) -> tuple[float | None, ...]:
    """The value of a formula at each point of the study, None where it has none (3/(d-1) at 1).

    Raises StudyError if it does not parse, or needs what the study lacks everywhere.
    """
    values: list[float | None] = []
    mistakes: list[str] = []
    for runs in _points(study):
        try:
            values.append(study.predicted(runs[0].task, runs[0].student, text))
        except PredictionError as error:
            values.append(None)
            mistakes += [] if isinstance(error, NoValue) else [str(error)]
    if len(mistakes) == len(values):
        raise StudyError(mistakes[:1])
    return tuple(values)


def _positive(study: Regime, text: str) -> list[float]:
    values = exponents(study, text)
    for runs, value in zip(_points(study), values, strict=True):
        if value is None or value <= 0:
            what = "no value" if value is None else f"the value {value:g}"
            raise StudyError(
                [f"alphas: {text} has {what} at d = {runs[0].task.dim}; give an exponent that is "
                 "positive at every point"]
            )  # fmt: skip
    return [value for value in values if value is not None]


def _points(study: Regime) -> list[list[Run]]:
    """The planned runs of each point: alike in all but x, teacher and seed."""
    together: dict[tuple, list[Run]] = defaultdict(list)
    for cell in study.all_cells:
        if cell.role == "scan":
            together[cell.setting].append(cell.run)
    return list(together.values())


def assumed(alpha: float) -> Truth:
    """A truth for an exponent of which nothing else is known: no floor, 0.15 of scatter in log loss
    between seeds, 0.3 between teachers, and SPREAD of α between teachers."""
    return Truth(alpha, spread=SPREAD * alpha)


def fitted(point: ExponentResult, design: Design) -> Truth | None:
    """The truth that the study's own fit of a point suggests, None without a usable one."""
    found = point.exponent
    if found is None or found.status not in USABLE:
        return None
    truth = Truth.of(found, Scan.of(*map(np.array, zip(*point.fitted.rows, strict=True))))
    back = (design.x[0] / found.x[0]) ** -truth.alpha  # to the smallest x of the design
    return replace(truth, first=float(truth.first * back))


def as_json(case: Case, found: Calibration) -> dict[str, Any]:
    """One calibrated case as plain values; what is not a number becomes None.

    The power against an alternative that is the truth itself is None.
    """
    design, setting = case.design, case.point.setting
    alternatives = {
        name: {
            "exponent": value,
            "power": None
            if math.isclose(value, case.truth.alpha, rel_tol=1e-9)
            else found.power[name],
        }
        for name, value in design.alternatives.items()
    }
    return to_jsonable({
        "dim": case.point.dim, **({"setting": setting.varying} if setting.pairs else {}),
        "x": design.x.tolist(), "teachers": design.teachers, "seeds": design.seeds,
        "prediction": design.prediction, "sense": design.sense, "tolerance": design.tolerance,
        "source": case.source, "truth": asdict(found.truth), "coverage": found.coverage,
        "width": found.width, "bias": found.bias, "error": found.error,
        "verdicts": found.verdicts, "wrong": found.wrong, "shapes": found.shapes,
        "usable": found.usable, "found_doubts": found.doubts, "alternatives": alternatives,
        "by_ratio": {
            f"{ratio:g}": {"agrees": agrees, "contradicts": contradicts}
            for ratio, (agrees, contradicts) in found.by_ratio.items()
        },
    })  # fmt: skip


def wrong_at_the_edge(case: Case, found: Mapping[str, Calibration]) -> dict[str, Any]:
    """P(agrees) and P(contradicts) at the edge of the region, and the share of scans found bent, by
    the name of the truth, as plain values."""
    values = {}
    for name, shown in found.items():
        agrees, contradicts = shown.at_the_edge(case.design)
        values[name] = {"agrees": agrees, "contradicts": contradicts, "bent": shown.shapes[BENT]}
    return values


# ---- what a results folder keeps of it -----------------------------------------------------------


FILE = "calibration.json"
"""In the results folder of the study."""
DESIGN = ("x", "teachers", "seeds", "prediction", "sense", "tolerance")
"""The parts of a design, by the names of its fields and of JSON."""
SHORT = ("source", "coverage", "width", "bias", "verdicts", "wrong", "shapes")
"""The entries of a calibration in fits.json; its file has the rest."""


@dataclass(frozen=True)
class Calibrated(Finding):
    """One setting. values: its entry in the calibration; scans: how many were simulated; current:
    whether the study still has this design."""

    setting: Setting = field(kw_only=True)
    values: Mapping[str, Any] = field(repr=False)
    scans: int
    current: bool

    def plain(self) -> dict[str, Any]:
        """The shares that matter, with the true exponent they are of."""
        known = {name: self.values.get(name) for name in SHORT}
        return {"scans": self.scans, "current": self.current, "alpha": self.alpha, **known}

    @property
    def alpha(self) -> float:
        """The true exponent of the simulated scans."""
        return float(self.values["truth"]["alpha"])


def calibrated(question: StudyResults) -> tuple[Calibrated, ...]:
    """The settings that a calibration is kept of, in the order of the grid."""
    kept = read(question.store.path)
    if kept is None or question.study.prediction is None:
        return ()
    entries = {_key(one): one for one in kept["points"]}
    found = []
    for one, design in zip(question.stored, designs(question.study), strict=True):
        name = {"dim": one.setting.dim}
        if one.setting.pairs:
            name["setting"] = to_jsonable(one.setting.varying)
        entry = entries.get(_key(name))
        if entry:
            found.append(
                Calibrated(
                    setting=one.setting,
                    values=entry,
                    scans=kept["scans"],
                    current=_same(design, entry),
                )
            )
    return tuple(found)


def _key(entry: Mapping[str, Any]) -> str:
    return json.dumps([entry["dim"], entry.get("setting")], sort_keys=True)


def _same(design: Design, entry: Mapping[str, Any]) -> bool:
    """True if the entry is of this design, and by rules that tell straight curves from bent ones:
    before, a calibration had no shapes."""
    return "shapes" in entry and to_jsonable({name: getattr(design, name) for name in DESIGN}) == {
        name: entry.get(name) for name in DESIGN
    }


def keep(calibration: Mapping[str, Any], folder: Path) -> Path:
    """Put a calibration, as plain values, into its study's results folder; returns the file."""
    return put(json.dumps(calibration, indent=1) + "\n", folder / FILE)


def read(folder: Path) -> dict[str, Any] | None:
    """The calibration that a results folder keeps; None where there is none that can be read."""
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        whole = all("truth" in one and "dim" in one for one in kept["points"])
        return kept if whole and isinstance(kept["scans"], int) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


# ---- figure --------------------------------------------------------------------------------------


CAPTION = (
    "How often simulated scans of this design agree with the prediction (solid) and contradict it "
    "(dashed), by how many times the prediction the true exponent is; what is left is undecided. "
    "Upright: the edges of what the prediction allows."
)


def figures(answers: Answers) -> list[CaptionedFigure]:
    """The curves of the settings whose design is still the study's."""
    shown = [one for one in findings_of(answers, "calibrated") if one.current]
    if not shown:
        return []
    panels: dict[str, list[tuple[Any, str, Calibrated]]] = {}
    for one in shown:
        panels.setdefault(one.setting.name, []).append(
            (one.setting.dim, one.setting.dimension, one)
        )
    rows = [(one.label, ratio, *(f"{share:.4f}" for share in shares))
            for one in shown for ratio, shares in _curves(one)]  # fmt: skip
    columns = ("setting", "truth over prediction", "agrees", "contradicts")
    title = "Verdicts by the true exponent"
    figure = by_dimension(panels, _draw, xlabel="true α / predicted α", ylabel="share of scans",
                          ylim=(-0.02, 1.04))  # fmt: skip
    alt = f"{title}. {'; '.join(map(_said, shown))}."
    return [CaptionedFigure("power", title, figure, CAPTION, alt, Rows(columns, rows))]


def _curves(one: Calibrated) -> list[tuple[float, tuple[float, float]]]:
    by_ratio = one.values["by_ratio"]
    return sorted((float(ratio), (shares["agrees"], shares["contradicts"]))
                  for ratio, shares in by_ratio.items())  # fmt: skip


def _said(one: Calibrated) -> str:
    quoted = one.values["coverage"]["quoted"]
    return (f"{one.label}: the quoted interval covers {quoted:.0%} of true exponents, "
            f"{one.values['wrong']:.1%} of verdicts are wrong")  # fmt: skip


def _draw(ax: Any, one: Calibrated, colour: Any, label: str) -> None:
    ratios, shares = zip(*_curves(one), strict=True)
    for of, style, name in zip(zip(*shares, strict=True), ("-", "--"), (label, None), strict=True):
        (line,) = ax.plot(ratios, of, style, color=colour, lw=1.3, label=name)
        told(line, _said(one))
    tolerance, bound = one.values["tolerance"], one.values["sense"] == "bound"
    for edge in [1 - tolerance] if bound else [1 - tolerance, 1 + tolerance]:
        ax.axvline(edge, color="black", lw=0.6)


# ---- view ----------------------------------------------------------------------------------------


HEAD = ("d", "true α", "from", "covers", "width", "bias", AGREES, CONTRADICTS, UNDECIDED, "wrong",
        "straight", "bent")  # fmt: skip
MOST = 10
"""Columns that a narrow terminal shows."""
OTHER = ("truth", AGREES, CONTRADICTS, "bent")
LIKELY_WRONG = 0.05
"""Share of wrong verdicts that needs a remark."""
HONEST = (0.93, 0.97)
"""Coverage of a 95 % interval that needs no remark."""

Entry = Mapping[str, Any]
"""A calibrated setting as plain values, see `as_json`."""


def tables(entries: Sequence[Entry], scans: str) -> list[TextTable]:
    """The design, and what other truths do to it."""
    names = list(dict.fromkeys(name for one in entries for name in one["alternatives"]))
    rows = [(*_cells(one), *(_power(one["alternatives"].get(name)) for name in names))
            for one in entries]  # fmt: skip
    found = [TextTable((*HEAD, *(f"≠ {name}" for name in names)), rows, (
        f"This design in {scans} simulated scans a row: how often the quoted 95 % interval "
        "covers the true α, its median width, how often each verdict is given and is wrong, "
        "how often the curve is found straight or bent, and the interval leaves another "
        "exponent out."
    ), shown=(), most=MOST)]  # fmt: skip
    others = _others(entries)
    if others:
        found.append(TextTable(OTHER, others, (
            "In a fifth as many scans of truths that the estimator does not assume: wrong verdicts "
            "where the truth is the edge of what the prediction allows, and curves found bent, at "
            "most over the settings."
        ), shown=()))  # fmt: skip
    return found


def below(answers: Answers) -> list[Block]:
    """The tables of the design; or that the design is another by now."""
    found = findings_of(answers, "calibrated")
    now = [one for one in found if one.current]
    scans = " and ".join(dict.fromkeys(str(one.scans) for one in now))
    blocks: list[Block] = [*tables([one.values for one in now], scans)] if now else []
    if len(now) < len(found):
        blocks.append(
            f"{len(found) - len(now)} of {len(found)} settings were calibrated for another design, "
            "or by the rules of then; `lab calibrate` does it again."
        )
    return blocks


def simulated(answers: Answers) -> str:
    """Coverage and wrong verdicts in simulated scans of this design; empty without any."""
    found = [c for c in findings_of(answers, "calibrated") if c.current]
    if not found:
        return ""
    covered = [c.values["coverage"]["quoted"] for c in found]
    wrong = max(c.values["wrong"] for c in found)
    ends = " to ".join(dict.fromkeys(f"{v:.0%}" for v in (min(covered), max(covered))))
    erred = f"at most {wrong:.1%} of the verdicts were wrong" if wrong else "no verdict was wrong"
    return (f"In {found[0].scans} simulated scans of this design the 95 % interval held the truth "
            f"in {ends}, and {erred}.")  # fmt: skip


def _cells(one: Entry) -> tuple[str, ...]:
    verdicts, bias, spread = one["verdicts"], one["bias"], one["truth"]["spread"]
    return (
        _place(one), f"{one['truth']['alpha']:.3g}" + (f" ± {spread:.2g}" if spread else ""),
        one["source"], _share(one["coverage"]["quoted"]), f"{one['width']['quoted']:.2g}",
        "–" if bias is None else f"{bias:+.3f}",
        *(_share(verdicts[name]) for name in (AGREES, CONTRADICTS, UNDECIDED)),
        f"{one['wrong']:.3f}", *(_share(one["shapes"][name]) for name in (STRAIGHT, BENT)),
    )  # fmt: skip


def _place(one: Entry) -> str:
    return ", ".join(filter(None, [str(one["dim"]), named(one.get("setting", {}))]))


def _power(alternative: Entry | None) -> str:
    if alternative is None:
        return "–"
    return "same" if alternative["power"] is None else _share(alternative["power"])


def _others(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """The largest shares over the settings, truth by truth."""
    worst: dict[str, dict[str, float]] = {}
    for one in entries:
        for truth, shares in one.get("misspecified", {}).items():
            most = worst.setdefault(truth, {})
            for name, share in shares.items():
                most[name] = max(most.get(name, 0.0), share)
    return [(truth, *(f"{most[name]:.3f}" for name in OTHER[1:])) for truth, most in worst.items()]


def _share(value: float) -> str:
    return f"{value:.2f}"


def remarks(entries: Sequence[Entry], *, scans: int, seed: int) -> Iterator[str]:
    """Sentences on the simulation, how to read it, and quoted intervals that miss their level."""
    error = math.sqrt(0.95 * 0.05 / scans)
    yield (f"{scans} scans per line, seed {seed}; a coverage near 0.95 has a standard error of "
           f"{error:.3f}.")  # fmt: skip
    truths: dict[str, list[str]] = defaultdict(list)
    for one in entries:
        t = one["truth"]
        truths[
            f"{len(one['x'])} x, {one['teachers']} teachers, {one['seeds']} seeds; loss "
            f"{t['first']:.3g} at the smallest x, floor {t['floor']:.3g}, scatter of log loss "
            f"{t['noise']:.3g} between seeds and {t['amplitude']:.3g} between teachers, of α as "
            "shown"
        ].append(_place(one))
    for text, places in truths.items():
        yield f"d = {', '.join(dict.fromkeys(places))}: {text}."
    for one in entries:
        covered, wrong = one["coverage"]["quoted"], one["wrong"]
        if not HONEST[0] - 2 * error <= covered <= HONEST[1] + 2 * error:
            yield (f"d = {_place(one)}: the quoted 95 % interval covers {covered:.0%} of such "
                   "scans; quote it with that number.")  # fmt: skip
        if wrong > LIKELY_WRONG:
            yield f"d = {_place(one)}: {wrong:.0%} of the verdicts are wrong: {_edge(one)}."


def _edge(one: Entry) -> str:
    """Position of the truth against what the prediction allows."""
    alpha = one["truth"]["alpha"]
    low, high = allowed(one["prediction"], one["sense"], one["tolerance"])
    edge = low if abs(alpha - low) < abs(alpha - high) else high
    where = "inside" if low <= alpha <= high else "outside"
    return (f"the true {alpha:.3g} lies {abs(alpha - edge):.2g} {where} the edge {edge:.3g} of "
            "what the prediction allows")  # fmt: skip


VIEW = View(below=below, figures=figures, key="calibration", json="fits",
            title="Coverage and error rates of this design")  # fmt: skip
