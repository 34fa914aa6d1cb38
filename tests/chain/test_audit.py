"""The ledger against the chain: what must be equal, and what is said when it is not."""

import re
import sqlite3
from dataclasses import replace

import pytest
from chain_world import CONTRIBUTORS, FAR, hits
from outbox_world import REWARD, open_paying
from reorganising import drop_blocks

from hokusai_mlflow.chain.audit import audit
from hokusai_mlflow.chain.claims import ClaimTree, pool_of
from hokusai_mlflow.chain.maintenance import RECORDED, Maintenance, decision_of, place_of
from hokusai_mlflow.verification.oracle import attest


@pytest.fixture
def paying(world):
    opened = open_paying(world.home)
    yield opened
    opened.ledger.close()
    opened.provider.chain.close()


@pytest.fixture
def paid(paying):
    """Two payments, settled."""
    outbox = paying.outbox()
    for improvement in paying.improvements(2):
        paying.enqueue(outbox, improvement)
    outbox.settle()
    return paying


def found(paying):
    return audit(paying.ledger, paying.verifier)


def difference(paying):
    (told,) = found(paying).differences
    return told


def test_nothing_at_all_is_clean(paying):
    told = found(paying)
    assert told.is_clean
    assert (told.payments, told.rows, told.supply) == (0, 0, 0)


def test_settled_payments_are_clean(paid):
    told = found(paid)
    assert told.is_clean
    assert (told.payments, told.rows, told.under_way) == (2, 2, 0)
    assert told.paid_on_chain == told.paid_in_ledger == told.supply == 2 * REWARD
    assert told.to_dict()["supply"] == str(2 * REWARD)


def test_a_payment_that_settling_will_find_is_under_way(paying):
    (improvement,) = paying.improvements(1)
    paying.enqueue(paying.outbox(), improvement)
    paying.world.process(improvement)
    told = found(paying)
    assert told.is_clean
    assert (told.payments, told.rows, told.under_way) == (1, 0, 1)
    paying.outbox().settle()
    assert (found(paying).rows, found(paying).under_way) == (1, 0)


def test_a_payment_that_the_ledger_never_saw(paying):
    (improvement,) = paying.improvements(1)
    paying.world.process(improvement)
    assert "but the ledger has no settlement of it" in difference(paying)


def test_a_payment_that_the_ledger_calls_failed(paying):
    (improvement,) = paying.improvements(1)
    outbox = paying.outbox()
    paying.enqueue(outbox, improvement, paying.world.attest(improvement, count=1))
    assert outbox.settle()[0].state == "failed"
    paying.world.process(improvement)
    assert "the ledger calls it failed" in difference(paying)


def test_a_row_whose_payment_is_gone(paid):
    drop_blocks(paid.provider.chain, 1, keep=lambda raw: False)
    told = difference(paid)
    assert "is confirmed in the ledger" in told
    assert "the contract recorded no such payment" in told
    paid.outbox().settle()
    assert found(paid).is_clean


def test_a_row_with_other_figures(paying):
    (improvement,) = paying.improvements(1)
    paying.enqueue(paying.outbox(), improvement)
    paying.world.process(improvement)
    recorded = paying.verifier.recorded(improvement.evidence)
    wrong = recorded.to_dict() | {"reward": str(REWARD + 1)}
    place = {
        "tx_hash": recorded.transaction,
        "block": recorded.block,
        "block_hash": recorded.block_hash,
    }
    key = improvement.evidence[2:]
    body = {"evidence": key, "by": "own", "recorded": wrong} | place
    paying.ledger.append("settlement.confirmed", f"{key}/1", body, model=improvement.model)
    assert f"the ledger has reward {REWARD + 1}, the chain {REWARD}" in difference(paying)


def test_a_ledger_that_was_changed(paid):
    paid.ledger.close()
    with sqlite3.connect(paid.world.home / "ledger.db") as changed:
        (trigger,) = changed.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%UPDATE%'"
        ).fetchone()
        changed.execute(f"DROP TRIGGER {trigger}")
        changed.execute("UPDATE entries SET model = 'other' WHERE seq = 1")
    changed.close()
    assert any("hash chain" in told for told in found(paid).differences)


def test_reading_starts_again_when_the_chain_is_reorganised_meanwhile(paid):
    undone = []

    def undo(method, params):
        if method == "eth_getLogs" and not undone:
            undone.append(True)
            paid.provider.chain.answer("evm_mine", [])
            drop_blocks(paid.provider.chain, 2)

    paid.provider.before = undo
    assert found(paid).payments == 2
    assert paid.provider.count("eth_getLogs") >= 2


def test_nodes_with_short_ranges_are_asked_in_parts(paid):
    def short(method, params):
        if method == "eth_getLogs":
            span = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16)
            if span >= 2:
                error = {"code": -32005, "message": "query exceeds max block range 2"}
                return {"jsonrpc": "2.0", "id": 1, "error": error}
        return None

    paid.provider.before = short
    assert found(paid).payments == 2


# ---------------------------------------------------------------------- claims and holdings


@pytest.fixture
def rich(world):
    """One payment to a tree, a part of it held back; some of it claimed, nothing decided."""
    paying = open_paying(world.home)
    world.configure(holdback=3000)
    tree = ClaimTree(dict.fromkeys(CONTRIBUTORS, 1))
    (first,) = paying.improvements(1)
    first = replace(first, contributors=(), weights=(), claims_root=tree.root)
    outbox = paying.outbox()
    paying.enqueue(outbox, first)
    assert outbox.settle()[0].state == "confirmed"
    for share in tree.shares[:2]:
        world.verifier.claim(world.keys.admin, first.evidence, share, tree.proof(share))
    paying.first = first
    yield paying
    paying.ledger.close()
    paying.provider.chain.close()


def decide(paying, sums, report="0x" + "ab" * 32):
    """A decision about what is held back, that the ledger knows nothing of."""
    world = paying.world
    maintenance = Maintenance(paying.first.evidence, report, sums, FAR)
    signatures = attest(maintenance, world.verifier.domain, world.keys.oracles[:2])
    return world.verifier.record_maintenance(
        world.keys.admin, paying.first, maintenance, signatures
    )


def test_claims_and_holdings_are_told(rich):
    pool, told = pool_of(REWARD * 7 // 10), found(rich)
    assert told.is_clean, told.differences
    assert (told.claims, told.held, told.vested, told.returned) == (2, REWARD * 3 // 10, 0, 0)
    assert abs(told.unclaimed - pool // 3) <= 3
    assert told.supply == REWARD - told.unclaimed - told.held


@pytest.mark.parametrize("lasts", [True, False])
def test_decisions_of_others_are_told_and_no_difference(rich, lasts):
    decide(rich, hits(300, 225, 240 if lasts else 225))
    told, held = found(rich), REWARD * 3 // 10
    assert told.is_clean, told.differences
    assert told.decisions_by_others == 1
    assert (told.held, told.vested, told.returned) == (0, held * lasts, held * (not lasts))
    assert told.to_dict()["vested"] == str(held * lasts)


def without(name, nth=0):
    def change(events):
        found = [event for event in events if event.name == name]
        return tuple(event for event in events if event is not found[nth])

    return change


def doubled(name):
    def change(events):
        (first, *_) = (event for event in events if event.name == name)
        return (*events, first)

    return change


def with_amount(name, factor):
    def change(events):
        (first, *_) = (event for event in events if event.name == name)
        more = first.arguments | {"amount": first.arguments["amount"] * factor}
        return tuple(replace(first, arguments=more) if e is first else e for e in events)

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without("ShareClaimed"), "granted"),
        (doubled("ShareClaimed"), "granted"),
        (with_amount("ShareClaimed", 10), "wei were claimed, of"),
        (without("ClaimsOpened"), "wei were claimed, of 105"),
        (without("RewardHeld"), "wei vested, of 0"),
        (without("RewardDistributed", -1), "the token's supply is"),
        (without("MaintenanceRecorded"), "to be claimed or held back, the contract has"),
        (doubled("MaintenanceRecorded"), "was decided 2 times"),
        (with_amount("MaintenanceRecorded", 2), "wei vested, of"),
        (without("ImprovementRecorded"), "but never recorded it"),
    ],
)
def test_events_that_do_not_add_up(rich, monkeypatch, change, expected):
    decide(rich, hits(300, 225, 240))
    assert found(rich).is_clean
    events = rich.verifier.events
    monkeypatch.setattr(rich.verifier, "events", lambda **given: change(events(**given)))
    told = found(rich)
    assert not told.is_clean
    assert any(re.search(expected, line) for line in told.differences), told.differences


def row(paying, **changes):
    """The ledger's entry about the decision on chain, changed."""
    body = decision_of(paying.verifier.event("MaintenanceRecorded", paying.first.evidence))
    place = place_of(31337, paying.verifier.address, paying.first.evidence)
    paying.ledger.append(RECORDED, place, body | changes, model=paying.first.model)


def test_a_decision_of_this_ledger(rich):
    decide(rich, hits(300, 225, 240))
    row(rich)
    assert found(rich).is_clean
    assert found(rich).decisions_by_others == 0


@pytest.mark.parametrize(
    "changes",
    [{"amount": "1"}, {"maintained": False}, {"report": "0x" + "cd" * 32}, {"measured_bps": 1}],
)
def test_a_decision_with_other_figures(rich, changes):
    decide(rich, hits(300, 225, 240))
    row(rich, **changes)
    (name,) = changes
    assert f"the ledger has {name} {changes[name]}" in difference(rich)


def test_a_decision_that_is_gone(rich):
    decide(rich, hits(300, 225, 240))
    row(rich)
    rich.provider.chain.answer("evm_mine", [])
    drop_blocks(rich.provider.chain, 2, keep=lambda raw: False)
    rich.provider.chain.answer("evm_mine", [])
    assert "the contract recorded no such decision" in difference(rich)
