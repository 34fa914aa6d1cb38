"""What a spec may ask to be proven, and the commitments that follow from it."""

import builtins
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import worlds
import yaml
from pydantic import SecretStr

from hokusai_mlflow import label_sets, proving
from hokusai_mlflow.chain.proof_verifier import ProofVerifier
from hokusai_mlflow.chain.proven import evaluation_set_id
from hokusai_mlflow.errors import ChainError, InputError, SpecError
from hokusai_mlflow.inputs.inputs import _written as written
from hokusai_mlflow.proven_sums import MACRO
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.verification.zk.keys import KeyStore

SOURCES = {"clinic": "private", "registry": "public"}


def spec_of(tmp_path, **changes):
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(worlds.SPEC | changes))
    return load_spec(path)


def hybrid(**changes):
    data = worlds.SPEC["data"] | {"source": "from", "sources": SOURCES}
    return {"verification": "hybrid", "data": data} | changes


def attempt(tmp_path, **changes):
    """An attempt on a board whose squares come from two sources, one in three public."""
    path = worlds.write_files(tmp_path / "board", **changes)
    pool = pd.read_csv(path.parent / "pool.csv")
    pool["from"] = np.where(np.arange(len(pool)) % 3 == 0, "registry", "clinic")
    pool.to_csv(path.parent / "pool.csv", index=False)
    settings = Settings(home=path.parent / ".hokusai").prepare()
    inputs = worlds.read(path)
    return worlds.attempt_on(inputs, checks=(), training=None, players=(), champion=None), settings


INFERRED = {"prove_inference": True}
REGRESSION = {"task": "regression", "metric": "mae", "metric_options": {"cap": 2}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"proof": {"oracles_too": True}}, "proof: needs verification"),
        ({"verification": "zkp"}, "verification: "),
        ({"verification": "zk", "metric": "roc_auc"}, "roc_auc has no circuit"),
        (
            {"verification": "zk", "metric": "f1", "metric_options": {"average": "weighted"}},
            "average: weighted has no circuit",
        ),
        ({"verification": "zk"} | REGRESSION, "needs proof: {target_range"),
        (
            {"verification": "zk", "proof": {"target_range": [3, 1]}} | REGRESSION,
            "the least and then the largest",
        ),
        (
            {"verification": "zk", "data": worlds.SPEC["data"] | {"group": "x"}},
            "no circuit knows of groups",
        ),
        ({"verification": "hybrid"}, "needs data.source"),
        (
            hybrid(data=worlds.SPEC["data"] | {"source": "from", "sources": {"a": "private"}}),
            "marks each of them public or private",
        ),
        (hybrid(proof={"oracles_too": True}), "use verification: zk with oracles_too"),
        (
            {"verification": "zk", "chain": {"attestations": "place"}},
            "nobody is asked for an attest",
        ),
        (hybrid(chain={"holdback_percent": 20}), "decided by oracles alone"),
        (
            {"verification": "zk", "chain": {"holdback_percent": 20}},
            "remove chain.holdback_percent",
        ),
        ({"verification": "zk", "proof": {"capacity": 100}}, "proof.capacity: "),
        ({"verification": "zk", "proof": {"max_part_percent": 49}}, "proof.max_part_percent: "),
        ({"verification": "zk", "proof": {"keys": "x"}}, "unknown key"),
        ({"verification": "zk", "proof": {"miss": 0.01}}, "miss needs prove_inference: true"),
        ({"verification": "zk", "proof": INFERRED | {"miss": 0}}, "proof.miss: "),
        ({"verification": "zk", "proof": INFERRED | {"draw_delay": 201}}, "proof.draw_delay: "),
        ({"verification": "zk", "proof": INFERRED, "serialization": "skops"}, "cloudpickle"),
        (
            {"verification": "zk", "proof": INFERRED | {"target_range": [0, 1]}} | REGRESSION,
            "prove_inference is for classifiers",
        ),
    ],
)
def test_what_cannot_be_proven_is_refused_before_anything_runs(tmp_path, changes, said):
    with pytest.raises(SpecError) as caught:
        spec_of(tmp_path, **changes)
    assert said in str(caught.value)


def test_the_ways_that_exist(tmp_path):
    assert spec_of(tmp_path).verification == "oracle"
    assert spec_of(tmp_path, verification="zk").proof.capacity is None
    assert spec_of(tmp_path, **hybrid()).data.metadata == ("from",)
    elsewhere = {"attestations": "place"}
    assert spec_of(tmp_path, **hybrid(chain=elsewhere)).chain.attestations == "place"
    too = {"verification": "zk", "proof": {"oracles_too": True}}
    assert spec_of(tmp_path, **too, chain=elsewhere | {"holdback_percent": 20}).proof.oracles_too
    # Where nothing is proven, a spec is written as before, and no old attempt begins anew.
    path = worlds.write_files(tmp_path / "old")
    written = worlds.read(path)
    assert written.statement is None
    other = worlds.write_files(tmp_path / "new", verification="zk")
    assert worlds.read(other).digest != written.digest


def test_without_the_prover_it_is_told_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *given, **named):
        if name == "zksnake":
            raise ModuleNotFoundError("No module named 'zksnake'", name="zksnake")
        return real(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    proving.require_prover(spec_of(tmp_path))
    with pytest.raises(InputError, match=r"zksnake is missing.*pip install 'hokusai-mlflow\[zk\]'"):
        proving.require_prover(spec_of(tmp_path, verification="zk"))


@pytest.mark.parametrize("kept", [None, "development"])
def test_development_keys_are_for_the_development_chain(tmp_path, monkeypatch, kept):
    """Wherever the flow or a command takes up a key: for terms, for labels, for a proof."""
    found, settings = attempt(tmp_path, verification="zk")
    record = kept and SimpleNamespace(mode=kept)
    monkeypatch.setattr(KeyStore, "find", lambda *_: record)
    monkeypatch.setattr(KeyStore, "make", lambda *_, **__: pytest.fail("made a key"))
    monkeypatch.setattr(proving, "is_development", lambda _: False)
    monkeypatch.setattr(proving, "Settings", lambda: settings)
    monkeypatch.setattr(ProofVerifier, "__init__", lambda *_: None)
    terms = SimpleNamespace(score="accuracy", positive=MACRO)
    monkeypatch.setattr(ProofVerifier, "terms", lambda *_: terms)
    abroad = SimpleNamespace(web3=None)
    for step in (
        lambda: proving.agree(abroad, None, found.inputs, settings),
        lambda: proving.commit_labels(found, abroad, None, settings),
        lambda: proving.prove(found, None, None, None, {"chainId": 1}),
    ):
        with pytest.raises(ChainError, match="only the development chain takes a development key"):
            step()


def test_labels_are_not_committed_to_for_another_key(tmp_path, monkeypatch):
    found, settings = attempt(tmp_path, verification="zk")
    here = SimpleNamespace(mode="auditor", hash="0x" + "aa" * 32)
    monkeypatch.setattr(KeyStore, "find", lambda *_: here)
    monkeypatch.setattr(proving, "is_development", lambda _: False)
    monkeypatch.setattr(ProofVerifier, "__init__", lambda *_: None)
    terms = SimpleNamespace(score="accuracy", positive=MACRO, key="0x" + "bb" * 32)
    monkeypatch.setattr(ProofVerifier, "terms", lambda *_: terms)
    with pytest.raises(ChainError, match=r"of the key 0xbb.*kept here is 0xaa.*\(auditor\)"):
        proving.commit_labels(found, SimpleNamespace(web3=None), None, settings)


def test_private_labels_are_committed_to_in_chunks(tmp_path):
    found, settings = attempt(tmp_path, verification="zk", proof={"capacity": 128})
    labels = label_sets.label_set(found, settings)
    again = label_sets.label_set(found, settings)
    assert labels.commitments == again.commitments
    gate, payment = labels.commitments
    assert gate == sorted(set(gate))
    assert len(payment) == 1
    rows = found.inputs.part("holdout-1")
    covered = np.concatenate([chunk.rows for chunk in labels.gate])
    assert sorted(covered.tolist()) == list(range(len(rows)))
    assert labels.shown is None
    assert labels.id("board") == evaluation_set_id("board", None, gate, payment)
    # Of other targets, or under another key, nothing is the same.
    other, kept = attempt(tmp_path / "other", verification="zk", proof={"capacity": 128})
    changed = worlds.SPEC["data"] | {"split": worlds.SPEC["data"]["split"] | {"key": "another"}}
    third, kept = attempt(tmp_path / "third", verification="zk", data=changed)
    assert label_sets.label_set(other, kept).commitments == labels.commitments
    assert not set(gate) & set(label_sets.label_set(third, kept).commitments[0])


def test_a_hybrid_leaves_public_sources_to_the_oracles(tmp_path):
    found, settings = attempt(tmp_path, **hybrid())
    labels = label_sets.label_set(found, settings)
    rows = found.inputs.part("holdout-1")
    public = np.flatnonzero(rows.told_by("from") == "registry")
    assert labels.gate_shown.tolist() == public.tolist()
    assert sum(len(chunk.rows) for chunk in labels.gate) == len(rows) - len(public)
    assert labels.shown is not None


def test_oracles_too_see_everything_that_is_proven(tmp_path):
    found, settings = attempt(tmp_path, verification="zk", proof={"oracles_too": True})
    labels = label_sets.label_set(found, settings)
    assert labels.shown is not None
    assert len(labels.gate_shown) == 0
    assert sum(len(chunk.rows) for chunk in labels.gate) == len(found.inputs.part("holdout-1"))


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"registry": "public", "elsewhere": "private"}, "marks no 'clinic'"),
        (
            {"registry": "private", "clinic": "private", "x": "public"},
            "none of the examples is pub",
        ),
        ({"registry": "public", "clinic": "public", "x": "private"}, "none of the examples is pri"),
    ],
)
def test_sources_that_are_marked_otherwise_than_they_occur(tmp_path, sources, said):
    data = worlds.SPEC["data"] | {"source": "from", "sources": sources}
    found, settings = attempt(tmp_path, **hybrid(data=data))
    with pytest.raises(InputError, match=said):
        label_sets.label_set(found, settings)


def test_more_examples_than_chunks_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(label_sets, "MOST_CHUNKS", 0)
    found, settings = attempt(tmp_path, verification="zk")
    with pytest.raises(InputError, match=r"more than 0 chunks of 128 hold; choose a larger"):
        label_sets.label_set(found, settings)


@pytest.mark.parametrize(
    ("metric", "options", "counted", "positive"),
    [
        ("accuracy", {}, "accuracy", MACRO),
        ("f1", {}, "confusion", 1),
        ("recall", {"average": "macro"}, "confusion", MACRO),
    ],
)
def test_statements_of_classifications(tmp_path, metric, options, counted, positive):
    found, _ = attempt(tmp_path, verification="zk", metric=metric, metric_options=options)
    statement = found.inputs.statement
    assert (statement.circuit.counted, statement.positive) == (counted, positive)
    assert statement.circuit.capacity == 128
    assert statement.classes == (0, 1)


def test_specs_without_inference_are_written_as_before(tmp_path):
    made, _ = attempt(tmp_path, verification="zk")
    before = written(made.inputs.spec)["proof"]
    assert set(before) == {
        "oracles_too",
        "capacity",
        "target_range",
        "steps",
        "max_part_percent",
        "label_owner",
        "min_commitment_age",
    }


def test_salts_outlive_the_specs_key(tmp_path):
    """An attempt that is taken up again reads its spec from a copy without keys."""
    settings, given = Settings(home=tmp_path / "home").prepare(), SecretStr("the spec's")
    assert settings.salt_key("board", None) == settings.split_key("board", None)
    assert settings.salt_key("board", given) == b"the spec's"
    assert settings.salt_key("board", None) == b"the spec's"
    assert settings.salt_key("board", SecretStr("another")) == b"another"
    assert settings.salt_key("board", None) == b"another"
    assert settings.salt_key("other", None) != b"another"
    kept = settings.home / "keys" / "salts-board.key"
    assert kept.stat().st_mode & 0o077 == 0
