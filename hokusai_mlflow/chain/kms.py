"""Keys that never leave a key service, which signs digests: Ethereum's signatures made of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from eth_account.messages import encode_typed_data
from eth_account.typed_transactions import TypedTransaction
from eth_keys.datatypes import PublicKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak

from hokusai_mlflow.errors import ChainError, InputError

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1: s and ORDER − s sign the same, Ethereum takes the smaller (EIP-2)."""


class KmsClient(Protocol):
    """What is asked of a key service; `boto3.client("kms")` answers it."""

    def get_public_key(self, *, KeyId: str) -> Mapping[str, Any]:  # noqa: N803
        """The public key, in DER, under ``PublicKey``."""
        ...

    def sign(
        self,
        *,
        KeyId: str,  # noqa: N803
        Message: bytes,  # noqa: N803
        MessageType: str,  # noqa: N803
        SigningAlgorithm: str,  # noqa: N803
    ) -> Mapping[str, Any]:
        """A signature of a digest, in DER, under ``Signature``."""
        ...


class KmsSigner:
    """A signer whose key is in a key service.

    Parameters
    ----------
    client : KmsClient
        AWS KMS, or what speaks like it.
    key_id : str
        Of a key for signing on the curve secp256k1 (``ECC_SECG_P256K1``).

    Raises
    ------
    InputError
        The key is of another kind.
    ChainError
        The service does not answer.
    """

    def __init__(self, client: KmsClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        answered = _asked(f"does not show {key_id}", lambda: client.get_public_key(KeyId=key_id))
        self._public = _public_key(key_id, answered["PublicKey"])

    @property
    def address(self) -> str:
        """The account's address with its checksum."""
        return str(self._public.to_checksum_address())

    def sign_transaction(self, transaction: Mapping[str, Any]) -> tuple[bytes, str]:
        """Sign a complete EIP-1559 transaction.

        Parameters
        ----------
        transaction : mapping
            With nonce, gas, fees and chain id.

        Returns
        -------
        raw : bytes
        hash : str
            ``0x`` and 64 hexadecimal digits.
        """
        fields = {name: value for name, value in transaction.items() if name != "from"}
        fields["type"] = "0x2"
        signature = self._signature(bytes(TypedTransaction.from_dict(fields).hash()))
        v, r, s = signature.vrs
        raw = TypedTransaction.from_dict(fields | {"v": v, "r": r, "s": s}).encode()
        return raw, "0x" + keccak(raw).hex()

    def sign_typed(
        self,
        domain: Mapping[str, Any],
        types: Mapping[str, list[dict[str, str]]],
        message: Mapping[str, Any],
    ) -> bytes:
        """Sign EIP-712 typed data.

        Parameters
        ----------
        domain, types, message : mapping
            As in EIP-712; the primary type is the one no other refers to.

        Returns
        -------
        bytes, length 65
            r, s, v.
        """
        encoded = encode_typed_data(dict(domain), dict(types), dict(message))
        digest = keccak(b"\x19" + encoded.version + encoded.header + encoded.body)
        v, r, s = self._signature(digest).vrs
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v + 27])

    def _signature(self, digest: bytes) -> Signature:
        answered = _asked(
            f"does not sign with {self._key_id}",
            lambda: self._client.sign(
                KeyId=self._key_id,
                Message=digest,
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            ),
        )
        r, s = decode_dss_signature(answered["Signature"])
        for v in (0, 1):
            # The service does not say which of the two points it was.
            found = Signature(vrs=(v, r, min(s, ORDER - s)))
            if _recovered(found, digest) == self._public:
                return found
        raise ChainError(
            f"the key service signed with another key than {self._key_id}; check the key id"
        )

    def __repr__(self) -> str:
        return f"KmsSigner({self._key_id}, {self.address})"


def _asked(what: str, question: Any) -> Mapping[str, Any]:
    try:
        return question()  # type: ignore[no-any-return]
    except Exception as problem:
        raise ChainError(
            f"the key service {what}: {type(problem).__name__}: {problem}; check the key id, the "
            "region and that this process may use the key"
        ) from problem


def _public_key(key_id: str, der: bytes) -> PublicKey:
    try:
        loaded = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        loaded = None
    if not isinstance(loaded, ec.EllipticCurvePublicKey) or loaded.curve.name != "secp256k1":
        raise InputError(
            f"{key_id} is not a key on the curve secp256k1; make one of the kind ECC_SECG_P256K1 "
            "for signing"
        )
    return PublicKey(loaded.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:])


def _recovered(signature: Signature, digest: bytes) -> PublicKey | None:
    try:
        return signature.recover_public_key_from_msg_hash(digest)
    except BadSignature:
        return None
