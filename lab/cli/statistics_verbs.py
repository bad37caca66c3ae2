"""The verbs of the statistics: fit what is stored."""

from __future__ import annotations

import json

from lab.cli.options import RESULTS, AsJson, Overrides, Results, StudyFile, read
from lab.cli.output import print_answer, say


def fit(
    study: StudyFile,
    overrides: Overrides = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Fit the exponents of what is stored and judge the prediction. Writes nothing."""
    found = read(study, overrides)
    if not as_json:
        print_answer(found, study, results, write=False)
        return
    from lab.runs import answer
    from lab.runs.store import Store, folder

    with Store.read(folder(study, results)) as store:
        say(json.dumps(answer.as_json(answer.answer(found, store), study.stem)))
