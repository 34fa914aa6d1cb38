"""Integers of rewards: right against exact and floating arithmetic, and equal to the contract's."""

import math
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from web3.exceptions import ContractCustomError

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import deploy
from hokusai_mlflow.chain.model import KINDS
from hokusai_mlflow.chain.signer import development_keys
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.deltaone import (
    PairedSums,
    delta_ones,
    improvement_bps,
    improvement_wad,
    ln_wad,
    paired_kind,
    require_valid,
    reward_wei,
    significant,
    split,
    z2_floor_e6,
)
from hokusai_mlflow.errors import InputError

scores = st.floats(-50, 50, allow_nan=False)
losses = st.floats(0, 1, allow_nan=False)


def pairs(values):
    return st.lists(st.tuples(values, values), min_size=1, max_size=40).map(
        lambda rows: PairedSums.of([row[0] for row in rows], [row[1] for row in rows])
    )


# ---------------------------------------------------------------------- paired sums


def test_sums_are_exact():
    b, c = [1 / 3, -2.5, 1e6], [0.1, 0.2, -1e6]
    whole_b, whole_c = [round(x * 1e9) for x in b], [round(x * 1e9) for x in c]
    sums = PairedSums.of(b, c)
    assert (sums.n, sums.b, sums.c) == (3, sum(whole_b), sum(whole_c))
    assert sums.bb == sum(x * x for x in whole_b)
    assert sums.bc == sum(x * y for x, y in zip(whole_b, whole_c, strict=True))


@given(pairs(scores), pairs(scores))
def test_sums_add_up_and_swap(first, second):
    assert (first + second).n == first.n + second.n
    assert (first + second).swapped() == first.swapped() + second.swapped()
    assert PairedSums.from_dict(first.to_dict()) == first
    assert eval(repr(first)) == first


def test_a_million_examples_do_not_overflow():
    ones = np.full(1_000_000, 8e6)
    assert PairedSums.of(ones, ones).bb == 10**6 * (8 * 10**15) ** 2


@pytest.mark.parametrize(
    ("b", "c", "told"),
    [
        ([1.0], [1.0, 2.0], "equal lengths"),
        ([math.nan], [1.0], "finite"),
        ([math.inf], [1.0], "finite"),
        ([1e7], [1.0], "below 9e6"),
        ([[1.0]], [[1.0]], r"shape \(n,\)"),
    ],
)
def test_scores_that_cannot_be_summed(b, c, told):
    with pytest.raises(InputError, match=told):
        PairedSums.of(b, c)


def test_json_that_is_no_sums():
    with pytest.raises(InputError, match="fields"):
        PairedSums.from_dict({"n": 1})
    with pytest.raises(InputError, match="whole numbers"):
        PairedSums.from_dict(PairedSums.of([1], [1]).to_dict() | {"b": "x"})


# ---------------------------------------------------------------------- improvement


@given(st.integers(1, 2**255 - 1))
def test_logarithm_to_two_units(x):
    getcontext().prec = 60
    exact = (Decimal(x) / Decimal(10**18)).ln() * 10**18
    assert abs(Decimal(ln_wad(x)) - exact) <= 2


def test_accuracy_of_the_guide():
    sums = PairedSums.of([1] * 8500 + [0] * 1500, [1] * 8725 + [0] * 1275)
    assert improvement_bps("linear", sums) == 225
    assert delta_ones(225) == Decimal("2.25")
    assert reward_wei(225, 10**18) == 225 * 10**16


@given(st.sampled_from(KINDS), pairs(losses))
def test_swapping_flips_the_sign_exactly(kind, sums):
    assume(kind == "linear" or min(sums.b, sums.c) > 0)
    assert improvement_wad(kind, sums.swapped()) == -improvement_wad(kind, sums)
    assert improvement_bps(kind, sums.swapped()) == -improvement_bps(kind, sums)


@given(pairs(losses))
def test_log_ratios_agree_with_floats(sums):
    assume(min(sums.b, sums.c) > 0)
    exact = math.log(sums.b / sums.c)
    assert improvement_wad("log_ratio", sums) / 1e18 == pytest.approx(exact, abs=1e-12)
    assert improvement_wad("half_log_ratio", sums) / 1e18 == pytest.approx(exact / 2, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_identical_models_are_never_significant(kind):
    values = np.linspace(0.1, 0.9, 50)
    sums = PairedSums.of(values, values)
    assert improvement_wad(kind, sums) == 0
    assert not significant(kind, sums, min_effect_bps=0, z2_floor_e6=0)


def test_significance_agrees_with_floats():
    rng = np.random.default_rng(5)
    agreed = 0
    for _ in range(200):
        n = int(rng.integers(30, 400))
        b = rng.beta(2, 5, n)
        c = np.clip(b + rng.normal(rng.normal(0, 0.02), 0.1, n), 0, 1)
        sums = PairedSums.of(b, c)
        d = c - b
        z_mean = (d.mean() - 0.001) / (d.std() / math.sqrt(n))
        psi = b / b.mean() - c / c.mean()
        ratio = math.log(b.mean() / c.mean())
        z_ratio = (ratio - 0.001) / (psi.std() / math.sqrt(n))
        z_half = (ratio / 2 - 0.001) / (psi.std() / 2 / math.sqrt(n))
        for kind, z in zip(KINDS, (z_mean, z_ratio, z_half), strict=True):
            found = significant(kind, sums, min_effect_bps=10, z2_floor_e6=2_705_543)
            assert found == (z >= math.sqrt(2.705543)), (kind, z)
            agreed += found
    assert agreed > 20


def test_kinds_and_floors():
    assert [paired_kind(name) for name in ("accuracy", "mse", "mae", "rmse", "r2")] == [
        "linear",
        "log_ratio",
        "log_ratio",
        "half_log_ratio",
        "linear",
    ]
    assert z2_floor_e6(0.05) == 2_705_543
    with pytest.raises(InputError, match="at most"):
        z2_floor_e6(0.5)
    with pytest.raises(InputError, match="kind must be one of"):
        improvement_bps("cubic", PairedSums.of([1], [1]))


# ---------------------------------------------------------------------- rewards


@given(
    st.integers(0, 10**30),
    st.lists(st.integers(1, 10_000), min_size=1, max_size=20, unique=True),
    st.randoms(use_true_random=False),
)
def test_split_conserves_to_the_wei(total, cuts, random):
    bounds = [0, *sorted(cut for cut in cuts if cut < 10_000), 10_000]
    weights = {
        f"0x{number + 1:040x}": high - low for number, (low, high) in enumerate(pairwise(bounds))
    }
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    payout = split(total, dict(shuffled))
    assert payout.total == total
    assert list(payout.contributors) == list(weights)
    for account, wei in payout.contributors.items():
        exact = Fraction(total * 70 * weights[account], 100 * 10_000)
        assert exact - 1 < wei <= exact
    assert Fraction(total * 30, 100) <= payout.owner < Fraction(total * 30, 100) + len(weights)


@pytest.mark.parametrize("weights", [{}, {"0x01": 9_999}, {"0x01": 0, "0x02": 10_000}])
def test_weights_that_are_not_whole(weights):
    with pytest.raises(InputError, match="sum to 10000"):
        split(1, weights)


# ---------------------------------------------------------------------- the contract's own answers


@pytest.fixture(scope="module")
def contract(tmp_path_factory):
    home = tmp_path_factory.mktemp("differential")
    web3 = connect(rpc_url=None, chain_id=None, home=home)
    keys = development_keys(home)
    made = deploy(
        web3, keys.admin, oracles=[oracle.address for oracle in keys.oracles], quorum=2, home=home
    )
    yield Verifier.of(web3, made, home=home)._contract.functions
    web3.provider.chain.close()


raw_sums = st.builds(
    PairedSums,
    n=st.integers(0, 2**41),
    b=st.integers(-(2**97), 2**97),
    c=st.integers(-(2**97), 2**97),
    bb=st.integers(0, 2**153),
    cc=st.integers(0, 2**153),
    bc=st.integers(-(2**153), 2**153),
)
largest = st.tuples(st.integers(1, 2**40 - 1), st.integers(2**30, 2**55)).map(
    # Half the examples +m, half -m and the like: the largest moments that the range admits.
    lambda drawn: PairedSums(
        drawn[0], -drawn[0] * drawn[1], drawn[0] * drawn[1], *[drawn[0] * drawn[1] ** 2] * 2, 0
    )
)
any_sums = st.one_of(pairs(losses), pairs(scores), raw_sums, largest)


def on_chain(function):
    try:
        return function.call()
    except ContractCustomError as error:
        return Verifier.decode_error(error.data).reason


def off_chain(function):
    try:
        return function()
    except InputError as error:
        return str(error)


REASONS = {
    "NoExamples": "at least one example",
    "SumsOutOfRange": "exceed the range",
    "SumsContradictory": "contradict each other",
    "LossesOutOfRange": "losses",
}


def assert_same(expected, found):
    if isinstance(found, str):
        assert isinstance(expected, str), (expected, found)
        assert REASONS[found] in expected
    else:
        assert (type(expected), expected) == (type(found), found)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(KINDS),
    sums=any_sums,
    minimum=st.integers(0, 2_000),
    z2=st.integers(0, 2**32 - 1),
)
def test_equal_to_the_contract_to_the_last_unit(contract, kind, sums, minimum, z2):
    number = KINDS.index(kind)
    raw = (sums.n, sums.b, sums.c, sums.bb, sums.cc, sums.bc)
    assert_same(
        off_chain(lambda: improvement_wad(kind, sums)),
        on_chain(contract.improvementWad(number, raw)),
    )
    assert_same(
        off_chain(lambda: improvement_bps(kind, sums)),
        on_chain(contract.improvementBps(number, raw)),
    )
    assert_same(
        off_chain(lambda: significant(kind, sums, min_effect_bps=minimum, z2_floor_e6=z2)),
        on_chain(contract.isSignificant(number, raw, minimum, z2)),
    )


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(KINDS), sums=pairs(losses), minimum=st.integers(0, 300))
def test_the_threshold_of_significance_is_the_contract_s(contract, kind, sums, minimum):
    assume(kind == "linear" or min(sums.b, sums.c) > 0)
    raw = (sums.n, sums.b, sums.c, sums.bb, sums.cc, sums.bc)
    floors = [0, 2**32 - 1]
    if not significant(kind, sums, min_effect_bps=minimum, z2_floor_e6=0):
        floors = [0]
    else:
        low, high = floors
        while high - low > 1:
            middle = (low + high) // 2
            if significant(kind, sums, min_effect_bps=minimum, z2_floor_e6=middle):
                low = middle
            else:
                high = middle
        floors = [low, high]
    for floor in floors:
        assert contract.isSignificant(KINDS.index(kind), raw, minimum, floor).call() == significant(
            kind, sums, min_effect_bps=minimum, z2_floor_e6=floor
        )


@pytest.mark.parametrize("n", [2**40 - 1, 2**40])
@pytest.mark.parametrize("kind", KINDS)
def test_the_edge_of_the_range(contract, kind, n):
    losses_at_the_edge = PairedSums(n, n * 10**9, n, n * 10**18, n, n * 10**9)
    assert_same(
        off_chain(
            lambda: significant(
                kind, losses_at_the_edge, min_effect_bps=2**32 - 1, z2_floor_e6=2**32 - 1
            )
        ),
        on_chain(
            contract.isSignificant(
                KINDS.index(kind),
                (n, n * 10**9, n, n * 10**18, n, n * 10**9),
                2**32 - 1,
                2**32 - 1,
            )
        ),
    )


def test_extreme_sums_do_not_overflow(contract):
    most, squares = 2**96 - 2**57, 2**152 - 1
    edge = PairedSums(2**40 - 1, -most, most, squares, squares, -squares)
    require_valid("linear", edge)
    raw = (edge.n, edge.b, edge.c, edge.bb, edge.cc, edge.bc)
    for z2 in (0, 2**32 - 1):
        assert contract.isSignificant(0, raw, 0, z2).call() == significant(
            "linear", edge, min_effect_bps=0, z2_floor_e6=z2
        )
