"""The one test of a candidate on the sealed hold-out, and the measurement that is paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.contributions.digests import evaluation_digest
from hokusai_mlflow.deltaone import PairedSums, improvement_bps, paired_kind
from hokusai_mlflow.errors import LedgerConflict, MetricUndefined
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.figures import figures
from hokusai_mlflow.gate import Guarded
from hokusai_mlflow.inputs import PAYMENT
from hokusai_mlflow.ledger import Ledger, Look, spend_look
from hokusai_mlflow.ledger.looks import LOOK
from hokusai_mlflow.metrics import Metric
from hokusai_mlflow.people import People
from hokusai_mlflow.recipe import predict
from hokusai_mlflow.safeguards import (
    compare_by_block,
    compare_guardrails,
    guardrails,
    metric_of,
)
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.stats.blocks import BlockConsistency
from hokusai_mlflow.stats.comparison import Comparison, compare_outputs
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.tracking.registry import Registered


@dataclass(frozen=True)
class Models:
    """The two fitted models, loaded from their registered files."""

    champion: Any
    candidate: Any


@dataclass(frozen=True, repr=False)
class Trial:
    """Champion against candidate on one set of examples.

    Attributes
    ----------
    comparison : Comparison
        On the gated metric.
    sums : PairedSums
        What oracles sign and the contract recomputes the improvement from.
    evaluation : str
        Commitment to the examples: digest of ids and targets.
    also : mapping of str to (float, float)
        Champion's and candidate's values of the metrics that are logged beside the gated one.
    predictions : mapping of str to ndarray
        ``id``, ``target``, ``champion``, ``candidate``, and ``group`` where examples are grouped;
        one entry per example.
    guardrails : tuple of Guarded
        Other metrics and slices, on the sealed hold-out only.
    blocks : BlockConsistency or None
        The comparison by structural block, on the sealed hold-out only.
    figures : mapping
        What a report draws, on the sealed hold-out only; see `figures`.
    people : People or None
        Who rated, and how they agree, where people give the metric; on the hold-out only.
    """

    comparison: Comparison
    sums: PairedSums
    evaluation: str
    also: Mapping[str, tuple[float, float]]
    predictions: Mapping[str, np.ndarray]
    guardrails: tuple[Guarded, ...] = ()
    blocks: BlockConsistency | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    people: People | None = None

    def __repr__(self) -> str:
        return f"Trial({self.comparison!r})"


@dataclass(frozen=True, repr=False)
class Payment:
    """What an accepted improvement is worth.

    Attributes
    ----------
    policy : {"fresh", "lower_bound", "measured"}
        Where the basis points come from.
    measured_bps : int
        Basis points by the policy, rounded down; may be negative.
    paid_bps : int
        After the part that is due to what the owner changed is taken off; 0 when nothing is paid.
    n : int
        Examples measured.
    reason : str
        Why nothing is paid; empty when something is.
    """

    policy: str
    measured_bps: int
    paid_bps: int
    n: int
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, part of the evidence."""
        return {
            "policy": self.policy,
            "measured_bps": self.measured_bps,
            "paid_bps": self.paid_bps,
            "n": self.n,
            "reason": self.reason,
        }

    def __repr__(self) -> str:
        return f"Payment({self.policy}: {self.paid_bps} of {self.measured_bps} bps measured)"


def holdout_commitment(attempt: Attempt) -> str:
    """Commitment to the sealed hold-out of an attempt."""
    rows = attempt.inputs.part(attempt.holdout)
    return evaluation_digest(rows.ids, rows.targets)


def look_key(attempt: Attempt, candidate: Registered) -> str:
    """Identity of a test: the same two models on the same hold-out under the same policy."""
    spec = attempt.inputs.spec
    beaten = attempt.champion.registered.digest if attempt.champion else None
    return digest(
        {
            "champion": beaten,
            "candidate": candidate.digest,
            "policy": spec.gate.to_dict(),
            "metric": [spec.metric, spec.metric_options],
            # Columns that say what belongs together make another test of the same examples.
            **({"metadata": _told_apart(attempt)} if spec.data.metadata else {}),
            "holdout": [attempt.model, attempt.holdout, holdout_commitment(attempt)],
        }
    )


def _told_apart(attempt: Attempt) -> list[Any]:
    data = attempt.inputs.spec.data
    rows = attempt.inputs.part(attempt.holdout)
    return [data.group, data.blocks, list(data.slices), rows.metadata_digest]


def spend(attempt: Attempt, candidate: Registered, ledger: Ledger) -> Look:
    """Spend one look of the sealed hold-out, before anything is computed on it."""
    policy = attempt.inputs.spec.gate
    return spend_look(
        ledger,
        model=attempt.model,
        holdout=attempt.holdout,
        test_key=look_key(attempt, candidate),
        attempt=attempt.id,
        alpha=policy.alpha,
        quota=policy.quota,
        after_reward=policy.after_reward,
        tiers=policy.revealed_sizes,
    )


def require_look(attempt: Attempt, candidate: Registered | None) -> None:
    """Check that a look was spent on a candidate, before more is computed on the hold-out.

    The same test is one look: an attempt that comes to the candidate of an earlier one, say since
    all that is new are copies, goes on under the look that the earlier one spent.

    Raises
    ------
    LedgerConflict
        When there is none.
    """
    with Ledger(Settings().prepare().ledger) as ledger:
        if candidate is None or ledger.get(LOOK, look_key(attempt, candidate)) is None:
            raise LedgerConflict(
                f"no look of {attempt.holdout} was spent for this attempt; validation runs come "
                "after the test on the hold-out"
            )


def rehearse(attempt: Attempt, candidate: Any) -> None:
    """Check that a fitted candidate predicts what the metric needs, on its own training rows.

    Raises
    ------
    RecipeError, InputError
        When it fails, or its predictions are not one usable value per row.
    """
    of, rows = attempt.inputs.automatic_metric, attempt.training.reference
    for one in (of, *(metric_of(attempt.inputs, r) for r in guardrails(attempt.inputs))):
        one.statistics(rows.targets, _said(candidate, rows, one, "candidate"))
    logged_beside(attempt, Models(candidate, candidate), rows)


def require_payable(attempt: Attempt, models: Models) -> None:
    """Check that both models have a score on the payment examples, before anything is decided.

    A verdict that cannot be paid for would leave a promoted model behind and an attempt that never
    ends. Which score is higher plays no part.

    Raises
    ------
    RecipeError, InputError
        When a model fails on these rows, or the metric is undefined there.
    """
    of, rows = attempt.inputs.metric, payment_rows(attempt)
    if attempt.inputs.spec.pay != "fresh":
        return
    both = []
    for name, model in (("champion", models.champion), ("candidate", models.candidate)):
        both.append(_said(model, rows, of, name))
        of.utility(of.score(rows.targets, both[-1]))
    of.require_comparable(rows.targets, *both)


def run_trial(attempt: Attempt, models: Models, rows: Dataset, *, level: float) -> Trial:
    """Score both models on the same examples.

    Parameters
    ----------
    attempt : Attempt
        Gives the metric and the policy's minimum effect.
    models : Models
        Champion and candidate.
    rows : Dataset
        The examples.
    level : float
        Level of the one-sided test of H0: Δ ≤ minimum effect.
    """
    spec = attempt.inputs.spec
    of = attempt.inputs.metric
    groups = attempt.inputs.groups(rows)
    champion = _said(models.champion, rows, of, "champion")
    candidate = _said(models.candidate, rows, of, "candidate")
    statement = attempt.inputs.statement
    columns = (rows.targets, champion, candidate)
    if statement is not None:
        columns = statement.as_counted(*columns)
    comparison = compare_outputs(
        of,
        *columns,
        level=level,
        groups=groups,
        min_effect_bps=float(spec.gate.min_improvement_bps),
    )
    if statement is None:
        scores = paired_scores(of, rows.targets, champion, candidate, groups=groups)
        sums = PairedSums.of(*scores)
    else:
        sums = statement.paired_sums(rows.targets, champion, candidate)
    return Trial(
        comparison,
        sums,
        evaluation_digest(rows.ids, rows.targets),
        logged_beside(attempt, models, rows),
        {
            "id": rows.ids,
            "target": rows.targets,
            "champion": champion,
            "candidate": candidate,
            **({} if groups is None else {"group": groups}),
        },
    )


def run_gate_trial(
    attempt: Attempt,
    models: Models,
    rows: Dataset,
    *,
    level: float,
    tested: Trial | None = None,
) -> Trial:
    """`run_trial` on the sealed hold-out, with guardrails, slices and blocks.

    Parameters
    ----------
    attempt, models, rows, level
        As for `run_trial`.
    tested : Trial, optional
        The test itself, where it is not what a machine says of the models.
    """
    said: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def outputs(of: Metric) -> tuple[np.ndarray, np.ndarray]:
        if of.output not in said:
            said[of.output] = (
                _said(models.champion, rows, of, "champion"),
                _said(models.candidate, rows, of, "candidate"),
            )
        return said[of.output]

    tested = tested or run_trial(attempt, models, rows, level=level)
    guarded = compare_guardrails(attempt.inputs, rows, outputs)
    return replace(
        tested,
        guardrails=guarded,
        blocks=compare_by_block(attempt.inputs, rows, outputs),
        figures=figures(attempt.inputs, rows, outputs, tested.comparison, guarded),
    )


def _said(model: Any, rows: Dataset, of: Metric, name: str) -> np.ndarray:
    return predict(model, rows.features, of, name=name, targets=rows.targets)


def logged_beside(
    attempt: Attempt, models: Models, rows: Dataset
) -> dict[str, tuple[float, float]]:
    """Values of the metrics that are logged only; one that is undefined here is left out."""
    found = {}
    for name in attempt.inputs.spec.also_log:
        of = attempt.inputs.logged_metric(name)
        outputs = [
            _said(model, rows, of, who)
            for who, model in (("champion", models.champion), ("candidate", models.candidate))
        ]
        try:
            found[name] = tuple(of.score(rows.targets, output) for output in outputs)
        except MetricUndefined:
            continue
    return found


def measured_bps(attempt: Attempt, gate: Trial, payment: Trial) -> int:
    """Whole basis points that the payment policy measures, rounded down.

    ``fresh`` and ``measured`` follow from paired sums, as the contract computes them;
    ``lower_bound`` is the one-sided lower bound at the level of the test.
    """
    spec = attempt.inputs.spec
    from_sums = improvement_bps(paired_kind(spec.metric), payment.sums)
    if spec.pay == "lower_bound":
        return min(from_sums, int(np.floor(gate.comparison.lower_bound_bps)))
    return from_sums


def payable_bps(attempt: Attempt, measured: int) -> int:
    """What of the measured basis points may be paid: under ``keep``, the tier below them.

    A payment from a payment set tells nothing of the hold-out, and needs no tiers.
    """
    spec = attempt.inputs.spec
    return measured if spec.pay == "fresh" else spec.gate.tier(measured)


def payment_rows(attempt: Attempt) -> Dataset:
    """The examples that payment is measured on: the payment set, or the hold-out itself."""
    return attempt.inputs.part(PAYMENT if attempt.inputs.spec.pay == "fresh" else attempt.holdout)
