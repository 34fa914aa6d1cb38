"""Inference on the local chain: the draw as Python draws, and proofs that hold or are refused."""

from dataclasses import replace
from shutil import copytree

import numpy as np
import pytest
import rlp
from chain_world import GENESIS, MODEL, open_world
from proving_world import CIRCUIT, Proving

from hokusai_mlflow.chain.inference import InferenceTerms, Inferred, header_of, seed_of
from hokusai_mlflow.chain.inference_verifier import InferenceVerifier
from hokusai_mlflow.chain.proof_verifier import ProofVerifier
from hokusai_mlflow.chain.proven import Proof, Proven
from hokusai_mlflow.errors import ChainError, ContractRefused, InputError
from hokusai_mlflow.verification.zk import linked, sampling
from hokusai_mlflow.verification.zk.columns import Column
from hokusai_mlflow.verification.zk.inference import Inference
from hokusai_mlflow.verification.zk.keys import KeyStore, verifying_key
from hokusai_mlflow.verification.zk.opening import Side
from hokusai_mlflow.verification.zk.quantised import QuantisedModel

CANDIDATE = "0x" + "02" * 32


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def scene(tmp_path, key_folder, _prepared_home):
    world = open_world(copytree(_prepared_home, tmp_path / "home"))
    proving = Proving(world, ProofVerifier(world.verifier), KeyStore(key_folder))
    proving.demand("proof")
    yield proving
    world.web3.provider.chain.close()


@pytest.fixture
def contract(scene):
    made = InferenceVerifier.deploy(scene.proofs, scene.world.keys.admin)
    assert InferenceVerifier.deploy(scene.proofs, scene.world.keys.admin).address == made.address
    terms = InferenceTerms(4, 1, 2, scene.world.keys.admin.address)
    made.demand(scene.world.keys.admin, MODEL, terms)
    assert made.terms(MODEL) == terms
    assert made.demand(scene.world.keys.admin, MODEL, terms) is None
    return made


def line(seed):
    rng = np.random.default_rng(seed)
    weights = (rng.integers(-(2**15), 2**15, (1, 3)),)
    return QuantisedModel(weights, (np.array([seed]),), np.zeros(3), np.ones(3), (0, 1))


def world_of(scene):
    """Two lines, 100 rows, and what is committed to of them."""
    codes = np.random.default_rng(1).integers(0, 4096, (100, 3))
    sides = [
        Side([int(code) for code in model.predict(codes)], salt, model, salt + 1)
        for salt, model in ((5, line(3)), (7, line(4)))
    ]
    rows = linked.Rows(codes, 9)
    commitments = [
        scene.zk.commitment(column, side.predictions, side.prediction_salt)
        for column, side in zip((Column.CHAMPION, Column.CANDIDATE), sides, strict=True)
    ]
    label = scene.zk.commitment(Column.LABELS, [0] * 100, 1)
    evaluation_set = scene.proofs.commit(scene.world.keys.admin, MODEL, [label])
    said = Inferred(
        GENESIS,
        CANDIDATE,
        evaluation_set,
        *(side.weights for side in sides),
        ((100, *commitments),),
        (rows.commitment(128),),
    )
    return tuple(sides), rows, said


def commit(scene, contract, said):
    admin = scene.world.keys.admin
    contract.commit_features(admin, MODEL, said.evaluation_set, said.features)
    contract.commit_weights(admin, MODEL, GENESIS, said.champion_weights)
    for _ in range(2):  # again changes nothing
        contract.commit_predictions(admin, MODEL, said)
    draw = contract.draw(MODEL, CANDIDATE)
    contract.await_block(draw.drawn_by)
    for _ in range(2):
        contract.fix_draw(admin, MODEL, CANDIDATE, draw.drawn_by)
    return contract.draw(MODEL, CANDIDATE)


def test_both_sides_draw_the_same(scene, contract):
    _, _, said = world_of(scene)
    draw = commit(scene, contract, said)
    assert draw.commitment == said.commitment(MODEL, contract.address, contract.chain_id)
    assert draw.statement == said.statement()
    header, randomness = header_of(scene.world.web3, draw.drawn_by)
    assert rlp.decode(header)[13] == randomness
    assert draw.seed == seed_of(randomness, draw.commitment)
    for part, rows, count in ((0, 1, 1), (1, 100, 4), (2, 100, 100), (7, 1_000, 135)):
        expected = sampling.draw_rows(draw.seed, part, rows, count)
        assert contract.rows_of(draw.seed, part, rows, count) == expected
    improvement = scene.improvement([scene.rows(100)], evaluation_set=said.evaluation_set)
    with pytest.raises(ContractRefused, match="InferenceMissing"):
        scene.world.verifier.expected_reward(improvement, [], unproven(scene))


def unproven(scene):
    """Proofs of nothing, for the committed labels: inference is asked about before they are."""
    label = scene.zk.commitment(Column.LABELS, [0] * 100, 1)
    empty = Proof(100, 1, 2, (0, 0, 0), (1, 2) * 4)
    return Proven(tuple(verifying_key(scene.key).words()), (label,), (empty,))


def test_headers_of_another_make_are_told(scene, monkeypatch):
    web3 = scene.world.web3
    block = dict(web3.eth.get_block(1))
    monkeypatch.setattr(web3.eth, "get_block", lambda number: block | {"gasUsed": 1})
    with pytest.raises(ChainError, match="whose headers are Ethereum's"):
        header_of(web3, 1)


def test_commitments_pair_up():
    with pytest.raises(InputError, match="2 parts have predictions, 1 features"):
        Inferred(GENESIS, CANDIDATE, GENESIS, 1, 2, ((1, 2, 3), (1, 2, 3)), (4,))


@pytest.mark.exhaustive  # a key and proofs, some 30 s
def test_real_proofs_of_drawn_rows(scene, contract):
    sides, rows, said = world_of(scene)
    draw = commit(scene, contract, said)
    admin, store = scene.world.keys.admin, scene.store
    circuit = Inference(CIRCUIT.capacity, CIRCUIT.bits, 3, line(3).shape, line(4).shape)
    record = store.make(circuit)
    words = verifying_key(record).words()
    contract.register_key(admin, words, (128, 2, 3), "development")
    assert contract.register_key(admin, words, (128, 2, 3), "development") is None
    drawn = sampling.draw_rows(draw.seed, 0, 100, 4)
    openings = linked.openings(circuit, rows, sides, drawn)
    context = int.from_bytes(draw.commitment, "big") >> 8
    made = [proof for _, proof in linked.prove(circuit, openings, context, store)]
    points = [proof.words() for proof in made]

    def refused(match, **changes):
        given = {"said": said, "key": words, "points": points} | changes
        with pytest.raises(ContractRefused, match=match):
            contract.prove(admin, MODEL, **given)

    refused("ProofInvalid", points=points[::-1])
    refused("CommitmentIsAnother", said=replace(said, candidate_weights=5))
    refused("KeyUnknown", key=verifying_key(scene.key).words())
    refused("PointInvalid|ProofInvalid", points=[[points[0][0] ^ 1, *points[0][1:]], points[1]])
    # Proofs of another draw.
    others = linked.openings(circuit, rows, sides, [(row + 1) % 100 for row in drawn])
    wrong = [proof.words() for _, proof in linked.prove(circuit, others, context, store)]
    refused("ProofInvalid", points=wrong)
    contract.prove(admin, MODEL, said, words, points[:1])
    assert contract.draw(MODEL, CANDIDATE).rows == 3
    contract.prove(admin, MODEL, said, words, points[1:])
    assert contract.draw(MODEL, CANDIDATE).complete
    assert [len(points) for _, _, points in contract.handed_in(MODEL, CANDIDATE)] == [1, 1]

    # An owner whose committed predictions are not the model's finds nothing to prove them with.
    told = [1 - code for code in sides[1].predictions]
    lying = (sides[0], replace(sides[1], predictions=told))
    with pytest.raises(InputError, match="the candidate predicts"):
        next(linked.prove(circuit, linked.openings(circuit, rows, lying, drawn), context, store))
