"""The estimate of wrong labels: planted shares are covered, honest contributions pass."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from quality_worlds import case
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

from hokusai_mlflow.contributions import read_dataset
from hokusai_mlflow.quality.label_noise import LabelNoise, _newcombe, estimate


def points(rows, seed, *, wrong=0.0, classes=3, kind="class"):
    """Classes around centres, or a line; a share of the targets is wrong."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 4))
    if kind == "class":
        y = random.integers(0, classes, rows)
        x[:, 0] += 3 * np.cos(2 * np.pi * y / classes)
        x[:, 1] += 3 * np.sin(2 * np.pi * y / classes)
        bad = random.uniform(size=rows) < wrong
        y = np.where(bad, (y + random.integers(1, classes, rows)) % classes, y)
    else:
        y = x @ np.arange(1.0, 5.0) + random.normal(0, 0.5, rows)
        bad = random.uniform(size=rows) < wrong
        y = np.where(bad, random.permutation(y), y)
    frame = pd.DataFrame(x, columns=list("abcd")).assign(
        y=y, id=[f"{seed}-{i}" for i in range(rows)]
    )
    return read_dataset(frame, name="given", target="y", id="id", unique=False), bad


def bayes(features, targets, *, seed, on):
    return GaussianNB().fit(features, targets)


class LabelsOnly:
    """A model that gives labels, and no probabilities."""

    def __init__(self, model):
        self.model = model

    def predict(self, features):
        return self.model.predict(features)


def labels_only(features, targets, *, seed, on):
    return LabelsOnly(bayes(features, targets, seed=seed, on=on))


def linear(features, targets, *, seed, on):
    return LinearRegression().fit(features, targets)


SETTINGS = [
    pytest.param("class", 2, bayes, id="two classes"),
    pytest.param("class", 5, bayes, id="five classes"),
    pytest.param("class", 3, labels_only, id="labels only"),
    pytest.param("value", 0, linear, id="regression"),
]


def examined(kind, classes, fit, wrong, seed):
    reference, _ = points(200, 10_000 + seed, classes=classes, kind=kind)
    given, bad = points(200, seed, wrong=wrong, classes=classes, kind=kind)
    task = "classification" if kind == "class" else "regression"
    return case(given, reference, task=task, fit=fit, seed=seed), bad


@pytest.mark.parametrize(("kind", "classes", "fit"), SETTINGS)
@pytest.mark.parametrize("wrong", [0.05, 0.2, 0.4])
def test_the_planted_share_is_inside_the_interval(kind, classes, fit, wrong):
    covered, errors = 0, []
    for seed in range(12):
        made, bad = examined(kind, classes, fit, wrong, seed)
        found = estimate(made)
        covered += found.low <= bad.mean() <= found.high
        errors.append(found.share - bad.mean())
    # 99 % intervals; 9 or fewer of 12 would come from 95 % with probability 0.02.
    assert covered >= 10
    assert abs(np.mean(errors)) < 0.05


@pytest.mark.parametrize(("kind", "classes", "fit"), SETTINGS)
def test_honest_contributions_pass_and_bad_ones_fail(kind, classes, fit):
    for seed in range(40, 48):
        made, _ = examined(kind, classes, fit, 0.0, seed)
        assert LabelNoise().examine(made).finding.outcome == "passed"
        made, bad = examined(kind, classes, fit, 0.4, seed)
        found = LabelNoise().examine(made)
        assert found.finding.outcome == "failed"
        # Wrong labels are found far more often than right ones are suspected.
        assert found.rows[bad].mean() > found.rows[~bad].mean() + 0.4


@pytest.mark.parametrize(("kind", "classes", "fit"), SETTINGS)
@pytest.mark.parametrize("rows", [100, 400, 1_500])
def test_wrong_rows_do_not_vouch_for_each_other_however_many(kind, classes, fit, rows):
    reference, _ = points(300, 10_001, classes=classes, kind=kind)
    given, _ = points(rows, 7, classes=classes, kind=kind)
    wrong = (given.targets + 1) % classes if kind == "class" else -given.targets
    given = replace(given, targets=wrong)
    task = "classification" if kind == "class" else "regression"
    found = LabelNoise().examine(case(given, reference, task=task, fit=fit))
    assert found.finding.outcome == "failed"
    assert found.finding.figures["low"] > 0.5


def test_a_class_that_the_reference_lacks_is_not_suspect():
    reference, _ = points(300, 10_002)
    reference = reference.take(reference.targets != 2)
    given, _ = points(200, 8)
    found = estimate(case(given, reference, fit=bayes))
    assert not found.suspect[given.targets == 2].any()
    assert found.low == 0.0


def test_order_changes_nothing():
    made, _ = examined("class", 3, bayes, 0.2, 3)
    order = np.random.default_rng(0).permutation(len(made.data))
    shuffled = case(made.data.take(order), made.reference, fit=bayes, seed=3)
    before, after = estimate(made), estimate(shuffled)
    assert np.array_equal(after.suspect, before.suspect[order])
    assert after.share == before.share


def test_copies_of_a_wrong_row_do_not_vouch_for_each_other():
    """Rows with equal features are in one fold, so ten copies of a mistake are ten mistakes."""
    reference, _ = points(200, 1)
    right, _ = points(60, 2)
    wrong = right.to_frame().assign(_target=(right.targets + 1) % 3)
    frame = pd.concat([wrong] * 10).rename(columns={"_target": "y"}).drop(columns="_id")
    given = read_dataset(frame, name="given", target="y")

    def nearest(features, targets, *, seed, on):
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(1).fit(features, targets)

    assert estimate(case(given, reference, fit=nearest)).suspect.mean() > 0.6


def test_too_little_is_said():
    reference, _ = points(200, 1)
    given, _ = points(19, 2)
    found = LabelNoise().examine(case(given, reference, fit=bayes)).finding
    assert found.outcome == "insufficient"
    assert "expected 50 and 20 or more" in found.message
    noise = reference.take(np.arange(200))
    noise.targets[:] = np.random.default_rng(0).integers(0, 3, 200)
    found = LabelNoise().examine(case(points(100, 3)[0], noise, fit=bayes)).finding
    assert found.outcome in ("insufficient", "passed")
    assert LabelNoise().examine(case(given, reference)).finding.outcome == "not_applicable"


def test_newcombes_interval_is_the_published_one():
    """Newcombe 1998, table II, (a): 56/70 − 48/80, method 10, 95 %: 0.0524 to 0.3339."""
    from unittest.mock import patch

    with patch("hokusai_mlflow.quality.label_noise._CONFIDENCE", 0.95):
        low, high = _newcombe(56 / 70, 70, 48 / 80, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("kind", "classes", "fit"), SETTINGS)
def test_honest_contributions_pass_at_full_size(kind, classes, fit):
    failed = 0
    for seed in range(1_000, 1_300):
        made, _ = examined(kind, classes, fit, 0.0, seed)
        failed += LabelNoise().examine(made).finding.outcome == "failed"
    # 8 or more of 300 would come from a rate of 1 % with probability 0.012.
    assert failed < 8
