"""Perplexity from summed nats and from token log-likelihoods."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric

perplexity = metric("perplexity")
texts = st.lists(
    st.lists(st.floats(-30, 0, allow_subnormal=False), min_size=1, max_size=9),
    min_size=1,
    max_size=9,
)


@settings(max_examples=100, deadline=None)
@given(texts)
def test_both_forms_are_the_definition(texts):
    tokens = [len(text) for text in texts]
    expected = math.exp(-math.fsum(x for text in texts for x in text) / sum(tokens))
    assert perplexity.score(tokens, texts) == pytest.approx(expected, rel=1e-12)
    summed = [-math.fsum(text) for text in texts]
    assert perplexity.score(tokens, summed) == pytest.approx(expected, rel=1e-12)


def test_scikit_learn_calls_it_log_loss():
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(5), 60)
    said = rng.integers(0, 5, 60)
    nats = -np.log(shares[np.arange(60), said])
    expected = math.exp(log_loss(said, shares, labels=range(5)))
    assert perplexity.score(np.ones(60), nats) == pytest.approx(expected, rel=1e-12)


def test_sequences_of_any_kind():
    logs = [[-1.0, -2.0], [-0.5, -0.25]]
    expected = perplexity.score([2, 2], logs)
    assert perplexity.score([2, 2], np.array(logs)) == expected
    assert perplexity.score([2, 2], [np.array(text) for text in logs]) == expected
    ragged = np.empty(2, dtype=object)
    ragged[:] = [(-1.0,), (-0.5, -0.25)]
    assert perplexity.score([1, 2], ragged) == pytest.approx(math.exp(1.75 / 3))


def test_improvement_is_nats_per_token_saved():
    tokens = np.array([10, 20])
    worse, better = np.array([30.0, 60.0]), np.array([28.0, 56.0])
    saved = perplexity.utility(perplexity.score(tokens, better)) - perplexity.utility(
        perplexity.score(tokens, worse)
    )
    assert saved == pytest.approx(6 / 30, rel=1e-12)


@pytest.mark.parametrize(
    ("tokens", "output", "why"),
    [
        ([2, 3], [[-1.0, -1.0], [-1.0, -1.0]], "expected 3 .* position 1, found 2; the tokenisers"),
        ([1, 1], [[-1.0], [0.5]], "turn the sign round"),
        ([1, 1], [1.0, -0.5], "turn the sign round"),
        ([1, 1], [[-1.0], [float("-inf")]], "finite"),
        ([1, 1], [[-1.0], []], "at least one"),
        ([1, 1], [[-1.0], -1.0], "text 1"),
        ([1, 1], [[-1.0], None], "text 1"),
        ([1, 1], [["-1"], ["-1"]], "expected numbers, found strings"),
        ([1, 1], [float("nan"), 1.0], "finite"),
        ([1, 1.5], [1.0, 1.0], "whole numbers, found 1.5 at position 1"),
        ([1, -1], [1.0, 1.0], "whole numbers"),
        (["1", "1"], [1.0, 1.0], "found strings"),
        ([1, 1, 1], [1.0, 1.0], "found 2 predictions for 3"),
        ([1, 1, 1], [[-1.0], [-1.0]], "found 2 predictions for 3"),
        (None, [1.0, 1.0], "found None"),
        ([1, 1], "-1 -1", "token|expected"),
    ],
)
def test_input_that_does_not_fit(tokens, output, why):
    with pytest.raises(InputError, match=why):
        perplexity.score(tokens, output)


def test_no_tokens():
    with pytest.raises(MetricUndefined, match="position 1 has no tokens"):
        perplexity.score([1, 0], [1.0, 0.0])


def test_overflow_is_not_infinity():
    with pytest.raises(MetricUndefined, match="1000 nats per token"):
        perplexity.score([1], [1000.0])
