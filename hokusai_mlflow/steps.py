"""The steps of the flows: Prefect tasks, thin, named after what they do.

Steps take and return plain values and open what they need; no MLflow run is "active" in them. A
step that changes the registry, the ledger or the chain carries its own idempotency key, so that
any of them can be killed and run again; Prefect's own caching is off for all. Steps that refit
recipes are in `refit_steps` and `valuation_steps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from prefect.logging import get_run_logger

from hokusai_mlflow import attempt as attempts
from hokusai_mlflow import evidence as evidence_document
from hokusai_mlflow import (
    gate,
    outcome,
    proving,
    quantising,
    rating_steps,
    receipts,
    refits,
    reigning,
    reports,
    review_steps,
    reward,
    showing,
    trial,
)
from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.bench import reach_chain
from hokusai_mlflow.cache import library_versions
from hokusai_mlflow.chain.settlement import Settlement
from hokusai_mlflow.contestants import load, load_both
from hokusai_mlflow.evidence import Evidence
from hokusai_mlflow.gate import Case, Decision, ValidationRuns
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.ledger import Ledger, accept_look
from hokusai_mlflow.monitor_steps import (
    decide_held_back,
    finish_rollback,
    look_at_champion,
    publish_monitoring,
)
from hokusai_mlflow.monitoring import rollback
from hokusai_mlflow.progress import under_way
from hokusai_mlflow.quality_steps import report_quality
from hokusai_mlflow.rating_steps import ask_raters
from hokusai_mlflow.refit_steps import cross_validate, validation_runs
from hokusai_mlflow.report.receipt import Receipt
from hokusai_mlflow.report.report import Report
from hokusai_mlflow.report_steps import performance_report, publish_performance
from hokusai_mlflow.review_steps import review
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.settlement_steps import publish_settlements, settle
from hokusai_mlflow.spec import load_spec
from hokusai_mlflow.stats.crossval import CrossValidation
from hokusai_mlflow.stepping import given_up_on_failure, kept_results, step
from hokusai_mlflow.tracking import models, registry, runs
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.tracking.store import connect
from hokusai_mlflow.trial import Trial
from hokusai_mlflow.valuation import Valuation
from hokusai_mlflow.valuation_steps import require_runner, value_contributions

__all__ = [
    "ask_raters",
    "attest_and_reward",
    "cross_validate",
    "decide",
    "decide_held_back",
    "finish_rollback",
    "look_at_champion",
    "measure_payment",
    "only_run_of",
    "open_attempt",
    "performance_report",
    "preflight",
    "promote",
    "publish",
    "publish_monitoring",
    "publish_performance",
    "publish_settlements",
    "register_baseline",
    "report_quality",
    "review",
    "say_nothing_new",
    "settle",
    "test_on_holdout",
    "train",
    "validation_runs",
    "value_contributions",
    "write_evidence",
]


@contextmanager
def only_run_of(spec_path: str) -> Iterator[None]:
    """Hold the only place for runs of a spec's model; `ModelBusy` when it is taken."""
    with attempts.exclusive(load_spec(spec_path).model, Settings().prepare()):
        yield


@step
def preflight(spec_path: str) -> None:
    """Check that spec, store, ledger and chain are there, before anything is read or changed."""
    settings = Settings().prepare()
    spec = load_spec(spec_path)
    proving.require_prover(spec)
    require_runner(spec.valuation)
    connect(settings)
    with Ledger(settings.ledger):
        reach_chain(spec.chain, settings)


@step
def open_attempt(spec_path: str) -> Attempt:
    """Take up the model's unfinished attempt, or begin a new one from the spec."""
    settings = Settings().prepare()
    rollback.finish(load_spec(spec_path), settings)
    attempt = attempts.open_attempt(spec_path, settings)
    get_run_logger().info("%r", attempt)
    if not attempt.run_id:
        return attempt
    return replace(attempt, flow_run=review_steps.link(attempt, settings))


@step
def train(attempt: Attempt) -> Registered:
    """Fit the candidate on reference and accepted rows, and register it, once per attempt.

    Only when it is fitted and predicts does the ledger hear of the attempt.
    """
    settings = Settings().prepare()
    client = connect(settings)
    known = registry.registered_by(client, attempt.model, attempt.id)
    if known is not None:
        return known
    spec, recipe, rows = attempt.inputs.spec, attempt.inputs.recipe, attempt.training
    quantising.require_kind(recipe, spec)
    champion = None
    if attempt.champion is not None:
        reward.require_head(spec, attempts.beaten(attempt).digest, settings)
        if quantising.is_inferred(spec):
            champion = load(attempt, attempts.beaten(attempt), settings)
            quantising.required_model(champion, spec)
        # Before there is a candidate that could predict anything.
        reward.commit_labels(attempt, champion, settings)

    def fit(folder: Path) -> None:
        everything = rows.everything
        fitted = recipe.fit(
            everything.features, everything.targets, seed=spec.seed, on="the training rows"
        )
        if quantising.is_inferred(spec):
            fitted = quantising.quantised(fitted, everything.features, attempt.inputs, champion)
        models.save(fitted, folder, serialization=spec.serialization)

    made_of: dict[str, object] = {
        "fit": [recipe.digest, rows.digest, spec.seed, spec.serialization],
        "libraries": library_versions(),
    }
    if quantising.is_inferred(spec):
        made_of["in whole numbers, on the grid of"] = champion and attempts.beaten(attempt).digest
    key = evidence_document.digest(made_of)
    with given_up_on_failure(attempt):
        with under_way(f"training {spec.model} on {len(rows.everything):,} rows"):
            folder = kept_results().folder(key, fit)
        trial.rehearse(attempt, models.read(folder))
        digest = models.content_digest(folder)
        with Ledger(settings.ledger) as ledger:
            reigning.require_new(ledger, attempt.model, digest)
    attempts.enter(attempt, settings)
    return registry.register(
        client, attempt.model, attempt.id, attempt.run_id, folder=folder, digest=digest
    )


@step
def test_on_holdout(attempt: Attempt, candidate: Registered) -> Trial:
    """Spend one look, then compare champion and candidate on the sealed hold-out."""
    settings = Settings().prepare()
    if attempt.inputs.spec.kind.by_people:
        return rating_steps.gate_trial(attempt, candidate, settings)
    both = load_both(attempt, candidate, settings)
    rows = attempt.inputs.part(attempt.holdout)
    with given_up_on_failure(attempt):
        trial.require_payable(attempt, both)
        with Ledger(settings.ledger) as ledger:
            look = trial.spend(attempt, candidate, ledger)
        return trial.run_gate_trial(attempt, both, rows, level=look.level)


@step
def decide(
    attempt: Attempt,
    candidate: Registered,
    holdout: Trial,
    crossval: CrossValidation | None,
    runs: ValidationRuns | None = None,
) -> Judgement:
    """Judge by every rule and write the verdict down; a verdict that was written stands."""
    spec = attempt.inputs.spec
    with Ledger(Settings().prepare().ledger) as ledger:
        look = trial.spend(attempt, candidate, ledger)
        stored = ledger.get("attempt.decided", attempt.id)
        if stored is None:
            case = Case.of(
                attempt.inputs.metric,
                holdout.comparison,
                crossval,
                spec.gate,
                same_model=candidate.digest == attempts.beaten(attempt).digest,
                guardrails=holdout.guardrails,
                blocks=holdout.blocks,
                validation_runs=runs,
                agreement=holdout.people.agreement if holdout.people else None,
                raters=holdout.people,
            )
            verdict = gate.decide(case, look=look.number)
            body = {
                "verdict": verdict.verdict,
                "decision": verdict.to_dict(),
                "comparison": holdout.comparison.to_dict(),
                "crossval": None if crossval is None else crossval.to_dict(),
                "candidate": candidate.to_dict(),
            }
            stored = ledger.append(
                "attempt.decided", attempt.id, body, model=attempt.model, attempt=attempt.id
            )
        decision = Decision.from_dict(stored.body["decision"])
        if decision.promoted:
            accept_look(ledger, look.test_key)
    judgement = Judgement(attempt, candidate, holdout, crossval, look, decision)
    get_run_logger().info("%r", judgement)
    return judgement


@step
def promote(attempt: Attempt, candidate: Registered) -> None:
    """Move the alias `champion` from the version that was beaten to the candidate."""
    settings = Settings().prepare()
    beaten = attempt.champion.registered if attempt.champion else None
    registry.promote(connect(settings), candidate, beaten=beaten)
    with Ledger(settings.ledger) as ledger:
        ledger.append(
            "attempt.promoted",
            attempt.id,
            candidate.to_dict(),
            model=attempt.model,
            attempt=attempt.id,
        )


@step
def measure_payment(judgement: Judgement) -> Trial:
    """Measure the improvement that is paid, on examples that selected nothing."""
    attempt, holdout = judgement.attempt, judgement.trial
    if attempt.inputs.spec.pay != "fresh":
        return holdout
    settings, level = Settings().prepare(), holdout.comparison.level
    if attempt.inputs.spec.kind.by_people:
        return rating_steps.payment_trial(attempt, judgement.candidate, settings, level=level)
    both = load_both(attempt, judgement.candidate, settings)
    rows = trial.payment_rows(attempt)
    return trial.run_trial(attempt, both, rows, level=level)


@step
def write_evidence(judgement: Judgement, payment: Trial, valuation: Valuation) -> Evidence:
    """Put the evidence together and write it down; evidence that was written stands."""
    attempt = judgement.attempt
    with Ledger(Settings().prepare().ledger) as ledger:
        stored = ledger.get("attempt.evidence", attempt.id)
        if stored is None:
            both = None
            if quantising.is_inferred(attempt.inputs.spec):
                both = load_both(attempt, judgement.candidate, Settings().prepare())
            document = outcome.evidence(judgement, payment, valuation, Settings(), both)
            body = {
                "digest": document.digest,
                "paid_bps": document.document["payment"]["paid_bps"],
                "document": document.to_dict(),
            }
            stored = ledger.append(
                "attempt.evidence", attempt.id, body, model=attempt.model, attempt=attempt.id
            )
    return Evidence(stored.body["document"])


@step
def attest_and_reward(
    judgement: Judgement, payment: Trial, evidence: Evidence
) -> Settlement | None:
    """Have it vouched for as the spec says, and pay; without pay, only move the lineage's head."""
    settings = Settings().prepare()
    if not evidence.document["payment"]["paid_bps"]:
        reward.move_head_unpaid(judgement.attempt.inputs.spec, evidence, settings)
        return None
    outcome.check_sums(evidence, judgement.trial, payment)
    title = f"having {judgement.attempt.model} vouched for, and paying"
    with Ledger(settings.ledger) as ledger, under_way(title) as told:
        if quantising.is_inferred(judgement.attempt.inputs.spec):
            both = load_both(judgement.attempt, judgement.candidate, settings)
            reward.infer(judgement, payment, both, settings, progress=told)
        settlement = reward.pay(judgement, payment, evidence, ledger, settings, progress=told)
    get_run_logger().info("%r", settlement)
    return settlement


@step
def publish(
    judgement: Judgement,
    payment: Trial | None = None,
    evidence: Evidence | None = None,
    settlement: Settlement | None = None,
) -> Receipt:
    """Show the outcome in MLflow and Prefect, close the attempt, and return the receipt."""
    settings, attempt = Settings().prepare(), judgement.attempt
    client = connect(settings)
    receipt = receipts.judged(judgement, evidence, settlement)
    said = judgement.approval
    report = reports.judged(judgement, evidence, settlement, said.to_dict() if said else None)
    showing.show_judged(client, judgement, report, payment)
    if evidence is not None:
        with Ledger(settings.ledger) as ledger:
            showing.show_proof(client, attempt.run_id, evidence, ledger)
        if payment is not None and attempt.inputs.spec.verification == "hybrid":
            shown = proving.seen_by_oracles(attempt, judgement.trial, payment, settings)
            showing.show_public_part(client, attempt.run_id, shown)
    if not judgement.promoted:
        registry.challenge(client, judgement.candidate)
    if judgement.awaits:
        # The attempt stays open; the next run takes it up and asks again.
        review_steps.tell(report)
        return receipt
    return _close(attempt, receipt, report, settings)


@step
def register_baseline(attempt: Attempt, candidate: Registered) -> Receipt:
    """Make the first version of a model its champion: with scores, without pay."""
    settings = Settings().prepare()
    client = connect(settings)
    spec, splitter = attempt.inputs.spec, attempt.inputs.splitter
    arm = refits.candidate_arm(attempt)
    with given_up_on_failure(attempt):
        utility = float(refits.score_repeat(attempt, arm, 0, splitter, kept_results())[-1])
    with under_way(f"setting up {spec.model} on chain") as told:
        reward.found_lineage(attempt.inputs, candidate.digest, settings, told)
    promote.fn(attempt, candidate)
    receipt = receipts.baseline(attempt, candidate, utility)
    score = next(iter(receipt.scores.values()))[1]
    runs.log(client, attempt.run_id, metrics={f"eval/{spec.automatic_metric[0]}": score})
    report = reports.baseline(attempt, candidate, receipt)
    showing.show_report(client, report)
    return _close(attempt, receipt, report, settings)


@step
def say_nothing_new(attempt: Attempt) -> Receipt:
    """A receipt that says why there was nothing to do."""
    return receipts.nothing_new(attempt)


def _close(attempt: Attempt, receipt: Receipt, report: Report, settings: Settings) -> Receipt:
    connect(settings).set_terminated(attempt.run_id, "FINISHED")
    review_steps.tell(report)
    with Ledger(settings.ledger) as ledger:
        stored = ledger.get("attempt.closed", attempt.id)
        if stored is None:
            stored = ledger.append(
                "attempt.closed",
                attempt.id,
                {"outcome": receipt.outcome, "receipt": receipt.to_dict(), **report.beside()},
                model=attempt.model,
                attempt=attempt.id,
            )
    return Receipt.from_dict(stored.body["receipt"])
