"""Boundaries against the published software's values, against the integral, and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import gamma

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats.mixtures import best_rho, boundary, log_mixture


def test_the_values_of_the_authors_own_software():
    """Howard's confseq, test/uniform_boundaries_unittest.cpp: "from a reference implementation"."""
    rho = best_rho(100, 0.05)
    assert float(log_mixture(10, 100, rho=rho, scale=2)) == pytest.approx(-0.2490165, abs=1e-6)
    assert boundary(100, 0.05, rho=rho, scale=2) == pytest.approx(33.02017, abs=1e-5)
    # With a small scale it is the one-sided normal mixture of the same file.
    assert float(log_mixture(10, 100, rho=rho, scale=1e-3)) == pytest.approx(-0.06502391, abs=1e-3)
    assert boundary(100, 0.05, rho=rho, scale=1e-3) == pytest.approx(27.66071, abs=1e-2)
    # Two-sided best_rho(100, 0.05) there is one-sided 0.025 here.
    assert best_rho(100, 0.025) == pytest.approx(12.60056, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    s=st.floats(-20, 60),
    v=st.floats(1, 300),
    rho=st.floats(1, 50),
    scale=st.floats(0.2, 3),
)
def test_the_mixture_is_the_integral_that_defines_it(s, v, rho, scale):
    """∫ exp(λs − ψ_E(λ)v) dF(λ): 1 − cλ is a gamma variable with shape and rate ρ/c², below 1."""
    # Further on the other side nothing is claimed.
    assume((v + rho) / scale + s > 0.01)
    shape = rho / scale**2
    law = gamma(shape, scale=1 / shape)

    def density(u: float) -> float:
        # u = 1 − cλ in (0, 1); proposition 9's mixing law has exponent ρ/c² − 1 and rate ρ/c².
        lam = (1 - u) / scale
        psi = (-math.log(u) - scale * lam) / scale**2
        return math.exp(lam * s - psi * v + law.logpdf(u))

    total = quad(density, 0, 1, limit=200)[0] / law.cdf(1)
    assert float(log_mixture(s, v, rho=rho, scale=scale)) == pytest.approx(
        math.log(total), abs=1e-5
    )


def test_a_sum_far_on_the_safe_side_is_no_evidence():
    assert log_mixture(-1e6, 100, rho=10, scale=1) == -np.inf


def test_the_mean_of_the_mixture_is_at_most_one():
    """Of a skewed variable with mean 0 that exceeds its prediction by no more than the scale."""
    rng = np.random.default_rng(3)
    n, p = 200, 0.05
    x = (rng.random((20_000, n)) < p) - p
    s, v = -x.sum(axis=1), (x**2).sum(axis=1)
    found = np.exp(log_mixture(s, v, rho=best_rho(n * p, 0.05), scale=1.0))
    assert found.mean() - 4 * found.std() / math.sqrt(len(found)) <= 1


@pytest.mark.parametrize(("v", "level"), [(0.0, 0.05), (-1.0, 0.05), (1.0, 0.5), (1.0, math.nan)])
def test_what_has_no_boundary(v, level):
    with pytest.raises(InputError, match="expected v > 0"):
        best_rho(v, level)
