"""What the contract pays, and that it adds up."""

import math

import numpy as np
import pytest
from chain_world import CONTRIBUTORS, GENESIS, MODEL, OWNER, hits

from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.deltaone import PairedSums, improvement_bps, reward_wei, split


def test_pays_contributors_and_owner_to_the_wei(world):
    rate = 10**18 + 7
    world.configure(tokens_per_delta_one=rate)
    improvement = world.improvement(paid_bps=437)
    assert world.verifier.expected_reward(improvement, world.attest(improvement)) == reward_wei(
        437, rate
    )
    world.process(improvement)

    payout = split(reward_wei(437, rate), improvement.shares)
    for contributor, wei in payout.contributors.items():
        assert world.verifier.balance(contributor) == wei
    assert world.verifier.balance(OWNER) == payout.owner
    assert world.verifier.supply() == payout.total == reward_wei(437, rate)
    assert world.verifier.head(MODEL) == improvement.candidate
    assert world.verifier.is_used(improvement.evidence)
    assert world.verifier.is_seen(MODEL, improvement.candidate)
    state = world.verifier.model(MODEL)
    assert (state.minted, state.granted_today) == (payout.total, payout.total)


def test_the_chain_alone_tells_the_whole_payment(world):
    improvement = world.improvement()
    transaction = world.process(improvement)
    found = world.verifier.recorded(improvement.evidence)
    assert found.transaction == transaction
    assert (found.gate, found.payment) == (improvement.gate, improvement.payment)
    assert (found.paid_bps, found.measured_bps, found.look) == (500, 500, 1)
    assert list(found.contributors) == list(CONTRIBUTORS)
    assert sum(found.contributors.values()) + found.owner == found.reward == 5 * 10**18
    assert found.owner_address == OWNER
    assert found.to_dict()["reward"] == str(5 * 10**18)
    assert world.verifier.recorded("0x" + "77" * 32) is None


def test_an_owner_who_contributes_is_paid_for_both(world):
    world.configure(owner=CONTRIBUTORS[0])
    improvement = world.improvement()
    world.process(improvement)
    payout = split(5 * 10**18, improvement.shares)
    assert world.verifier.balance(CONTRIBUTORS[0]) == (
        payout.contributors[CONTRIBUTORS[0]] + payout.owner
    )
    assert world.verifier.recorded(improvement.evidence).owner == payout.owner


def test_three_signatures_are_as_good_as_two(world):
    improvement = world.improvement()
    world.process(improvement, world.attest(improvement, 3))
    assert world.verifier.supply() == 5 * 10**18


def test_a_lineage_of_improvements(world):
    first = world.improvement()
    world.process(first)
    second = world.improvement(
        evidence="0x" + "e2" * 32,
        champion=first.candidate,
        candidate="0x" + "03" * 32,
        gate=hits(400, 330, 360),
        payment=hits(300, 240, 249),
        paid_bps=300,
    )
    world.process(second)
    assert world.verifier.head(MODEL) == second.candidate
    assert world.verifier.supply() == 8 * 10**18


def test_two_hundred_contributors_in_one_call(world):
    accounts = tuple(world.web3.to_checksum_address(f"0x{0xC000 + i:040x}") for i in range(200))
    improvement = world.improvement(contributors=accounts, weights=(50,) * 200)
    world.process(improvement)
    assert world.verifier.supply() == 5 * 10**18
    assert world.verifier.balance(accounts[-1]) == 5 * 10**18 * 70 * 50 // 1_000_000


@pytest.mark.parametrize(("metric", "factor"), [("mse", 1), ("mae", 1), ("rmse", 2)])
def test_losses_pay_their_log_ratio(world, metric, factor):
    rng = np.random.default_rng(3)
    losses = rng.beta(2, 8, size=500)
    sums = PairedSums.of(losses, losses * 0.9)
    bps = improvement_bps(world_kind(metric), sums)
    assert bps == math.floor(10_000 * -math.log(0.9) / factor)
    config = ModelConfig(metric=metric, owner=OWNER)
    world.verifier.configure_model(world.keys.admin, "visits", config, GENESIS)
    improvement = world.improvement(
        model="visits", metric=metric, gate=sums, payment=sums, paid_bps=bps
    )
    world.process(improvement)
    assert world.verifier.supply() == reward_wei(bps, 10**18)


def world_kind(metric):
    return ModelConfig(metric=metric, owner=OWNER).kind


def test_a_promotion_below_the_minimum_moves_the_head_without_payment(world):
    unpaid = "0x" + "02" * 32
    moved = world.verifier.move_head(
        world.keys.admin, MODEL, GENESIS, unpaid, reason="promoted, below the payment minimum"
    )
    assert moved is not None
    again = world.verifier.move_head(world.keys.admin, MODEL, GENESIS, unpaid, reason="again")
    assert again is None
    assert world.verifier.supply() == 0
    (event,) = (event for event in world.verifier.events() if event.name == "HeadMoved")
    assert event.arguments["to"] == unpaid
    assert event.arguments["reason"] == "promoted, below the payment minimum"
    world.process(world.improvement(champion=unpaid, candidate="0x" + "03" * 32))


def test_terms_in_force_are_not_configured_again(world):
    assert world.configure() is None
    assert world.configure(budget=10**18) is not None
    assert world.verifier.model(MODEL).budget == 10**18


def test_status_is_plain(world):
    status = world.verifier.status()
    assert status["development"]
    assert status["quorum"] == 2
    assert sorted(status["oracles"]) == sorted(oracle.address for oracle in world.keys.oracles)
    assert Verifier(world.web3, world.verifier.address, home=world.home).head("unheard of") is None


def test_gas_of_an_ordinary_payment(world):
    first = world.improvement()
    world.process(first)
    second = world.improvement(
        evidence="0x" + "e2" * 32, champion=first.candidate, candidate="0x" + "03" * 32
    )
    transaction = world.process(second, world.attest(second, 3))
    assert world.web3.eth.get_transaction_receipt(transaction)["gasUsed"] < 250_000
