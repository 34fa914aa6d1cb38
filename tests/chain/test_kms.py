"""A key in a key service, simulated: DER out, Ethereum's signatures made of it."""

import pytest
from chain_world import open_world
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from eth_account import Account
from eth_account.messages import encode_typed_data
from outbox_world import open_paying

from hokusai_mlflow.chain.kms import ORDER, KmsSigner
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.errors import ChainError, InputError

TRANSACTION = {
    "to": "0x" + "22" * 20,
    "value": 1,
    "gas": 21_000,
    "nonce": 0,
    "chainId": 31_337,
    "maxFeePerGas": 3 * 10**9,
    "maxPriorityFeePerGas": 10**9,
    "data": b"",
    "type": 2,
}
DOMAIN = {"name": "x", "version": "1", "chainId": 1, "verifyingContract": "0x" + "11" * 20}
TYPES = {"A": [{"name": "a", "type": "uint256"}]}


class SimulatedKms:
    """Answers as AWS KMS does; s is high about every other time."""

    def __init__(self, key=None):
        self.key = key or ec.generate_private_key(ec.SECP256K1())
        self.asked = []

    def get_public_key(self, *, KeyId):  # noqa: N803
        public = self.key.public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return {"PublicKey": public.public_bytes(serialization.Encoding.DER, form)}

    def sign(self, *, KeyId, Message, MessageType, SigningAlgorithm):  # noqa: N803
        assert (MessageType, SigningAlgorithm, len(Message)) == ("DIGEST", "ECDSA_SHA_256", 32)
        signature = self.key.sign(Message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        self.asked.append(utils.decode_dss_signature(signature))
        return {"Signature": signature}


@pytest.fixture
def kms():
    return SimulatedKms()


@pytest.fixture
def signer(kms):
    return KmsSigner(kms, "alias/settling")


def test_it_is_a_signer_that_shows_its_name_and_address(signer):
    assert isinstance(signer, Signer)
    assert repr(signer) == f"KmsSigner(alias/settling, {signer.address})"


def test_transactions_and_typed_data_are_its_own_with_low_s(kms, signer):
    from eth_utils.crypto import keccak

    message = encode_typed_data(DOMAIN, TYPES, {"a": 1})
    for nonce in range(12):
        raw, tx_hash = signer.sign_transaction({**TRANSACTION, "nonce": nonce})
        assert Account.recover_transaction(raw) == signer.address
        assert tx_hash == "0x" + keccak(raw).hex()
        signature = signer.sign_typed(DOMAIN, TYPES, {"a": 1})
        assert Account.recover_message(message, signature=signature) == signer.address
        assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert any(s > ORDER // 2 for _, s in kms.asked), "the service was high at least once"


def test_a_contract_is_deployed_and_paid_through_it(tmp_path, kms):
    """The same way through the outbox as any other key."""
    paying = open_paying(open_world(tmp_path / "home").home)
    paying.world.configure()
    signer = KmsSigner(kms, "alias/settling")
    admin = paying.world.keys.admin
    raw, _ = admin.sign_transaction(
        TRANSACTION
        | {
            "to": signer.address,
            "value": 10**18,
            "nonce": paying.world.web3.eth.get_transaction_count(admin.address),
        }
    )
    paying.world.web3.eth.send_raw_transaction(raw)
    (improvement,) = paying.improvements(1)
    outbox = paying.outbox(signer=signer)
    paying.enqueue(outbox, improvement)
    assert outbox.settle()[0].state == "confirmed"
    paying.require_paid(1)
    paying.ledger.close()


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)],
    ids=["another curve", "RSA"],
)
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises(InputError, match="not a key on the curve secp256k1"):
        KmsSigner(SimulatedKms(key), "alias/other")


def test_a_service_that_signs_with_another_key_is_refused(kms, signer):
    kms.key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(ChainError, match="signed with another key"):
        signer.sign_transaction(TRANSACTION)


def test_a_service_that_refuses_is_told(signer, kms):
    def denied(**_):
        raise PermissionError("AccessDeniedException")

    kms.sign = denied
    with pytest.raises(ChainError, match=r"does not sign with alias/settling.*AccessDenied"):
        signer.sign_transaction(TRANSACTION)
