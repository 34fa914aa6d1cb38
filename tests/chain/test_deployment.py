"""Deploying once, whatever happens in between."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from hokusai_mlflow.chain import deployment as module
from hokusai_mlflow.chain.artifact import artifact
from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import Deployment, deploy, find_deployment
from hokusai_mlflow.chain.signer import LocalKey, development_keys
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError, InputError


class Killed(BaseException):
    """Stands for the process ending here."""


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def web3(home):
    opened = connect(rpc_url=None, chain_id=None, home=home)
    yield opened
    opened.provider.chain.close()


def run(web3, home, quorum=2):
    keys = development_keys(home)
    oracles = [oracle.address for oracle in keys.oracles]
    return deploy(web3, keys.admin, oracles=oracles, quorum=quorum, home=home)


def test_once(web3, home):
    first = run(web3, home)
    assert run(web3, home) == first == find_deployment(home, 31_337)
    assert web3.eth.block_number == first.block == 1
    assert Deployment.from_dict(json.loads(json.dumps(first.to_dict()))) == first
    assert find_deployment(home, 1) is None


@pytest.mark.parametrize("step", ["_write", "broadcast", "await_receipt", "require_code"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_in_between(web3, home, monkeypatch, step, when):
    real = getattr(module, step)

    def killed(*arguments, **named):
        if when == "after":
            real(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, step, killed)
        with pytest.raises(Killed):
            run(web3, home)
    run(web3, home)
    assert web3.eth.block_number == 1


def test_another_transaction_took_the_nonce(web3, home, monkeypatch):
    def killed(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, "broadcast", killed)
        with pytest.raises(Killed):
            run(web3, home)
    admin = development_keys(home).admin
    raw, _ = admin.sign_transaction(
        {
            "to": admin.address,
            "value": 0,
            "gas": 21_000,
            "nonce": 0,
            "chainId": 31_337,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
        }
    )
    web3.eth.send_raw_transaction(raw)
    assert run(web3, home).block == 2


def test_a_chain_begun_anew_is_told(web3, home, tmp_path):
    run(web3, home)
    for path in (home / "chain").glob("31337.sqlite*"):
        path.unlink()
    fresh = connect(rpc_url=None, chain_id=None, home=home)
    with pytest.raises(ChainError, match="the chain was begun anew"):
        run(fresh, home)
    fresh.provider.chain.close()


def test_other_code_is_told(web3, home):
    made = run(web3, home)
    record = home / "chain" / "31337.json"
    record.write_text(json.dumps({"deployment": made.to_dict() | {"address": made.token}}))
    with pytest.raises(ChainError, match="is not the DeltaOneVerifier of this package"):
        run(web3, home)
    record.write_text("nothing")
    with pytest.raises(ChainError, match="not a deployment record"):
        run(web3, home)


@pytest.mark.parametrize("quorum", [0, 4])
def test_a_quorum_that_cannot_be(web3, home, quorum):
    with pytest.raises(InputError, match="a quorum needs"):
        run(web3, home, quorum)
    assert web3.eth.block_number == 0


def test_artifacts_are_those_of_the_committed_sources():
    import hashlib

    contracts = Path(module.__file__).parent.parent / "contracts"
    for name in ("DeltaOne", "DeltaOneVerifier"):
        compiled = json.loads((Path(module.__file__).parent / f"artifacts/{name}.json").read_text())
        assert compiled["compiler"]["solc"].startswith("0.8.37")
        assert compiled["compiler"]["evmVersion"] == "cancun"
        for source, digest in compiled["sources"].items():
            assert hashlib.sha256((contracts / source).read_bytes()).hexdigest() == digest
    assert len(artifact("DeltaOneVerifier").runtime) <= 24_576


def test_plain_values_load_without_web3():
    code = (
        "import sys, hokusai_mlflow, hokusai_mlflow.chain.improvement, "
        "hokusai_mlflow.chain.signer, hokusai_mlflow.deltaone; "
        "assert not {'web3', 'eth', 'eth_account'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_signer_without_money_is_told(web3, home):
    poor = LocalKey.from_secret(SecretStr("0x" + "21" * 32))
    with pytest.raises(ChainError, match="node refused the transaction: insufficient funds"):
        deploy(web3, poor, oracles=[poor.address], quorum=1, home=home)
    assert run(web3, home).block == 1


def test_an_address_without_the_contract_is_told(web3, home):
    nowhere = Verifier(web3, "0x" + "00" * 19 + "77", home=home)
    for ask in (nowhere.quorum, lambda: nowhere.head("digits"), lambda: nowhere.model("digits")):
        with pytest.raises(ChainError, match="no DeltaOneVerifier at the address"):
            ask()
