"""What was held back of a reward: measured again later, signed once, decided by the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hokusai_mlflow.chain.events import ChainEvent
from hokusai_mlflow.chain.finality import Finality, settled_height
from hokusai_mlflow.chain.improvement import Improvement
from hokusai_mlflow.chain.maintenance import (
    ADMITTED,
    RECORDED,
    SIGNED,
    Maintenance,
    decision_of,
    place_of,
)
from hokusai_mlflow.chain.signer import Signer
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.deltaone import PairedSums, improvement_bps, paired_kind
from hokusai_mlflow.errors import (
    ChainError,
    ContractRefused,
    EvidenceMismatch,
    InputError,
    LedgerConflict,
)
from hokusai_mlflow.evidence import digest, read_sums
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.verification.claimed import improvement_from
from hokusai_mlflow.verification.oracle import attest, require_quorum

FORMAT = "hokusai-maintenance/1"


@dataclass(frozen=True)
class Decision:
    """What became of what was held back.

    Attributes
    ----------
    evidence, report : str
        Digests of the improvement and of the later measurement.
    maintained : bool
        Whether it was paid; else it went back to the budget.
    measured_bps : int
        The improvement on the later examples, in basis points.
    amount : int
        Wei that were held back.
    transaction : str
        Where it was decided.
    is_final : bool
        Whether the block is deep enough; if not, deciding again later finds it.
    """

    evidence: str
    report: str
    maintained: bool
    measured_bps: int
    amount: int
    transaction: str
    is_final: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON form; wei are decimal strings."""
        return asdict(self) | {"amount": str(self.amount)}

    def __repr__(self) -> str:
        done = "vested" if self.maintained else "returned to the budget"
        return f"Decision({self.amount / 10**18:g} DeltaOnes {done}: {self.measured_bps} bps)"


def report_of(
    document: Mapping[str, Any], examples: Mapping[str, Any], sums: PairedSums
) -> dict[str, Any]:
    """The document about a later measurement; its digest is what the contract uses once.

    Parameters
    ----------
    document : mapping
        Evidence of the improvement.
    examples : mapping
        ``digest`` and ``n`` of the later examples.
    sums : PairedSums
        The same two models' scores on them.

    Raises
    ------
    EvidenceMismatch
        When these are the examples that the improvement was judged or paid by.
    """
    for which in ("gate", "payment"):
        if examples["digest"] == document["evaluation"][which]["digest"]:
            raise EvidenceMismatch(
                f"these are the {which} examples of the improvement itself; whether it lasts is "
                "measured on examples that came later"
            )
    return {
        "format": FORMAT,
        "evidence": digest(dict(document)),
        "model": document["model"],
        "champion": document["champion"]["digest"],
        "candidate": document["candidate"]["digest"],
        "metric": document["metric"],
        "metric_options": dict(document["metric_options"]),
        "evaluation": {"digest": examples["digest"], "n": examples["n"]},
        "paired_sums": {
            "maintenance": {name: str(value) for name, value in sums.to_dict().items()}
        },
        "improvement_bps": improvement_bps(paired_kind(document["metric"]), sums),
    }


def held_improvement(document: Mapping[str, Any], verifier: Verifier) -> Improvement:
    """The improvement exactly as the contract recorded it, from its evidence.

    Raises
    ------
    ChainError
        The contract did not record it.
    """
    recorded = verifier.event("ImprovementRecorded", digest(dict(document)))
    if recorded is None:
        raise ChainError(
            f"evidence {digest(dict(document))[:16]}… was not paid on chain {verifier.chain_id}; "
            "nothing of it is held back"
        )
    return improvement_from(document, recorded.arguments["improvement"]["deadline"])


def statement_of(report: Mapping[str, Any], deadline: int) -> Maintenance:
    """What oracles sign about a report."""
    sums = read_sums(report, "maintenance")
    return Maintenance(report["evidence"], digest(dict(report)), sums, deadline)


def decided(report: Mapping[str, Any], verifier: Verifier) -> ChainEvent | None:
    """The decision by this very report; None while there is none.

    Raises
    ------
    EvidenceMismatch
        When another report decided.
    """
    event = verifier.event("MaintenanceRecorded", report["evidence"])
    if event is not None:
        used, own = event.arguments["maintenance"]["report"], "0x" + digest(dict(report))
        if used != own:
            raise EvidenceMismatch(
                f"what was held back was decided by another measurement, {used}, in "
                f"{event.transaction}; a decision is final"
            )
    return event


def decide(
    document: Mapping[str, Any],
    report: Mapping[str, Any],
    *,
    ledger: Ledger,
    verifier: Verifier,
    sender: Signer,
    oracles: Sequence[Signer],
    deadline: int,
    finality: Finality = 1,
) -> Decision:
    """Have a quorum sign a report, once, and the contract pay or return what was held back.

    Of every improvement only one report is ever signed, so that nobody measures until the result
    pleases; the same report again goes on where it was left.

    Parameters
    ----------
    document : mapping
        Evidence of the improvement.
    report : mapping
        See `report_of`.
    ledger : Ledger
    verifier : Verifier
    sender : Signer
        Sends the transaction.
    oracles : sequence of Signer
        Keys that attest, each having measured what the report says.
    deadline : int
        Unix time in seconds until which new signatures hold.
    finality : int or {"safe", "finalized"}
        From which depth, its own block included, or tag on the decision is final.

    Returns
    -------
    Decision

    Raises
    ------
    EvidenceMismatch
        When another report was signed or has decided, or the quorum is not reached.
    ContractRefused
        As the contract does: nothing held back, or too early.
    """
    event = decided(report, verifier)
    if event is None:
        improvement = held_improvement(document, verifier)
        require_due(report["evidence"], verifier)
        maintenance, signatures = _signed(report, ledger, verifier, oracles, deadline)
        try:
            verifier.record_maintenance(sender, improvement, maintenance, signatures)
        except ContractRefused:
            # Another process, or this one before it was killed, may have been first.
            if decided(report, verifier) is None:
                raise
        event = decided(report, verifier)
        if event is None:
            raise ChainError("the decision was mined and is gone again; decide once more")
    is_final = event.block <= settled_height(verifier.web3, finality)
    if is_final:
        place = place_of(verifier.chain_id, verifier.address, report["evidence"])
        ledger.append(RECORDED, place, decision_of(event), model=report["model"])
    said = event.arguments
    return Decision(
        evidence=report["evidence"],
        report=digest(dict(report)),
        maintained=said["maintained"],
        measured_bps=said["measuredBps"],
        amount=said["amount"],
        transaction=event.transaction,
        is_final=is_final,
    )


def require_due(evidence: str, verifier: Verifier) -> int:
    """Wei held back of an improvement that may be decided now.

    Raises
    ------
    InputError
        Nothing is held back, or it is too early.
    """
    amount, from_ = verifier.holding(evidence)
    if not amount:
        raise InputError("nothing of this improvement is held back")
    now = verifier.web3.eth.get_block("latest")["timestamp"]
    if now < from_:
        raise InputError(
            f"too early: what is held back may be decided from {when(from_)} on; measure then, on "
            "examples that came after the promotion"
        )
    return amount


def when(seconds: int) -> str:
    """A Unix time for people."""
    from datetime import UTC, datetime  # noqa: PLC0415 - with the one who needs it

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _signed(
    report: Mapping[str, Any],
    ledger: Ledger,
    verifier: Verifier,
    oracles: Sequence[Signer],
    deadline: int,
) -> tuple[Maintenance, list[bytes]]:
    """The statement and its signatures: those of before while they hold, else new ones."""
    evidence, model = "0x" + report["evidence"], report["model"]
    place = place_of(verifier.chain_id, verifier.address, evidence)
    own = {"evidence": evidence, "report": "0x" + digest(dict(report)), "document": dict(report)}
    try:
        ledger.append(ADMITTED, place, own, model=model)
    except LedgerConflict:
        before = ledger.get(ADMITTED, place)
        raise EvidenceMismatch(
            "another measurement of this improvement was admitted before, "
            f"{before.body['report'] if before else ''}; only one counts: give its data"
        ) from None
    now = verifier.web3.eth.get_block("latest")["timestamp"]
    for entry in ledger.entries(kind=SIGNED, newest_first=True):
        if entry.key.startswith(f"{place}/") and entry.body["deadline"] > now:
            signatures = [bytes.fromhex(one[2:]) for one in entry.body["signatures"]]
            maintenance = statement_of(report, entry.body["deadline"])
            if _is_quorum(maintenance, verifier, signatures):
                return maintenance, signatures
    maintenance = statement_of(report, deadline)
    signatures = attest(maintenance, verifier.domain, oracles)
    require_quorum(
        maintenance,
        verifier.domain,
        signatures,
        oracles=verifier.oracles(),
        quorum=verifier.quorum(),
    )
    body = {name: own[name] for name in ("evidence", "report")} | {
        "deadline": deadline,
        "signatures": ["0x" + one.hex() for one in signatures],
    }
    ledger.append(SIGNED, f"{place}/{deadline}", body, model=model)
    return maintenance, signatures


def _is_quorum(maintenance: Maintenance, verifier: Verifier, signatures: Sequence[bytes]) -> bool:
    """Whether signatures still suffice: oracles may have been replaced since."""
    oracles, quorum = verifier.oracles(), verifier.quorum()
    try:
        require_quorum(maintenance, verifier.domain, signatures, oracles=oracles, quorum=quorum)
    except EvidenceMismatch:
        return False
    return True
