"""Krippendorff's α: published numbers, its definition, and what must not change it."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.stats.agreement import krippendorff

MEASUREMENTS = ("nominal", "ordinal", "interval")
# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, example C: 4 raters, 12 units.
PUBLISHED = """
    1 2 3 3 2 1 4 1 2 . . .
    1 2 3 3 2 2 4 1 2 5 . 3
    . 3 3 3 2 3 4 2 2 5 1 .
    1 2 3 3 2 4 4 1 2 5 1 .
"""


def table(text):
    """Units, raters and ratings of a matrix with one line per rater."""
    cells = [line.split() for line in text.split("\n") if line.strip()]
    told = [
        (unit, rater, int(rating))
        for rater, line in enumerate(cells)
        for unit, rating in enumerate(line)
        if rating != "."
    ]
    return tuple(np.array(column) for column in zip(*told, strict=True))


def pair_by_pair(units, ratings, measurement):
    """α by its definition: the mean δ² over ordered pairs within units, and over all pairs."""
    by_unit = {unit: [] for unit in units}
    for unit, rating in zip(units, ratings, strict=True):
        by_unit[unit].append(rating)
    pairable = [rated for rated in by_unit.values() if len(rated) > 1]
    every = [rating for rated in pairable for rating in rated]
    frequency = {rating: every.count(rating) for rating in every}

    def squared(first, second):
        if measurement == "nominal":
            return float(first != second)
        if measurement == "interval":
            return (first - second) ** 2
        low, high = min(first, second), max(first, second)
        between = sum(count for rating, count in frequency.items() if low <= rating <= high)
        return (between - (frequency[low] + frequency[high]) / 2) ** 2

    observed = sum(
        sum(squared(*pair) for pair in itertools.permutations(rated, 2)) / (len(rated) - 1)
        for rated in pairable
    ) / len(every)
    expected = sum(squared(*pair) for pair in itertools.permutations(every, 2)) / (
        len(every) * (len(every) - 1)
    )
    return 1 - observed / expected


@pytest.mark.parametrize(
    ("measurement", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_published_numbers(measurement, alpha):
    found = krippendorff(*table(PUBLISHED), measurement=measurement)
    assert round(found.alpha, 3) == alpha
    assert (found.raters, found.units, found.pairable) == (4, 11, 40)


@st.composite
def rated(draw):
    grid = st.lists(st.sampled_from([None, 1, 2, 4, 5]), min_size=4, max_size=4)
    rows = draw(st.lists(grid, min_size=2, max_size=6))
    told = [
        (unit, rater, rating)
        for unit, row in enumerate(rows)
        for rater, rating in enumerate(row)
        if rating is not None
    ]
    assume(told)
    units, raters, ratings = (np.array(column) for column in zip(*told, strict=True))
    assume(len(set(raters)) > 1)
    shared = np.bincount(units)[units] > 1
    assume(len(set(ratings[shared])) > 1)
    return units, raters, ratings


@settings(max_examples=80, deadline=None)
@given(rated(), st.sampled_from(MEASUREMENTS))
def test_the_definition(given, measurement):
    units, raters, ratings = given
    found = krippendorff(units, raters, ratings, measurement=measurement).alpha
    expected = pair_by_pair(units.tolist(), ratings.tolist(), measurement)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(rated(), st.sampled_from(MEASUREMENTS), st.randoms(use_true_random=False))
def test_what_does_not_change_it(given, measurement, random):
    units, raters, ratings = given
    alpha = krippendorff(units, raters, ratings, measurement=measurement).alpha

    def close(*told):
        other = krippendorff(*told, measurement=measurement).alpha
        return math.isclose(alpha, other, rel_tol=1e-9, abs_tol=1e-9)

    order = random.sample(range(len(units)), len(units))
    assert close(units[order], raters[order], ratings[order])
    # Who a rater is does not matter within a unit.
    names = np.array(random.sample(["d", "a", "c", "b"], 4))
    assert close(units, names[raters], ratings)
    # Nor does a unit that one person rated.
    assert close([*units, 99], [*raters, 0], [*ratings, 5])
    if measurement == "interval":
        assert close(units, raters, 3.0 * ratings - 7)
    if measurement == "ordinal":
        assert close(units, raters, np.exp(ratings))
    if measurement == "nominal":
        assert close(units, raters, np.array(["", "z", "y", "", "x", "w"])[ratings])


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_perfect_and_worst(measurement):
    units, raters = np.repeat([0, 1, 2], 2), np.tile([0, 1], 3)
    assert krippendorff(units, raters, [1, 1, 3, 3, 5, 5], measurement=measurement).alpha == 1
    assert krippendorff(units, raters, [1, 5, 5, 1, 1, 5], measurement=measurement).alpha < 0


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_chance_is_zero(measurement):
    rng = np.random.default_rng(0)
    units, raters = np.repeat(np.arange(2_000), 3), np.tile([0, 1, 2], 2_000)
    found = krippendorff(units, raters, rng.integers(1, 6, 6_000), measurement=measurement)
    assert abs(found.alpha) < 0.05


def test_large_numbers_keep_their_digits():
    units, raters, ratings = table(PUBLISHED)
    far = krippendorff(units, raters, ratings + 1e9, measurement="interval").alpha
    assert far == pytest.approx(
        krippendorff(units, raters, ratings, measurement="interval").alpha, rel=1e-6
    )
    huge = krippendorff(units, raters, ratings * 1e300, measurement="interval").alpha
    assert round(huge, 3) == 0.849


@pytest.mark.parametrize(
    ("units", "raters", "ratings", "error", "why"),
    [
        ([0, 0], [0, 1], [3, 3], MetricUndefined, "every rating is 3"),
        ([0, 1], [0, 1], [3, 4], MetricUndefined, "no unit was rated by two raters"),
        ([0, 1], ["ann", "ann"], [3, 4], InputError, "'ann' only"),
        ([0, 0], [0, 0], [3, 4], InputError, "several of 0 by 0"),
        ([0, 0], [0, 1], [3, float("nan")], InputError, "finite"),
        ([0, 0], [0, 1], ["3", "4"], InputError, "strings"),
        ([0, 0], [0, None], [3, 4], InputError, "raters"),
        ([0, 0, 0], [0, 1], [3, 4], InputError, "found 3, 2 and 2"),
        ([], [], [], InputError, "at least one"),
    ],
)
def test_input_that_does_not_fit(units, raters, ratings, error, why):
    with pytest.raises(error, match=why):
        krippendorff(units, raters, ratings)


def test_unknown_level_of_measurement():
    with pytest.raises(InputError, match="did you mean 'ordinal'"):
        krippendorff([0, 0], [0, 1], [1, 2], measurement="ordinaly")


def test_how_it_reads():
    found = krippendorff(*table(PUBLISHED))
    assert repr(found) == "<Agreement α=0.815 (ordinal): 40 ratings of 11 units by 4 raters>"
    assert json.loads(json.dumps(found.to_dict()))["measurement"] == "ordinal"
