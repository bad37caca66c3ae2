"""Which covariances reach every target: the claim beside the harmonics themselves."""

import numpy as np
import pytest

from lab.config import study
from lab.data import covariances
from lab.data.covariances import covariance
from lab.data.linear_terms import harmonics

NETWORKS = ["relu-nngp", "relu-ntk", "erf-nngp", "erf-ntk"]
KERNEL = {
    "question": "Is there a floor?",
    "regime": "resolution-data",
    "student": {"kind": "kernel"},
    "data": {"sizes": [64, 128, 256]},
}
SPHERE, CUBE, TORUS = ({"kind": kind, "dim": 2} for kind in ("sphere", "cube", "torus"))
PRODUCT = {"kind": "product", "factors": [SPHERE, TORUS]}


@pytest.mark.parametrize("kind", [*NETWORKS, "laplace", "gaussian"])
@pytest.mark.parametrize("bias", [0.0, 0.5])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("d", [1, 2])
def test_a_covariance_is_universal_on_the_sphere_if_it_has_every_harmonic(kind, bias, depth, d):
    given = {"depth": depth, "bias": bias} if kind in NETWORKS else {}
    settings = covariances.resolved_covariance(kind, given)
    found = harmonics(covariance(kind, **settings), d, degrees=8).eigenvalues
    has_all = bool(np.all(found > 1e-12 * found.max()))
    assert covariances.universal(kind, settings, sphere=True) == has_all


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("depth", [1, 3])
def test_without_biases_networks_know_rays_or_signs_and_are_not_universal_off_the_sphere(
    kind, depth
):
    settings = covariances.resolved_covariance(kind, {"depth": depth})
    k, (x, z) = covariance(kind, **settings), np.random.default_rng(0).standard_normal((2, 5, 3))
    if kind.startswith("relu"):
        np.testing.assert_allclose(k(3 * x, z), 3 * k(x, z), rtol=1e-9)
    else:
        np.testing.assert_allclose(k(-x, z), -k(x, z), rtol=1e-6, atol=1e-12)
    assert not covariances.universal(kind, settings, sphere=False)
    assert covariances.universal(kind, {**settings, "bias": 0.1}, sphere=False)


@pytest.mark.parametrize("student, manifold, known", [
    ({}, SPHERE, False),  # the default: relu-ntk of depth 1 without biases
    ({"kernel": "relu-nngp"}, SPHERE, False),
    ({"kernel": "relu-ntk", "depth": 2}, SPHERE, True),
    ({"kernel": "relu-ntk", "depth": 2}, TORUS, True),
    ({"kernel": "relu-ntk", "depth": 2}, PRODUCT, True),
    ({"kernel": "relu-ntk", "depth": 2}, CUBE, False),
    ({"kernel": "relu-ntk", "depth": 1, "bias": 0.5}, CUBE, True),
    ({"kernel": "erf-ntk", "depth": 2}, SPHERE, False),
    ({"kernel": ["laplace", "relu-ntk"]}, SPHERE, False),
    ({"kernel": "matern", "nu": [0.5, 1.5]}, CUBE, True),
    ({"kernel": "matern", "ridge": 0.1}, CUBE, False),
])  # fmt: skip
def test_only_a_universal_kernel_is_known_to_leave_no_floor(student, manifold, known):
    tables = {**KERNEL, "task": {"manifold": manifold}}
    tables["student"] = {"kind": "kernel", **student}
    law = study.validate({**tables, "prediction": {"exponent": 1}}).law
    assert law == ("power" if known else "power+floor")


def test_an_embedding_that_bends_the_sphere_leaves_it():
    embedding = {"kind": "curved", "ambient": 5}
    student = {"kind": "kernel", "depth": 2}
    tables = {**KERNEL, "student": student, "prediction": {"exponent": 1}}
    on, off = ({"manifold": SPHERE}, {"manifold": SPHERE, "embedding": embedding})
    assert study.validate({**tables, "task": on}).law == "power"
    assert study.validate({**tables, "task": off}).law == "power+floor"
