"""Soft committees: error, trajectories, plateau and noise floor, against SGD and known numbers."""

import numpy as np
import pytest
from scipy.special import erf

from lab.models import Committee

Q0, R0 = np.diag([0.2, 0.3]), np.array([[0.10, 0.02], [0.03, 0.12]])


def simulated(
    model: Committee, Q0: np.ndarray, R0: np.ndarray, N: int, times: list[int], seeds: int, *,
    rate: float, noise: float, second_rate: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """Errors [times, seeds] of online SGD in N dimensions, by their overlaps."""
    K, M, rng = model.K, model.M, np.random.default_rng(N)
    axes = np.linalg.qr(rng.standard_normal((seeds, N, K + M)))[0].transpose(0, 2, 1) * np.sqrt(N)
    B = axes[:, :M]
    w = R0 @ B + np.linalg.cholesky(Q0 - R0 @ R0.T) @ axes[:, M:]
    v, A, errors = np.ones((seeds, K)), np.ones(M), []
    for step in range(max(times) * N + 1):
        if step / N in times:
            Q, R = w @ w.transpose(0, 2, 1) / N, w @ B.transpose(0, 2, 1) / N
            errors.append(
                [model.error(*each) for each in zip(Q, R, [None] * seeds, v, strict=True)]
            )
        x = rng.standard_normal((seeds, N, 1))
        field = (w @ x)[..., 0] / np.sqrt(N)
        g, slope = erf(field / np.sqrt(2)), np.sqrt(2 / np.pi) * np.exp(-(field**2) / 2)
        y = erf((B @ x)[..., 0] / np.sqrt(2 * N)) @ A + noise * rng.standard_normal(seeds)
        wrong = (y - (v * g).sum(1))[:, None]
        w = w + rate / np.sqrt(N) * (v * slope * wrong)[..., None] * x[:, None, :, 0]
        v = v + second_rate / N * g * wrong
    return np.array(errors)


def test_the_error_of_published_weights():
    """K = 3, M = 2, N = 5 of the unit tests of Goldt et al.'s nn2pp (there by Mathematica)."""
    B = np.array([[-0.878181, -0.675171, 0.200794, -0.385201, -1.47387],
                  [-0.0760653, -0.450636, 0.887182, 0.376101, -0.0873384]])  # fmt: skip
    w = np.array([[1.04404, 0.583583, 1.43897, 0.963895, 0.795075],
                  [-0.864295, -0.911849, 2.02883, 0.783554, -1.01488],
                  [-0.451547, -0.772216, 0.780296, 0.799456, -0.0126815]])  # fmt: skip
    A, v = np.array([0.965846, -1.40304]), np.array([-1.3598, -0.0671005, -0.395626])
    error = Committee(3, 2).error(w @ w.T / 5, w @ B.T / 5, B @ B.T / 5, v, A)
    assert error == pytest.approx(0.0803271, abs=1e-6)
    x = np.random.default_rng(0).standard_normal((200_000, 5)) / np.sqrt(10)
    squares = (erf(x @ w.T) @ v - erf(x @ B.T) @ A) ** 2 / 2
    assert abs(squares.mean() - error) < 3 * squares.std() / np.sqrt(squares.size)


def test_the_trajectory_through_the_plateau_is_the_known_one():
    path = Committee(2, 2).trajectory(Q0, R0, 0.5, 0.0, [0, 10, 20, 50, 100, 200])
    known = [0.352150, 0.01554, 0.01469, 0.0128715]
    np.testing.assert_allclose(path.error[:4], known, rtol=1e-4, atol=6e-6)
    assert path.Q.shape == (6, 2, 2) and path.R.shape == (6, 2, 2)
    np.testing.assert_array_equal(path.Q[0], Q0)
    assert path.specialisation[1] < 0.1 < 0.9 < path.specialisation[-1]
    between = Committee(2, 2).trajectory(path.Q[1], path.R[1], 0.5, 0.0, [40.0])
    assert between.error[0] == pytest.approx(path.error[3], rel=1e-5)


@pytest.mark.parametrize("K, settings", [
    (2, {"rate": 0.5, "noise": 0.0}), (3, {"rate": 0.4, "noise": 0.3, "second_rate": 0.3}),
])  # fmt: skip
def test_online_sgd_follows_the_trajectory(K, settings):
    model, times = Committee(K, 2), [2, 5, 12]
    Q = np.diag([0.2, 0.3, 0.4][:K])
    R = np.array([[0.10, 0.02], [0.03, 0.12], [-0.05, 0.03]])[:K]
    errors = simulated(model, Q, R, 300, times, seeds=10, **settings)
    path = model.trajectory(Q, R, times=times, **settings)
    spread = errors.std(1, ddof=1) / np.sqrt(10)
    assert np.all(np.abs(errors.mean(1) - path.error) < 3 * spread)
    assert np.all(spread < 0.06 * path.error)


@pytest.mark.parametrize("K, M", [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (3, 2), (2, 3), (1, 4)])
def test_the_plateau_is_a_fixed_point(K, M):
    model = Committee(K, M)
    plateau = model.plateau()
    for change in model.flow(plateau.Q, plateau.R):
        assert np.abs(change).max() < 1e-12
    if K == M:
        exact = K / np.pi * (np.pi / 6 - K * np.arcsin(1 / (2 * K)))
        assert plateau.error == pytest.approx(exact, abs=1e-14)
        assert plateau.error == pytest.approx({2: 0.0116108, 3: 0.0202966}.get(K, exact), abs=6e-8)
        assert plateau.R[0, 0] == pytest.approx(1 / np.sqrt(K * (2 * K - 1)))
    assert plateau.specialisation == 0


def test_the_plateau_at_a_finite_rate_lies_above():
    model = Committee(2, 2)
    start = model.plateau()
    R = start.R + 1e-9 * np.array([[1, -1], [-1, 1]])
    path = model.trajectory(start.Q + 1e-3 * np.eye(2), R, 0.1, 0.0, [200, 600])
    assert start.error < path.error[1] < 0.0122
    assert path.error[0] == pytest.approx(path.error[1], rel=1e-4)


@pytest.mark.parametrize("K, M", [(1, 1), (2, 2), (3, 3), (2, 1), (3, 2)])
def test_the_noise_floor_is_where_trajectories_end(K, M):
    """Extrapolated to rate 0 from .05 and .1, where it is 1 to 6 % higher."""
    model, R = Committee(K, M), np.zeros((K, M))
    np.fill_diagonal(R, 0.9)
    ends = [
        model.trajectory(0.9 * np.eye(K), R, η, 0.3, [200 / η]).error[-1] / (η * 0.09)
        for η in (0.05, 0.1)
    ]
    assert 2 * ends[0] - ends[1] == pytest.approx(model.noise_floor(1.0, 1.0), rel=0.02)
    assert ends[1] > ends[0] > model.noise_floor(1.0, 1.0)


@pytest.mark.parametrize("K, M, floor", [
    (1, 1, 0.09189), (2, 2, 0.1838), (3, 3, 0.2757), (2, 1, 0.2510), (3, 2, 0.3429),
])  # fmt: skip
def test_the_noise_floors_are_the_known_ones(K, M, floor):
    assert Committee(K, M).noise_floor(1.0, 1.0) == pytest.approx(floor, abs=6e-5)


def test_a_teacher_of_other_lengths_and_weights_is_learned():
    """A matched student with a trained second layer reaches any teacher it can express."""
    T, A = np.array([[1.5, 0.2], [0.2, 0.7]]), np.array([1.0, -0.5])
    Q = np.diag([0.5, 0.5])
    path = Committee(2, 2).trajectory(
        Q, 0.5 * np.eye(2), 0.5, 0.0, [0, 800], T=T, A=A, v=[0.5, -0.1], second_rate=0.5
    )
    assert path.error[-1] < 1e-4 * path.error[0]
    np.testing.assert_allclose(path.v[-1], A, atol=0.05)


@pytest.mark.parametrize("wrong, sentence", [
    (lambda c: c.error(np.eye(3), np.eye(2)), r"^Q has shape \(3, 3\); give a matrix \[2, 2\]$"),
    (lambda c: c.error(np.eye(2), 2 * np.eye(2)), "negative eigenvalue -1; give a covariance$"),
    (lambda c: c.error(np.eye(2), np.eye(2), v=[1.0]), r"^v has shape \(1,\); give 2 weights$"),
    (lambda c: c.trajectory(Q0, R0, 0.5, 0.0, [2, 1]), "^times .* sort them$"),
    (lambda c: c.trajectory(Q0, R0, -0.5, 0.0, [2]), "^rate = -0.5 "),
    (lambda c: Committee(1, 2).noise_floor(0.1, 0.1), "^K = 1 units cannot learn M = 2: "),
])  # fmt: skip
def test_what_is_out_of_range_is_one_sentence(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong(Committee(2, 2))


@pytest.mark.parametrize(
    "M, losses",
    [
        (4, {1: 0.05675453, 2: 0.04059318, 3: 0.02322168}),
        (8, {1: 0.11852679, 2: 0.10326507, 4: 0.07245265, 7: 0.02322168}),
    ],
)
def test_fewer_units_copy_all_but_one_and_average_the_rest(M, losses):
    for K, loss in losses.items():
        assert 2 * Committee(K, M).copy_average().error == pytest.approx(loss, abs=1e-8)


@pytest.mark.parametrize("K, M", [(1, 4), (2, 4), (2, 3)])
def test_no_search_finds_less_than_copies_and_an_average(K, M):
    from scipy.optimize import minimize

    model = Committee(K, M)
    rng, found = np.random.default_rng(M), []

    def error(flat):
        w, v = flat[: K * M].reshape(K, M), flat[K * M :]
        return model.error(w @ w.T, w, v=v)

    for _ in range(4):
        start = np.concatenate([rng.normal(size=K * M), np.ones(K)])
        found.append(minimize(error, start, method="BFGS").fun)
    assert min(found) == pytest.approx(model.copy_average().error, rel=1e-6)


def test_enough_units_are_the_teacher():
    found = Committee(5, 3).copy_average()
    assert found.error == pytest.approx(0, abs=1e-15) and found.R.shape == (5, 3)
