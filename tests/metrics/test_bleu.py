"""BLEU equals sacrebleu's, segment by segment and as a corpus, or raises where that is 0."""

import math
import time

import numpy as np
import pytest
import sacrebleu
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric

CLOSE = 1e-12
WORDS = [
    "the",
    "The",
    "cat",
    "sat",
    "on",
    "it.",
    "mat,",
    "42",
    "«été»",
    "-",
    "3.14",
    "don't",
    "猫",
    "",
]

sentence = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
segment = st.tuples(sentence, st.lists(sentence, min_size=1, max_size=3))
corpus = st.lists(segment, min_size=1, max_size=6)
OPTIONS = st.fixed_dictionaries(
    {
        "tokenize": st.sampled_from(["13a", "intl", "zh", "char", "none"]),
        "lowercase": st.booleans(),
        "smoothing": st.sampled_from(
            [("exp", None), ("floor", None), ("floor", 0.3), ("add-k", None), ("add-k", 2.0)]
        ),
    }
)


def theirs(segments, *, smoothing, **options):
    """sacrebleu wants as many references of every segment; it leaves out those that are None."""
    most = max(len(references) for _, references in segments)
    columns = [
        [references[at] if at < len(references) else None for _, references in segments]
        for at in range(most)
    ]
    method, value = smoothing
    scorer = sacrebleu.BLEU(smooth_method=method, smooth_value=value, **options)
    return scorer.corpus_score([said for said, _ in segments], columns)


@settings(max_examples=200, deadline=None)
@given(corpus, OPTIONS)
def test_corpus(segments, options):
    expected = theirs(segments, **options)
    method, value = options.pop("smoothing")
    bleu = metric("bleu", smooth_method=method, smooth_value=value, **options)
    said = [said for said, _ in segments]
    references = [references for _, references in segments]
    # Where sacrebleu answers 0, and where it divides a smoothed nothing by nothing.
    if expected.score == 0 or not all(expected.totals):
        with pytest.raises(MetricUndefined):
            bleu.score(references, said)
        return
    assert bleu.score(references, said) == pytest.approx(expected.score / 100, rel=CLOSE)
    statistics = bleu.statistics(references, said)
    assert statistics.sum(axis=0)[:2].tolist() == [expected.sys_len, expected.ref_len]
    totals = statistics.sum(axis=0)[6:10] + (value or 1.0) * (method == "add-k") * np.array(
        [0, 1, 1, 1]
    )
    assert totals.tolist() == pytest.approx(list(expected.totals))


def test_one_reference_as_a_string_is_a_list_of_one():
    bleu = metric("bleu")
    said = ["the cat sat on the mat", "a dog"]
    flat, nested = ["the cat sat on a mat", "a dog ran"], [["the cat sat on a mat"], ("a dog ran",)]
    assert bleu.score(flat, said) == bleu.score(nested, said)
    assert bleu.score(np.array(flat), np.array(said)) == bleu.score(flat, said)


@settings(max_examples=60, deadline=None)
@given(corpus, st.sampled_from(["exp", "floor", "add-k"]))
def test_gradient_where_it_exists(segments, method):
    bleu = metric("bleu", smooth_method=method).bind([references for _, references in segments])
    said = [said for said, _ in segments]
    mean = bleu.statistics([references for _, references in segments], said).mean(axis=0)
    matches, totals = mean[2:6], mean[6:10]
    # Steps are relative: references without a word have no length to change.
    assume(matches.any() and totals.all() and mean[1] and mean[0] != mean[1])
    gradient = bleu.gradient(mean)
    for at in range(len(mean)):
        if 2 <= at < 6 and mean[at] == 0:
            # Where an order has no match its smoothing ends at the first one: a jump.
            continue
        step = np.zeros(len(mean))
        step[at] = 1e-6 * mean[at]
        slope = float(bleu.value(mean + step) - bleu.value(mean - step)) / (2e-6 * mean[at])
        assert gradient[at] == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_brevity_penalty_by_hand():
    # Three of four words, every n-gram matching: 1 × exp(1 − 5/4).
    assert metric("bleu").score(["a b c d e"], ["a b c d"]) == pytest.approx(math.exp(1 - 5 / 4))
    assert metric("bleu").score(["a b c d"], ["a b c d"]) == 1


def test_smoothing_refers_to_the_segments_of_the_whole():
    references = ["a b c d e", "f g h i j", "k l m n o"]
    said = ["a b c x e", "f g y i j", "k z m n o"]
    bound = metric("bleu", smooth_method="add-k").bind(references)
    assert bound.segments == 3
    whole = bound.statistics(references, said)
    expected = sacrebleu.corpus_bleu(said, [references], smooth_method="add-k").score / 100
    assert float(bound.value(whole.mean(axis=0))) == pytest.approx(expected, rel=CLOSE)
    assert float(bound.value(whole.sum(axis=0) * 7)) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize(
    ("references", "said", "why"),
    [
        (["a b c d e"], [""], "every hypothesis is empty"),
        (["a b c d e"], ["  "], "every hypothesis is empty"),
        (["a b c d e"], ["v w x y z"], "shares a word"),
        (["a b c d e"], ["a b c"], "has 4 tokens"),
    ],
)
def test_where_sacrebleu_says_zero(references, said, why):
    assert sacrebleu.corpus_bleu(said, [references]).score == 0
    with pytest.raises(MetricUndefined, match=why):
        metric("bleu").score(references, said)


def test_an_order_without_a_match_and_without_smoothing():
    with pytest.raises(MetricUndefined, match="smooth_method='exp'"):
        metric("bleu", smooth_method="none").score(["a b c d e"], ["a b x d e"])


def test_an_empty_hypothesis_among_others_counts_as_said():
    references, said = ["a b c d e", "f g h i j"], ["a b c d e", ""]
    expected = sacrebleu.corpus_bleu(said, [references]).score / 100
    assert metric("bleu").score(references, said) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"tokenize": "13b"}, "unknown tokenize '13b'; did you mean '13a'"),
        ({"tokenize": "flores200"}, "unknown tokenize"),
        ({"smooth_method": "add_k"}, "did you mean 'add-k'"),
        ({"smooth_value": 1.0}, "no meaning with smooth_method='exp'"),
        ({"smooth_method": "floor", "smooth_value": 0}, "positive"),
        ({"smooth_method": "floor", "smooth_value": "0.1"}, "to be a number"),
        ({"lowercase": 1}, "true or false"),
        ({"segments": 1.5}, "whole number"),
        ({"segments": 0}, "positive"),
    ],
)
def test_options_that_do_not_fit(options, why):
    with pytest.raises(InputError, match=why):
        metric("bleu", **options)


def test_a_tokeniser_whose_package_is_missing(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "MeCab", None)
    monkeypatch.delitem(sys.modules, "sacrebleu.tokenizers.tokenizer_ja_mecab", raising=False)
    with pytest.raises(InputError, match="the tokeniser 'ja-mecab' needs an extra"):
        metric("bleu", tokenize="ja-mecab").score(["a b c d"], ["a b c d"])


def test_counting_keeps_up_with_sacrebleu():
    rng = np.random.default_rng(0)
    words = np.array([f"w{at}" for at in range(500)])
    references = [" ".join(rng.choice(words, 25)) for _ in range(300)]
    said = [" ".join(rng.choice(words, 25)) for _ in range(300)]

    def least(work):
        took = []
        for _ in range(3):
            started = time.process_time()
            work()
            took.append(time.process_time() - started)
        return min(took)

    ours = least(lambda: metric("bleu").statistics(references, said))
    assert ours < 2 * least(lambda: sacrebleu.corpus_bleu(said, [references]))
