"""The embedded chain: on disk, shared by processes, killed at will, and like a node to web3."""

import os
import signal
import subprocess
import sys
import time

import pytest
from web3 import Web3
from web3.exceptions import ContractCustomError, TransactionNotFound, Web3RPCError

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.improvement import name_id
from hokusai_mlflow.chain.local import LocalChain, LocalProvider
from hokusai_mlflow.chain.signer import development_keys
from hokusai_mlflow.errors import ChainError, WrongChain

SINK = "0x0000000000000000000000000000000000000999"

SENDER = """
import sys
from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.signer import development_keys
home, number, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
web3 = connect(rpc_url=None, chain_id=None, home=home)
keys = development_keys(home)
key = (keys.admin, *keys.oracles)[number]
nonce = web3.eth.get_transaction_count(key.address)
print("ready", flush=True)
for nonce in range(nonce, nonce + count):
    raw, digest = key.sign_transaction({
        "to": "0x0000000000000000000000000000000000000999", "value": 1, "gas": 21000,
        "nonce": nonce, "chainId": 31337, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
    })
    assert "0x" + web3.eth.send_raw_transaction(raw).hex().removeprefix("0x") == digest
    print(digest, flush=True)
"""


def sender(home, number, count):
    return subprocess.Popen(
        [sys.executable, "-c", SENDER, str(home), str(number), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def payment(key, nonce, **changes):
    return key.sign_transaction(
        {
            "to": SINK,
            "value": 1,
            "gas": 21_000,
            "nonce": nonce,
            "chainId": 31_337,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
        }
        | changes
    )


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def web3(home):
    opened = connect(rpc_url=None, chain_id=31_337, home=home)
    yield opened
    opened.provider.chain.close()


@pytest.fixture
def key(home):
    return development_keys(home).admin


def test_opens_quickly_and_remembers(home, web3, key):
    raw, digest = payment(key, 0)
    web3.eth.send_raw_transaction(raw)
    began = time.perf_counter()
    again = connect(rpc_url=None, chain_id=None, home=home)
    assert again.eth.get_balance(SINK) == 1
    assert time.perf_counter() - began < 0.2
    assert again.eth.get_transaction_receipt(digest)["status"] == 1
    again.provider.chain.close()


def test_writers_in_several_processes_lose_nothing(home, web3):
    writers = [sender(home, number, 5) for number in range(3)]
    sent = [line for writer in writers for line in writer.communicate(timeout=60)[0].split()[1:]]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(set(sent)) == 15
    assert web3.eth.get_balance(SINK) == 15
    assert web3.eth.block_number == 15
    assert all(web3.eth.get_transaction_receipt(digest)["status"] == 1 for digest in sent)


def test_sigkill_loses_nothing_that_was_acknowledged(home, web3):
    acknowledged = []
    for pause in (0.02, 0.07, 0.13):
        writer = sender(home, 0, 10_000)
        assert writer.stdout.readline() == "ready\n"
        time.sleep(pause)
        os.kill(writer.pid, signal.SIGKILL)
        lines = writer.communicate(timeout=30)[0].splitlines(keepends=True)
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
    assert acknowledged
    assert all(web3.eth.get_transaction_receipt(digest)["status"] == 1 for digest in acknowledged)
    # Mined but not acknowledged is possible once per kill, never the reverse.
    count = web3.eth.get_transaction_count(development_keys(home).admin.address)
    assert len(acknowledged) <= count <= len(acknowledged) + 3
    assert web3.eth.get_balance(SINK) == count


def test_errors_are_those_of_a_node(web3, key, home):
    raw, digest = payment(key, 0)
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(digest)
    web3.eth.send_raw_transaction(raw)
    with pytest.raises(Web3RPCError, match="nonce too low"):
        web3.eth.send_raw_transaction(raw)
    with pytest.raises(Web3RPCError, match="invalid chain id for signer"):
        web3.eth.send_raw_transaction(payment(key, 1, chainId=1)[0])
    with pytest.raises(Web3RPCError, match="insufficient funds"):
        web3.eth.send_raw_transaction(payment(key, 1, value=10**25)[0])
    cheap = payment(key, 1, maxFeePerGas=1, maxPriorityFeePerGas=1)[0]
    with pytest.raises(Web3RPCError, match="less than block base fee"):
        web3.eth.send_raw_transaction(cheap)
    with pytest.raises(Web3RPCError, match="does not exist"):
        web3.manager.request_blocking("eth_mining", [])
    with pytest.raises(Web3RPCError, match="invalid transaction"):
        web3.eth.send_raw_transaction(b"\x02nonsense")
    assert web3.eth.block_number == 1


def test_transactions_wait_for_their_predecessors(web3, key):
    later, later_hash = payment(key, 1)
    web3.eth.send_raw_transaction(later)
    assert web3.eth.get_transaction(later_hash)["blockNumber"] is None
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(later_hash)
    with pytest.raises(Web3RPCError, match="already known"):
        web3.eth.send_raw_transaction(later)
    with pytest.raises(Web3RPCError, match="replacement transaction underpriced"):
        web3.eth.send_raw_transaction(payment(key, 1, value=2)[0])
    bumped, bumped_hash = payment(
        key, 1, value=2, maxFeePerGas=2 * 10**10, maxPriorityFeePerGas=2 * 10**9
    )
    web3.eth.send_raw_transaction(bumped)
    web3.eth.send_raw_transaction(payment(key, 0)[0])
    assert web3.eth.get_transaction_receipt(bumped_hash)["status"] == 1
    assert web3.eth.get_balance(SINK) == 3
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction(later_hash)


def test_blocks_transactions_and_logs(world):
    transaction = world.process(world.improvement())
    web3 = world.web3
    receipt = web3.eth.get_transaction_receipt(transaction)
    block = web3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert block["transactions"][0]["hash"] == receipt["transactionHash"]
    assert block["gasUsed"] == receipt["gasUsed"] == receipt["cumulativeGasUsed"]
    assert web3.eth.get_block(block["hash"])["number"] == block["number"]
    with_head = web3.eth.get_logs({"fromBlock": 0, "address": world.verifier.address})
    assert with_head[-1]["transactionHash"] == receipt["transactionHash"]
    assert web3.eth.get_logs({"blockHash": block["hash"]}) == receipt["logs"]
    assert web3.eth.fee_history(2, "latest")["oldestBlock"] == block["number"] - 1
    # The past stays readable.
    old = world.contract.functions.head(name_id("digits")).call(
        block_identifier=block["number"] - 1
    )
    assert old == bytes([1]) * 32


def test_reverts_reach_web3_with_their_data(world):
    with pytest.raises(ContractCustomError) as caught:
        world.contract.functions.pause().call({"from": SINK})
    refusal = world.verifier.decode_error(caught.value.data)
    assert refusal.reason == "AccessControlUnauthorizedAccount"
    assert refusal.arguments["account"] == SINK


def test_a_failed_transaction_is_mined_and_says_so(world):
    key = world.keys.oracles[0]
    data = world.contract.encode_abi("pause", [])
    raw, digest = payment(key, 0, to=world.verifier.address, value=0, gas=100_000, data=data)
    world.web3.eth.send_raw_transaction(raw)
    receipt = world.web3.eth.get_transaction_receipt(digest)
    assert receipt["status"] == 0
    why = world.verifier._why(receipt, key.address, bytes.fromhex(data[2:]))
    assert why.reason == "AccessControlUnauthorizedAccount"


def test_files_that_are_no_chain(tmp_path):
    wrong = tmp_path / "wrong.sqlite"
    wrong.write_text("not a database, but long enough to look like one" * 20)
    with pytest.raises(ChainError, match="move the file away"):
        LocalChain(wrong)
    LocalChain(tmp_path / "c.sqlite", chain_id=5).close()
    with pytest.raises(WrongChain, match="holds chain 5, not 31337"):
        LocalChain(tmp_path / "c.sqlite")


def test_threads_share_a_connection(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    chain = LocalChain(tmp_path / "c.sqlite", endow=(SINK,))
    web3 = Web3(LocalProvider(chain))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: web3.eth.get_balance(SINK), range(40))) == {10**24}
    chain.close()
