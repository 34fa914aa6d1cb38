"""The improvement as oracles sign it and as the contract reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar

from hokusai_mlflow.deltaone import MOST_LISTED, WEIGHT_TOTAL, PairedSums
from hokusai_mlflow.errors import InputError

EIP712_TYPES: dict[str, list[dict[str, str]]] = {
    "PairedSums": [
        {"name": "n", "type": "uint64"},
        {"name": "b", "type": "int256"},
        {"name": "c", "type": "int256"},
        {"name": "bb", "type": "uint256"},
        {"name": "cc", "type": "uint256"},
        {"name": "bc", "type": "int256"},
    ],
    "Improvement": [
        {"name": "modelId", "type": "bytes32"},
        {"name": "evidence", "type": "bytes32"},
        {"name": "champion", "type": "bytes32"},
        {"name": "candidate", "type": "bytes32"},
        {"name": "evaluationSet", "type": "bytes32"},
        {"name": "metricId", "type": "bytes32"},
        {"name": "gate", "type": "PairedSums"},
        {"name": "payment", "type": "PairedSums"},
        {"name": "paidBps", "type": "uint32"},
        {"name": "look", "type": "uint32"},
        {"name": "contributors", "type": "address[]"},
        {"name": "weights", "type": "uint16[]"},
        {"name": "claimsRoot", "type": "bytes32"},
        {"name": "deadline", "type": "uint64"},
    ],
}
"""The signed types of EIP-712, in the contract's order."""

DOMAIN_NAME, DOMAIN_VERSION = "DeltaOneVerifier", "1"

_DIGEST = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Improvement:
    """One promotion worth paying: what oracles sign and the contract recomputes.

    Parameters
    ----------
    model, metric : str
        Names; on chain their keccak-256 (`model_id`, `metric_id`).
    evidence, champion, candidate, evaluation_set : str
        32-byte digests in hexadecimal, with or without ``0x``; stored as ``0x`` + lower case.
    gate, payment : PairedSums
        Sums of the sealed hold-out, and of the payment set (the same ones unless measured anew).
    paid_bps : int
        Whole basis points asked for, at most what `payment` shows.
    look : int
        Which look at the sealed hold-out this was, from 1.
    contributors : tuple of str
        Addresses, strictly ascending; at most `MOST_LISTED`.
    weights : tuple of int
        Their shares in 1e-4; positive, summing to 10 000.
    deadline : int
        Unix time in seconds after which the contract refuses.
    claims_root : str, optional
        Root of the `chain.claims.ClaimTree` of more contributors; there is no list then.
    """

    model: str
    metric: str
    evidence: str
    champion: str
    candidate: str
    evaluation_set: str
    gate: PairedSums
    payment: PairedSums
    paid_bps: int
    look: int
    contributors: tuple[str, ...]
    weights: tuple[int, ...]
    deadline: int
    claims_root: str | None = None

    TYPES: ClassVar[dict[str, list[dict[str, str]]]] = EIP712_TYPES

    def __post_init__(self) -> None:
        for name in ("model", "metric"):
            if not getattr(self, name):
                raise InputError(f"an improvement's {name} must be named")
        for name in ("evidence", "champion", "candidate", "evaluation_set"):
            object.__setattr__(self, name, digest_hex(name, getattr(self, name)))
        for name, bits in (("paid_bps", 32), ("look", 32), ("deadline", 64)):
            value = getattr(self, name)
            if not 0 < value < 2**bits:
                raise InputError(f"{name} must be from 1 to 2**{bits} − 1, found {value}")
        if self.candidate == self.champion:
            raise InputError("the candidate is the champion; nothing improved")
        object.__setattr__(self, "contributors", tuple(map(address, self.contributors)))
        object.__setattr__(self, "weights", tuple(self.weights))
        if self.claims_root is None:
            _check_shares(self.contributors, self.weights)
        else:
            object.__setattr__(self, "claims_root", digest_hex("claims_root", self.claims_root))
            if self.contributors or self.weights:
                raise InputError("contributors are listed or in the tree of claims_root, not both")

    @property
    def model_id(self) -> bytes:
        """The model's 32-byte id on chain."""
        return name_id(self.model)

    @property
    def metric_id(self) -> bytes:
        """The metric's 32-byte id on chain."""
        return name_id(self.metric)

    @property
    def shares(self) -> dict[str, int]:
        """Weight of every contributor's address, in 1e-4."""
        return dict(zip(self.contributors, self.weights, strict=True))

    def message(self) -> dict[str, Any]:
        """The EIP-712 message: the contract's field names, digests as bytes."""
        return {
            "modelId": self.model_id,
            "evidence": bytes.fromhex(self.evidence[2:]),
            "champion": bytes.fromhex(self.champion[2:]),
            "candidate": bytes.fromhex(self.candidate[2:]),
            "evaluationSet": bytes.fromhex(self.evaluation_set[2:]),
            "metricId": self.metric_id,
            "gate": _sums_message(self.gate),
            "payment": _sums_message(self.payment),
            "paidBps": self.paid_bps,
            "look": self.look,
            "contributors": list(self.contributors),
            "weights": list(self.weights),
            "claimsRoot": bytes.fromhex(self.claims_root[2:]) if self.claims_root else bytes(32),
            "deadline": self.deadline,
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON form, exact; the inverse is `from_dict`."""
        tree = {"claims_root": self.claims_root} if self.claims_root else {}
        return tree | {
            "model": self.model,
            "metric": self.metric,
            "evidence": self.evidence,
            "champion": self.champion,
            "candidate": self.candidate,
            "evaluation_set": self.evaluation_set,
            "gate": self.gate.to_dict(),
            "payment": self.payment.to_dict(),
            "paid_bps": self.paid_bps,
            "look": self.look,
            "contributors": list(self.contributors),
            "weights": list(self.weights),
            "deadline": self.deadline,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Improvement:
        """Read what `to_dict` wrote."""
        expected = {field.name for field in fields(cls)} - {"claims_root"}
        differing = ", ".join(sorted(expected.symmetric_difference({*given} - {"claims_root"})))
        if differing:
            raise InputError(f"an improvement's fields are missing or unknown: {differing}")
        return cls(
            **{
                **given,
                "gate": PairedSums.from_dict(given["gate"]),
                "payment": PairedSums.from_dict(given["payment"]),
                "contributors": tuple(given["contributors"]),
                "weights": tuple(given["weights"]),
            }
        )

    def __repr__(self) -> str:
        return (
            f"Improvement({self.model}: {self.paid_bps} bps of {self.metric}, "
            f"n={self.payment.n}, {len(self.contributors) or 'a tree of'} contributors, "
            f"evidence {self.evidence[:10]}…)"
        )


def signing_domain(chain_id: int, contract: str) -> dict[str, Any]:
    """The EIP-712 domain that binds a signature to one contract on one chain.

    Parameters
    ----------
    chain_id : int
    contract : str
        The verifier's address.

    Returns
    -------
    dict
    """
    return {
        "name": DOMAIN_NAME,
        "version": DOMAIN_VERSION,
        "chainId": chain_id,
        "verifyingContract": address(contract),
    }


def name_id(name: str) -> bytes:
    """keccak-256 of a name in UTF-8: how models and metrics are called on chain.

    Parameters
    ----------
    name : str

    Returns
    -------
    bytes, length 32
    """
    from eth_utils.crypto import keccak  # noqa: PLC0415 - loads a hash backend

    return keccak(text=name)


def address(given: str) -> str:
    """An account's address with its checksum (EIP-55).

    Parameters
    ----------
    given : str
        ``0x`` and 40 hexadecimal digits; mixed case must carry the right checksum.

    Returns
    -------
    str
    """
    from eth_utils.address import to_checksum_address  # noqa: PLC0415 - loads a hash backend

    valid = isinstance(given, str) and _ADDRESS.fullmatch(given) is not None
    if valid and given[2:] not in {given[2:].lower(), given[2:].upper()}:
        valid = given == to_checksum_address(given)
    if not valid:
        raise InputError(
            "an address is 0x and 40 hexadecimal digits (with a right checksum where upper and "
            f"lower case are mixed), found {given!r}"
        )
    if int(given, 16) == 0:
        raise InputError("the zero address cannot be paid or trusted; give a real address")
    return str(to_checksum_address(given))


def digest_hex(name: str, given: str) -> str:
    """A 32-byte digest as ``0x`` and lower-case hexadecimal; zero is refused.

    Parameters
    ----------
    name : str
        What the digest is of, for the message.
    given : str

    Returns
    -------
    str
    """
    if not isinstance(given, str) or not _DIGEST.fullmatch(given):
        raise InputError(f"{name} must be a 32-byte digest in hexadecimal, found {given!r}")
    digest = given.removeprefix("0x").lower()
    if int(digest, 16) == 0:
        raise InputError(f"{name} is a digest of zeros; it stands for nothing")
    return "0x" + digest


def _check_shares(contributors: tuple[str, ...], weights: tuple[int, ...]) -> None:
    if not 1 <= len(contributors) <= MOST_LISTED:
        raise InputError(
            f"one improvement pays 1 to {MOST_LISTED} contributors, found {len(contributors)}"
        )
    if len(weights) != len(contributors):
        raise InputError(f"{len(contributors)} contributors have {len(weights)} weights")
    numbers = [int(contributor, 16) for contributor in contributors]
    if any(first >= second for first, second in pairwise(numbers)):
        raise InputError(
            "contributors' addresses must be strictly ascending; add up the weights of one "
            "address and sort"
        )
    if min(weights) < 1 or sum(weights) != WEIGHT_TOTAL:
        raise InputError(
            f"weights must be positive and sum to {WEIGHT_TOTAL}, found {list(weights)}"
        )


def _sums_message(sums: PairedSums) -> dict[str, int]:
    return {field.name: getattr(sums, field.name) for field in fields(PairedSums)}
