"""Label plans: which examples, and the same comparison from their labels alone."""

import json
import math
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from hokusai_mlflow import compare, compare_labelled, label_plan
from hokusai_mlflow.errors import InputError


def _models(n=2_000, seed=0, differing=0.1, better=0.5, classes=2):
    """Truth and two models' classes; where they differ, the candidate wins `better` of the time."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    wrong = (truth + 1) % classes
    baseline = np.where(rng.random(n) < 0.8, truth, wrong)
    candidate = baseline.copy()
    differ, win = rng.random(n) < differing, rng.random(n) < better
    baseline = np.where(differ, np.where(win, wrong, truth), baseline)
    candidate = np.where(differ, np.where(win, truth, wrong), candidate)
    return truth, baseline, candidate


def test_labelling_every_disagreement_is_the_full_comparison():
    truth, baseline, candidate = _models(better=0.7)
    plan = label_plan(baseline, candidate)
    full = compare(truth, baseline, candidate, metric="accuracy")
    found = compare_labelled(plan, truth[list(plan.to_label)])
    assert len(plan.to_label) == plan.disagreements == (baseline != candidate).sum()
    assert plan.effective_n == len(truth)
    assert (found.baseline, found.candidate, found.class_counts) == (None, None, None)
    for field in fields(full):
        if field.name not in ("baseline", "candidate", "class_counts"):
            mine, theirs = getattr(found, field.name), getattr(full, field.name)
            exact = isinstance(theirs, str | tuple) or theirs is None
            assert mine == (theirs if exact else pytest.approx(theirs, rel=1e-9)), field.name
    assert "? → ?" in found.summary


def test_a_label_that_neither_model_said_is_concordant():
    truth, baseline, candidate = _models(classes=3, seed=4)
    truth = np.where(np.arange(len(truth)) % 5 == 0, (truth + 2) % 3, truth)
    plan = label_plan(baseline, candidate)
    full = compare(truth, baseline, candidate, metric="accuracy")
    found = compare_labelled(plan, truth[list(plan.to_label)])
    assert sum(found.discordant) < plan.disagreements
    assert found.discordant == full.discordant
    assert found.p_value == pytest.approx(full.p_value, rel=1e-12)


def test_ids_make_the_choice_independent_of_the_order():
    _, baseline, candidate = _models()
    ids = np.array([f"e{at}" for at in range(len(baseline))])
    mixed = np.random.default_rng(1).permutation(len(ids))
    first = label_plan(baseline, candidate, ids=ids, budget=40, seed=7)
    second = label_plan(baseline[mixed], candidate[mixed], ids=ids[mixed], budget=40, seed=7)
    assert first == second
    assert first != label_plan(baseline, candidate, ids=ids, budget=40, seed=8)
    assert label_plan(baseline, candidate, ids=ids, budget=60, seed=7).to_label[:40] == (
        first.to_label
    )


def test_the_effective_number_of_examples():
    _, baseline, candidate = _models(differing=0.07, n=14_000)
    plan = label_plan(baseline, candidate)
    part = label_plan(baseline, candidate, budget=100)
    assert part.effective_n == pytest.approx(14_000 * 100 / plan.disagreements)
    assert len(plan.to_label) < 0.08 * plan.effective_n
    assert part.detectable_bps > plan.detectable_bps
    assert "100 of them, chosen at random" in part.to_text()
    assert json.loads(json.dumps(part.to_dict()))["effective_n"] == part.effective_n


def _rate(better, draws, *, budget=120, n=1_500, min_effect_bps=0.0):
    """Share of draws in which a plan with a budget finds the candidate better."""
    found = 0
    for seed in range(draws):
        truth, baseline, candidate = _models(n, seed=seed, differing=0.2, better=better)
        plan = label_plan(
            baseline, candidate, budget=budget, seed=seed, min_effect_bps=min_effect_bps
        )
        found += compare_labelled(plan, truth[list(plan.to_label)]).significant
    return found / draws


def test_size_with_a_budget():
    draws = 1_200
    # Δ = q (2 · better − 1): exactly on the null hypothesis of 100 bps, and of 0.
    for better, null in ((0.5, 0.0), (0.525, 100.0)):
        assert _rate(better, draws, min_effect_bps=null) <= 0.05 + 3 * math.sqrt(0.0475 / draws)


def test_power_with_a_budget_is_what_the_plan_says():
    _, baseline, candidate = _models(1_500, differing=0.2)
    plan = label_plan(baseline, candidate, budget=120, min_effect_bps=0.0)
    better = 0.5 + plan.detectable_bps / 10_000 / 0.2 / 2
    assert _rate(better, 400) == pytest.approx(0.8, abs=0.07)


def test_labels_by_id():
    truth, baseline, candidate = _models()
    ids = [f"e{at}" for at in range(len(truth))]
    plan = label_plan(baseline, candidate, ids=ids)
    labels = pd.Series(truth, index=ids)[list(plan.to_label)]
    found = compare_labelled(plan, labels.sample(frac=1, random_state=0))
    assert found == compare_labelled(plan, labels.to_dict())
    assert found == compare_labelled(plan, labels.to_list())


def _plan():
    return label_plan(["a", "b", "a", "c"], ["a", "a", "b", "c"], ids=["p", "q", "r", "s"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"q": "a"}, "1 of 2 examples have no label yet, such as 'r'"),
        ({"q": "a", "r": None}, "no label yet"),
        ({"q": "a", "r": ""}, "no label yet"),
        ({"q": "a", "r": float("nan")}, "no label yet"),
        ({"q": "a", "r": "b", "s": "c"}, "not in the plan, such as 's'"),
        ({"q": 1, "r": 2}, "one kind"),
        (["a"], "expected 2 labels in the order of the plan, found 1"),
        (pd.Series(["a", "b"], index=["q", "q"]), "'q' twice"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises(InputError, match=message):
        compare_labelled(_plan(), labels)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"candidate": ["a", "b", "a", "c"]}, "say the same of all 4"),
        ({"candidate": [1, 2, 3, 4]}, "one kind"),
        ({"candidate": ["a"]}, "one prediction per target|found 1"),
        ({"candidate": [0.1, 0.2, 0.3, 0.4], "baseline": [1, 0, 1, 0]}, "class labels"),
        ({"ids": ["p", "p", "r", "s"]}, "'p' more than once"),
        ({"ids": ["p", None, "r", "s"]}, "one missing"),
        ({"ids": ["p"]}, "found 1 ids for 4"),
        ({"budget": 0}, "at least one label"),
        ({"power": 0.2}, "power"),
        ({"level": 0.9}, "level"),
    ],
)
def test_bad_plans(given, message):
    usual = {"baseline": ["a", "b", "a", "c"], "candidate": ["a", "a", "b", "c"]}
    with pytest.raises(InputError, match=message):
        label_plan(**usual | given)
