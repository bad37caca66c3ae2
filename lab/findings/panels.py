"""The panels of a study as people see them: a part of a figure each, one paragraph if they say one
thing."""

from __future__ import annotations

from collections.abc import Iterable

from lab.findings.answer import Answer
from lab.findings.point import Point


def drawn(answers: Iterable[Answer]) -> list[tuple[Answer, str, list[Point]]]:
    """A part of a figure for each answer and setting besides d: the answer, a title, the
    exponents."""
    return [(answer, name, points) for answer in answers for name, points in answer.settings]


def agreeing(answers: Iterable[Answer]) -> str:
    """Which points agree, said of a band that has just been named, in every sense that is asked."""
    regions = {
        "bound": "of a lower bound, points above its lower edge", "equal": "points inside it"
    }  # fmt: skip
    senses = dict.fromkeys(answer.prediction.sense for answer in answers)
    return ", and ".join(regions[sense] for sense in senses)


def told(texts: Iterable[tuple[Answer, str]]) -> list[str]:
    """Each text once, and if not all are told the same, the titles of the panels that are; empty
    ones are left out."""
    titles: dict[str, dict[str, None]] = {}
    for answer, text in texts:
        if text:
            titles.setdefault(text, {})[answer.study.title] = None
    named = [(text, "; ".join(filter(None, names))) for text, names in titles.items()]
    return [f"{text} ({names})" if names and len(named) > 1 else text for text, names in named]
