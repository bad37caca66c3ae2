"""Phase planes: which of N and D limits the loss where, how far the laws go, and the map."""

from __future__ import annotations

from collections.abc import Iterator

from lab.findings.answer import Answer
from lab.findings.planes import PlaneMap
from lab.findings.view import Answers, CaptionedFigure, View, interval, number
from lab.report.page import planes
from lab.scaling.laws.plane import LIMITED


def sentences(_: Answer, found: PlaneMap) -> Iterator[str]:
    """Which limits where, what is missing, and how far each joint law can be trusted."""
    if found.plane is None:
        yield "the map needs a teacher with every cell of the plane; go on running."
        return
    share = found.plane.share
    data, width = (share > LIMITED).sum(), (share < 1 - LIMITED).sum()
    yield (
        f"of {share.size} cells the data limit {data}, the width {width} and both "
        f"{share.size - data - width}, by the slopes of the mean of {found.teachers} of "
        f"{found.planned} teachers."
    )
    yield from (f"{doubt}: {doubt.meaning}; {doubt.remedy}." for doubt in found.doubts)
    for j in found.joint:
        yield (
            f"{j.law}: exponent of N {number(j.alpha)} {interval(j.alpha_interval)}, of D "
            f"{number(j.beta)} {interval(j.beta_interval)}; fitted to within {j.residual:.1%}, "
            f"wrong by {j.ahead:.1%} about L(N, ∞), which it has not seen ({j.fit.status})."
        )


def figures(answers: Answers) -> list[CaptionedFigure]:
    """A map per plane; where there are several, with a number."""
    from lab.report.plane_figures import phases

    found = [plane for answer in answers for plane in answer.found("plane")]
    names = ["map"] if len(found) == 1 else [f"map-{i}" for i in range(1, len(found) + 1)]
    return [
        CaptionedFigure(name, "Phase map", *phases(one))
        for name, one in zip(names, found, strict=True)
    ]


def measured(found: PlaneMap) -> str:
    """Which limits where, and the law that is least wrong about what it has not seen."""
    if found.plane is None:
        return ""
    share = found.plane.share
    data, width = (share > LIMITED).sum(), (share < 1 - LIMITED).sum()
    words = f"the data limit {data} of {share.size} cells, the width {width}"
    best = found.joint[0] if found.joint else None
    return words + (f"; {best.law} joins the limits, {best.ahead:.0%} wrong about unlimited data"
                    if best else "")  # fmt: skip


VIEW = View(sentences=sentences, figures=figures, key="maps", page=planes.sections,
            measured=measured)  # fmt: skip
