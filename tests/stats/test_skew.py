"""Hall's transformation: its inverse, its limit, and what it is for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.stats.skew import SafeT, hall, hall_inverse, skewness


@settings(max_examples=300, deadline=None)
@given(st.floats(-30, 30), st.floats(-2, 2))
def test_inverse(y, a):
    # Near its flat point t = −3/a the transformation is not well conditioned, its value is.
    assert hall(hall_inverse(y, a), a) == pytest.approx(y, rel=1e-9, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(st.floats(-30, 30), st.floats(0, 5), st.floats(-2, 2))
def test_monotone(t, step, a):
    assert hall(t + step, a) >= hall(t, a) - 1e-9 * (1 + abs(hall(t, a)))


def test_without_skew_it_is_student():
    from scipy.stats import t as student

    test = SafeT(0.3, 0.1, 0.0, 25)
    assert test.p_value(0.1) == pytest.approx(student.sf(2.0, 24), rel=1e-12)
    assert test.lower(0.05) == pytest.approx(0.3 - 0.1 * student.isf(0.05, 24), rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.floats(-4, 4), st.floats(-4, 4), st.sampled_from([0.05, 0.0025]))
def test_the_bound_inverts_the_larger_p_value(estimate, skew, level):
    test = SafeT(estimate, 1.0, skew, 40)
    bound = test.lower(level)
    assert test.p_value(bound) == pytest.approx(level, rel=1e-6)


def test_skewness():
    from scipy.stats import skew

    values = np.random.default_rng(0).exponential(size=200)
    assert skewness(values) == pytest.approx(float(skew(values)), rel=1e-12)
    assert skewness(np.full(5, 0.1)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("sign", [1, -1])
def test_size_on_the_boundary_under_skew(sign):
    """The mean of skewed differences equals δ₀: rejections stay at the level, within 3 errors."""
    rng = np.random.default_rng(3)
    runs, n, level = 4_000, 200, 0.05
    rejected = student_rejected = 0
    for _ in range(runs):
        sample = sign * (rng.exponential(size=n) - 1)
        mean = float(sample.mean())
        test = SafeT.of(mean, sample - mean)
        rejected += test.p_value(0.0) <= level
        student_rejected += SafeT(mean, test.std_error, 0.0, n).p_value(0.0) <= level
    allowed = level + 3 * np.sqrt(level * (1 - level) / runs)
    assert rejected / runs <= allowed
    assert rejected <= student_rejected
