"""Theory beside measurement: the right formula for each run, and honest errors."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from simulated import power, rows

from lab.config import study as studies
from lab.execution import plan
from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings import expected, exponent_figures
from lab.findings.expected import below
from lab.findings.shown import Shown
from lab.report import report
from lab.students import solvers

ISOTROPIC = {
    "question": "Is it exact?",
    "regime": "variance-data",
    "task": {"manifold": {"kind": "spectral", "a": 0.0, "b": 0.0, "modes": 50},
             "teacher": {"count": 2}, "noise": 0.5},
    "student": {"kind": "linear", "ridge": [0.0, 12.5]},
    "data": {"sizes": [10, 25, 40, 48, 50, 52, 60, 100, 200], "draws": 3},
    "prediction": {"exponent": 1, "sense": "equal"},
}  # fmt: skip
FIELD = {
    "question": "Is it Gaussian?",
    "regime": "resolution-data",
    "task": {"manifold": {"kind": "sphere", "dim": 1},
             "teacher": {"kind": "field", "covariance": "laplace", "count": 1}},
    "student": {"kind": "kernel", "kernel": "laplace", "inputs": "raw"},
    "data": {"sizes": [128, 256, 512]},
    "prediction": {"exponent": "kernel(teacher, student)", "sense": "equal"},
}  # fmt: skip
PUBLISHED = {10: 0.8641, 25: 0.7604, 40: 1.311, 60: 1.389, 100: 0.2551, 200: 0.0839}


def runs(tables):
    return [p.run for p in studies.validate(tables).plan]


def first(tables, **settings):
    for run in runs(tables):
        if dict(run.student.settings).items() >= settings.items():
            yield run


def test_isotropic_regression_has_the_published_risks_and_none_at_the_peak():
    risk = {r.size: expected.expected_risk(r) for r in first(ISOTROPIC, ridge=0.0)}
    for D, value in PUBLISHED.items():
        assert risk[D].mean == pytest.approx(value, rel=1e-3) and risk[D].source == "exact"
    assert risk[50].mean == math.inf
    best = {r.size: expected.expected_risk(r).mean for r in first(ISOTROPIC, ridge=12.5)}
    assert all(best[D] < risk[D].mean for D in risk)
    assert best[48] > best[50] > best[52]


def test_the_simulated_excess_is_the_exact_one():
    data = {"sizes": [25, 100, 200], "draws": 40}
    task = {**ISOTROPIC["task"], "teacher": {"count": 1}}
    found = studies.validate({**ISOTROPIC, "data": data, "task": task})
    losses: dict = {}
    for group in plan.groups([p.run for p in found.plan]):
        for r in solvers.solve(group, tick=lambda n: None):
            losses.setdefault((r.run.size, r.run.student), []).append((r.run, r.loss))
    for some in losses.values():
        ratio = np.array([loss for _, loss in some]) / expected.expected_risk(some[0][0]).mean
        assert abs(ratio.mean() - 1) < 4 * ratio.std(ddof=1) / math.sqrt(ratio.size)


def test_a_laplace_field_on_the_circle_is_pi_over_D_to_eigenlearning():
    for run in runs(FIELD):
        risk, source = expected.expected_risk(run).mean, expected.expected_risk(run).source
        # exact is 4π/(3D), the bridges over exponential gaps; D ≫ 1 of both
        assert risk * run.size == pytest.approx(math.pi, rel=0.01) and source == "harmonics"


def test_the_exact_mean_over_fields_is_near_the_theory_in_three_dimensions():
    from lab.data.covariances import covariance
    from lab.students import kernels

    tables = {**FIELD, "task": {**FIELD["task"], "manifold": {"kind": "sphere", "dim": 3}}}
    run = runs(tables)[2]
    k, rng = covariance("laplace"), np.random.default_rng(0)
    x, x_test = (v / np.linalg.norm(v, axis=1, keepdims=True)
                 for v in (rng.standard_normal((n, 4)) for n in (run.size, 2000)))  # fmt: skip
    exact = kernels.expected_risk(x, x_test, teacher=k, student=k)
    assert exact == pytest.approx(expected.expected_risk(run).mean, rel=0.05)


def test_the_scale_of_a_field_and_its_noise_enter():
    run = runs(FIELD)[0]
    risk = expected.expected_risk(run).mean
    louder = replace(run, task=replace(run.task, teacher_gain=3.0))
    assert expected.expected_risk(louder).mean == pytest.approx(9 * risk)
    noisy = replace(run, task=replace(run.task, noise=0.2))
    assert risk + 0.2**2 > expected.expected_risk(noisy).mean > risk


def test_no_formula_is_made_up(make_study):
    assert expected.expected_risk(make_study().plan[0].run) is None
    standardised = {**FIELD, "student": {"kind": "kernel", "kernel": "laplace"}}
    assert expected.expected_risk(runs(standardised)[0]) is None
    cube = {**FIELD["task"], "manifold": {"kind": "cube", "dim": 1}}
    assert expected.expected_risk(runs({**FIELD, "task": cube})[0]) is None


@pytest.fixture
def answered(tmp_path):
    """Losses of 1.1 times the exact risk, where there is one."""
    study = studies.validate(ISOTROPIC)

    def law(run, x):
        risk = expected.expected_risk(run).mean
        return 1.1 * risk if math.isfinite(risk) else 100.0

    with Store.write(tmp_path / "s") as store:
        found = [replace(row, details={"limit": 0.0}) for row in rows(study, law, noise=0.01)]
        store.add(found)
        yield store, answers.answer(study, store)


def test_ratio_error_and_z_by_x(answered):
    without, best = (found.at for found in answered[1].found("expected"))
    assert [e.x for e in best] == [10, 25, 40, 48, 50, 52, 60, 100, 200]
    assert [e.x for e in without] == [10, 25, 40, 48, 52, 60, 100, 200]
    for e in (*without, *best):
        assert e.ratio == pytest.approx(1.1, rel=0.02) and 0 < e.error < 0.02
    # within three of D = p the losses have no variance, and z no meaning
    assert [e.x for e in without if e.z is None] == [48, 52]
    assert all(e.z > 5 for e in best)


def test_theory_is_drawn_tabulated_and_written(answered):
    store, answer = answered
    figure, caption = exponent_figures.losses((answer,))
    (dashed,) = [ln for ln in figure.axes[0].lines if ln.get_linestyle() == "--"]
    drawn = dict(zip(dashed.get_xdata(), dashed.get_ydata(), strict=True))
    assert drawn[200] == pytest.approx(PUBLISHED[200], rel=1e-3) and math.isnan(drawn[50])
    assert "Dashed" in caption
    report.write(Shown((answer,), "s"), store.path)
    text = (store.path / "report.md").read_text()
    (table,) = below((answer,))
    assert "| measured / theory at D = | 10 |" in text and "1.1" in table.markdown()
    assert "| – |" in table.markdown().split("\n")[-2]
    fits = json.loads((store.path / "fits.json").read_text())
    assert [at["x"] for at in fits["points"][1]["expected"]][:3] == [10, 25, 40]


def test_a_study_without_theory_has_no_table(make_study, tmp_path):
    study = make_study()
    with Store.write(tmp_path / "s") as store:
        store.add(rows(study, power(2.0)))
        found = answers.answer(study, store)
    assert below((found,)) == [] and "Dashed" not in exponent_figures.losses((found,))[1]


def test_one_dimension_shows_its_settings_one_below_the_other(answered):
    figure, caption = exponent_figures.exponents_figure((answered[1],))
    (ax,) = figure.axes
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert [name.split(", ")[1].split("   ")[0] for name in names] == ["ridge 0.0", "ridge 12.5"]
    assert len([c for c in ax.containers if hasattr(c, "has_xerr")]) == 2 and "Bars" in caption
