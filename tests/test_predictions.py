"""[prediction] as one claim or a list: what is filled in, set by key, inherited, and refused."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from simulated import row

from lab.config import study as studies
from lab.execution.registration import register, registered
from lab.execution.store import Store
from lab.findings.answering import answer
from lab.mistakes import StudyError
from lab.tables.prediction import ClaimTable

STUDIES = Path(__file__).resolve().parents[1] / "studies"
SPECTRAL = """
question = "Which of these?"
regime = "resolution-data"
[task]
manifold = { kind = "spectral", a = 2.0, b = 1.5, modes = 64 }
[student]
kind = "linear"
[data]
sizes = [8, 16, 32]
[[prediction]]
quantity = "curve"
[[prediction]]
exponent = 1
sense = "equal"
"""
PANELS = (
    SPECTRAL
    + """
[[panel]]
title = "one"
[panel.prediction]
exponent = 2
[[panel]]
title = "two"
[[panel]]
title = "three"
[[panel.prediction]]
quantity = "peak"
value = "p/4"
[[panel.prediction]]
quantity = "curve"
"""
)


def told(text, *overrides):
    found = studies.of_tables(tomllib.loads(text), overrides)
    return [claim.told for scan in found.scans for claim in scan.claims]


CURVE = "mean loss = theory's at every x, within 5%"


def test_what_is_left_out_is_filled_in_by_the_quantity():
    assert told(SPECTRAL) == [CURVE, "α = 1, within 15%"]
    assert told(PANELS) == ["α ≥ 2, within 15%", CURVE, "α = 1, within 15%",
                            "position of the peak = p/4, within 10%", CURVE]  # fmt: skip
    one = studies.read(STUDIES / "width-exponent-small.toml")
    assert one.predictions == (ClaimTable(exponent="4/d", sense="bound", tolerance=0.15),)
    assert one.model_dump(by_alias=True)["prediction"]["exponent"] == "4/d"  # a table, as before


@pytest.mark.parametrize("text, override, wanted", [
    (SPECTRAL, "prediction.1.exponent=2", [CURVE, "α = 2, within 15%"]),
    (SPECTRAL, "prediction.0.tolerance=0.2", [CURVE.replace("5%", "20%"), "α = 1, within 15%"]),
    (PANELS.partition('[[panel]]\ntitle = "two"')[0], "panel.1.prediction.exponent=3",
     ["α ≥ 3, within 15%"]),
    (SPECTRAL.replace('[[prediction]]\nquantity = "curve"', ""), "prediction.exponent=3",
     ["α = 3, within 15%"]),
])  # fmt: skip
def test_a_key_of_one_claim_can_be_set(text, override, wanted):
    assert told(text, override) == wanted


@pytest.mark.parametrize("overrides, words", [
    (["prediction.exponent=2"], "2 tables 'prediction'; say which, from 0, as in prediction.0.exp"),
    (["prediction.2.exponent=2"], "the tables 'prediction' are 0 to 1"),
    (["prediction.0=2"], "set a key of it"),
    (["prediction.0.quantity='peek'"], "unknown quantity 'peek'; did you mean 'peak'?"),
    (["prediction.0.exponent=2"], "prediction.0.exponent: unknown key 'exponent' here"),
    (["prediction.0.quantity='peak'"], "prediction.0.value: is missing"),
    (["prediction.1.sense='covers'"], "alpha is not claimed as 'covers'; take \"bound\" or"),
    (["prediction.1.tolerance=3"], "prediction.1.tolerance: 3 is out of range"),
    (["prediction.1.over='where'"], "unknown over 'where'. Known: limit, range"),
    (["prediction.0.over='limit'"], "curve is not claimed over the limit"),
    (["prediction.0.rivals=[1]"], "a claim about curve has none"),
    (["prediction={quantity='peak',value='n'}"], "needs 'n' (number of training samples"),
    (["prediction={quantity='peak',value='p-64'}"], "a claim about peak needs it above 0"),
    (["student={kind='random-features',features='gaussian'}", "prediction={quantity='dimension'}"],
     "resolution-data studies do not answer it"),
    (["prediction={quantity='curve',where={ridge=2}}"], "no setting of the grid has ridge = 2"),
    (["prediction.1.where={a=2.0}"], "is about every setting; take panels"),
    (["prediction=[]"], "give at least one value"),
])  # fmt: skip
def test_what_cannot_be_answered_or_read_is_one_sentence(overrides, words):
    with pytest.raises(StudyError) as caught:
        told(SPECTRAL, *overrides)
    assert any(words in sentence for sentence in caught.value.mistakes), caught.value.mistakes


def test_a_mistake_in_a_list_is_cited_with_its_line(refused):
    wrong = SPECTRAL.replace('sense = "equal"', 'sense = "eqal"')
    (sentence,) = refused(wrong)
    assert sentence.startswith("s.toml:14: prediction.1.sense: unknown sense 'eqal'")
    (sentence,) = refused(wrong.replace('[[prediction]]\nquantity = "curve"\n', ""))
    assert sentence.startswith("s.toml:12: prediction.sense: unknown sense")


def test_a_network_has_no_exact_curve(make_tables):
    with pytest.raises(StudyError, match="the exact risk of mlp students is unknown"):
        studies.of_tables(make_tables(prediction={"quantity": "curve"}))


DIMENSION = """
question = "Does the interval hold the dimension?"
regime = "dimension"
[task]
manifold = { kind = "sphere", dim = [1, 3] }
[student]
kind = "dimension"
method = "gride"
[data]
sizes = 400
draws = 2
[prediction]
coverage = 0.9
"""


def before(study, title, **values):
    """What an older lab registered of a study."""
    scan = {"title": title, "regime": study.regime, "rivals": [], **values}
    return json.dumps({"question": study.question, "scans": [scan], "file": None,
                       "tables": study.origin.tables, "overrides": []}, sort_keys=True)  # fmt: skip


def test_registrations_of_before_are_those_of_the_same_claims(make_tables, tmp_path):
    alpha = studies.of_tables(make_tables())
    coverage = studies.of_tables(tomllib.loads(DIMENSION))
    texts = [before(alpha, "", exponent="4/d", sense="bound", tolerance=0.15),
             before(coverage, "", exponent="0.9", sense="bound", tolerance=0.0)]  # fmt: skip
    for name, study, text in zip("ab", (alpha, coverage), texts, strict=True):
        with Store.write(tmp_path / name) as store:
            store.register(1.0, text)
            register(study, store, 2.0)
            assert len(registered(store)) == 1  # it asks what it asked
            (history,) = answer(study, store).histories
            assert history.before and history.time == 1.0
    assert alpha.claims[0].told in ("α ≥ 4/d, within 15%",)


def test_a_claim_that_is_added_after_the_runs_says_so(make_tables, tmp_path):
    first = studies.of_tables(make_tables())
    both = studies.of_tables(make_tables(prediction=[{}, {"quantity": "peak", "value": 30}]))
    with Store.write(tmp_path / "s") as store:
        register(first, store, 1.0)
        one = row(first.plan[0].run, 0.5)
        store.add([replace(one, provenance=one.provenance | {"finished": 2.0})])
        old, new = answer(both, store).histories
        assert old.before and new.unregistered and not new.before
        register(both, store, 3.0)
        old, new = answer(both, store).histories
        assert old.before and new.earlier == 1 and new.time == 3.0
