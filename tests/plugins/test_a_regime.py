"""A regime of one's own, loss against depth, which answers a quantity of its own: no line of the
lab knows of either."""

import json
from typing import ClassVar, Literal

import pytest
from invocation import invoke, power, rows

from lab.config import study
from lab.execution.registration import register
from lab.execution.store import Store
from lab.findings.answer import Judgement
from lab.findings.intervals import inside
from lab.mistakes import StudyError
from lab.regimes.axes import Axis
from lab.regimes.descending import Descending
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES

STUDY = """
question = "Do deeper students resolve more?"
regime = "depth"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [16, 16], count = 2 }
[student]
widths = [[4], [4, 4], [4, 4, 4]]
seeds = 1
[training]
steps = 200
[evidence]
share = 0.0
[prediction]
exponent = "2/d"
"""


def answer(question, claim):
    """How many times smaller the loss of the deepest is than that of the shallowest."""
    study = question.study
    for one in question.stored:
        losses = study.losses(one.done)
        ends = [losses.value[losses.x == at] for at in (losses.x.min(), losses.x.max())]
        ratios = ends[0] / ends[1]
        interval = (float(ratios.min()), float(ratios.max()))
        wanted = float(claim.text)
        verdict = inside(interval, (wanted * (1 - claim.tolerance), wanted * (1 + claim.tolerance)))
        yield Judgement(claim, one.setting, float(ratios.mean()), interval, wanted, verdict)


FALL = Quantity("fall", "fall of the loss", "the first loss over the last", f"{__name__}:answer",
                senses=("equal",), tolerance=0.2)  # fmt: skip


class Depth(Descending):
    """Loss on unlimited data against the number of hidden layers."""

    regime: Literal["depth"] = "depth"
    quantities: ClassVar[tuple[Quantity, ...]] = (*Descending.quantities, FALL)
    scans_model_size: ClassVar[bool] = True
    axis: ClassVar[Axis] = Axis("H", "hidden layers H")

    def x(self, run):
        return len(run.student.widths)


@pytest.fixture
def here(tmp_path, monkeypatch, registered):
    registered(REGIMES, Depth)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


def test_a_regime_of_ones_own_goes_through_every_verb(here):
    assert "fine. 12 runs" in invoke("check", "s.toml").stdout
    assert "12 planned, 0 stored" in invoke("plan", "s.toml").stdout
    small = ("--set", "task.manifold.dim=2", "--set", "task.teacher.count=1")
    assert "3 runs trained" in invoke("run", "s.toml", "--no-report", *small).output
    assert "3 done" in invoke("status", "s.toml").stdout
    with Store.write(here / "results" / "s") as store:  # losses of a known exponent
        store.add(rows(study.read("s.toml"), power(lambda d: 2 / d)))
    assert "12 done" in invoke("status", "s.toml").stdout
    found = json.loads(invoke("fit", "s.toml", "--json").stdout)
    assert found["regime"] == "depth"
    assert [p["alpha"] for p in found["points"]] == pytest.approx([1.0, 2 / 3])
    assert "2/d" in invoke("report", "s.toml").stdout
    assert "hidden layers H" in (here / "results" / "s" / "report.html").read_text()
    assert invoke("export", "s.toml", "out.csv").exit_code == 0


def test_a_quantity_of_ones_own_is_claimed_judged_registered_and_shown(here):
    claims = '[[prediction]]\nexponent = "2/d"\n[[prediction]]\nquantity = "fall"\nvalue = VALUE\n'
    text = STUDY.partition("[prediction]")[0] + claims
    (here / "s.toml").write_text(text.replace("VALUE", '"3"'))
    assert "fall of the loss = 3, within 20%" in invoke("check", "s.toml").stdout
    with Store.write(here / "results" / "s") as store:
        found = study.read("s.toml")
        register(found, store, 0.0)
        store.add(rows(found, power(lambda d: 2 / d)))
    told = json.loads(invoke("fit", "s.toml", "--json").stdout)["claims"]
    assert [(c["quantity"], c["dim"], c["verdict"]) for c in told[2:]] == [
        ("fall", 2, "agrees"), ("fall", 3, "contradicts")
    ]  # fmt: skip
    assert told[2]["value"] == pytest.approx(3) and told[3]["value"] == pytest.approx(3 ** (2 / 3))
    invoke("report", "s.toml")
    folder = here / "results" / "s"
    assert (
        "fall = 3 as an equality, tolerance 20%, written before the run"
        in (folder / "report.md").read_text()
    )
    assert "fall of the loss" in (folder / "report.html").read_text()
    assert "fall,3,equal,0.2,range" in (folder / "claims.csv").read_text()
    (here / "s.toml").write_text(text.replace("VALUE", '"kernel(1"'))
    with pytest.raises(StudyError, match=r"prediction\.1\.value"):
        invoke("check", "s.toml")


def test_a_quantity_of_another_regime_is_refused(refused):
    text = STUDY.replace('"depth"', '"resolution-width"').partition("[prediction]")[0]
    (sentence,) = refused(text + '[prediction]\nquantity = "fall"\nvalue = 4\n')
    assert "resolution-width studies do not answer it: unknown quantity 'fall'" in sentence
