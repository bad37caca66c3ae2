"""Laws with parameters held: the same optimum as laws that never had them, and as lmfit's."""

import numpy as np
import pytest
from truths import TRUTHS, design

from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.law import Held, HeldError
from lab.scaling.laws.uncertainty import uncertainty


def noisy(name, size=0.02, seed=0):
    law = LAWS[name]
    x = design(law)
    rng = np.random.default_rng(seed)
    return x, law.loss(TRUTHS[name], *x) * np.exp(size * rng.standard_normal(x.shape[1]))


@pytest.mark.parametrize("name", LAWS)
def test_every_parameter_can_be_held_and_the_others_are_found(name):
    law, truth = LAWS[name], TRUTHS[name]
    x = design(law)
    for held in law.parameters:
        fit = fit_law(name, x, law.loss(truth, *x), hold={held: truth[held]}, starts=200)
        assert fit.parameters[held] == pytest.approx(truth[held], rel=1e-12)
        assert fit.objective < 1e-6 * x.shape[1], held
        for other, value in fit.parameters.items() if name not in ("m4", "bnsl", "max") else ():
            assert value == pytest.approx(truth[other], rel=0.02), (held, other)


@pytest.mark.parametrize("name", LAWS)
def test_derivatives_along_the_constraint(name):
    law, truth = LAWS[name], TRUTHS[name]
    z = np.log(design(law))
    origin = z.mean(1)
    z = z - origin[:, None]
    for held in law.parameters:
        one = Held(law, {held: truth[held]}, origin)
        theta = one.internal(truth, origin)[None] + 0.01
        jacobian = one.evaluate(theta, z)[1][0]
        for i in range(theta.shape[1]):
            step = 1e-6 * np.eye(theta.shape[1])[i]
            rise = one.evaluate(theta + step, z)[0] - one.evaluate(theta - step, z)[0]
            assert jacobian[i] == pytest.approx(rise[0] / 2e-6, rel=1e-5, abs=1e-7), (held, i)
        assert one.natural(theta, origin)[0][law.parameters.index(held)] == pytest.approx(
            truth[held], rel=1e-12
        )


def test_no_floor_is_the_pure_power_law():
    x, loss = noisy("power+floor")
    held = fit_law("power+floor", x, loss, hold={"floor": 0.0})
    pure = fit_law("power", x, loss)
    assert held.parameters == pytest.approx(pure.parameters | {"floor": 0.0}, rel=1e-6)
    assert held.objective == pytest.approx(pure.objective, rel=1e-9)
    one, two = (uncertainty(f, replicates=200).intervals for f in (held, pure))
    for method in ("profile", "wald", "percentile"):
        assert one["alpha"][method] == pytest.approx(two["alpha"][method], rel=1e-4)
    assert set(one) == {"alpha", "beta"}


def test_gamma_zero_is_the_pure_power_law_too():
    x, loss = noisy("power")
    assert fit_law("m3", x, loss, hold={"gamma": 0}).parameters["alpha"] == pytest.approx(
        fit_law("power", x, loss).parameters["alpha"], rel=1e-6
    )


@pytest.mark.parametrize("hold", [dict(E=0.0), dict(A=500.0), dict(E=1.7, beta=0.37)])
def test_lmfit_agrees_on_what_is_left_free(hold):
    lmfit = pytest.importorskip("lmfit")
    x, loss = noisy("chinchilla")
    fit = fit_law("chinchilla", x, loss, hold=hold)
    start = lmfit.Parameters()
    for name, value in fit.parameters.items():
        start.add(name, value=hold.get(name, value * 1.05), vary=name not in hold)
    found = lmfit.minimize(
        lambda p: (
            np.log(loss)
            - np.log(p["E"] + p["A"] * x[0] ** -p["alpha"] + p["B"] * x[1] ** -p["beta"])
        ),
        start,
        xtol=1e-13,
        ftol=1e-13,
    )
    assert fit.objective == pytest.approx(found.chisqr, rel=1e-6)
    assert fit.theta.size == found.nvarys
    wald = uncertainty(fit, replicates=20).intervals["alpha"]["wald"]
    from scipy import special

    half = special.stdtrit(found.nfree, 0.975) * found.params["alpha"].stderr
    assert (wald[1] - wald[0]) / 2 == pytest.approx(half, rel=0.02)


@pytest.mark.parametrize(
    "law, hold, message",
    [
        (
            "chinchilla",
            {"e": 0.0},
            "no parameter 'e' to hold; its parameters are E, A, B, alpha, beta",
        ),
        ("chinchilla", {"E": np.nan}, "E is held at nan"),
        ("chinchilla", {"E": -1.0}, "no losses with E = -1"),
        ("power-mean", {"q": 0.0}, "no losses with q = 0"),
        ("rosenfeld", {"epsilon0": 8.0, "eta": 9.0}, "no losses with"),
        ("power", {"alpha": 1.0, "beta": 1.0}, "every parameter of power is held"),
    ],
)
def test_what_cannot_be_held_is_one_sentence(law, hold, message):
    x = design(LAWS[law])
    with pytest.raises(HeldError, match=message) as error:
        fit_law(law, x, LAWS[law].loss(TRUTHS[law], *x), hold=hold)
    assert "\n" not in str(error.value)
