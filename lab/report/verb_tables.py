"""Answers of single verbs as text: `lab calibrate`, `lab verify` and `lab dimension`.

Every function takes what the verb found and returns heads, lines of cells or sentences for whoever
prints them. Nothing is computed or drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lab.findings.calibrated import Case, same
from lab.findings.study_results import value_text
from lab.scaling.judge.calibration import Calibration, Truth
from lab.scaling.judge.verdict import BENT, allowed

if TYPE_CHECKING:
    from lab.dimension.measurement import Measurement
    from lab.execution.verification import Compared, Verification

INTERVALS = ("quoted", "teacher-t", "profile", "percentile")
COVERAGE_HEAD = ("d", "true α", "from", *INTERVALS, "width", "bias")
VERDICTS = ("agrees", "contradicts", "undecided")
VERDICT_HEAD = ("d", "true α", "usable", *VERDICTS, "wrong")
LIKELY_WRONG = 0.05
"""Share of wrong verdicts that needs a remark."""
HONEST = (0.93, 0.97)
"""Coverage of a 95 % interval that needs no remark."""


# ---- a calibrated study ------------------------------------------------------------------------


def coverage_lines(found: Sequence[tuple[Case, Calibration]]) -> list[tuple[str, ...]]:
    """One line per case in the columns of COVERAGE_HEAD."""
    return [
        (*_case(case), case.source, *(_share(c.coverage.get(name)) for name in INTERVALS),
         _number(c.width["quoted"], 3), f"{c.bias:+.3f}" if math.isfinite(c.bias) else "–")
        for case, c in found
    ]  # fmt: skip


def verdict_head(found: Sequence[tuple[Case, Calibration]]) -> tuple[str, ...]:
    """VERDICT_HEAD and a column of power per alternative."""
    return (*VERDICT_HEAD, *(f"≠ {name}" for name in _alternatives(found)))


def verdict_lines(found: Sequence[tuple[Case, Calibration]]) -> list[tuple[str, ...]]:
    """One line per case in the columns of `verdict_head`."""
    names = _alternatives(found)
    return [
        (*_case(case), _share(c.usable), *(_share(c.verdicts[v]) for v in VERDICTS),
         f"{c.wrong:.3f}", *(_power(case, c, name) for name in names))
        for case, c in found
    ]  # fmt: skip


def ratio_head(found: Sequence[tuple[Case, Calibration]]) -> tuple[str, ...]:
    """d, the true α, and every truth / prediction."""
    return ("d", "true α", *(f"{ratio:g}" for ratio in _ratios(found)))


def ratio_lines(found: Sequence[tuple[Case, Calibration]]) -> list[tuple[str, ...]]:
    """One line per case in the columns of `ratio_head`: P(agrees) / P(contradicts)."""
    return [
        (*_case(case), *("–" if ratio not in c.by_ratio else
                         " / ".join(f"{share:.2f}" for share in c.by_ratio[ratio])
                         for ratio in _ratios(found)))
        for case, c in found
    ]  # fmt: skip


def _ratios(found: Sequence[tuple[Case, Calibration]]) -> list[float]:
    return sorted({ratio for _, c in found for ratio in c.by_ratio})


WRONG_HEAD = ("truth", "d", "agrees", "contradicts", "bent")


def wrong_lines(
    found: Sequence[tuple[Case, Mapping[str, Calibration]]],
) -> list[tuple[str, ...]]:
    """One line per truth: the largest shares over all cases, and the dimensions calibrated."""
    lines: list[tuple[str, ...]] = []
    for name in found[0][1] if found else ():
        both = [shown[name].at_the_edge(case.design) for case, shown in found]
        dims = ", ".join(dict.fromkeys(str(case.point.dim) for case, _ in found))
        lines.append((
            name, dims, f"{max(a for a, _ in both):.3f}", f"{max(c for _, c in both):.3f}",
            f"{max(shown[name].shapes[BENT] for _, shown in found):.3f}",
        ))  # fmt: skip
    return lines


def calibration_sentences(
    found: Sequence[tuple[Case, Calibration]], *, scans: int, seed: int
) -> list[str]:
    """What was simulated, how to read it, and which quoted intervals are not what they say."""
    error = (0.95 * 0.05 / scans) ** 0.5
    said = [
        f"{scans} scans per line, seed {seed}; a coverage near 0.95 has a standard error of "
        f"{error:.3f}. Under ≠: how often the quoted interval leaves that exponent out."
    ]
    truths: dict[str, list[str]] = {}
    for case, _ in found:
        t, design = case.truth, case.design
        text = (
            f"{design.x.size} x, {design.teachers} teachers, {design.seeds} seeds; loss "
            f"{t.first:.3g} at the smallest x, floor {t.floor:.3g}, scatter of log loss "
            f"{t.noise:.3g} between seeds and {t.amplitude:.3g} between teachers, of α as shown"
        )
        truths.setdefault(text, []).append(_case(case)[0])
    for text, dims in truths.items():
        said.append(f"d = {', '.join(dict.fromkeys(dims))}: {text}.")
    for case, c in found:
        covered = c.coverage["quoted"]
        low, high = (HONEST[0] - 2 * error, HONEST[1] + 2 * error)
        if not low <= covered <= high:
            said.append(f"d = {_case(case)[0]}: the quoted 95 % interval covers {covered:.0%} of "
                        "such scans; quote it with that number.")  # fmt: skip
        if c.wrong > LIKELY_WRONG:
            said.append(f"d = {_case(case)[0]}: {c.wrong:.0%} of the verdicts are wrong: "
                        f"{_edge(case)}.")  # fmt: skip
    return said


def _edge(case: Case) -> str:
    """Where the truth lies against what the prediction allows."""
    d, alpha = case.design, case.truth.alpha
    low, high = allowed(d.prediction, d.sense, d.tolerance)
    edge = low if abs(alpha - low) < abs(alpha - high) else high
    where = "inside" if low <= alpha <= high else "outside"
    return (f"the true {alpha:.3g} lies {abs(alpha - edge):.2g} {where} the edge {edge:.3g} of "
            "what the prediction allows")  # fmt: skip


def _case(case: Case) -> tuple[str, str]:
    values = [value_text(value) for _, value in case.point.setting.pairs]
    return ", ".join([str(case.point.dim), *values]), _true(case.truth)


def _true(truth: Truth) -> str:
    spread = f" ± {truth.spread:.2g}" if truth.spread else ""
    return f"{truth.alpha:.3g}{spread}"


def _alternatives(found: Sequence[tuple[Case, Calibration]]) -> list[str]:
    return list(dict.fromkeys(name for case, _ in found for name in case.design.alternatives))


def _power(case: Case, found: Calibration, name: str) -> str:
    if name not in case.design.alternatives:
        return "–"
    return "same" if same(case.design.alternatives[name], case.truth) else _share(found.power[name])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}g}"


# ---- a verification -----------------------------------------------------------------------------


VERIFICATION_HEAD = ("run", "d", "stored", "trained again", "difference", "asked")
VERIFICATION_MOST = 5
"""Columns that a narrow terminal shows of a verification."""


def verification_lines(runs: tuple[Compared, ...]) -> list[tuple[str, ...]]:
    """One line per run in the columns of VERIFICATION_HEAD."""
    from lab.report.runs import KEY

    return [
        (one.fingerprint[:KEY], str(one.dim), _loss(one.loss, one.status),
         _loss(one.loss_again, one.status_again), _difference(one),
         f"within {one.tolerance:g}" if one.differs else "equal")
        for one in runs
    ]  # fmt: skip


def verification_sentences(found: Verification) -> Iterator[str]:
    """What was compared how, and how it came out."""
    from lab.execution.verification import SHIFT

    exact = [one for one in found.compared if not one.differs]
    about = [one for one in found.compared if one.differs]
    yield (
        f"{_runs(len(found.compared))} of {found.stored} stored trained again on {found.device}: "
        f"{len(found.compared) - len(found.wrong)} hold, {len(found.wrong)} do not."
    )
    if exact:
        equal = sum(one.difference == 0 and one.observed == 0 for one in exact)
        yield (
            f"{_runs(len(exact))} of this machine, in the same company: {equal} equal to the last "
            "digit."
        )
    if about:
        differs = ", ".join(dict.fromkeys(name for one in about for name in one.differs))
        yield (
            f"{_runs(len(about))} of another {differs}: ln(loss/stored) up to "
            f"±{max(abs(one.difference) for one in about):.2g}, where "
            f"±{max(one.tolerance for one in about):g} is round-off."
        )
    if found.shift is not None:
        yield (
            f"On the average these differ by {found.shift:+.2g}, where ±{SHIFT:g} is chance"
            f"{': the losses are others' if found.shifted else ''}."
        )


def _difference(one: Compared) -> str:
    """That of the loss, or where it holds that of a checkpoint."""
    if abs(one.difference) >= one.observed:
        return f"{one.difference:+.2g}"
    return f"±{one.observed:.2g} at a checkpoint"


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"


def _loss(loss: float | None, status: str) -> str:
    return status if loss is None else f"{loss:.6g}"


# ---- the dimension of some points ---------------------------------------------------------------

DIMENSION_HEAD = ("method", "d", "± se", "95 % interval", "corrected", "95 % interval")


def dimension_lines(found: Measurement) -> list[tuple[str, ...]]:
    """One line per estimator in the columns of DIMENSION_HEAD."""
    return [
        (e.method, _estimate(e.dimension), _estimate(e.se), _interval(e.interval),
         _estimate(e.corrected), _interval(e.corrected_interval))
        for e in found.estimates
    ]  # fmt: skip


def dimension_sentences(found: Measurement) -> list[str]:
    """The estimate at all scales, whether there is a plateau, and the warnings."""
    said = []
    if found.scales:
        each = ", ".join(f"{_estimate(e.dimension)} at {e.scale:.3g}" for e in found.scales)
        said.append(f"scales     gride {each}: {_plateau(found)}")
    return said + [f"warning    {sentence}" for sentence in found.warnings]


def _plateau(found: Measurement) -> str:
    if found.plateau is None:
        return "no plateau"
    first, last = (found.scales[i] for i in found.plateau)
    return f"plateau from {first.scale:.3g} to {last.scale:.3g}"


def _estimate(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.2f}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None or math.isnan(ends[0]) else f"[{ends[0]:.2f}, {ends[1]:.2f}]"
