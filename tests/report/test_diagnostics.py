"""Aggregates behind the drawings, beside their definitions."""

import numpy as np
import pytest
from sklearn.metrics import auc, confusion_matrix, roc_auc_score

from hokusai_mlflow.metrics import metric
from hokusai_mlflow.report.diagnostics import (
    MOST_CLASSES,
    OTHERS,
    calibration,
    confusion,
    residuals,
    roc,
)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_confusion_counts_every_example_once(rng):
    truth = rng.integers(0, 11, 800)
    said = {"champion": rng.integers(0, 11, 800), "candidate": truth}
    found = confusion(truth, said)
    assert found["labels"] == [str(label) for label in range(11)], "in order of numbers, not text"
    assert found["champion"] == confusion_matrix(truth, said["champion"]).tolist()
    assert found["candidate"] == np.diag(np.bincount(truth)).tolist()


def test_rare_classes_share_a_row(rng):
    truth = rng.choice([f"class-{i}" for i in range(40)], 2_000, p=np.arange(40) / 780)
    found = confusion(truth, {"champion": truth, "candidate": truth[::-1]})
    assert len(found["labels"]) == MOST_CLASSES
    assert found["labels"][-1] == OTHERS
    assert "class-39" in found["labels"]
    assert sum(map(sum, found["candidate"])) == 2_000
    right = sum(found["champion"][i][i] for i in range(MOST_CLASSES))
    assert right == 2_000


def test_the_area_is_the_metrics(rng):
    truth = rng.integers(0, 2, 500)
    scores = truth * 0.3 + rng.random(500)
    found = roc(truth, {"champion": scores, "candidate": -scores}, (0, 1))
    area = metric("roc_auc").bind(truth).score(truth, scores)
    assert found["champion"]["area"] == pytest.approx(area, abs=1e-12)
    assert found["candidate"]["area"] == pytest.approx(1 - area, abs=1e-12)
    points = np.array(found["champion"]["points"])
    assert len(points) <= 102
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    # The curve that is drawn has nearly the area that is told.
    assert auc(*points.T) == pytest.approx(area, abs=0.01)


def test_one_against_the_rest_is_averaged(rng):
    truth = rng.integers(0, 4, 600)
    shares = rng.dirichlet(np.ones(4), 600) + 0.4 * np.eye(4)[truth]
    shares /= shares.sum(axis=1, keepdims=True)
    found = roc(truth, {"champion": shares, "candidate": shares}, (0, 1, 2, 3))
    expected = roc_auc_score(truth, shares, multi_class="ovr", average="macro")
    assert found["champion"]["area"] == pytest.approx(expected, abs=1e-12)


def test_calibration_says_how_often_it_was_true(rng):
    chance = rng.random(20_000)
    happened = (rng.random(20_000) < chance).astype(int)
    found = calibration(happened, {"champion": chance, "candidate": chance**3}, (0, 1))
    assert found["champion"]["error"] < 0.015
    assert found["candidate"]["error"] > 0.15
    assert sum(n for _, _, n in found["champion"]["points"]) == 20_000
    for said, true, n in found["champion"]["points"]:
        assert abs(said - true) < 4 * np.sqrt(0.25 / n)


def test_few_values_get_a_bin_each():
    chance = np.repeat([1 / 3, 2 / 3, 1.0], [30, 60, 90])
    happened = np.tile([0, 1, 1], 60)
    found = calibration(happened, {"champion": chance, "candidate": chance}, (0, 1))
    assert [n for _, _, n in found["champion"]["points"]] == [30, 60, 90]


def test_residual_bins_hold_their_quantiles(rng):
    predicted = rng.normal(5, 2, 1_000)
    truth = predicted + rng.normal(0.5, 1, 1_000)
    found = residuals(truth, {"champion": predicted, "candidate": np.full(1_000, 5.0)})
    points = found["champion"]["points"]
    assert [p[4] for p in points] == [100] * 10
    for _, low, middle, high, _ in points:
        assert low < middle < high
        assert middle == pytest.approx(0.5, abs=0.5)
    assert len(found["candidate"]["points"]) == 1, "a constant model has one prediction"
