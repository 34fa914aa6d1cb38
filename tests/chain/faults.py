"""What goes wrong between a settler, its ledger and its chain: injected at random, and counted."""

import os
import random
import signal
from contextlib import contextmanager
from dataclasses import dataclass

from outbox_world import refused
from web3 import Web3

from hokusai_mlflow.chain.fees import GWEI
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.ledger import Transaction


class Exploded(RuntimeError):
    """An exception that nobody expects."""


@dataclass(frozen=True)
class Rates:
    """How often what goes wrong: per request, per sending, per question for fees, per entry."""

    request: float = 0.005
    sending: float = 0.25
    fees: float = 0.03
    entry: float = 0.01


class Counter:
    """Counts of all processes, in one file that SIGKILL cannot tear."""

    def __init__(self, path):
        self.path = path

    def add(self, name):
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{name}\n".encode())
        os.close(descriptor)

    def counts(self):
        names = self.path.read_text().split("\n")[:-1] if self.path.exists() else []
        return {name: names.count(name) for name in sorted(set(names))}


class Mishaps:
    """Injects faults into everything that one settler's process asks and writes.

    Parameters
    ----------
    counter : Counter
    rates : Rates
    key : LocalKey
        The settler's key, which a second wallet uses too.
    seed : int
    """

    def __init__(self, counter, rates, key, seed):
        self.counter, self.rates, self.key = counter, rates, key
        self.random = random.Random(seed)
        self.spiked = 0

    def provider(self, stage):
        """A way to the chain on which things go wrong."""
        provider, self.ask = stage.provider(), stage.provider().make_request
        provider.before, provider.after = self.before, self.after
        return provider

    def before(self, method, params):
        if method == "eth_sendRawTransaction" and self.happens(self.rates.sending):
            return self.misdelivered(params[0])
        if self.happens(self.rates.request / 2):
            self.befall("request lost", "killed before a request", "exception")
        return None

    def after(self, method, params, response):
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            return self.costly(response)
        if self.happens(self.rates.request / 2):
            self.befall("reply lost", "killed after a request", "exception")
        return response

    def befall(self, *names):
        name = self.random.choice(names)
        self.counter.add(name)
        if name.startswith("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "exception":
            raise Exploded(name)
        raise ConnectionError(name)

    def misdelivered(self, raw):
        kinds = ("delivered twice", "swallowed", "nonce stolen", "underpriced")
        name = self.random.choice(kinds)
        self.counter.add(name)
        if name == "delivered twice":
            self.ask("eth_sendRawTransaction", [raw])
        if name == "nonce stolen":
            self.steal()
        if name == "swallowed":
            from eth_utils.crypto import keccak

            return {"jsonrpc": "2.0", "id": 1, "result": "0x" + keccak(hexstr=raw).hex()}
        return (
            refused("max fee per gas less than block base fee") if name == "underpriced" else None
        )

    def steal(self):
        """The second wallet uses the next nonce."""
        due = self.ask("eth_getTransactionCount", [self.key.address, "latest"])["result"]
        raw, _ = self.key.sign_transaction(
            {
                "to": self.key.address,
                "value": 1,
                "data": b"",
                "chainId": 31337,
                "nonce": int(due, 16),
                "gas": 21_000,
                "maxFeePerGas": 10 * GWEI,
                "maxPriorityFeePerGas": GWEI,
                "type": 2,
            }
        )
        self.ask("eth_sendRawTransaction", ["0x" + raw.hex()])

    def costly(self, response):
        """A few questions long, a block costs more than the cap, or eight times as much."""
        if not self.spiked and self.happens(self.rates.fees):
            self.spiked = self.random.choice([3, -3])
            self.counter.add("fees above the cap" if self.spiked > 0 else "fees eightfold")
        if self.spiked:
            factor = 10**6 if self.spiked > 0 else 8
            self.spiked -= 1 if self.spiked > 0 else -1
            fee = max(int(response["result"]["baseFeePerGas"], 16), GWEI)
            response["result"]["baseFeePerGas"] = hex(fee * factor)
        return response

    def happens(self, rate):
        return self.random.random() < rate

    @contextmanager
    def in_the_ledger(self):
        """SIGKILL between writing an entry and committing it."""
        append = Transaction.append

        def appending(transaction, *arguments, **named):
            entry = append(transaction, *arguments, **named)
            if self.happens(self.rates.entry):
                self.befall("killed while writing")
            return entry

        Transaction.append = appending
        try:
            yield
        finally:
            Transaction.append = append


def verifier_through(provider, world):
    """The world's contract, asked through a provider; the first question may be lost too."""
    while True:
        try:
            return Verifier(
                Web3(provider), world.verifier.address, home=world.home, from_block=world.block
            )
        except (ConnectionError, Exploded):
            continue
