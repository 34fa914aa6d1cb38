"""`hokusai chain`: the contract that pays, looked at, deployed, and told about models."""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import chain_admin, chain_audit, chain_held, output
from hokusai_mlflow.cli.chain_admin import DryRun, show_plan, show_rehearsal
from hokusai_mlflow.cli.command import EPILOG, Command
from hokusai_mlflow.cli.contract import endpoint, find_verifier
from hokusai_mlflow.cli.options import AsJson, SpecFile, chain_of, read_settings
from hokusai_mlflow.errors import ChampionMissing, InputError

if TYPE_CHECKING:
    from hokusai_mlflow.bench import Bench
    from hokusai_mlflow.chain.deployment import Deployment
    from hokusai_mlflow.chain.model import ModelConfig

app = typer.Typer(
    no_args_is_help=True,
    help="The contract that pays: look at it, deploy and administer it, audit what it paid, claim.",
)
IN_WEI = (
    "supply",
    "tokens_per_delta_one",
    "budget",
    "daily_cap",
    "minted",
    "granted_today",
    "reserved",
)
TWO_DAYS = 172_800

for each in (
    chain_audit.audit,
    chain_admin.pause,
    chain_admin.unpause,
    chain_held.held,
    chain_held.maintain,
):
    app.command(cls=Command, epilog=EPILOG)(each)
app.command("top-up", cls=Command, epilog=EPILOG)(chain_admin.top_up)
app.add_typer(chain_admin.oracle, name="oracle")


@app.command(cls=Command, epilog=EPILOG)
def status(spec: SpecFile = None, as_json: AsJson = False) -> None:
    """Show the contract, and with a spec also its model's terms and head; makes nothing.

    Example: hokusai chain status pipeline.yaml
    """
    settings = read_settings()
    verifier = find_verifier(chain_of(spec), settings)
    if verifier is None:
        if as_json:
            output.document({"status": None})
        else:
            output.say("no contract is known yet: `hokusai run` or `hokusai chain deploy` makes it")
        return
    told: dict[str, Any] = verifier.status()
    if spec is not None:
        from hokusai_mlflow.spec import load_spec

        name = load_spec(spec).model
        model = verifier.model(name)
        told |= {"model": name, **(model.to_dict() if model else {"configured": False})}
    if as_json:
        output.document({"status": told})
        return
    if told["development"]:
        from hokusai_mlflow.chain.development import DEVELOPMENT_NOTE

        output.say(DEVELOPMENT_NOTE, "dim")
    for key, value in told.items():
        output.say(f"{key.replace('_', ' '):>20}  {_shown(key, value)}")


def _shown(key: str, value: Any) -> str:
    if key in IN_WEI:
        return f"{int(value) / 10**18:,.12g} DeltaOne"
    return ", ".join(value) if isinstance(value, list) else str(value)


@app.command(cls=Command, epilog=EPILOG)
def deploy(
    spec: SpecFile = None,
    *,
    oracle: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="An oracle, repeated for each; by default those of HOKUSAI_ORACLE_KEYS.",
        ),
    ] = None,
    quorum: Annotated[int, typer.Option(min=1, help="How many of them must sign.")] = 2,
    admin_delay: Annotated[
        int, typer.Option(min=0, help="Seconds before another administrator can take over.")
    ] = TWO_DAYS,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Deploy the contract, unless it is recorded already; the embedded chain needs no options.

    Example: HOKUSAI_RPC_URL=https://… HOKUSAI_SIGNER_KEYSTORE=… hokusai chain deploy --quorum 2
    """
    from hokusai_mlflow import keys
    from hokusai_mlflow.bench import open_chain
    from hokusai_mlflow.chain.connect import connect
    from hokusai_mlflow.chain.deployment import deploy as deploy_once
    from hokusai_mlflow.chain.deployment import find_deployment

    settings = read_settings().prepare()
    chain = chain_of(spec)
    rpc_url, chain_id = endpoint(chain, settings)
    if rpc_url is None and dry_run:
        output.say("the embedded development chain gets its contract on first use; nothing to send")
        return
    if rpc_url is None:
        bench = open_chain(chain, settings)
        deployment = find_deployment(settings.home, bench.verifier.chain_id)
        _show_deployment(deployment, as_json)
        return
    if chain_id is None:
        raise InputError("name the chain id too (HOKUSAI_CHAIN_ID, or chain.chain_id in the spec)")
    oracles = oracle or [key.address for key in keys.oracle_keys(settings)]
    if not oracles:
        raise InputError("no oracles: give --oracle ADDRESS for each, or set HOKUSAI_ORACLE_KEYS")
    web3 = connect(rpc_url=rpc_url, chain_id=chain_id, home=settings.home)
    signer = keys.sender_key(settings)
    if dry_run:
        from hokusai_mlflow.chain.deployment import rehearse

        show_plan(
            rehearse(
                web3,
                signer,
                oracles=oracles,
                quorum=quorum,
                home=settings.home,
                admin_delay=admin_delay,
            ),
            as_json,
        )
        return
    deployment = deploy_once(
        web3,
        signer,
        oracles=oracles,
        quorum=quorum,
        home=settings.home,
        admin_delay=admin_delay,
    )
    _show_deployment(deployment, as_json)


def _show_deployment(deployment: Deployment | None, as_json: bool) -> None:
    if as_json:
        output.document({"deployment": deployment.to_dict() if deployment else None})
    elif deployment is not None:
        from hokusai_mlflow.chain.development import DEVELOPMENT_NOTE, LOCAL_CHAIN_ID

        output.say(f"DeltaOneVerifier {deployment.address} on chain {deployment.chain_id}", "bold")
        if deployment.chain_id == LOCAL_CHAIN_ID:
            output.say(DEVELOPMENT_NOTE, "dim")
        output.say(f"DeltaOne token   {deployment.token}")
        output.say(f"made in block    {deployment.block} by {deployment.transaction}")


@app.command("configure-model", cls=Command, epilog=EPILOG)
def configure_model(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="A pipeline.yaml.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Tell the contract about a spec's model: its terms, and the champion as the lineage's start.

    Example: hokusai chain configure-model pipeline.yaml
    """
    from hokusai_mlflow import inferring, proving, quantising, terms
    from hokusai_mlflow.bench import open_chain
    from hokusai_mlflow.inputs import read_inputs
    from hokusai_mlflow.spec import load_spec
    from hokusai_mlflow.tracking import registry
    from hokusai_mlflow.tracking.store import connect

    settings = read_settings().prepare()
    loaded = load_spec(spec)
    bench = open_chain(loaded.chain, settings)
    standing = bench.verifier.model(loaded.model)
    if standing is not None:
        # The start of a lineage is written once; only terms change later.
        genesis = standing.genesis
    else:
        champion = registry.champion(connect(settings), loaded.model)
        if champion is None:
            raise ChampionMissing(
                f"{loaded.model} has no champion in the registry; register its first version with "
                f"`hokusai run {spec}`"
            )
        genesis = champion.digest
    config = terms.model_config(loaded)
    if dry_run:
        _rehearse_terms(bench, loaded.model, config, genesis, as_json)
        return
    transaction = bench.verifier.configure_model(bench.sender, loaded.model, config, genesis)
    if proving.is_proven(loaded):
        inputs = read_inputs(spec, settings)
        proving.agree(bench.verifier, bench.sender, inputs, settings)
        if quantising.is_inferred(loaded):
            inferring.agree(bench.verifier, bench.sender, inputs, settings)
    if as_json:
        output.document({"model": loaded.model, "genesis": genesis, "transaction": transaction})
    elif transaction is None:
        output.say(f"{loaded.model}: these terms are in force already")
    else:
        output.say(f"{loaded.model} configured, lineage from {genesis}: {transaction}")


@app.command(cls=Command, epilog=EPILOG)
def claim(
    evidence: Annotated[Path, typer.Argument(help="The improvement's evidence.json.")],
    account: Annotated[str, typer.Argument(help="Address whose share is paid to it.")],
    spec: SpecFile = None,
    as_json: AsJson = False,
) -> None:
    """Have a share paid that had to be claimed: more contributors than one call can pay.

    Anyone may send this for anyone; the sender's key pays the fee.

    Example: hokusai chain claim evidence.json 0x52908400098527886E0F7030069857D2E4169EE7
    """
    from hokusai_mlflow.bench import open_chain
    from hokusai_mlflow.chain.claims import tree_of
    from hokusai_mlflow.cli.verify import read_document
    from hokusai_mlflow.evidence import digest

    document = read_document(evidence)
    tree = tree_of(document["contributions"])
    if tree is None:
        raise InputError("nothing of this is claimed: one transaction pays all who have a share")
    share, bench = tree.share(account), open_chain(chain_of(spec), read_settings().prepare())
    before = bench.verifier.claimed(digest(document), share)
    transaction = bench.verifier.claim(bench.sender, digest(document), share, tree.proof(share))
    paid = bench.verifier.claimed(digest(document), share) - before
    if as_json:
        output.document({"account": share.account, "paid": str(paid), "transaction": transaction})
    else:
        output.say(f"{paid / 10**18:,.12g} DeltaOne to {share.account}: {transaction}")


def _rehearse_terms(
    bench: Bench, model: str, config: ModelConfig, genesis: str, as_json: bool
) -> None:
    from hokusai_mlflow.chain.administration import Plan, rehearse
    from hokusai_mlflow.chain.improvement import digest_hex, name_id

    standing = bench.verifier.model(model)
    effect = f"terms of {model}: {config!r}"
    if standing is None:
        effect = f"{model} configured, lineage from {genesis}; {effect}"
    elif standing.has_terms(config):
        show_plan({"effect": f"nothing to send: {model} has these terms already"}, as_json)
        return
    start = bytes.fromhex(digest_hex("genesis", genesis)[2:])
    plan = Plan("configureModel", (name_id(model), config.arguments(), start), effect)
    show_rehearsal(rehearse(bench.verifier, bench.sender.address, plan), as_json)
