"""F(x) against its series in hundreds of digits, where no rounding counts, and against SciPy's erf."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest

from minidl.ops.normal import FAR, normal_cdf, normal_density

PI = Decimal("3.14159265358979323846264338327950288419716939937510")  # a factor's digits, never subtracted from


def exact(x: float) -> tuple[Decimal, Decimal]:
    """F(x) = 1/2 + f(x) (x + x^3/3 + x^5/(3 5) + x^7/(3 5 7) + ...) and f(x), for x < 0 as 1 - F(-x)."""
    with localcontext() as context:
        context.prec = 60
        density = (-(Decimal(x) ** 2) / 2).exp() / (2 * PI).sqrt()
        if x > 0:
            return 1 - exact(-x)[0], density
        if x < -6:  # the continued fraction of Laplace, f(x) / (a + 1 / (a + 2 / (a + 3 / ...))): the series would cancel
            a, tail = -Decimal(x), Decimal(0)
            for k in range(400, 0, -1):
                tail = k / (a + tail)
            return density / (a + tail), density
        a, k = -Decimal(x), 1
        term = total = a
        while term > Decimal("1e-50") * total:
            k += 2
            term = term * a * a / k
            total += term
        return Decimal("0.5") - density * total, density


POINTS = np.concatenate([[0.0], *(sign * np.geomspace(1e-9, 37.4, 60) for sign in (-1, 1)), np.linspace(-9, 9, 73)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_the_last_places(dtype: type) -> None:
    last_place = np.finfo(dtype).eps
    x = POINTS.astype(dtype)
    x = x[x > (-12.8 if dtype is np.float32 else -37.2)]  # further left F is no longer a normal number
    errors = [abs(Decimal(float(v)) / exact(float(at))[0] - 1) for v, at in zip(normal_cdf(x), x)]
    assert max(errors) < 4 * last_place
    x = x[abs(x) < 12]
    errors = [abs(Decimal(float(v)) / exact(float(at))[1] - 1) for v, at in zip(normal_density(x), x)]
    assert (np.array(errors, float) < last_place * (2 + x.astype(np.float64) ** 2 / 2)).all()  # the square is rounded
    assert normal_cdf(x).dtype == normal_density(x).dtype == dtype


def test_scipy_says_the_same() -> None:
    special = pytest.importorskip("scipy.special", reason="SciPy is not installed")
    x = np.linspace(-8, 8, 4001)
    np.testing.assert_allclose(normal_cdf(x), (1 + special.erf(x / np.sqrt(2))) / 2, rtol=0, atol=4e-16)
    np.testing.assert_allclose(normal_cdf(-x), special.erfc(x / np.sqrt(2)) / 2, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ends(dtype: type) -> None:
    x = np.array([-np.inf, -FAR, -1e30, 0, 9, FAR, 1e30, np.inf], dtype)
    assert normal_cdf(x).tolist() == [0, 0, 0, 0.5, 1, 1, 1, 1]
    assert np.isnan(normal_cdf(np.array([np.nan], dtype))).all()
    assert normal_density(np.array([FAR], dtype)) == 0


def test_it_never_falls() -> None:
    """Neighbours on a fine grid: rounding may not turn the curve down by more than its own error."""
    y = normal_cdf(np.linspace(-40, 40, 200_001))
    assert (np.diff(y) >= -2 * np.finfo(np.float64).eps * y[1:]).all()
