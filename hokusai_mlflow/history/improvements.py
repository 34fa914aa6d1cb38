"""Improvements: promotions with evidence, what is paid for them, and where the payment stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.history.attempts import Attempt, of_row
from hokusai_mlflow.history.listing import Listing, Page, read_page
from hokusai_mlflow.history.schema import (
    attempts,
    joined_wei,
    settlement_steps,
    settlements,
)
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time, within

FINAL, FAILED, PROVISIONAL, UNPAID = "final", "failed", "provisional", "unpaid"
STANDINGS = (PROVISIONAL, FINAL, FAILED, UNPAID)


@dataclass(frozen=True)
class Step:
    """One step of a settlement; `kind` as in the ledger, `at` in UTC."""

    kind: str
    at: datetime
    tx_hash: str
    block: int | None
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**self.__dict__, "at": self.at.isoformat()}


@dataclass(frozen=True, repr=False)
class Improvement:
    """A promotion with its evidence and its payment.

    Attributes
    ----------
    attempt : Attempt
        What was decided.
    standing : {"provisional", "final", "failed", "unpaid"}
        Whether the payment is final; ``unpaid``: nothing is due, see `attempt.unpaid_reason`.
    state : str
        The settlement's own state (attesting, intent, waiting, signed, broadcast, confirmed,
        failed), or nothing.
    reward, owner_reward : int
        Wei paid in all, and to the owner; 0 until final.
    tx_hash : str
        Transaction that paid, or that tries to.
    block : int or None
        Block that it is in.
    chain_id : int or None
    contract : str
    error : str
        Why it waits or failed.
    changed_at : datetime or None
        When the settlement took its latest step (UTC).
    """

    attempt: Attempt
    standing: str
    state: str
    reward: int
    owner_reward: int
    tx_hash: str
    block: int | None
    chain_id: int | None
    contract: str
    error: str
    changed_at: datetime | None

    @property
    def model(self) -> str:
        """Registered model name."""
        return self.attempt.model

    @property
    def evidence(self) -> str:
        """Evidence digest."""
        return self.attempt.evidence

    @property
    def paid_bps(self) -> int:
        """Basis points that are paid for."""
        return self.attempt.paid_bps or 0

    @property
    def delta_ones(self) -> float:
        """The same in DeltaOnes."""
        return self.paid_bps / 100

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        return self.attempt.to_dict() | {
            "standing": self.standing,
            "state": self.state,
            "delta_ones": self.delta_ones,
            "reward": str(self.reward),
            "owner_reward": str(self.owner_reward),
            "tx_hash": self.tx_hash,
            "block": self.block,
            "chain_id": self.chain_id,
            "contract": self.contract,
            "error": self.error,
            "changed_at": self.changed_at.isoformat() if self.changed_at else None,
        }

    def __repr__(self) -> str:
        return f"Improvement({self.model} {self.evidence[:12]}…: {self.paid_bps} bps, {self.state})"


COLUMNS = {
    "model": attempts.c.model,
    "number": attempts.c.number,
    "opened_at": attempts.c.seq,
    "improvement_bps": attempts.c.improvement_bps,
    "paid_bps": attempts.c.paid_bps,
    "reward": settlements.c.reward_micro,
    "state": settlements.c.state,
    "changed_at": settlements.c.changed_at,
    "block": settlements.c.block,
}
"""What improvements may be sorted by."""

_SETTLED = ("state", "tx_hash", "block", "chain_id", "contract", "error", "changed_at")
_WEI = ("reward_micro", "reward_rest", "owner_micro", "owner_rest")
_QUERY = (
    select(attempts, *(settlements.c[name].label(f"s_{name}") for name in (*_SETTLED, *_WEI)))
    .outerjoin(settlements, settlements.c.evidence == attempts.c.evidence)
    .where(attempts.c.evidence != "")
)


def read(
    history: History,
    listing: Listing | None = None,
    *,
    model: str | None = None,
    standing: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Improvement]:
    """Improvements, newest first unless sorted otherwise.

    Parameters
    ----------
    history : History
    listing : Listing, optional
        Which page; a search looks in model, evidence and transaction.
    model, standing : str, optional
        Only of this model, only payments that stand so.
    since, until : datetime, optional
        Only attempts that began from `since` on and before `until`.

    Raises
    ------
    InputError
        When there is no such standing.
    """
    query, state = _QUERY, settlements.c.state
    if standing is not None:
        known = {
            FINAL: state == "confirmed",
            FAILED: state == "failed",
            UNPAID: state.is_(None),
            PROVISIONAL: state.not_in(("confirmed", "failed")),
        }
        if standing not in known:
            raise InputError(f"no standing {standing!r}; there are {', '.join(STANDINGS)}")
        query = query.where(known[standing])
    query = query if model is None else query.where(attempts.c.model == model)
    query = within(query, attempts.c.opened_at, since, until)
    with history.connect() as connection:
        return read_page(
            connection,
            query,
            _improvement,
            listing or Listing(),
            columns=COLUMNS,
            order=(attempts.c.seq.desc(),),
            searched=(attempts.c.model, attempts.c.evidence, settlements.c.tx_hash),
        )


def get(history: History, evidence: str) -> Improvement:
    """The improvement of an evidence digest.

    Raises
    ------
    UnknownName
        When the ledger has no such evidence.
    """
    with history.connect() as connection:
        row = connection.execute(_QUERY.where(attempts.c.evidence == evidence)).first()
    if row is None or not evidence:
        raise UnknownName(f"the ledger has no evidence {evidence[:70]!r}")
    return _improvement(row)


def steps(history: History, evidence: str) -> tuple[Step, ...]:
    """Steps of a settlement, oldest first."""
    table = settlement_steps.c
    query = select(settlement_steps).where(table.evidence == evidence).order_by(table.seq)
    with history.connect() as connection:
        return tuple(
            Step(row.kind, datetime.fromisoformat(row.at), row.tx_hash, row.block, row.detail)
            for row in connection.execute(query)
        )


def _improvement(row: Row[Any]) -> Improvement:
    told = row._asdict()
    state = told["s_state"] or ""
    ends = {"confirmed": FINAL, "failed": FAILED, "": UNPAID}
    return Improvement(
        attempt=of_row(row),
        standing=ends.get(state, PROVISIONAL),
        state=state,
        reward=joined_wei(told["s_reward_micro"], told["s_reward_rest"]),
        owner_reward=joined_wei(told["s_owner_micro"], told["s_owner_rest"]),
        tx_hash=told["s_tx_hash"] or "",
        block=told["s_block"],
        chain_id=told["s_chain_id"],
        contract=told["s_contract"] or "",
        error=told["s_error"] or "",
        changed_at=read_time(told["s_changed_at"] or ""),
    )
