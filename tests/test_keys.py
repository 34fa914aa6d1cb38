"""Where keys come from, and that none of them ever shows."""

import ast
import importlib
import json
import logging
import re
import sys
import tomllib
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest
from eth_account import Account
from pydantic import SecretStr

from hokusai_mlflow import keys
from hokusai_mlflow.chain.signer import LocalKey
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.settings import Settings

SECRET = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = Account.from_key(SECRET).address
PASSPHRASE = "open sesame"
TRANSACTION = {"nonce": 0, "gas": 21_000, "to": ADDRESS, "value": 0, "chainId": 5}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith("HOKUSAI_"):
            monkeypatch.delenv(name)


@pytest.fixture
def keystore(tmp_path):
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(SECRET, PASSPHRASE, kdf="pbkdf2", iterations=2)))
    return path


def test_a_key_from_each_place(keystore):
    passphrase = SecretStr(PASSPHRASE)
    for given in (
        {"signer_key": SecretStr(SECRET)},
        {"signer_keystore": keystore, "signer_passphrase": passphrase},
        {"signer": f"keystore:{keystore}", "signer_passphrase": passphrase},
    ):
        assert keys.sender_key(Settings(**given)).address == ADDRESS
    both = Settings(
        oracle_keys=SecretStr(f"{'11' * 32}, {SECRET}"),
        oracles=f"keystore:{keystore}",
        signer_passphrase=passphrase,
    )
    assert [key.address for key in keys.oracle_keys(both)][1:] == [ADDRESS, ADDRESS]
    assert keys.oracle_keys(Settings()) == ()


def test_a_key_service_is_reached_by_name(monkeypatch):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    public = ec.derive_private_key(int(SECRET, 16), ec.SECP256K1()).public_key()
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    client = SimpleNamespace(get_public_key=lambda KeyId: {"PublicKey": der})  # noqa: N803
    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=lambda service: client))
    assert keys.sender_key(Settings(signer="kms:alias/settling")).address == ADDRESS
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(InputError, match="pip install boto3"):
        keys.sender_key(Settings(signer="kms:alias/settling"))


def test_what_names_no_key():
    with pytest.raises(InputError, match="no key to send transactions with"):
        keys.sender_key(Settings())
    with pytest.raises(InputError, match="HOKUSAI_SIGNER and HOKUSAI_SIGNER_KEY name two keys"):
        keys.sender_key(Settings(signer="block:a", signer_key=SecretStr(SECRET)))
    for wrong in (SECRET, "block:", "file:a"):
        with pytest.raises(InputError, match="a key is named as") as caught:
            keys.sender_key(Settings(signer=wrong))
        assert SECRET not in everything_about(caught.value)


# ---------------------------------------------------------------------- never shown


def everything_about(problem):
    """What a tool shows that reports errors with the variables of every frame and of causes."""
    told = []
    while problem is not None:
        found = traceback.TracebackException.from_exception(problem, capture_locals=True)
        # The frames of this file name the secret themselves.
        own = [frame for frame in found.stack if frame.filename != __file__]
        told += [str(problem), *(str(frame.locals) for frame in own)]
        problem = problem.__cause__ or problem.__context__
    return "\n".join(told).lower()


def forms_of(secret):
    raw = bytes.fromhex(secret)
    return (secret, repr(raw)[2:-1].lower(), str(int(secret, 16)), str(list(raw))[1:-1])


def test_no_error_shows_a_key_or_a_passphrase(keystore):
    key = LocalKey.from_secret(SecretStr(SECRET))
    for wrong in (
        lambda: LocalKey.from_secret(SecretStr(SECRET + "zz")),
        lambda: LocalKey.from_keystore(keystore, SecretStr(PASSPHRASE + "?")),
        lambda: key.sign_transaction(TRANSACTION),
        lambda: key.sign_transaction({"nonce": "one"}),
        lambda: key.sign_typed({}, {}, {}),
        lambda: keys.sender_key(Settings(signer_key=SecretStr(SECRET[:-2]))),
        lambda: keys.oracle_keys(Settings(oracle_keys=SecretStr(f"{SECRET},{SECRET}0"))),
    ):
        with pytest.raises(InputError) as caught:
            wrong()
        shown = everything_about(caught.value)
        assert not [form for form in forms_of(SECRET) if form in shown]
        assert PASSPHRASE not in shown


def test_no_log_shows_a_key(caplog, keystore):
    caplog.set_level(logging.DEBUG)
    key = LocalKey.from_keystore(keystore, SecretStr(PASSPHRASE))
    key.sign_transaction({**TRANSACTION, "gasPrice": 1})
    settings = Settings(signer_key=SecretStr(SECRET), oracle_keys=SecretStr(SECRET))
    logging.getLogger("some.library").debug("%r %s %r", settings, key, vars(settings))
    assert not [form for form in (*forms_of(SECRET), PASSPHRASE) if form in caplog.text.lower()]


def test_no_key_is_a_parameter_of_a_flow_or_a_task():
    root = Path(__file__).parent.parent
    seen = 0
    for path in [*(root / "flows").glob("*.py"), root / "hokusai_mlflow" / "steps.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                asked = ast.unparse(node.args)
                assert not {"Signer", "LocalKey", "Secret", "key"} & set(re.findall(r"\w+", asked))
                seen += 1
    assert seen > 10


# ---------------------------------------------------------------------- Prefect


def test_the_collection_is_declared():
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    (place,) = project["project"]["entry-points"]["prefect.collections"].values()
    module = importlib.import_module(place)
    assert module.SigningKey.get_block_type_slug() == "hokusai-signing-key"


try:
    from prefect.testing.standard_test_suites import BlockStandardTestSuite
except ImportError:
    BlockStandardTestSuite = object


class TestSigningKey(BlockStandardTestSuite):
    """Prefect's own tests of a block."""

    @pytest.fixture
    def block(self):
        from hokusai_mlflow.blocks import SigningKey

        return SigningKey

    def test_has_a_valid_image(self, block):
        # Prefect's test downloads it.
        assert str(block._logo_url).startswith("https://")

    def test_signs_and_does_not_show_its_key(self, block):
        made = block(private_key=SECRET)
        assert made.signer().address == ADDRESS
        shown = repr(made) + str(made) + made.model_dump_json() + str(made.model_dump())
        assert SECRET not in shown.lower()

    def test_keeps_its_key_secret_on_the_server(self, block):
        assert block._to_block_schema(block_type_id=None).fields["secret_fields"] == ["private_key"]
