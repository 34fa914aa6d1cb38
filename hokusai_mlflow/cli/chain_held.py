"""`hokusai chain held|maintain`: what is held back of rewards, and what becomes of it."""

# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hokusai_mlflow.cli import output
from hokusai_mlflow.cli.chain_admin import DryRun, OfSpec, show_rehearsal
from hokusai_mlflow.cli.contract import find_verifier
from hokusai_mlflow.cli.options import AsJson, SpecFile, chain_of, read_settings

if TYPE_CHECKING:
    from hokusai_mlflow.bench import Bench


def held(spec: SpecFile = None, as_json: AsJson = False) -> None:
    """List what is held back of rewards, and from when on it may be decided; makes nothing.

    Example: hokusai chain held pipeline.yaml
    """
    settings, told = read_settings(), []
    verifier = find_verifier(chain_of(spec), settings)
    if verifier is not None:
        from hokusai_mlflow.chain.accounts import accounts
        from hokusai_mlflow.chain.improvement import name_id
        from hokusai_mlflow.spec import load_spec

        wanted = None if spec is None else "0x" + name_id(load_spec(spec).model).hex()
        now = verifier.web3.eth.get_block("latest")["timestamp"]
        told = [
            {
                "evidence": account.evidence[2:],
                "model_id": account.model_id,
                "held": str(account.waiting),
                "from": account.vests_from,
                "due": account.vests_from <= now,
            }
            for account in accounts(verifier.events()).values()
            if account.waiting and wanted in {None, account.model_id}
        ]
    if as_json:
        output.document({"held": told})
        return
    if not told:
        output.say("nothing is held back")
    for line in told:
        _show(line)


def _show(line: dict[str, Any]) -> None:
    from hokusai_mlflow.verification.maintaining import when

    due = "may be decided now" if line["due"] else f"may be decided from {when(line['from'])} on"
    output.marked(None, line["evidence"], f"{int(line['held']) / 10**18:,.12g} DeltaOne, {due}")


def maintain(
    evidence: Annotated[Path, typer.Argument(help="The improvement's evidence.json.")],
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="Examples that came later and the same two models' predictions on them: id, "
            "target, champion, candidate."
        ),
    ],
    report: Annotated[
        Path | None, typer.Option(help="Also write the report that the oracles sign here.")
    ] = None,
    spec: OfSpec = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Measure an improvement again, and have what was held back of its reward paid or returned.

    It is paid when the model's minimum is still met on the later examples, else it returns to the
    budget. Only the first measurement of an improvement is ever signed; the same command again goes
    on where it was left.

    Example: hokusai chain maintain evidence.json --data later.parquet --spec pipeline.yaml
    """
    import time

    from hokusai_mlflow import terms
    from hokusai_mlflow.bench import open_chain
    from hokusai_mlflow.cli.evidence_checks import measure
    from hokusai_mlflow.cli.verify import read_document
    from hokusai_mlflow.evidence import canonical
    from hokusai_mlflow.ledger import Ledger
    from hokusai_mlflow.verification.maintaining import decide, report_of

    document = read_document(evidence)
    found = measure(document, data)
    examples = {"digest": found.digest, "n": len(found.rows)}
    made = report_of(document, examples, found.sums)
    settings, chain = read_settings().prepare(), chain_of(spec)
    bench = open_chain(chain, settings)
    deadline = int(time.time()) + chain.deadline_days * terms.DAY
    if report is not None:
        report.write_bytes(canonical(made))
    if dry_run:
        _rehearse(document, made, bench, deadline, as_json)
        return
    with Ledger(settings.ledger) as ledger:
        decision = decide(
            document,
            made,
            ledger=ledger,
            verifier=bench.verifier,
            sender=bench.sender,
            oracles=bench.oracles,
            deadline=deadline,
            finality=chain.settled_by,
        )
    if as_json:
        output.document({"decision": decision.to_dict()})
        return
    done = "paid" if decision.maintained else "returned to the budget"
    output.say(
        f"{decision.amount / 10**18:,.12g} DeltaOne {done}: {decision.measured_bps} bps on "
        f"{len(found.rows):,} later examples: {decision.transaction}"
    )
    if not decision.is_final:
        output.say("not final yet; the same command again, some blocks later, confirms it")


def _rehearse(
    document: dict[str, Any], made: dict[str, Any], bench: Bench, deadline: int, as_json: bool
) -> None:
    from hokusai_mlflow.chain.administration import Plan, call_text, rehearse
    from hokusai_mlflow.cli.chain_admin import show_plan
    from hokusai_mlflow.errors import ChainError
    from hokusai_mlflow.verification.maintaining import (
        decided,
        held_improvement,
        require_due,
        statement_of,
    )
    from hokusai_mlflow.verification.oracle import attest

    verifier = bench.verifier
    if decided(made, verifier) is not None:
        show_plan({"effect": "nothing to send: this measurement decided already"}, as_json)
        return
    improvement = held_improvement(document, verifier)
    amount, terms = require_due(made["evidence"], verifier), verifier.model(document["model"])
    if terms is None:
        raise ChainError(f"{document['model']} is not configured on chain {verifier.chain_id}")
    lasts = made["improvement_bps"] >= terms.min_bps
    statement = statement_of(made, deadline)
    signatures = attest(statement, verifier.domain, bench.oracles)
    plan = Plan(
        "recordMaintenance",
        (improvement.message(), statement.message(), signatures),
        f"{amount / 10**18:,.12g} DeltaOne {'paid' if lasts else 'returned to the budget'}: "
        f"{made['improvement_bps']} bps on {made['evaluation']['n']:,} later examples, at least "
        f"{terms.min_bps} are asked for",
    )
    told = rehearse(verifier, bench.sender.address, plan)
    # Whoever has the signatures can send them; a rehearsal must not give them away.
    hidden = f"{len(signatures)} signatures"
    call = call_text("recordMaintenance", (*plan.arguments[:-1], hidden))
    show_rehearsal(replace(told, call=call, data="not shown, for it is signed"), as_json)
