"""Rewards of which a part vests only when the improvement lasts."""

import pytest
from chain_world import CONTRIBUTORS, FAR, MODEL, OWNER, hits

from hokusai_mlflow.chain.claims import ClaimTree, pool_of
from hokusai_mlflow.chain.maintenance import Maintenance
from hokusai_mlflow.deltaone import split
from hokusai_mlflow.errors import ContractRefused, InputError
from hokusai_mlflow.verification.oracle import attest

REWARD, HELD = 5 * 10**18, 15 * 10**17
LASTS, FADED = hits(300, 225, 230), hits(300, 225, 225)


@pytest.fixture
def holding(world):
    """The world with 30 % held back, and one improvement paid."""
    world.configure(holdback=3000)
    world.process(world.improvement())
    return world


def record(world, sums=LASTS, *, improvement=None, count=2, **changes):
    improvement = improvement or world.improvement()
    given = {"evidence": improvement.evidence, "report": "0x" + "ab" * 32} | changes
    maintenance = Maintenance(sums=sums, **({"deadline": FAR} | given))
    signatures = attest(maintenance, world.verifier.domain, world.keys.oracles[:count])
    return world.verifier.record_maintenance(world.keys.admin, improvement, maintenance, signatures)


def balances(world):
    return {account: world.verifier.balance(account) for account in (*CONTRIBUTORS, OWNER)}


def paid(*amounts):
    improvement_shares = dict(zip(CONTRIBUTORS, (5000, 3333, 1667), strict=True))
    payouts = [split(amount, improvement_shares) for amount in amounts]
    parts = {
        account: sum(payout.contributors[account] for payout in payouts) for account in CONTRIBUTORS
    }
    return parts | {OWNER: sum(payout.owner for payout in payouts)}


def test_a_part_is_held_back(holding):
    assert balances(holding) == paid(REWARD - HELD)
    recorded = holding.verifier.recorded(holding.improvement().evidence)
    assert (recorded.reward, recorded.held) == (REWARD, HELD)
    assert sum(recorded.contributors.values()) + recorded.owner + recorded.held == REWARD
    state = holding.verifier.model(MODEL)
    assert (state.minted, state.reserved, state.holdback) == (REWARD - HELD, HELD, 3000)
    assert holding.verifier.held(recorded.evidence) == HELD


def test_it_is_paid_when_the_improvement_lasts(holding):
    record(holding)
    assert balances(holding) == paid(REWARD - HELD, HELD)
    state = holding.verifier.model(MODEL)
    assert (state.minted, state.reserved) == (REWARD, 0)
    with pytest.raises(ContractRefused, match="NothingHeld"):
        record(holding, report="0x" + "ac" * 32)


def test_it_returns_to_the_budget_when_not(holding):
    holding.configure(holdback=3000, budget=REWARD)
    record(holding, FADED)
    assert balances(holding) == paid(REWARD - HELD)
    state = holding.verifier.model(MODEL)
    assert (state.minted, state.reserved) == (REWARD - HELD, 0)
    (event,) = (e for e in holding.verifier.events() if e.name == "MaintenanceRecorded")
    assert event.arguments["maintained"] is False
    assert event.arguments["measuredBps"] == 0
    assert event.arguments["amount"] == HELD


def test_held_shares_of_a_tree(world):
    world.configure(holdback=3000)
    tree = ClaimTree(dict.fromkeys(CONTRIBUTORS, 1))
    improvement = world.improvement(contributors=(), weights=(), claims_root=tree.root)
    world.process(improvement)
    sender, evidence = world.keys.admin, improvement.evidence
    early, late = tree.shares[0], tree.shares[1]
    now, later = pool_of(REWARD - HELD), pool_of(HELD)
    world.verifier.claim(sender, evidence, early, tree.proof(early))
    assert world.verifier.balance(early.account) == early.of(now)
    record(world, improvement=improvement)
    for share in (early, late, tree.shares[2]):
        world.verifier.claim(sender, evidence, share, tree.proof(share))
        assert world.verifier.balance(share.account) == share.of(now) + share.of(later)
    assert world.verifier.supply() == REWARD
    assert world.verifier.model(MODEL).reserved == 0


def test_the_events_alone_rebuild_the_state(world):
    world.configure(holdback=3000)
    admin = world.keys.admin
    tree = ClaimTree(dict.fromkeys(CONTRIBUTORS, 1))
    first = world.improvement(contributors=(), weights=(), claims_root=tree.root)
    world.process(first)
    world.verifier.claim(admin, first.evidence, tree.shares[0], tree.proof(tree.shares[0]))
    record(world, improvement=first)
    later = {"champion": first.candidate, "candidate": "0x" + "03" * 32}
    second = world.improvement(evidence="0x" + "e2" * 32, **later)
    world.process(second)
    record(world, FADED, improvement=second, report="0x" + "ad" * 32)
    world.verifier.move_head(admin, MODEL, second.candidate, "0x" + "04" * 32, reason="by hand")

    head, minted, reserved = None, 0, 0
    for event in world.verifier.events():
        told = event.arguments
        if event.name == "ModelConfigured":
            head = head or told["genesisChampion"]
        elif event.name == "ImprovementRecorded":
            head = told["candidate"]
        elif event.name == "HeadMoved":
            head = told["to"]
        elif event.name == "RewardDistributed":
            minted += told["amount"]
        elif event.name in {"RewardHeld", "ClaimsOpened"}:
            reserved += told["amount"]
        elif event.name in {"MaintenanceRecorded", "ShareClaimed"}:
            reserved -= told["amount"]
    state = world.verifier.model(MODEL)
    assert (state.head, state.minted, state.reserved) == (head, minted, reserved)
    assert world.verifier.supply() == minted


@pytest.mark.parametrize(
    ("error", "how"),
    [
        ("QuorumMissing", {"count": 1}),
        ("TooFewSamples", {"sums": hits(29, 20, 25)}),
        ("Expired", {"deadline": 1_000_000_000}),
        ("EvidenceUsed", {"report": "0x" + "e2" * 32}),
        ("NothingHeld", {"evidence": "0x" + "99" * 32}),
    ],
)
def test_measurements_that_are_refused(holding, error, how):
    if error == "EvidenceUsed":
        second = holding.improvement(
            evidence=how["report"],
            champion=holding.improvement().candidate,
            candidate="0x" + "03" * 32,
        )
        holding.process(second)
    with pytest.raises(ContractRefused) as caught:
        record(holding, **how)
    assert caught.value.reason == error
    assert holding.verifier.held(holding.improvement().evidence) == HELD


def test_another_improvement_than_was_recorded(holding):
    other = holding.improvement(paid_bps=499)
    with pytest.raises(ContractRefused, match="ImprovementIsAnother"):
        record(holding, improvement=other)


def test_only_after_the_period(world):
    world.configure(holdback=3000, holdback_period=86_400)
    world.process(world.improvement())
    with pytest.raises(ContractRefused, match="TooEarly"):
        record(world)


def test_a_report_is_about_something_later(world):
    with pytest.raises(InputError, match="later measurement"):
        record(world, report=world.improvement().evidence)
