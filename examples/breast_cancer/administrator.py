"""The chain's administrator: registers the proof's key, and under which terms the model is paid.

On a chain that is worth something, the key comes from a ceremony, not from this machine.
"""

import parties

from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.proof_verifier import ProofTerms, ProofVerifier
from hokusai_mlflow.chain.signer import development_keys
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key


def main() -> None:
    """Set up the model."""
    bench, home = parties.chain(), Settings().prepare().home
    champion = parties.published("champion.json")["digest"]
    key = KeyStore(home / "zk").make(parties.circuit())
    proofs = ProofVerifier(bench.verifier)
    config = ModelConfig(metric="accuracy", owner=parties.OWNER, method="proof")
    bench.verifier.configure_model(bench.sender, parties.MODEL, config, champion)
    words = verifying_key(key).words()
    proofs.register_key(bench.sender, words, parties.STATEMENT.circuit, "development")
    label_owner = development_keys(home).oracles[2].address
    terms = ProofTerms(key=key.hash, score="accuracy", label_owner=label_owner)
    proofs.configure(bench.sender, parties.MODEL, terms)
    print(f"{parties.MODEL} is paid by proof; labels are {label_owner}'s to commit to")


if __name__ == "__main__":
    main()
