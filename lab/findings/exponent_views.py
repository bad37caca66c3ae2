"""Exponents in reports: the table, claims, evidence and files.

One row of the table per setting. Nothing is computed here; the figures are in `exponent_figures`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from lab.findings import exponents, provenance
from lab.findings.answer import Answer
from lab.findings.expected import gap_at_ends
from lab.findings.exponent_figures import figures, measured
from lab.findings.exponent_result import ExponentResult
from lab.findings.view import (
    Answers,
    Block,
    Rows,
    TextTable,
    View,
    alpha,
    interval,
    number,
    told_by_panel,
)
from lab.scaling.judge.exponent import Exponent
from lab.scaling.judge.verdict import briefly
from lab.scaling.scans.estimate import LAWS

# ---- table and words -----------------------------------------------------------------------------


HEAD = ("d", "prediction", "α", "95 % interval", "verdict", "relation", "doubts", "teachers",
        "runs", "x", "α in N", "α in hidden", "forecast", "Δα training")  # fmt: skip
BRIEF = 7
"""Columns that a terminal shows, and the rivals; the report has the others."""
MOST = 5
"""Columns that a narrow terminal shows."""
LEGEND = (
    "α: exponent over the measured range, mean over teachers; of a curve that is bent also its "
    "local exponents from the smallest to the largest x. Interval: 95 %, Student's t over teachers "
    "with the noise that they have in common. α in N, α in hidden: by all parameters, and by the "
    "weights between hidden layers. "
    "Forecast: error in log loss of the law of the smaller x about the two largest, ± 95 %. "
    "x: smallest and largest of the scan; gap: measured loss / reference at both. table.csv has "
    "every run and what was fitted of it."
)
SLOWER = "slower"
VARIED = {
    "rate": "the rate",
    "weights": "the variance of the first weights",
    SLOWER: "the steps at 1/{:g} of the rate",
}
"""The settings that checks of a scan multiply by a factor."""
FATE = {True: "survives", False: "excluded", None: "undecided"}


def above(answers: Answers) -> list[Block]:
    """The question, the data, the table with its legend, and the runs that were repeated."""
    fitted = [answer for answer in answers if answer.points]
    claimed = tuple(answer for answer in fitted if answer.predicts)
    shown: list[Block] = [table(claimed), LEGEND] if claimed or not fitted else []
    scans = [[p.run for p in answer.study.plan if p.role == "scan"] for answer in fitted]
    data = dict.fromkeys(text for runs in scans for text in exponents.pool_paragraphs(runs))
    return [
        *told_by_panel((answer, _asked(answer)) for answer in fitted), *data, *shown,
        *told_by_panel((answer, _evidence(answer)) for answer in fitted), *_variations(fitted),
    ]  # fmt: skip


def table(answers: Answers) -> TextTable:
    """One row per point; gaps to a reference and rivals have a column where the study has any."""
    points = [(answer, p) for answer in answers for p in answer.points]
    more = {"gap": [gap_at_ends(answer, p.setting) for answer, p in points],
            "rivals": ["; ".join(f"{r.formula} = {r.value:.3g} {FATE[r.survives]}"
                                 for r in p.rivals) for _, p in points]}  # fmt: skip
    more = {name: cells for name, cells in more.items() if any(cells)}
    rows = [(*_cells(*point), *row) for point, *row in zip(points, *more.values(), strict=True)]
    shown = (*range(BRIEF), *range(len(HEAD), len(HEAD) + len(more)))
    return TextTable((*HEAD, *more), rows, shown=shown, most=MOST)


def _cells(answer: Answer, p: ExponentResult) -> tuple[str, ...]:
    e, c = p.exponent, p.evidence.convergence
    name = ", ".join(filter(None, [str(p.dim), p.setting.name]))
    x = sorted({row[0] for row in p.fitted.rows})
    by_size = e.by_size if e else {}
    return (
        name,
        _predicted(answer, p),
        alpha(e) if e else "–",
        interval(e.interval) if e else "–",
        p.verdict or "–",
        (e.relation if e else None) or "–",
        briefly(p.doubts),
        str(p.fitted.teachers),
        str(p.runs.done),
        f"{answer.study.axis.symbol} {x[0]:.0f}–{x[-1]:.0f}" if x else "–",
        *(_counted(by_size[s]) if s in by_size else "–" for s in ("N", "hidden")),
        _forecast(e) if e and e.forecast else "–",
        f"{c.correction.alpha:+.2f} ± {2 * c.correction.error:.2f}" if c else "–",
    )


def _predicted(answer: Answer, p: ExponentResult) -> str:
    """The prediction, with its interval where d is measured."""
    ends = f" {interval((p.likely[0], p.likely[-1]))}" if p.likely else ""
    return f"{answer.prediction.text} = {p.prediction:.3g}{ends}"


def _counted(value: tuple[float, tuple[float, float]]) -> str:
    alpha, (lo, hi) = value
    return f"{number(alpha)} ± {number((hi - lo) / 2)}"


def _forecast(e: Exponent) -> str:
    assert e.forecast
    error, (_, hi) = e.forecast
    return f"{error:+.2f} ± {number(hi - error)}"


def _asked(answer: Answer) -> str:
    """The claims, and the law that is fitted."""
    study = answer.study
    claims = [
        f"{provenance.claim_text(history.now)}{provenance.written([history])}"
        for history in answer.histories
    ]
    text = (
        f"Regime {study.regime}; prediction{'s' * (len(claims) > 1)} {'; '.join(claims)}."
        + f" Fitted: a {LAWS[study.law]} to {study.ordinate.words}." * answer.predicts
    )
    if answer.predicts and answer.prediction.rivals:
        within = f"{answer.prediction.tolerance:.0%}"
        text += (
            f" A rival survives if the interval meets it within {within}; it "
            "is undecided if a doubt could explain that it does not."
        )
    return " ".join(filter(None, [text, provenance.changes(answer.histories)]))


def _evidence(answer: Answer) -> str:
    """The runs that were repeated with other budgets, and the meaning of their columns."""
    study = answer.study
    if not study.trained or answer.record.lacking:
        return ""
    if not study.checked:
        return "No scan was trained again with another budget: nothing shows that the students " \
               "have converged."  # fmt: skip
    budgets = " and ".join(f"{b:g}" for b in study.budgets)
    kinds = {v.kind for p in answer.points for v in p.evidence.variations}
    return (
        f"Δα training: what unlimited training would add to α, with its 95 % error, from the scans "
        f"of {len(study.checked)} of {study.task.count} teachers at {budgets} times the "
        "steps; a reading of its own, which a verdict asks beside α as trained."
        + " More steps at a lower rate were not tried here." * (SLOWER not in kinds)
        + " Rate and first weights were not varied here." * (kinds <= {SLOWER})
    )


def _variations(answers: Sequence[Answer]) -> list[TextTable]:
    """The changes of α by other steps, rates and first weights: a row per point, a column each."""
    points = [p for answer in answers for p in answer.points if p.evidence.variations]
    found = [{f"{v.factor:g} × {VARIED[v.kind].format(v.factor)}": v
              for v in p.evidence.variations} for p in points]  # fmt: skip
    columns = sorted({name for one in found for name in one})
    if not columns:
        return []
    cells = [[f"{one[c].alpha:+.2f} ± {2 * one[c].error:.2f}" if c in one else "" for c in columns]
             for one in found]  # fmt: skip
    rows = [(p.label, *row) for p, row in zip(points, cells, strict=True)]
    words = "Change of α of one teacher under other training, with its 95 % error:"
    return [TextTable(("setting", *columns), rows, words, shown=())]


def sentences(_: Answer, p: ExponentResult) -> Iterator[str]:
    """Premises, budgets that were raised, what would decide the point, and its arithmetic."""
    yield from p.evidence.premises if p.claim else ()
    if p.runs.budget > 1:
        yield (f"the budget was raised up to {p.runs.budget:g} times the steps, at "
               f"1/{p.runs.budget:g} of the rate.")  # fmt: skip
    if p.exponent and p.exponent.ends:
        yield _bent(p.exponent)
    if p.exponent and p.exponent.limit:
        yield (f"α in the limit, given ω = {p.exponent.limit.omega:g}: {p.exponent.limit}, "
               f"{interval(p.exponent.limit.interval)}.")  # fmt: skip
    if p.advice:
        yield p.advice
    if p.runs.conditioning:
        condition, jitter = p.runs.conditioning
        rest = f"jitter up to {jitter:.0e} of the diagonal." if jitter else "no jitter."
        yield f"condition number at most {condition:.1g}, {rest}"


def _bent(e: Exponent) -> str:
    assert e.ends
    first, last = e.ends
    return (f"over this range α is {number(e.alpha)} {interval(e.interval)}; the local exponent "
            f"{e.shape.direction} from {number(first.alpha)} {interval((first.lo, first.hi))} to "
            f"{number(last.alpha)} {interval((last.lo, last.hi))}: no one power law.")  # fmt: skip


def files(answers: Answers) -> dict[str, Rows]:
    """The exponents; every value that was fitted is in the table of runs."""
    points = [p for answer in answers for p in answer.points]
    return {
        "exponents.csv": Rows(
            ("dim", "setting", "prediction", "alpha", "lo", "hi", "verdict", "relation", "doubts",
             "teachers", "runs", "diverged", "failed"),
            [_row(p) for p in points],
        ),
    }  # fmt: skip


def _row(p: ExponentResult) -> tuple[object, ...]:
    e = p.exponent
    numbers = (e.alpha, *e.interval) if e else (math.nan,) * 3
    asked = p.prediction if p.claim else ""
    return (p.dim, provenance.setting_json(p.setting), asked, *(f"{v:.6g}" for v in numbers),
            p.verdict or "", (e.relation or "") if e else "", " ".join(p.doubts),
            p.fitted.teachers, p.runs.done,
            p.runs.diverged, p.runs.failed)  # fmt: skip


VIEW = View(
    above=above,
    sentences=sentences,
    figures=figures,
    files=files,
    details=ExponentResult.details,
    title="Exponents",
    measured=measured,
    advice=lambda p: p.advice,
)
