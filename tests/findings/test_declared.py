"""What a claim declares of its curve: ω of the correction, δ of straightness, its count of size."""

import json

import pytest
from simulated import power, rows

from lab.config import study as studies
from lab.execution.registration import predicted
from lab.execution.store import Store
from lab.findings import provenance
from lab.findings.answering import answer
from lab.findings.calibrated import designs

NETWORKS = {
    "question": "Does a claim declare its curve?",
    "regime": "resolution-width",
    "task": {"manifold": {"kind": "cube", "dim": 2}, "teacher": {"count": 6, "activation": "tanh"}},
    "student": {"widths": [16, 24, 36, 54, 80, 120, 180]},
    "evidence": {"share": 0.0},
}

SQUARE = power(2.0)


def point(tmp_path, prediction, law=SQUARE, scan=None, noise=0.01):
    tables = {**NETWORKS, "prediction": prediction, **({"scan": {"size": scan}} if scan else {})}
    study = studies.validate(tables)
    with Store.write(tmp_path) as store:
        store.add(rows(study, law, noise=noise))
        (found,) = answer(study, store).points
    return study, found


def bend(run, x):
    return x**-1.5 * (1 + 300 / x)


def test_omega_gives_the_limit_and_delta_the_shape(tmp_path):
    exponent = {"exponent": 1.5, "sense": "equal"}
    _, bare = point(tmp_path / "bare", exponent, bend)
    _, given = point(tmp_path / "given", {**exponent, "omega": 1.0, "delta": 2.0}, bend)
    assert bare.exponent.limit is None and bare.exponent.shape != "straight"
    assert given.exponent.limit.omega == 1 and given.exponent.shape == "straight"
    lo, hi = given.exponent.limit.interval
    assert lo < 1.5 < hi and given.exponent.alpha == bare.exponent.alpha


def test_every_claim_has_the_limit_that_it_declares(tmp_path):
    claims = [{"exponent": 1.5, "omega": 1.0}, {"exponent": 1.5, "omega": 0.5}, {"exponent": 1.4}]
    study = studies.validate({**NETWORKS, "prediction": claims})
    with Store.write(tmp_path) as store:
        store.add(rows(study, bend, noise=0.01))
        found = [one.evidence.exponent.limit for one in answer(study, store).claims]
    assert [limit and limit.omega for limit in found] == [1.0, 0.5, None]


@pytest.mark.parametrize("size, value, row", [("N", 2.0, "N"), ("hidden", 2.0, "hidden"),
                                              ("width", 2.0, "hidden")])  # fmt: skip
@pytest.mark.parametrize("scan", ["N", "hidden", "width"])
def test_a_claim_is_judged_by_the_count_that_it_names(tmp_path, size, value, row, scan):
    study, found = point(tmp_path, {"exponent": value, "size": size, "sense": "equal"}, scan=scan)
    of_width = scan == "width"
    by = {"N": 1, "hidden": 1, "width": 0.5}[size] * (2 if of_width else 1)
    assert found.prediction == pytest.approx(value * by)
    e = found.exponent
    assert e.alpha == pytest.approx(e.by_size[row][0])
    asked = [one for one in e.readings if one.name.startswith("by") and one.asked]
    assert bool(asked) == (size != "N") == ("other-count" in found.doubts)
    (design,) = designs(study)
    assert design.prediction == found.prediction and design.declared == (row == "N")


def test_what_is_declared_is_registered_told_and_decides(tmp_path):
    declared = {"exponent": "4/d", "omega": 1.0, "delta": 0.2, "size": "hidden"}
    study = studies.validate({**NETWORKS, "prediction": declared})
    (claim,), (kept,) = study.claims, predicted(study)
    assert kept.plain()["omega"] == 1 and kept.plain()["size"] == "hidden"
    for text in (claim.told, provenance.claim_text(kept)):
        assert "ω = 1" in text and "straight within 20%" in text and "hidden layers" in text
    plain = studies.validate({**NETWORKS, "prediction": {"exponent": "4/d"}})
    (other,) = predicted(plain)
    assert not {"omega", "delta", "size"} & {*other.plain(), *plain.claims[0].plain()}
    assert other.judged != kept.judged
    assert claim.plain()["delta"] == 0.2 and json.dumps(claim.plain())


@pytest.mark.parametrize("changes, message", [
    ({"prediction": {"omega": 1.0}, "task": {**NETWORKS["task"], "noise": 0.1}}, "has a floor"),
    ({"prediction": {"size": "N"}, "student": {"kind": "kernel"}, "regime": "resolution-data",
      "data": {"sizes": [16, 32, 64]}, "evidence": None}, "only scans over the size"),
    ({"prediction": {"quantity": "peak", "value": "100", "delta": 1.0}}, "a claim about peak"),
    ({"prediction": {"omega": 0.0}}, "omega"),
])  # fmt: skip
def test_what_cannot_be_declared_is_refused(changes, message):
    tables = {key: value for key, value in {**NETWORKS, **changes}.items() if value is not None}
    with pytest.raises(studies.StudyError, match=message):
        studies.validate(tables)
