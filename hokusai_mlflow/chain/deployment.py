"""Putting the contract on a chain, once."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import Web3

from hokusai_mlflow.chain.artifact import artifact
from hokusai_mlflow.chain.improvement import address as checked_address
from hokusai_mlflow.chain.refusals import refusals
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.transactions import (
    await_receipt,
    broadcast,
    is_known,
    prepare,
    signer_lock,
)
from hokusai_mlflow.errors import ChainError, ChainUnreachable, InputError


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the verifier lies on one chain.

    `block` is the one that created it, `code_digest` the artifact's, `transaction` the hash of
    the creation.
    """

    chain_id: int
    address: str
    token: str
    block: int
    code_digest: str
    transaction: str

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Deployment:
        """Read what `to_dict` wrote."""
        return cls(**given)

    def __repr__(self) -> str:
        return f"Deployment({self.address} on chain {self.chain_id}, block {self.block})"


def find_deployment(home: Path | str, chain_id: int) -> Deployment | None:
    """The deployment recorded for a chain.

    Parameters
    ----------
    home : path-like
        Records lie in ``chain/<chain id>.json`` below it.
    chain_id : int

    Returns
    -------
    Deployment or None
    """
    record = _read(_record_path(home, chain_id))
    if record is None or "deployment" not in record:
        return None
    return Deployment.from_dict(record["deployment"])


def deploy(
    web3: Web3,
    signer: Signer,
    *,
    oracles: Sequence[str],
    quorum: int,
    home: Path | str,
    admin_delay: int = 0,
) -> Deployment:
    """Deploy verifier and token, unless they are recorded already; finish what was interrupted.

    Parameters
    ----------
    web3 : Web3
    signer : Signer
        Pays, and becomes administrator, registrar, guardian and maintainer.
    oracles : sequence of str
        Addresses of the first oracles.
    quorum : int
        How many of them must sign, from 1 to their number.
    home : path-like
        Where the deployment is recorded.
    admin_delay : int
        Seconds between announcing and accepting another administrator.

    Returns
    -------
    Deployment

    Raises
    ------
    ChainError
        What is recorded does not lie on the chain, or is other code than this package's.
    """
    members = _checked_oracles(oracles, quorum)
    chain_id = web3.eth.chain_id
    path = _record_path(home, chain_id)
    with signer_lock(home, signer.address):
        record = _read(path)
        if record is not None and "deployment" in record:
            deployment = Deployment.from_dict(record["deployment"])
            require_code(web3, deployment)
            return deployment
        sent = record["sent"] if record and _still_valid(web3, record["sent"]) else None
        if sent is None:
            sent = _signed(web3, signer, members, quorum, admin_delay)
            # Before it is sent: whoever comes after a crash sends the same one again.
            _write(path, {"sent": sent})
        try:
            broadcast(web3, bytes.fromhex(sent["raw"]), sent["transaction"])
        except ChainUnreachable:
            raise
        except ChainError:
            # The node wants none of it, so nothing is under way.
            path.unlink()
            raise
        receipt = await_receipt(web3, sent["transaction"])
        if receipt["status"] != 1 or receipt["contractAddress"] is None:
            path.unlink()
            raise ChainError(f"the creation {sent['transaction']} failed on chain; try again")
        deployment = Deployment(
            chain_id=chain_id,
            address=receipt["contractAddress"],
            token=_token_of(web3, receipt["contractAddress"]),
            block=receipt["blockNumber"],
            code_digest=artifact("DeltaOneVerifier").digest,
            transaction=sent["transaction"],
        )
        require_code(web3, deployment)
        _write(path, {"deployment": deployment.to_dict()})
        return deployment


def rehearse(
    web3: Web3,
    signer: Signer,
    *,
    oracles: Sequence[str],
    quorum: int,
    home: Path | str,
    admin_delay: int = 0,
) -> dict[str, Any]:
    """What `deploy` with these parameters would send now, JSON-safe; nothing is sent.

    Raises
    ------
    ChainError
        When the signer may not be used on this chain, or could not pay.
    """
    members = _checked_oracles(oracles, quorum)
    chain_id = web3.eth.chain_id
    recorded = find_deployment(home, chain_id)
    if recorded is not None:
        require_code(web3, recorded)
        return {"effect": f"nothing to send: {recorded!r} is recorded"}
    data = _creation(web3, signer.address, members, quorum, admin_delay)
    with refusals():
        transaction = prepare(web3, signer, to=None, data=data)
    origin = rlp.encode([bytes.fromhex(signer.address[2:]), transaction["nonce"]])
    return {
        "chain_id": chain_id,
        "sender": signer.address,
        "call": f"new DeltaOneVerifier({signer.address}, {admin_delay}, {members}, {quorum})",
        "data_sha256": hashlib.sha256(data).hexdigest(),
        "code_digest": artifact("DeltaOneVerifier").digest,
        "gas": transaction["gas"],
        "effect": f"DeltaOneVerifier at {to_checksum_address(keccak(origin)[12:])}, {quorum} of "
        f"{len(members)} oracles must sign, administrator {signer.address}",
    }


def require_code(web3: Web3, deployment: Deployment) -> None:
    """Refuse a deployment whose code is not this package's contract.

    Parameters
    ----------
    web3 : Web3
    deployment : Deployment
    """
    code = bytes(web3.eth.get_code(to_checksum_address(deployment.address)))
    expected = artifact("DeltaOneVerifier")
    where = f"{deployment.address} on chain {deployment.chain_id}"
    if not code:
        raise ChainError(
            f"there is no contract at {where}, though one is recorded: the chain was begun anew; "
            f"delete the record chain/{deployment.chain_id}.json in the home folder to deploy again"
        )
    if expected.code_digest(code) != expected.digest:
        raise ChainError(
            f"the contract at {where} is not the DeltaOneVerifier of this package; use the "
            "package version it was deployed with, or deploy into another home folder"
        )


def _signed(
    web3: Web3, signer: Signer, oracles: list[str], quorum: int, admin_delay: int
) -> dict[str, str]:
    data = _creation(web3, signer.address, oracles, quorum, admin_delay)
    with refusals():
        transaction = prepare(web3, signer, to=None, data=data)
    raw, transaction_hash = signer.sign_transaction(transaction)
    return {"transaction": transaction_hash, "raw": raw.hex(), "sender": signer.address}


def _creation(web3: Web3, admin: str, oracles: list[str], quorum: int, admin_delay: int) -> bytes:
    compiled = artifact("DeltaOneVerifier")
    creation = web3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode).constructor(
        admin, admin_delay, oracles, quorum
    )
    return bytes.fromhex(creation.data_in_transaction[2:])


def _checked_oracles(oracles: Sequence[str], quorum: int) -> list[str]:
    members = sorted({checked_address(oracle) for oracle in oracles})
    if len(members) != len(oracles) or not 1 <= quorum <= len(members):
        raise InputError(
            f"a quorum needs from 1 to all of distinct oracles, found {quorum} of {list(oracles)}"
        )
    return members


def _still_valid(web3: Web3, sent: dict[str, str]) -> bool:
    if is_known(web3, sent["transaction"]):
        return True
    used = web3.eth.get_transaction_count(to_checksum_address(sent["sender"]), "latest")
    nonce = _nonce_of(bytes.fromhex(sent["raw"]))
    return used <= nonce


def _nonce_of(raw: bytes) -> int:
    from eth_account.typed_transactions import TypedTransaction  # noqa: PLC0415
    from hexbytes import HexBytes  # noqa: PLC0415

    return int(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["nonce"])


def _token_of(web3: Web3, verifier: str) -> str:
    compiled = artifact("DeltaOneVerifier")
    contract = web3.eth.contract(address=to_checksum_address(verifier), abi=compiled.abi)
    return str(contract.functions.token().call())


def _record_path(home: Path | str, chain_id: int) -> Path:
    return Path(home) / "chain" / f"{chain_id}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise ChainError(f"{path} is not a deployment record; restore or delete it") from None
    if not isinstance(record, dict):
        raise ChainError(f"{path} is not a deployment record; restore or delete it")
    return record


def _write(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(record, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
