"""The premises of a predicted exponent: what a design must have for the formula to be about it.

A formula such as 2/d is true of an asymptote, of points that are near each other, of a student that
is what its name says. Where a scan cannot be there, its exponent differs from the prediction though
code and theory are both right. This file says so, as doubts and sentences:

    coarse        local students: D_max < 8^d, d of the data
    late          the slope of theory's own losses over these x, where `expected` knows them, is
                  not the exponent that theory has in the end
    extrapolated  simplices: most test points lie in no cell, and take a fit instead
    rough-target  a formula about targets with two derivatives, beside one that has fewer
    gap-grows     networks whose losses leave the exact reference as they grow
    distractors   coordinates that never reach the teacher, before a student that cannot leave
                  them out

What it does not do: judge the losses, or the prediction. A premise is known from the design and
from what runs tell of themselves (`Result.details`), so a doubt stands whatever was measured.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lab.findings.expected import Done, expected_risk, references
from lab.kinds.student import STUDENTS, Student
from lab.regimes.regime import Regime
from lab.scaling.judge.verdict import Doubt
from lab.spec import Run
from lab.tables.prediction import Claim
from lab.theory import RESOLUTION, PredictionError, parse, rough

PER_DIMENSION = 8
"""Points per dimension, D_max^(1/d), below which a local student is coarse.

Measured α·d/2 of the nearest neighbour at D = 256 to 16384, which are 128, 25, 11, 7.0, 5.0 and 3.4
points per dimension for d = 2, 3, 4, 5, 6, 8; standard errors .01.

    target                          d = 2     3     4     5     6     8
    ladder's network, cube           1.02  1.03  1.05  1.08  1.09  1.14    the faces
    ladder's network, torus             –   .98   .97   .95   .93     –    the folds
    ladder's network, sphere         1.00     –  1.00  1.01  1.01  1.04
    waves of length 1/2, sphere      1.00   .97   .93     –   .87   .81    the folds
    waves of length .3, cube            –     –     –     –   .92   .77    both

It is the number of points and not d: at 10.6 per dimension the cube of d = 5 gives 1.03 ± .02, at
23 that of d = 4 1.02. Eight is where a target that varies over the whole manifold is off by about
5 %; a rougher one wants more (a torus of 8 per dimension: .86 and .92 for d = 2, 3, from 8 and 64
points on), a smooth one on a sphere could do with fewer and has the doubt all the same.
"""
GROWS = 2.0
"""Factor by which the optimisation gap may grow over a scan: over a decade of N it takes .3 from
the exponent."""
LATE = 0.5
"""Share of the tolerance by which theory's slope over a scan may miss its own asymptote.

As for a bend, the other half is left to the sampling. Matched rows of studies/kernel-pairs.toml
miss it by up to 1.7 % (tolerance 4 %), relu-field 1.6 % (5 %), eigenlearning 1.1 % (3 %), duality-*
2.0 % (5 %), linear-tail 1.1 % (5 %): no doubt. Late are Matérn fields of ν = 3/2 under 1/2 at
D = 128 to 2048, −2.4, −4.4 and −5.4 % on S², S³, S⁴ (measured −3, −3 and −11 %), and of 5/2 under
1/2, −10.8 % on S² (2.23 for 2.5, measured 2.24) and −13.1 % on S³.
"""
OUTSIDE = 0.5
"""Share of test points without a cell, at the x where it is largest, above which nothing shows
whose exponent was measured, the cells' or the fit's.

On cubes the share falls from .22 to .14 at d = 2 and from .29 to .10 at d = 3 (D = 256 to 16384),
where α is 1.02 and 1.01 · 4/d; from .44 to .18 at d = 4 (D = 256 to 4096), where it is .97 · 4/d
but .86 between the two smallest D; from .59 to .25 at d = 5, where it is .82 · 4/d. In the chart of
a torus (d = 2, D = 256) the share is 1.
"""


@dataclass(frozen=True)
class Approach:
    """Theory's slope over the x of a scan, and its limit at large x."""

    slope: float
    limit: float

    @property
    def miss(self) -> float:
        """By what share of the limit the slope misses it."""
        return abs(self.slope / self.limit - 1)


def premises(study: Regime, done: Done, claim: Claim | None = None) -> tuple[Doubt, ...]:
    """Premises that this design does not give a claim, the first about α where none is given,
    in the order of the catalogue."""
    asked = claim or study.prediction
    return tuple(_doubts(study, done, asked)) if done and asked else ()


def _doubts(study: Regime, done: Done, claim: Claim) -> Iterator[Doubt]:
    run = done[0][0]
    if _kind(run).local and _largest(done) < PER_DIMENSION**run.task.input_dim:
        yield Doubt.COARSE
    theory = approach(study, done)
    if theory and theory.miss > LATE * claim.tolerance:
        yield Doubt.LATE
    if max(_outside(done).values(), default=0.0) > OUTSIDE:
        yield Doubt.EXTRAPOLATED
    if rough(claim.text, run.task.smoothness):
        yield Doubt.ROUGH_TARGET
    gap = references(study, done) if study.trained else ()
    if gap and gap[-1].ratio > GROWS * gap[0].ratio:
        yield Doubt.GAP_GROWS
    # a number, or a formula without d, was written for the inputs as they are
    if _distracted(run) and "d" in parse(claim.text).symbols:
        yield Doubt.DISTRACTORS


def sentences(study: Regime, done: Done) -> tuple[str, ...]:
    """All that is known of the premises, held or not: plain sentences for the report."""
    return tuple(_sentences(study, done)) if done else ()


def _sentences(study: Regime, done: Done) -> Iterator[str]:
    run = done[0][0]
    d = run.task.input_dim
    if _kind(run).local and _largest(done) < PER_DIMENSION**d:
        yield (
            f"The largest training set has {_largest(done) ** (1 / d):.1f} points per dimension of "
            f"the data, d = {d}: fewer than {PER_DIMENSION}."
        )
    theory = approach(study, done)
    if theory:
        yield (
            f"Theory's own losses fall with {theory.slope:.3g} over these {study.axis.symbol}, "
            f"{theory.miss:.1%} off their asymptote {theory.limit:.3g}."
        )
    claimed = [claim for claim in study.claims if claim.text == RESOLUTION]
    if claimed:
        found = study.resolved(run.task, run.student)
        yield f"The resolution exponent of this pair is {found}."
    share = _outside(done)
    if share:
        first, last = min(share), max(share)
        yield (
            f"{share[first]:.0%} of the test points at D = {first} and {share[last]:.0%} at "
            f"D = {last} lie in no simplex that is near, and took a quadratic fit."
        )
    if _distracted(run):
        yield (
            f"The teacher sees d = {run.task.dim} of the data's {d} dimensions, and a "
            f"{run.student.kind} student cannot leave the others out."
        )


def approach(study: Regime, done: Done) -> Approach | None:
    """Theory's least-squares slope over the x of this scan, and the exponent that it tends to.

    The limit is that of theory, whatever the study predicts: a wrong prediction is not late. None
    where no formula knows the losses at three x or more, or their limit, and where a floor is
    fitted, for the losses of theory then have one too.
    """
    run = done[0][0]
    limit = _limit(study, run)
    if limit is None or study.law != "power":
        return None
    at = {study.x(run): run for run, _ in done}
    risks = {x: expected_risk(at[x]) for x in sorted(at)}
    known = {x: r.mean for x, r in risks.items() if r and 0 < r.mean < math.inf}
    if len(known) < 3:
        return None
    slope = -np.polyfit(np.log(list(known)), np.log(list(known.values())), 1)[0]
    return Approach(float(slope), limit)


def _limit(study: Regime, run: Run) -> float | None:
    formula = "min(a-1, 2b)" if run.task.decays else "kernel(teacher, student)"
    try:
        limit = study.predicted(run.task, run.student, 1 if study.averages_repeats else formula)
    except PredictionError:
        return None
    return limit if limit > 0 else None


def _largest(done: Done) -> int:
    return max(run.size or 0 for run, _ in done)


def _outside(done: Done) -> dict[int, float]:
    """Mean share of test points that no cell answered, by D; empty where runs do not tell."""
    at: dict[int, list[float]] = defaultdict(list)
    for run, row in done:
        if run.size and "outside" in row.details:
            at[run.size].append(row.details["outside"])
    return {D: float(np.mean(shares)) for D, shares in sorted(at.items())}


def _distracted(run: Run) -> bool:
    """True if coordinates that never reach the teacher stand before a student that takes all.

    A fixed model over draws of the data has no dimension in its exponent.
    """
    extra = run.task.input_dim > run.task.dim
    return extra and _kind(run).fixed_metric and not run.learner


def _kind(run: Run) -> type[Student]:
    return STUDENTS[run.student.kind]
