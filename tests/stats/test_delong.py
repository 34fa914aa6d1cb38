"""DeLong's test on the data that it was published with, and against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats import compare_outputs

# Albumin, total protein, Krebs-Goplerud score and survival (0 = the event) of the ovarian cancer
# patients of DeLong, DeLong & Clarke-Pearson (1988), the complete records as reprinted in the
# SAS/STAT User's Guide, PROC LOGISTIC, example "Comparing Receiver Operating Characteristic
# Curves".
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""


@pytest.fixture(scope="module")
def ovarian():
    table = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    event = (table[:, 3] == 0).astype(int)
    return event, {"albumin": -table[:, 0], "protein": -table[:, 1], "score": table[:, 2]}


@pytest.mark.parametrize(
    ("test", "area", "difference", "error"),
    # Areas, and differences from the K-G score with their standard errors, as printed there.
    [("albumin", 0.7366, 0.0108, 0.0953), ("protein", 0.6478, -0.0780, 0.1046)],
)
def test_published_example(ovarian, test, area, difference, error):
    event, scores = ovarian
    found = compare_outputs(metric("roc_auc"), event, scores["score"], scores[test])
    assert found.test == "delong"
    assert round(found.baseline, 4) == 0.7258
    assert round(found.candidate, 4) == area
    assert round(found.improvement, 4) == difference
    assert round(found.std_error_bps / 1e4, 4) == error


def by_definition(positive, baseline, candidate):
    """Every pair counted, covariances of the structural components taken in full."""
    components = []
    for scores in (baseline, candidate):
        above = scores[positive][:, None] - scores[~positive][None, :]
        wins = (above > 0) + 0.5 * (above == 0)
        components.append((wins.mean(axis=1), wins.mean(axis=0)))
    of_positive = np.cov([c[0] for c in components])
    of_negative = np.cov([c[1] for c in components])
    covariance = of_positive / positive.sum() + of_negative / (~positive).sum()
    contrast = np.array([-1, 1])
    return components[1][0].mean() - components[0][0].mean(), contrast @ covariance @ contrast


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 15), st.integers(2, 15), st.sampled_from([1, 40]))
def test_against_its_definition(seed, positives, negatives, grain):
    rng = np.random.default_rng(seed)
    positive = rng.permutation(np.arange(positives + negatives) < positives)
    baseline, candidate = np.round(rng.normal(size=(2, len(positive))) * grain) / grain
    found = compare_outputs(metric("roc_auc"), positive, baseline, candidate)
    difference, variance = by_definition(positive, baseline, candidate)
    assert found.improvement == pytest.approx(difference, abs=1e-14)
    assert (found.std_error_bps / 1e4) ** 2 == pytest.approx(variance, rel=1e-9, abs=1e-16)


def test_only_ranks_count():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 300)
    baseline, candidate = truth + rng.normal(size=(2, 300))
    found = compare_outputs(metric("roc_auc"), truth, baseline, candidate)
    rescaled = compare_outputs(metric("roc_auc"), truth, baseline, np.exp(candidate) * 1e3)
    assert found == rescaled


def test_one_example_of_a_class_has_no_variance():
    with pytest.raises(MetricUndefined, match="1 positive example"):
        compare_outputs(metric("roc_auc"), [1, 0, 0], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1])
