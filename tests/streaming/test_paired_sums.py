"""Exact paired sums in fixed-width arithmetic, against whole numbers of any size."""

from operator import mul
from time import process_time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.exact_sums import CHUNK

LARGEST = (2**53 - 1) / 1e9
scores = st.one_of(
    st.floats(-LARGEST, LARGEST).filter(lambda x: abs(round(x * 1e9)) < 2**53),
    st.floats(-1e-3, 1e-3),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 5e-10, -5e-10, 2**18 / 1e9, -(2**36) / 1e9, 9e6, -9e6]),
)


def naive(b, c):
    """The definition, in Python's integers."""
    b, c = ([int(x) for x in np.rint(np.asarray(s, dtype=float) * 10**9)] for s in (b, c))
    squares = [sum(map(mul, first, second)) for first, second in ((b, b), (c, c), (b, c))]
    return PairedSums(len(b), sum(b), sum(c), *squares)


@settings(max_examples=300)
@given(st.lists(st.tuples(scores, scores), max_size=50))
def test_equal_to_the_definition_to_the_last_unit(pairs):
    b, c = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert PairedSums.of(b, c) == naive(b, c)


def test_sums_of_many_chunks_of_the_largest_scores():
    rng = np.random.default_rng(0)
    n = 3 * CHUNK + 5
    b = rng.choice([-1, 1], n) * (9e6 - rng.random(n))
    c = np.where(rng.random(n) < 0.5, b, rng.normal(0, 1, n))
    assert PairedSums.of(b, c) == naive(b, c)
    assert PairedSums.of(np.full(n, -9e6), np.full(n, 9e6)) == naive([-9e6] * n, [9e6] * n)


def test_a_million_examples_take_a_fraction_of_a_second():
    b, c = np.random.default_rng(1).random((2, 1_000_000))

    def seconds():
        started = process_time()
        PairedSums.of(b, c)
        return process_time() - started

    # Of the processor, and the least of several: a busy machine only ever adds.
    assert min(seconds() for _ in range(5)) < 0.2
