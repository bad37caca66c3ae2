"""The power of a study's design on the page: P(agrees) and P(contradicts) by truth / prediction.

A card per setting that `lab calibrate` simulated. Where the truth is the edge of what the
prediction allows, either curve is the probability of a wrong verdict.
"""

from __future__ import annotations

from lab.findings.calibrated import Calibrated
from lab.findings.drawing import Frame, Scale, drawing, text
from lab.findings.view import Answers, Chart, Charts, Rows, Section

CAPTION = (
    "How often simulated scans of this design agree with the prediction (solid) and contradict it "
    "(dashed), by how many times the prediction the true exponent is; what is left is undecided. "
    "Thin strokes: the edges of what the prediction allows."
)


def sections(answers: Answers) -> list[Section]:
    """The curves of the settings whose design is still the study's."""
    found = [one for answer in answers for one in answer.found("calibrated")]
    shown = [one for one in found if one.current]
    title = "Coverage and error rates of this design"
    if not shown:
        return [Section(title, [])] if found else []
    rows = [(one.label, ratio, *(f"{share:.4f}" for share in shares))
            for one in shown for ratio, shares in _curves(one)]  # fmt: skip
    columns = ("setting", "truth over prediction", "agrees", "contradicts")
    drawn = Charts("power", "Verdicts by the true exponent", [_card(one) for one in shown],
                   CAPTION, Rows(columns, rows))  # fmt: skip
    return [Section(title, [drawn])]


def _curves(one: Calibrated) -> list[tuple[float, tuple[float, float]]]:
    by_ratio = one.values["by_ratio"]
    return sorted((float(ratio), (shares["agrees"], shares["contradicts"]))
                  for ratio, shares in by_ratio.items())  # fmt: skip


def _card(one: Calibrated) -> Chart:
    curves = _curves(one)
    frame = Frame(Scale.over([r for r, _ in curves], 50, 340, pad=0.03),
                  Scale(-0.02, 1.04, 168, 16))  # fmt: skip
    tolerance, bound = one.values["tolerance"], one.values["sense"] == "bound"
    edges = [1 - tolerance] if bound else [1 - tolerance, 1 + tolerance]
    quoted = one.values["coverage"]["quoted"]
    parts = [
        frame.axes("true α / predicted α", "share of scans", y_most=4),
        *(frame.line((edge, edge), (0.0, 1.04), "line ink thin") for edge in edges),
        frame.joined([(r, agrees) for r, (agrees, _) in curves], "line fit"),
        frame.joined([(r, contradicts) for r, (_, contradicts) in curves], "line worst"),
        text(338, 8, "— agrees   - - contradicts", "label end"),
    ]  # fmt: skip
    alt = (f"Verdicts of simulated scans of {one.label}: the quoted interval covers {quoted:.0%} "
           f"of true exponents, {one.values['wrong']:.1%} of verdicts are wrong.")  # fmt: skip
    return Chart(drawing(350, 204, alt, *parts), f"{one.label} — covers {quoted:.0%}", alt)
