"""Receipts: of a judged attempt, of a baseline, of a run with nothing to do."""

from __future__ import annotations

import math

from hokusai_mlflow.attempt import Attempt, beaten
from hokusai_mlflow.bench import is_development_chain
from hokusai_mlflow.chain.settlement import Settlement
from hokusai_mlflow.deltaone import CONTRIBUTORS_PERCENT, WEIGHT_TOTAL
from hokusai_mlflow.evidence import Evidence
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.ratings.given import GivenRatings
from hokusai_mlflow.report.inferred import told_inference
from hokusai_mlflow.report.receipt import ContributorLine, Outcome, Receipt
from hokusai_mlflow.report.valued import told_how
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.valuation import Valuation

HOW_TO_APPROVE = {
    "mlflow": (
        "on its page in MLflow, set the tags hokusai.approval (approve or refuse) and "
        "hokusai.reviewer (your name), perhaps hokusai.note; then run the same command again"
    ),
    "prefect": "resume the flow run in Prefect and fill in its form; then run the same again",
}


def _lines(
    attempt: Attempt, evidence: Evidence | None, settlement: Settlement | None
) -> tuple[ContributorLine, ...]:
    spec = attempt.inputs.spec
    found = Valuation.from_dict(evidence.document["contributions"]) if evidence else None
    reward = settlement.reward if settlement else 0
    total = found.share_total if found else WEIGHT_TOTAL
    lines = []
    for contributor, check in zip(spec.contributors, attempt.checks, strict=True):
        value, error = (None, None)
        share = found.shares.get(contributor.name, 0) if found else 0
        if found and contributor.name in attempt.players:
            value, error = found.value_of(contributor.name)
        lines.append(
            ContributorLine(
                name=contributor.name,
                address=contributor.address,
                given=check.given,
                accepted=int(check.accepted.sum()),
                excluded=dict(check.counts),
                value=value,
                std_error=error,
                share=share * WEIGHT_TOTAL // total,
                share_error=found.share_error(contributor.name) if found else None,
                wei=str(_contributors_part(reward, share, total)),
            )
        )
    return tuple(lines)


def _contributors_part(reward: int, share: int, total: int) -> int:
    """A contributor's wei, as the contract computes it where every address is another."""
    return reward * CONTRIBUTORS_PERCENT * share // (100 * total)


def judged(
    judgement: Judgement, evidence: Evidence | None, settlement: Settlement | None
) -> Receipt:
    """The receipt of an attempt that was judged."""
    attempt, candidate, decision = judgement.attempt, judgement.candidate, judgement.decision
    spec, comparison = attempt.inputs.spec, judgement.trial.comparison
    lines = _lines(attempt, evidence, settlement)
    reward = settlement.reward if settlement else 0
    result: Outcome = "promoted" if decision.verdict == "promote" else decision.verdict
    said = judgement.approval
    if said is not None and not judgement.promoted:
        result = "awaiting" if judgement.awaits else "refused"
    message = {
        "promoted": f"version {candidate.version} is the champion of {spec.model} now",
        "hold": "the hold-out cannot tell whether the candidate is better; "
        + decision.would_change_it,
        "reject": "the candidate is not shown to be better; "
        + "; ".join(f.message for f in decision.reasons),
        "refused": f"{said.by} refused it{f': {said.note}' if said.note else ''}" if said else "",
        "awaiting": (
            f"version {candidate.version} passed every requirement; "
            + HOW_TO_APPROVE[said.via].format(model=spec.model, version=candidate.version)
            if said
            else ""
        ),
    }[result]
    return Receipt(
        outcome=result,
        model=spec.model,
        metric=spec.metric,
        message=message,
        attempt=attempt.id,
        run_id=attempt.run_id,
        champion_version=judgement.champion.version,
        candidate_version=candidate.version,
        scores={spec.metric: (comparison.baseline, comparison.candidate), **judgement.trial.also},
        comparison=comparison.to_dict(),
        decision=decision.to_dict(),
        payment=evidence.document["payment"] if evidence else {},
        settlement=settlement.to_dict() if settlement else {},
        contributors=lines,
        valued=told_how(evidence.document["contributions"].get("valuation")) if evidence else "",
        inferred=told_inference(evidence.document) if evidence else "",
        owner=spec.owner,
        owner_wei=str(reward - sum(int(line.wei) for line in lines)),
        evidence=evidence.digest if evidence else "",
        development=is_development_chain(spec.chain, Settings()),
        resumed=attempt.resumed,
    )


def rating(
    attempt: Attempt, candidate: Registered, questions: int, missing: int, given: GivenRatings
) -> Receipt:
    """The receipt of a run that waits for people's ratings; it says how many, never what."""
    spec = attempt.inputs.spec
    assert spec.human.scale is not None, "the spec was checked"
    low, high = spec.human.scale
    return Receipt(
        outcome="rating",
        model=spec.model,
        metric=spec.metric,
        message=(
            f"{missing:,} of {questions:,} questions need more ratings: both answers to each are "
            f"to be rated from {low:g} to {high:g} by {spec.human.raters_per_item} people or more; "
            f"{len(given.raters)} have begun. Give a rater a sheet with `hokusai ratings export "
            "SPEC --rater NAME --out FILE` and bring it back with `hokusai ratings import SPEC "
            f"FILE --rater NAME`, or let them leave the feedback rating in the experiment "
            f"'{spec.model} ratings' of MLflow; then run the same command again"
        ),
        attempt=attempt.id,
        run_id=attempt.run_id,
        champion_version=beaten(attempt).version,
        candidate_version=candidate.version,
        contributors=_lines(attempt, None, None),
        owner=spec.owner,
        development=is_development_chain(spec.chain, Settings()),
        resumed=attempt.resumed,
    )


def baseline(attempt: Attempt, candidate: Registered, utility: float) -> Receipt:
    """The receipt of a model's first version."""
    spec = attempt.inputs.spec
    of = attempt.inputs.automatic_metric
    sign = -1 if of.direction == "lower" else 1
    value = math.exp(sign * utility) if of.scale == "log_ratio" else sign * utility
    return Receipt(
        outcome="baseline",
        model=spec.model,
        metric=spec.metric,
        message=(
            f"version {candidate.version} is the first of {spec.model}: the champion that "
            "candidates must beat. Nothing is paid for a baseline. Next: run the same command "
            "again, and the contributions are tested against it"
        ),
        attempt=attempt.id,
        run_id=attempt.run_id,
        candidate_version=candidate.version,
        scores={f"{of.name}, out of fold": (value, value)},
        owner=spec.owner,
        development=is_development_chain(spec.chain, Settings()),
    )


def nothing_new(attempt: Attempt) -> Receipt:
    """The receipt of a run that had nothing to do."""
    spec = attempt.inputs.spec
    return Receipt(
        outcome="nothing_new",
        model=spec.model,
        metric=spec.metric,
        message=attempt.finished,
        attempt=attempt.id,
        champion_version=beaten(attempt).version,
        contributors=_lines(attempt, None, None),
        owner=spec.owner,
        development=is_development_chain(spec.chain, Settings()),
    )
