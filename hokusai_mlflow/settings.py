"""Where things are kept: from the environment, with embedded defaults.

Everything lives in one folder, the Hokusai home: `$HOKUSAI_HOME`, or `.hokusai` in the folder a
command is started from.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from hokusai_mlflow.errors import InputError

SPLIT_KEY_BYTES = 32


class Settings(BaseSettings):
    """Places and secrets, each overridable by an environment variable `HOKUSAI_<NAME>`.

    Parameters
    ----------
    home : Path
        Folder of the embedded stores, keys and locks.
    tracking_uri : str, optional
        MLflow tracking and registry URI; `MLFLOW_TRACKING_URI` when that is set, else SQLite in
        the home.
    ledger_url : str, optional
        SQLAlchemy URL of the ledger; SQLite in the home by default.
    rpc_url : str, optional
        EVM endpoint for commands without a spec; the embedded development chain by default.
    chain_id : int, optional
        Chain id that the endpoint is expected to serve.
    signer_key : SecretStr, optional
        Private key that sends transactions on a chain that is not the development chain.
    signer_keystore, signer_passphrase : optional
        Keystore file for the same purpose, and its passphrase.
    signer : SecretStr, optional
        The same key by name: ``block:NAME`` of a Prefect block, ``kms:KEY`` of AWS KMS, or
        ``keystore:PATH``. A name is no secret; who writes the key there by mistake is not shown.
    oracle_keys : SecretStr, optional
        Comma-separated private keys of the oracles on a chain that is not the development chain.
    oracles : SecretStr, optional
        Comma-separated names of such keys, written like `signer`.
    """

    model_config = SettingsConfigDict(env_prefix="HOKUSAI_", extra="ignore")

    home: Path = Field(default_factory=lambda: Path.cwd() / ".hokusai")
    # These may hold a password or an access key.
    tracking_uri: str | None = Field(None, repr=False)
    ledger_url: str | None = Field(None, repr=False)
    rpc_url: str | None = Field(None, repr=False)
    chain_id: int | None = None
    signer_key: SecretStr | None = None
    signer_keystore: Path | None = None
    signer_passphrase: SecretStr | None = None
    signer: SecretStr | None = None
    oracle_keys: SecretStr | None = None
    oracles: SecretStr | None = None

    def prepare(self) -> Settings:
        """Make the home folder, readable by its owner only, and return the settings."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self

    @property
    def embedded_uri(self) -> str:
        """URI of the embedded MLflow store."""
        return f"sqlite:///{(self.home / 'mlflow.db').resolve()}"

    @property
    def mlflow_uri(self) -> str:
        """Tracking URI in force."""
        return self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or self.embedded_uri

    @property
    def artifact_root(self) -> str | None:
        """Artifact folder of experiments in the embedded store; the server decides otherwise."""
        if self.mlflow_uri != self.embedded_uri:
            return None
        return (self.home / "artifacts").resolve().as_uri()

    @property
    def ledger(self) -> str:
        """Ledger URL in force."""
        return self.ledger_url or f"sqlite:///{(self.home / 'ledger.db').resolve()}"

    def kept_split_key(self, model: str, given: SecretStr | None) -> bytes | None:
        """As `split_key`, but None where there is no key yet: nothing is made."""
        if given is None and not (self.home / "keys" / f"split-{model}.key").exists():
            return None
        return self.split_key(model, given)

    def split_key(self, model: str, given: SecretStr | None) -> bytes:
        """Key of the hash that cuts a model's pool: the spec's, or one made once and kept.

        Parameters
        ----------
        model : str
            Registered model name.
        given : SecretStr, optional
            The spec's key.

        Returns
        -------
        bytes
            The key.

        Raises
        ------
        InputError
            When the kept key is damaged.
        """
        if given is not None:
            return given.get_secret_value().encode()
        return self._kept_key(
            f"split-{model}",
            f"the split key of {model}",
            "With another key, examples that were trained on would be tested on",
        )

    def blinding_key(self, model: str) -> bytes:
        """Key that hides from raters which model gave an answer: made once and kept.

        Raises
        ------
        InputError
            When the kept key is damaged.
        """
        return self._kept_key(
            f"blinding-{model}",
            f"the blinding key of {model}",
            "With another key nobody can tell whose the answers under rating are",
        )

    def _kept_key(self, name: str, what: str, why: str) -> bytes:
        path = self.home / "keys" / f"{name}.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A link appears with its whole content or not at all, and never in another's place.
            content = secrets.token_hex(SPLIT_KEY_BYTES)
            with _written(path, content) as draft, suppress(FileExistsError):
                os.link(draft, path)
        try:
            key = bytes.fromhex(path.read_text())
        except ValueError:
            key = b""
        if len(key) != SPLIT_KEY_BYTES:
            raise InputError(f"{what} at {path} is damaged; restore it from a copy. {why}")
        return key

    def salt_key(self, model: str, given: SecretStr | None) -> bytes:
        """Key that the salts of a model's commitments follow from: its split key.

        A key that a spec gives is kept beside the others, since an attempt that is taken up again
        reads its spec from a copy without keys, and has to commit to the same.

        Parameters
        ----------
        model : str
            Registered model name.
        given : SecretStr, optional
            The spec's key.
        """
        path = self.home / "keys" / f"salts-{model}.key"
        if given is None:
            if path.exists():
                return bytes.fromhex(path.read_text())
            return self.split_key(model, None)
        key = self.split_key(model, given)
        if not path.exists() or path.read_text() != key.hex():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _written(path, key.hex()) as draft:
                os.replace(draft, path)
        return key


@contextmanager
def _written(path: Path, content: str) -> Iterator[str]:
    """A draft beside a file, readable by its owner only; put in its place whole or not at all."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        Path(draft).unlink(missing_ok=True)
