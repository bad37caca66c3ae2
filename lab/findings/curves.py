"""Claims about a whole curve: whether mean losses are their exact risk, and where the peak is.

    curve   r(x) = mean loss / exact risk, Student's t over independent draws at every x
    peak    the x of the largest loss, a confidence set of grid points and what lies between

**Several x at once.** `agrees` says that *every* r(x) lies inside 1 ± τ: an intersection of claims,
and each of its 95 % intervals must lie inside. Were one r(x) outside, that interval alone would lie
inside with a probability of at most 2.5 %, so no correction is due (Berger 1982, Technometrics 24).
`contradicts` says that *some* r(x) lies outside, of which m could by chance: an interval of level
1 − .05/m must lie wholly outside (Bonferroni). Draws of different x may depend on each other.

**The set of the peak.** x stands in it unless some x′ has a larger mean log loss by a paired
one-sided t-test over units at .05/(m − 1): it holds the true maximum of the grid with 95 %. As the
maximum of a curve with one peak lies between the neighbours of the grid's, the interval reaches
from the left neighbour of the first to the right one of the last. A set that holds an end of the
scan says nothing of what lies beyond: undecided.

Known bias: t over draws of a skewed loss is too short near a divergence; an x whose loss has no
variance over draws is left out of the curve, and told. The peak takes logarithms, which exist
there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float
from scipy import special

from lab.findings.answer import Judgement
from lab.findings.expected import Expected, comparisons
from lab.findings.exponents import doubts_of_runs
from lab.findings.intervals import inside
from lab.findings.study_results import SettingRuns, StudyResults
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Doubt
from lab.scaling.scans.lines import student_quantile
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

LEVEL = 0.05
"""One minus the confidence of intervals and sets."""
HARMONICS = (
    "amplitude: eigenlearning takes the harmonics of random points for independent Gaussians, and "
    "its amplitude is too low in low dimensions; claim the exponent there."
)
EDGE = "the largest loss may be at the edge of the scan, or beyond: scan x on both sides of it."
FORBID = {Doubt.DIVERGED, Doubt.FAILED, Doubt.UNFINISHED, Doubt.UNCHECKED, Doubt.ILL_CONDITIONED,
          Doubt.ONE_POOL}  # fmt: skip
"""Doubts of the runs under which no curve is judged."""


def curve(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge by setting whether mean losses are their exact risk, at every x that tells."""
    for one in question.stored:
        yield _curve(question.study, one, claim)


def _curve(study: Regime, one: SettingRuns, claim: Claim) -> Judgement:
    done = ((study.x(run), run, row) for run, row in one.done)
    every = comparisons(done, redrawn=study.resamples_data)
    told = [known for known in every if known.varies and known.units > 1]
    doubts: tuple[str, ...] = doubts_of_runs(study, one, FORBID)
    if any(e.source == "harmonics" for e in told):
        doubts = (*doubts, HARMONICS)
    if not told:
        why = "nothing is measured yet." if not one.done else (
            "no x has a risk that is known, with a variance, and more than one teacher or draw."
        )  # fmt: skip
        return Judgement.unmeasured(claim, one.setting, 1.0, doubts, why)
    verdict, e, shown = compared(told, claim.tolerance)
    at, half = f"{study.axis.symbol} = {e.x:g}", (shown[1] - shown[0]) / 2
    advice = ""
    if not doubts and verdict == UNDECIDED:
        more = math.ceil((2 * half / claim.tolerance) ** 2)
        remedy = f"about {more} times as many teachers or draws narrow it to half of that" * (
            more > 1
        )
        advice = f"± {half:.3f} at {at} where ± {claim.tolerance:g} is allowed: " + (
            remedy or "the ratio lies too near the edge of the tolerance"
        )
    xs = [known.x for known in told]
    left = sorted({study.x(run) for run, _ in one.done} - {*xs})
    words = (
        f"measured / theory is farthest from 1 at {at}, of {len(xs)} that are compared: "
        f"{e.ratio:.3f} [{shown[0]:.3f}, {shown[1]:.3f}]"
    )
    if left:
        out = ", ".join(f"{x:g}" for x in left)
        words += f"; left out are {out}, where theory has no mean or no variance over draws"
    return Judgement(
        claim, one.setting, e.ratio, shown, 1.0, UNDECIDED if doubts else verdict, doubts,
        f"{advice}." if advice else "", at=at, words=(f"{words}.",),
        more={"x": e.x, "compared": xs, "left_out": left},
    )  # fmt: skip


def compared(told: Sequence[Expected], tolerance: float) -> tuple[str, Expected, Interval]:
    """The verdict on ratios that shall all lie within 1 ± tolerance, by the rule of this file, and
    the x that lies farthest from 1, of those that contradict if some do, with its interval."""
    allowed = (1 - tolerance, 1 + tolerance)
    ends = [_interval(e, LEVEL) for e in told]
    sure = [_interval(e, LEVEL / len(told)) for e in told]
    outside = [i for i, wide in enumerate(sure) if inside(wide, allowed) == CONTRADICTS]
    holds = all(inside(own, allowed) == AGREES for own in ends)
    quoted = sure if outside else ends
    worst = max(outside or range(len(told)), key=lambda i: max(abs(v - 1) for v in quoted[i]))
    verdict = AGREES if holds else CONTRADICTS if outside else UNDECIDED
    return verdict, told[worst], quoted[worst]


def _interval(e: Expected, level: float) -> Interval:
    """Student's interval of the ratio at this level."""
    half = float(student_quantile(e.units - 1, 1 - level)) * e.error
    return e.ratio - half, e.ratio + half


def peak(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """The place of the largest loss in every setting, beside the position that is claimed."""
    for one, position in question.predicted(claim):
        yield _peak(question.study, one, claim, position)


def _peak(study: Regime, one: SettingRuns, claim: Claim, position: float) -> Judgement:
    x, losses = _losses(study, one)
    doubts = doubts_of_runs(study, one, FORBID)
    if losses.shape[0] < 2 or x.size < 3:
        why = "a peak needs three x, and two teachers or draws that have every one of them."
        return Judgement.unmeasured(claim, one.setting, position, doubts, why)
    found = peak_set(losses)
    top, first, last = int(np.argmax(losses.mean(0))), int(found[0]), int(found[-1])
    inner = 0 < first and last < x.size - 1
    ends = (float(x[max(first - 1, 0)]), float(x[min(last + 1, x.size - 1)]))
    symbol = study.axis.symbol
    verdict, advice, words = UNDECIDED, EDGE, ""
    if inner:
        verdict = inside(ends, claim.band(position))
        more = "scan more x between them" if found.size == 1 else "take more teachers or draws"
        words = f"the loss is largest between {symbol} = {ends[0]:g} and {ends[1]:g}."
        advice = f"{more}."
    if doubts:
        verdict, advice = UNDECIDED, ""
    return Judgement(
        claim, one.setting, float(x[top]), ends, position, verdict, doubts,
        advice if verdict == UNDECIDED else "", words=(words,) if words else (),
        more={"edge": not inner},
    )  # fmt: skip


def _losses(
    study: Regime, one: SettingRuns
) -> tuple[Float[np.ndarray, " x"], Float[np.ndarray, "units x"]]:
    """Log relative loss of every unit, a teacher or a draw, that has all x."""
    raw = study.losses(one.done)
    units: dict[tuple[int, int], dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    columns = (raw.x, raw.value, raw.teacher, raw.seed)
    for x, loss, teacher, seed in zip(*(column.tolist() for column in columns), strict=True):
        if loss > 0:
            units[teacher, seed if study.resamples_data else 0][x].append(math.log(loss))
    xs = np.unique(raw.x)
    whole = [[float(np.mean(unit[x])) for x in xs.tolist()]
             for unit in units.values() if len(unit) == xs.size]  # fmt: skip
    return xs, np.array(whole, float).reshape(len(whole), xs.size)


def peak_set(losses: Float[np.ndarray, "units x"]) -> np.ndarray:
    """Indices of the x that may have the largest mean, ascending: the true one is among them with
    95 %. Of one x, or equal losses, all."""
    n, m = losses.shape
    more = losses[:, None, :] - losses[:, :, None]  # [unit, x, x′], by how much x′ is larger
    mean, error = more.mean(0), more.std(0, ddof=1) / math.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(mean > 0, mean / error, -np.inf)
    limit = special.stdtrit(n - 1, 1 - LEVEL / max(m - 1, 1))
    return np.flatnonzero((t <= limit).all(1))
