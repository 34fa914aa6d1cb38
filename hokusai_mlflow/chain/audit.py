"""The ledger against the chain: every payment has its row, every row its payment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hokusai_mlflow.chain.accounts import Account, accounts
from hokusai_mlflow.chain.book import SettlementBook
from hokusai_mlflow.chain.events import ChainEvent, RecordedImprovement, recorded_improvement
from hokusai_mlflow.chain.maintenance import RECORDED, SIGNED, decision_of, place_of
from hokusai_mlflow.chain.settlement import Record
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.errors import ChainError, LedgerCorrupt
from hokusai_mlflow.ledger import Entry, Ledger

_MOST_READS = 5


@dataclass(frozen=True)
class Audit:
    """What an audit found; amounts are wei.

    Attributes
    ----------
    block : int
        Newest block that was read.
    payments : int
        Improvements that the contract recorded.
    rows : int
        Payments that the ledger calls confirmed.
    under_way : int
        Payments on chain that a settlement has not confirmed yet.
    paid_on_chain, paid_in_ledger, supply : int
        By the contract's events, by the confirmed rows, and in existence. The rows count what was
        granted; events and supply what was paid of it by now.
    claims : int
        How often a share was claimed. Anyone may send that, so that the ledger has no rows of it.
    unclaimed, held, vested, returned : int
        Wei that may still be claimed, that are held back, and that were held back before they were
        paid or went back to the budget.
    decisions_by_others : int
        Decisions about what was held back that this ledger has no row of: anyone may send those
        too.
    differences : tuple of str
        What is not as it must be; none when the books are right.
    """

    block: int
    payments: int
    rows: int
    under_way: int
    paid_on_chain: int
    paid_in_ledger: int
    supply: int
    claims: int
    unclaimed: int
    held: int
    vested: int
    returned: int
    decisions_by_others: int
    differences: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is no difference."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """JSON form; wei are decimal strings."""
        wei = {"paid_on_chain", "paid_in_ledger", "supply", "unclaimed", "held", "vested"}
        wei |= {"returned"}
        told = {name: str(value) if name in wei else value for name, value in asdict(self).items()}
        return told | {"differences": list(self.differences), "clean": self.is_clean}


def audit(ledger: Ledger, verifier: Verifier) -> Audit:
    """Compare what the ledger says was paid with what the contract says it paid.

    Parameters
    ----------
    ledger : Ledger
    verifier : Verifier

    Returns
    -------
    Audit
        The ledger is read after the chain: payments that are confirmed in between are newer than
        `Audit.block`, and left to the next audit.
    """
    block, events, supply = _chain(verifier)
    differences = list(_broken_ledger(ledger))
    book = SettlementBook(verifier.chain_id, verifier.address)
    book.refresh(ledger)
    paid: dict[str, RecordedImprovement] = {}
    for recorded, lines in _payments(events):
        key = recorded.evidence[2:]
        differences += lines
        if key in paid:
            differences.append(
                f"evidence {key} was paid twice: {paid[key].transaction}, {recorded.transaction}"
            )
        paid[key] = recorded
    confirmed = {
        record.evidence: record
        for record in book.records()
        if record.state == "confirmed" and record.place and record.place.block <= block
    }
    each = accounts(events)
    for account in each.values():
        differences += account.differences()
    differences += _state_differences(verifier, each.values(), block)
    lines, others = _decisions(ledger, verifier, each.values(), block)
    differences += lines
    under_way = 0
    for key, recorded in paid.items():
        record = book.get(key)
        if record is not None and record.is_open:
            under_way += 1
        else:
            differences += _row_differences(recorded, record)
    differences += [
        f"evidence {key} is confirmed in the ledger (entry {record.seq}, transaction "
        f"{record.place.transaction}), but the contract recorded no such payment"  # type: ignore[union-attr]
        for key, record in confirmed.items()
        if key not in paid
    ]
    total = sum(e.arguments["amount"] for e in events if e.name == "RewardDistributed")
    if total != supply:
        differences.append(f"the events pay {total} wei in all, the token's supply is {supply}")
    return Audit(
        block=block,
        payments=len(paid),
        rows=len(confirmed),
        under_way=under_way,
        paid_on_chain=total,
        paid_in_ledger=sum(int((r.recorded or {}).get("reward", 0)) for r in confirmed.values()),
        supply=supply,
        claims=sum(account.claims for account in each.values()),
        unclaimed=sum(account.unclaimed for account in each.values()),
        held=sum(account.waiting for account in each.values()),
        vested=sum(account.vested for account in each.values()),
        returned=sum(account.returned for account in each.values()),
        decisions_by_others=others,
        differences=tuple(differences),
    )


def _chain(verifier: Verifier) -> tuple[int, tuple[ChainEvent, ...], int]:
    """Events and supply up to one block that still is the chain's when all is read."""
    eth = verifier.web3.eth
    for _ in range(_MOST_READS):
        top = eth.get_block("latest")
        events = verifier.events(to_block=top["number"])
        supply = verifier.supply(top["number"])
        if eth.get_block(top["number"])["hash"] == top["hash"]:
            return top["number"], events, supply
    raise ChainError(
        "the chain was reorganised during every one of several readings; audit again later"
    )


def _broken_ledger(ledger: Ledger) -> Iterator[str]:
    try:
        ledger.verify()
    except LedgerCorrupt as problem:
        yield str(problem)


def _payments(
    events: tuple[ChainEvent, ...],
) -> Iterator[tuple[RecordedImprovement, list[str]]]:
    """Every improvement that the contract recorded, and what is wrong with it in itself."""
    payments: dict[tuple[str, Any], list[ChainEvent]] = {}
    for event in events:
        where = (event.transaction, event.arguments.get("evidence"))
        payments.setdefault(where, []).append(event)
    for (transaction, evidence), group in payments.items():
        if not any(event.name == "ImprovementRecorded" for event in group):
            continue
        recorded = recorded_improvement(group, block_hash=group[0].block_hash)
        handed_out = sum(recorded.contributors.values()) + recorded.owner
        parts = handed_out + recorded.held + recorded.to_claim
        lines = []
        if parts != recorded.reward:
            lines.append(
                f"evidence {evidence[2:]}: {parts} wei were handed out or set aside in "
                f"{transaction}, the reward is {recorded.reward}"
            )
        yield recorded, lines


def _state_differences(verifier: Verifier, each: Iterable[Account], block: int) -> Iterator[str]:
    """The contract's own sums per model, against what its events say."""
    paid: defaultdict[str, int] = defaultdict(int)
    later: defaultdict[str, int] = defaultdict(int)
    for account in each:
        paid[account.model_id] += account.paid
        later[account.model_id] += account.unclaimed + account.waiting
    for model_id in paid:
        state = verifier.model_of(model_id, block)
        stands = (state.minted, state.reserved) if state else (0, 0)
        if stands != (paid[model_id], later[model_id]):
            yield (
                f"model {model_id}: the events pay {paid[model_id]} wei and leave "
                f"{later[model_id]} to be claimed or held back, the contract has {stands[0]} and "
                f"{stands[1]}"
            )


def _decisions(
    ledger: Ledger, verifier: Verifier, each: Iterable[Account], block: int
) -> tuple[list[str], int]:
    """Differences in decisions about what was held back, and how many of these are others'."""
    here = place_of(verifier.chain_id, verifier.address, "")
    rows: dict[str, Entry] = {}
    signed: set[tuple[str, str]] = set()
    for entry in ledger.entries(kind=(SIGNED, RECORDED)):
        if not entry.key.startswith(here):
            continue
        if entry.kind == SIGNED:
            signed.add((entry.body["evidence"], entry.body["report"]))
        elif entry.body["block"] <= block:
            rows[entry.body["evidence"]] = entry
    lines, others = [], 0
    for account in each:
        row, event = rows.pop(account.evidence, None), account.maintenance
        if event is None and row is not None:
            rows[account.evidence] = row
        elif event is not None and row is None:
            report = event.arguments["maintenance"]["report"]
            others += (account.evidence, report) not in signed
        elif event is not None and row is not None:
            told = decision_of(event)
            lines += [
                f"evidence {account.evidence[2:]}: of the decision about what was held back the "
                f"ledger has {name} {row.body.get(name)}, the chain {of}"
                for name, of in told.items()
                if row.body.get(name) != of
            ]
    lines += [
        f"evidence {evidence[2:]}: the ledger says that what was held back was decided (entry "
        f"{row.seq}, transaction {row.body['transaction']}), the contract recorded no such decision"
        for evidence, row in rows.items()
    ]
    return lines, others


def _row_differences(recorded: RecordedImprovement, record: Record | None) -> list[str]:
    key = recorded.evidence[2:]
    where = f"paid in block {recorded.block}, transaction {recorded.transaction}"
    if record is None:
        return [f"evidence {key} was {where}, but the ledger has no settlement of it"]
    if record.state != "confirmed":
        return [f"evidence {key} was {where}, but the ledger calls it {record.state}"]
    written, told = dict(record.recorded or {}), recorded.to_dict()
    return [
        f"evidence {key}: the ledger has {name} {_short(written.get(name))}, the chain {_short(of)}"
        for name, of in told.items()
        if written.get(name) != of
    ]


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        counted = Counter({key: int(wei) for key, wei in value.items()})
        return f"{len(counted)} entries that sum to {counted.total()}"
    return str(value)
