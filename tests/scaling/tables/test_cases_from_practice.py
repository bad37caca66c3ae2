"""Tables as people bring them, with right values from NumPy and SciPy outside of the lab, or known
by construction; nothing that is said of them is false."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import curve_fit

import lab
from lab import fit as fit_table
from lab.scaling.laws.fit import LAWS, fit_law
from lab.scaling.laws.prediction import law_weights, predictions
from lab.scaling.tables.rows import TableError

CASES = Path(__file__).parents[2] / "cases"
ADDITIVE = dict(alpha=0.33105, beta=0.28651, E=1.74098)


def fit(name, law, x, loss, **options):
    return fit_table(CASES / name, law=law, x=x, loss=loss, **{"replicates": 100} | options)


def alone(found, name):
    return found["intervals"][name][found["quoted"][name]]


def test_a_curve_that_turns_is_fitted_by_the_law_that_does():
    found = fit("isoflop.csv", "bnsl", "params", "loss")
    p = found["parameters"]
    assert np.sqrt(found["objective"] / found["n"]) <= 5e-4
    assert p["c0"] == pytest.approx(0.59, abs=0.02)
    assert p["c0"] + p["c1"] == pytest.approx(-0.55, abs=0.02)
    assert found["extreme"]["x"] == pytest.approx(2.2e8, rel=0.08)
    assert found["extreme"]["loss"] == pytest.approx(2.985, abs=0.001)
    for law in ("power", "power+floor", "m4"):
        other = fit("isoflop.csv", law, "params", "loss")
        assert other["status"] == "turning" and "fall, then rise" in other["warnings"][0]


def test_noise_that_flattens_is_no_turn():
    x = np.geomspace(10, 1e5, 40)
    for seed in range(40):
        noise = np.exp(0.2 * np.random.default_rng(seed).standard_normal(40))
        found = fit_law("power+floor", x[None], (3 * x**-0.5 + 0.05) * noise, starts=20)
        assert found.status != "turning", seed


def test_an_optimum_at_infinity_is_none():
    found = fit("saturating.csv", "m4", "seen", "loss")
    assert found["status"] == "ridge" and found["intervals"] == {}
    assert any("a → ∞, where m4 becomes (L − floor) exp(" in w for w in found["warnings"])


def test_repeated_rows_count_once_and_are_told():
    once = fit("once.csv", "power+floor", "tokens", "loss")
    many = fit("repeated.csv", "power+floor", "tokens", "loss")
    for key in ("parameters", "intervals", "weights", "status", "n", "errors"):
        assert many[key] == once[key]
    assert once["parameters"]["alpha"] == pytest.approx(0.552, abs=5e-4)
    assert alone(once, "alpha") == pytest.approx([0.530, 0.574], abs=2e-3)
    assert any("180 rows repeat another one" in w for w in many["warnings"])
    assert not any("repeat" in w for w in once["warnings"])


def test_a_break_ahead_of_the_data_is_found():
    x, loss = np.loadtxt(CASES / "break_ahead.csv", delimiter=",", skiprows=1).T
    found = fit_law("bnsl", x[None], loss)
    truth = dict(a=0.35, b=2.6, c0=0.05, c1=4.8, d1=440, f1=0.06)
    assert found.parameters == pytest.approx(truth, rel=1e-4) and found.status == "converged"


def test_raw_residuals_are_least_squares_of_the_loss():
    found = fit("decay.csv", "power+floor", "r", "g", residual="raw")
    truth = dict(beta=0.19539, alpha=0.73094, floor=-0.31435)
    assert found["parameters"] == pytest.approx(truth, rel=1e-4)
    assert found["objective"] == pytest.approx(0.029325, rel=1e-4)
    r, g = np.loadtxt(CASES / "decay.csv", delimiter=",", skiprows=1).T
    direct, _ = curve_fit(lambda r, b, a, c: b * r**-a + c, r, g, p0=(0.2, 0.7, -0.3))
    assert list(found["parameters"].values()) == pytest.approx(direct, rel=1e-5)


@pytest.mark.parametrize("law, status", [
    ("kaplan", "misfit"), ("max", "misfit"), ("product", "misfit"), ("chinchilla", "converged"),
])  # fmt: skip
def test_a_wrong_law_of_two_variables_is_a_misfit(law, status):
    names = dict(N="params", D="tokens", L="loss")
    found = fit("grid.csv", law, None, None, columns=names)
    assert found["status"] == status
    if status == "converged":
        truth = dict(E=1.8292, A=397.6, alpha=0.3399, B=513.5, beta=0.2916)
        assert found["parameters"] == pytest.approx(truth, rel=3e-4)
    else:
        assert any("times what is left without it" in w for w in found["warnings"])


@pytest.mark.parametrize("name, columns", [
    ("comma_in_name.csv", dict(N="Params (M)", D="Tokens, billions", L="Val loss [nats/token]")),
    ("german.csv", dict(N="Parameter", D="Token", L="Verlust")),
    ("suffixes.csv", dict(N="model", D="tokens", L="loss")),
    ("records.json", dict(N="params", D="tokens", L="loss")),
])  # fmt: skip
def test_the_same_numbers_in_other_clothes(name, columns):
    found = fit(name, "chinchilla", None, None, columns=columns, replicates=10)
    for key, value in ADDITIVE.items():
        assert found["parameters"][key] == pytest.approx(value, rel=3e-4)
    if name != "comma_in_name.csv":
        assert found["parameters"]["A"] == pytest.approx(385.9, rel=1e-2)
        assert found["parameters"]["B"] == pytest.approx(423.7, rel=1e-2)


def test_nan_is_missing():
    found = fit("nan_loss.csv", "power+floor", "width", "loss")
    assert (found["n"], found["left_out"]) == (10, 2)
    assert found["parameters"]["alpha"] == pytest.approx(0.5, abs=1e-3)
    assert found["parameters"]["floor"] == pytest.approx(2.0, abs=1e-3)
    assert any("2 rows were left out: no value of loss" in w for w in found["warnings"])


@pytest.mark.parametrize("column, exponent", [("n_opt", 0.491), ("d_opt", 0.509)])
def test_what_rises_has_a_rising_power(column, exponent):
    found = fit("optimal_size.csv", "power", "flops", column)
    assert found["parameters"]["a"] == pytest.approx(exponent, abs=5e-4)
    assert found["parameters"]["alpha"] == -found["parameters"]["a"]
    low, high = alone(found, "a")
    assert low < exponent < high and found["status"] == "converged"


def test_standard_errors_weigh():
    found = fit("weighted.csv", "power+floor", "x", "loss", weights="stderr")
    raw = fit("weighted.csv", "power+floor", "x", "loss", weights="stderr", residual="raw")
    assert found["parameters"]["alpha"] == pytest.approx(0.5018, abs=0.001)
    assert raw["parameters"]["alpha"] == pytest.approx(0.50182, abs=1e-5)
    assert raw["parameters"]["floor"] == pytest.approx(0.50320, abs=1e-5)
    assert found["errors"]["alpha"] == pytest.approx(0.0041, abs=1e-4)
    assert fit("weighted.csv", "power+floor", "x", "loss")["parameters"]["alpha"] > 0.52


def test_a_prediction_is_that_of_the_delta_method():
    found = lab.fit(CASES / "small_runs.csv", "power+floor", x="n", loss="loss", replicates=100)
    n, loss = np.loadtxt(CASES / "small_runs.csv", delimiter=",", skiprows=1).T
    near, far, inside = found.predict({"n": 3e6}, "x=10M", dict(x=1e4))
    for one, value, error in ((near, 0.8240, 0.0037), (far, 0.8130, 0.0042)):
        assert one["value"] == pytest.approx(value, abs=6e-5)
        assert one["error"] == pytest.approx(error, abs=6e-5)
        assert one["mean"][1] - one["value"] == pytest.approx(2.262 * one["error"], rel=0.02)
        assert one["new"][0] < one["mean"][0] < value < one["mean"][1] < one["new"][1]
    assert near["where"] == "projection: 10 × the largest x" and near["beyond"] == pytest.approx(10)
    assert inside["where"] == "interpolation" and inside["beyond"] == 1


def test_a_law_that_the_data_contradict_says_nothing_beyond_them():
    names = dict(N="params", D="tokens", L="loss")
    options = dict(columns=names, replicates=100, at=["N=1e6,D=1e10", "N=7B,D=1.4T"])
    inside, beyond = fit_table(CASES / "grid.csv", law="kaplan", **options)["predictions"]
    assert inside["mean"] is not None and beyond["mean"] is None and beyond["new"] is None
    good = fit_table(CASES / "grid.csv", law="chinchilla", **options)["predictions"][1]
    assert set(good["others"]) >= {"power-mean"} and good["mean"] is not None
    with pytest.raises(TableError, match="lacks D; write it as in at N=NUMBER,D=NUMBER"):
        fit_table(CASES / "grid.csv", law="chinchilla", columns=names, at=["N=7e9"], replicates=2)


def test_intervals_of_a_new_run_cover_where_the_law_is_right():
    x, hits = np.geomspace(1e3, 1e6, 12), []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        loss = (50 * x**-0.5 + 0.8) * np.exp(0.01 * rng.standard_normal(12))
        new = (50 * 4e6**-0.5 + 0.8) * np.exp(0.01 * rng.standard_normal())
        fitted = fit_law("power+floor", x[None], loss, starts=20)
        (one,) = predictions(fitted, np.array([[4e6]]))
        hits.append(one.new is None or one.new[0] <= new <= one.new[1])
    assert np.mean(hits) >= 0.9


def test_rows_without_scatter_carry_no_interval(tmp_path):
    (tmp_path / "t.csv").write_text("x,L\n1,8\n10,0.8\n100,0.08\n")
    found = fit_table(tmp_path / "t.csv", law="power", x="x", loss="L")
    assert set(map(tuple, found["intervals"]["alpha"].values())) == {(None, None)}
    assert any("without scatter 3 rows do not say" in w for w in found["warnings"])
    assert not any("disagree" in w for w in found["warnings"])


def test_the_lower_envelope_of_a_sweep(tmp_path):
    rates = np.geomspace(1e-4, 1e-1, 7)
    rows = [
        (n, rate, 3 * n**-0.3 * (1 + np.log10(rate / 1e-2 * (n / 1e3) ** 0.2) ** 2))
        for n in (1e2, 1e3, 1e4, 1e5)
        for rate in rates
    ]
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="n,lr,loss", comments="")
    options = dict(law="power", x="n", loss="loss", replicates=2)
    found = fit_table(tmp_path / "t.csv", best_of=["lr"], **options)
    assert found["n"] == 4 and found["parameters"]["alpha"] == pytest.approx(0.3, abs=0.02)
    assert any("24 of 28 rows are not the one of the lowest loss" in w for w in found["warnings"])
    cut = fit_table(tmp_path / "t.csv", best_of=["lr"], where="lr > 9e-3", **options)
    assert any("the smallest or the largest that was tried at" in w for w in cut["warnings"])


def test_units_logarithms_and_per_cent(tmp_path):
    n = np.geomspace(1e6, 1e9, 8)
    rows = np.c_[np.log10(n), n / 1e6, 100 * (0.9 - 20 * n**-0.3)]
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="log,millions,acc", comments="")
    options = dict(law="saturating", loss="acc", percent=["acc"], replicates=2)
    for more in (dict(x="log", log10=["x"]), dict(x="millions", unit={"millions": 1e6})):
        found = fit_table(tmp_path / "t.csv", **options, **more)
        assert found["parameters"] == pytest.approx(dict(E=0.9, A=20, alpha=0.3), rel=1e-5)
    with pytest.raises(TableError, match="log10 names 'z', which is not used"):
        fit_table(tmp_path / "t.csv", **options, x="millions", log10=["z"])


def test_wide_tables_have_a_column_a_run(tmp_path):
    step = np.geomspace(10, 1e4, 9)
    curves = [b * step**-0.5 * np.exp(0.01 * np.sin(7 * b * step)) for b in (1.0, 2.0, 3.0)]
    table = np.c_[step, np.array(curves).T, curves[0]]
    header = "Step,a - loss,b - loss,c - loss,a - loss__MIN"
    np.savetxt(tmp_path / "t.csv", table, delimiter=",", header=header, comments="")
    found = fit_table(tmp_path / "t.csv", law="power", x="Step", wide=True)
    assert found["groups"] == 3 and found["n"] == 27
    assert found["parameters"]["alpha"] == pytest.approx(0.5, abs=0.01)
    assert any("3 columns are a run each" in w for w in found["warnings"])


def test_checks_of_an_export_are_left_out_and_counted(tmp_path):
    rows = [(n, 3 / n, role, f"{n}{role}") for n in (8, 16, 32, 64) for role in ("scan", "budget")]
    text = "".join(f"{n},{loss},{role},{mark}\n" for n, loss, role, mark in rows)
    (tmp_path / "t.csv").write_text("N,loss,role,fingerprint\n" + text)
    options = dict(law="power", x="N", loss="loss", replicates=2)
    found = fit_table(tmp_path / "t.csv", **options)
    assert found["n"] == 4 and any("4 rows are checks" in w for w in found["warnings"])
    assert fit_table(tmp_path / "t.csv", **options, checks=True)["n"] == 8
    assert fit_table(tmp_path / "t.csv", **options, where="role == 'budget'")["n"] == 4


def test_a_fit_is_a_value_that_draws_itself(tmp_path):
    found = lab.fit(CASES / "small_runs.csv", "power+floor", x="n", loss="loss", replicates=50)
    assert found.status == found["status"] == "converged" and found.parameters["alpha"] > 0.5
    assert "alpha" in str(found) and "<table>" in found._repr_html_()
    found.plot(tmp_path / "f.svg")
    assert "<svg" in (tmp_path / "f.svg").read_text()
    grid = lab.fit(CASES / "grid.csv", "chinchilla", replicates=50,
                   columns=dict(N="params", D="tokens", L="loss"))  # fmt: skip
    assert len(grid.plot().axes) == 2


def test_many_groups_are_weighed_on_some(tmp_path):
    rng = np.random.default_rng(0)
    x = np.geomspace(10, 1e4, 8)
    rows = [(v, g, loss) for g in range(30)
            for v, loss in zip(x, (g + 1) * x**-1 * np.exp(0.02 * rng.standard_normal(8)),
                               strict=True)]  # fmt: skip
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="x,g,L", comments="")
    found = lab.fit(tmp_path / "t.csv", "power", x="x", loss="L", group="g")
    assert found["groups"] == 30 and found["weights"]["curves"] == 12
    assert found["weights"]["aicc"]["power"] > 0.5 and "on 12 of 30 groups" in str(found)
    (one,) = found.predict(x=1e5)
    assert one["mean"][0] < one["value"] < one["mean"][1] < one["new"][1]


def test_the_best_size_at_a_compute_from_the_same_table():
    names = dict(N="params", D="tokens", L="loss")
    found = lab.fit(CASES / "grid.csv", "chinchilla", columns=names, replicates=20)
    said = found.allocate(1e21)
    p = found.parameters
    xi = p["beta"] / (p["alpha"] + p["beta"])
    assert said["xi"]["value"] == pytest.approx(xi, rel=1e-3)
    (one,) = said["allocations"]
    N = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    N *= (1e21 / 6) ** xi
    assert one["N"]["value"] == pytest.approx(N, rel=0.01)
    assert 6 * one["N"]["value"] * one["D"]["value"] == pytest.approx(1e21, rel=1e-6)
    with pytest.raises(TableError, match="an allocation is of N and D"):
        lab.fit(CASES / "small_runs.csv", "power", x="n", loss="loss", replicates=2).allocate(1e21)


def test_a_peaked_curve_is_fitted_and_a_polish_does_not_run_away(tmp_path):
    rate = np.geomspace(1e-5, 1e-1, 15)
    noise = 0.001 * np.random.default_rng(7).standard_normal(15)
    rows = zip(rate, 0.8 - 0.05 * np.log10(rate / 2e-3) ** 2 + noise, strict=True)
    file = tmp_path / "rates.csv"
    file.write_text("lr,acc\n" + "".join(f"{x:.4g},{y:.5f}\n" for x, y in rows))
    found = fit_table(file, law="bnsl", x="lr", loss="acc", replicates=50)
    assert np.sqrt(found["objective"] / 15) < 0.01
    assert found["extreme"]["kind"] == "highest"
    assert found["extreme"]["x"] == pytest.approx(2e-3, rel=0.3)


@pytest.mark.parametrize("points", [5, 6, 8])
def test_few_points_show_a_turn(points):
    x = np.geomspace(1e-5, 1e-1, points)
    found = fit_law("power", x[None], 2 + 0.1 * np.log10(x / 1.3e-3) ** 2)
    assert found.status == "turning" and "fall, then rise" in found.warnings[0]
    assert ("bnsl" in found.warnings[0]) == (points > 6)
    flattening = 2 + 5 * np.arange(1, points + 1.0) ** -3
    flattening[-1] *= 1.02
    assert fit_law("power", x[None], flattening).status != "turning"


def test_a_term_that_vanished_carries_no_interval():
    N, D = np.repeat(np.geomspace(1e6, 1e9, 6), 6), np.tile(np.geomspace(1e8, 1e11, 6), 6)
    truth = ((8.8e13 / N) ** (0.076 / 0.095) + 5.4e13 / D) ** 0.095
    loss = truth * (1 + 0.002 * np.random.default_rng(0).standard_normal(36))
    fit = fit_law("max", np.stack([N, D]), loss)
    assert fit.status == "bound-hit" and fit.vanished == ("E",)
    assert fit_law("kaplan", np.stack([N, D]), loss).vanished == ()


def test_rows_without_scatter_are_the_best_there_is():
    found = fit("break_ahead.csv", "bnsl", "size", "loss", replicates=20)
    assert not any("may not be the global one" in w for w in found["warnings"])
    assert found["starts"]["reached_best"] >= 1


def test_copies_with_another_name_are_told_and_the_remedy_works(tmp_path):
    x = np.geomspace(10, 1e5, 10)
    y = 0.5 + 2 * x**-0.3 * np.exp(0.01 * np.random.default_rng(0).standard_normal(10))
    lines = [f"{3 * i + j},{a:.5g},{b:.6f}\n" for i, (a, b) in enumerate(zip(x, y, strict=True))
             for j in range(3)]  # fmt: skip
    (tmp_path / "t.csv").write_text("id,x,y\n" + "".join(lines))
    asked = dict(law="power+floor", x="x", loss="y", replicates=20)
    assert any("keep one of each by `best_of` 'id'" in w
               for w in fit_table(tmp_path / "t.csv", **asked)["warnings"])  # fmt: skip
    found = fit_table(tmp_path / "t.csv", best_of=["id"], **asked)
    assert found["n"] == 10
    assert not any("sweep further" in w or "keep one" in w for w in found["warnings"])


def test_a_number_alone_is_the_x_of_a_law_of_one_variable():
    one = fit("small_runs.csv", "power+floor", "n", "loss", at=["3e6", 3e6, "n=3M"])
    assert len({p["value"] for p in one["predictions"]}) == 1
    assert one["predictions"][0]["value"] == pytest.approx(0.8240, abs=1e-4)
    with pytest.raises(TableError, match="3e.06 without a name"):
        fit_table(CASES / "grid.csv", law="chinchilla", at=["3e6"],
                  columns=dict(N="params", D="tokens", L="loss"))  # fmt: skip


def test_a_standard_error_of_zero_has_its_own_reason(tmp_path):
    (tmp_path / "t.csv").write_text("x,y,e\n1,3,1\n2,2,0\n4,1.5,1\n8,1,1\n")
    with pytest.raises(TableError, match="e is 0; it must be positive, for it weighs the row"):
        fit_table(tmp_path / "t.csv", law="power", x="x", loss="y", weights="e")


def test_a_law_that_the_data_do_not_prefer_is_as_uncertain_as_its_rivals():
    """A floor that begins beyond the data is seen by no law; the interval of a power at four times
    the largest x holds the new run all the same, for it holds that of the law with a floor."""
    law, truth = LAWS["m3"], dict(beta=12.0, alpha=0.3, gamma=1e-8)
    x = np.geomspace(1e4, 1e7, 12)
    far = x[-1:] * 4
    held = []
    for seed in range(12):
        rng = np.random.default_rng([seed, 5])
        loss = law.loss(truth, x) * np.exp(0.01 * rng.standard_normal(12))
        new = float(law.loss(truth, far)[0] * np.exp(0.01 * rng.standard_normal()))
        fits = {name: fit_law(name, x[None], loss, starts=30) for name in ("power", "m3")}
        weight = law_weights(list(fits), x[None], loss).aicc
        others = {"m3": fits["m3"]} if weight["m3"] >= 0.05 * max(weight.values()) else {}
        said = predictions(fits["power"], far[None], others=others)[0].new
        held.append(said is None or said[0] <= new <= said[1])
    assert np.mean(held) >= 0.8
