"""What `hokusai doctor` sees of chain and keys. Nothing is made that was not there."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from hokusai_mlflow.cli.contract import embedded_chain_exists, endpoint, find_verifier
from hokusai_mlflow.cli.finding import NOT_YET, Finding, trying
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import ChainSpec

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def chain(spec: ChainSpec, settings: Settings) -> Finding:
    """The chain: it answers, is the one expected, and the contract there is this package's."""
    rpc_url, chain_id = endpoint(spec, settings)
    if rpc_url is None and not embedded_chain_exists(settings):
        return Finding("chain", None, f"embedded development chain: {NOT_YET}")
    from hokusai_mlflow.chain.connect import connect, is_development  # noqa: PLC0415
    from hokusai_mlflow.chain.deployment import find_deployment, require_code  # noqa: PLC0415

    web3 = connect(rpc_url=rpc_url, chain_id=chain_id, home=settings.home)
    where = f"chain {web3.eth.chain_id}, block {web3.eth.block_number}"
    if rpc_url is None:
        where += " (embedded, for development)"
    elif is_development(web3):
        where += " (for development)"
    deployment = find_deployment(settings.home, web3.eth.chain_id)
    verifier = find_verifier(spec, settings)
    if verifier is None:
        remedy = "hokusai chain deploy, or name the contract in the spec: chain.verifier"
        return Finding("chain", None if rpc_url is None else False, f"{where}: no contract", remedy)
    if deployment is not None and deployment.address == verifier.address:
        require_code(web3, deployment)
    paused = verifier.is_paused()
    told = f"{where}, contract {verifier.address}, {verifier.quorum()} of "
    told += f"{len(verifier.oracles())} oracles sign"
    return Finding(
        "chain",
        not paused,
        told + (", PAUSED" if paused else ""),
        "ask a guardian to unpause it" if paused else "",
    )


def keys(spec: ChainSpec, settings: Settings) -> Iterator[Finding]:
    """The keys: whether there are any, of which sort, and who can read them."""
    secret = sorted(settings.home.glob("keys/**/*.json")) + sorted(settings.home.glob("keys/*.key"))
    if settings.signer_keystore is not None:
        secret.append(settings.signer_keystore)
    open_to_others = [path for path in secret if path.exists() and path.stat().st_mode & OTHERS]
    if open_to_others:
        names = " ".join(map(str, open_to_others))
        yield Finding("key files", False, f"others can read {names}", f"chmod 600 {names}")
    if endpoint(spec, settings)[0] is None:
        made = (settings.home / "keys" / "development").is_dir()
        told = "development keys, in the home: never use them on a public chain"
        yield Finding("keys", True if made else None, told if made else f"{told}; {NOT_YET}")
        return
    yield trying("sender key", lambda: _sender(settings))
    yield trying("oracle keys", lambda: _oracles(settings))


def _sender(settings: Settings) -> Finding:
    from hokusai_mlflow.keys import sender_key  # noqa: PLC0415

    return Finding("sender key", True, f"sends as {sender_key(settings).address}")


def _oracles(settings: Settings) -> Finding:
    from hokusai_mlflow.keys import oracle_keys  # noqa: PLC0415

    held = oracle_keys(settings)
    if not held:
        return Finding(
            "oracle keys",
            None,
            "none here; HOKUSAI_ORACLE_KEYS or HOKUSAI_ORACLES has those that sign",
        )
    return Finding("oracle keys", True, ", ".join(key.address for key in held))
