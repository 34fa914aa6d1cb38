import math

import numpy as np
import pytest
from scipy import stats

from hokusai_mlflow.errors import InputError, MetricUndefined
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.blocks import SHARED, compare_blocks
from hokusai_mlflow.stats.comparison import compare_outputs


def _world(seed=0, sizes=(120, 200, 80, 40)):
    rng = np.random.default_rng(seed)
    blocks = np.repeat([f"site-{k}" for k in range(len(sizes))], sizes)
    n = len(blocks)
    truth = rng.integers(0, 2, n)
    worse = np.where(rng.random(n) < 0.25, 1 - truth, truth)
    better = np.where(rng.random(n) < 0.15, 1 - truth, truth)
    return truth, worse, better, blocks


def _outputs(of, rng, truth, said):
    if of.output == "score":
        return said + rng.normal(0, 0.5, len(said))
    return said if of.output == "label" else said + rng.normal(0, 0.3, len(truth))


@pytest.mark.parametrize(
    ("name", "options"),
    [("accuracy", {}), ("f1", {"average": "macro"}), ("roc_auc", {}), ("mae", {"cap": 9})],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_every_part_is_compared_as_if_it_were_all(name, options, grouped):
    """The naive way: the whole comparison again on every part."""
    truth, worse, better, blocks = _world()
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 150, len(truth)) if grouped else None
    of = metric(name, **options).bind(truth)
    b, c = (_outputs(of, rng, truth, said) for said in (worse, better))
    found = compare_blocks(of, truth, b, c, blocks, groups=groups, level=0.1)

    def again(part, null=0.0, sign=1):
        both = (b[part], c[part])[::sign]
        own = None if groups is None else groups[part]
        return compare_outputs(of, truth[part], *both, groups=own, level=0.1, min_effect_bps=null)

    assert [block.name for block in found.blocks] == sorted(set(blocks))
    for block in found.blocks:
        inside = blocks == block.name
        rest, alone = again(~inside), again(inside)
        assert block.n == inside.sum()
        assert block.rest_improvement_bps == pytest.approx(rest.improvement_bps)
        assert block.improvement_bps == pytest.approx(alone.improvement_bps)
        if name != "roc_auc" or grouped:
            # Ungrouped, the comparison takes DeLong's variance, with n − 1 in each class.
            assert block.rest_p_value == pytest.approx(rest.p_value, rel=1e-9)
            assert block.rest_detectable_bps == pytest.approx(rest.detectable_bps)
            assert block.p_worse == pytest.approx(again(inside, sign=-1).p_value, rel=1e-9)
        else:
            assert block.rest_p_value == pytest.approx(rest.p_value, rel=0.1)


def test_cochran_q_by_its_formula():
    truth, worse, better, blocks = _world()
    of = metric("mae", cap=9)
    found = compare_blocks(of, truth, worse, better, blocks)
    whole = compare_outputs(of, truth, worse, better)
    estimates, weights = [], []
    for name in sorted(set(blocks)):
        part = blocks == name
        own = compare_outputs(of, truth[part], worse[part], better[part])
        # Its own spread and some of everybody's, so that no block weighs infinitely.
        spread = own.n * own.std_error_bps**2, whole.n * whole.std_error_bps**2
        pooled = (own.n * spread[0] + SHARED * spread[1]) / (own.n + SHARED)
        estimates.append(own.improvement_bps)
        weights.append(own.n / pooled)
    mean = np.average(estimates, weights=weights)
    q = sum(w * (e - mean) ** 2 for w, e in zip(weights, estimates, strict=True))
    assert found.q == pytest.approx(q)
    assert found.q_df == 3
    assert found.q_p_value == pytest.approx(stats.chi2.sf(q, 3))


def test_blocks_that_are_alike_are_rarely_called_unlike():
    of, rng = metric("accuracy"), np.random.default_rng(7)
    blocks = np.repeat(np.arange(8), 60)
    truth = np.zeros(480, dtype=int)
    found = []
    for _ in range(400):
        u = rng.random(480)
        found.append(
            compare_blocks(of, truth, (u < 0.06).astype(int), (u > 0.95).astype(int), blocks)
        )
    # Promised: 0.001 at 0.001, and at most 0.05 for any block being called worse.
    assert sum(one.q_p_value <= 0.001 for one in found) <= 3
    worse = sum(min(b.p_worse for b in one.blocks) <= 0.05 / 8 for one in found)
    assert worse <= 0.05 * 400 + 3 * math.sqrt(0.05 * 0.95 * 400)


def test_a_block_that_loses_while_others_gain_is_seen():
    truth = np.zeros(800, dtype=int)
    blocks = np.repeat(["a", "b", "c", "d"], 200)
    hit = np.random.default_rng(3).random(800)
    worse = (hit < 0.2).astype(int)
    better = np.where(blocks == "d", (hit < 0.4).astype(int), (hit < 0.05).astype(int))
    found = compare_blocks(metric("accuracy"), truth, worse, better, blocks)
    assert found.worst.name == "d"
    assert found.worst.p_worse < 1e-6
    assert found.q_p_value < 1e-6


def test_a_small_block_is_left_out_but_not_tested_alone():
    truth, worse, better, blocks = _world(sizes=(200, 200, 29))
    small = compare_blocks(metric("accuracy"), truth, worse, better, blocks).blocks[-1]
    assert small.n == 29
    assert small.improvement_bps is small.p_worse is None
    assert small.rest_p_value is not None


def test_one_block_alone_has_no_rest():
    truth, worse, better, _ = _world()
    found = compare_blocks(metric("accuracy"), truth, worse, better, np.zeros(len(truth)))
    (block,) = found.blocks
    assert block.rest_p_value is None
    assert found.required_n is None
    assert (found.q, found.q_p_value) == (0.0, 1.0)


def test_the_sample_size_would_let_every_rest_find_the_effect():
    truth, worse, better, blocks = _world()
    found = compare_blocks(metric("mae", cap=9), truth, worse, better, blocks, effect_bps=300)
    finds = max(block.rest_detectable_bps for block in found.blocks)
    assert found.required_n == pytest.approx(len(truth) * (finds / 300) ** 2, abs=1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"blocks": ["a"] * 3}, "one block per example"),
        ({"level": 0.5}, "a level between"),
        ({"effect_bps": 0.0}, "an effect above 0"),
        ({"candidate": [0, 1, np.nan, 1]}, "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(changed, said):
    given = {"blocks": ["a", "a", "b", "b"], "candidate": [0, 1, 1, 1]} | changed
    with pytest.raises(InputError, match=said):
        compare_blocks(metric("accuracy"), [0, 1, 1, 0], [0, 1, 0, 0], **given)


def test_no_value_on_all_examples_is_an_error():
    with pytest.raises(MetricUndefined):
        compare_blocks(metric("roc_auc"), [1, 1, 1], [0.1, 0.2, 0.3], [0.2, 0.1, 0.3], [1, 1, 2])
