"""The budget of a sealed hold-out: every test spends a look before it is computed.

A hold-out that is tested again and again lets chance through. It admits at most `quota` looks,
each at a level that keeps the chance of any false acceptance over its life at `alpha` against any
adaptive submitter (Blum & Hardt 2015, https://doi.org/10.48550/arXiv.1502.04585; Dwork et al.
2015, https://doi.org/10.1126/science.aaa9375). The level is spent by writing it to the ledger;
a crash afterwards leaves it spent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from hokusai_mlflow.errors import HoldoutExhausted, InputError, LedgerConflict
from hokusai_mlflow.ledger.entry import Entry
from hokusai_mlflow.ledger.store import Ledger
from hokusai_mlflow.ledger.transaction import Transaction
from hokusai_mlflow.stats.sequential import level_for_look

LOOK, ACCEPTED, RETIRED = "look", "look.accepted", "holdout.retired"
AfterReward = Literal["rotate", "keep"]


class Terms(NamedTuple):
    """Under what a hold-out is looked at; see `Look`."""

    alpha: float
    quota: int
    after_reward: AfterReward
    tiers: int


@dataclass(frozen=True, repr=False)
class Look:
    """One test that a sealed hold-out was spent on.

    Attributes
    ----------
    model, holdout : str
        Whose hold-out, and which.
    test_key : str
        Digest of champion, candidate, policy and hold-out: the same test is one look.
    attempt : str or None
        Attempt that spent it.
    number, quota : int
        This was look `number` (from 1) of at most `quota`.
    level : float
        Level of the one-sided test, H0: Δ ≤ minimum effect.
    alpha : float
        Chance of any false acceptance over the hold-out's life.
    after_reward : {"rotate", "keep"}
        Whether the hold-out retires on its first acceptance.
    rewards : int
        Acceptances on this hold-out before this look.
    tiers : int
        Payment tiers that the level is divided by for each earlier acceptance (``"keep"``).
    """

    model: str
    holdout: str
    test_key: str
    attempt: str | None
    number: int
    quota: int
    level: float
    alpha: float
    after_reward: AfterReward
    rewards: int
    tiers: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"Look({self.number} of {self.quota} at {self.holdout}, level {self.level:.3g})"


def spend_look(
    ledger: Ledger,
    *,
    model: str,
    holdout: str,
    test_key: str,
    attempt: str | None,
    alpha: float,
    quota: int,
    after_reward: AfterReward = "rotate",
    tiers: int = 1,
) -> Look:
    """Spend one look, atomically, before anything is computed on the hold-out.

    Parameters
    ----------
    ledger : Ledger
        Where it is written.
    model, holdout : str
        Whose hold-out, and which.
    test_key : str
        Digest of champion, candidate, policy and hold-out. The same key again returns the look
        that was spent for it, also after the hold-out has retired, and spends nothing.
    attempt : str or None
        Attempt that the look is spent for.
    alpha : float
        Chance of any false acceptance over the hold-out's life.
    quota : int
        Looks that the hold-out admits. It may shrink during its life, not grow.
    after_reward : {"rotate", "keep"}
        ``"rotate"``: every look at α/Q, and the first acceptance retires the hold-out.
        ``"keep"``: after j acceptances at α·2^−(j+1)/C(Q, j+1)/T^j; the terms are then fixed by
        the first look, because the bound counts all transcripts of a fixed quota.
    tiers : int, default 1
        T, the payment tiers that an acceptance may reveal (``"keep"``).

    Returns
    -------
    Look
        With the level at which the test must be run.

    Raises
    ------
    HoldoutExhausted
        When the hold-out has retired or its quota is used up.
    InputError
        When the terms may not change as asked.
    LedgerConflict
        When `test_key` was spent on another model, hold-out or policy.
    """
    terms = Terms(alpha, quota, after_reward, tiers)
    with ledger.transaction() as transaction:
        stored = transaction.get(LOOK, test_key)
        if stored is not None:
            return _again(_look(stored), model, holdout, terms)
        if _retired(transaction, model, holdout):
            raise HoldoutExhausted(
                f"{holdout} of {model!r} has retired and cannot be tested again; "
                "use the next hold-out, or refresh the hold-outs from new reference data"
            )
        past = _looks(transaction, model, holdout)
        if past:
            _require_terms(past[-1], terms)
        admitted = min([quota, *(look.quota for look in past)])
        if len(past) >= admitted:
            raise HoldoutExhausted(
                f"{holdout} of {model!r} has been looked at {len(past)} times, and its quota is "
                f"{admitted}: refresh the hold-out (add labelled reference data, or raise "
                "data.split.holdouts)"
            )
        rewards = len(_accepted(transaction, model, holdout))
        level = level_for_look(
            alpha,
            quota,
            after_reward=after_reward,
            look=len(past) + 1,
            rewards=rewards,
            tiers=tiers,
        )
        body = {
            "holdout": holdout,
            "number": len(past) + 1,
            "quota": quota,
            "level": level,
            "alpha": alpha,
            "after_reward": after_reward,
            "rewards": rewards,
            "tiers": tiers,
        }
        return _look(transaction.append(LOOK, test_key, body, model=model, attempt=attempt))


def accept_look(ledger: Ledger, test_key: str) -> Look:
    """Write that the test of a look was passed, before anything acts on it.

    Under ``"rotate"`` the hold-out retires in the same transaction; under ``"keep"`` later looks
    run at a smaller level. Repeating it changes nothing.

    Raises
    ------
    InputError
        When no look was spent for `test_key`.
    """
    with ledger.transaction() as transaction:
        stored = transaction.get(LOOK, test_key)
        if stored is None:
            raise InputError(
                f"no look was spent for the test {test_key!r}: call spend_look before the test"
            )
        look = _look(stored)
        body = {"holdout": look.holdout, "number": look.number}
        transaction.append(ACCEPTED, test_key, body, model=look.model, attempt=look.attempt)
        if look.after_reward == "rotate" and not _retired(transaction, look.model, look.holdout):
            _retire(transaction, look.model, look.holdout, look.attempt)
        return look


def retire_holdout(ledger: Ledger, model: str, holdout: str, attempt: str | None = None) -> Entry:
    """Close a hold-out for good; it may then join the training reference.

    The first caller's attempt is kept; repeating it changes nothing.
    """
    with ledger.transaction() as transaction:
        stored = _retired(transaction, model, holdout)
        return stored or _retire(transaction, model, holdout, attempt)


def looks(ledger: Ledger, model: str, holdout: str) -> list[Look]:
    """Looks spent on a hold-out, oldest first."""
    return _select(ledger.entries(model=model, kind=LOOK), holdout)


def active_holdout(
    ledger: Ledger,
    model: str,
    count: int,
    *,
    attempt: str | None = None,
    quota: int | None = None,
) -> str:
    """Name of the hold-out to test on: the first that is neither retired nor used up.

    Parameters
    ----------
    ledger : Ledger
        Where looks and retirements are written.
    model : str
        Registered model name.
    count : int
        Hold-outs that the pool was cut into, ``"holdout-1"`` to ``"holdout-<count>"``.
    attempt : str, optional
        Attempt that asks. When it has spent a look already, its own hold-out is returned, so that
        a run that was interrupted goes on where it was.
    quota : int, optional
        Looks that the policy admits now; the smaller of it and the looks' own quota counts.

    Raises
    ------
    HoldoutExhausted
        When none is left.
    """
    spent = [_look(entry) for entry in ledger.entries(model=model, kind=LOOK)]
    if attempt is not None:
        own = [look.holdout for look in spent if look.attempt == attempt]
        if own:
            return own[-1]
    retired = {str(e.body["holdout"]) for e in ledger.entries(model=model, kind=RETIRED)}
    for name in (f"holdout-{number}" for number in range(1, count + 1)):
        past = [look for look in spent if look.holdout == name]
        quotas = [look.quota for look in past] + ([] if quota is None else [quota])
        if name not in retired and (not quotas or len(past) < min(quotas)):
            return name
    raise HoldoutExhausted(
        f"all {count} hold-outs of {model!r} have retired or used up their quota: refresh them "
        "(add labelled reference data, or raise data.split.holdouts)"
    )


def _look(entry: Entry) -> Look:
    return Look(model=entry.model, test_key=entry.key, attempt=entry.attempt, **entry.body)


def _select(entries: list[Entry], holdout: str) -> list[Look]:
    return [_look(entry) for entry in entries if entry.body["holdout"] == holdout]


def _looks(transaction: Transaction, model: str, holdout: str) -> list[Look]:
    return _select(transaction.entries(model=model, kind=LOOK), holdout)


def _accepted(transaction: Transaction, model: str, holdout: str) -> list[Entry]:
    found = transaction.entries(model=model, kind=ACCEPTED)
    return [entry for entry in found if entry.body["holdout"] == holdout]


def _retired(transaction: Transaction, model: str, holdout: str) -> Entry | None:
    return transaction.get(RETIRED, f"{model}/{holdout}")


def _retire(transaction: Transaction, model: str, holdout: str, attempt: str | None) -> Entry:
    body = {"holdout": holdout, "looks": len(_looks(transaction, model, holdout))}
    return transaction.append(RETIRED, f"{model}/{holdout}", body, model=model, attempt=attempt)


def _terms(look: Look) -> Terms:
    return Terms(look.alpha, look.quota, look.after_reward, look.tiers)


def _again(stored: Look, model: str, holdout: str, terms: Terms) -> Look:
    if (stored.model, stored.holdout, _terms(stored)) != (model, holdout, terms):
        raise LedgerConflict(
            f"the test {stored.test_key!r} was spent on {stored!r} of {stored.model!r} with "
            f"{_terms(stored)}, not on {holdout} of {model!r} with {terms}; a test key must be a "
            "digest of champion, candidate, policy and hold-out"
        )
    return stored


def _require_terms(last: Look, terms: Terms) -> None:
    if "keep" in (last.after_reward, terms.after_reward) and _terms(last) != terms:
        raise InputError(
            f"{last.holdout} of {last.model!r} was opened with {_terms(last)}; that cannot become "
            f"{terms} once it has been looked at. Restore it, or retire the hold-out"
        )
