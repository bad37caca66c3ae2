"""Dimension against exponent: from stores whose exponents and dimensions are known."""

import json
from dataclasses import replace

import numpy as np
import pytest
from invocation import invoke, power, rows

from lab.config import study
from lab.execution.store import Store
from lab.findings.answering import answer
from lab.findings.exponent_figures import exponents_figure
from lab.findings.study_results import Finding
from lab.students.dimensions import Dimension

STUDY = """
question = "Is 4/α the dimension of the last layer?"
regime = "resolution-width"
task = { manifold = { dim = [2, 3, 4, 6] }, teacher = { widths = [96, 96], count = 4 } }
student = { widths = [4, 8, 16, 32], seeds = 2 }
evidence = { share = 0.0 }
measure = { dimension = ["input", "student.last"], n = 500 }
"""


def filled(text, path, *, alpha, dimension):
    """A store of this study with losses of exponent alpha(d) and the given dimension(run)."""
    (path / "s.toml").write_text(text)
    found = study.read(path / "s.toml")
    runs = {p.run.fingerprint(): p.run for p in found.plan}
    with Store.write(path / "results" / "s") as store:
        for row in rows(found, power(alpha), noise=0.02):
            run = runs[row.fingerprint]
            d = dimension(run)
            own = Dimension(0.9 * d, 0.02, d, 0.95 * d, 1.05 * d, float(run.task.dim > 4))
            details = {**own.details("student.last"), **own.details("input")}
            store.add([replace(row, details=details)])
    return found


def found_in(text, path, **known):
    asked = filled(text, path, **known)
    with Store.read(path / "results" / "s") as store:
        return answer(asked, store, replicates=50).found("dimensions")


def test_where_both_agree_the_line_is_the_identity(tmp_path):
    found = found_in(
        STUDY, tmp_path, alpha=lambda d: 4 / d,
        dimension=lambda run: run.task.dim * (1 + 0.02 * np.sin(9 * run.task.teacher)),
    )  # fmt: skip
    assert [one.place for one in found] == ["input", "student.last"]
    assert all(isinstance(one, Finding) and one.verdict is None for one in found)
    line, ratio = found[1].line, found[1].ratio
    assert line.slope_interval[0] < 1 < line.slope_interval[1]
    assert line.intercept_interval[0] < 0 < line.intercept_interval[1]
    assert ratio.value == pytest.approx(1, abs=0.02) and ratio.interval[0] < 1 < ratio.interval[1]
    for pair in found[1].pairs:
        low, high = pair.implied_interval
        assert low < pair.setting.dim < high
        assert pair.measured.interval[0] <= pair.measured.spread[0]
        assert pair.measured.raw == pytest.approx(0.9 * pair.measured.corrected)


def test_an_exponent_above_the_bound_implies_fewer_dimensions(tmp_path):
    found = found_in(STUDY, tmp_path, alpha=lambda d: 5 / d, dimension=lambda run: run.task.dim)
    assert found[0].ratio.value == pytest.approx(0.8, abs=0.02)
    assert found[0].line.slope == pytest.approx(0.8, abs=0.05)


def test_the_dimension_is_that_of_the_widest_students_and_of_means_over_seeds(tmp_path):
    found = found_in(
        STUDY, tmp_path, alpha=lambda d: 4 / d,
        dimension=lambda run: run.student.widths[0] + run.task.teacher + 10 * run.seed,
    )  # fmt: skip
    pair = found[0].pairs[0]
    assert [at.corrected for at in pair.sizes] == [w + 1.5 + 5 for w in (4, 8, 16, 32)]
    at = pair.measured
    half = 3.182 * np.std([0, 1, 2, 3], ddof=1) / 2  # Student's t on 3 degrees, four teachers
    assert at.spread == pytest.approx((38.5 - half, 38.5 + half), abs=1e-2)
    assert at.teachers == 4 and at.interval[1] == max(at.spread[1], 1.05 * 38.5)


@pytest.mark.parametrize("change, numerator", [
    (("seeds = 2 }", "seeds = 2 }\nscan = { size = \"width\" }"), 8),
    (("count = 4 } }", "count = 4 }, loss = \"power\", power = 4 }"), 8),
])  # fmt: skip
def test_the_numerator_follows_the_loss_and_what_is_scanned(tmp_path, change, numerator):
    found = found_in(
        STUDY.replace(*change), tmp_path, alpha=lambda d: 1.0, dimension=lambda run: run.task.dim
    )
    assert found[0].numerator == numerator and found[0].implied == f"{numerator}/α"


def test_a_study_that_measures_nothing_finds_nothing(tmp_path):
    text = "\n".join(line for line in STUDY.split("\n") if not line.startswith("measure"))
    assert found_in(text, tmp_path, alpha=lambda d: 1.0, dimension=lambda run: 1.0) == ()


def test_too_few_points_give_no_line(tmp_path):
    text = STUDY.replace("[2, 3, 4, 6]", "[2, 3]")
    (one, _) = found_in(text, tmp_path, alpha=lambda d: 4 / d, dimension=lambda run: run.task.dim)
    assert one.line is None and one.ratio is None and one.plain()["line"] is None


def test_it_is_told_drawn_and_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    filled(STUDY, tmp_path, alpha=lambda d: 4 / d, dimension=lambda run: run.task.dim)
    shown = invoke("report", "s.toml").output
    assert "student.last: 4/α = " in shown and "times the dimension on the whole" in shown
    assert "at d = 6 most layers resemble none" in " ".join(shown.split())
    folder = tmp_path / "results" / "s"
    head, *lines = (folder / "dimensions.csv").read_text().split("\n")
    assert head.startswith("place,setting,d,x,teachers,raw,dimension,low,high")
    assert len(lines) == 2 * 4 * 4 + 1
    report = (folder / "report.md").read_text()
    assert "Vertical bars: the quoted 95 % interval of the exponent" in report
    assert (folder / "dimensions.png").exists() and (folder / "dimensions-by-size.svg").exists()
    told = json.loads(invoke("fit", "s.toml", "--json").stdout)["dimensions"]
    assert [one["place"] for one in told] == ["input", "student.last"]
    assert [point["dim"] for point in told[0]["points"]] == [2, 3, 4, 6]


def test_exponents_have_the_trained_dimension_as_a_second_axis(tmp_path):
    asked = filled(STUDY, tmp_path, alpha=lambda d: 4 / d, dimension=lambda run: run.task.dim + 0.5)
    with Store.read(tmp_path / "results" / "s") as store:
        found = answer(asked, store, replicates=50)
    figure, caption = exponents_figure((found,))
    (above,) = figure.axes[0].child_axes
    assert above.get_xlabel() == "dimension of student.last"
    assert [t.get_text() for t in above.get_xticklabels()] == ["2.5", "3.5", "4.5", "6.5"]
    assert "Above: the dimension measured" in caption
    one, last = found.found("dimensions")
    before = replace(last, place="student.last.initialisation")
    found = replace(found, findings={**found.findings, "dimensions": (one, before)})
    (above,) = exponents_figure((found,))[0].axes[0].child_axes
    assert above.get_xlabel() == "dimension of input"
