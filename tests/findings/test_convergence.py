"""Convergence: what unlimited training would add to α, from scans at other budgets."""

import math

import numpy as np
import pytest
from simulated import power, rows

from lab.execution.store import Store
from lab.findings import answering as answers
from lab.findings.exponent_result import BudgetChange, convergence, variations

X = np.geomspace(50, 2000, 6)
TEACHERS = range(2)


def pairs(change, *, noise=0.0, seed=0):
    """Pairs of one budget whose losses change by change(x) in log."""
    rng = np.random.default_rng(seed)
    return [
        (x, k, math.exp(-k) / x, math.exp(-k + change(x) + noise * rng.normal()) / x)
        for k in TEACHERS for x in X.tolist()
    ]  # fmt: skip


def slower(rate, ratio=1.0):
    """Log loss falls by rate · log x, times the ratio, per doubling."""
    return lambda x: -rate * ratio * math.log(x)


def budgets(first, second, **how):
    """Pairs at half and twice the budget; the changes are those per doubling."""
    return {0.5: pairs(lambda x: -first(x), **how), 2.0: pairs(second, **how)}


@pytest.mark.parametrize("ratio", [0.3, 0.5, 0.7])
def test_a_geometric_series_is_summed_exactly(ratio):
    found = convergence(budgets(slower(0.02), slower(0.02, ratio)))
    # δ₂ + r δ₂ + … = δ₂/(1 − r), and of α minus its slope in log x
    rest = 0.02 * ratio / (1 - ratio)
    assert found.correction.alpha == pytest.approx(rest, rel=1e-9)
    assert found.correction.late == pytest.approx(-rest * math.log(X[-1]), rel=1e-9)
    assert found.correction.error == pytest.approx(rest / 2, rel=1e-3)  # r is not known better
    factor, change = found.largest
    assert factor == 2 and change.late == pytest.approx(-0.02 * ratio * math.log(X[-1]))


@pytest.mark.parametrize("rate", [0.03, -0.03])
def test_losses_that_fall_most_at_large_x_raise_alpha(rate):
    """Where training lowers the losses at small x more, α falls."""
    fall = lambda x: -0.2 - rate * math.log(x / 300)  # noqa: E731
    found = convergence(budgets(fall, lambda x: fall(x) / 2))
    assert found.correction.alpha == pytest.approx(rate) and found.correction.late < 0


def test_more_budgets_are_counted_per_doubling():
    found = convergence({0.25: pairs(lambda x: -2 * slower(0.02)(x)),
                         4.0: pairs(lambda x: 2 * slower(0.02, 0.5)(x))})  # fmt: skip
    assert found.correction.alpha == pytest.approx(0.02)


def test_a_ratio_beyond_reason_is_cut():
    """Losses that fall as fast as ever would fall for ever."""
    found = convergence(budgets(slower(0.02), slower(0.02)))
    late = np.mean([0.02 / (1 - 0.75), 0.02 * 0.75 / (1 - 0.75)])
    assert 0.02 * 0.75 / 0.25 <= found.correction.alpha <= 0.02 / 0.25
    assert found.correction.alpha == pytest.approx(late, rel=0.2)


def test_noise_alone_corrects_by_nothing_within_its_error():
    z = []
    for seed in range(200):
        both = {0.5: pairs(lambda x: 0.0, noise=0.05, seed=seed),
                2.0: pairs(lambda x: 0.0, noise=0.05, seed=1000 + seed)}  # fmt: skip
        c = convergence(both).correction
        z.append(c.alpha / c.error)
    assert abs(np.mean(z)) < 4 / math.sqrt(200) and np.mean(np.abs(z) > 2) < 0.1


def test_a_larger_budget_alone_is_evidence_and_a_smaller_one_is_none():
    both = budgets(slower(0.02), slower(0.01))
    assert convergence({2.0: both[2.0]}).correction.alpha == pytest.approx(0.02)
    assert convergence({0.5: both[0.5]}) is None and convergence({}) is None
    assert convergence({2.0: [p for p in both[2.0] if p[0] < 200][:2]}) is None


def test_a_change_is_clear_only_beyond_its_noise():
    x, k = np.tile(X, 2), np.repeat([0, 1], X.size)
    steady = BudgetChange(x, k, np.full(x.size, -0.1) + 0.01 * k)
    assert steady.clear and not BudgetChange(x, k, -steady.change).clear
    assert not BudgetChange(x, k, np.where(k == 0, -0.3, 0.2)).clear


def test_a_variation_matters_beyond_half_the_tolerance_and_its_error():
    (one,) = variations({("rate", 2.0): [p for p in pairs(slower(0.1)) if p[1] == 0]})
    assert (one.kind, one.factor, one.teacher) == ("rate", 2.0, 0)
    assert one.alpha == pytest.approx(0.1)
    assert one.matters(1.0, 0.15) and not one.matters(2.0, 0.15)
    (noisy,) = variations({("weights", 0.5): [p for p in pairs(slower(0.1), noise=0.5)
                                              if p[1] == 0]})  # fmt: skip
    assert not noisy.matters(0.1, 0.15) or abs(noisy.alpha) > 2 * noisy.error


# ---- in the answer -------------------------------------------------------------------------------

WIDE = {
    "student": {"widths": [4, 6, 8, 12, 17, 24, 34], "seeds": 2},
    "task": {
        "manifold": {"dim": [2]},
        "teacher": {"count": 5, "widths": [96, 96], "activation": "tanh"},
    },
    "evidence": {"share": 0.4},
}


@pytest.fixture
def point(make_study, tmp_path):
    def answered(alpha=2.0, **simulation):
        study = make_study(**WIDE)
        with Store.write(tmp_path) as store:
            store.add(rows(study, power(alpha), noise=0.02, seed=1, **simulation))
            return answers.answer(study, store).points[0]

    return answered


def test_the_correction_is_a_reading_beside_the_one_as_trained(point):
    """1 % of change at the largest x: nothing to doubt, and nothing to hide."""
    slow = lambda factor, x: math.exp(-0.002 * math.log2(factor) * math.log(x))  # noqa: E731
    plain, late = point(), point(gain=slow)
    shift = late.evidence.convergence.correction
    assert shift.alpha > 0
    assert late.exponent.interval == plain.exponent.interval
    trained = {r.name: r for r in late.exponent.readings}["with unlimited training"]
    assert trained.alpha == pytest.approx(plain.exponent.alpha + shift.alpha)
    widths = [np.ptp(one.interval) for one in (late.exponent.readings[0], trained)]
    assert widths[1] > widths[0] and late.verdict == plain.verdict
    assert not {"under-trained", "budget-flattens"} & set(late.doubts)


def test_training_that_lowers_alpha_forbids_to_agree(point):
    """More training lowers the losses at small x by a lot, at the largest not at all."""
    early = lambda factor, x: (x / 1327) ** (0.2 * math.log2(factor))  # noqa: E731
    found = point(alpha=2.2, gain=early)
    assert found.evidence.convergence.correction.alpha < 0
    assert "budget-flattens" in found.doubts and found.verdict == "undecided"


KINDS = {("slower", 2.0), *((kind, f) for kind in ("rate", "weights") for f in (0.5, 2.0))}


@pytest.mark.parametrize("role", ["rate", "weights"])
def test_another_rate_or_other_first_weights_that_change_alpha_are_a_doubt(point, role):
    def vary(p, x):
        return (x / 100) ** -0.4 if p.role == role and p.factor == 2 else 1.0

    found = point(vary=vary)
    assert {(v.kind, v.factor) for v in found.evidence.variations} == KINDS
    assert "rate-sensitive" in found.doubts and found.verdict == "undecided"
    (changed,) = [v for v in found.evidence.variations if abs(v.alpha) > 1e-9]
    assert (changed.kind, changed.alpha) == (role, pytest.approx(0.4))
    assert "rate-sensitive" not in point().doubts


@pytest.mark.parametrize("change, doubt, verdict", [
    (0.4, "under-trained", "agrees"), (-0.4, "budget-flattens", "undecided"),
])  # fmt: skip
def test_slower_descent_that_changes_alpha_is_a_doubt_with_a_direction(
    point, change, doubt, verdict
):
    """More that raises α leaves a lower bound standing, more that lowers it does not."""
    found = point(alpha=2.4, vary=lambda p, x: (x / 100) ** (-change * (p.role == "slower")))
    (changed,) = [v for v in found.evidence.variations if abs(v.alpha) > 1e-9]
    assert (changed.kind, changed.alpha) == ("slower", pytest.approx(change))
    assert doubt in found.doubts and found.verdict == verdict
    assert doubt not in point(alpha=2.4).doubts


def test_a_slower_descent_that_did_not_end_well_is_a_check_that_is_missing(point, make_study):
    (slow,) = {p.run.training for p in make_study(**WIDE).plan if p.role == "slower"}
    found = point(diverge=lambda run: run.training == slow)
    assert "unchecked" in found.doubts and found.verdict == "undecided"
    assert "slower" not in {v.kind for v in found.evidence.variations}
