"""Published tables and their published fits; licences are beside the tables."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from lab import fit as fit_table
from lab.scaling.laws.fit import fit_law
from lab.scaling.laws.prediction import law_weights
from lab.scaling.laws.uncertainty import uncertainty

SHIPPED = Path(__file__).parents[3] / "studies" / "tables" / "chinchilla_digitised.csv"
GEMSTONE = Path(__file__).parent / "published" / "gemstone_hot.csv"
"""McLeish et al. 2025, the models trained at a hot learning rate."""
COLUMNS = {"N": "parameters", "D": "tokens", "L": "loss"}
pytestmark = pytest.mark.usefixtures("two_laws")


def chinchilla(**options):
    return fit_table(
        SHIPPED,
        law="chinchilla",
        columns=COLUMNS,
        replicates=options.pop("replicates", 20),
        **options,
    )


@pytest.mark.long
def test_chinchilla_with_huber_loss():
    # Besiroglu et al. 2024
    found = chinchilla(drop_worst=5, huber=1e-3, replicates=1000)
    assert found["n"] == 240 and found["status"] == "converged"
    assert found["objective"] <= 0.0010182741
    p = found["parameters"]
    assert p["alpha"] == pytest.approx(0.3473, abs=5e-4)
    assert p["beta"] == pytest.approx(0.3672, abs=5e-4)
    assert p["E"] == pytest.approx(1.8172, abs=1e-3)
    for name, published in (("alpha", 0.0154), ("beta", 0.0206), ("E", 0.0257)):
        assert found["errors"][name] == pytest.approx(published, rel=0.3)
    assert found["starts"]["reached_best"] > 0.8 * found["starts"]["tried"]
    lo, hi = found["intervals"]["beta"]["percentile"]
    assert not lo <= 0.28 <= hi


def rejects(sure, fit, values):
    """p of `the law has these parameters`, all at once: Hotelling's T² in the coordinates with the
    bootstrap covariance, F with (coords, n − coords) degrees of freedom."""
    off = fit.theta - fit.problem.law.internal(values, fit.origin)
    t2, below = off @ np.linalg.solve(np.cov(sure.theta.T), off), fit.n - off.size
    return special.fdtrc(off.size, below, t2 * below / (off.size * (fit.n - 1)))


def test_the_exponents_of_2022_are_rejected_and_those_of_2024_are_not():
    with SHIPPED.open() as file:
        rows = list(csv.DictReader(file))
    rows = sorted(rows, key=lambda r: float(r["loss"]))[:-5]
    x = np.array([[float(r[c]) for r in rows] for c in ("parameters", "tokens")])
    fit = fit_law("chinchilla", x, np.array([float(r["loss"]) for r in rows]), huber=1e-3)
    sure = uncertainty(fit, replicates=500)
    old = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
    new = dict(E=1.8172, A=482.0, B=2085.0, alpha=0.3478, beta=0.3658)
    assert rejects(sure, fit, old) < 1e-6
    assert rejects(sure, fit, new) > 0.1


def test_chinchilla_with_raw_residuals_below_a_budget():
    found = chinchilla(drop_worst=5, where="flops<1e21", residual="raw")
    assert found["n"] == 217
    assert found["objective"] == pytest.approx(0.062414, abs=2e-6)
    p = found["parameters"]
    for name, value in (("E", 1.9051), ("alpha", 0.3511), ("beta", 0.4587)):
        assert p[name] == pytest.approx(value, abs=3e-4)
    assert not any("stand out" in warning for warning in found["warnings"])


def test_five_points_move_an_exponent_and_the_warning_says_so():
    found = chinchilla(residual="raw")
    assert found["n"] == 245
    assert found["parameters"]["alpha"] == pytest.approx(0.368, abs=1e-3)
    assert found["parameters"]["beta"] == pytest.approx(0.661, abs=1e-3)
    assert any("5 of 245 rows stand out" in warning for warning in found["warnings"])


@pytest.mark.parametrize("huber, best", [
    (1e-3, 0.0019816129), pytest.param(1e-4, 2.0751e-4, marks=pytest.mark.long),
])  # fmt: skip
def test_gemstone(huber, best):
    found = fit_table(GEMSTONE, law="chinchilla", columns=COLUMNS, huber=huber, replicates=20)
    assert found["objective"] <= best
    if huber == 1e-3:
        assert found["parameters"]["alpha"] == pytest.approx(0.2929, abs=2e-3)
        assert found["parameters"]["beta"] == pytest.approx(0.7129, abs=2e-3)


def test_chinchilla_without_a_floor_of_loss():
    # E = 0 costs hundreds of units of log-likelihood: the data see the entropy of text.
    free, held = chinchilla(drop_worst=5), chinchilla(drop_worst=5, hold={"E": 0.0})
    assert held["held"] == {"E": 0.0} and held["objective"] > 1.5 * free["objective"]
    assert set(held["intervals"]) == {"A", "B", "alpha", "beta"}
    assert held["parameters"]["alpha"] < 0.2


@pytest.mark.long
def test_gemstone_by_rows_and_by_models():
    # 22 models with ten checkpoints each: what a model has of its own is in all of its rows.
    options = dict(law="chinchilla", columns=COLUMNS, replicates=1000)
    rows = fit_table(GEMSTONE, **options)
    models = fit_table(GEMSTONE, group="parameters", **options)
    assert rows["parameters"] == models["parameters"] and models["groups"] == 22
    assert any(
        "share 22 values of parameters" in w and "`group` 'parameters'" in w
        for w in rows["warnings"]
    )
    assert not any("`group`" in w for w in models["warnings"])
    assert rows["quoted"]["alpha"] == "profile" and models["quoted"]["alpha"] == "percentile"
    assert rows["intervals"]["alpha"]["profile"] == pytest.approx((0.218, 0.328), abs=2e-3)
    assert models["intervals"]["alpha"]["percentile"] == pytest.approx((0.153, 0.397), abs=0.02)
    assert models["intervals"]["alpha"]["sandwich"] == pytest.approx((0.160, 0.386), abs=2e-3)
    assert not {"profile", "wald"} & set(models["intervals"]["alpha"])
    assert models["weights"]["independent"] == 22 and rows["weights"]["independent"] == 220


# Losses of machine translation against millions of sentences, .5 to 512 in powers of two; the
# last one is held out (Gordon, Duh & Kaplan 2021; Alabdulmohsin et al. 2022).
TRANSLATION = [
    [
        0.93117531,
        0.74392821,
        0.63623915,
        0.55678850,
        0.48200735,
        0.40960946,
        0.37374052,
        0.35317313,
        0.34907098,
        0.34027806,
        0.34015626,
    ],
    [
        0.75919533,
        0.65578815,
        0.59055431,
        0.50851942,
        0.43818854,
        0.38691631,
        0.35276569,
        0.32963345,
        0.31268725,
        0.30665265,
    ],
    [
        0.99032277,
        0.81789637,
        0.68472812,
        0.59614742,
        0.50694719,
        0.42430973,
        0.37750491,
        0.34202812,
        0.31908395,
        0.30031865,
        0.29687762,
    ],
    [
        0.87370862,
        0.73622873,
        0.61658881,
        0.50852027,
        0.45428619,
        0.40974885,
        0.39646827,
        0.38657346,
        0.38614538,
        0.38069771,
        0.38232453,
    ],
    [
        0.79600012,
        0.64515915,
        0.55517958,
        0.50570188,
        0.44988050,
        0.40848720,
        0.39109538,
        0.38673850,
        0.37468915,
        0.37242197,
    ],
]


@pytest.mark.parametrize("loss", TRANSLATION)
def test_m3_predicts_the_largest_data_set_of_machine_translation(loss):
    loss = np.array(loss)
    x = (0.5 * 2.0 ** np.arange(11))[-loss.size :][None]
    fit = fit_law("m3", x[:, :-1], loss[:-1])
    assert fit.predict(np.array([512.0]))[0] == pytest.approx(loss[-1], rel=0.02)
    weights = law_weights(["power+floor", "m3"], x, loss, held=1)
    assert weights.errors["m3"] < weights.errors["power+floor"] and not weights.holdout
