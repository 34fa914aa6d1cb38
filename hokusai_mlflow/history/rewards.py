"""Rewards: by the ledger, by the chain, what differs, and what gas was spent on them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Integer, func, select
from sqlalchemy.dialects.sqlite import insert

from hokusai_mlflow.history.schema import (
    attempts,
    audits,
    gas,
    joined_wei,
    settlements,
    summed_wei,
)
from hokusai_mlflow.history.store import History

_EVIDENCE = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Rewards:
    """Sums over all payments, by the ledger.

    Attributes
    ----------
    final, provisional, failed : int
        Payments that are final, under way, and refused for good.
    final_bps, provisional_bps, failed_bps : int
        Basis points that they pay for.
    reward, owner_reward : int
        Wei paid in all, and to owners.
    gas_spent : int
        Wei of the chain's own coin that final payments cost, as far as receipts were read.
    gas_known : int
        How many final payments that is of.
    first_at, latest_at : datetime or None
        When the first and the latest payment became final (UTC).
    """

    final: int
    provisional: int
    failed: int
    final_bps: int
    provisional_bps: int
    failed_bps: int
    reward: int
    owner_reward: int
    gas_spent: int
    gas_known: int
    first_at: datetime | None
    latest_at: datetime | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; wei are decimal strings."""
        wei = ("reward", "owner_reward", "gas_spent")
        told: dict[str, Any] = {n: str(v) if n in wei else v for n, v in vars(self).items()}
        for name in ("first_at", "latest_at"):
            told[name] = told[name].isoformat() if told[name] else None
        return told


@dataclass(frozen=True)
class ChainCheck:
    """The latest comparison of the ledger with one contract.

    Attributes
    ----------
    contract : str
    at : datetime
        When (UTC).
    audit : mapping
        `chain.audit.Audit.to_dict()`; empty when the chain could not be read.
    problem : str
        Why it could not be read.
    """

    contract: str
    at: datetime
    audit: Mapping[str, Any]
    problem: str

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not as it must be."""
        return tuple(self.audit.get("differences", ()))

    @property
    def is_clean(self) -> bool:
        """Whether the chain was read and nothing differs."""
        return bool(self.audit) and not self.differences

    @property
    def suspect(self) -> frozenset[str]:
        """Evidence digests that the differences name."""
        return frozenset(_EVIDENCE.findall(" ".join(self.differences)))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        told = {"contract": self.contract, "at": self.at.isoformat(), "problem": self.problem}
        return told | {"clean": self.is_clean, "audit": dict(self.audit)}


def totals(history: History, model: str | None = None) -> Rewards:
    """Sums over the payments of one model, or of all."""
    state = settlements.c.state
    groups = {
        "final": state == "confirmed",
        "failed": state == "failed",
        "provisional": state.not_in(("confirmed", "failed")),
    }
    query = select(
        *(func.sum(condition.cast(Integer)).label(name) for name, condition in groups.items()),
        *(
            func.sum(settlements.c.paid_bps).filter(condition).label(f"{name}_bps")
            for name, condition in groups.items()
        ),
        *summed_wei(settlements, "reward"),
        *summed_wei(settlements, "owner"),
        func.min(func.nullif(settlements.c.confirmed_at, "")).label("first_at"),
        func.max(func.nullif(settlements.c.confirmed_at, "")).label("latest_at"),
    )
    spent = select(gas.c.used, gas.c.price).join(
        settlements, (settlements.c.tx_hash == gas.c.tx_hash) & (state == "confirmed")
    )
    if model is not None:
        query = query.where(settlements.c.model == model)
        spent = spent.where(settlements.c.model == model)
    with history.connect() as connection:
        row = connection.execute(query).one()
        costs = connection.execute(spent).all()
    counted = {n: getattr(row, n) or 0 for name in groups for n in (name, f"{name}_bps")}
    return Rewards(
        **counted,
        reward=joined_wei(row.reward_micro, row.reward_rest),
        owner_reward=joined_wei(row.owner_micro, row.owner_rest),
        gas_spent=sum(used * price for used, price in costs),
        gas_known=len(costs),
        first_at=datetime.fromisoformat(row.first_at) if row.first_at else None,
        latest_at=datetime.fromisoformat(row.latest_at) if row.latest_at else None,
    )


def by_month(history: History, model: str | None = None) -> tuple[tuple[str, int, int], ...]:
    """Month (``2026-11``), payments and wei that became final in it, oldest month first."""
    month = func.substr(settlements.c.confirmed_at, 1, 7).label("month")
    query = select(month, func.count().label("paid"), *summed_wei(settlements, "reward"))
    query = query.where(settlements.c.state == "confirmed").group_by(month).order_by(month)
    if model is not None:
        query = query.where(settlements.c.model == model)
    with history.connect() as connection:
        return tuple(
            (row.month, row.paid, joined_wei(row.reward_micro, row.reward_rest))
            for row in connection.execute(query)
        )


def keep_check(
    history: History, contract: str, *, audit: Mapping[str, Any] | None = None, problem: str = ""
) -> ChainCheck:
    """Keep the latest comparison with a contract; the one before is forgotten.

    Parameters
    ----------
    history : History
    contract : str
        Its address, or where it was looked for.
    audit : mapping, optional
        `chain.audit.Audit.to_dict()`.
    problem : str, optional
        Why the chain could not be read.
    """
    at = datetime.now(UTC)
    row = {"contract": contract, "at": at.isoformat(), "problem": problem}
    row["document"] = json.dumps(dict(audit or {}))
    statement = insert(audits).values(row)
    with history.connect(writing=True) as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["contract"], set_=row))
    return ChainCheck(contract, at, dict(audit or {}), problem)


def checks(history: History) -> tuple[ChainCheck, ...]:
    """The latest comparison with every contract, the newest first."""
    query = select(audits).order_by(audits.c.at.desc())
    with history.connect() as connection:
        return tuple(
            ChainCheck(
                row.contract, datetime.fromisoformat(row.at), json.loads(row.document), row.problem
            )
            for row in connection.execute(query)
        )


def lacking_gas(history: History, contract: str, limit: int = 200) -> tuple[str, ...]:
    """Transactions of final payments whose receipts were not read yet, newest first."""
    query = (
        select(settlements.c.tx_hash)
        .outerjoin(gas, gas.c.tx_hash == settlements.c.tx_hash)
        .where(settlements.c.state == "confirmed", settlements.c.contract == contract)
        .where(gas.c.tx_hash.is_(None))
        .order_by(settlements.c.seq.desc())
        .limit(limit)
    )
    with history.connect() as connection:
        return tuple(connection.execute(query).scalars())


def keep_gas(history: History, found: Mapping[str, tuple[int, int]]) -> None:
    """Keep gas used and wei paid per gas, by transaction."""
    rows = [{"tx_hash": tx, "used": used, "price": price} for tx, (used, price) in found.items()]
    if rows:
        with history.connect(writing=True) as connection:
            connection.execute(insert(gas).on_conflict_do_nothing(), rows)


def gas_of(history: History, tx_hash: str) -> tuple[int, int] | None:
    """Gas used and wei paid per gas of one transaction; None before its receipt was read."""
    query = select(gas.c.used, gas.c.price).where(gas.c.tx_hash == tx_hash)
    with history.connect() as connection:
        row = connection.execute(query).first()
    return (row.used, row.price) if row else None


def unpaid_count(history: History) -> int:
    """Promotions with evidence that are not to be paid."""
    query = select(func.count()).where(attempts.c.evidence != "", attempts.c.paid_bps == 0)
    with history.connect() as connection:
        return connection.execute(query).scalar_one()


def contracts(history: History) -> tuple[tuple[int, str], ...]:
    """Chain id and address of every contract that was ever to pay."""
    query = select(settlements.c.chain_id, settlements.c.contract).distinct()
    with history.connect() as connection:
        return tuple((row.chain_id, row.contract) for row in connection.execute(query))
