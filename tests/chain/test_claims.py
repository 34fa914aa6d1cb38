"""Shares of rewards for more people than one call can pay."""

from fractions import Fraction
from itertools import pairwise

import pytest
from chain_world import MODEL, OWNER
from hypothesis import given
from hypothesis import strategies as st

from hokusai_mlflow.chain.claims import SHARE_TOTAL, ClaimTree, merkle_nodes, pool_of
from hokusai_mlflow.chain.events import RecordedImprovement
from hokusai_mlflow.errors import ContractRefused, InputError


def account(number: int) -> str:
    return f"0x{number:040x}"


def many(count: int) -> dict[str, int]:
    return {account(0xC000 + number): number % 997 + 1 for number in range(count)}


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=40),
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**128 - 1),
)
def test_shares_sum_to_the_pool_to_the_wei(weights, pool, vested):
    tree = ClaimTree({account(number + 1): weight for number, weight in enumerate(weights)})
    assert (tree.shares[0].start, tree.shares[-1].end) == (0, SHARE_TOTAL)
    assert all(first.end == second.start for first, second in pairwise(tree.shares))
    assert sum(share.of(pool) for share in tree.shares) == pool
    assert sum(share.of(vested) for share in tree.shares) == vested
    for share, weight in zip(tree.shares, weights, strict=True):
        assert abs(share.of(SHARE_TOTAL) - Fraction(SHARE_TOTAL * weight, sum(weights))) < 1


def test_the_tree_is_openzeppelin_s():
    # Made with @openzeppelin/merkle-tree 1.0.8 from the same three values.
    tree = ClaimTree({account(0xC1): 1, account(0xC2): 2, account(0xC3): 3})
    assert tree.root == OPENZEPPELIN_ROOT
    assert ["0x" + node.hex() for node in tree.proof(tree.share(account(0xC1)))] == PROOF_OF_C1


OPENZEPPELIN_ROOT = "0xd482ad94770fa050adbc73d13ca5624adfbc8e2d1e13f75ca62828bddfa6d78d"
PROOF_OF_C1 = [
    "0x347f0b35eda5c82a599390764d5769d011af47fab31f15703ac26dd591a48562",
    "0xdbaf0efa3001e4b1ff8d2939fcd7e6e27d897296f88c3c91483721c484a63481",
]


def test_what_is_no_tree():
    with pytest.raises(InputError, match="at least one account"):
        ClaimTree({})
    with pytest.raises(InputError, match="positive weights"):
        ClaimTree({account(1): 0})
    with pytest.raises(InputError, match=r"below 1e-18"):
        ClaimTree({account(1): 1, account(2): 10**19})
    with pytest.raises(InputError, match="not among the 2"):
        ClaimTree({account(1): 1, account(2): 1}).share(account(3))
    assert len(merkle_nodes([bytes(32)])) == 1


def process(world, tree, **changes):
    improvement = world.improvement(contributors=(), weights=(), claims_root=tree.root, **changes)
    transaction = world.process(improvement)
    receipt = world.web3.eth.get_transaction_receipt(transaction)
    return improvement, world.verifier.improvement_in(receipt, improvement.evidence)


def test_ten_thousand_contributors_claim_what_is_theirs(world):
    tree = ClaimTree(many(10_000))
    improvement, recorded = process(world, tree)
    pool = pool_of(5 * 10**18)
    assert isinstance(recorded, RecordedImprovement)
    assert (recorded.claims_root, recorded.to_claim) == (tree.root, pool)
    assert recorded.owner + recorded.to_claim == recorded.reward == 5 * 10**18
    assert world.verifier.balance(OWNER) == world.verifier.supply() == recorded.owner
    assert world.verifier.model(MODEL).reserved == pool

    anyone = world.keys.oracles[0]
    paid = 0
    for share in (tree.shares[0], tree.shares[4_999], tree.shares[-1]):
        world.verifier.claim(anyone, improvement.evidence, share, tree.proof(share))
        assert world.verifier.balance(share.account) == share.of(pool)
        assert world.verifier.claimed(improvement.evidence, share) == share.of(pool)
        paid += share.of(pool)
        with pytest.raises(ContractRefused, match="NothingToClaim"):
            world.verifier.claim(anyone, improvement.evidence, share, tree.proof(share))
    state = world.verifier.model(MODEL)
    assert (state.minted, state.reserved) == (recorded.owner + paid, pool - paid)
    assert world.verifier.supply() == state.minted


def test_claims_that_are_refused(world):
    tree = ClaimTree(many(5))
    first, second = tree.shares[:2]
    sender, evidence = world.keys.admin, world.improvement().evidence

    def reason(share, proof, of=evidence):
        with pytest.raises(ContractRefused) as caught:
            world.verifier.claim(sender, of, share, proof)
        return caught.value.reason

    assert reason(first, tree.proof(first)) == "ShareNotInTree"
    process(world, tree)
    assert reason(first, tree.proof(second)) == "ShareNotInTree"
    assert reason(first, tree.proof(first), "0x" + "77" * 32) == "ShareNotInTree"
    assert reason(first, []) == "ShareNotInTree"
    world.verifier.transact(sender, "pause")
    assert reason(first, tree.proof(first)) == "EnforcedPause"


def test_a_list_and_a_tree_at_once(world):
    message = world.improvement().message() | {"claimsRoot": bytes([1]) * 32}
    with pytest.raises(ContractRefused, match="ListAndTree"):
        world.verifier.transact(world.keys.admin, "processImprovement", message, [])
    with pytest.raises(InputError, match="not both"):
        world.improvement(claims_root="0x" + "01" * 32)


def test_the_budget_counts_what_is_still_to_be_claimed(world):
    world.configure(budget=9 * 10**18)
    improvement, _ = process(world, ClaimTree(many(3)))
    with pytest.raises(ContractRefused, match="BudgetExceeded") as caught:
        process(
            world,
            ClaimTree(many(3)),
            evidence="0x" + "e2" * 32,
            champion=improvement.candidate,
            candidate="0x" + "03" * 32,
        )
    assert caught.value.arguments["left"] == 4 * 10**18
    with pytest.raises(ContractRefused, match="ConfigOutOfRange"):
        world.configure(budget=5 * 10**18 - 1)
