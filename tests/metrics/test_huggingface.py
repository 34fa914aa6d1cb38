"""Metrics as objects of Hugging Face's evaluate: the same value, no network, no files."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.metrics import metric, metric_names
from hokusai_mlflow.metrics.huggingface import evaluate_metric

WORDS = ["the", "cat", "sat", "on", "a", "mat", "with", "two", "dogs", "and", "one", "bird"]


def text(rng):
    return " ".join(rng.choice(WORDS, rng.integers(5, 12)))


def example(output, n=40, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    return {
        "label": lambda: (truth, np.where(rng.random(n) < 0.8, truth, 1 - truth)),
        "score": lambda: (truth, truth + rng.normal(size=n)),
        "value": lambda: (rng.normal(size=n), rng.normal(size=n)),
        "text": lambda: ([text(rng) for _ in range(n)], [text(rng) for _ in range(n)]),
        "loglik": lambda: (truth + 3, rng.gamma(5, 1, n)),
        "ratings": lambda: (None, rng.choice([0, 0.5, 1], n)),
    }[output]()


@pytest.mark.parametrize("name", metric_names())
def test_every_metric_to_the_bit(name):
    options = {"low": 0, "high": 1} if name == "human_score" else {}
    chosen = metric(name, **options)
    references, predictions = example(chosen.output if chosen.needs_targets else "ratings")
    ours = evaluate_metric(name, **options)
    expected = {name: chosen.score(references, predictions)}
    assert ours.compute(predictions=predictions, references=references) == expected
    assert ours.name == name
    # Kept in parts, then computed, twice.
    for _ in range(2):
        for part in (slice(0, 11), slice(11, None)):
            given = None if references is None else references[part]
            ours.add_batch(predictions=predictions[part], references=given)
        assert len(ours) == 40
        assert ours.compute() == expected
        assert len(ours) == 0


def test_scores_of_classes_and_token_by_token():
    rng = np.random.default_rng(0)
    truth, shares = rng.integers(0, 3, 30), rng.dirichlet(np.ones(3), 30)
    ours = evaluate_metric("roc_auc", average="macro")
    expected = metric("roc_auc", average="macro").score(truth, shares)
    for row, label in zip(shares, truth, strict=True):
        ours.add(prediction=row, reference=label)
    assert ours.compute() == {"roc_auc": expected}
    logs = [[-1.0, -2.0], [-0.5]]
    assert evaluate_metric("perplexity").compute(predictions=logs, references=[2, 1]) == {
        "perplexity": metric("perplexity").score([2, 1], logs)
    }


def test_combined():
    import evaluate

    references, predictions = example("text")
    names = ("bleu", "rouge1", "rougeL")
    combined = evaluate.combine([evaluate_metric(name) for name in names])
    expected = {name: metric(name).score(references, predictions) for name in names}
    assert combined.compute(predictions=predictions, references=references) == expected
    combined.add_batch(predictions=predictions[:-1], references=references[:-1])
    combined.add(prediction=predictions[-1], reference=references[-1])
    assert combined.compute() == expected
    twice = evaluate.combine(
        {"plain": evaluate_metric("bleu"), "folded": evaluate_metric("bleu", lowercase=True)}
    )
    assert set(twice.compute(predictions=predictions, references=references)) == {
        "plain_bleu",
        "folded_bleu",
    }


def test_nothing_is_cast_on_the_way():
    with pytest.raises(InputError, match="probabilities"):
        evaluate_metric("accuracy").compute(predictions=[0.7, 0.2], references=[1, 0])
    with pytest.raises(InputError, match="found strings"):
        evaluate_metric("mse").compute(predictions=["1", "2"], references=[1, 2])
    with pytest.raises(InputError, match="found None"):
        evaluate_metric("bleu").compute(predictions=[None, "a"], references=["a", "b"])


def test_what_does_not_fit():
    accuracy = evaluate_metric("accuracy")
    with pytest.raises(InputError, match="expected predictions, found none"):
        accuracy.compute()
    with pytest.raises(InputError, match="options are bound already"):
        accuracy.compute(predictions=[1], references=[1], normalize=False)
    with pytest.raises(InputError, match="reference for each of 2"):
        accuracy.add_batch(predictions=[1, 0], references=[1])
    with pytest.raises(InputError, match="found None"):
        accuracy.compute(predictions=[1, 0])
    with pytest.raises(UnknownName, match="did you mean 'bleu'"):
        evaluate_metric("blue")
    with pytest.raises(InputError, match="bound already; drop cap"):
        evaluate_metric(metric("mse"), cap=3)


def test_without_network_and_files(tmp_path):
    script = """
        import json, socket, sys

        def refused(*given, **options):
            raise AssertionError("a metric asked the network")

        socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
        from hokusai_mlflow.metrics.huggingface import evaluate_metric
        import hokusai_mlflow
        before = "evaluate" in sys.modules
        bleu, rouge = evaluate_metric("bleu"), evaluate_metric("rouge1")
        said = {"predictions": ["a b c d e"], "references": ["a b c d f"]}
        found = {**bleu.compute(**said), **rouge.compute(**said)}
        print(json.dumps([before, found]))
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    before, found = json.loads(ran.stdout)
    # Loading it takes seconds, so it is loaded when it is first needed.
    assert not before
    assert found == {
        name: metric(name).score(["a b c d f"], ["a b c d e"]) for name in ("bleu", "rouge1")
    }
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
