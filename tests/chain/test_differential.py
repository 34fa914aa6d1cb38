"""The embedded chain against anvil: the same requests, the same answers; see `twin`.

Here are the transactions that nodes refuse, queue and fail, and the questions that settling asks;
the modules named in the conftest's ``TWINS`` play all refusals of the contract beside anvil too.
"""

import pytest
from chain_world import GENESIS, OWNER
from web3.exceptions import Web3RPCError

from hokusai_mlflow.chain.deployment import require_code
from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.ledger import Ledger

SINK = "0x0000000000000000000000000000000000000999"
GWEI = 10**9


@pytest.fixture
def key(twins):
    """An account that has sent nothing."""
    return twins.keys.oracles[2]


def signed(key, nonce, **changes):
    common = {"to": SINK, "value": 1, "gas": 21_000, "nonce": nonce, "chainId": 31_337}
    fees = {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI}
    if "gasPrice" in changes:
        fees = {}
    return key.sign_transaction(common | fees | changes)


def send(world, key, nonce, **changes):
    """Send to both; the receipt, or None when both refuse or queue it."""
    raw, digest = signed(key, nonce, **changes)
    web3 = world.web3
    try:
        web3.eth.send_raw_transaction(raw)
    except Web3RPCError:
        return None
    if web3.eth.get_transaction(digest)["blockNumber"] is None:
        return None
    return web3.eth.get_transaction_receipt(digest)


def test_transfers_of_every_type(twins, key):
    listed = {"accessList": [{"address": OWNER, "storageKeys": ["0x" + "00" * 32]}]}
    for nonce, changes in enumerate(
        [
            {},
            {"gasPrice": 5 * GWEI},
            {"gasPrice": 5 * GWEI, "gas": 30_000, "type": 1} | listed,
            {"gas": 30_000} | listed,
            {"data": "0x" + "ab" * 300, "gas": 60_000},
            {"maxPriorityFeePerGas": 0},
        ]
    ):
        assert send(twins, key, nonce, **changes)["status"] == 1
    eth = twins.web3.eth
    assert eth.get_balance(SINK) == 6
    for question in (eth.get_balance, eth.get_transaction_count):
        question(key.address)
    eth.get_transaction_count(key.address, "pending")
    eth.get_block("latest")
    eth.get_block("pending")


def test_transactions_that_fail_in_a_block(twins, key):
    pause = twins.contract.encode_abi("pause", [])
    to = {"to": twins.verifier.address, "value": 0}
    not_allowed = send(twins, key, 0, data=pause, gas=100_000, **to)
    out_of_gas = send(twins, key, 1, data=pause, gas=21_700, **to)
    no_such_function = send(twins, key, 2, data="0xdeadbeef", gas=100_000, **to)
    unpayable = send(twins, key, 3, **(to | {"value": 1, "gas": 100_000}))
    never_made = send(twins, key, 4, to=b"", value=0, data="0xfe", gas=100_000)
    failed = not_allowed, out_of_gas, no_such_function, unpayable, never_made
    assert [receipt["status"] for receipt in failed] == [0] * 5
    assert out_of_gas["gasUsed"] == 21_700
    assert never_made["contractAddress"] is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": 0},
        {"value": 10**25},
        {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1},
        {"chainId": 1},
        {"gas": 20_999},
        {"gas": 40_000_000},
        {"maxFeePerGas": GWEI, "maxPriorityFeePerGas": 2 * GWEI},
    ],
    ids=["nonce too low", "no money", "below base fee", "chain", "gas", "more gas", "tip"],
)
def test_transactions_that_are_refused(twins, key, changes):
    assert send(twins, key, 0)["status"] == 1
    assert send(twins, key, **({"nonce": 1} | changes)) is None
    assert send(twins, key, 1)["status"] == 1, "nothing of it is left"


def test_a_queue_in_which_offers_replace_each_other(twins, key):
    eth = twins.web3.eth
    assert send(twins, key, 1) is None
    assert eth.get_transaction(signed(key, 1)[1])["blockNumber"] is None
    assert send(twins, key, 1) is None, "known already"
    assert send(twins, key, 1, value=2) is None, "offers no more"
    better = {"maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}
    assert send(twins, key, 1, value=3, **better) is None
    assert send(twins, key, 0)["status"] == 1
    # In one block on anvil, in two on the embedded chain, which has one for every transaction.
    twin = twins.web3.provider
    for ask in (twin.ask, lambda method, *params: twin.chain.answer(method, list(params))):
        _, digest = signed(key, 1, value=3, **better)
        assert ask("eth_getTransactionReceipt", digest)["status"] == "0x1"
        assert int(ask("eth_getBalance", SINK, "latest"), 16) == 4
        assert int(ask("eth_getTransactionCount", key.address, "latest"), 16) == 2


def test_a_payment_with_all_that_settling_asks(twins, tmp_path):
    """Estimates, events, history, and a refusal that waits: through the outbox itself."""
    twin, verifier = twins.web3.provider, twins.verifier
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        outbox = Outbox(ledger, verifier, twins.keys.oracles[0], poll=0.05)
        first = twins.improvement()
        second = twins.improvement(
            evidence="0x" + "e2" * 32, champion=first.candidate, candidate="0x" + "03" * 32
        )
        for improvement in (first, second):
            outbox.enqueue(improvement, twins.attest(improvement), model="digits", attempt=None)
        twins.configure(budget=5 * 10**18)
        assert [one.state for one in outbox.settle()] == ["confirmed", "waiting"]
        twins.configure(budget=10 * 10**18)
        assert outbox.settle()[0].state == "confirmed"
    assert verifier.supply() == 10 * 10**18
    assert verifier.supply(verifier.from_block + 1) == 0
    assert verifier.head("digits") == second.candidate != GENESIS
    recorded = verifier.recorded(first.evidence)
    assert recorded.reward == 5 * 10**18
    names = [event.name for event in verifier.events()]
    assert names.count("ImprovementRecorded") == 2
    code = twins.web3.eth.get_code(verifier.address)
    assert len(code) > 10_000
    twins.web3.eth.get_storage_at(verifier.address, 0)
    assert twin.compared > 60


def test_the_deployment_is_the_same(twins):
    from hokusai_mlflow.chain.deployment import find_deployment

    deployment = find_deployment(twins.home, 31_337)
    require_code(twins.web3, deployment)
    receipt = twins.web3.eth.get_transaction_receipt(deployment.transaction)
    assert receipt["contractAddress"] == deployment.address
