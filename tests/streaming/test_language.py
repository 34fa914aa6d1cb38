"""Metrics of texts, log-likelihoods and scores computed elsewhere, in parts."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hokusai_mlflow.metrics import metric, score_metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.partial import PartialComparison
from hokusai_mlflow.streaming import compare_parquet

N = 200


def assert_equal(found, expected):
    found, expected = found.to_dict(), expected.to_dict()
    for name, value in expected.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        else:
            assert found[name] == value, name


def in_parts(one, columns):
    total = PartialComparison.empty()
    for start, end in ((0, 1), (1, 90), (90, N)):
        part = [None if column is None else column[start:end] for column in columns]
        total += PartialComparison.of([one], *part)
    return total.finish(one)


def rng():
    return np.random.default_rng(0)


def sentences(rate):
    words = np.array(["the", "cat", "sat", "on", "a", "mat", "and", "saw", "two", "dogs", "run"])
    truth = np.random.default_rng(1).choice(words, (N, 8))
    noise = np.random.default_rng(int(rate * 100)).choice(words, (N, 8))
    kept = np.random.default_rng(2).random((N, 8)) < rate
    return [" ".join(line) for line in np.where(kept, truth, noise)]


def test_perplexity(tmp_path):
    tokens = rng().integers(3, 40, N)
    said_b, said_c = tokens * rng().gamma(20, 0.1, N), tokens * rng().gamma(19, 0.1, N)
    one = metric("perplexity")
    expected = compare_outputs(one, tokens, said_b, said_c)
    assert_equal(in_parts(one, [tokens, said_b, said_c]), expected)
    table = pa.table({"tokens": tokens, "b": said_b, "c": said_c})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=30)
    found = compare_parquet(
        tmp_path / "x.parquet", target="tokens", baseline="b", candidate="c", metrics=[one]
    )
    assert_equal(found["perplexity"], expected)


def test_token_log_likelihoods_in_lists(tmp_path):
    tokens = rng().integers(1, 9, N)
    said = [[(-rng().gamma(2, scale, n)).tolist() for n in tokens] for scale in (1.0, 0.9)]
    said[1][0] = [-0.5] * int(tokens[0])
    one = metric("perplexity")
    table = pa.table({"tokens": tokens, "b": said[0], "c": said[1]})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=30)
    found = compare_parquet(
        tmp_path / "x.parquet", target="tokens", baseline="b", candidate="c", metrics=[one]
    )
    assert_equal(found["perplexity"], compare_outputs(one, tokens, *said))


@pytest.mark.parametrize("name", ["bleu", "rougeL"])
def test_texts(tmp_path, name):
    truth, said_b, said_c = sentences(1.0), sentences(0.7), sentences(0.75)
    one = metric(name)
    expected = compare_outputs(one, truth, said_b, said_c)
    assert_equal(in_parts(one, [truth, said_b, said_c]), expected)
    pq.write_table(pa.table({"t": truth, "b": said_b, "c": said_c}), tmp_path / "x.parquet")
    found = compare_parquet(
        tmp_path / "x.parquet", target="t", baseline="b", candidate="c", metrics=[one]
    )
    assert_equal(found[name], expected)


def test_scores_computed_elsewhere(tmp_path):
    said = rng().random((2, N))
    one = metric("mean_score")
    expected = compare_outputs(one, None, *said)
    assert_equal(in_parts(one, [None, *said]), expected)
    pq.write_table(pa.table({"b": said[0], "c": said[1]}), tmp_path / "x.parquet")
    found = compare_parquet(
        tmp_path / "x.parquet", target=None, baseline="b", candidate="c", metrics=["mean_score"]
    )
    assert_equal(found["mean_score"], expected)


def _near(truth, said):
    return (np.abs(np.asarray(truth) - np.asarray(said)) < 0.5).astype(float)


def test_a_metric_of_ones_own():
    truth = rng().normal(0, 1, N)
    columns = [truth, truth + rng().normal(0, 1, N), truth + rng().normal(0, 0.8, N)]
    one = score_metric("near", _near, direction="higher", output="value", version="1")
    assert_equal(in_parts(one, columns), compare_outputs(one, *columns))
