"""The top of the page: the answer in sentences, the prediction, controls, doubts, the next step.

Object: `Top`, from the findings that have a verdict, whatever their kind. Where a study trains
networks, its exact students are controls and stand apart from the answer.
"""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.findings.exponent_result import ExponentResult
from lab.findings.shown import Judged, Shown
from lab.findings.view import number
from lab.scaling.judge.verdict import AGREES, CONTRADICTS, UNDECIDED, Direction, Doubt
from lab.tables.prediction import Claim

FEW = 6
"""Numbers that are told one by one; of more, how many there are of each verdict."""
PUSHES = {
    Direction.HIGH: "The measured α may read high: the truth may lie lower.",
    Direction.LOW: "The measured α may read low: the truth may lie higher.",
    Direction.EITHER: "The measured α may be wrong either way.",
    Direction.BEYOND: "Beyond these x the exponent may be another one.",
    Direction.HELD: "An interval, or the rule of the verdict, holds it already.",
}
"""In which direction a doubt pushes α."""
RULE = (
    "Intervals are 95 %; at the edge of the tolerance either wrong answer has a probability of at "
    "most 2.5 %."
)
"""Error rates that the rules of a verdict were measured to hold (results/coverage)."""


@dataclass(frozen=True)
class DoubtText:
    """A doubt in full: what it means, which way it pushes, what removes it, and where it stands."""

    name: str
    meaning: str
    pushes: str
    remedy: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class Top:
    """The result in words.

    answer: sentences that answer the question, at most one per verdict. verdict: that of all
    settings, or `mixed`. numbers: measured values, a line per panel. controls: a sentence on exact
    students and their values, empty without any. decides: the cheapest way to decide what is
    undecided, and the command for it, if there is one. command: trains what is missing of the
    study.
    """

    question: str
    answer: tuple[str, ...]
    predictions: tuple[str, ...]
    verdict: str
    numbers: tuple[str, ...]
    controls: tuple[str, ...]
    sure: str
    decides: tuple[str, str]
    doubts: tuple[DoubtText, ...]
    date: str
    command: str = ""

    def summary(self, name: str) -> dict[str, Any]:
        """The part of it that the index shows."""
        return {
            "name": name, "question": self.question, "prediction": "; ".join(self.predictions),
            "verdict": self.verdict, "words": " ".join(self.answer),
            "measured": list(self.numbers), "date": self.date, "command": self.command,
        }  # fmt: skip


def top(shown: Shown) -> Top:
    """The top of the page of these answers."""
    judged = shown.judged
    networks = [one for one in judged if one.answer.study.trained]
    asked = networks or judged
    controls = [one for one in judged if not one.answer.study.trained] if networks else []
    count = Counter(one.finding.verdict for one in asked)
    told = doubts(shown)
    finished, origin = shown.record.finished, shown.record.origin
    return Top(
        shown.question, _answer(asked), tuple(shown.predictions),
        next(iter(count)) or UNDECIDED if len(count) == 1 else "mixed" if count else UNDECIDED,
        (*shown.unjudged, *_numbers(asked)), _controls(controls),
        _sure(judged, told, shown.simulated), _decides(asked or judged), told,
        time.strftime("%Y-%m-%d", time.gmtime(finished)) if finished else "",
        shlex.join(["lab", *origin.command("run")]) if origin.file else "",
    )  # fmt: skip


def _claimed(finding: Any) -> str:
    """The prediction that a finding is judged by, in words."""
    claim: Claim | None = getattr(finding, "claim", None)
    return claim.told.replace(", within", " within") if claim else "the prediction"


def _answer(judged: Sequence[Judged]) -> tuple[str, ...]:
    """A sentence for each verdict that was given: what holds, what fails, what is not decided."""
    if not judged:
        return ("Nothing is judged yet.",)
    found = []
    for verdict, verb in ((AGREES, "holds"), (CONTRADICTS, "fails")):
        by_claim: dict[str, list[Judged]] = {}
        for one in judged:
            if one.finding.verdict == verdict:
                by_claim.setdefault(_claimed(one.finding), []).append(one)
        parts = [_said(claim, verb, ones, judged) for claim, ones in by_claim.items()]
        more = len(parts) - CLAIMS
        parts = parts[:CLAIMS] + [f"{more} more claims {verb[:-1]}"] * (more > 0)
        found += [_sentence("; ".join(parts))] * bool(parts)
    open_ = [one for one in judged if one.finding.verdict == UNDECIDED]
    if open_:
        where = f"Not decided {_where(open_, judged)}"
        if len(open_) == len(judged):
            many = f" in any of the {len(judged)} settings" * (len(judged) > 1)
            where = f"Nothing is decided{many}"
        found.append(f"{where}{_because(open_)}.")
    return tuple(found)


CLAIMS = 4
"""Claims of which the answer says one by one that they hold."""


def _said(claim: str, verb: str, some: Sequence[Judged], every: Sequence[Judged]) -> str:
    """A claim that holds or fails; of a few exponents their values first."""
    points = [f for one in some if isinstance(f := one.finding, ExponentResult) and f.exponent]
    if (
        len(points) < len(some)
        or len(points) > FEW
        or len({one.answer.study.title for one in some}) > 1
    ):
        return f"{claim} {verb} {_where(some, every)}"
    values = _listed([number(p.exponent.alpha) for p in points if p.exponent])
    how = "as predicted" if verb == "holds" else "against the prediction"
    return f"{_where(some, every, named=True)} α is {values}, {how}: {claim}"


def _where(some: Sequence[Judged], every: Sequence[Judged], *, named: bool = False) -> str:
    """The settings of some findings: all of them (unless `named`), by panel and d where few, else
    their number."""
    if len(some) == len(every) > 2 and not named:
        return f"in all {len(every)} settings"
    panels: dict[str, list[Any]] = {}
    for one in some:
        panels.setdefault(one.answer.study.title, []).append(one.finding)
    if len(panels) > 2 or max(map(len, panels.values())) > FEW:
        return f"in {len(some)} of {len(every)} settings"
    parts = []
    for title, ones in panels.items():
        labels = dict.fromkeys(_without(f.label, title) for f in ones)
        parts.append("at " + _settings([*labels]) + f" ({title})" * bool(title)
                     if any(labels) else f"for {title}" if title else "")  # fmt: skip
    return _listed([*filter(None, parts)]) or f"in {len(some)} of {len(every)} settings"


def _without(label: str, title: str) -> str:
    """The label of a setting without the title of its panel, which may stand within it."""
    if label == title:
        return ""
    before, found, after = f"{label}, ".partition(f", {title}, ")
    return f"{before}, {after}".strip(", ") if found else label


def _because(some: Sequence[Judged]) -> str:
    """The commonest reason why findings are undecided, beginning with a colon."""
    every = [doubt for one in some for doubt in dict.fromkeys(one.finding.doubts)]
    known = [Doubt.of(d) for d in every if d in set(Doubt)]
    strong = Counter(d for d in known if d.direction is not Direction.HELD)
    counted = strong or Counter(known)
    if not counted:
        return f": {every[0].rstrip('.')}" if every else ""
    ((first, n),) = counted.most_common(1)
    often = "" if n == len(some) else "most often "
    return f", {often}because {first.meaning}"


def _controls(judged: Sequence[Judged]) -> tuple[str, ...]:
    """Verdicts on exact students, whose exponents are known, and their values."""
    count = Counter(one.finding.verdict for one in judged)
    if not judged:
        return ()
    parts = [f"{n} {VERBS[verdict][n > 1]}" for verdict in VERBS if (n := count[verdict])]
    return (f"Exact students, whose exponents are known: {_listed(parts)}.", *_numbers(judged))


VERBS = {AGREES: ("agrees", "agree"), CONTRADICTS: ("contradicts", "contradict"),
         UNDECIDED: ("is undecided", "are undecided")}  # fmt: skip


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _numbers(judged: Sequence[Judged]) -> tuple[str, ...]:
    """Measured values: exponents by panel, and other claims if they are few."""
    rows: dict[tuple[str, str], list[ExponentResult]] = {}
    rest = []
    for one in judged:
        title, finding = one.answer.study.title, one.finding
        if isinstance(finding, ExponentResult) and finding.exponent and len(judged) > 3:
            name = ", ".join(filter(None, [title, _beyond(title, finding)]))
            rows.setdefault((name, one.answer.prediction.text), []).append(finding)
        elif len(judged) <= FEW and one.measured:
            several = len({other.finding.verdict for other in judged}) > 1
            verdict = f" — {finding.verdict}" if several else ""
            rest.append(f"{finding.label or title}: {one.measured}{verdict}")
    return (*(_row(name, formula, some) for (name, formula), some in rows.items()), *rest)


def _beyond(title: str, point: ExponentResult) -> str:
    """The name of a setting besides d and the title of its panel."""
    return _without(f", {point.setting.name}", title).strip(", ")


def _row(name: str, formula: str, points: Sequence[ExponentResult]) -> str:
    """α of a panel over d, beside what was predicted."""
    at = f"at d = {', '.join(f'{p.dim:g}' for p in points)}"
    found = ", ".join(number(p.exponent.alpha) if p.exponent else "–" for p in points)
    asked = ", ".join(f"{p.prediction:.3g}" for p in points)
    return f"{name}{': ' * bool(name)}α = {found} {at}; {formula} is {asked}"


def _sure(judged: Sequence[Judged], told: tuple[DoubtText, ...], simulated: str) -> str:
    """Number of doubted results, meaning of the commonest doubt, and error rates."""
    if not judged:
        return "Nothing to be sure of."
    doubted, total = sum(bool(one.finding.doubts) for one in judged), len(judged)
    if not doubted:
        text = "No result carries a doubt."
    elif doubted == total:
        text = {1: "The result carries a doubt", 2: "Both results carry a doubt"}.get(
            total, f"All {total} results carry a doubt")  # fmt: skip
    else:
        text = f"{doubted} of {total} results {'carries' if doubted == 1 else 'carry'} a doubt"
    if doubted and told:
        first = told[0]
        meaning = f": {Doubt.of(first.name).meaning}." if first.meaning else "."
        often = f"most often '{first.name}' ({len(first.where)})"
        often = often if len(first.where) > 1 else f"'{first.name}' for one"
        text += f", {often}{meaning} {first.pushes}".rstrip()
    return f"{text} {simulated or RULE}"


COMMAND = re.compile(r"lab run [^();]*[^();. ]")
"""The command within a line of advice."""


def _decides(judged: Sequence[Judged]) -> tuple[str, str]:
    """The cheapest advice on what is undecided, with its setting, and the command in it."""
    lines = [(_cost(one.advice), f"{one.finding.label or one.answer.study.title}: {one.advice}")
             for one in judged
             if one.finding.verdict == UNDECIDED and one.advice]  # fmt: skip
    if not lines:
        return ("", "")
    _, text = min(lines, key=lambda line: line[0])
    found = COMMAND.search(text)
    if not found:
        return text, ""
    words = (text[: found.start()].rstrip(" :") + " " + text[found.end() :].lstrip(" .")).strip()
    return words.rstrip(".") + ".", found[0]


def _cost(advice: str) -> float:
    """The rank of a line of advice: missing runs, then teachers by their number, then training,
    then what no command does."""
    more = re.match(r"(\d+) more teacher", advice)
    if not COMMAND.search(advice):
        return 1e9
    return float(more[1]) if more else 1e6 if "--until-converged" in advice else 0.0


def _settings(where: Sequence[str]) -> str:
    """A few settings by name, many by their number; what all begin with is said once."""
    if len(where) > FEW:
        return f"{len(where)} settings"
    alone = all(name.startswith("d = ") and "," not in name for name in where)
    return f"d = {_listed([name[4:] for name in where])}" if alone else "; ".join(where)


def doubts(shown: Shown) -> tuple[DoubtText, ...]:
    """Every doubt once, the commonest first."""
    at = sorted(shown.doubted.items(), key=lambda i: -len(i[1]))
    return tuple(_told(doubt, where) for doubt, where in at)


def _told(doubt: str, where: list[str]) -> DoubtText:
    if doubt not in set(Doubt):  # a sentence of its own
        return DoubtText(doubt, "", "", "", tuple(where))
    known = Doubt.of(doubt)
    return DoubtText(known.value, _sentence(known.meaning), PUSHES[known.direction],
                     _sentence(known.remedy), tuple(where))  # fmt: skip


def _sentence(text: str) -> str:
    """A clause as a sentence; symbols such as α and x stay as they are at its beginning."""
    word = text.startswith("a ") or (text[:2].isascii() and text[:2].isalpha())
    return f"{text[:1].upper() if word else text[:1]}{text[1:]}".removesuffix(".") + "."
