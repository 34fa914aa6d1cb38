"""The embedded chain beside anvil: every request is put to both, and the answers must agree.

Where they may differ is written down here, each with its reason; everything else is a failure.
"""

import time

from web3 import HTTPProvider, Web3
from web3.providers.base import BaseProvider

from hokusai_mlflow.chain.local import LocalProvider
from hokusai_mlflow.chain.refusals import decode_error

ABOUT_THE_BLOCK = {"blockHash", "blockTimestamp"}
"""Hashes differ with the header (mix hash, state root of system contracts); anvil adds the time."""

COMPARED = {
    "eth_getTransactionReceipt": {
        "transactionHash",
        "transactionIndex",
        "blockNumber",
        "from",
        "to",
        "cumulativeGasUsed",
        "gasUsed",
        "contractAddress",
        "logs",
        "logsBloom",
        "status",
        "effectiveGasPrice",
        "type",
    },
    "eth_getTransactionByHash": {
        "hash",
        "from",
        "to",
        "nonce",
        "gas",
        "value",
        "input",
        "type",
        "chainId",
        "r",
        "s",
        "v",
        "yParity",
        "blockNumber",
        "transactionIndex",
        "maxFeePerGas",
        "maxPriorityFeePerGas",
        "gasPrice",
    },
    "eth_getBlockByNumber": {
        "number",
        "timestamp",
        "gasLimit",
        "gasUsed",
        "baseFeePerGas",
        "miner",
        "transactions",
        "transactionsRoot",
        "receiptsRoot",
        "logsBloom",
        "uncles",
        "nonce",
        "difficulty",
    },
}

FREE = {
    "web3_clientVersion",  # Each says what it is.
    "eth_accounts",  # anvil shows its own keys, of which nothing of ours is asked.
    "eth_feeHistory",  # anvil rounds the ratios and invents rewards.
    "evm_mine",
}
TAGS = {"safe", "finalized"}
"""The embedded chain undoes nothing, so its newest block is final; anvil's tags lag behind."""

NOT_MINED = {"gasPrice"}
"""Of a queued transaction the embedded chain shows the most it may cost, as geth does."""

SIMULATED = {"eth_call", "eth_estimateGas"}
OF_THE_HOUR = {"Expired"}
"""The embedded chain simulates as if the block were made now, anvil in the time of the last one."""

CODES = {(-32000, -32003)}
"""The embedded chain refuses a transaction with geth's code, anvil with EIP-1474's."""

TOLD = {
    "nonce too low": "nonce too low",
    "already known": "already imported",
    "replacement transaction underpriced": "replacement transaction underpriced",
    "insufficient funds for gas * price + value": "insufficient funds for gas * price + value",
    "max fee per gas less than block base fee": "max fee per gas less than block base fee",
    "intrinsic gas too low": "intrinsic gas too low",
    "invalid chain id for signer": "invalid chain id for signer",
    "exceeds block gas limit": "intrinsic gas too high",
    "max priority fee per gas higher than": "max priority fee per gas higher than max fee per gas",
}
"""How the embedded chain (left) and anvil (right) begin or contain the same refusal."""


class Twin(LocalProvider):
    """Asks the embedded chain and anvil, and answers what the embedded chain does.

    Parameters
    ----------
    chain : LocalChain
    url : str
        Of an anvil with the same accounts, base fee and blocks so far.
    """

    def __init__(self, chain, url):
        super().__init__(chain)
        self.anvil = HTTPProvider(url, exception_retry_configuration=None)
        self.compared = 0

    def make_request(self, method, params):
        before = int(self.chain.answer("eth_blockNumber", []), 16)
        ours = super().make_request(method, params)
        height = int(self.chain.answer("eth_blockNumber", []), 16)
        # The same time for the same block.
        for number in range(before + 1, height + 1):
            block = self.chain.answer("eth_getBlockByNumber", [hex(number)])
            self.ask("evm_setNextBlockTimestamp", int(block["timestamp"], 16))
        theirs = self.asked(method, params, ours)
        self.require_same(method, params, ours, theirs)
        self.compared += 1
        return ours

    def asked(self, method, params, ours):
        """Anvil's answer; it mines after it has answered, so what is missing may come."""
        until = time.monotonic() + 5
        while True:
            theirs = self.anvil.make_request(method, params)
            missing = theirs.get("result", True) is None and ours.get("result") is not None
            if not missing or time.monotonic() > until:
                return theirs
            time.sleep(0.01)

    def ask(self, method, *params):
        """Ask anvil alone."""
        answered = self.anvil.make_request(method, list(params))
        assert "error" not in answered, answered
        return answered["result"]

    def require_same(self, method, params, ours, theirs):
        told = f"{method} {params}: {ours} here, {theirs} on anvil"
        if method in SIMULATED and reason(ours) in OF_THE_HOUR and "error" not in theirs:
            return
        assert ("error" in ours) == ("error" in theirs), told
        if "error" in ours:
            assert same_error(ours["error"], theirs["error"]), told
            assert raised(method, params, ours) is raised(method, params, theirs), told
            return
        if method in FREE or TAGS.intersection(p for p in params if isinstance(p, str)):
            return
        if method == "eth_getBlockByNumber" and params[0] == "pending":
            return  # The embedded chain mines at once: nothing is pending after its newest block.
        ours, theirs = ours["result"], theirs["result"]
        if method == "eth_estimateGas":
            # Searches end at different places; a tenth more is neither too little nor dear.
            assert abs(int(ours, 16) - int(theirs, 16)) * 10 <= int(theirs, 16), told
            return
        keys = COMPARED.get(method)
        if method == "eth_getTransactionByHash" and ours and ours["blockNumber"] is None:
            keys = keys - NOT_MINED
        if method == "eth_getBlockByNumber" and ours and ours["number"] == "0x0":
            # Each made its own beginning, a moment apart.
            keys = {"number", "gasLimit", "transactions"}
        differing = [
            (key, ours[key], theirs.get(key))
            for key in keys or ()
            if ours and theirs and plain(ours.get(key)) != plain(theirs.get(key))
        ]
        assert plain(ours, keys) == plain(theirs, keys), differing or told


def plain(value, keys=None):
    """A value without what may differ, in one spelling."""
    if isinstance(value, dict):
        kept = keys or value.keys() - ABOUT_THE_BLOCK
        return {key: plain(value.get(key)) for key in kept}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value.lower()
    return value


def same_error(ours, theirs):
    """Whether web3 raises the same from both, and shows the same data."""
    codes = ours["code"], theirs["code"]
    if codes[0] != codes[1] and codes not in CODES:
        return False
    if (ours.get("data") or "0x") != (theirs.get("data") or "0x"):
        return masked(ours.get("data")) == masked(theirs.get("data"))
    if ours["code"] == 3:
        return True
    said = [b for a, b in TOLD.items() if a in ours["message"].lower()]
    return bool(said) and all(b in theirs["message"].lower() for b in said)


class Canned(BaseProvider):
    """A provider with one answer."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def make_request(self, method, params):
        return self.answer


def raised(method, params, answer):
    """The class of the exception that web3 makes of an answer."""
    eth = Web3(Canned(answer), middleware=[]).eth
    asking = {"eth_call": eth.call, "eth_estimateGas": eth.estimate_gas}
    asking["eth_sendRawTransaction"] = eth.send_raw_transaction
    try:
        if method in asking:
            asking[method](params[0])
        else:
            eth.w3.manager.request_blocking(method, list(params))
    except Exception as problem:
        return type(problem)
    raise AssertionError(f"web3 takes {answer} for a result")


def reason(answered):
    """The custom error in an answer."""
    data = answered.get("error", {}).get("data")
    return decode_error(data).reason if data else None


def masked(data):
    """A refusal without what depends on the moment of the call."""
    told = decode_error(data)
    return told.reason, {k: v for k, v in told.arguments.items() if k != "now"}
