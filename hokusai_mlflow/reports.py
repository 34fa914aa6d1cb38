"""Reports on attempts: put together from what the flow knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.bench import is_development_chain
from hokusai_mlflow.chain.settlement import Settlement
from hokusai_mlflow.evidence import Evidence
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.outcome import judged_document
from hokusai_mlflow.report.receipt import Receipt
from hokusai_mlflow.report.report import Report
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.registry import Registered

BASELINE = "hokusai-baseline/1"


def judged(
    judgement: Judgement,
    evidence: Evidence | None,
    settlement: Settlement | None,
    approval: Mapping[str, Any] | None = None,
) -> Report:
    """The report on a judged attempt; one that was not promoted has no evidence."""
    document = evidence.to_dict() if evidence else judged_document(judgement, Settings())
    return Report.from_evidence(
        document,
        settlement.to_dict() if settlement else None,
        figures=judgement.trial.figures,
        facts=_facts(judgement.attempt) | ({"approval": dict(approval)} if approval else {}),
    )


def baseline(attempt: Attempt, candidate: Registered, receipt: Receipt) -> Report:
    """The report on a model's first version."""
    spec = attempt.inputs.spec
    document = {
        "format": BASELINE,
        "model": spec.model,
        "metric": spec.metric,
        "candidate": candidate.to_dict(),
        "scores": {name: pair[1] for name, pair in receipt.scores.items()},
        "contributions": {
            "recipe": attempt.inputs.recipe.digest,
            "training": attempt.training.digest,
        },
        "seeds": {"pipeline": spec.seed},
    }
    return Report.from_evidence(document, facts=_facts(attempt))


def _facts(attempt: Attempt) -> dict[str, Any]:
    spec = attempt.inputs.spec
    return {
        "attempt": attempt.id,
        "run_id": attempt.run_id,
        "development": is_development_chain(spec.chain, Settings()),
        "owner": spec.owner,
        # The attempt ends there, whatever finishes it.
        **({"flow_run": attempt.flow_run} if attempt.flow_run else {}),
    }
