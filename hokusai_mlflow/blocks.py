"""Prefect blocks: where a Prefect server keeps what its workers sign with."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from hokusai_mlflow.chain.signer import LocalKey


class SigningKey(Block):
    """A private key that sends transactions or attests improvements.

    Only the block's name is configured (``HOKUSAI_SIGNER=block:NAME``), so that the key is no
    parameter of any flow; the server keeps it encrypted.

    Example:
        ```python
        from hokusai_mlflow.blocks import SigningKey

        signing_key = SigningKey.load("BLOCK_NAME")
        signer = signing_key.signer()
        ```
    """

    _block_type_name = "Hokusai Signing Key"
    _block_type_slug = "hokusai-signing-key"
    _documentation_url = HttpUrl("https://docs.prefect.io/latest/develop/blocks")
    _logo_url = HttpUrl(
        "https://raw.githubusercontent.com/PrefectHQ/prefect/420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos/secret.png"
    )

    private_key: SecretStr = Field(
        default=..., description="Private key of an account, 32 bytes in hexadecimal."
    )

    def signer(self) -> LocalKey:
        """The key, ready to sign."""
        return LocalKey.from_secret(self.private_key)
