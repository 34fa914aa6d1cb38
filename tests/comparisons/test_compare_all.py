"""Several comparisons at once: each is `compare`'s own, and together they keep the level."""

import json

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow import GatePolicy, compare, compare_all, metric
from hokusai_mlflow.comparisons import Comparisons
from hokusai_mlflow.comparisons.intervals import interval_bps
from hokusai_mlflow.errors import InputError, MetricUndefined, UnknownName
from hokusai_mlflow.stats.tango import Tango

N = 600
RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, N)
OLD = np.where(RNG.random(N) < 0.75, TRUTH, 1 - TRUTH)
NEW = np.where(RNG.random(N) < 0.9, TRUTH, 1 - TRUTH)
OLD_SCORE, NEW_SCORE = (0.3 + 0.4 * said + RNG.normal(0, 0.1, N) for said in (OLD, NEW))
REGION = RNG.choice(["east", "west"], N)
BOTH = {"label": OLD, "score": OLD_SCORE}, {"label": NEW, "score": NEW_SCORE}


def test_every_row_is_a_comparison_of_its_own():
    weights, groups = RNG.random(N), np.arange(N) // 3
    found = compare_all(
        TRUTH,
        *BOTH,
        metrics=["accuracy", "roc_auc", metric("f1", average="macro")],
        slices={"region": REGION},
        groups=groups,
        weights=weights,
        level=0.02,
        min_effect_bps=25,
    )
    assert [row.name for row in found] == [
        "accuracy",
        "roc_auc",
        "f1",
        "region = east",
        "region = west",
    ]
    usual = {"level": 0.02, "min_effect_bps": 25}
    both = {"groups": groups, "weights": weights}
    assert found["accuracy"] == compare(TRUTH, OLD, NEW, metric="accuracy", **both, **usual)
    assert found["roc_auc"] == compare(
        TRUTH, OLD_SCORE, NEW_SCORE, metric="roc_auc", **both, **usual
    )
    east = REGION == "east"
    part = compare(
        TRUTH[east],
        OLD[east],
        NEW[east],
        metric="accuracy",
        groups=groups[east],
        weights=weights[east],
        **usual,
    )
    assert found["region = east"] == part
    assert found.primary is found.rows[0].comparison


def test_holm_and_bonferroni_over_the_other_rows():
    found = compare_all(
        TRUTH, *BOTH, metrics=["accuracy", "f1", "roc_auc"], slices={"region": REGION}
    )
    primary, others = found.rows[0], found.rows[1:]
    assert primary.p_adjusted == primary.comparison.p_value
    assert primary.adjusted_low_bps == primary.comparison.ci_low_bps
    p = sorted((row.comparison.p_value, row.p_adjusted) for row in others)
    highest = 0.0
    for rank, (raw, adjusted) in enumerate(p):
        highest = max(highest, min(1.0, raw * (len(p) - rank)))
        assert adjusted == pytest.approx(highest)
    for row in others:
        assert row.adjusted_low_bps < row.comparison.ci_low_bps
        assert row.adjusted_high_bps > row.comparison.ci_high_bps


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "f1", "mse"])
@pytest.mark.parametrize("groups", [None, np.arange(N) // 3, (np.arange(N) // 30, REGION)])
def test_intervals_of_any_level_are_the_comparison_s_own(name, groups):
    said = (OLD_SCORE, NEW_SCORE) if name in ("roc_auc", "mse") else (OLD, NEW)
    found = compare(TRUTH, *said, metric=name, groups=groups)
    low, high = interval_bps(found, 0.05)
    assert (low, high) == pytest.approx((found.ci_low_bps, found.ci_high_bps), rel=1e-9)
    # The lower bound at a one-sided level is the end of the interval at twice that level.
    at_one = compare(TRUTH, *said, metric=name, groups=groups, level=0.01)
    assert interval_bps(found, 0.02)[0] == pytest.approx(at_one.lower_bound_bps, rel=1e-9)


def test_findings():
    better = compare_all(TRUTH, OLD, NEW, metrics="accuracy").rows[0]
    worse = compare_all(TRUTH, NEW, OLD, metrics="accuracy").rows[0]
    same = compare_all(TRUTH, OLD, OLD, metrics="accuracy").rows[0]
    assert [row.finding for row in (better, worse, same)] == ["better", "worse", "undecided"]
    assert Tango(*better.comparison.discordant, N).p_value(0.001) < 0.05


def test_equal_models_are_seldom_called_better_on_any_slice():
    draws, wrong = 200, 0
    rng = np.random.default_rng(5)
    for _ in range(draws):
        truth = rng.integers(0, 2, 400)
        old, new = (np.where(rng.random(400) < 0.8, truth, 1 - truth) for _ in range(2))
        found = compare_all(
            truth,
            old,
            new,
            metrics="accuracy",
            slices={"part": rng.integers(0, 8, 400)},
            min_effect_bps=0,
        )
        wrong += any(row.finding == "better" for row in found.rows[1:])
    assert wrong / draws <= 0.05 + 3 * (0.0475 / draws) ** 0.5


def test_slices_that_cannot_be_judged_say_why():
    one = np.arange(N) < 1
    ones = TRUTH == 1
    found = compare_all(
        TRUTH, OLD_SCORE, NEW_SCORE, metrics="roc_auc", slices={"one": one, "ones": ones}
    )
    assert [row.finding for row in found.rows[1:]] == ["undefined", "undefined"]
    assert "class" in found.rows[2].undefined or "negative" in found.rows[2].undefined
    assert found.rows[1].comparison is None
    with pytest.raises(UnknownName, match="ones has no comparison"):
        found["ones"]
    with pytest.raises(UnknownName, match="did you mean 'one' or 'ones'"):
        found["onse"]


def test_series_are_paired_by_index_slices_too():
    index = [f"e{at}" for at in range(N)]
    truth, region = (pd.Series(values, index=index) for values in (TRUTH, REGION))
    old, new = (pd.Series(v, index=index).sample(frac=1, random_state=1) for v in (OLD, NEW))
    found = compare_all(truth, old, new, metrics="accuracy", slices={"region": region})
    straight = compare_all(TRUTH, OLD, NEW, metrics="accuracy", slices={"region": REGION})
    assert found.to_dict() == straight.to_dict()


def test_a_verdict_spends_nothing_and_lists_what_does_not_apply():
    policy = GatePolicy(alpha=0.02, min_improvement_bps=50, detectable_bps=900)
    found = compare_all(TRUTH, OLD, NEW, metrics="accuracy", policy=policy)
    assert (found.primary.level, found.primary.min_effect_bps) == (0.02, 50)
    outcomes = {finding.code: finding.outcome for finding in found.decision.findings}
    assert outcomes["cross-validation"] == "not_applicable"
    assert outcomes["significance"] == "passed"
    assert found.decision.verdict == "promote"
    for told in (found.to_text(), found.to_markdown(), found.to_html(), str(found.to_dict())):
        assert "spends no look of a sealed hold-out and promotes nothing" in " ".join(told.split())
    same = compare_all(TRUTH, OLD, OLD, metrics="accuracy", policy={})
    assert "distinct-models" in [finding.code for finding in same.decision.reasons]
    assert same.decision.verdict != "promote"


def test_guardrails_of_a_policy():
    policy = {
        "detectable_bps": 900,
        "guardrails": [
            {"margin_bps": 1, "slice": {"region": "east"}},
            {"metric": "f1", "margin_bps": 900},
        ],
    }
    found = compare_all(
        TRUTH, OLD, NEW, metrics="accuracy", policy=policy, slices={"region": REGION}
    )
    guardrails = next(f for f in found.decision.findings if f.code == "guardrails")
    assert guardrails.outcome in ("passed", "insufficient", "failed")
    assert "of 4" in guardrails.message
    with pytest.raises(UnknownName, match="slice column 'region'; give it with slices"):
        compare_all(TRUTH, OLD, NEW, metrics="accuracy", policy=policy)
    with pytest.raises(InputError, match="without weights"):
        compare_all(
            TRUTH,
            OLD,
            NEW,
            metrics="accuracy",
            policy={},
            slices={"region": REGION},
            weights=np.ones(N),
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"metrics": []}, "at least one"),
        ({"metrics": ["f1", "f1"]}, "found f1.* twice"),
        ({"metrics": ["acuracy"]}, "did you mean 'accuracy'"),
        ({"slices": {"region": REGION[:5]}}, "'region': expected one slice per example"),
        ({"slices": {"region": [None] * N}}, "found None"),
        ({"slices": {"x": np.arange(N)}}, "600 values, more than 50"),
        ({"slices": {"x": np.zeros(N)}}, "one value only"),
        ({"slices": {"x": np.ones(N, bool)}}, "some examples in it and some not"),
        ({"policy": {"alhpa": 0.1}}, "did you mean 'alpha'"),
        ({"policy": 3}, "expected a mapping"),
        ({"baseline": {"score": OLD_SCORE}}, "needs the baseline's 'label' outputs"),
        ({"baseline": {}}, "empty mapping"),
        ({"groups": (REGION, REGION, REGION)}, "a tuple of 3"),
        ({"weights": -np.ones(N)}, "weights"),
        ({"baseline": OLD[:5]}, "one prediction per target"),
    ],
)
def test_bad_input(given, message):
    usual = {"targets": TRUTH, "baseline": OLD, "candidate": NEW, "metrics": "accuracy"}
    with pytest.raises(InputError, match=message):
        compare_all(**usual | given)


def test_an_undefined_metric_on_all_examples_is_an_error():
    with pytest.raises(MetricUndefined):
        compare_all(np.ones(N, int), OLD_SCORE, NEW_SCORE, metrics=["roc_auc"])


def test_the_dictionary_is_json_and_the_frame_has_the_same_figures():
    found = compare_all(TRUTH, *BOTH, metrics={"accuracy": None, "f1": {"average": "macro"}})
    assert isinstance(found, Comparisons)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    frame = found.to_frame()
    assert list(frame.index) == ["accuracy", "f1"]
    assert told["rows"][1]["comparison"]["p_value"] == frame.loc["f1", "p_value"]
    assert told["rows"][1]["metric"] == "f1(average=macro)"
