"""Figures and report: every point is drawn, every word escaped, nothing else changes."""

import csv
import json
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from simulated import power, rows

from lab.config import study as studies
from lab.execution import listing
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings import exponent_figures
from lab.findings.drawing import GREY
from lab.findings.exponent_views import table as exponent_table
from lab.findings.shown import Shown
from lab.findings.view import escape, told_by_panel
from lab.report import report
from lab.scaling.judge.exponent import exponent
from lab.scaling.scans.scan import Scan


@pytest.fixture(scope="module")
def found(make_study, tmp_path_factory):
    study = make_study(
        question="Is <b>α</b> | 4/d?",
        student={"widths": [4, 6, 8, 12, 17, 24]},
        task={
            "manifold": {"dim": [2, 3, 5]},
            "teacher": {"count": 4, "bias": [0.0, 0.5], "widths": [96, 96], "activation": "tanh"},
        },  # fmt: skip
        evidence={"share": 0.25},
    )
    with Store.write(tmp_path_factory.mktemp("report") / "s") as store:
        store.add(rows(study, power(lambda d: 5 / d), noise=0.02, seed=1))
        yield study, store, answers.answers(study, store)


def test_exponents_shows_every_point_the_prediction_and_the_line(found):
    figure, caption = exponent_figures.exponents_figure(found[2])
    assert len(figure.axes) == 2
    for ax in figure.axes:
        bars = [c for c in ax.containers if hasattr(c, "has_yerr")]
        assert sorted(c.lines[0].get_xdata()[0] for c in bars) == [2, 3, 5]
        assert ax.get_title() in ("bias 0.0", "bias 0.5")
    labels = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert any("4/d" in t for t in labels) and any("fit" in t for t in labels)
    assert "95 %" in caption and "band" in caption


def test_exponents_of_one_dimension_are_a_list(make_study, tmp_path):
    study = make_study(student={"widths": [4, 6, 8, 12, 17, 24]},
                       task={"manifold": {"dim": 3}, "teacher": {"bias": [0.0, 0.5]}})  # fmt: skip
    with Store.write(tmp_path / "s") as store:
        store.add(rows(study, power(lambda d: 5 / d), noise=0.02, seed=1))
        (ax,) = exponent_figures.exponents_figure(answers.answers(study, store))[0].axes
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "d = 3, bias 0.0   [4/d]", "d = 3, bias 0.5   [4/d]"
    ]  # fmt: skip
    bars = [c for c in ax.containers if hasattr(c, "has_xerr")]
    assert sorted(c.lines[0].get_ydata()[0] for c in bars) == [0, 1]


def test_strokes_of_rivals_are_named_where_there_are_any(make_study, tmp_path):
    for rivals in ([], ["4/d", "2/d"]):
        study = make_study(
            student={"widths": [4, 6, 8, 12, 17, 24]},
            task={"manifold": {"dim": 3}},
            prediction={"rivals": rivals},
        )
        with Store.write(tmp_path / f"{len(rivals)}") as store:
            store.add(rows(study, power(lambda d: 5 / d), noise=0.02, seed=1))
            figure, caption = exponent_figures.exponents_figure(answers.answers(study, store))
        assert ("Small grey markers: rivals (2/d)." in caption) == bool(rivals)
        gids = [line.get_gid() for line in figure.axes[0].lines]
        assert gids.count("told:2/d = 0.667") == len(rivals[1:])


def test_losses_shows_every_dimension_on_log_axes(found):
    figure, caption = exponent_figures.losses(found[2])
    for ax in figure.axes:
        assert ax.get_xscale() == ax.get_yscale() == "log"
        beside = [text.get_text() for text in ax.texts if text.get_text().startswith("d = ")]
        assert sorted(text[:5] for text in beside) == ["d = 2", "d = 3", "d = 5"]
    assert "standard error" in caption


def test_report_writes_what_it_says_and_escapes(found):
    _, store, answer = found
    files = report.write(Shown(answer, "s"), store.path)
    assert all(f.exists() and f.parent == store.path for f in files)
    text = (store.path / "report.md").read_text()
    assert "<b>" not in text and "&lt;b&gt;α&lt;/b&gt; \\| 4/d?" in text
    assert "![Measured and predicted exponents](exponents.png)" in text
    fits = json.loads((store.path / "fits.json").read_text())
    assert len(fits["points"]) == 6 and fits["points"][0]["fit"]["status"] == "converged"
    assert "![Local exponents](local.png)" in text
    with open(store.path / "exponents.csv", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [r["verdict"] for r in listed] == [p.verdict for p in answer[0].points]
    assert [float(r["alpha"]) for r in listed] == [
        pytest.approx(p.exponent.alpha, rel=1e-5) for p in answer[0].points
    ]


def test_the_table_has_every_value_that_was_fitted(found):
    """Fitted again as a table, the values of a point give its exponent."""
    _, store, answer = found
    report.write(Shown(answer, "s"), store.path)
    with open(store.path / "table.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0])[:6] == ["dim", "setting", "x", "loss", "teacher", "seed"]
    values = [line for line in lines if line["loss"]]
    assert {line["role"] for line in values} == {"scan"}
    assert len(values) == 6 * 6 * 4
    for point in answer[0].points:
        mine = [r for r in values if int(r["dim"]) == point.dim
                and json.loads(r["setting"]) == point.setting.varying]  # fmt: skip
        again = Scan.of(*([float(r[k]) for r in mine] for k in ("x", "loss")),
                        [r["teacher"] for r in mine], [r["seed"] for r in mine])  # fmt: skip
        shift = point.evidence.convergence.correction.alpha
        assert exponent(again).alpha == pytest.approx(point.exponent.alpha - shift, rel=0.05)


def test_local_exponents_are_drawn_for_every_dimension_with_its_prediction(found):
    figure, caption = exponent_figures.local_exponents(found[2])
    assert len(figure.axes) == 2 and "Dotted: the predictions" in caption
    for ax in figure.axes:
        assert [len(c.lines[0].get_xdata()) for c in ax.containers] == [5, 5, 5]
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["d = 2", "d = 3", "d = 5"]


def test_an_empty_store_makes_a_report_an_empty_table_and_figures(make_study, tmp_path):
    with Store.write(tmp_path / "e") as store:
        report.write(Shown(answers.answers(make_study(), store), "e"), store.path)
        assert "0 done" in (store.path / "report.md").read_text()
        with open(store.path / "table.csv", newline="") as file:
            assert list(csv.DictReader(file)) == []
        assert all((store.path / name).read_bytes()[:4] == b"\x89PNG" for name in
                   ("exponents.png", "losses.png"))  # fmt: skip


def test_export_round_trip(found, tmp_path):
    study, store, _ = found
    columns = listing.columns(study, store)
    assert columns["status"].size == len(study.plan)
    listing.write(columns, tmp_path / "t.csv")
    with open(tmp_path / "t.csv", newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(r["relative_loss"]) for r in read] == columns["relative_loss"].tolist()
    listing.write(columns, tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text())["N"] == columns["N"].tolist()


def test_the_report_tables_the_gaps_to_both_limits_at_every_width(tmp_path):
    study = studies.validate({
        "question": "Is it variance-limited?", "regime": "variance-width",
        "task": {"manifold": {"kind": "sphere", "dim": [3]}, "teacher": {"count": 3}},
        "student": {"widths": [64, 128, 256, 512], "parametrisation": "ntk", "seeds": 4},
        "data": {"sizes": 8}, "prediction": {"exponent": 1, "sense": "equal"},
    })  # fmt: skip
    limits = {"limit": 0.5, "kernel": 0.5, "tangent": 0.6}
    with Store.write(tmp_path / "s") as store:
        found = rows(study, lambda run, x: 0.5 + 2 / x)
        store.add([replace(row, details=limits) for row in found])
        report.write(Shown(answers.answers(study, store), "s"), store.path)
        text = (store.path / "report.md").read_text()
    assert "| d = 3: w | above exact NTK regression | above the linearised models |" in text
    assert "| 64 | +6.2 % ± 0 % | -11 % ± 0 % |" in text and "| 512 | +0.78 % ± 0 % |" in text
    assert "negative in 12 of 12 cells" in text


@pytest.fixture
def panels(make_tables, tmp_path):
    tables = make_tables(student={"widths": [4, 6, 8, 12, 17, 24]},
                         task={"manifold": {"dim": [2, 4]}, "teacher": {"count": 3}})  # fmt: skip
    shared = {k: tables[k] for k in ("schema", "question", "task", "training", "evidence")}
    own = [{"regime": "resolution-width", "student": tables["student"]},
           {"regime": "resolution-data", "student": {"widths": [16]}, "title": "by data",
            "data": {"sizes": [64, 128, 256, 512]},
            "prediction": {"exponent": "2/d", "rivals": ["1/d"]}}]  # fmt: skip
    study = studies.validate({**shared, "panel": own})
    with Store.write(tmp_path / "s") as store:
        for scan in study.scans:
            store.add(rows(scan, power(lambda d: 4 / d), noise=0.05))
        yield answers.answers(study, store), store


def test_what_all_panels_say_alike_is_said_once_and_else_with_their_titles(panels):
    (one, two), _ = panels
    third = replace(two, study=two.study.model_copy(update={"title": "again"}))
    assert told_by_panel([(one, "a"), (two, "a")]) == ["a"]
    assert told_by_panel([(one, ""), (two, "")]) == []
    assert told_by_panel([(two, "b"), (one, "a"), (third, "b")]) == [
        "b (by data; again)", "a (resolution-width)"
    ]  # fmt: skip


def test_the_page_of_several_panels_begins_with_a_panel_for_each(panels):
    found, _ = panels
    figure, caption = exponent_figures.exponents_figure(found)
    assert [ax.get_title() for ax in figure.axes] == ["resolution-width", "by data"]
    assert "4/d or 2/d" in caption
    assert "of a lower bound, points above its lower edge agree" in caption
    assert len(exponent_figures.exponents_figure((found[0],) * 13)[0].axes) == 1  # a list


def test_a_caption_tells_of_a_line_over_d_only_where_there_is_one(panels):
    found, _ = panels
    assert any(answer.found("lines") for answer in found)
    assert "a + b/d" not in exponent_figures.exponents_figure(found)[1]


def test_panels_stand_side_by_side_in_table_figures_and_files(panels):
    found, store = panels
    assert len(exponent_figures.losses(found)[0].axes) == 2
    figure, caption = exponent_figures.exponents_figure(found)
    assert [ax.get_title() for ax in figure.axes] == ["resolution-width", "by data"]
    for ax, answer in zip(figure.axes, found, strict=True):
        bars = [c for c in ax.containers if hasattr(c, "has_yerr")]
        drawn = {(x, y) for c in bars for x, y in zip(*c.lines[0].get_data(), strict=True)}
        assert drawn == {(p.dim, p.exponent.alpha) for p in answer.points}
        ends = {tuple(line.get_ydata()) for line in ax.lines if line.get_color() == GREY}
        assert {(p.exponent.local[0].alpha, p.exponent.local[-1].alpha)
                for p in answer.points} <= ends  # fmt: skip
    low, high = figure.axes[0].get_ylim()
    assert low < 1 and high > 2  # all predictions are in sight: 4/d and 2/d of d = 2 and 4
    assert "of a lower bound, points above its lower edge agree" in caption
    table = exponent_table(found)
    assert {len(row) for row in table.rows} == {len(table.columns)}
    (shown,) = Shown(found, "s").tables
    assert shown.columns == (*table.columns[:7], "rivals")
    report.write(Shown(found, "s"), store.path)
    fits = json.loads((store.path / "fits.json").read_text())
    assert [p["title"] for p in fits["panels"]] == ["resolution-width", "by data"]
    assert fits["panels"][1]["points"][0]["fit"]["status"] == "converged"
    text = (store.path / "report.md").read_text()
    assert re.search(r"^Regime resolution-data; prediction α = 2/d .*\(by data\)$", text, re.M)
    with open(store.path / "exponents.csv", newline="") as file:
        assert [r["setting"] for r in csv.DictReader(file)][2] == '{"title": "by data"}'


@pytest.mark.parametrize(
    "text", ["[a](http://b)", "*bold*", "_it_", "`code`", "a|b", "<b>", "[a][b]"]
)
def test_no_text_of_a_user_is_markup(text):
    """Read back by CommonMark, the text is one piece of plain text."""
    (paragraph,) = (t for t in MarkdownIt().parse(escape(f"x {text} y")) if t.type == "inline")
    assert {t.type for t in paragraph.children} == {"text"}
    assert "".join(t.content for t in paragraph.children) == f"x {text} y"
    assert escape("N_h = 3") == "N_h = 3"
