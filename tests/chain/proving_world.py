"""A model that is paid by real proofs of accuracy on 100 committed examples."""

import random
from dataclasses import dataclass, replace

from chain_world import CONTRIBUTORS, FAR, GENESIS, MODEL, OWNER, World

from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.proof_verifier import ProofTerms, ProofVerifier
from hokusai_mlflow.chain.proven import Proof, Proven, context_of
from hokusai_mlflow.proven_sums import Circuit, added, proven_sums, unpack
from hokusai_mlflow.verification.zk.circuit import Rows
from hokusai_mlflow.verification.zk.columns import Column
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key
from hokusai_mlflow.verification.zk.proving import circuit, prove

CIRCUIT = Circuit("accuracy", 128, 2, 4)


@dataclass
class Proving:
    """A world whose model asks for proofs."""

    world: World
    proofs: ProofVerifier
    store: KeyStore

    @property
    def zk(self):
        return circuit(CIRCUIT.counted, CIRCUIT.capacity, CIRCUIT.bits, CIRCUIT.range)

    @property
    def key(self):
        return self.store.make(self.zk)

    def demand(self, method: str, **terms) -> None:
        """Ask for proofs, or for oracles and proofs."""
        admin = self.world.keys.admin
        config = ModelConfig(metric="accuracy", owner=OWNER, method=method)
        self.world.verifier.configure_model(admin, MODEL, config, GENESIS)
        words = verifying_key(self.key).words()
        self.proofs.register_key(admin, words, CIRCUIT, "development")
        agreed = ProofTerms(key=self.key.hash, score="accuracy", label_owner=admin.address)
        self.proofs.configure(admin, MODEL, replace(agreed, **terms))

    def rows(self, n: int, seed: int = 0) -> Rows:
        """Examples of which the champion has three in four right, the candidate nine in ten."""
        chance = random.Random(seed)
        labels = [chance.randrange(3) for _ in range(n)]
        said = [
            [y if chance.random() < share else (y + 1) % 3 for y in labels] for share in (0.7, 0.92)
        ]
        return Rows(labels, *said, tuple(chance.randrange(2**200) for _ in range(3)))

    def label(self, rows: Rows) -> int:
        """The commitment to the labels."""
        return self.zk.commitment(Column.LABELS, rows.labels, rows.salts[0])

    def tally(self, rows: Rows) -> list[int]:
        return [len(rows), *unpack(CIRCUIT, self.zk.counts(rows))]

    def improvement(self, chunks, *, shown=None, shown_tally=None, **changes) -> Improvement:
        """A payable improvement on these chunks of rows."""
        chunks = sorted(chunks, key=self.label)
        tallies = [self.tally(rows) for rows in chunks]
        if shown_tally:
            tallies.append(list(shown_tally))
        sums = proven_sums(added(tallies), CIRCUIT, "accuracy")
        empty = Proven(key=(), gate_labels=tuple(map(self.label, chunks)), gate=(), shown=shown)
        good = Improvement(
            model=MODEL,
            metric="accuracy",
            evidence="0x" + "e1" * 32,
            champion=GENESIS,
            candidate="0x" + "02" * 32,
            evaluation_set=empty.evaluation_set(MODEL),
            gate=sums,
            payment=sums,
            paid_bps=500,
            look=1,
            contributors=CONTRIBUTORS,
            weights=(5000, 3333, 1667),
            deadline=FAR,
        )
        return replace(good, **changes)

    def prove(self, improvement, chunks, *, shown=None, shown_tally=()) -> Proven:
        """Proofs of an improvement."""
        chunks = sorted(chunks, key=self.label)
        context = context_of(improvement, self.world.verifier.domain)
        made = []
        for rows in chunks:
            found = prove(self.zk, rows, context, self.store)
            _, n, _, champion, candidate, *counts = found.inputs
            words = tuple(found.proof.words())
            made.append(Proof(n, champion, candidate, tuple(counts), words))
        return Proven(
            key=tuple(verifying_key(self.key).words()),
            gate_labels=tuple(map(self.label, chunks)),
            gate=tuple(made),
            shown=shown,
            gate_shown=tuple(shown_tally),
        )

    def commit(self, chunks, shown=None) -> str:
        labels = sorted(map(self.label, chunks))
        return self.proofs.commit(self.world.keys.admin, MODEL, labels, shown=shown)
