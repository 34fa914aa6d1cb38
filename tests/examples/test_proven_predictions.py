"""The example whose predictions are proven: its recipe can be, and is better with the archive."""

import pandas as pd
from test_example_data import EXAMPLES, Example

from hokusai_mlflow.metrics import metric
from hokusai_mlflow.verification.zk.quantised import quantise, require_kind


def test_whole_numbers_follow_both_models_and_the_archive_helps(tmp_path):
    example = Example("proven_predictions", tmp_path)
    assert example.spec.proof.prove_inference
    require_kind(example.build(0))
    parts = example.parts()
    reference, judged = parts["reference"], parts["holdout-1"]
    champion = example.fit(reference)
    first = quantise(champion, reference.features)
    everything = pd.concat([reference.features, example.contributions[0].features])
    candidate = example.fit(reference, example.contributions[0])
    second = quantise(candidate, everything, like=first)
    assert min(first.agreement, second.agreement) >= 0.99
    assert first.shape == second.shape
    accuracy = metric("accuracy")
    scores = [
        accuracy.score(judged.targets, made.predict(judged.features)) for made in (first, second)
    ]
    assert scores[1] - scores[0] > 0.05


def test_the_same_bytes_every_time(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Example("proven_predictions", tmp_path / folder)
    for name in ("pool.csv", "archive.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (EXAMPLES / "proven_predictions" / "README.md").exists()
