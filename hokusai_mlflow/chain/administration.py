"""Calls that administer the contract: planned and shown before they are sent, sent once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from web3.types import TxParams

from hokusai_mlflow.chain.improvement import address, name_id
from hokusai_mlflow.chain.refusals import refusals
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError, ContractRefused, InputError


@dataclass(frozen=True)
class Plan:
    """One call, and what it changes; `function` is None when nothing needs to change."""

    function: str | None
    arguments: tuple[Any, ...]
    effect: str


@dataclass(frozen=True)
class Rehearsal:
    """A planned call as it would be sent now; `refused` says why the contract would not have it."""

    chain_id: int
    contract: str
    sender: str
    call: str
    data: str
    effect: str
    gas: int | None
    refused: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def rehearse(verifier: Verifier, sender: str, plan: Plan) -> Rehearsal:
    """What would be sent, asked of the chain without sending it.

    Parameters
    ----------
    verifier : Verifier
    sender : str
        Who would send it.
    plan : Plan
        One that changes something.
    """
    if plan.function is None:
        raise InputError(f"there is nothing to send: {plan.effect}")
    data = verifier.call_data(plan.function, *plan.arguments)
    call: TxParams = {"from": sender, "to": verifier.address, "data": data}  # type: ignore[typeddict-item]
    gas, refused = None, None
    try:
        with refusals():
            gas = verifier.web3.eth.estimate_gas(call)
    except ContractRefused as problem:
        refused = str(problem)
    return Rehearsal(
        chain_id=verifier.chain_id,
        contract=verifier.address,
        sender=sender,
        call=call_text(plan.function, plan.arguments),
        data="0x" + data.hex(),
        effect=plan.effect,
        gas=gas,
        refused=refused,
    )


def call_text(function: str, arguments: tuple[Any, ...]) -> str:
    """A call as people read it."""
    return f"{function}({', '.join(map(_told, arguments))})"


def add_oracle(verifier: Verifier, oracle: str) -> Plan:
    """Register an oracle."""
    oracle, held = address(oracle), verifier.oracles()
    if oracle in held:
        return Plan(None, (), f"{oracle} is an oracle already")
    effect = f"oracles {len(held)} → {len(held) + 1}, of whom {verifier.quorum()} must sign"
    return Plan("addOracle", (oracle,), effect)


def remove_oracle(verifier: Verifier, oracle: str) -> Plan:
    """Remove an oracle."""
    oracle, held = address(oracle), verifier.oracles()
    if oracle not in held:
        return Plan(None, (), f"{oracle} is not an oracle")
    effect = f"oracles {len(held)} → {len(held) - 1}, of whom {verifier.quorum()} must sign"
    return Plan("removeOracle", (oracle,), effect)


def set_threshold(verifier: Verifier, quorum: int) -> Plan:
    """Change how many oracles must sign."""
    before, held = verifier.quorum(), len(verifier.oracles())
    if before == quorum:
        return Plan(None, (), f"{quorum} of {held} oracles must sign already")
    effect = f"signatures needed {before} → {quorum}, of {held} oracles"
    return Plan("setQuorum", (quorum,), effect)


def pause(verifier: Verifier) -> Plan:
    """Stop improvements and moves of heads."""
    if verifier.is_paused():
        return Plan(None, (), "the contract is paused already")
    return Plan("pause", (), "improvements and moves of heads stop; payments wait")


def unpause(verifier: Verifier) -> Plan:
    """Let improvements go on."""
    if not verifier.is_paused():
        return Plan(None, (), "the contract is not paused")
    return Plan("unpause", (), "improvements go on; `hokusai settle` pays what waited")


def top_up(verifier: Verifier, model: str, wei: int) -> Plan:
    """Raise a model's budget, leaving its other terms.

    Raises
    ------
    ChainError
        The model is not configured.
    """
    standing = verifier.model(model)
    if standing is None:
        raise ChainError(f"{model} is not configured on chain; run `hokusai chain configure-model`")
    terms = verifier.terms(model)
    before = int(terms["budget"])
    config = tuple((terms | {"budget": before + wei}).values())
    effect = (
        f"budget of {model} {before / 10**18:,.12g} → {(before + wei) / 10**18:,.12g} DeltaOne, "
        f"{standing.minted / 10**18:,.12g} of it paid; write the new sum into the spec "
        "(chain.budget), or the next configure-model sets it back"
    )
    genesis = bytes.fromhex(standing.genesis[2:])
    return Plan("configureModel", (name_id(model), config, genesis), effect)


def _told(argument: Any) -> str:
    if isinstance(argument, bytes):
        return "0x" + argument.hex()
    if isinstance(argument, tuple):
        return "(" + ", ".join(map(_told, argument)) + ")"
    if isinstance(argument, list):
        return "[" + ", ".join(map(_told, argument)) + "]"
    if isinstance(argument, dict):
        return _told(tuple(argument.values()))
    return str(argument)
