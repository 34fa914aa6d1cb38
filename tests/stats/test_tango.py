"""Tango's test against published intervals, its own likelihood, and its exact size."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.stats.quantiles import normal_quantile
from hokusai_mlflow.stats.tango import Tango, constrained_loss_rate, tango_z

# Published score intervals, each (wins, losses, n, level) -> (low, high) to three digits:
# two examples of Tango (1998); one of Agresti & Min (2005), DOI 10.1002/sim.1781; one of Fagerland,
# Lydersen & Laake (2014), DOI 10.1002/sim.6148. All four are also the reference values in the test
# suite of the R package ratesci.
PUBLISHED = [
    ((9, 3, 32, 0.05), (-0.027, 0.390)),
    ((0, 1, 44, 0.10), (-0.096, 0.037)),
    ((16, 8, 86, 0.05), (-0.020, 0.207)),
    ((1, 7, 21, 0.05), (-0.517, -0.026)),
]

counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400)).map(
    lambda c: (c[0], c[1], c[0] + c[1] + c[2])
)


@pytest.mark.parametrize(("table", "interval"), PUBLISHED)
def test_published_intervals(table, interval):
    wins, losses, n, level = table
    low, high = Tango(wins, losses, n).interval(level)
    assert (round(low, 3), round(high, 3)) == interval


def test_mcnemar_at_zero():
    assert tango_z(30, 12, 500, 0.0) == pytest.approx((30 - 12) / math.sqrt(42), rel=1e-14)


@settings(max_examples=100, deadline=None)
@given(counts, st.floats(0, 0.6))
def test_constrained_rate_maximises_the_likelihood(table, difference):
    wins, losses, n = table
    assume(n > 0)
    found = constrained_loss_rate(wins, losses, n, difference)
    top = (1 - difference) / 2
    assert -1e-12 <= found <= top + 1e-12

    def likelihood(q):
        cells = ((wins, q + difference), (losses, q), (n - wins - losses, 1 - 2 * q - difference))
        if any(count and p <= 0 for count, p in cells):
            return -math.inf
        return sum(count * math.log(p) for count, p in cells if count)

    best = likelihood(min(max(found, 0.0), top))
    grid = [likelihood(q) for q in np.linspace(0, top, 200)]
    assert best >= max(grid) - 1e-9 * max(1, abs(max(grid)))


@settings(max_examples=200, deadline=None)
@given(counts, st.floats(-0.9, 0.9), st.sampled_from([0.05, 0.0025]))
def test_exchange_flips_signs_exactly(table, difference, level):
    wins, losses, n = table
    assume(n > 0)
    assert tango_z(wins, losses, n, difference) == -tango_z(losses, wins, n, -difference)
    low, high = Tango(wins, losses, n).interval(level)
    assert Tango(losses, wins, n).interval(level) == (-high, -low)
    assert -1 <= low <= (wins - losses) / n <= high <= 1


@settings(max_examples=200, deadline=None)
@given(counts, st.floats(-0.5, 0.5), st.sampled_from([0.05, 0.0025]))
def test_the_bound_inverts_the_test(table, difference, level):
    wins, losses, n = table
    assume(n > 0)
    test = Tango(wins, losses, n)
    bound = test.lower(level)
    assume(abs(bound - difference) > 1e-9)
    assert (test.p_value(difference) < level) == (bound > difference)


def test_no_discordant_examples():
    assert Tango(0, 0, 100).p_value(0.0) == 0.5
    assert Tango(0, 0, 100).p_value(0.001) > 0.5
    low, high = Tango(0, 0, 100).interval(0.05)
    assert low == -high
    assert low < 0


@pytest.mark.slow
@pytest.mark.parametrize("n", [500, 2_000, 10_000])
@pytest.mark.parametrize("discordance", [0.05, 0.2])
@pytest.mark.parametrize("level", [0.05, 0.0025])
def test_exact_size_on_the_boundary(n, discordance, level):
    """Not a simulation: the rejection probability at Δ = 10 bps, summed over all tables."""
    from scipy.stats import binom

    null = 0.001
    z = normal_quantile(level)
    share = (discordance + null) / 2 / discordance
    size = 0.0
    for m in range(int(binom.ppf(1e-7, n, discordance)), int(binom.isf(1e-7, n, discordance)) + 1):
        low, high = 0, m + 1
        while low < high:
            wins = (low + high) // 2
            if tango_z(wins, m - wins, n, null) >= z:
                high = wins
            else:
                low = wins + 1
        size += binom.pmf(m, n, discordance) * binom.sf(low - 1, m, share)
    assert 0.7 * level < size <= 1.02 * level
