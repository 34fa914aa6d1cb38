"""Who signs: keys that send transactions and attest improvements."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

from hokusai_mlflow.errors import InputError, MissingInput

if TYPE_CHECKING:
    from pydantic import SecretStr

DEVELOPMENT_WARNING = "DEVELOPMENT KEY: lies unencrypted on this disk; never use on a public chain"
"""Written into every development key file, and said wherever such a key signs."""

DEVELOPMENT_ORACLES = 3


@runtime_checkable
class Signer(Protocol):
    """Something that holds a key and signs with it: a file, a secret, a key service."""

    @property
    def address(self) -> str:
        """The account's address with its checksum."""
        ...

    def sign_transaction(self, transaction: Mapping[str, Any]) -> tuple[bytes, str]:
        """Sign a complete transaction; return its raw bytes and its hash, ``0x`` and 64 digits."""
        ...

    def sign_typed(
        self,
        domain: Mapping[str, Any],
        types: Mapping[str, list[dict[str, str]]],
        message: Mapping[str, Any],
    ) -> bytes:
        """Sign EIP-712 typed data; return r, s and v in 65 bytes."""
        ...


class LocalKey:
    """A key in this process's memory, never shown and never pickled.

    Make one with `from_secret` or `from_keystore`.
    """

    __slots__ = ("_account", "development")

    def __init__(self, account: Any, *, development: bool = False) -> None:
        self._account = account
        self.development = development

    @classmethod
    def from_secret(cls, key: SecretStr, *, development: bool = False) -> LocalKey:
        """A key from its 32 bytes in hexadecimal.

        Parameters
        ----------
        key : pydantic.SecretStr
        development : bool
            Mark the key as one for local chains only.

        Returns
        -------
        LocalKey
        """
        from eth_account import Account  # noqa: PLC0415 - loading it costs 0.3 s

        account, problem = _quietly(lambda: Account.from_key(key.get_secret_value()))
        if problem:
            raise InputError("a private key is 32 bytes in hexadecimal; what was given is not")
        return cls(account, development=development)

    @classmethod
    def from_keystore(cls, path: Path | str, password: SecretStr) -> LocalKey:
        """A key from an encrypted keystore file (Web3 Secret Storage, as geth writes it).

        Parameters
        ----------
        path : path-like
        password : pydantic.SecretStr

        Returns
        -------
        LocalKey
        """
        from eth_account import Account  # noqa: PLC0415 - loading it costs 0.3 s

        path = Path(path)
        try:
            keystore = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise MissingInput(f"cannot read the keystore {path}: {error.strerror}") from None
        except ValueError:
            raise InputError(f"{path} is not a keystore: it is not JSON") from None
        account, problem = _quietly(
            lambda: Account.from_key(Account.decrypt(keystore, password.get_secret_value()))
        )
        if problem:
            wrong = "MAC" in problem
            reason = "the password is wrong" if wrong else "it is not a keystore (version 3)"
            raise InputError(f"cannot open {path}: {reason}")
        return cls(account)

    @property
    def address(self) -> str:
        """The account's address with its checksum."""
        return str(self._account.address)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> tuple[bytes, str]:
        """Sign a complete transaction.

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
        signed, problem = _quietly(lambda: self._account.sign_transaction(dict(transaction)))
        if problem:
            raise InputError(f"{self.address} cannot sign this transaction: {problem}")
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()

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
        signed, problem = _quietly(
            lambda: self._account.sign_typed_data(dict(domain), dict(types), dict(message))
        )
        if problem:
            raise InputError(f"{self.address} cannot sign these data: {problem}")
        return bytes(signed.signature)

    def __repr__(self) -> str:
        kind = "development key" if self.development else "key"
        return f"LocalKey({kind} of {self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not pickled; pass the address and load the key where it signs")


def _quietly(action: Callable[[], Any]) -> tuple[Any, str]:
    """The action's result, or what went wrong, without the frames that hold a key.

    Tools that report errors show the variables of every frame, and those of an error's context.
    """
    try:
        return action(), ""
    except Exception as problem:
        return None, f"{type(problem).__name__}: {problem}"


@dataclass(frozen=True, slots=True)
class DevelopmentKeys:
    """Keys for the local chain: one that administers and pays fees, three oracles."""

    admin: LocalKey
    oracles: tuple[LocalKey, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses, the administrator's first."""
        return (self.admin.address, *(oracle.address for oracle in self.oracles))


def development_keys(home: Path | str) -> DevelopmentKeys:
    """The development keys of a home folder, made on first use.

    Parameters
    ----------
    home : path-like
        Keys lie in ``keys/development/*.json`` below it, readable by their owner only, each
        saying that it is a development key.

    Returns
    -------
    DevelopmentKeys
    """
    folder = Path(home) / "keys" / "development"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = [f"oracle-{number + 1}" for number in range(DEVELOPMENT_ORACLES)]
    return DevelopmentKeys(
        admin=_development_key(folder / "admin.json"),
        oracles=tuple(_development_key(folder / f"{name}.json") for name in names),
    )


def _development_key(path: Path) -> LocalKey:
    from pydantic import SecretStr  # noqa: PLC0415 - keeps this module light

    if not path.exists():
        _write_development_key(path)
    try:
        secret = SecretStr(json.loads(path.read_text(encoding="utf-8"))["private_key"])
    except OSError as error:
        raise MissingInput(f"cannot read the key {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        secret = None
    if secret is None:
        raise InputError(f"{path} is not a development key file; delete it to make anew")
    return LocalKey.from_secret(secret, development=True)


def _write_development_key(path: Path) -> None:
    from eth_account import Account  # noqa: PLC0415 - loading it costs 0.3 s

    secret = "0x" + secrets.token_hex(32)
    content = {
        "warning": DEVELOPMENT_WARNING,
        "address": Account.from_key(secret).address,
        "private_key": secret,
    }
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails when the name exists: of two processes, both keep the first one's key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
