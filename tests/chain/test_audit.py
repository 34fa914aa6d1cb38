"""The ledger against the chain: what must be equal, and what is said when it is not."""

import sqlite3

import pytest
from outbox_world import REWARD, open_paying
from reorganising import drop_blocks

from hokusai_mlflow.chain.audit import audit


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
