"""What is handed to the contract for an improvement whose sums are proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hokusai_mlflow.chain.improvement import Improvement, digest_hex, name_id
from hokusai_mlflow.errors import InputError

_PROOF = "(uint256,uint256,uint256,uint256[],uint256[8])"
_PROVEN = f"(bytes32,uint256[],uint256[],{_PROOF}[],{_PROOF}[],uint256[],uint256[],uint256[])"


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof, about the rows behind one commitment to labels.

    Parameters
    ----------
    n : int
        Rows.
    champion, candidate : int
        Commitments to the two models' predictions.
    counts : tuple of int
        Public words; see `hokusai_mlflow.proven_sums`.
    points : tuple of int, length 8
        A, B, C as EIP-197 orders them.
    """

    n: int
    champion: int
    candidate: int
    counts: tuple[int, ...]
    points: tuple[int, ...]

    def inputs(self, context: int, labels: int) -> list[int]:
        """All public inputs, in the circuits' order."""
        return [context, self.n, labels, self.champion, self.candidate, *self.counts]

    def arguments(self) -> tuple[Any, ...]:
        """The contract's ``Proof``."""
        return self.n, self.champion, self.candidate, list(self.counts), list(self.points)

    def to_dict(self) -> dict[str, Any]:
        """JSON form; numbers beyond 2**53 are hexadecimal strings."""
        return {
            "n": self.n,
            "champion": hex(self.champion),
            "candidate": hex(self.candidate),
            "counts": [hex(word) for word in self.counts],
            "points": [hex(word) for word in self.points],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Proof:
        """Read what `to_dict` wrote."""
        try:
            return cls(
                n=int(given["n"]),
                champion=int(given["champion"], 16),
                candidate=int(given["candidate"], 16),
                counts=tuple(int(word, 16) for word in given["counts"]),
                points=tuple(int(word, 16) for word in given["points"]),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(f"this is no proof in JSON: {problem!r}") from None

    def __repr__(self) -> str:
        return f"Proof({self.n} rows, {len(self.counts)} words of counts)"


@dataclass(frozen=True, slots=True)
class Proven:
    """Proofs of an improvement's sums, and the commitments that they are about.

    Parameters
    ----------
    key : tuple of int
        Words of the verifying key.
    gate_labels, payment_labels : tuple of int
        Commitments to the labels, strictly ascending; no `payment_labels` when pay is measured on
        the gate's examples.
    gate, payment : tuple of Proof
        One for each commitment, in order.
    shown : str, optional
        Digest of the examples that oracles see.
    gate_shown, payment_shown : tuple of int
        Of a hybrid, the tallies of these.
    """

    key: tuple[int, ...]
    gate_labels: tuple[int, ...]
    gate: tuple[Proof, ...]
    payment_labels: tuple[int, ...] = ()
    payment: tuple[Proof, ...] = ()
    shown: str | None = None
    gate_shown: tuple[int, ...] = ()
    payment_shown: tuple[int, ...] = ()

    @property
    def key_hash(self) -> str:
        """What pins the verifying key on chain, ``0x`` and 64 digits."""
        return key_hash(self.key)

    def evaluation_set(self, model: str) -> str:
        """The evaluation set's id on chain; see `evaluation_set_id`."""
        return evaluation_set_id(model, self.shown, self.gate_labels, self.payment_labels)

    def part(self, improvement: Improvement, domain: Mapping[str, Any]) -> PublicPart | None:
        """Of a hybrid, what oracles sign."""
        if not self.gate_shown:
            return None
        digest = improvement_digest(improvement, domain)
        return PublicPart(digest, self.gate_shown, self.payment_shown)

    def encode(self) -> bytes:
        """The contract's ``Proven``, ABI-encoded."""
        from eth_abi.abi import encode  # noqa: PLC0415 - loads a codec

        return bytes(
            encode(
                [_PROVEN],
                [
                    (
                        _digest_bytes(self.shown),
                        list(self.gate_labels),
                        list(self.payment_labels),
                        [proof.arguments() for proof in self.gate],
                        [proof.arguments() for proof in self.payment],
                        list(self.gate_shown),
                        list(self.payment_shown),
                        list(self.key),
                    )
                ],
            )
        )

    @classmethod
    def decode(cls, encoded: bytes) -> Proven:
        """Read what `encode` wrote, such as from a transaction.

        Raises
        ------
        InputError
            When it is none.
        """
        from eth_abi.abi import decode  # noqa: PLC0415
        from eth_abi.exceptions import DecodingError  # noqa: PLC0415

        try:
            (found,) = decode([_PROVEN], encoded)
        except DecodingError as problem:
            raise InputError(
                f"these bytes are no proofs as the contract takes: {problem}"
            ) from None
        shown, gate_labels, payment_labels, gate, payment, gate_shown, payment_shown, key = found
        return cls(
            key=key,
            gate_labels=gate_labels,
            gate=tuple(Proof(*one) for one in gate),
            payment_labels=payment_labels,
            payment=tuple(Proof(*one) for one in payment),
            shown="0x" + shown.hex() if any(shown) else None,
            gate_shown=gate_shown,
            payment_shown=payment_shown,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON form, exact; the inverse is `from_dict`."""
        words = ("key", "gate_labels", "payment_labels", "gate_shown", "payment_shown")
        return {
            **{name: [hex(word) for word in getattr(self, name)] for name in words},
            "gate": [proof.to_dict() for proof in self.gate],
            "payment": [proof.to_dict() for proof in self.payment],
            "shown": self.shown,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Proven:
        """Read what `to_dict` wrote."""
        words = ("key", "gate_labels", "payment_labels", "gate_shown", "payment_shown")
        try:
            return cls(
                **{name: tuple(int(word, 16) for word in given[name]) for name in words},
                gate=tuple(map(Proof.from_dict, given["gate"])),
                payment=tuple(map(Proof.from_dict, given["payment"])),
                shown=given["shown"],
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(f"these are no proofs in JSON: {problem!r}") from None

    def __repr__(self) -> str:
        n = sum(proof.n for proof in self.gate)
        return f"Proven({n} rows in {len(self.gate)} proofs, key {self.key_hash[:10]}…)"


@dataclass(frozen=True, slots=True)
class PublicPart:
    """What oracles sign of a hybrid: tallies of the examples that they see.

    Parameters
    ----------
    improvement : str
        Digest of the improvement that they belong to.
    gate, payment : tuple of int
        Tallies; no `payment` when pay is measured on the gate's examples.
    """

    improvement: str
    gate: tuple[int, ...]
    payment: tuple[int, ...] = ()

    TYPES: ClassVar[dict[str, list[dict[str, str]]]] = {
        "PublicPart": [
            {"name": "improvement", "type": "bytes32"},
            {"name": "gate", "type": "uint256[]"},
            {"name": "payment", "type": "uint256[]"},
        ],
    }

    def message(self) -> dict[str, Any]:
        """The EIP-712 message: the contract's field names, digests as bytes."""
        improvement = bytes.fromhex(self.improvement[2:])
        return {"improvement": improvement, "gate": [*self.gate], "payment": [*self.payment]}

    def to_dict(self) -> dict[str, Any]:
        """JSON form; numbers are hexadecimal strings."""
        return {
            "improvement": self.improvement,
            "gate": [hex(count) for count in self.gate],
            "payment": [hex(count) for count in self.payment],
        }


def improvement_digest(improvement: Improvement, domain: Mapping[str, Any]) -> str:
    """The EIP-712 digest of an improvement at one contract on one chain.

    Parameters
    ----------
    improvement : Improvement
    domain : mapping
        See `hokusai_mlflow.chain.improvement.signing_domain`.
    """
    from eth_account.messages import encode_typed_data  # noqa: PLC0415
    from eth_utils.crypto import keccak  # noqa: PLC0415

    message = encode_typed_data(dict(domain), improvement.TYPES, improvement.message())
    return "0x" + keccak(b"\x19" + message.version + message.header + message.body).hex()


def context_of(improvement: Improvement, domain: Mapping[str, Any]) -> int:
    """First public input of every proof of an improvement: its digest without the last byte."""
    return int(improvement_digest(improvement, domain), 16) >> 8


def key_hash(words: Sequence[int]) -> str:
    """keccak-256 of a verifying key's words, 32 bytes each, as ``0x`` and 64 digits."""
    from eth_utils.crypto import keccak  # noqa: PLC0415

    return "0x" + keccak(b"".join(word.to_bytes(32, "big") for word in words)).hex()


def evaluation_set_id(
    model: str, shown: str | None, gate: Sequence[int], payment: Sequence[int]
) -> str:
    """What an evaluation set is named by on chain: everything that is committed to.

    Parameters
    ----------
    model : str
    shown : str or None
        Digest of the examples that oracles see.
    gate, payment : sequence of int
        Commitments to labels, strictly ascending.
    """
    from eth_abi.abi import encode  # noqa: PLC0415
    from eth_utils.crypto import keccak  # noqa: PLC0415

    for name, commitments in (("gate", gate), ("payment", payment)):
        if list(commitments) != sorted(set(commitments)):
            raise InputError(f"commitments to the {name}'s labels must be strictly ascending")
    values = [name_id(model), _digest_bytes(shown), list(gate), list(payment)]
    return "0x" + keccak(encode(["bytes32", "bytes32", "uint256[]", "uint256[]"], values)).hex()


def _digest_bytes(digest: str | None) -> bytes:
    return bytes(32) if digest is None else bytes.fromhex(digest_hex("shown", digest)[2:])
