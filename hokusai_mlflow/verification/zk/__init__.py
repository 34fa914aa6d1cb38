"""Zero-knowledge proofs that paired counts are true of committed labels and predictions.

Read in this order: `field`, `poseidon`, `r1cs`, `gadgets`, `columns` (commitments); `circuit` and
its kinds `accuracy`, `confusion`, `loss`; `setup`, `prover`, `verifying` (Groth16), `points` and
`checking`; `zkey`, `files`, `binfile`, `ptau` (snarkjs' formats); `keys`, `importing`;
`independent`; then `sampling`, `quantised`, `opening`, `inference`, `linked`: that predictions come
from a model. `proving` puts metric proofs together:

    of = circuit("accuracy", capacity=1_024, bits=4)
    commitment = of.commitment(Column.LABELS, labels, salt)     # published before predictions exist
    rows = Rows(labels, champion, candidate, (salt, new_salt(), new_salt()))
    proven = prove(of, rows, context, KeyStore(folder))
    verify(key, proven.proof, proven.inputs)

Unaudited. What a proof shows, and what it does not, is said in `circuit`.
"""
