"""What a judged attempt came to: its price, its evidence, and what MLflow shows of it."""

from __future__ import annotations

import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import MlflowClient

from hokusai_mlflow import __version__, proving
from hokusai_mlflow.chain.development import DEVELOPMENT_NOTE, LOCAL_CHAIN_ID
from hokusai_mlflow.chain.settlement import Settlement
from hokusai_mlflow.deltaone import PairedSums, paired_kind, significant
from hokusai_mlflow.errors import EvidenceMismatch
from hokusai_mlflow.evidence import Evidence, build, digest, read_sums
from hokusai_mlflow.inputs import PAYMENT
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.report.receipt import Receipt
from hokusai_mlflow.reward import model_config
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.tracking import runs
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.trial import Payment, Trial, measured_bps, payable_bps
from hokusai_mlflow.valuation import Valuation
from hokusai_mlflow.verification.statement import Statement

VERSIONED = ("hokusai-mlflow", "scikit-learn", "numpy", "scipy", "pandas")


def price(judgement: Judgement, payment: Trial, valuation: Valuation) -> Payment:
    """What an accepted improvement is paid for.

    Parameters
    ----------
    judgement : Judgement
        Gives the payment policy, the minimum and the gate's sums.
    payment : Trial
        On the examples that payment is measured on.
    valuation : Valuation
        Gives the part that is due to contributors.
    """
    attempt, gate = judgement.attempt, judgement.trial
    spec = attempt.inputs.spec
    measured = measured_bps(attempt, gate, payment)
    payable = payable_bps(attempt, measured)
    paid = valuation.paid_bps(payable)
    minimum = spec.gate.min_improvement_bps
    config = model_config(spec)
    reason = ""
    if not attempt.contributors:
        reason = "no contributor brought new rows; the change is the owner's own"
    elif not valuation.shares:
        reason = "no contributor's data has a value above noise"
    elif paid < minimum:
        on = "tier" if payable != measured else "measured on the payment examples"
        reason = f"{paid} bps are left of {payable} bps {on}, the minimum is {minimum}"
    elif min(gate.sums.n, payment.sums.n) < config.min_samples:
        reason = f"the contract asks for {config.min_samples} examples"
    elif not significant(
        paired_kind(spec.metric),
        gate.sums,
        min_effect_bps=minimum,
        z2_floor_e6=config.z2_floor_e6,
    ):
        reason = "the contract's own significance check does not hold for the gate's sums"
    return Payment(spec.pay, measured, 0 if reason else paid, payment.comparison.n, reason)


def evidence(
    judgement: Judgement, payment: Trial, valuation: Valuation, settings: Settings
) -> Evidence:
    """The evidence document of a promotion."""
    attempt, gate = judgement.attempt, judgement.trial
    spec, look = attempt.inputs.spec, judgement.look
    proven = None
    if proving.is_proven(spec):
        proven = proving.described(attempt, gate, payment, settings)
    return build(
        model=spec.model,
        champion=judgement.champion.to_dict(),
        candidate=judgement.candidate.to_dict(),
        evaluation={
            "gate": {
                "part": attempt.holdout,
                # Hashed without a salt, private targets could be guessed and checked.
                "digest": proven["evaluation_set"] if proven else gate.evaluation,
                "n": gate.comparison.n,
            },
            "payment": {
                "part": PAYMENT if spec.pay == "fresh" else attempt.holdout,
                "digest": proven["evaluation_set"] if proven else payment.evaluation,
                "n": payment.comparison.n,
            },
            "columns": {
                "group": spec.data.group,
                "blocks": spec.data.blocks,
                "slices": list(spec.data.slices),
                "time": spec.data.time,
            },
        },
        metric=spec.metric,
        metric_options=attempt.inputs.metric.options(),
        policy=spec.gate.to_dict(),
        look={"number": look.number, "quota": look.quota, "level": look.level},
        comparison=gate.comparison.to_dict(),
        crossval=_crossval(judgement),
        decision=judgement.decision.to_dict(),
        gate_sums=gate.sums,
        payment_sums=payment.sums,
        payment=price(judgement, payment, valuation).to_dict(),
        contributions={
            **valuation.to_dict(),
            "checks": [check.to_dict() for check in attempt.checks],
            "addresses": {c.name: c.address for c in spec.contributors},
            "recipe": attempt.inputs.recipe.digest,
            "training": attempt.training.digest,
        },
        versions={name: version(name) for name in VERSIONED}
        | {"python": platform.python_version()},
        seeds={"pipeline": spec.seed},
        verification=proven,
    )


def _crossval(judgement: Judgement) -> dict[str, Any]:
    found = judgement.crossval
    if found is None:
        return {}
    return found.to_dict() | {"splitter": judgement.attempt.inputs.splitter.name}


def check_sums(evidence: Evidence, gate: Trial, payment: Trial) -> None:
    """An oracle signs only sums that it has computed itself from targets and predictions.

    Raises
    ------
    EvidenceMismatch
        When the evidence states other sums than its predictions give.
    """
    document = evidence.document
    of = metric(document["metric"], **document["metric_options"])
    statement = None
    if "verification" in document:
        statement = Statement.from_dict(document["verification"]["statement"])
    for which, run in (("gate", gate), ("payment", payment)):
        outputs = [run.predictions[name] for name in ("target", "champion", "candidate")]
        if statement is None:
            groups = run.predictions.get("group")
            found = PairedSums.of(*paired_scores(of, *outputs, groups=groups))
        else:
            found = statement.paired_sums(*outputs)
        if found != read_sums(document, which):
            raise EvidenceMismatch(
                f"the {which} sums in the evidence are not those of its predictions; nothing signed"
            )


def log(
    client: MlflowClient,
    judgement: Judgement,
    receipt: Receipt,
    payment: Trial | None,
    evidence: Evidence | None,
) -> None:
    """Show an outcome in MLflow: metrics, tags, artifacts, the version's description."""
    attempt, candidate = judgement.attempt, judgement.candidate
    trials = {"gate": judgement.trial} | ({"payment": payment} if payment else {})
    run_id, name = attempt.run_id, receipt.metric
    comparison = judgement.trial.comparison
    metrics = {f"eval/{key}": pair[1] for key, pair in receipt.scores.items()}
    metrics |= {f"baseline/{key}": pair[0] for key, pair in receipt.scores.items()}
    metrics |= {
        f"gate/{name}/improvement_bps": comparison.improvement_bps,
        f"gate/{name}/ci_low": comparison.ci_low_bps,
        f"gate/{name}/ci_high": comparison.ci_high_bps,
        f"gate/{name}/p_value": comparison.p_value,
    }
    if judgement.crossval is not None:
        metrics["gate/crossval/p_value"] = judgement.crossval.p_value
    metrics |= _finding_metrics(receipt)
    tags = {
        "hokusai.outcome": receipt.outcome,
        "hokusai.signature": receipt.decision["signature"],
        "hokusai.candidate": candidate.version,
    }
    if evidence is not None:
        tags |= {"hokusai.evidence": evidence.digest}
        metrics |= {"reward/paid_bps": receipt.payment["paid_bps"]}
    if receipt.settlement:
        state = receipt.settlement["state"]
        tags |= {"hokusai.settlement": "rewarded" if receipt.paid else state}
        tags |= {"hokusai.transaction": receipt.settlement["tx_hash"] or ""}
        if receipt.development:
            tags |= {"hokusai.chain": DEVELOPMENT_NOTE}
    tags |= {"mlflow.note.content": receipt.to_markdown()}
    params = {"metric": name, "policy": digest(attempt.inputs.spec.gate.to_dict())[:16]}
    runs.log(client, run_id, metrics=metrics, params=params, tags=tags)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for which, one in trials.items():
            frame = pd.DataFrame({key: list(values) for key, values in one.predictions.items()})
            frame.to_parquet(folder / f"{which}-predictions.parquet")
        runs.upload(client, run_id, folder, to="gate")
    texts = {"gate/report.md": receipt.to_markdown()}
    if evidence is not None:
        texts["gate/evidence.json"] = evidence.to_json()
    runs.upload_text(client, run_id, texts)
    describe(client, candidate, receipt)


def log_proof(client: MlflowClient, run_id: str, evidence: Evidence, ledger: Ledger) -> None:
    """Put the proofs of an improvement's sums beside its evidence, for `hokusai verify`."""
    intent = ledger.get("settlement.intent", evidence.digest)
    if intent is not None and "proven" in intent.body:
        names = ("chain_id", "contract", "improvement", "proven")
        told = json.dumps({name: intent.body[name] for name in names}, indent=1)
        runs.upload_text(client, run_id, {"gate/proof.json": told})


def _finding_metrics(receipt: Receipt) -> dict[str, float]:
    """What guardrails, blocks and validation runs measured, under names that MLflow takes."""
    found: dict[str, float] = {}
    for rail in receipt.guardrails:
        name = "".join(c if c.isalnum() or c in "_-. /" else "_" for c in rail["name"])
        for key in ("improvement_bps", "p_adjusted"):
            if rail[key] is not None:
                found[f"gate/guardrails/{name}/{key}"] = rail[key]
    for code, keys in (("blocks", ("worst_bps", "q_p_value")), ("validation-runs", ("better",))):
        figures = receipt.figures(code)
        found |= {
            f"gate/{code}/{key}": figures[key] for key in keys if figures.get(key) is not None
        }
    return found


def describe(client: MlflowClient, candidate: Registered, receipt: Receipt) -> None:
    """Write the receipt into the model version's page."""
    client.update_model_version(candidate.model, str(candidate.version), receipt.to_markdown())
    tags = {"hokusai.outcome": receipt.outcome, "hokusai.version": __version__}
    if receipt.paid:
        tags["hokusai.settlement"] = "rewarded"
    for key, value in tags.items():
        client.set_model_version_tag(candidate.model, str(candidate.version), key, value)


def log_settlement(client: MlflowClient, ledger: Ledger, settlement: Settlement) -> None:
    """Show in MLflow where a payment stands; it is called rewarded only when final."""
    intent = ledger.get("settlement.intent", settlement.evidence.removeprefix("0x"))
    opened = ledger.get("attempt.opened", intent.attempt) if intent and intent.attempt else None
    if opened is None:
        return
    state = "rewarded" if settlement.state == "confirmed" else settlement.state
    tags = {"hokusai.settlement": state, "hokusai.transaction": settlement.tx_hash or ""}
    if intent is not None and intent.body["chain_id"] == LOCAL_CHAIN_ID:
        tags |= {"hokusai.chain": DEVELOPMENT_NOTE}
    runs.log(client, opened.body["run_id"], tags=tags)
