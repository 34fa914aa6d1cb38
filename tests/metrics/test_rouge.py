"""ROUGE equals rouge-score's to the last bit that matters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer, lcs_ind

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.metrics.subsequence import lcs_length, lcs_positions

NAMES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
WORDS = ["run", "running", "Runs", "the", "cat's", "3.5", "\n", "a-b", "été", "…"]

text = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
readable = text.map(lambda given: f"{given} Two words")
corpus = st.lists(
    st.tuples(text, st.lists(readable, min_size=1, max_size=3)), min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(corpus, st.booleans())
def test_mean_over_texts(pairs, stem):
    scorer = RougeScorer(NAMES, use_stemmer=stem)
    told = [scorer.score_multi(references, said) for said, references in pairs]
    said, references = [said for said, _ in pairs], [references for _, references in pairs]
    for name in NAMES:
        expected = sum(each[name].fmeasure for each in told) / len(told)
        found = metric(name, use_stemmer=stem).score(references, said)
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)


letters = st.lists(st.sampled_from("abc"), max_size=12)


@settings(max_examples=200, deadline=None)
@given(letters, letters)
def test_common_subsequences_are_those_of_the_table(first, second):
    positions = lcs_positions(first, second)
    assert positions == lcs_ind(first, second)
    assert lcs_length(first, second) == len(positions)


def test_long_texts_pass_the_machine_word():
    first = [str(at % 17) for at in range(300)]
    second = [str(at % 13) for at in range(280)]
    assert lcs_positions(first, second) == lcs_ind(first, second)


def test_by_hand():
    # Three of four words in both: precision 3/4, recall 3/4; two of three pairs.
    assert metric("rouge1").score(["a b c d"], ["a b c e"]) == pytest.approx(3 / 4)
    assert metric("rouge2").score(["a b c d"], ["a b c e"]) == pytest.approx(2 / 3)
    assert metric("rougeL").score(["a b c d"], ["d a c b"]) == pytest.approx(2 / 4)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_without_words_scores_nothing(name):
    assert metric(name).score(["one two", "one two"], ["", "one two"]) == pytest.approx(1 / 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reference", ["", "?!", "猫が座った", ["", "…"]])
def test_references_that_rouge_cannot_read(name, reference):
    with pytest.raises(MetricUndefined, match="position 1 has too few words"):
        metric(name).score(["one two", reference], ["one two", "one two"])


def test_pairs_of_words_need_two():
    with pytest.raises(MetricUndefined, match="rouge2 is undefined"):
        metric("rouge2").score(["one"], ["one"])


def test_options_that_do_not_fit():
    with pytest.raises(InputError, match="true or false"):
        metric("rouge1", use_stemmer="yes")
