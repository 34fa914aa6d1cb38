"""What a spec of a model that people judge may say."""

import copy
from pathlib import Path

import pytest
import yaml

from hokusai_mlflow.errors import SpecError
from hokusai_mlflow.spec import load_spec

SPEC = yaml.safe_load(
    (Path(__file__).parents[1] / "examples" / "human_ratings" / "pipeline.yaml").read_text()
)


def loaded(tmp_path, **changes):
    given = copy.deepcopy(SPEC)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(given.get(key), dict):
            given[key] |= value
        else:
            given[key] = value
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(given))
    return load_spec(path)


def test_the_scale_binds_the_metric(tmp_path):
    spec = loaded(tmp_path, human={"scale": [0, 10]})
    assert spec.metric_options == {"low": 0, "high": 10}
    assert spec.automatic_metric == ("chrf", {})
    assert spec.gate.min_improvement_bps == 50


BAD = {
    "no scale": ({"human": {"scale": None}}, "ends of the rating scale"),
    "a scale upside down": ({"human": {"scale": [5, 1]}}, "lowest, highest"),
    "an endless scale": ({"human": {"scale": [1, float("inf")]}}, "lowest, highest"),
    "another metric": ({"metric": "preference", "metric_options": {}}, "pays human_score"),
    "two scales": ({"metric_options": {"low": 0, "high": 5}}, "human.scale says"),
    "one rater": ({"human": {"raters_per_item": 1}}, "raters_per_item"),
    "a proxy of people": ({"human": {"proxy": "human_score"}}, "human_score"),
    "blocks": ({"data": {"blocks": "catalogue"}}, "by block or slice"),
    "slices": ({"data": {"slices": ["catalogue"]}}, "by block or slice"),
    "a guardrail on ratings": (
        {"gate": {"guardrails": [{"margin_bps": 50, "slice": {"a": "b"}}]}},
        "a machine computes",
    ),
    "a proof": ({"verification": "zk"}, "human_score|circuit|oracle"),
    "people for another task": ({"task": "text_generation", "metric": "bleu"}, "needs task: human"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_hang_together_is_refused(tmp_path, name):
    changes, told = BAD[name]
    with pytest.raises(SpecError, match=told):
        loaded(tmp_path, **changes)
