"""Keys: where they come from, and that they never show."""

import json
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account
from pydantic import SecretStr

from hokusai_mlflow.chain.signer import DEVELOPMENT_WARNING, LocalKey, Signer, development_keys
from hokusai_mlflow.chain.transactions import prepare
from hokusai_mlflow.errors import ChainError, InputError, MissingInput

SECRET = "0x" + "4c" * 32
ADDRESS = Account.from_key(SECRET).address


def test_a_key_from_a_secret():
    key = LocalKey.from_secret(SecretStr(SECRET))
    assert isinstance(key, Signer)
    assert key.address == ADDRESS
    raw, digest = key.sign_transaction(
        {"nonce": 0, "gas": 21_000, "gasPrice": 1, "to": ADDRESS, "value": 0, "chainId": 5}
    )
    assert Account.recover_transaction(raw) == ADDRESS
    assert len(digest) == 66


def test_keys_never_show():
    key = LocalKey.from_secret(SecretStr(SECRET))
    assert "4c4c" not in repr(key) + str(key) + repr([key])
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)
    with pytest.raises(InputError) as caught:
        LocalKey.from_secret(SecretStr("0x4c4c4c"))
    assert "4c4c" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_key_from_a_keystore(tmp_path):
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(SECRET, "open sesame", kdf="pbkdf2", iterations=2)))
    assert LocalKey.from_keystore(path, SecretStr("open sesame")).address == ADDRESS
    with pytest.raises(InputError, match="the password is wrong"):
        LocalKey.from_keystore(path, SecretStr("no"))
    with pytest.raises(MissingInput, match="cannot read the keystore"):
        LocalKey.from_keystore(tmp_path / "none.json", SecretStr("no"))
    path.write_text("{}")
    with pytest.raises(InputError, match="not a keystore"):
        LocalKey.from_keystore(path, SecretStr("no"))
    path.write_text("nothing")
    with pytest.raises(InputError, match="not JSON"):
        LocalKey.from_keystore(path, SecretStr("no"))


def test_development_keys_are_made_once(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        addresses = {keys.addresses for keys in pool.map(development_keys, [tmp_path] * 4)}
    assert len(addresses) == 1
    folder = tmp_path / "keys" / "development"
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["admin.json", "oracle-1.json", "oracle-2.json", "oracle-3.json"]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(path.read_text())["warning"] == DEVELOPMENT_WARNING
    assert "development key" in repr(development_keys(tmp_path).admin)
    (folder / "admin.json").write_text("{}")
    with pytest.raises(InputError, match="not a development key file"):
        development_keys(tmp_path)


def test_development_keys_sign_on_development_chains_only(tmp_path):
    class Eth:
        chain_id = 1

    class Public:
        eth, provider = Eth(), None

    with pytest.raises(ChainError, match="is a development key"):
        prepare(Public(), development_keys(tmp_path).admin, to=ADDRESS, data=b"")
