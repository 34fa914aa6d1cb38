"""chrF equals sacrebleu's, as a corpus and by segment, or raises where that is 0."""

import numpy as np
import pytest
import sacrebleu
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric

CLOSE = 1e-12
WORDS = ["the", "The", "cat", "(sat)", "on", "it.", "mat,", "42", "«été»", "-", "'s", "猫", "a", ""]

sentence = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
segment = st.tuples(sentence, st.lists(sentence, min_size=1, max_size=3))
corpus = st.lists(segment, min_size=1, max_size=5)
OPTIONS = st.fixed_dictionaries(
    {
        "char_order": st.sampled_from([1, 4, 6]),
        "word_order": st.sampled_from([0, 1, 2]),
        "beta": st.sampled_from([1, 2, 3]),
        "lowercase": st.booleans(),
    }
)


def theirs(segments, **options):
    """sacrebleu wants as many references of every segment; it leaves out those that are None."""
    most = max(len(references) for _, references in segments)
    columns = [
        [references[at] if at < len(references) else None for _, references in segments]
        for at in range(most)
    ]
    return sacrebleu.CHRF(**options).corpus_score([said for said, _ in segments], columns).score


@settings(max_examples=200, deadline=None)
@given(corpus, OPTIONS)
def test_corpus(segments, options):
    expected, chrf = theirs(segments, **options), metric("chrf", **options)
    said = [said for said, _ in segments]
    references = [references for _, references in segments]
    if expected == 0:
        with pytest.raises(MetricUndefined, match="in common"):
            chrf.score(references, said)
        return
    assert chrf.score(references, said) == pytest.approx(expected / 100, rel=CLOSE)


@settings(max_examples=60, deadline=None)
@given(corpus, OPTIONS)
def test_gradient(segments, options):
    chrf = metric("chrf", **options)
    references = [references for _, references in segments]
    mean = chrf.statistics(references, [said for said, _ in segments]).mean(axis=0)
    assume(mean[2::3].any())
    gradient = chrf.gradient(mean)
    # An order that one side has no n-gram of begins to count with the first one: a jump.
    for at in np.flatnonzero(mean):
        step = np.zeros(len(mean))
        step[at] = 1e-6 * mean[at]
        slope = float(chrf.value(mean + step) - chrf.value(mean - step)) / (2 * step[at])
        assert gradient[at] == pytest.approx(slope, rel=1e-4, abs=1e-6)
    assert chrf.value(7 * mean) == pytest.approx(float(chrf.value(mean)), rel=CLOSE)


def test_by_hand():
    # One character of two on each side is common; no pair is.
    assert metric("chrf", char_order=1, beta=1).score(["ab"], ["bc"]) == pytest.approx(0.5)
    assert metric("chrf").score(["abcdefg"], ["abcdefg"]) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"char_order": 0}, "char_order"),
        ({"word_order": 1.5}, "word_order"),
        ({"beta": 0}, "beta"),
        ({"lowercase": 1}, "lowercase"),
    ],
)
def test_options_are_checked(options, told):
    with pytest.raises(InputError, match=told):
        metric("chrf", **options)


def test_length_ratio_by_hand():
    ratio = metric("length_ratio")
    references = ["one two three four", "one two", ["one two", "one two three four"], "one"]
    said = ["one two", "a b c d", "a b c", ""]
    assert ratio.statistics(references, said)[:, 0].tolist() == [0.5, 0.5, 0.75, 0]
    assert ratio.score(references, said) == pytest.approx(1.75 / 4)
    assert metric("length_ratio", unit="characters").score(["猫猫"], ["猫"]) == 0.5


def test_length_ratio_of_an_empty_reference():
    with pytest.raises(MetricUndefined, match="position 1 is empty"):
        metric("length_ratio").score(["a", " "], ["a", "b"])
