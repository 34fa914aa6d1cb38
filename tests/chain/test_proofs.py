"""Payment by real proofs on the local chain: through the outbox, once, and for nothing else."""

from dataclasses import replace
from shutil import copytree

import pytest
from chain_world import MODEL, open_world
from proving_world import CIRCUIT, Proving

from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.chain.proof_verifier import ProofTerms, ProofVerifier
from hokusai_mlflow.chain.proven import Proven, evaluation_set_id, improvement_digest
from hokusai_mlflow.errors import ContractRefused, InputError
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.verification.oracle import attest, require_quorum
from hokusai_mlflow.verification.zk.keys import verifying_key

SHOWN = "0x" + "5e" * 32


@pytest.fixture(scope="module")
def prepared(_prepared_home, key_store, tmp_path_factory):
    """One key, one commitment, one proof: what takes time is done once."""
    home = copytree(_prepared_home, tmp_path_factory.mktemp("proofs") / "home")
    world = open_world(home)
    proving = Proving(world, ProofVerifier(world.verifier), key_store)
    proving.demand("proof")
    rows = proving.rows(100)
    proving.commit([rows])
    improvement = proving.improvement([rows])
    proven = proving.prove(improvement, [rows])
    world.web3.provider.chain.close()
    return home, rows, improvement, proven


@pytest.fixture
def scene(prepared, key_store, tmp_path):
    home, *_ = prepared
    world = open_world(copytree(home, tmp_path / "home"))
    yield Proving(world, ProofVerifier(world.verifier), key_store)
    world.web3.provider.chain.close()


@pytest.fixture
def outbox(scene, tmp_path):
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        yield Outbox(ledger, scene.world.verifier, scene.world.keys.admin)


def test_a_proof_is_paid_once_through_the_outbox(scene, outbox, prepared):
    _, _, improvement, proven = prepared
    intent = outbox.enqueue(improvement, [], model=MODEL, attempt=None, proven=proven)
    assert Proven.from_dict(intent.body["proven"]) == proven
    # Proofs have many forms; the evidence is what is paid.
    other = replace(proven, gate=(replace(proven.gate[0], points=(1, 2) * 4),))
    assert outbox.enqueue(improvement, [], model=MODEL, attempt=None, proven=other) == intent
    (paid,) = outbox.settle()
    assert paid.state == "confirmed", paid.error
    assert outbox.settle() == []
    message, handed_in = scene.world.verifier.proven_in(paid.tx_hash)
    assert (message, handed_in) == (improvement.message(), proven)


@pytest.mark.exhaustive  # some seconds of pairings in Python
def test_what_is_not_proven_fails_with_the_contracts_words(scene, outbox, prepared):
    _, _, improvement, proven = prepared
    greedy = replace(improvement, paid_bps=improvement.paid_bps + 1)
    outbox.enqueue(greedy, [], model=MODEL, attempt=None, proven=proven)
    (refused,) = outbox.settle()
    assert refused.state == "failed"
    assert "ProofInvalid" in refused.error
    assert scene.world.verifier.supply() == 0


@pytest.mark.exhaustive  # some seconds of pairings in Python
def test_a_proof_after_the_deadline_is_replaced_by_a_new_one(scene, outbox, prepared):
    _, rows, improvement, _ = prepared
    late = replace(improvement, deadline=1)
    proven = scene.prove(late, [rows])
    outbox.enqueue(late, [], model=MODEL, attempt=None, proven=proven)
    (failed,) = outbox.settle()
    assert "Expired" in failed.error
    renewed = replace(improvement, deadline=improvement.deadline + 1)
    again = scene.prove(renewed, [rows])
    outbox.enqueue(renewed, [], model=MODEL, attempt=None, proven=again)
    (paid,) = outbox.settle()
    assert paid.state == "confirmed", paid.error


@pytest.mark.exhaustive  # some seconds of pairings in Python
def test_a_commitment_that_is_too_young_waits(scene, outbox, prepared):
    _, _, improvement, proven = prepared
    scene.proofs.configure(
        scene.world.keys.admin,
        MODEL,
        ProofTerms(
            key=scene.key.hash,
            score="accuracy",
            label_owner=scene.world.keys.admin.address,
            min_commitment_age=10,
        ),
    )
    outbox.enqueue(improvement, [], model=MODEL, attempt=None, proven=proven)
    (waiting,) = outbox.settle(timeout=1)
    assert waiting.state == "waiting"
    assert "CommittedTooLate" in waiting.error
    for _ in range(10):
        scene.world.web3.provider.make_request("evm_mine", [])
    (paid,) = outbox.settle()
    assert paid.state == "confirmed", paid.error


@pytest.mark.parametrize(
    "word", [0, *(pytest.param(k, marks=pytest.mark.exhaustive) for k in range(1, 8))]
)
def test_every_word_of_a_real_proof_counts(scene, prepared, word):
    _, _, improvement, proven = prepared
    points = list(proven.gate[0].points)
    points[word] ^= 1
    other = replace(proven, gate=(replace(proven.gate[0], points=tuple(points)),))
    with pytest.raises(ContractRefused, match=r"PointInvalid|ProofInvalid"):
        scene.world.verifier.expected_reward(improvement, [], other)


@pytest.mark.parametrize(
    "name",
    [
        "candidate",
        *(pytest.param(k, marks=pytest.mark.exhaustive) for k in ("n", "champion", 0, 1, 2)),
    ],
)
def test_every_public_input_of_a_real_proof_counts(scene, prepared, name):
    _, _, improvement, proven = prepared
    if isinstance(name, int):
        counts = tuple(word + (k == name) for k, word in enumerate(proven.gate[0].counts))
        changed = replace(proven.gate[0], counts=counts)
    else:
        changed = replace(proven.gate[0], **{name: getattr(proven.gate[0], name) ^ 1})
    with pytest.raises(ContractRefused, match="ProofInvalid"):
        scene.world.verifier.expected_reward(improvement, [], replace(proven, gate=(changed,)))


@pytest.mark.exhaustive  # some seconds of pairings in Python
def test_chunks_are_added_and_stand_for_all_rows(scene):
    chunks = [scene.rows(128, seed=1), scene.rows(60, seed=2)]
    scene.commit(chunks)
    improvement = scene.improvement(chunks)
    proven = scene.prove(improvement, chunks)
    assert improvement.gate.n == 188
    verifier = scene.world.verifier
    assert verifier.expected_reward(improvement, [], proven) == 5 * 10**18
    # The better chunk alone.
    for kept in (0, 1):
        alone = replace(proven, gate=(proven.gate[kept],), gate_labels=(proven.gate_labels[kept],))
        with pytest.raises(ContractRefused, match="EvaluationSetIsAnother"):
            verifier.expected_reward(improvement, [], alone)
    backwards = replace(proven, gate=proven.gate[::-1])
    with pytest.raises(ContractRefused, match="ProofInvalid"):
        verifier.expected_reward(improvement, [], backwards)


@pytest.mark.exhaustive  # some seconds of pairings in Python
def test_a_hybrid_is_signed_for_the_part_that_oracles_see(scene, outbox):
    scene.demand("hybrid")
    private, public = scene.rows(100), scene.rows(120, seed=3)
    tally = scene.tally(public)
    scene.commit([private], shown=SHOWN)
    said = {"shown": SHOWN, "shown_tally": tally}
    improvement = scene.improvement([private], **said)
    assert improvement.gate.n == 220
    proven = scene.prove(improvement, [private], **said)
    verifier, oracles = scene.world.verifier, scene.world.keys.oracles
    part = proven.part(improvement, verifier.domain)
    assert part.improvement == improvement_digest(improvement, verifier.domain)
    signatures = attest(part, verifier.domain, oracles[:2])
    known = [oracle.address for oracle in oracles]
    require_quorum(part, verifier.domain, signatures, oracles=known, quorum=2)
    # One of three that lies moves nothing: its part is another one, and lacks a second signature.
    lie = replace(part, gate=(tally[0], tally[1], tally[2] + 5, tally[3]))
    one_lies = sorted(
        [(oracles[0], lie), (oracles[1], part)], key=lambda pair: int(pair[0].address, 16)
    )
    mixed = [attest(each, verifier.domain, [oracle])[0] for oracle, each in one_lies]
    with pytest.raises(ContractRefused, match=r"NotAnOracle|SignersNotAscending"):
        verifier.expected_reward(improvement, mixed, proven)
    whole = attest(improvement, verifier.domain, oracles[:2])
    with pytest.raises(ContractRefused, match=r"NotAnOracle|SignersNotAscending"):
        verifier.expected_reward(improvement, whole, proven)
    outbox.enqueue(improvement, signatures, model=MODEL, attempt=None, proven=proven)
    (paid,) = outbox.settle()
    assert paid.state == "confirmed", paid.error


@pytest.mark.exhaustive  # some seconds of pairings in Python
def test_two_lying_oracles_are_held_by_the_contracts_own_checks(scene):
    """Of a hybrid they can lie about what they see, as far as rows allow and the cap reaches."""
    scene.demand("hybrid", max_part_percent=60)
    private = scene.rows(100)
    scene.commit([private], shown=SHOWN)
    verifier, oracles = scene.world.verifier, scene.world.keys.oracles

    def refused(tally, match):
        said = {"shown": SHOWN, "shown_tally": tally}
        improvement = scene.improvement([private], **said)
        proven = scene.prove(improvement, [private], **said)
        part = proven.part(improvement, verifier.domain)
        signatures = attest(part, verifier.domain, oracles[:2])
        with pytest.raises(ContractRefused, match=match):
            verifier.expected_reward(improvement, signatures, proven)

    refused([151, 0, 151, 0], "PartTooLarge")  # more rows than the terms leave to them
    private_tally = scene.tally(private)
    worse = [149, 149, 60, 60]
    assert worse[1] + private_tally[1] > worse[2] + private_tally[2]
    refused(worse, r"NotSignificant|PaidAboveMeasured")


@pytest.mark.exhaustive  # some seconds of pairings in Python
def test_both_need_oracles_and_proof(scene):
    scene.demand("both")
    rows = scene.rows(100)
    scene.commit([rows], shown=SHOWN)
    improvement = scene.improvement([rows], shown=SHOWN)
    proven = scene.prove(improvement, [rows], shown=SHOWN)
    verifier = scene.world.verifier
    signatures = scene.world.attest(improvement)
    with pytest.raises(ContractRefused, match="ProofMissing"):
        verifier.expected_reward(improvement, signatures)
    with pytest.raises(ContractRefused, match="QuorumMissing"):
        verifier.expected_reward(improvement, [], proven)
    assert verifier.expected_reward(improvement, signatures, proven) == 5 * 10**18


def test_keys_terms_and_commitments_are_written_once(scene, prepared):
    _, rows, *_ = prepared
    admin = scene.world.keys.admin
    words = verifying_key(scene.key).words()
    assert scene.proofs.register_key(admin, words, CIRCUIT, "development") is None
    assert scene.proofs.circuit(scene.key.hash) == CIRCUIT
    block = scene.proofs.committed(MODEL, scene.commit([rows]))
    scene.commit([rows])
    assert scene.proofs.committed(MODEL, scene.commit([rows])) == block
    terms = scene.proofs.terms(MODEL)
    assert scene.proofs.configure(admin, MODEL, terms) is None
    assert scene.proofs.terms("unknown") is None
    scene.proofs.revoke_key(admin, scene.key.hash)
    assert scene.proofs.mode(scene.key.hash) == "unknown"


def test_proven_survives_its_encodings(prepared):
    *_, proven = prepared
    assert Proven.decode(proven.encode()) == proven
    assert Proven.from_dict(proven.to_dict()) == proven
    with pytest.raises(InputError, match="no proofs"):
        Proven.decode(b"\x01" * 64)
    with pytest.raises(InputError, match="no proofs in JSON"):
        Proven.from_dict({})
    with pytest.raises(InputError, match="ascending"):
        evaluation_set_id(MODEL, None, [2, 1], [])
