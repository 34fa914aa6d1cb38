"""Moving the alias `champion` back to the model that was beaten: decided once, finished always.

The decision is an entry of the ledger (a measurement whose status is ``roll_back``). Alias, head on
chain and tags follow from it, each changing nothing when done again; the entry
``champion.rolled_back`` comes last. Whoever runs next, monitor or improve, finishes a killed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlflow import MlflowClient

from hokusai_mlflow import reward
from hokusai_mlflow.attempt import unfinished
from hokusai_mlflow.history.monitoring import MEASURED, ROLLED_BACK, record_rollback
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.spec import Spec
from hokusai_mlflow.tracking import registry
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.tracking.store import connect


@dataclass(frozen=True)
class Rollback:
    """A champion that was replaced by the model that it beat.

    Attributes
    ----------
    model : str
    rolled_back, restored : int
        Versions.
    reason : str
    transaction : str or None
        That moved the head on chain; None when an earlier run had moved it.
    waits_for : str
        The attempt that has to be finished first; empty when it is done.
    """

    model: str
    rolled_back: int
    restored: int
    reason: str
    transaction: str | None = None
    waits_for: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    def __repr__(self) -> str:
        state = f"waits for attempt {self.waits_for}" if self.waits_for else self.reason
        return f"Rollback({self.model}: {self.rolled_back} → {self.restored}, {state})"


def finish(spec: Spec, settings: Settings) -> Rollback | None:
    """Carry out the rollback that was decided and is not written down as done; None without one.

    Parameters
    ----------
    spec : Spec
        Names model and chain.
    settings : Settings

    Raises
    ------
    ChampionMissing
        When the alias points to neither of the two versions.
    ChainError
        When the head on chain cannot be moved; the next run tries again.
    """
    with Ledger(settings.ledger) as ledger:
        decided = _decided(ledger, spec.model)
        if decided is None:
            return None
        batch = decided["batch"]
        champion, beaten = Registered(**batch["champion"]), Registered(**batch["beaten"])
        reason = "; ".join(decided["reasons"])[:1_000]
        found = Rollback(spec.model, champion.version, beaten.version, reason)
        open_attempt = unfinished(ledger, spec.model)
        if open_attempt is not None:
            # It compares with this champion, and would find another one when it promotes.
            return Rollback(**found.to_dict() | {"waits_for": open_attempt.attempt})
        client = connect(settings)
        registry.restore(client, champion, beaten)
        sent = reward.move_head_back(spec, champion.digest, beaten.digest, reason, settings)
        _tag(client, champion, beaten, reason)
        record_rollback(
            ledger,
            model=spec.model,
            version=beaten.version,
            digest=beaten.digest,
            rolled_back=champion.remembered(),
            reason=reason,
            key=batch["reign"],
        )
        return Rollback(**found.to_dict() | {"transaction": sent})


def _decided(ledger: Ledger, model: str) -> Mapping[str, Any] | None:
    """The last measurement, if it calls for a rollback that is not done, and still makes sense."""
    last = ledger.entries(model=model, kind=(MEASURED, ROLLED_BACK), newest_first=True, limit=1)
    if not last or last[0].kind == ROLLED_BACK or last[0].body.get("status") != "roll_back":
        return None
    promoted = ledger.entries(model=model, kind="attempt.promoted", after=last[0].seq, limit=1)
    # An attempt that was under way has replaced the champion meanwhile.
    return None if promoted else last[0].body


def _tag(client: MlflowClient, champion: Registered, beaten: Registered, reason: str) -> None:
    told = {
        champion: {"hokusai.rolled_back": reason, "hokusai.rolled_back_to": str(beaten.version)},
        beaten: {"hokusai.restored": f"version {champion.version} was rolled back: {reason}"},
    }
    for one, tags in told.items():
        for name, value in tags.items():
            client.set_model_version_tag(one.model, str(one.version), name, value[:4_000])
