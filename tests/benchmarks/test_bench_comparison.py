"""Comparisons with intervals against what peers take for the values, or for less."""

import numpy as np
import pytest

from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats import compare_outputs


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 1_000_000)
    noise = rng.normal(size=(2, len(truth)))
    return truth, truth + noise[0], 1.1 * truth + 0.8 * noise[0] + 0.6 * noise[1]


@pytest.mark.benchmark(group="ΔAUC with interval and test, n = 1 000 000")
class TestAuc:
    def test_sklearn_two_values_without_interval(self, race, scores):
        from sklearn.metrics import roc_auc_score

        truth, baseline, candidate = scores
        race.peer(lambda: roc_auc_score(truth, candidate) - roc_auc_score(truth, baseline))

    def test_ours(self, race, scores):
        race.ours(lambda: compare_outputs(metric("roc_auc"), *scores), bar=1 / 3, rounds=3)


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 100_000)
    baseline = np.where(rng.random(len(truth)) < 0.85, truth, 1 - truth)
    return truth, baseline, np.where(rng.random(len(truth)) < 0.1, truth, baseline)


@pytest.mark.benchmark(group="two AUCs with DeLong intervals, n = 20 000")
class TestAucInterval:
    def test_confidenceinterval_one_by_one(self, race, scores):
        from confidenceinterval import roc_auc_score

        truth, *outputs = (column[:20_000] for column in scores)
        race.peer(lambda: [roc_auc_score(truth, said, method="delong") for said in outputs])

    def test_ours(self, race, scores):
        few = [column[:20_000] for column in scores]
        race.ours(lambda: compare_outputs(metric("roc_auc"), *few), bar=1)


@pytest.mark.benchmark(group="F1 of two models with intervals, n = 100 000")
class TestF1Interval:
    def test_confidenceinterval_one_by_one(self, race, labels):
        from confidenceinterval import f1_score

        truth, *outputs = (column.tolist() for column in labels)
        race.peer(lambda: [f1_score(truth, said, average="binary") for said in outputs])

    def test_ours(self, race, labels):
        race.ours(lambda: compare_outputs(metric("f1"), *labels), bar=1)


@pytest.mark.benchmark(group="accuracy of two models, n = 100 000")
class TestAccuracy:
    def test_confidenceinterval_one_by_one(self, race, labels):
        from confidenceinterval import accuracy_score

        truth, *outputs = labels
        race.peer(lambda: [accuracy_score(truth, said) for said in outputs])

    def test_statsmodels_unpaired_interval(self, race, labels):
        from statsmodels.stats.proportion import confint_proportions_2indep

        truth, baseline, candidate = labels
        race.peer(
            lambda: confint_proportions_2indep(
                (candidate == truth).sum(), len(truth), (baseline == truth).sum(), len(truth)
            )
        )

    def test_ours(self, race, labels):
        # The unpaired interval is a formula of four counts; we also count classes and check input.
        race.ours(lambda: compare_outputs(metric("accuracy"), *labels), bar=1 / 20)


@pytest.mark.benchmark(group="paired test of accuracy, n = 100 000")
class TestMcNemar:
    def test_statsmodels_mcnemar_of_a_crosstab(self, race, labels):
        from statsmodels.stats.contingency_tables import mcnemar

        truth, baseline, candidate = labels

        def test():
            hit_b, hit_c = baseline == truth, candidate == truth
            table = [[(hit_b == x)[hit_c == y].sum() for y in (True, False)] for x in (True, False)]
            return mcnemar(table, exact=False, correction=False)

        race.peer(test)

    def test_ours(self, race, labels):
        race.ours(lambda: compare_outputs(metric("accuracy"), *labels), bar=1 / 10)
