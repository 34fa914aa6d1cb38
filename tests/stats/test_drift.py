"""Drift against SciPy, against the definitions, and what its intervals promise."""

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp
from scipy.stats.contingency import association
from sklearn.metrics import roc_auc_score

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.stats.drift import (
    category_drift,
    cramers_v,
    number_drift,
    rows_drift,
    stability,
)
from hokusai_mlflow.stats.text_drift import text_drift


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_numbers_as_scipy_has_them(rng):
    a, b = rng.normal(size=700), rng.normal(0.3, 1.2, size=400).round(1)
    found = number_drift("x", a, b, level=0.05)
    assert found.effect == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)
    reach = sum(math.sqrt(math.log(4 / 0.05) / (2 * n)) for n in (700, 400))
    assert found.low == pytest.approx(max(found.effect - reach, 0))
    # Wasserstein's distance within the middle of the reference, by a fine sum.
    low, high = np.quantile(a, [0.01, 0.99])
    grid = np.linspace(low, high, 200_001)
    gap = np.abs(
        np.searchsorted(np.sort(a), grid, "right") / 700
        - np.searchsorted(np.sort(b), grid, "right") / 400
    )
    by_sum = gap.mean() * (high - low) / a.std()
    assert found.distance == pytest.approx(by_sum, rel=1e-3)


def test_a_shift_of_one_standard_deviation(rng):
    """Φ(½) − Φ(−½) = 0.383 is the largest difference of two normals one apart."""
    a, b = rng.normal(size=50_000), rng.normal(1.0, size=50_000)
    found = number_drift("x", a, b, level=0.001)
    assert found.low < 0.3829 < found.high
    assert found.distance == pytest.approx(1.0, abs=0.05)


def test_what_is_missing_is_drift_too(rng):
    a, b = rng.normal(size=1_000), rng.normal(size=1_000)
    b[:400] = np.nan
    found = number_drift("x", a, b, level=0.01)
    assert found.effect >= 0.4
    assert found.psi is not None
    assert found.psi > 1
    only = number_drift("x", [np.nan, np.nan], [np.nan], level=0.05)
    assert (only.effect, only.distance) == (0.0, None)


def test_stability_by_its_definition():
    before, now = np.array([200.0, 500, 300]), np.array([30.0, 40, 30])
    p, q = (before + 0.5) / 1001.5, (now + 0.5) / 101.5
    psi, low, high = stability(before, now, level=0.05)
    assert psi == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert 0 <= low <= psi <= high


def test_stability_tells_noise_from_movement(rng):
    """Ten bins, 1 000 rows: noise alone is 0.02 on average; the interval then begins at 0."""
    lows = []
    for _ in range(300):
        counts = [rng.multinomial(1_000, [0.1] * 10).astype(float) for _ in range(2)]
        lows.append(stability(*counts, level=0.05)[1] > 0)
    # P(Binomial(300, 0.025) ≥ 19) < 0.001: one end errs with half the level.
    assert sum(lows) < 19


def test_categories_by_their_definitions(rng):
    a, b = rng.choice(list("abc"), 300), rng.choice(list("abcd"), 200)
    found = category_drift("k", a.tolist(), b.tolist(), level=0.05)
    share = [np.array([(one == k).mean() for k in "abcd"]) for one in (a, b)]
    assert found.effect == pytest.approx(0.5 * np.abs(share[0] - share[1]).sum())
    table = np.array([[(one == k).sum() for k in "abcd"] for one in (a, b)])
    assert found.distance == pytest.approx(association(table, method="cramer"), abs=1e-12)
    assert cramers_v(*table.astype(float)) == found.distance


@pytest.mark.parametrize("kind", ["number", "category"])
def test_intervals_hold_for_any_size(rng, kind):
    missed = 0
    for n in (20, 60, 400) * 40:
        if kind == "number":
            found = number_drift("x", rng.random(n), rng.random(2 * n) ** 2, level=0.1)
            truth = 0.25  # max of √t − t
        else:
            a, b = rng.choice(3, n, p=[0.5, 0.3, 0.2]), rng.choice(3, n, p=[0.2, 0.3, 0.5])
            found = category_drift("k", a.astype(str), b.astype(str), level=0.1)
            truth = 0.3
        missed += not found.low <= truth <= found.high
    # P(Binomial(120, 0.1) ≥ 23) < 0.002; the bounds are wider than they must be.
    assert missed < 23


def test_rows_as_scikit_learn_has_the_curve(rng):
    a, b = rng.normal(size=400), rng.normal(0.8, size=300).round(1)
    found = rows_drift(a, b, level=0.05)
    area = roc_auc_score(np.repeat([0, 1], [400, 300]), np.concatenate([a, b]))
    assert found.distance == pytest.approx(area, abs=1e-12)
    assert found.effect == pytest.approx(2 * area - 1, abs=1e-12)
    assert 0 < found.low < found.effect < found.high < 1
    apart = rows_drift([0.0] * 50, [1.0] * 50, level=0.05)
    assert apart.effect == 1.0
    assert 0.9 < apart.low < 1


def test_text_in_another_language_and_of_another_length(rng):
    words = ["cat", "dog", "house", "tree", "river", "stone"]
    said = [" ".join(rng.choice(words, 8)) for _ in range(400)]
    same = text_drift("note", said[:300], said[300:], level=0.01)
    assert all(one.low == 0 for one in same)
    foreign = [" ".join(rng.choice(["katze", "hund", "haus", "baum"], 8)) for _ in range(100)]
    _, unknown, letters = text_drift("note", said[:300], foreign, level=0.01)
    assert unknown.effect == letters.effect == 1.0
    assert min(unknown.low, letters.low) > 0.5
    short = [text[:5] for text in said[300:]]
    assert text_drift("note", said[:300], short, level=0.01)[0].effect == 1.0
    assert [one.name for one in same] == ["note: length", "note: unknown words", "note: letters"]


def test_samples_that_cannot_be_compared():
    for given in (([], [1.0]), ([1.0], [])):
        with pytest.raises(InputError, match="one value per row"):
            number_drift("x", *given, level=0.05)
        with pytest.raises(InputError, match="none on one"):
            category_drift("k", *given, level=0.05)
    with pytest.raises(InputError, match="two rows"):
        rows_drift([1.0], [1.0, 2.0], level=0.05)
    with pytest.raises(InputError, match="two reference texts"):
        text_drift("t", ["a"], ["b"], level=0.05)
