"""Tickets as a study asks for them: claims and refusals, and a run that goes on."""

import json
import tomllib

import pytest
from invocation import invoke

from lab.config import study
from lab.mistakes import StudyError

TICKETS = """
question = "Do tickets keep the exponent?"
regime = "tickets"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [12], bias = 0.5, count = 2 }
[student]
kind = "ticket"
of = 24
widths = [2, 4, 6, 9, 14]
rule = ["magnitude", "match", "random", "dense"]
seeds = 2
[training]
preset = "adam"
steps = 40
batch = 32
[evidence]
share = 0.0
"""


def test_tickets_are_judged_beside_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(TICKETS)
    assert invoke("run", "s.toml").exit_code == 0
    claims = json.loads(invoke("fit", "s.toml", "--json").stdout)["claims"]
    assert [(c["quantity"], c["setting"]["student.rule"]) for c in claims] == [
        (quantity, rule) for quantity in ("advantage", "keeps") for rule in ("magnitude", "match")
    ]
    assert all(c["interval"][0] < c["value"] < c["interval"][1] for c in claims[:2])
    assert (tmp_path / "results" / "s" / "tickets.svg").exists()
    told = json.loads((tmp_path / "results" / "s" / "fits.json").read_text())
    (magnitude, _, random, dense) = told["tickets"]
    assert len(magnitude["random"]["at"]) == 5 and "random" not in random
    assert random["dense"]["ratio"] == pytest.approx(1 / dense["random"]["ratio"])


@pytest.mark.parametrize("old, new, words", [
    ('kind = "ticket"\nof = 24', 'kind = "mlp"\ndepth = 1', "subnetworks are those of a ticket"),
    ('"match", "random", ', "", "compared with random subnetworks"),
    ("[2, 4, 6, 9, 14]", "[2, 4, 6]", "give 5 or more fractions"),
    ("[2, 4, 6, 9, 14]", "[2, 4, 6, 9, 40]", "24 units has no more to keep"),
    ("[2, 4, 6, 9, 14]", "[[2, 2], 4, 6, 9, 14]", "units of one hidden layer"),
    ("count = 2", "count = 1", "paired over teachers"),
    ('"tickets"', '"resolution-width"', "does not; take regime = \"tickets\""),
    ("dim = 2 }", 'dim = 2 }\nembedding = { kind = "linear", ambient = 4 }', "no embedding"),
    ('manifold = { kind = "cube", dim = 2 }\nteacher = { widths = [12], bias = 0.5, count = 2 }',
     'data = "digits"', "draws points without limit, and data have a number"),
])  # fmt: skip
def test_what_is_no_ticket_is_a_sentence(old, new, words):
    assert old in TICKETS
    with pytest.raises(StudyError, match=words):
        study.of_tables(tomllib.loads(TICKETS.replace(old, new)))
