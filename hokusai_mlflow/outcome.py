"""What a judged attempt came to: its price and its evidence."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hokusai_mlflow import inferring, proving
from hokusai_mlflow.deltaone import PairedSums, paired_kind, significant
from hokusai_mlflow.errors import EvidenceMismatch
from hokusai_mlflow.evidence import Evidence, build, read_sums
from hokusai_mlflow.inference_plan import Subject
from hokusai_mlflow.inputs import PAYMENT
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.stats.paired import paired_scores
from hokusai_mlflow.terms import model_config
from hokusai_mlflow.trial import Models, Payment, Trial, measured_bps, payable_bps
from hokusai_mlflow.valuation import Valuation
from hokusai_mlflow.verification.statement import Statement

JUDGED = "hokusai-judged/1"
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
    judgement: Judgement,
    payment: Trial,
    valuation: Valuation,
    settings: Settings,
    both: Models | None = None,
) -> Evidence:
    """The evidence document of a promotion; `both` models where inference is proven."""
    attempt, gate = judgement.attempt, judgement.trial
    spec, sections = attempt.inputs.spec, _sections(judgement, settings)
    proven = None
    if proving.is_proven(spec):
        proven = proving.described(attempt, gate, payment, settings)
    if proven is not None and both is not None:
        subject = Subject(attempt, judgement.candidate.digest, gate, payment, both)
        proven["inference"] = inferring.described(subject, settings)
    sections["evaluation"]["payment"] = {
        "part": PAYMENT if spec.pay == "fresh" else attempt.holdout,
        "digest": proven["evaluation_set"] if proven else payment.evaluation,
        "n": payment.comparison.n,
    }
    sections["contributions"] |= valuation.to_dict()
    return build(
        **sections,
        gate_sums=gate.sums,
        payment_sums=payment.sums,
        payment=price(judgement, payment, valuation).to_dict(),
        verification=proven,
        people=gate.people and gate.people.to_dict(),
    )


def judged_document(judgement: Judgement, settings: Settings) -> dict[str, Any]:
    """What evidence would say of an attempt that was not promoted; nobody can be paid by it."""
    people = judgement.trial.people
    return {
        "format": JUDGED,
        **_sections(judgement, settings),
        **({} if people is None else {"people": people.to_dict()}),
    }


def _sections(judgement: Judgement, settings: Settings) -> dict[str, Any]:
    attempt, gate = judgement.attempt, judgement.trial
    spec, look = attempt.inputs.spec, judgement.look
    examples = gate.evaluation
    if proving.is_proven(spec):
        # Hashed without a salt, private targets could be guessed and checked.
        examples = proving.evaluation_set(attempt, settings)
    return {
        "model": spec.model,
        "champion": judgement.champion.to_dict(),
        "candidate": judgement.candidate.to_dict(),
        "evaluation": {
            "gate": {"part": attempt.holdout, "digest": examples, "n": gate.comparison.n},
            "columns": {
                "group": spec.data.group,
                "blocks": spec.data.blocks,
                "slices": list(spec.data.slices),
                "time": spec.data.time,
                **({"group": "group", "rater": "rater"} if spec.kind.by_people else {}),
            },
        },
        "metric": spec.metric,
        "metric_options": attempt.inputs.metric.options(),
        "policy": spec.gate.to_dict(),
        "look": {"number": look.number, "quota": look.quota, "level": look.level},
        "comparison": gate.comparison.to_dict(),
        "crossval": _crossval(judgement),
        "decision": judgement.decision.to_dict(),
        "contributions": {
            "checks": [check.to_dict() for check in attempt.checks],
            "addresses": {c.name: c.address for c in spec.contributors},
            "recipe": attempt.inputs.recipe.digest,
            "training": attempt.training.digest,
            **({} if spec.quality is None else {"quality": spec.quality.to_dict()}),
        },
        "versions": {name: version(name) for name in VERSIONED}
        | _installed(spec.kind.libraries)
        | {"python": platform.python_version()},
        "seeds": {"pipeline": spec.seed},
    }


def _installed(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


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
