"""Oracles elsewhere beside a proof: they see the public examples, or all, and sign that."""

import json
from dataclasses import replace
from shutil import copytree
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from chain_world import CONTRIBUTORS, FAR, open_world
from oracles_world import Scene, build
from outbox_world import open_paying
from proving_world import CIRCUIT, Proving

from hokusai_mlflow.chain.proof_verifier import ProofVerifier
from hokusai_mlflow.cli.proof_checks import check_proofs, check_recorded
from hokusai_mlflow.contributions.digests import shown_digest
from hokusai_mlflow.errors import ContractRefused, InputError
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.comparison import compare_outputs
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.exchange import REQUEST
from hokusai_mlflow.verification.oracle import attest
from hokusai_mlflow.verification.statement import Statement
from hokusai_mlflow.verification.zk import independent
from hokusai_mlflow.verification.zk.circuit import Rows
from hokusai_mlflow.verification.zk.verifying import verify

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and web3 warn of themselves.

STATEMENT = Statement(CIRCUIT, "accuracy", classes=(0, 1, 2))
COLUMNS = ("target", "champion", "candidate")


def examples(n, name, seed):
    """Three in four right by the champion, nine in ten by the candidate."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    said = [np.where(rng.random(n) < p, truth, (truth + 1) % 3) for p in (0.7, 0.92)]
    ids = [f"{name}-{k}" for k in range(n)]
    return pd.DataFrame(dict(zip(("id", *COLUMNS), (ids, truth, *said), strict=True)))


def counted(frame):
    return STATEMENT.tally(*(frame[column].tolist() for column in COLUMNS))


def offered(world, store, folder, method):
    """A model with this method, labels committed to, evidence, and proofs of its private part."""
    proving = Proving(world, ProofVerifier(world.verifier), store)
    proving.demand(method)
    private, public = examples(100, "clinic", 1), examples(120, "registry", 2)
    hybrid = method == "hybrid"
    everything = pd.concat([private, public]) if hybrid else private
    seen = public if hybrid else private
    columns = (private[column].tolist() for column in COLUMNS)
    rows = Rows(*columns, (11, 12, 13))
    shown = "0x" + shown_digest([(seen.id, seen.target)])
    named = proving.commit([rows], shown=shown).removeprefix("0x")
    sums = STATEMENT.paired_sums(*(everything[column] for column in COLUMNS))
    part = {"part": "holdout-1", "digest": named, "n": len(everything)}
    _, champion, candidate = (proving.zk.commitment(*column) for column in rows.columns())
    document = build(
        candidate="2" * 64,
        evaluation={"gate": part, "payment": part},
        comparison=compare_outputs(
            metric("accuracy"), *(everything[column] for column in COLUMNS)
        ).to_dict(),
        gate_sums=sums,
        payment_sums=sums,
        verification={
            "method": "hybrid" if hybrid else "zk",
            "oracles_too": not hybrid,
            "statement": STATEMENT.to_dict(),
            "key": proving.key.hash,
            "mode": "development",
            "evaluation_set": named,
            "shown": shown[2:],
            "gate": [
                {
                    "n": len(private),
                    "labels": hex(proving.label(rows)),
                    "champion": hex(champion),
                    "candidate": hex(candidate),
                }
            ],
            "payment": [],
        },
    )
    improvement = improvement_from(document.document, FAR)
    tally = {"shown_tally": counted(public)} if hybrid else {}
    proven = proving.prove(improvement, [rows], shown=shown, **tally)
    own = folder / "evidence"
    own.mkdir(parents=True)
    (own / "evidence.json").write_text(document.to_json())
    seen.to_parquet(own / "gate.parquet")
    everything.to_parquet(folder / "everything.parquet")
    return SimpleNamespace(document=document, improvement=improvement, proven=proven)


@pytest.fixture(
    scope="module", params=["hybrid", pytest.param("both", marks=pytest.mark.exhaustive)]
)
def prepared(request, _prepared_home, key_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    home = copytree(_prepared_home, folder / "home")
    world = open_world(home)
    made = offered(world, key_store, folder, request.param)
    world.web3.provider.chain.close()
    return SimpleNamespace(folder=folder, method=request.param, **vars(made))


class ProvenScene(Scene):
    """The same, with proofs in the request, and one set of examples for gate and payment."""

    def __init__(self, paying, folder, prepared):
        super().__init__(paying, folder, prepared.document)
        self.method, self.proven = prepared.method, prepared.proven

    def ask(self, **changes):
        return super().ask(proven=replace(self.proven, **changes))

    def attest(self, number, **options):
        return super().attest(number, **{"payment-data": None} | options)

    def refused(self, *, exit_code=4, **options):
        """What an oracle says that does not sign; nothing of it is left anywhere."""
        answered = self.attest(0, **options)
        assert answered.exit_code == exit_code, answered.output
        assert self.files() == [REQUEST]
        assert not (self.folder / "oracle-0" / "oracle.db").exists()
        return json.loads(answered.stdout)["error"]["message"]

    def put_a_lie(self, number, part):
        """An oracle signs another public part than it has seen."""
        (signature,) = attest(
            part, self.paying.verifier.domain, [self.paying.world.keys.oracles[number]]
        )
        told = {"signature": "0x" + signature.hex()}
        (self.place / self.document.digest / f"lie-{number}.json").write_text(json.dumps(told))


@pytest.fixture
def scene(prepared, tmp_path, monkeypatch):
    # The independent verifier takes seconds; one test here uses it.
    monkeypatch.setattr(independent, "verify_independently", verify)
    copytree(prepared.folder, tmp_path, dirs_exist_ok=True)
    paying = open_paying(tmp_path / "home")
    yield ProvenScene(paying, tmp_path, prepared)
    paying.ledger.close()
    paying.provider.chain.close()


only_hybrid = pytest.mark.parametrize("prepared", ["hybrid"], indirect=True)


def test_they_sign_what_they_saw_and_it_is_paid(scene, monkeypatch):
    monkeypatch.undo()
    scene.ask()
    assert "0 of 2 oracles have signed" in scene.collect()[0].error
    for number in (0, 2):
        answered = scene.attest(number)
        assert answered.exit_code == 0, answered.output
    with Ledger(f"sqlite:///{scene.folder / 'oracle-0' / 'oracle.db'}") as log:
        (signed,) = log.entries(kind="oracle.signed")
    assert ("part" in signed.body) == (scene.method == "hybrid")
    assert scene.collect() == []
    (paid,) = scene.outbox.settle()
    assert paid.state == "confirmed", paid.error
    assert set(paid.paid) > set(CONTRIBUTORS[:2])
    checks = check_recorded(scene.document.document, scene.paying.verifier)
    assert len(checks) > 5
    assert [check for check in checks if check.ok is not True] == []


@pytest.mark.parametrize("column", ["id", *COLUMNS])
def test_one_different_value_in_what_they_saw_and_nothing_is_signed(scene, column):
    own = pd.read_parquet(scene.folder / "evidence" / "gate.parquet")
    target = own.loc[7, "target"]
    if column == "id":
        own.loc[7, "id"] = "another"
    else:
        # Right becomes wrong, and wrong right: what is wrong otherwise counts the same.
        right = own.loc[7, column] == target
        own.loc[7, column] = (target + 1) % 3 if right else target
    path = scene.folder / "own.parquet"
    own.to_parquet(path)
    scene.ask()
    assert "does not check out" in scene.refused(data=path)


@only_hybrid
def test_private_examples_are_not_theirs_to_see(scene):
    scene.ask()
    told = scene.refused(data=scene.folder / "everything.parquet")
    assert "examples that oracles see" in told
    asked = (scene.place / scene.document.digest / REQUEST).read_text()
    assert "clinic" not in asked


@only_hybrid
def test_a_request_that_claims_more_of_the_public_part(scene):
    shown = list(scene.proven.gate_shown)
    shown[2] += 1
    scene.ask(gate_shown=tuple(shown))
    told = scene.refused()
    assert "gate counts of the public part" in told
    assert "gate sums ⇐ proofs" in told


def test_a_request_whose_proof_does_not_hold(scene):
    (proof,) = scene.proven.gate
    scene.ask(gate=(replace(proof, points=(1, 2, *proof.points[2:])),))
    assert "does not hold" in scene.refused()


@only_hybrid
@pytest.mark.parametrize("change", ["no proofs", "no part"])
def test_a_request_of_another_method(scene, change):
    scene.ask(**({} if change == "no proofs" else {"gate_shown": ()}))
    path = scene.place / scene.document.digest / REQUEST
    asked = json.loads(path.read_text())
    if change == "no proofs":
        del asked["proven"]
    path.write_text(json.dumps(asked))
    assert "does not fit the verification 'hybrid'" in scene.refused()


@only_hybrid
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told: told["proven"]["gate"][0]["points"].__setitem__(0, "0x1"), "does not hold"),
        (lambda told: told["proven"]["gate"][0].update(n=99), "which is not what the evidence"),
        (lambda told: told["proven"]["key"].__setitem__(2, "0x5"), "which is not what the evid"),
        (lambda told: told["proven"].update(gate=[]), "0 for 1 commitments to labels"),
        (lambda told: told["improvement"].update(look=2), "which is not what the evidence states"),
    ],
)
def test_proof_files_that_were_changed(scene, change, told):
    paying, path = scene.paying.verifier, scene.folder / "proof.json"
    whole = {"improvement": scene.improvement.to_dict(), "proven": scene.proven.to_dict()}
    whole |= {"chain_id": paying.chain_id, "contract": paying.address}
    path.write_text(json.dumps(whole))
    assert all(check.ok for check in check_proofs(scene.document.document, path))
    change(whole)
    path.write_text(json.dumps(whole))
    failed = [one for one in check_proofs(scene.document.document, path) if one.ok is False]
    assert any(told in one.detail for one in failed)
    for name in whole:
        path.write_text(json.dumps({key: whole[key] for key in whole if key != name}))
        with pytest.raises(InputError, match="does not hold an improvement and its proofs"):
            check_proofs(scene.document.document, path)


@only_hybrid
def test_one_lying_oracle_of_three_moves_nothing(scene):
    scene.ask()
    part = scene.proven.part(scene.improvement, scene.paying.verifier.domain)
    lie = replace(part, gate=(part.gate[0], part.gate[1], part.gate[2] + 5, part.gate[3]))
    scene.put_a_lie(1, lie)
    scene.attest(0)
    assert "1 of 2 oracles have signed" in scene.collect()[0].error
    assert scene.paying.verifier.supply() == 0
    scene.attest(2)
    assert scene.collect() == []
    (paid,) = scene.outbox.settle()
    assert paid.state == "confirmed", paid.error
    handed_in = scene.paying.verifier.proven_in(paid.tx_hash)[1]
    assert handed_in.gate_shown == tuple(part.gate)


@only_hybrid
def test_two_lying_oracles_meet_the_contracts_own_checks(scene):
    """Whatever they sign, it has to be counts of rows, and to give the improvement's sums."""
    verifier, oracles = scene.paying.verifier, scene.paying.world.keys.oracles[:2]
    part = scene.proven.part(scene.improvement, verifier.domain)
    n, b, c, both = part.gate
    for gate, refusal in (
        ((n, b + 1, c + 1, both + 1), "SumsUnproven"),  # the improvement has other sums
        ((n, b, n + 1, both), "CountsContradictory"),
        ((n, b, c, b + 1), "CountsContradictory"),
        ((n + 1_000, b, c, both), "PartTooLarge"),
        ((n, b, c), "TallyLength"),
    ):
        lie = replace(part, gate=gate)
        signatures = attest(lie, verifier.domain, oracles)
        with pytest.raises(ContractRefused, match=refusal):
            verifier.expected_reward(
                scene.improvement, signatures, replace(scene.proven, gate_shown=gate)
            )
    # Signed for this improvement, handed in for another one.
    signatures = attest(part, verifier.domain, oracles)
    other = replace(scene.improvement, paid_bps=scene.improvement.paid_bps - 1)
    with pytest.raises(ContractRefused, match="ProofInvalid"):
        verifier.expected_reward(other, signatures, scene.proven)
    assert verifier.supply() == 0
