"""Attestations: who signed, in which order, and what a quorum is."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from hokusai_mlflow.chain.improvement import Improvement, name_id, signing_domain
from hokusai_mlflow.chain.signer import LocalKey
from hokusai_mlflow.deltaone import PairedSums
from hokusai_mlflow.errors import EvidenceMismatch, InputError
from hokusai_mlflow.verification.oracle import attest, recover, require_quorum

CONTRACT = "0x" + "11" * 20
DOMAIN = signing_domain(31_337, CONTRACT)
KEYS = [LocalKey.from_secret(SecretStr(f"0x{number:064x}")) for number in (7, 8, 9)]
ADDRESSES = [key.address for key in KEYS]
SUMS = PairedSums.of([0.0, 1.0, 0.0], [1.0, 1.0, 0.0])
IMPROVEMENT = Improvement(
    model="digits",
    metric="accuracy",
    evidence="e1" * 32,
    champion="0x" + "01" * 32,
    candidate="0x" + "02" * 32,
    evaluation_set="0x" + "03" * 32,
    gate=SUMS,
    payment=SUMS + SUMS,
    paid_bps=100,
    look=1,
    contributors=("0x" + "00" * 19 + "01", "0x" + "00" * 19 + "02"),
    weights=(2500, 7500),
    deadline=2**40,
)


def test_signatures_come_in_the_contract_s_order():
    signatures = attest(IMPROVEMENT, DOMAIN, KEYS)
    assert signatures == attest(IMPROVEMENT, DOMAIN, KEYS[::-1])
    signers = [recover(IMPROVEMENT, DOMAIN, signature) for signature in signatures]
    assert signers == sorted(ADDRESSES, key=lambda address: int(address, 16))
    found = require_quorum(IMPROVEMENT, DOMAIN, signatures, oracles=ADDRESSES, quorum=2)
    assert list(found) == signers


def test_one_signs_once():
    with pytest.raises(InputError, match="given twice"):
        attest(IMPROVEMENT, DOMAIN, [KEYS[0], KEYS[0]])


def test_what_is_no_quorum():
    def check(signatures, improvement=IMPROVEMENT, domain=DOMAIN, oracles=ADDRESSES):
        require_quorum(improvement, domain, signatures, oracles=oracles, quorum=2)

    signatures = attest(IMPROVEMENT, DOMAIN, KEYS[:2])
    check(signatures)
    with pytest.raises(EvidenceMismatch, match="2 oracles must sign, found 1"):
        check(signatures[:1])
    with pytest.raises(EvidenceMismatch, match="strictly ascending"):
        check(signatures[::-1])
    with pytest.raises(EvidenceMismatch, match="strictly ascending"):
        check([signatures[0]] * 2)
    with pytest.raises(EvidenceMismatch, match="not a registered oracle"):
        check(signatures, oracles=ADDRESSES[1:])
    with pytest.raises(EvidenceMismatch, match="not a registered oracle"):
        check(signatures, improvement=replace(IMPROVEMENT, paid_bps=101))
    with pytest.raises(EvidenceMismatch, match="not a registered oracle"):
        check(signatures, domain=signing_domain(1, CONTRACT))
    with pytest.raises(EvidenceMismatch, match="65 bytes"):
        check([signatures[0], b"short"])


# ---------------------------------------------------------------------- the improvement itself


def test_json_and_back():
    assert Improvement.from_dict(IMPROVEMENT.to_dict()) == IMPROVEMENT
    assert IMPROVEMENT.evidence == "0x" + "e1" * 32
    assert IMPROVEMENT.shares == dict(
        zip(IMPROVEMENT.contributors, IMPROVEMENT.weights, strict=True)
    )
    assert IMPROVEMENT.message()["modelId"] == name_id("digits")
    given = IMPROVEMENT.to_dict()
    given["looks"] = given.pop("look")
    with pytest.raises(InputError, match="missing or unknown: look, looks"):
        Improvement.from_dict(given)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": ""}, "model must be named"),
        ({"evidence": "0x12"}, "evidence must be a 32-byte digest"),
        ({"candidate": "0x" + "00" * 32}, "digest of zeros"),
        ({"candidate": "0x" + "01" * 32}, "candidate is the champion"),
        ({"paid_bps": 0}, "paid_bps must be from 1"),
        ({"look": 0}, "look must be from 1"),
        ({"deadline": 2**64}, "deadline must be"),
        ({"contributors": ()}, "1 to 200 contributors"),
        ({"contributors": ("0x" + "00" * 19 + "01",)}, "have 2 weights"),
        ({"contributors": ("0x" + "00" * 19 + "02", "0x" + "00" * 19 + "01")}, "ascending"),
        ({"contributors": ("0x" + "00" * 19 + "02",) * 2}, "ascending"),
        ({"contributors": ("0x" + "00" * 20, "0x" + "00" * 19 + "01")}, "zero address"),
        ({"contributors": ("north-archive", "0x" + "00" * 19 + "01")}, "north-archive"),
        (
            {
                "contributors": (
                    "0x" + "00" * 19 + "01",
                    "0x52908400098527886E0F7030069857D2E4169Ee7",
                )
            },
            "checksum",
        ),
        ({"weights": (0, 10_000)}, "positive and sum to 10000"),
        ({"weights": (2500, 7400)}, "positive and sum to 10000"),
    ],
)
def test_what_is_no_improvement(change, told):
    with pytest.raises(InputError, match=told):
        replace(IMPROVEMENT, **change)
