"""The contract as it is found, for commands that only look."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hokusai_mlflow.chain.verifier import Verifier
    from hokusai_mlflow.settings import Settings
    from hokusai_mlflow.spec import ChainSpec


def embedded_chain_exists(settings: Settings) -> bool:
    """Whether the embedded chain has been made."""
    # No other chain has a file here; its module would cost seconds to import.
    return any((settings.home / "chain").glob("*.sqlite"))


def endpoint(chain: ChainSpec, settings: Settings) -> tuple[str | None, int | None]:
    """URL and id of the chain in force: the spec's, else the settings'; (None, None): embedded."""
    if chain.rpc_url is not None:
        return chain.rpc_url, chain.chain_id
    return settings.rpc_url, chain.chain_id or settings.chain_id


def find_verifier(chain: ChainSpec, settings: Settings) -> Verifier | None:
    """The contract on a chain, without a key, making nothing.

    Parameters
    ----------
    chain : ChainSpec
        Names endpoint and contract; by default those of the settings and of the records.
    settings : Settings
        Home with the embedded chain and the records of deployments.

    Returns
    -------
    Verifier or None
        None when the embedded chain does not exist yet, or no contract is known.
    """
    rpc_url, chain_id = endpoint(chain, settings)
    if rpc_url is None and not embedded_chain_exists(settings):
        return None
    from hokusai_mlflow.chain.connect import connect  # noqa: PLC0415
    from hokusai_mlflow.chain.deployment import find_deployment  # noqa: PLC0415
    from hokusai_mlflow.chain.verifier import Verifier  # noqa: PLC0415

    web3 = connect(rpc_url=rpc_url, chain_id=chain_id, home=settings.home)
    deployment = find_deployment(settings.home, web3.eth.chain_id)
    if chain.verifier is not None and (deployment is None or deployment.address != chain.verifier):
        return Verifier(web3, chain.verifier, home=settings.home)
    if deployment is None:
        return None
    return Verifier.of(web3, deployment, home=settings.home)
