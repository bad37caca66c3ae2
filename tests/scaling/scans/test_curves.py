"""Fits of many curves end where rounding cannot move them."""

import numpy as np
import pytest

from lab.scaling.scans.curves import fit_curves

LOG_X = np.log(2.0 ** np.arange(4, 12))


def curves(noise, seed=0):
    rng = np.random.default_rng(seed)
    clean = np.log(2 * np.exp(-1.2 * LOG_X) + 1e-3)
    return clean + noise * rng.standard_normal((50, LOG_X.size))


@pytest.mark.parametrize("held", [{}, {"share": 1.0}])
def test_rounding_of_the_losses_decides_no_digit(held):
    """Another processor rounds otherwise: an ulp in the losses, which the sum of squares amplifies
    to 1e-8 where only it decides when to stop."""
    log_loss = curves(0.05)
    fit, again = (fit_curves(LOG_X, y, **held) for y in (log_loss, np.nextafter(log_loss, 0)))
    assert not (fit.at_bound & ~bool(held)).any()
    for name in ("alpha", "share", "level"):
        assert getattr(again, name) == pytest.approx(getattr(fit, name), rel=1e-12)


def test_the_residual_is_orthogonal_to_the_derivatives_at_the_fit():
    fit = fit_curves(LOG_X, curves(0.05))
    m, inner = fit.inner(LOG_X)
    u = LOG_X - fit.last[:, None]
    for slope in (-u * fit.share[:, None] * m / inner, (m - 1) / inner, np.ones_like(m)):
        size = np.sqrt((slope**2).sum(1) * fit.cost)
        assert np.abs((slope * fit.residual).sum(1) / size).max() < 1e-12
