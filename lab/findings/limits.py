"""Frontiers beside the limits of their own curves: claims without a free parameter, and the bend.

**ξ and the excess from the two exponents.** α_N is read from the last losses over N, and α_S from
the curve of the largest size, as a learning curve's are (`lab.findings.learning`). If L is
homogeneous in N^−α_N and S^−α_S, whatever its form, then with C ∝ N S

    ξ = α_S/(α_N + α_S)        xi-ratio: the envelope's ξ over it
    excess = α_N/α_S           excess-ratio, of the additive law alone (Kaplan et al., arXiv
                               2001.08361, appendix B): 1.5 for .173 on `Truncation(1.5, 1.5)`

Nothing is fitted for it; both sides are of the same curves, and the interval is Student's of the
jackknife over units of the ratio's logarithm.

**The bend into L(D)** (Kaplan §6.3, Henighan et al., arXiv 2010.14701, §6). The best loss so far at
compute C, over all sizes, is E_∞(C) on unlimited data and E_D(C) on a training set, stopped where
it is best. The two limits predict a crossing, C_× with E_∞(C_×) = L(D), the lowest loss at this D;
the bend is measured where E_D/E_∞ first is √2. An additive law of both limits has 2 at the
crossing, and the larger of both has 1: a ratio of bend to crossing near 1 says that the crossing
tells where data begin to matter, within a factor.

Known bias: ξ of few sizes, and α_S of a curve that bends, enter as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.findings.answer import Judgement
from lab.findings.drawing import GREY, VERMILLION, blank, decades, literal, shades
from lab.findings.frontiers import Columns, FrontierFound, geometric_mean, groups, one_frontier
from lab.findings.intervals import NOTHING, jackknife, of_logarithm
from lab.findings.learning import over_sizes, over_steps
from lab.findings.study_results import ClaimedFinding, Setting, StudyResults
from lab.findings.view import View, figure_of, file_of, table_of
from lab.regimes.stepwise import BEND, EXCESS_RATIO, XI_RATIO, ComputeFrontier
from lab.scaling.equal_compute import FrontierError
from lab.scaling.scans.scan import Interval
from lab.tables.prediction import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS = math.sqrt(2)
"""Ratio of losses from which on a training set is too small."""
FEWEST = 3
"""x of an exponent."""
NAMES = (XI_RATIO.name, EXCESS_RATIO.name)
"""The quantities that need no training set."""
Valued = tuple[float, Interval]


@dataclass(frozen=True)
class LimitsFound(ClaimedFinding):
    """One setting. alpha_N, alpha_S: of its curves; ratios: by name of the quantity, NaN of what
    has none; claimed: of one of them; crossing, bent: compute where the limits meet, and where √2
    is lost; envelopes: best loss so far on unlimited data, and at this D, over C."""

    alpha_N: float
    alpha_S: float
    ratios: dict[str, Valued]
    claimed: bool
    crossing: float = math.nan
    bent: float = math.nan
    envelopes: tuple[np.ndarray, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {
            "label": self.label, "alpha_N": self.alpha_N, "alpha_S": self.alpha_S,
            **{name: {"value": v, "interval": ends} for name, (v, ends) in self.ratios.items()},
            "crossing": self.crossing, "bent": self.bent, "doubts": list(self.doubts),
        }  # fmt: skip


def limits(question: StudyResults) -> tuple[LimitsFound, ...]:
    """One per setting, in the order of the grid."""
    study = question.study
    assert isinstance(study, ComputeFrontier)
    found: tuple[FrontierFound, ...] = question.found("frontier")
    endless = {_apart(one.at): one for one in found if _size(one.at) in (None, "∞")}
    return tuple(_found(study, one, endless.get(_apart(one.at))) for one in found)


def _size(at: Setting) -> Any:
    return at.varying.get("data.size")


def _apart(at: Setting) -> tuple[Any, ...]:
    """A setting without its training set."""
    return (at.dim, *(pair for pair in at.pairs if pair[0] != "data.size"))


def _found(
    study: ComputeFrontier, one: FrontierFound, endless: FrontierFound | None
) -> LimitsFound:
    columns = one.columns
    α_N, α_S = exponents(study, columns)
    ratios = {name: _ratio(study, columns, name) for name in NAMES}
    claimed = any(claim.quantity in (*NAMES, BEND.name) for claim in study.claims)
    found = LimitsFound(α_N, α_S, ratios, claimed, at=one.at, doubts=one.doubts)
    if endless is None or endless is one or not columns["N"].size or not endless.columns["N"].size:
        return found
    crossing, bent = _bend(endless.columns, columns)
    value, interval = math.nan, NOTHING
    if math.isfinite(crossing) and math.isfinite(bent):
        value = bent / crossing
        both = zip(groups(endless.columns), groups(columns), strict=True)
        without = [math.log(b / c) for c, b in (_bend(*pair) for pair in both)]
        ends = jackknife(math.log(value), without)
        interval = of_logarithm(ends)
    C = np.geomspace(columns["C"].min(), columns["C"].max(), 60)
    envelopes = (C, best_so_far(endless.columns, C), best_so_far(columns, C))
    ratios = {**ratios, BEND.name: (value, interval)}
    return replace(found, ratios=ratios, crossing=crossing, bent=bent, envelopes=envelopes,
                   doubts=(*one.doubts, *endless.doubts))  # fmt: skip


def exponents(study: ComputeFrontier, c: Columns) -> tuple[float, float]:
    """α_N and α_S by lines through the geometric means, NaN of fewer than FEWEST points."""
    found = []
    for x, loss, _ in (over_sizes(c), over_steps(study, c)):
        at, mean = geometric_mean(x, loss)
        enough = at.size >= FEWEST
        found.append(-float(np.polyfit(np.log(at), np.log(mean), 1)[0]) if enough else math.nan)
    return found[0], found[1]


def _ratio(study: ComputeFrontier, c: Columns, name: str) -> Valued:
    """ξ or the excess over what the two exponents make of it."""
    value = _log_ratio(study, c, name)
    without = [_log_ratio(study, some, name) for some in groups(c)]
    if not math.isfinite(value):
        return math.nan, NOTHING
    ends = jackknife(value, without) if without else (value, value)
    return math.exp(value), of_logarithm(ends)


def _log_ratio(study: ComputeFrontier, c: Columns, name: str) -> float:
    try:
        found = one_frontier(c, "envelope")
    except FrontierError:
        return math.nan
    α_N, α_S = exponents(study, c)
    expected = α_S / (α_N + α_S) if name == XI_RATIO.name else α_N / α_S
    told = found.xi.value if name == XI_RATIO.name else found.excess.value
    return math.log(told / expected) if told > 0 and expected > 0 else math.nan


def best_so_far(c: Columns, C: np.ndarray) -> np.ndarray:
    """The lowest mean loss over all sizes at up to these compute; ∞ before the first."""
    least = np.full(C.size, np.inf)
    for N in np.unique(c["N"]):
        rows = c["N"] == N
        at, loss = geometric_mean(c["C"][rows].round(9), c["loss"][rows])
        own = np.exp(np.interp(np.log(C), np.log(at), np.log(np.minimum.accumulate(loss))))
        least = np.minimum(least, np.where(at[0] <= C, own, np.inf))
    return least


def _bend(endless: Columns, c: Columns) -> tuple[float, float]:
    """C where the frontier of unlimited data meets L(D), and where E_D/E_∞ is √2."""
    C = np.geomspace(c["C"].min(), c["C"].max(), 2000)
    free, own = best_so_far(endless, C), best_so_far(c, C)
    known = np.isfinite(free) & np.isfinite(own)
    lowest = own[known].min(initial=math.inf)
    meets = np.flatnonzero(known & (free <= lowest))
    over = np.flatnonzero(known & (own >= COSTS * free))
    return (float(C[meets[0]]) if meets.size else math.nan,
            float(C[over[0]]) if over.size else math.nan)  # fmt: skip


# ---- claims -------------------------------------------------------------------------------------


def claimed(question: StudyResults, claim: Claim) -> Iterator[Judgement]:
    """Judge a claim about a ratio, setting by setting; about the bend those of training sets."""
    of_bend = claim.quantity == BEND.name
    for found, at, prediction in question.beside(claim, "limits"):
        if of_bend and _size(at) in (None, "∞"):
            continue
        value, interval = found.ratios.get(claim.quantity, (math.nan, NOTHING))
        if not math.isfinite(value):
            why = (
                "the frontier of this training set does not leave that of unlimited data by √2, or "
                "none of both is complete: go on running, or take smaller D."
                if of_bend else
                "it needs a frontier, and curves for both exponents: go on running, or add sizes."
            )  # fmt: skip
            yield Judgement.unmeasured(claim, at, prediction, found.doubts, why)
            continue
        allowed = claim.band(prediction)
        words = f"α_N = {found.alpha_N:.3g} and α_S = {found.alpha_S:.3g} of the same curves."
        if of_bend:  # a factor, to both sides alike
            allowed = (prediction / (1 + claim.tolerance), prediction * (1 + claim.tolerance))
            words = (
                f"the limits meet at C = {found.crossing:.3g}, and √2 is lost at {found.bent:.3g}."
            )
        yield Judgement.of(claim, found, prediction, value, interval, allowed=allowed,
                           words=(words,))  # fmt: skip


# ---- view ----------------------------------------------------------------------------------------


HEAD = ("setting", "α_N", "α_S", "ξ/ξ from them", "excess/additive", "limits meet at C",
        "√2 lost at C")  # fmt: skip


def _lines(found: LimitsFound) -> Iterator[tuple]:
    """The numbers of a setting, of studies that claim something of it."""
    if found.claimed:
        yield (found.label, found.alpha_N, found.alpha_S,
               *(found.ratios[name][0] for name in NAMES), found.crossing, found.bent)  # fmt: skip


def _drawn(found: list[LimitsFound]) -> tuple[Figure, str]:
    """Best losses so far against compute, with and without a limit to the data."""
    figure = blank(6.8, 4.4)
    ax = figure.subplots()
    for one, colour in zip(found, shades(len(found)), strict=True):
        C, free, own = one.envelopes
        if one is found[0]:
            ax.plot(C, free, "--", color=GREY, lw=1.4, label="unlimited data")
        ax.plot(C, own, "-", color=colour, lw=1.2, label=literal(one.label))
        for at, mark in ((one.crossing, "x"), (one.bent, "o")):
            if math.isfinite(at):
                ax.plot(at, np.interp(at, C, own), mark, color=VERMILLION, ms=5)
    ax.set(xscale="log", yscale="log", xlabel="compute C", ylabel="best loss so far, relative")
    decades(ax)
    ax.legend(fontsize=8)
    return figure, (
        "The best mean loss up to each compute over all sizes, on unlimited data and on training "
        "sets. Crosses: where the frontier of unlimited data meets the lowest loss L(D); dots: "
        "where a training set costs √2."
    )


VIEW = View(
    above=table_of(
        "limits", "Frontiers beside the exponents of their own curves, and the bend into L(D):",
        HEAD, _lines, most=5,
    ),
    figures=figure_of("limits", "The bend into L(D)", _drawn, name="bend",
                      of=lambda found: found.envelopes),
    files=file_of("limits", ("label", "ratio", "value", "lo", "hi"), lambda found: (
        (found.label, name, value, *ends)
        for name, (value, ends) in (found.ratios if found.claimed else {}).items()
    )),
    key="limits",
)  # fmt: skip
