"""A chain with faults between it and the outbox, and improvements to pay on it."""

from dataclasses import dataclass, replace

from chain_world import CONTRIBUTORS, GENESIS, MODEL, OWNER, World, open_world
from web3 import Web3

from hokusai_mlflow.chain.connect import RpcProvider
from hokusai_mlflow.chain.local import LocalProvider
from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.ledger import Ledger

REWARD = 5 * 10**18
"""Wei that one of the world's improvements of 500 bps pays."""


class Interceptable:
    """Asks a real chain; a test may intervene before and after every request."""

    def __init__(self, chain):
        super().__init__(chain)
        self.before = lambda method, params: None
        self.after = lambda method, params, response: response
        self.calls = []

    def make_request(self, method, params):
        self.calls.append(method)
        answer = self.before(method, params)
        if answer is not None:
            return answer
        return self.after(method, params, super().make_request(method, params))

    def count(self, method):
        return self.calls.count(method)


class FaultyProvider(Interceptable, LocalProvider):
    """The local chain, interceptable."""


class FaultyRpcProvider(Interceptable, RpcProvider):
    """A node, interceptable."""


def once(action):
    """An intervention at the first `eth_sendRawTransaction` only."""
    done = []

    def intervene(method, params):
        if method == "eth_sendRawTransaction" and not done:
            done.append(True)
            return action(params)
        return None

    return intervene


def refused(message):
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": message}}


@dataclass
class Paying:
    """A world, a faulty way to its chain, a ledger and outboxes on them."""

    world: World
    ledger: Ledger
    provider: FaultyProvider
    verifier: Verifier

    @property
    def settling_key(self):
        """Not the administrator's, whose nonces the tests use beside it."""
        return self.world.keys.oracles[0]

    def outbox(self, **options):
        options = {"poll": 0.01, "signer": self.settling_key, "verifier": self.verifier} | options
        verifier, signer = options.pop("verifier"), options.pop("signer")
        return Outbox(self.ledger, verifier, signer, **options)

    def improvements(self, count, *, model=MODEL):
        """Improvements of which each one's champion is the candidate of the one before."""
        tag = "01" if model == MODEL else model.encode().hex()[-2:]
        heads = [GENESIS] + [f"0x{tag}{i + 2:062x}" for i in range(count)]
        return [
            self.world.improvement(
                model=model,
                evidence=f"0xe1{tag}{i + 1:060x}",
                champion=heads[i],
                candidate=heads[i + 1],
            )
            for i in range(count)
        ]

    def enqueue(self, outbox, improvement, signatures=None):
        signatures = self.world.attest(improvement) if signatures is None else signatures
        return outbox.enqueue(improvement, signatures, model=improvement.model, attempt="a")

    def configure(self, name):
        config = ModelConfig(metric="accuracy", owner=OWNER)
        self.world.verifier.configure_model(self.world.keys.admin, name, config, GENESIS)

    def kinds(self, evidence=None):
        entries = [e for e in self.ledger.entries() if e.kind.startswith("settlement.")]
        if evidence is not None:
            wanted = evidence.removeprefix("0x")
            entries = [e for e in entries if e.key.split("/")[0] == wanted]
        return [e.kind.removeprefix("settlement.") for e in entries]

    def require_paid(self, count):
        """Exactly `count` improvements of 500 bps are paid, whole and once."""
        assert self.verifier.supply() == count * REWARD
        events = [e.name for e in self.verifier.events()]
        assert events.count("ImprovementRecorded") == count
        assert sum(map(self.verifier.balance, (OWNER, *CONTRIBUTORS))) == count * REWARD
        self.ledger.verify()


def open_paying(home):
    world = open_world(home)
    provider = FaultyProvider(world.web3.provider.chain)
    verifier = Verifier(
        Web3(provider), world.verifier.address, home=home, from_block=world.verifier.from_block
    )
    return Paying(world, Ledger(ledger_url(home)), provider, verifier)


def ledger_url(home):
    """The SQLite file of a home folder, or the database that `keep_ledger_at` noted there."""
    noted = home / "ledger-url"
    return noted.read_text() if noted.exists() else f"sqlite:///{home / 'ledger.db'}"


def keep_ledger_at(home, url):
    """Let every process that works in a home folder use this ledger."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "ledger-url").write_text(url)


def unattested(improvement):
    return replace(improvement, deadline=improvement.deadline + 1)
