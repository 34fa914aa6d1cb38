"""A home folder with a local chain, keys, a deployed contract and one configured model."""

from dataclasses import dataclass, replace
from pathlib import Path

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import deploy
from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.signer import DevelopmentKeys, development_keys
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.verification.oracle import attest

MODEL = "digits"
GENESIS = "0x" + "01" * 32
OWNER = "0x0000000000000000000000000000000000000001"
CONTRIBUTORS = (
    "0x0000000000000000000000000000000000000101",
    "0x0000000000000000000000000000000000000102",
    "0x0000000000000000000000000000000000000103",
)
FAR = 2**40


def hits(n: int, baseline: int, candidate: int) -> PairedSums:
    """Sums of n examples of which so many are right, the candidate's including the baseline's."""
    return PairedSums.of(
        [1.0] * baseline + [0.0] * (n - baseline), [1.0] * candidate + [0.0] * (n - candidate)
    )


@dataclass
class World:
    """A home folder with its chain, keys and contract."""

    home: Path
    verifier: Verifier
    keys: DevelopmentKeys

    @property
    def web3(self):
        return self.verifier.web3

    @property
    def contract(self):
        return self.verifier._contract

    def improvement(self, **changes) -> Improvement:
        """A payable improvement of 500 bps, changed."""
        good = Improvement(
            model=MODEL,
            metric="accuracy",
            evidence="0x" + "e1" * 32,
            champion=GENESIS,
            candidate="0x" + "02" * 32,
            evaluation_set="0x" + "05" * 32,
            gate=hits(400, 300, 330),
            payment=hits(300, 225, 240),
            paid_bps=500,
            look=1,
            contributors=CONTRIBUTORS,
            weights=(5000, 3333, 1667),
            deadline=FAR,
        )
        return replace(good, **changes)

    def attest(self, improvement: Improvement, count: int = 2) -> list[bytes]:
        return attest(improvement, self.verifier.domain, self.keys.oracles[:count])

    def process(self, improvement: Improvement, signatures=None) -> str:
        signatures = self.attest(improvement) if signatures is None else signatures
        return self.verifier.transact(
            self.keys.admin, "processImprovement", improvement.message(), signatures
        )

    def configure(self, **changes) -> str | None:
        config = replace(ModelConfig(metric="accuracy", owner=OWNER), **changes)
        return self.verifier.configure_model(self.keys.admin, MODEL, config, GENESIS)


def open_world(home: Path, rpc_url: str | None = None, provider=None) -> World:
    keys = development_keys(home)
    web3 = connect(rpc_url=rpc_url, chain_id=None, home=home)
    if provider is not None:
        web3.provider = provider
    oracles = [oracle.address for oracle in keys.oracles]
    deployment = deploy(web3, keys.admin, oracles=oracles, quorum=2, home=home)
    return World(home, Verifier.of(web3, deployment, home=home), keys)
