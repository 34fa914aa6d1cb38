"""What MLflow shows of an attempt: metrics, tags, data sets, artifacts, child runs, description."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import MlflowClient

from hokusai_mlflow import __version__
from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.chain.development import DEVELOPMENT_NOTE, LOCAL_CHAIN_ID
from hokusai_mlflow.chain.settlement import Settlement
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.evidence import Evidence, canonical, digest
from hokusai_mlflow.inputs import PAYMENT
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.metrics.likelihood import LOG_LIKELIHOODS
from hokusai_mlflow.performance.report import PerformanceReport
from hokusai_mlflow.report.report import Report
from hokusai_mlflow.report.standalone import forest_svg
from hokusai_mlflow.tracking import runs
from hokusai_mlflow.tracking.children import Child, log_children
from hokusai_mlflow.tracking.datasets import Used, log_datasets
from hokusai_mlflow.trial import Trial
from hokusai_mlflow.verification.requests import requested

DESCRIPTION = 5_000
"""Letters that MLflow's databases keep of a model version's description."""
TABLE_ROWS = 10_000
"""Examples that the table of a run shows at most; the Parquet file has all."""
STORED = "gate/report.json"
PERFORMANCE_TAG = "hokusai.performance"


def show_judged(
    client: MlflowClient, judgement: Judgement, report: Report, payment: Trial | None
) -> None:
    """Show a judged attempt. Doing it again changes nothing that a reader sees."""
    attempt, run_id = judgement.attempt, judgement.attempt.run_id
    params = {
        "metric": report.metric,
        "policy": digest(attempt.inputs.spec.gate.to_dict())[:16],
        "seed": attempt.inputs.spec.seed,
    }
    runs.log(client, run_id, metrics=_metrics(judgement, report), params=params)
    log_datasets(client, run_id, _used(attempt, judgement.trial, payment))
    trials = {"gate": judgement.trial} | ({"payment": payment} if payment else {})
    _show_examples(client, run_id, trials)
    log_children(client, run_id, _children(report))
    show_report(client, report)


def show_report(client: MlflowClient, report: Report) -> None:
    """Put a report where MLflow shows it: artifacts, tags, and the version's description."""
    run_id = report.facts["run_id"]
    note = report.to_markdown(most=DESCRIPTION)
    texts = {
        "gate/report.html": report.to_html(),
        "gate/report.md": report.to_markdown(),
        STORED: json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False),
    }
    if report.digest:
        texts["gate/evidence.json"] = canonical(dict(report.document)).decode()
    if report.facts.get("approval"):
        texts["gate/addendum.json"] = canonical(report.addendum()).decode()
    if report.comparison:
        texts["gate/forest_plot.svg"] = forest_svg(report)
    with tempfile.TemporaryDirectory() as scratch:
        for path, text in texts.items():
            file = Path(scratch) / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        runs.upload(client, run_id, Path(scratch) / "gate", to="gate")
    tags = _tags(report)
    runs.log(client, run_id, tags=tags | {"mlflow.note.content": note})
    version = str(report.candidate)
    client.update_model_version(report.model, version, note)
    for key, value in tags.items():
        client.set_model_version_tag(report.model, version, key, value)


def show_performance(client: MlflowClient, report: PerformanceReport) -> None:
    """Put a performance report on the model's page, and beside its attempts in a run of its own."""
    experiment = client.get_experiment_by_name(report.model)
    if experiment is not None:
        run_id = runs.tagged_run(
            client, experiment.experiment_id, PERFORMANCE_TAG, report.model, name="performance"
        )
        with tempfile.TemporaryDirectory() as scratch:
            for suffix in (".html", ".md", ".json"):
                report.save(Path(scratch) / f"performance{suffix}")
            runs.upload(client, run_id, Path(scratch), to="report")
        note = report.to_markdown(most=DESCRIPTION)
        runs.log(client, run_id, tags={"mlflow.note.content": note})
        client.set_terminated(run_id, "FINISHED")
    if report.champion is not None:
        client.update_registered_model(report.model, report.to_markdown(most=DESCRIPTION))


def show_proof(client: MlflowClient, run_id: str, evidence: Evidence, ledger: Ledger) -> None:
    """Put the proofs of an improvement's sums beside its evidence, for `hokusai verify`."""
    # It is in no outbox yet while outside oracles are asked.
    stored = ledger.get("settlement.intent", evidence.digest) or requested(ledger, evidence.digest)
    if stored is not None and "proven" in stored.body:
        names = ("chain_id", "contract", "improvement", "proven")
        told = json.dumps({name: stored.body[name] for name in names}, indent=1)
        runs.upload_text(client, run_id, {"gate/proof.json": told})


def show_public_part(client: MlflowClient, run_id: str, shown: Mapping[str, pd.DataFrame]) -> None:
    """Put the examples that oracles see of a hybrid in files of their own, to be handed to them."""
    with tempfile.TemporaryDirectory() as scratch:
        for which, frame in shown.items():
            frame.to_parquet(Path(scratch) / f"{which}-predictions.parquet")
        runs.upload(client, run_id, Path(scratch), to="gate/public")


def show_settlement(client: MlflowClient, ledger: Ledger, settlement: Settlement) -> None:
    """Show where a payment stands now; it is called rewarded only when final."""
    intent = ledger.get("settlement.intent", settlement.evidence.removeprefix("0x"))
    opened = ledger.get("attempt.opened", intent.attempt) if intent and intent.attempt else None
    if opened is None:
        return
    stored = runs.read_text(client, opened.body["run_id"], STORED)
    if stored is None:
        # Of a run before reports were kept.
        is_development = intent is not None and intent.body["chain_id"] == LOCAL_CHAIN_ID
        tags = _settlement_tags(settlement.to_dict(), development=is_development)
        runs.log(client, opened.body["run_id"], tags=tags)
        return
    show_report(client, Report.from_dict(json.loads(stored)).settled(settlement.to_dict()))


def _tags(report: Report) -> dict[str, str]:
    decision = report.document.get("decision") or {}
    tags = {
        "hokusai.outcome": report.outcome,
        "hokusai.version": __version__,
        "hokusai.candidate": str(report.candidate),
        "hokusai.signature": decision.get("signature", ""),
        "hokusai.evidence": report.digest,
    }
    if report.facts.get("approval"):
        tags["hokusai.approval"] = report.facts["approval"]["state"]
    if report.settlement:
        is_development = bool(report.facts.get("development"))
        tags |= _settlement_tags(report.settlement, development=is_development)
    return {name: value for name, value in tags.items() if value}


def _settlement_tags(settlement: Mapping[str, Any], *, development: bool) -> dict[str, str]:
    state = settlement["state"]
    return {
        "hokusai.settlement": "rewarded" if state == "confirmed" else state,
        "hokusai.transaction": settlement.get("tx_hash") or "",
        **({"hokusai.chain": DEVELOPMENT_NOTE} if development else {}),
    }


def _metrics(judgement: Judgement, report: Report) -> dict[str, float]:
    """Every comparison under MLflow's names, and what the rules measured."""
    found: dict[str, float] = {}
    for row in report.figures["rows"]:
        one, name = row["comparison"], metric_name(row["name"])
        if one is None:
            continue
        found |= {f"eval/{name}": one["candidate"], f"baseline/{name}": one["baseline"]}
        found |= {
            f"gate/{name}/improvement_bps": one["improvement_bps"],
            f"gate/{name}/ci_low": one["ci_low_bps"],
            f"gate/{name}/ci_high": one["ci_high_bps"],
            f"gate/{name}/p_value": one["p_value"],
        }
    if judgement.crossval is not None:
        found["gate/crossval/p_value"] = judgement.crossval.p_value
    for rail in report.finding("guardrails").get("rows", ()):
        for key in ("improvement_bps", "p_adjusted"):
            if rail[key] is not None:
                found[f"gate/guardrails/{metric_name(rail['name'])}/{key}"] = rail[key]
    for code, keys in (("blocks", ("worst_bps", "q_p_value")), ("validation-runs", ("better",))):
        figures = report.finding(code)
        found |= {
            f"gate/{code}/{key}": figures[key] for key in keys if figures.get(key) is not None
        }
    if report.document.get("payment"):
        found["reward/paid_bps"] = report.document["payment"]["paid_bps"]
    return found


def metric_name(name: str) -> str:
    """A name that MLflow takes for a metric: it knows no brackets and no equals signs."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)[:120]


def _used(attempt: Attempt, gate: Trial, payment: Trial | None) -> list[Used]:
    def used(rows: Dataset, name: str, content: str, context: str) -> Used:
        columns = {str(one): kind.kind for one, kind in rows.features.dtypes.items()}
        return Used(name, content, context, len(rows), columns)

    inputs, training = attempt.inputs, attempt.training
    sealed = inputs.part(attempt.holdout)
    found = [
        used(training.reference, "reference", training.reference.digest, "training"),
        used(sealed, attempt.holdout, gate.evaluation, "gate"),
    ]
    if payment is not None and inputs.spec.pay == "fresh":
        found.append(used(inputs.part(PAYMENT), PAYMENT, payment.evaluation, "payment"))
    return found + [
        used(rows, name, rows.digest, "contribution") for name, rows in training.contributed.items()
    ]


def _show_examples(client: MlflowClient, run_id: str, trials: Mapping[str, Trial]) -> None:
    """All examples as Parquet, and as many as a page takes as a table of the run's."""
    with tempfile.TemporaryDirectory() as scratch:
        for which, one in trials.items():
            frame = pd.DataFrame({key: list(values) for key, values in one.predictions.items()})
            frame.to_parquet(Path(scratch) / f"{which}-predictions.parquet")
            if which == "gate":
                table = frame.head(TABLE_ROWS).map(_in_short)
                table.to_json(Path(scratch) / "examples.json", orient="split", index=False)
        runs.upload(client, run_id, Path(scratch), to="gate")
    # What marks an artifact as a table; MLflow's own call would append to it when done again.
    table_tag = json.dumps([{"path": "gate/examples.json", "type": "table"}])
    runs.log(client, run_id, tags={"mlflow.loggedArtifacts": table_tag})


def _in_short(cell: Any) -> Any:
    """A cell as a page shows it: log-likelihoods of tokens are many, and their sum says enough."""
    if not isinstance(cell, Mapping):
        return cell
    each = cell[LOG_LIKELIHOODS]
    return f"{each.sum():.2f} nats in {len(each):,} tokens"


def _children(report: Report) -> list[Child]:
    """One level: repeats of the refits with a step per fold, and subsets of contributors."""
    found = []
    crossval = report.document.get("crossval") or {}
    pairs = zip(crossval.get("baseline", ()), crossval.get("candidate", ()), strict=True)
    for at, (old, new) in enumerate(pairs, start=1):
        improvements = tuple((c - b) * 10_000 for b, c in zip(old, new, strict=True))
        metrics = {
            f"folds/{report.metric}/champion": tuple(old),
            f"folds/{report.metric}/candidate": tuple(new),
            f"folds/{report.metric}/improvement_bps": improvements,
        }
        params = {"kind": "refits", "repeat": str(at), "folds": str(len(old))}
        found.append(Child(f"repeat-{at}", f"refits, repeat {at}", metrics, params))
    for one in (report.document.get("contributions") or {}).get("worth", ()):
        members = one["members"]
        name = "champion" + "".join(f" + {member}" for member in members)
        metrics = {f"subset/{report.metric}": (one["mean"],)}
        params = {"kind": "subset", "contributors": ", ".join(members) or "none"}
        found.append(Child(f"subset-{digest(members)[:16]}", name[:200], metrics, params))
    return found
