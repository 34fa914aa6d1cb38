"""Reverts in words: the contract's custom errors, decoded by its ABI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import abi_to_signature, collapse_if_tuple
from eth_utils.crypto import keccak
from web3.exceptions import BadFunctionCallOutput, ContractLogicError

from hokusai_mlflow.chain.artifact import artifact
from hokusai_mlflow.errors import ChainError, ContractRefused

_STANDARD = (
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)

RETRYABLE = frozenset(
    {
        "BudgetExceeded",
        "CommittedTooLate",
        "DailyCapExceeded",
        "EnforcedPause",
        "HeadIsAnother",
        "InferenceMissing",
        "ModelUnknown",
    }
)
"""Refusals of a payment that an operator, another settlement or the next day can lift."""

ALREADY_PAID = "EvidenceUsed"

_REMEDIES = {
    "BudgetExceeded": "raise the model's budget, then settle again",
    "CommittedTooLate": "settle again when the commitment to the labels is old enough",
    "DailyCapExceeded": "settle again tomorrow, or raise the model's daily cap",
    "EnforcedPause": "settle again when the contract is unpaused",
    "HeadIsAnother": "settle again when the chain's head is this improvement's champion",
    "InferenceMissing": "prove that the predictions are the models' (run again), then settle again",
    "ModelUnknown": "configure the model on chain, then settle again",
    "Expired": "have it attested again with a later deadline and enqueue it again",
    "QuorumMissing": "have it attested by enough registered oracles and enqueue it again",
    "NotAnOracle": "have it attested by registered oracles and enqueue it again",
}


def decode_error(data: bytes | str | None) -> ContractRefused:
    """The refusal that a revert's data stand for.

    Parameters
    ----------
    data : bytes or hexadecimal str, optional
        What the call returned.

    Returns
    -------
    ContractRefused
        With the custom error's name and its arguments, JSON-safe.
    """
    raw = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else bytes(data or b"")
    if not raw:
        return ContractRefused("reverted without a reason", {})
    known = _errors().get(raw[:4])
    if known is None:
        return ContractRefused("an error unknown to this package", {"data": "0x" + raw.hex()})
    inputs = known["inputs"]
    try:
        values = decode([collapse_if_tuple(field) for field in inputs], raw[4:])
    except DecodingError:
        return ContractRefused(known["name"], {"data": "0x" + raw.hex()})
    return ContractRefused(
        known["name"],
        {
            field["name"].rstrip("_"): plain(value, field)
            for field, value in zip(inputs, values, strict=True)
        },
    )


def explained(refused: ContractRefused) -> str:
    """A refusal of a payment with what to do about it."""
    remedy = _REMEDIES.get(refused.reason)
    return f"{refused}; {remedy}" if remedy else str(refused)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn web3's exceptions about reverts into `ContractRefused`, and name a missing contract.

    Raises
    ------
    ContractRefused
        The contract reverts.
    ChainError
        What lies at the address does not answer like the contract.
    """
    try:
        yield
    except ContractLogicError as error:
        data = error.data
        raise decode_error(data if isinstance(data, str) else None) from None
    except BadFunctionCallOutput:
        raise ChainError(
            "there is no DeltaOneVerifier at the address that is configured; check it and the chain"
        ) from None


def plain(value: Any, field: dict[str, Any]) -> Any:
    """A decoded ABI value in JSON: bytes as hexadecimal, tuples as dicts.

    Parameters
    ----------
    value : object
    field : dict
        The ABI's description of it.

    Returns
    -------
    object
    """
    kind = field["type"]
    if kind.endswith("[]"):
        return [plain(item, {**field, "type": kind[:-2]}) for item in value]
    if kind == "tuple":
        names = [part["name"] for part in field["components"]]
        parts = [value[name] for name in names] if isinstance(value, Mapping) else value
        return {
            part["name"]: plain(item, part)
            for part, item in zip(field["components"], parts, strict=True)
        }
    if kind.startswith("bytes"):
        return "0x" + bytes(value).hex()
    if kind == "address":
        from web3 import Web3  # noqa: PLC0415 - only its checksum

        return Web3.to_checksum_address(value)
    return value


@cache
def _errors() -> dict[bytes, dict[str, Any]]:
    entries = [
        *_STANDARD,
        *artifact("DeltaOne").abi,
        *artifact("DeltaOneVerifier").abi,
        *artifact("ProofVerifier").abi,
        *artifact("InferenceVerifier").abi,
    ]
    return {
        keccak(text=abi_to_signature(entry))[:4]: entry  # type: ignore[arg-type]
        for entry in entries
        if entry["type"] == "error"
    }
