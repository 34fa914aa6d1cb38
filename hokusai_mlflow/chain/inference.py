"""What is committed to and drawn for inference proofs, as `InferenceVerifier` takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from web3 import Web3

from hokusai_mlflow.chain.improvement import address, digest_hex, name_id
from hokusai_mlflow.errors import ChainError, InputError

INFERRED = "(bytes32,bytes32,bytes32,uint256,uint256,uint256[3][],uint256[])"
REMEMBERED = 256
"""Blocks whose hash a contract can ask for: a draw must be fixed within so many."""

_HEADER = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
)
"""Fields of a block's header in their order; those after the nonce came with forks, one by one."""


@dataclass(frozen=True, slots=True)
class InferenceTerms:
    """How a model's inference is to be proven.

    Parameters
    ----------
    rows : int
        Drawn from every part of an evaluation, or all that it has; 0 asks for nothing.
    delay : int
        Blocks from commitment to the block whose randomness draws, 1 to 200.
    max_draws : int
        Commitments against one champion.
    model_owner : str
        Address that commits to weights and predictions.
    """

    rows: int
    delay: int
    max_draws: int
    model_owner: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "model_owner", address(self.model_owner))

    def arguments(self) -> tuple[Any, ...]:
        """The contract's ``InferenceTerms``."""
        return self.rows, self.delay, self.max_draws, self.model_owner


@dataclass(frozen=True, slots=True)
class Inferred:
    """What is committed to before rows are drawn.

    Parameters
    ----------
    champion, candidate, evaluation_set : str
        As the improvement names them, 32 bytes in hexadecimal.
    champion_weights, candidate_weights : int
        Commitments to the weights.
    predictions : tuple of (int, int, int)
        Of each part of the evaluation, the gate's first: rows, and the commitments to champion's
        and candidate's predictions, as in the proofs of the sums.
    features : tuple of int
        Of each part, the commitment to its features.
    """

    champion: str
    candidate: str
    evaluation_set: str
    champion_weights: int
    candidate_weights: int
    predictions: tuple[tuple[int, int, int], ...]
    features: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("champion", "candidate", "evaluation_set"):
            object.__setattr__(self, name, digest_hex(name, getattr(self, name)))
        if len(self.predictions) != len(self.features):
            raise InputError(
                f"{len(self.predictions)} parts have predictions, {len(self.features)} features"
            )

    def arguments(self) -> tuple[Any, ...]:
        """The contract's ``Inferred``."""
        names = (self.champion, self.candidate, self.evaluation_set)
        return (
            *(bytes.fromhex(name[2:]) for name in names),
            self.champion_weights,
            self.candidate_weights,
            [list(part) for part in self.predictions],
            list(self.features),
        )

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Inferred:
        """Read the contract's ``Inferred``, such as from a transaction."""
        return cls(
            *("0x" + bytes(message[name]).hex() for name in ("champion", "candidate")),
            "0x" + bytes(message["evaluationSet"]).hex(),
            message["championWeights"],
            message["candidateWeights"],
            tuple(tuple(part) for part in message["predictions"]),
            tuple(message["features"]),
        )

    def commitment(self, model: str, contract: str, chain_id: int) -> bytes:
        """Digest of all of it at one contract; proofs are bound to its first 31 bytes."""
        from eth_abi.abi import encode  # noqa: PLC0415 - loads a codec
        from eth_utils.crypto import keccak  # noqa: PLC0415

        kinds = ["uint256", "address", "bytes32", INFERRED]
        values = [chain_id, address(contract), name_id(model), self.arguments()]
        return bytes(keccak(encode(kinds, values)))

    def statement(self) -> bytes:
        """What payment asks about: whose predictions of which examples."""
        from eth_abi.abi import encode  # noqa: PLC0415
        from eth_utils.crypto import keccak  # noqa: PLC0415

        first, second, third, _, _, predictions, _ = self.arguments()
        kinds = ["bytes32", "bytes32", "bytes32", "uint256[3][]"]
        return bytes(keccak(encode(kinds, [first, second, third, predictions])))


@dataclass(frozen=True, slots=True)
class Draw:
    """What the contract knows of a candidate's inference.

    `commitment` is the digest of what was committed to, `seed` of the draw (empty: not fixed yet),
    `drawn_by` the block whose randomness draws, `rows` how many of the drawn ones are proven.
    """

    commitment: bytes
    statement: bytes
    seed: bytes
    drawn_by: int
    rows: int
    complete: bool


def seed_of(randomness: bytes, commitment: bytes) -> bytes:
    """What rows are drawn by: a block's PREVRANDAO and the commitment that it came after."""
    from eth_utils.crypto import keccak  # noqa: PLC0415

    return bytes(keccak(randomness + commitment))


def header_of(web3: Web3, number: int) -> tuple[bytes, bytes]:
    """A block's header as its hash is computed, and its PREVRANDAO.

    Raises
    ------
    ChainError
        When the node tells other fields than hash to the block's hash, as chains that are not
        built like Ethereum do.
    """
    import rlp  # noqa: PLC0415
    from eth_utils.crypto import keccak  # noqa: PLC0415

    block: Mapping[str, Any] = web3.eth.get_block(number)
    told = [block[name] for name in _HEADER if name in block]
    fields = [_bytes(name, value) for name, value in zip(_HEADER, told, strict=False)]
    header = bytes(rlp.encode(fields))
    if keccak(header) != bytes(block["hash"]):
        raise ChainError(
            f"the header of block {number} does not have the hash that the node tells; rows can "
            "only be drawn on chains whose headers are Ethereum's"
        )
    return header, bytes(block["mixHash"])


def _bytes(name: str, value: Any) -> bytes:
    if isinstance(value, int):
        return value.to_bytes((value.bit_length() + 7) // 8, "big")
    if isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return bytes(value)
