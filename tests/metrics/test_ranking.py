"""Placements by their definition, and the influence of an average over unequal classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokusai_mlflow.metrics import metric
from hokusai_mlflow.metrics.ranking import placements


def pair_by_pair(positive, scores, weights):
    """Weighted share of the other class that an example beats (positive) or loses to (negative)."""
    placed = []
    for mine, score in zip(positive, scores, strict=True):
        others = [
            (other, weight)
            for theirs, other, weight in zip(positive, scores, weights, strict=True)
            if theirs != mine
        ]
        won = sum(
            weight * ((other < score) if mine else (other > score)) + weight * (other == score) / 2
            for other, weight in others
        )
        placed.append(won / sum(weight for _, weight in others))
    return placed


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, 3.0])),
        min_size=2,
        max_size=15,
    ).filter(lambda rows: len({positive for positive, _, _ in rows}) == 2)
)
def test_placements(rows):
    positive, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = placements(positive, scores.astype(float), weights)
    assert found.tolist() == pytest.approx(pair_by_pair(positive, scores, weights), abs=1e-12)
    alike = placements(positive, scores.astype(float))
    assert alike.tolist() == pytest.approx(pair_by_pair(positive, scores, np.ones(len(rows))))


@pytest.mark.parametrize("weighted", [False, True])
def test_occurrence_moves_an_average_weighted_by_it(weighted):
    rng = np.random.default_rng(0)
    n = 400
    truth = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    # The frequent class is hard to tell, the rare one easy, so their areas differ widely.
    lean = np.array([0.05, 0.3, 2.0])[truth]
    scores = rng.dirichlet(np.ones(3), n) + lean[:, None] * np.eye(3)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    weights = rng.gamma(2, 1, n) * (1 + 3 * scores[:, 0]) if weighted else np.ones(n)
    auc = metric("roc_auc", average="weighted").bind(truth)
    influence = auc.influence(auc.weighted(truth, scores, weights))
    whole = auc.score(truth, scores, weights=weights)
    jackknife = np.array(
        [
            (n - 1)
            * (
                whole
                - auc.score(
                    *(np.delete(given, at, axis=0) for given in (truth, scores)),
                    weights=np.delete(weights, at),
                )
            )
            for at in range(0, n, 4)
        ]
    )
    close = 0.05 if weighted else 0.01
    assert np.abs(jackknife - influence[::4]).max() < close * np.abs(influence).max()
