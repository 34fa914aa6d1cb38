"""Partial results add up to what one comparison of all examples finds."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import InputError, MetricUndefined, UnknownName
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.stats.partial import PartialComparison
from hokusai_mlflow.stats.partial_counts import Coded, JointCounts
from hokusai_mlflow.stats.partial_moments import CoMoments

LABELS = [
    metric("accuracy"),
    metric("precision", average="macro"),
    metric("recall", average="macro"),
    metric("f1", average="macro"),
    metric("f1", average="weighted"),
]
NUMBERS = [
    metric("mse"),
    metric("mse", cap=4),
    metric("rmse"),
    metric("mae", cap=1.5),
    metric("mae"),
    metric("r2"),
]


def assert_equal(found, expected, rel=1e-9):
    found, expected = found.to_dict(), expected.to_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, float):
            # Values within 0 … 1 and basis points; rounding of both sums is absolute there.
            assert found[name] == pytest.approx(value, rel=rel, abs=1e-9), name
        else:
            assert found[name] == value, name


def parts_of(metrics, columns, cuts):
    bounds = [0, *sorted(cuts), len(columns[0])]
    for start, end in pairwise(bounds):
        if start == end:
            yield PartialComparison.empty()
        else:
            yield PartialComparison.of(metrics, *(column[start:end] for column in columns))


def added(parts, order=None):
    parts = list(parts)
    total = PartialComparison.empty()
    for at in order if order is not None else range(len(parts)):
        total += parts[at]
    return total


def both(metrics, columns, total, **options):
    for one in metrics:
        try:
            expected = compare_outputs(one, *columns, **options)
        except InputError as error:
            with pytest.raises(type(error)):
                total.finish(one, **options)
            continue
        assert_equal(total.finish(one, **options), expected)


def models(seed, n, k, dtype, agreement=0.8):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    said = [np.where(rng.random(n) < agreement, truth, rng.integers(0, k, n)) for _ in range(2)]
    if dtype == "str":
        names = np.array([f"class {at}" for at in range(k)])
        return [names[column] for column in (truth, *said)]
    return [column.astype(dtype) for column in (truth, *said)]


# ---------------------------------------------------------------------- labels


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(2, 120),
    k=st.integers(2, 6),
    dtype=st.sampled_from(["int8", "int64", "uint8", "float64", "bool", "str"]),
    cuts=st.lists(st.integers(0, 120), max_size=6),
)
def test_label_metrics_of_any_partition(seed, n, k, dtype, cuts):
    columns = models(seed, n, 2 if dtype == "bool" else k, dtype)
    total = added(parts_of(LABELS, columns, [min(cut, n) for cut in cuts]))
    both(LABELS, columns, total, min_effect_bps=[-50.0, 0.0, 10.0][seed % 3])


def test_classes_that_appear_late_and_only_in_predictions():
    truth = np.array(["a", "b"] * 50 + ["z", "c"] * 50)
    said_b = np.roll(truth, 2)
    said_c = np.where(np.arange(200) % 7 == 0, "a", truth)
    columns = [truth, said_b, said_c]
    both(LABELS, columns, added(parts_of(LABELS, columns, [1, 100, 101])), level=0.01)
    # A class that the targets never show is an error at the end, as it is in memory.
    stranger = [truth, said_b, np.where(np.arange(200) == 3, "q", truth)]
    total = added(parts_of(LABELS, stranger, [50]))
    with pytest.raises(InputError, match="unknown class 'q'"):
        total.finish(metric("f1", average="macro"))
    assert_equal(total.finish(LABELS[0]), compare_outputs(LABELS[0], *stranger))


def test_binary_metrics_and_options_need_no_second_pass():
    columns = models(3, 500, 2, "int8")
    total = PartialComparison.of([metric("accuracy")], *columns)
    asked = [metric("f1"), metric("f1", positive=0), metric("recall", classes=[0, 1])]
    both(asked, columns, total)


def test_wide_and_sparse_labels():
    rng = np.random.default_rng(0)
    names = rng.integers(-(2**60), 2**60, 300)
    columns = [names[rng.integers(0, 300, 5_000)] for _ in range(3)]
    columns[1][:3_000] = columns[0][:3_000]
    both([LABELS[0]], columns, added(parts_of([LABELS[0]], columns, [1_000, 4_999])))


def test_coded_columns_are_the_labels_they_stand_for():
    truth, said_b, said_c = models(1, 300, 4, "str")
    coded = []
    for seed, column in enumerate((truth, said_b, said_c)):
        table = np.random.default_rng(seed).permutation(np.append(np.unique(column), "unused"))
        where = {label: at for at, label in enumerate(table)}
        coded.append(Coded(np.array([where[label] for label in column], dtype=np.int32), table))
    plain, fast = JointCounts.of(truth, said_b, said_c), JointCounts.of(*coded)
    assert fast.to_dict() == plain.to_dict()


def test_tables_do_not_depend_on_the_order_of_parts():
    columns = models(5, 400, 5, "int64")
    parts = [part.counts for part in parts_of(LABELS, columns, [1, 77, 300])]
    forward = ((parts[0] + parts[1]) + parts[2]) + parts[3]
    backward = parts[3] + (parts[2] + (parts[1] + parts[0]))
    assert forward.to_dict() == backward.to_dict()
    assert forward.to_dict() == JointCounts.of(*columns).to_dict()


def test_ids_are_no_class_labels(monkeypatch):
    monkeypatch.setattr("hokusai_mlflow.stats.partial_counts.MAX_CELLS", 1_000)
    ids = np.arange(0, 2_000_000, 1_000)
    with pytest.raises(InputError, match="is one of the columns an id"):
        JointCounts.of(ids, ids, ids)
    halves = [JointCounts.of(*[half] * 3) for half in (ids[:900], ids[900:1_800])]
    with pytest.raises(InputError, match="is one of the columns an id"):
        halves[0] + halves[1]


# ---------------------------------------------------------------------- numbers


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    # Of fewer examples, or wilder ones, Hall's bounds are cube roots next to 0, which multiply
    # any rounding.
    n=st.integers(60, 300),
    cuts=st.lists(st.integers(0, 300), max_size=6),
    centre=st.sampled_from([0.0, 3.0, 1e6]),
    noise=st.sampled_from([0.1, 1.0, 30.0]),
)
def test_number_metrics_of_any_partition(seed, n, cuts, centre, noise):
    rng = np.random.default_rng(seed)
    truth = rng.normal(centre, 2, n)
    columns = [truth, truth + rng.normal(0, noise, n), truth + rng.normal(0, 1, n)]
    parts = list(parts_of(NUMBERS, columns, [min(cut, n) for cut in cuts]))
    total = added(parts, rng.permutation(len(parts)))
    both(NUMBERS, columns, total, min_effect_bps=[-50.0, 0.0, 10.0][seed % 3])


def test_sorted_targets_move_the_origin_of_r2():
    rng = np.random.default_rng(8)
    truth = np.sort(rng.normal(1e5, 50, 4_000))
    columns = [truth, truth + rng.normal(0, 40, 4_000), truth + rng.normal(0, 39, 4_000)]
    total = added(parts_of([metric("r2")], columns, range(100, 4_000, 100)))
    both([metric("r2"), metric("r2")], columns, total)


def test_models_that_nearly_agree_keep_their_digits():
    rng = np.random.default_rng(9)
    truth = rng.normal(0, 1, 3_000)
    said = truth + rng.normal(0, 1, 3_000)
    columns = [truth, said, said + rng.normal(0, 1e-7, 3_000)]
    total = added(parts_of([metric("mse")], columns, [1_000, 2_500]))
    found, expected = total.finish(metric("mse")), compare_outputs(metric("mse"), *columns)
    assert expected.std_error_bps < 1e-3
    assert found.std_error_bps == pytest.approx(expected.std_error_bps, rel=1e-7)
    assert found.skew == pytest.approx(expected.skew, rel=1e-6)


def test_exchanging_the_models_changes_the_sign():
    rng = np.random.default_rng(10)
    truth = rng.normal(0, 1, 900)
    columns = [truth, truth + rng.normal(0, 1, 900), truth + rng.normal(0, 0.9, 900)]
    there = added(parts_of(NUMBERS, columns, [300]))
    back = added(parts_of(NUMBERS, [columns[0], columns[2], columns[1]], [300]))
    for one in NUMBERS:
        first, second = there.finish(one), back.finish(one)
        assert first.improvement == -second.improvement
        assert first.std_error_bps == pytest.approx(second.std_error_bps, rel=1e-12)
        assert first.skew == pytest.approx(-second.skew, rel=1e-9)
        assert first.ci_low_bps == pytest.approx(-second.ci_high_bps, rel=1e-12)


@pytest.mark.parametrize("times", [1e-4, 30.0, 1e4])
def test_models_of_very_different_losses(times):
    rng = np.random.default_rng(14)
    truth = rng.normal(0, 1, 2_000)
    columns = [truth, truth + rng.normal(0, 1, 2_000), truth + rng.normal(0, times, 2_000)]
    both(NUMBERS, columns, added(parts_of(NUMBERS, columns, [700, 701])))


def test_equal_models_are_no_evidence():
    rng = np.random.default_rng(11)
    truth, said = rng.normal(0, 1, (2, 500))
    total = added(parts_of(NUMBERS, [truth, said, said], [200]))
    both(NUMBERS, [truth, said, said], total)
    assert total.finish(NUMBERS[0]).p_value == 1.0


# ---------------------------------------------------------------------- moments


def moments_by_definition(rows, centre=0.0):
    # Subtracting the centre is exact, and leaves the definition no large mean to lose digits on.
    rows = rows.astype(np.longdouble) - centre
    mean = rows.mean(axis=0)
    centred = rows - mean
    second = np.einsum("ni,nj->ij", centred, centred)
    return mean + centre, second, np.einsum("ni,nj,nk->ijk", centred, centred, centred)


@pytest.mark.parametrize("centre", [0.0, 1e3, 1e8])
def test_moments_against_their_definition_in_long_double(centre):
    rng = np.random.default_rng(12)
    rows = centre + rng.lognormal(0, 0.7, (40_000, 3)) * [1, 2, 0.5]
    parts = [CoMoments.of(part) for part in np.split(rows, [1, 17, 9_000, 30_000])]
    total = ((parts[4] + parts[2]) + parts[0]) + (parts[1] + parts[3])
    mean, second, third = moments_by_definition(rows, centre)
    np.testing.assert_allclose(total.mean, mean.astype(float), rtol=1e-14)
    # What the addition of the centre left of the digits of the rows is what can be compared.
    np.testing.assert_allclose(total.second, second.astype(float), rtol=1e-11)
    np.testing.assert_allclose(total.third, third.astype(float), rtol=1e-10)


def test_moments_with_constant_and_repeated_columns():
    rng = np.random.default_rng(13)
    x, y = rng.normal(size=(2, 500))
    rows = np.column_stack([x, np.ones(500), y, x, np.zeros(500)])
    total = CoMoments.of(rows[:200]) + CoMoments.of(rows[200:])
    _, second, third = moments_by_definition(rows)
    np.testing.assert_allclose(total.second, second.astype(float), atol=1e-10)
    np.testing.assert_allclose(total.third, third.astype(float), atol=1e-10)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 30), min_size=3, max_size=3))
def test_moments_merge_in_any_order(seed, sizes):
    rng = np.random.default_rng(seed)
    a, b, c = (CoMoments.of(rng.normal(5, 2, (size, 2))) for size in sizes)
    for one, other in (((a + b) + c, a + (b + c)), (a + b, b + a), (a, a + CoMoments.zero(2))):
        assert one.n == other.n
        for name in ("mean", "second", "third"):
            np.testing.assert_allclose(
                getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9
            )


# ---------------------------------------------------------------------- paying and keeping


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(2, 300), st.integers(0, 300))
def test_paired_sums_are_those_of_all_examples(seed, n, cut):
    rng = np.random.default_rng(seed)
    numbers = list(rng.normal(0, 1, (3, n)))
    labels = models(seed, n, 3, "int64")
    for metrics, columns in ((LABELS[:1], labels), ([NUMBERS[1], NUMBERS[3]], numbers)):
        total = added(parts_of(metrics, columns, [min(cut, n)]))
        for one in metrics:
            assert total.paired_sums(one) == PairedSums.of(*paired_scores(one, *columns))


def test_what_one_pass_cannot_pay():
    labels, numbers = models(0, 50, 2, "int64"), list(np.random.default_rng(0).normal(size=(3, 50)))
    with pytest.raises(InputError, match="linearised"):
        PartialComparison.of(LABELS, *labels).paired_sums(metric("f1"))
    with pytest.raises(InputError, match="cap"):
        PartialComparison.of(NUMBERS, *numbers).paired_sums(metric("mse"))


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_kept_as_json_and_taken_up_again(seed):
    rng = np.random.default_rng(seed)
    columns = list(rng.normal(2, 1, (3, 60)))
    for metrics, given_ in ((LABELS, models(seed, 60, 4, "str")), (NUMBERS, columns)):
        total = PartialComparison.of(metrics, *given_)
        kept = PartialComparison.from_dict(json.loads(json.dumps(total.to_dict())))
        assert kept.to_dict() == total.to_dict()
        for one in metrics:
            try:
                assert kept.finish(one) == total.finish(one)
            except MetricUndefined:
                assume(False)


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("metrics", "columns", "told"),
    [
        (LABELS, ([0, 1], [0, 1], [0.5, 1]), "found .*0.5.* at position 0"),
        (LABELS, ([0, 1], [0, None], [0, 1]), "one kind"),
        (LABELS, ([0, 1], [0, math.nan], [0, 1]), "finite"),
        (LABELS, (["0", "1"], [0, 1], [0, 1]), "one kind"),
        (LABELS, ([0, 1], [0, 1, 1], [0, 1]), "one prediction per target"),
        (LABELS, (None, [0, 1], [0, 1]), "expected the true labels"),
        (NUMBERS, ([0, 1], [0, math.nan], [0, 1]), "finite"),
        (NUMBERS, ([0, 1], [0, math.inf], [0, 1]), "finite"),
        (NUMBERS, ([0, 1], ["0", "1"], [0, 1]), "expected numbers, found strings"),
        ([metric("roc_auc")], ([0, 1], [0, 1], [0, 1]), "not a function of sums"),
    ],
)
def test_bad_parts(metrics, columns, told):
    with pytest.raises(InputError, match=told):
        PartialComparison.of(metrics, *columns)


def test_parts_that_do_not_belong_together():
    numbers = PartialComparison.of(NUMBERS, [0.0, 1.0], [1.0, 1.0], [0.0, 2.0])
    words = PartialComparison.of(LABELS, ["a", "b"], ["a", "b"], ["a", "b"])
    whole = PartialComparison.of(LABELS, [1, 2], [1, 2], [1, 2])
    with pytest.raises(InputError, match="same metrics"):
        numbers + words
    with pytest.raises(InputError, match="one kind"):
        whole + words
    with pytest.raises(UnknownName, match="was not summed"):
        numbers.finish(metric("mse", cap=9))
    with pytest.raises(InputError, match="at least two"):
        PartialComparison.empty().finish(metric("mse"))
    with pytest.raises(InputError, match="expected a level"):
        numbers.finish(metric("mse"), level=0.7)
