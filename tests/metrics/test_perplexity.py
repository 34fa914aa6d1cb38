"""Perplexity from summed nats and from token log-likelihoods."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores

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
        (["1", "1"], [1.0, 1.0], "expected the log-likelihood of every token"),
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


def said(tokenizer, *texts):
    return [{"tokenizer": tokenizer, "log_likelihoods": np.array(text)} for text in texts]


TEXTS = ["né", "abc"]
LOGS = ([-1.0, -2.0], [-0.5, -0.25, -0.25])


def test_texts_bring_their_own_counts():
    expected = math.exp(4 / 5)
    assert perplexity.score(TEXTS, said("one", *LOGS)) == pytest.approx(expected, rel=1e-12)
    assert perplexity.score(np.array(TEXTS), list(LOGS)) == pytest.approx(expected, rel=1e-12)
    # n, é in two bytes, a, b, c.
    by_byte = metric("perplexity", per="byte")
    for output in (said("one", *LOGS), list(LOGS), [3.0, 1.0]):
        assert by_byte.score(TEXTS, output) == pytest.approx(math.exp(4 / 6), rel=1e-12)


def test_other_tokenisers_compare_per_byte_only():
    whole = said("words", [-2.0], [-1.5])
    with pytest.raises(InputError, match="tokeniser is one, the candidate's words; score both"):
        compare_outputs(perplexity, TEXTS, said("one", *LOGS), whole)
    # Equal counts are not enough: other tokens of the same number are other tokens.
    with pytest.raises(InputError, match="do not compare"):
        paired_scores(perplexity, TEXTS, said("one", *LOGS), said("two", *LOGS))
    with pytest.raises(InputError, match="neither model says"):
        compare_outputs(perplexity, TEXTS, list(LOGS), list(LOGS))
    with pytest.raises(InputError, match="other numbers of tokens"):
        compare_outputs(perplexity, TEXTS, said("one", *LOGS), said("one", [-1.0], LOGS[1]))
    by_byte = metric("perplexity", per="byte")
    found = compare_outputs(by_byte, TEXTS, said("one", *LOGS), whole)
    assert found.improvement == pytest.approx((4 - 3.5) / 6, rel=1e-12)
    assert by_byte.score(TEXTS, said("a", LOGS[0]) + said("b", LOGS[1])) > 1
    with pytest.raises(InputError, match="texts were cut by a, b"):
        perplexity.score(TEXTS, said("a", LOGS[0]) + said("b", LOGS[1]))


@pytest.mark.parametrize(
    ("targets", "output", "why"),
    [
        (TEXTS, said("one", [-1.0], []), "position 1 has no tokens"),
        (TEXTS, said("one", [-1.0], [0.5]), "turn the sign round"),
        (TEXTS, said("one", [-1.0], [math.nan]), "finite"),
        (TEXTS, said("one", [-1.0]), "found 1 predictions for 2"),
        (TEXTS, [{"tokenizer": "one"}, {"tokenizer": "one"}], "found tokenizer"),
        (TEXTS, said(None, *LOGS), "expected tokenizer"),
        (["a", 1], said("one", *LOGS), "int 1 at position 1"),
    ],
)
def test_texts_that_do_not_fit(targets, output, why):
    with pytest.raises(InputError, match=why):
        perplexity.score(targets, output)


def test_bytes_need_texts():
    by_byte = metric("perplexity", per="byte")
    with pytest.raises(InputError, match="needs the texts"):
        by_byte.score([2, 3], list(LOGS))
    with pytest.raises(InputError, match="UTF-8"):
        by_byte.score(["\ud800", "a"], list(LOGS))
    with pytest.raises(InputError, match="unknown per 'word'"):
        metric("perplexity", per="word")
    with pytest.raises(MetricUndefined, match="no bytes"):
        by_byte.score(["", "a"], said("one", [], [-1.0]))
