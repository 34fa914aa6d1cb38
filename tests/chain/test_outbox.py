"""Every enqueued improvement is paid once, whatever happens on the way."""

import json
import sqlite3
from dataclasses import replace
from itertools import pairwise
from shutil import copytree

import pytest
from chain_world import CONTRIBUTORS, OWNER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outbox_world import REWARD, once, open_paying, refused, unattested
from reorganising import drop_blocks

from hokusai_mlflow.chain.fees import GWEI, FeePolicy, Fees
from hokusai_mlflow.chain.local import LocalChain
from hokusai_mlflow.errors import ChainUnreachable, InputError, LedgerConflict, WrongChain


@pytest.fixture
def paying(home):
    opened = open_paying(home)
    yield opened
    opened.ledger.close()
    opened.provider.chain.close()


@pytest.fixture
def outbox(paying):
    return paying.outbox()


@pytest.fixture
def improvement(paying):
    return paying.improvements(1)[0]


# ---------------------------------------------------------------------- the plain way


def test_an_improvement_is_paid_and_told(paying, outbox, improvement):
    intent = paying.enqueue(outbox, improvement)
    assert intent.key == improvement.evidence[2:]
    assert outbox.settlement(improvement.evidence).state == "intent"
    (paid,) = outbox.settle()
    assert paid.state == "confirmed"
    assert paid.is_final
    assert paid.error is None
    assert paid.reward == REWARD == sum(paid.paid.values())
    assert paid.paid[OWNER] == REWARD * 30 // 100 == paying.verifier.balance(OWNER)
    assert all(paid.paid[c] == paying.verifier.balance(c) for c in CONTRIBUTORS)
    receipt = paying.world.web3.eth.get_transaction_receipt(paid.tx_hash)
    assert (receipt["status"], receipt["blockNumber"]) == (1, paid.block)
    assert paying.kinds() == ["intent", "signed", "broadcast", "confirmed"]
    assert outbox.settlement(improvement.evidence[2:]) == paid
    assert json.loads(json.dumps(paid.to_dict()))["reward"] == str(REWARD)
    assert "\n" not in repr(paid)
    assert "5 DeltaOnes to 4 addresses" in repr(paid)
    paying.require_paid(1)


def test_settling_again_does_nothing(paying, outbox, improvement):
    paying.enqueue(outbox, improvement)
    outbox.settle()
    entries = paying.ledger.entries()
    assert outbox.settle() == []
    assert paying.outbox().settle() == []
    assert paying.ledger.entries() == entries
    assert paying.provider.count("eth_sendRawTransaction") == 1


def test_enqueueing_again_keeps_the_first_intent(paying, outbox, improvement):
    first = paying.enqueue(outbox, improvement)
    assert paying.enqueue(outbox, improvement) == first
    later = unattested(improvement)
    assert paying.enqueue(outbox, later) == first, "a rerun attests with another deadline"
    outbox.settle()
    assert paying.enqueue(outbox, later) == first
    assert outbox.settle() == []
    paying.require_paid(1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"paid_bps": 400}, "another paid_bps"),
        ({"weights": (4000, 4000, 2000)}, "another weights"),
        ({"model": "other"}, "another model"),
    ],
)
def test_an_evidence_pays_one_improvement(paying, outbox, improvement, changes, told):
    paying.enqueue(outbox, improvement)
    with pytest.raises(LedgerConflict, match=told):
        paying.enqueue(outbox, replace(improvement, **changes))


def test_an_evidence_that_was_never_enqueued_is_an_error(outbox):
    with pytest.raises(InputError, match="was enqueued for the contract"):
        outbox.settlement("ab" * 32)


def test_a_lineage_is_paid_in_its_order_however_it_was_enqueued(paying, outbox):
    improvements = paying.improvements(4)
    for improvement in reversed(improvements):
        paying.enqueue(outbox, improvement)
    settled = outbox.settle()
    assert [s.state for s in settled] == ["confirmed"] * 4
    blocks = [outbox.settlement(i.evidence).block for i in improvements]
    assert blocks == sorted(blocks)
    assert "waiting" not in paying.kinds()
    assert paying.verifier.head("digits") == improvements[-1].candidate
    paying.require_paid(4)


def test_models_do_not_wait_for_each_other(paying, outbox):
    paying.configure("doctor_visits")
    blocked = paying.improvements(2)[1]
    free = paying.improvements(1, model="doctor_visits")[0]
    paying.enqueue(outbox, blocked)
    paying.enqueue(outbox, free)
    waiting, paid = outbox.settle()
    assert (waiting.state, paid.state) == ("waiting", "confirmed")
    assert "HeadIsAnother" in waiting.error
    assert [s.model for s in outbox.settlements()] == ["digits", "doctor_visits"]
    assert outbox.settlements(model="doctor_visits") == [paid]


def test_depth_is_waited_for(paying, improvement):
    outbox = paying.outbox(finality=3)
    paying.enqueue(outbox, improvement)
    (shallow,) = outbox.settle(timeout=0.1)
    assert (shallow.state, shallow.paid) == ("broadcast", {})
    assert paying.kinds()[-1] == "mined"
    paying.world.web3.provider.make_request("evm_mine", [])
    assert outbox.settle(timeout=0.1)[0].state == "broadcast"
    paying.world.web3.provider.make_request("evm_mine", [])
    (deep,) = outbox.settle()
    assert (deep.state, deep.block) == ("confirmed", shallow.block)
    assert paying.kinds().count("mined") == 1
    paying.require_paid(1)


def test_the_chains_own_finality_may_be_asked_for(paying, improvement):
    outbox = paying.outbox(finality="finalized")
    paying.enqueue(outbox, improvement)
    assert outbox.settle()[0].state == "confirmed"
    for wrong in (0, "soon", True, 1.5):
        with pytest.raises(InputError, match="whole number from 1"):
            paying.outbox(finality=wrong)


def test_a_tag_that_lags_behind_is_waited_for_where_depth_would_do(paying, improvement):
    """The payment is three blocks deep, and only two of them are what the chain calls safe."""
    lag, plain = [3], paying.world.web3

    def lagging(method, params):
        if method != "eth_getBlockByNumber" or params[0] != "safe":
            return None
        return plain.provider.make_request(method, [hex(plain.eth.block_number - lag[0]), False])

    paying.provider.before = lagging
    outbox = paying.outbox(finality="safe")
    paying.enqueue(outbox, improvement)
    outbox.settle(timeout=0)
    for _ in range(2):
        plain.provider.make_request("evm_mine", [])
    assert outbox.settle(timeout=0.1)[0].state == "broadcast"
    assert paying.kinds()[-1] == "mined"
    lag[0] = 2
    assert outbox.settle()[0].state == "confirmed"
    paying.require_paid(1)


@pytest.mark.parametrize(
    "answer",
    [
        {"jsonrpc": "2.0", "id": 1, "result": None},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "invalid block tag"}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -39001, "message": "Unknown block"}},
    ],
    ids=["none yet", "unknown tag", "geth before its first"],
)
def test_an_endpoint_without_tags_says_so_and_pays_once(paying, improvement, answer):
    def untagged(method, params):
        return answer if method == "eth_getBlockByNumber" and params[0] == "finalized" else None

    paying.provider.before = untagged
    outbox = paying.outbox(finality="finalized")
    paying.enqueue(outbox, improvement)
    (stuck,) = outbox.settle(timeout=5)
    assert stuck.state == "broadcast"
    assert "does not name a finalized block" in stuck.error
    assert "chain.finality" in stuck.error
    assert paying.outbox(finality=1).settle()[0].state == "confirmed"
    paying.require_paid(1)


# ---------------------------------------------------------------------- lost and doubled messages


@pytest.mark.parametrize("delivered", [True, False], ids=["delivered", "not delivered"])
def test_a_lost_reply_is_resolved_by_looking_up_the_own_hash(
    paying, outbox, improvement, delivered
):
    lost = []

    def lose(method, params, response=None):
        if method == "eth_sendRawTransaction" and len(lost) < 2:
            lost.append(response)
            raise ConnectionError("the answer was lost")
        return response

    if delivered:
        paying.provider.after = lose
    else:
        paying.provider.before = lose
    paying.enqueue(outbox, improvement)
    assert outbox.settle()[0].state == "confirmed"
    assert paying.kinds().count("signed") == 1
    assert paying.provider.count("eth_sendRawTransaction") == (1 if delivered else 3)
    paying.require_paid(1)


@pytest.mark.parametrize("answer", ["nonce too low", "already known", "AlreadyExists"])
def test_a_doubled_delivery_that_a_node_refuses_is_success(paying, outbox, improvement, answer):
    def deliver_twice(params):
        paying.world.web3.eth.send_raw_transaction(params[0])
        return refused(answer)

    paying.provider.before = once(deliver_twice)
    paying.enqueue(outbox, improvement)
    assert outbox.settle()[0].state == "confirmed"
    assert paying.kinds() == ["intent", "signed", "broadcast", "confirmed"]
    paying.require_paid(1)


def test_a_chain_that_falls_silent_is_tried_until_the_time_is_up(paying, outbox, improvement):
    def silent(method, params):
        if method == "eth_sendRawTransaction":
            paying.provider.before = unreachable
            raise ChainUnreachable("the RPC endpoint does not answer")

    def unreachable(method, params):
        raise ChainUnreachable("the RPC endpoint does not answer")

    paying.enqueue(outbox, improvement)
    paying.provider.before = silent
    (cut,) = outbox.settle(timeout=0.2)
    assert (cut.state, cut.error) == ("signed", "the RPC endpoint does not answer")
    with pytest.raises(ChainUnreachable):
        outbox.settle()
    paying.provider.before = lambda method, params: None
    (paid,) = outbox.settle()
    assert (paid.state, paid.error, paid.tx_hash) == ("confirmed", None, cut.tx_hash)
    paying.require_paid(1)


def test_another_chain_behind_the_same_endpoint_is_refused(paying, outbox, improvement):
    paying.enqueue(outbox, improvement)
    paying.provider.before = lambda method, params: (
        {"jsonrpc": "2.0", "id": 1, "result": "0x1"} if method == "eth_chainId" else None
    )
    with pytest.raises(WrongChain, match="now serves chain 1"):
        outbox.settle()
    assert paying.kinds() == ["intent"]


def test_a_node_that_refuses_is_told_and_asked_again_next_time(paying, outbox, improvement):
    paying.provider.before = once(lambda _: refused("insufficient funds for gas * price + value"))
    paying.enqueue(outbox, improvement)
    (parked,) = outbox.settle()
    assert parked.state == "signed"
    assert "insufficient funds" in parked.error
    assert outbox.settle()[0].state == "confirmed"
    paying.require_paid(1)


# ---------------------------------------------------------------------- nonces


def steal(paying, nonce):
    """Use the settling key's nonce for something else."""
    web3, key = paying.world.web3, paying.settling_key
    raw, _ = key.sign_transaction(
        {
            "to": OWNER,
            "value": 1,
            "data": b"",
            "chainId": 31337,
            "nonce": nonce,
            "gas": 21_000,
            "maxFeePerGas": 10 * GWEI,
            "maxPriorityFeePerGas": GWEI,
            "type": 2,
        }
    )
    web3.eth.send_raw_transaction(raw)


def test_a_stolen_nonce_is_given_up_only_when_the_theft_is_deep(paying, improvement):
    outbox = paying.outbox(finality=3)
    paying.provider.before = once(lambda _: steal(paying, 0))
    paying.enqueue(outbox, improvement)
    (stolen,) = outbox.settle(timeout=0.1)
    assert (stolen.state, paying.kinds()) == ("signed", ["intent", "signed"])
    for _ in range(2):
        paying.world.web3.provider.make_request("evm_mine", [])
    outbox.settle(timeout=0.2)
    for _ in range(2):
        paying.world.web3.provider.make_request("evm_mine", [])
    (paid,) = outbox.settle()
    assert paid.state == "confirmed"
    assert paid.tx_hash != stolen.tx_hash
    assert [k for k in paying.kinds() if k != "mined"] == [
        "intent",
        "signed",
        "dropped",
        "signed",
        "broadcast",
        "confirmed",
    ]
    dropped = paying.ledger.entries(kind="settlement.dropped")[0].body
    assert (dropped["nonce"], dropped["tx_hashes"]) == (0, [stolen.tx_hash])
    paying.require_paid(1)


def test_a_nonce_that_is_reserved_is_not_taken_again(paying, outbox):
    paying.configure("doctor_visits")
    first, second = paying.improvements(1) + paying.improvements(1, model="doctor_visits")
    paying.enqueue(outbox, first)
    paying.provider.before = once(lambda _: refused("insufficient funds"))
    assert outbox.settle()[0].state == "signed"
    paying.provider.before = once(lambda _: refused("insufficient funds"))
    paying.enqueue(outbox, second)
    states = [s.state for s in outbox.settle()]
    assert states == ["signed", "broadcast"], "queued behind the nonce that cannot go yet"
    assert [s.state for s in outbox.settle()] == ["confirmed", "confirmed"]
    nonces = [e.body["nonce"] for e in paying.ledger.entries(kind="settlement.signed")]
    assert nonces == [0, 1]
    paying.require_paid(2)


def queued_by_a_stranger(paying, count):
    """Let the node tell of transactions in its queue that it loses afterwards."""

    def tell(method, params):
        if method == "eth_getTransactionCount" and params[1] == "pending":
            return {"jsonrpc": "2.0", "id": 1, "result": hex(count)}
        return None

    paying.provider.before = tell


def test_nonces_that_got_lost_before_ours_are_filled(paying, improvement):
    outbox = paying.outbox(bump_after=0.05)
    paying.enqueue(outbox, improvement)
    queued_by_a_stranger(paying, 2)
    (blocked,) = paying.outbox().settle(timeout=0)
    assert blocked.state in {"signed", "broadcast"}
    paying.provider.before = lambda method, params: None
    (paid,) = outbox.settle(timeout=10)
    assert (paid.state, paid.tx_hash) == ("confirmed", blocked.tx_hash), "no other one was signed"
    fillers = [e.body for e in paying.ledger.entries(kind="settlement.filled")]
    assert [filler["nonce"] for filler in fillers] == [0, 1]
    assert paying.kinds().count("signed") == 1
    paying.require_paid(1)


def test_a_settler_that_is_killed_before_it_sends_a_filler_is_finished(paying, improvement):
    outbox = paying.outbox(bump_after=0.05)
    paying.enqueue(outbox, improvement)
    queued_by_a_stranger(paying, 1)
    paying.outbox().settle(timeout=0)

    def no_filler(method, params):
        if method == "eth_sendRawTransaction" and paying.kinds().count("filled"):
            raise Crash

    paying.provider.before = no_filler
    with pytest.raises(Crash):
        outbox.settle(timeout=5)
    paying.provider.before = lambda method, params: None
    assert paying.outbox(bump_after=30).settle(timeout=0.2)[0].state == "broadcast"
    assert paying.outbox(bump_after=0.05).settle(timeout=10)[0].state == "confirmed"
    paying.require_paid(1)


def test_a_nonce_of_ours_that_waits_is_not_filled(paying):
    paying.configure("doctor_visits")
    first, second = paying.improvements(1) + paying.improvements(1, model="doctor_visits")
    outbox = paying.outbox(bump_after=0)
    for improvement in (first, second):
        paying.enqueue(outbox, improvement)
        paying.provider.before = once(lambda _: refused("insufficient funds"))
        outbox.settle()
    assert [s.state for s in outbox.settle()] == ["confirmed", "confirmed"]
    assert "filled" not in paying.kinds()


def test_a_nonce_that_another_wallet_holds_in_the_queue_is_left_to_it(paying, improvement):
    outbox = paying.outbox()
    paying.provider.before = once(lambda _: refused("replacement transaction underpriced"))
    paying.enqueue(outbox, improvement)
    assert outbox.settle()[0].state == "confirmed"
    assert paying.kinds().count("signed") == 1, "no bidding against somebody who is mined anyway"


# ---------------------------------------------------------------------- other settlers


def test_a_payment_by_another_settler_is_found_by_its_event(paying, outbox, improvement):
    paying.enqueue(outbox, improvement)
    theirs = paying.world.process(improvement)
    (paid,) = outbox.settle()
    assert (paid.state, paid.tx_hash, paid.reward) == ("confirmed", theirs, REWARD)
    assert paying.kinds() == ["intent", "confirmed"]
    assert paying.ledger.entries(newest_first=True, limit=1)[0].body["by"] == "another"
    paying.require_paid(1)


def test_another_settler_may_be_first_while_ours_is_under_way(paying, outbox, improvement):
    theirs = []
    paying.provider.before = once(lambda _: theirs.append(paying.world.process(improvement)))
    paying.enqueue(outbox, improvement)
    (paid,) = outbox.settle()
    assert (paid.state, paid.tx_hash) == ("confirmed", theirs[0])
    assert paying.kinds() == ["intent", "signed", "broadcast", "dropped", "confirmed"]
    paying.require_paid(1)


def test_two_settlers_share_one_ledger(paying):
    """The second one acts in the middle of every step that the first one takes on the chain."""
    first, second = paying.outbox(), paying.outbox(verifier=paying.world.verifier)
    for improvement in paying.improvements(3):
        paying.enqueue(first, improvement)
    busy = []

    def interleave(method, params):
        if not busy and method in {"eth_estimateGas", "eth_sendRawTransaction"}:
            busy.append(True)
            second.settle()
            busy.clear()

    paying.provider.before = interleave
    first.settle()
    assert [s.state for s in first.settlements()] == ["confirmed"] * 3
    assert paying.kinds().count("signed") == 3
    paying.require_paid(3)


def test_a_settler_with_another_key_finishes_what_one_began(paying, outbox, improvement):
    paying.provider.before = once(lambda _: refused("insufficient funds"))
    paying.enqueue(outbox, improvement)
    signed = outbox.settle()[0]
    other = paying.outbox(signer=paying.world.keys.admin, bump_after=0)
    (paid,) = other.settle()
    assert (paid.state, paid.tx_hash) == ("confirmed", signed.tx_hash)
    paying.require_paid(1)


# ---------------------------------------------------------------------- refusals


def test_a_lasting_refusal_fails_and_new_signatures_renew_it(paying, outbox, improvement):
    paying.enqueue(outbox, improvement, paying.world.attest(improvement, count=1))
    (failed,) = outbox.settle()
    assert (failed.state, failed.tx_hash) == ("failed", None)
    assert "QuorumMissing(signatures=1, quorum=2)" in failed.error
    assert "enqueue it again" in failed.error
    assert outbox.settle() == []
    assert paying.provider.count("eth_sendRawTransaction") == 0
    renewed = paying.enqueue(outbox, unattested(improvement))
    assert renewed.kind == "settlement.renewed"
    assert outbox.settle()[0].state == "confirmed"
    assert paying.kinds() == ["intent", "failed", "renewed", "signed", "broadcast", "confirmed"]
    paying.require_paid(1)


def test_a_passed_deadline_fails(paying, outbox, improvement):
    paying.enqueue(outbox, replace(improvement, deadline=1))
    assert "Expired(deadline=1" in outbox.settle()[0].error
    paying.require_paid(0)


def test_a_revert_in_a_block_is_decoded(paying, outbox, improvement):
    admin, oracle = paying.world.keys.admin, paying.world.keys.oracles[1].address
    paying.provider.before = once(
        lambda _: paying.world.verifier.transact(admin, "removeOracle", oracle) and None
    )
    paying.enqueue(outbox, improvement)
    (failed,) = outbox.settle()
    assert failed.state == "failed"
    assert "NotAnOracle" in failed.error
    receipt = paying.world.web3.eth.get_transaction_receipt(failed.tx_hash)
    assert (receipt["status"], receipt["blockNumber"]) == (0, failed.block)
    assert paying.kinds() == ["intent", "signed", "broadcast", "failed"]
    paying.require_paid(0)


def test_a_revert_that_passes_waits(paying, outbox, improvement):
    admin = paying.world.keys.admin
    paying.provider.before = once(lambda _: paying.world.verifier.transact(admin, "pause") and None)
    paying.enqueue(outbox, improvement)
    (waiting,) = outbox.settle()
    assert waiting.state == "waiting"
    assert "EnforcedPause" in waiting.error
    assert "unpaused" in waiting.error
    assert paying.kinds() == ["intent", "signed", "broadcast", "dropped", "waiting"]
    outbox.settle()
    assert paying.kinds().count("waiting") == 1, "waiting is written once"
    paying.world.verifier.transact(admin, "unpause")
    assert outbox.settle()[0].state == "confirmed"
    paying.require_paid(1)


def test_an_exhausted_budget_waits_for_a_top_up(paying, outbox):
    first, second = paying.improvements(2)
    paying.world.configure(budget=REWARD)
    paying.enqueue(outbox, first)
    paying.enqueue(outbox, second)
    paid, waiting = outbox.settle()
    assert (paid.state, waiting.state) == ("confirmed", "waiting")
    assert "BudgetExceeded" in waiting.error
    assert "raise the model's budget" in waiting.error
    paying.world.configure(budget=2 * REWARD)
    assert outbox.settle()[0].state == "confirmed"
    paying.require_paid(2)


def test_a_model_that_is_not_configured_waits(paying, outbox):
    (improvement,) = paying.improvements(1, model="doctor_visits")
    paying.enqueue(outbox, improvement)
    assert "ModelUnknown" in outbox.settle()[0].error
    paying.configure("doctor_visits")
    assert outbox.settle()[0].state == "confirmed"


# ---------------------------------------------------------------------- fees


class HeldBack:
    """A pool that takes transactions and mines none until it is let go."""

    def __init__(self, paying):
        self.paying = paying
        self.held = {}

    def __call__(self, method, params):
        if method == "eth_sendRawTransaction":
            from eth_utils.crypto import keccak

            tx_hash = "0x" + keccak(hexstr=params[0]).hex()
            self.held[tx_hash] = params[0]
            return {"jsonrpc": "2.0", "id": 1, "result": tx_hash}
        if method == "eth_getTransactionByHash" and params[0] in self.held:
            return {"jsonrpc": "2.0", "id": 1, "result": {"hash": params[0]}}
        return None


def test_a_stuck_transaction_is_replaced_at_the_same_nonce(paying, improvement):
    pool = paying.provider.before = HeldBack(paying)
    outbox = paying.outbox(bump_after=0.05)
    paying.enqueue(outbox, improvement)
    signed: list = []
    for _ in range(40):  # a busy machine may need several looks
        (stuck,) = outbox.settle(timeout=0.3)
        signed = [e.body for e in paying.ledger.entries(kind="settlement.signed")]
        if len(signed) >= 2:
            break
    assert stuck.state in {"signed", "broadcast"}
    assert len(signed) >= 2
    assert {body["nonce"] for body in signed} == {0}
    for before, after in pairwise(signed):
        assert after["replaces"] == before["tx_hash"]
        assert int(after["max_fee"]) * 100 >= int(before["max_fee"]) * 110
        assert int(after["priority_fee"]) * 100 >= int(before["priority_fee"]) * 110
    # The node mines the first one after all.
    paying.provider.before = lambda method, params: None
    paying.world.web3.eth.send_raw_transaction(pool.held[signed[0]["tx_hash"]])
    (paid,) = outbox.settle()
    assert (paid.state, paid.tx_hash) == ("confirmed", signed[0]["tx_hash"])
    paying.require_paid(1)


def test_an_offer_below_the_base_fee_is_raised_at_once(paying, outbox, improvement):
    paying.provider.before = once(
        lambda _: refused("max fee per gas less than block base fee: address 0x1")
    )
    paying.enqueue(outbox, improvement)
    assert outbox.settle()[0].state == "confirmed"
    assert paying.kinds() == ["intent", "signed", "signed", "broadcast", "confirmed"]
    paying.require_paid(1)


def test_fees_above_the_cap_wait(paying, improvement):
    outbox = paying.outbox(fees=FeePolicy(cap_wei=1))
    paying.enqueue(outbox, improvement)
    (waiting,) = outbox.settle()
    assert waiting.state == "waiting"
    assert "above the cap" in waiting.error
    assert paying.kinds() == ["intent", "waiting"]
    assert paying.outbox().settle()[0].state == "confirmed"


def test_bumps_stop_at_the_cap(paying, improvement):
    paying.provider.before = HeldBack(paying)
    outbox = paying.outbox(bump_after=0, fees=FeePolicy(cap_wei=3 * GWEI))
    paying.enqueue(outbox, improvement)
    (stuck,) = outbox.settle(timeout=0.3)
    offers = [int(e.body["max_fee"]) for e in paying.ledger.entries(kind="settlement.signed")]
    assert max(offers) <= 3 * GWEI
    assert len(offers) < 6
    assert "above the cap" in stuck.error


@given(
    fee=st.integers(1, 10**12),
    tip=st.integers(1, 10**11),
    quoted=st.integers(1, 10**12),
    percent=st.integers(10, 100),
)
def test_bumped_fees_are_accepted_by_nodes(fee, tip, quoted, percent):
    policy = FeePolicy(cap_wei=10**13, bump_percent=percent)
    raised = policy.bumped(Fees(fee, tip), Fees(quoted, 1))
    assert raised.max_fee >= quoted
    assert raised.max_fee * 100 >= fee * 110
    assert raised.priority_fee * 100 >= tip * 110
    assert raised.max_fee <= policy.cap_wei


# ---------------------------------------------------------------------- reorganisations


def reorganise(paying, kept):
    """Go back to a copy of the chain and let another block follow."""
    paying.world.web3.provider.chain = paying.provider.chain = LocalChain(kept)
    paying.provider.chain.answer("evm_mine", [])


def copy_of(paying, path):
    source, target = sqlite3.connect(paying.provider.chain.path), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return path


@pytest.mark.parametrize("confirmations", [1, 3], ids=["after confirmation", "before it"])
def test_a_reorganisation_returns_the_settlement_to_broadcast(
    paying, improvement, confirmations, tmp_path
):
    outbox = paying.outbox(finality=confirmations)
    paying.enqueue(outbox, improvement)
    kept = copy_of(paying, tmp_path / "kept.sqlite")
    original = paying.provider.chain
    (before,) = outbox.settle(timeout=0.1)
    reorganise(paying, kept)
    original.close()
    assert paying.verifier.supply() == 0
    (again,) = outbox.settle(timeout=0.3)
    for _ in range(confirmations - 1):
        paying.provider.chain.answer("evm_mine", [])
    outbox.settle()
    after = outbox.settlement(improvement.evidence)
    assert again.tx_hash == before.tx_hash == after.tx_hash, "the same signed transaction"
    assert after.state == "confirmed"
    assert "reorged" in paying.kinds()
    assert paying.kinds().count("signed") == 1
    paying.require_paid(1)


def test_a_payment_by_another_that_is_reorganised_away_is_paid_by_us(
    paying, outbox, improvement, tmp_path
):
    paying.enqueue(outbox, improvement)
    kept = copy_of(paying, tmp_path / "kept.sqlite")
    original = paying.provider.chain
    paying.world.process(improvement)
    outbox.settle()
    reorganise(paying, kept)
    original.close()
    (paid,) = outbox.settle()
    assert paid.state == "confirmed"
    assert paying.kinds() == ["intent", "confirmed", "reorged", "signed", "broadcast", "confirmed"]
    paying.require_paid(1)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
def test_blocks_with_several_payments_are_undone(paying, depth, kept):
    outbox = paying.outbox(bump_after=0)
    for improvement in paying.improvements(3):
        paying.enqueue(outbox, improvement)
    outbox.settle()
    lost = drop_blocks(paying.provider.chain, depth, keep=lambda raw: kept)
    assert lost == (0 if kept else depth)
    outbox.settle()
    assert [s.state for s in outbox.settlements()] == ["confirmed"] * 3
    assert paying.kinds().count("reorged") == depth
    assert paying.kinds().count("signed") == 3, "the same signed transactions"
    paying.require_paid(3)


def test_an_older_payment_in_a_block_that_lost_is_found_behind_a_newer_one_that_stands(paying):
    """The newer one was final in the chain of today before anybody looked for the older one."""
    paying.configure("doctor_visits")
    older, newer = paying.improvements(1) + paying.improvements(1, model="doctor_visits")
    outbox = paying.outbox()
    paying.enqueue(outbox, older)
    outbox.settle()
    drop_blocks(paying.provider.chain, 1, keep=lambda raw: False)
    paying.world.process(newer)
    recorded = paying.verifier.recorded(newer.evidence)
    paying.enqueue(outbox, newer)
    place = {
        "tx_hash": recorded.transaction,
        "block": recorded.block,
        "block_hash": recorded.block_hash,
    }
    key = newer.evidence[2:]
    body = {"evidence": key, "by": "another", "recorded": recorded.to_dict()} | place
    paying.ledger.append("settlement.confirmed", f"{key}/1", body, model=newer.model, attempt="a")
    outbox.settle()
    assert [s.state for s in outbox.settlements()] == ["confirmed", "confirmed"]
    assert paying.kinds(older.evidence).count("reorged") == 1
    paying.require_paid(2)


def test_a_theft_that_is_undone_leaves_a_gap_that_is_filled(paying, improvement):
    outbox = paying.outbox(bump_after=0.05)
    paying.provider.before = once(lambda _: steal(paying, 0))
    paying.enqueue(outbox, improvement)
    (paid,) = outbox.settle()
    assert (paid.state, paying.kinds().count("signed")) == ("confirmed", 2)
    drop_blocks(paying.provider.chain, 2, keep=lambda raw: False)
    (again,) = outbox.settle(timeout=10)
    assert (again.state, again.tx_hash) == ("confirmed", paid.tx_hash)
    assert paying.kinds().count("filled") == 1
    paying.require_paid(1)


def test_a_refusal_is_final_only_when_what_it_rests_on_is_deep(paying, improvement):
    admin, oracle = paying.world.keys.admin, paying.world.keys.oracles[1].address
    outbox = paying.outbox(finality=3)
    paying.world.verifier.transact(admin, "removeOracle", oracle)
    paying.enqueue(outbox, improvement)
    (undecided,) = outbox.settle(timeout=0.1)
    assert undecided.state == "intent"
    assert "not deep enough" in undecided.error
    drop_blocks(paying.provider.chain, 1, keep=lambda raw: False)
    for _ in range(3):
        outbox.settle(timeout=0.1)
        paying.provider.chain.answer("evm_mine", [])
    outbox.settle(timeout=0.1)
    assert outbox.settlement(improvement.evidence).state == "confirmed"
    paying.require_paid(1)


# ---------------------------------------------------------------------- any mixture

FAULTS = ("none", "lost before", "lost after", "doubled", "theft", "underpriced", "crash", "rival")


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.exhaustive
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(faults=st.lists(st.sampled_from(FAULTS), min_size=3, max_size=9))
def test_any_mixture_of_faults_pays_everything_once(request, tmp_path_factory, faults):
    prepared = request.getfixturevalue("_prepared_home")
    paying = open_paying(copytree(prepared, tmp_path_factory.mktemp("mixture") / "home"))
    improvements = paying.improvements(3)
    schedule = iter(faults)
    web3 = paying.world.web3

    def before(method, params):
        if method != "eth_sendRawTransaction":
            return None
        fault = next(schedule, "none")
        if fault == "lost before":
            raise ConnectionError(fault)
        if fault == "theft":
            steal(paying, web3.eth.get_transaction_count(paying.settling_key.address))
        if fault == "underpriced":
            return refused("replacement transaction underpriced")
        if fault == "crash":
            raise Crash
        if fault == "rival":
            head = paying.world.verifier.head("digits")
            for improvement in improvements:
                if improvement.champion == head:
                    paying.world.process(improvement)
        if fault in {"lost after", "doubled"}:
            web3.eth.send_raw_transaction(params[0])
            if fault == "lost after":
                raise ConnectionError(fault)
        return None

    paying.provider.before = before
    try:
        for improvement in improvements:
            paying.enqueue(paying.outbox(), improvement)
        for _ in range(len(faults) + 2):
            try:
                paying.outbox().settle(timeout=5)
            except Crash:
                continue
        assert [s.state for s in paying.outbox().settlements()] == ["confirmed"] * 3
        paying.require_paid(3)
    finally:
        paying.ledger.close()
        web3.provider.chain.close()


def test_no_key_is_written_anywhere_but_into_its_file(paying, outbox, improvement):
    paying.enqueue(outbox, improvement)
    outbox.settle()
    home = paying.world.home
    secrets = [
        json.loads(path.read_text())["private_key"][2:]
        for path in (home / "keys" / "development").glob("*.json")
    ]
    assert len(secrets) == 4
    for path in home.rglob("*"):
        if path.is_file() and "keys" not in path.parts:
            content = path.read_bytes()
            for secret in secrets:
                assert secret.encode() not in content.lower()
                assert bytes.fromhex(secret) not in content, path
