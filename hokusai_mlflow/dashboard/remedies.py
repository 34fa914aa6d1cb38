"""What to do about what went wrong: the guide's troubleshooting, on this store's own findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hokusai_mlflow.history import (
    History,
    Listing,
    attempts,
    findings,
    holdouts,
    improvements,
    models,
    monitoring,
    rewards,
)

_CHECKS: Mapping[str, str] = {
    "significance": "hokusai compare --label-plan",
    "enough-evidence": "hokusai compare --label-plan",
    "cross-validation": "hokusai doctor pipeline.yaml",
    "validation-runs": "hokusai doctor pipeline.yaml",
}
_SETTLEMENT: tuple[tuple[str, str, str], ...] = (
    (
        "Expired",
        "The attestation's deadline has passed: run the model's pipeline again, and the "
        "oracles sign anew.",
        "hokusai run pipeline.yaml",
    ),
    (
        "Budget",
        "The model's budget or daily cap is used up: an administrator raises it, or it "
        "waits for the next day.",
        "hokusai doctor pipeline.yaml",
    ),
    (
        "paused",
        "The contract is paused: ask a guardian to unpause it.",
        "hokusai doctor pipeline.yaml",
    ),
    (
        "oracles have signed",
        "Oracles have not signed yet: they run `hokusai attest`, then settle.",
        "hokusai settle pipeline.yaml",
    ),
    (
        "fee",
        "Fees are above the most that is offered: wait for them to fall, or offer more.",
        "hokusai settle pipeline.yaml",
    ),
    (
        "head",
        "The lineage's head on chain is another model: an administrator moves it, or the "
        "champion's alias is set back.",
        "hokusai doctor pipeline.yaml",
    ),
)
_FEW_LOOKS = 0.8
_LOSING = 8


@dataclass(frozen=True)
class Trouble:
    """One thing that went wrong, or is about to.

    Attributes
    ----------
    kind : {"verification", "rewards", "performance"}
        Which part of the guide's troubleshooting it belongs to.
    what : str
    detail : str
    remedy : str
    check : str
        The command that examines it.
    model, attempt : str
        Where it was seen last; empty where it is about no single one.
    serious : bool
        Whether money or a record is concerned.
    """

    kind: str
    what: str
    detail: str
    remedy: str
    check: str
    model: str = ""
    attempt: str = ""
    serious: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def troubles(history: History) -> tuple[Trouble, ...]:
    """Everything that needs somebody, the serious first."""
    found = [*_verification(history), *_rewards(history), *_performance(history)]
    return tuple(sorted(found, key=lambda trouble: not trouble.serious))


def _verification(history: History) -> list[Trouble]:
    found = []
    for rule in findings.read(history):
        counts = [(rule.failed, "failed"), (rule.insufficient, "lacked evidence")]
        told = ", ".join(f"{count:,} {word}" for count, word in counts if count)
        found.append(
            Trouble(
                "verification",
                f"Rule {rule.code}: {told}",
                f"Latest: {rule.message}",
                rule.remedy or "see the finding in the attempt's report",
                _CHECKS.get(rule.code, "hokusai doctor pipeline.yaml"),
                rule.model,
                rule.latest,
            )
        )
    for outcome, what, remedy in (
        (
            "abandoned",
            "Given up: recipe or data failed",
            "correct the recipe or the data; the next run begins anew",
        ),
        ("open", "Unfinished attempt", "the next `hokusai run` of its spec finishes it"),
    ):
        found += [
            Trouble(
                "verification",
                what,
                one.message or "no verdict yet",
                remedy,
                "hokusai doctor pipeline.yaml",
                one.model,
                one.id,
            )
            for one in attempts.read(history, Listing(size=10), outcome=outcome)
        ]
    return found


def _rewards(history: History) -> list[Trouble]:
    found = []
    for check in rewards.checks(history):
        found += [
            Trouble(
                "rewards",
                "Ledger and chain differ",
                difference,
                "stop settling; find out who wrote, and restore the newest ledger whose chain "
                "of digests holds",
                "hokusai chain audit",
                serious=True,
            )
            for difference in check.differences[:20]
        ]
        if check.problem:
            found.append(
                Trouble(
                    "rewards",
                    "The chain could not be read",
                    check.problem,
                    "check HOKUSAI_RPC_URL and that the node is up",
                    "hokusai doctor",
                    serious=True,
                )
            )
    for standing, serious in ((improvements.FAILED, True), (improvements.PROVISIONAL, False)):
        listing = Listing(size=20, sort="changed_at", descending=True)
        for one in improvements.read(history, listing, standing=standing):
            remedy, command = settlement_remedy(one)
            what = "Payment failed" if serious else f"Payment under way ({one.state})"
            found.append(
                Trouble(
                    "rewards",
                    what,
                    one.error or f"{one.paid_bps} bps, {one.state}",
                    remedy,
                    command,
                    one.model,
                    one.attempt.id,
                    serious=serious,
                )
            )
    return found


def settlement_remedy(one: improvements.Improvement) -> tuple[str, str]:
    """What to do about a payment that is not final, and the command that examines it."""
    told = f"{one.error} {one.state}".lower()
    for sign, remedy, command in _SETTLEMENT:
        if sign.lower() in told:
            return remedy, command
    if one.standing == improvements.FAILED:
        return (
            "The contract refuses it for good: compare its figures with the model's configuration "
            "on chain, and check addresses and distribution rules.",
            "hokusai doctor pipeline.yaml",
        )
    return "Settle again; it is safe to repeat at any time.", "hokusai settle pipeline.yaml"


def _performance(history: History) -> list[Trouble]:
    found = []
    for name in models.names(history)[:200]:
        latest = attempts.read(history, Listing(size=_LOSING), model=name)
        if len(latest) == _LOSING and not any(a.outcome == "promoted" for a in latest):
            found.append(
                Trouble(
                    "performance",
                    f"No improvement in the last {_LOSING} attempts",
                    ", ".join(sorted({a.outcome for a in latest})),
                    "compare the slices on the latest report: target where the champion is "
                    "weak, and review the recipe",
                    "hokusai doctor pipeline.yaml",
                    name,
                    latest.items[0].id,
                )
            )
        found += [
            Trouble(
                "performance",
                f"{one.name} is {'' if one.spent >= one.quota else 'nearly '}used up",
                f"{one.spent} of {one.quota} looks are spent",
                "add labelled reference data, or raise data.split.holdouts",
                "hokusai doctor pipeline.yaml",
                name,
            )
            for one in holdouts.read(history, name)
            if not one.retired and one.spent >= _FEW_LOOKS * one.quota
        ]
        later = monitoring.read(history, name, limit=1)
        if later and later[0].status in ("warn", "roll_back"):
            found.append(
                Trouble(
                    "performance",
                    "The champion has a warning on fresh data",
                    "; ".join(later[0].reasons),
                    "look at the drift of its inputs; retrain on newer data, or roll back",
                    "hokusai monitor pipeline.yaml",
                    name,
                    serious=True,
                )
            )
    return found
