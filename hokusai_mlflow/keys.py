"""Which keys this process signs with: a keystore file, a secret, a Prefect block, a key service."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from hokusai_mlflow.chain.signer import LocalKey, Signer
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.settings import Settings

SCHEMES = ("keystore", "block", "kms")


def sender_key(settings: Settings) -> Signer:
    """The key that sends transactions on a chain that is not the development chain.

    Raises
    ------
    InputError
        When none is configured, or more than one.
    """
    given = [
        name
        for name in ("signer", "signer_key", "signer_keystore")
        if getattr(settings, name) is not None
    ]
    if len(given) > 1:
        names = " and ".join(f"HOKUSAI_{name.upper()}" for name in given)
        raise InputError(f"{names} name two keys to send transactions with; leave one of them")
    if settings.signer is not None:
        return referred(settings.signer, settings)
    if settings.signer_key is not None:
        return LocalKey.from_secret(settings.signer_key)
    if settings.signer_keystore is not None:
        return _keystore(str(settings.signer_keystore), settings)
    raise InputError(
        "no key to send transactions with: set HOKUSAI_SIGNER_KEYSTORE and "
        "HOKUSAI_SIGNER_PASSPHRASE, HOKUSAI_SIGNER_KEY, or HOKUSAI_SIGNER to block:NAME or kms:KEY"
    )


def oracle_keys(settings: Settings) -> tuple[Signer, ...]:
    """The oracles' keys that this process holds, from `HOKUSAI_ORACLE_KEYS` and `HOKUSAI_ORACLES`.

    Raises
    ------
    InputError
        When one of them cannot be used.
    """
    held: list[Signer] = [LocalKey.from_secret(key) for key in _parts(settings.oracle_keys)]
    held += [referred(reference, settings) for reference in _parts(settings.oracles)]
    return tuple(held)


def referred(reference: SecretStr, settings: Settings) -> Signer:
    """The key that a reference names.

    Parameters
    ----------
    reference : SecretStr
        ``keystore:PATH``, ``block:NAME`` of a Prefect block, or ``kms:KEY`` of AWS KMS.
    settings : Settings
        Gives a keystore's passphrase.

    Raises
    ------
    InputError
        When it names no key.
    """
    scheme, name = _read(reference)
    if not name:
        # Not shown: somebody may have put the key itself there.
        raise InputError(
            "a key is named as keystore:PATH, block:NAME or kms:KEY; what was given is not. A "
            "private key itself goes into HOKUSAI_SIGNER_KEY or HOKUSAI_ORACLE_KEYS"
        )
    if scheme == "keystore":
        return _keystore(name, settings)
    if scheme == "block":
        return _block(name)
    from hokusai_mlflow.chain.kms import KmsSigner  # noqa: PLC0415 - only who uses it pays

    return KmsSigner(_kms_client(), name)


def _keystore(path: str, settings: Settings) -> Signer:
    return LocalKey.from_keystore(path, settings.signer_passphrase or SecretStr(""))


def _block(name: str) -> Signer:
    from hokusai_mlflow.blocks import SigningKey  # noqa: PLC0415 - Prefect takes seconds to load

    try:
        block = SigningKey.load(name)
    except ValueError as problem:
        raise InputError(
            f"Prefect has no block {name!r} of the kind Hokusai Signing Key ({problem}); make it "
            "with `prefect block create hokusai-signing-key`, or in the UI"
        ) from None
    return block.signer()


def _kms_client() -> Any:
    try:
        import boto3  # noqa: PLC0415 - an optional library
    except ModuleNotFoundError:
        raise InputError("keys in AWS KMS need boto3: pip install boto3") from None
    return boto3.client("kms")


def _read(reference: SecretStr) -> tuple[str, str]:
    scheme, _, name = reference.get_secret_value().partition(":")
    return (scheme, name) if scheme in SCHEMES else ("", "")


def _parts(given: SecretStr | None) -> list[SecretStr]:
    parts = given.get_secret_value().split(",") if given else []
    return [SecretStr(part.strip()) for part in parts if part.strip()]
