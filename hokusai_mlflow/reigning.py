"""Who is champion, and who was: promotions and rollbacks as the ledger tells them."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow import MlflowClient

from hokusai_mlflow.errors import ChampionMissing, InputError
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.history.monitoring import ROLLED_BACK
from hokusai_mlflow.ledger import Entry, Ledger
from hokusai_mlflow.tracking import registry
from hokusai_mlflow.tracking.registry import Registered

PROMOTED = "attempt.promoted"


@dataclass(frozen=True)
class Reign:
    """The time of one champion, from its promotion, or from the rollback that brought it back.

    Attributes
    ----------
    id : str
        16 hexadecimal digits.
    champion : Registered
    beaten : Registered or None
        The champion that it beat; None for a model's first.
    attempt : str
        The attempt that made it.
    """

    id: str
    champion: Registered
    beaten: Registered | None
    attempt: str

    @property
    def model(self) -> str:
        """Registered model name."""
        return self.champion.model


def current_champion(client: MlflowClient, ledger: Ledger, model: str) -> Registered | None:
    """The registry's champion, which must be the one that the ledger saw promoted or restored last.

    Raises
    ------
    ChampionMissing
        When registry and ledger do not agree.
    """
    found = registry.champion(client, model)
    crowned = _last(ledger, model)
    if crowned is None:
        if found is not None:
            raise ChampionMissing(
                f"{model} has a champion (version {found.version}) that this ledger does not know; "
                "point HOKUSAI_HOME or HOKUSAI_LEDGER_URL at the ledger that promoted it"
            )
        return None
    expected = crowned.body
    if found is None or found.digest != expected["digest"]:
        seen = "has none" if found is None else f"points to version {found.version}"
        done = "promoted" if crowned.kind == PROMOTED else "rolled back to"
        raise ChampionMissing(
            f"the ledger {done} version {expected['version']} of {model}, but the registry's "
            f"alias 'champion' {seen}; restore the version and set the alias to it, or start over "
            "under another model name"
        )
    return found


def current_reign(client: MlflowClient, ledger: Ledger, model: str) -> Reign:
    """The reign under way.

    Raises
    ------
    ChampionMissing
        When there is no champion, or registry and ledger do not agree.
    """
    champion, crowned = current_champion(client, ledger, model), _last(ledger, model)
    if champion is None or crowned is None:
        raise ChampionMissing(
            f"{model} has no champion yet; `hokusai run` registers a baseline, then it is watched"
        )
    opened = ledger.get("attempt.opened", champion.attempt)
    if opened is None:
        raise ChampionMissing(
            f"the ledger has no attempt {champion.attempt} that made version {champion.version} of "
            f"{model}; point HOKUSAI_LEDGER_URL at the ledger that has it"
        )
    before = opened.body["champion"]
    beaten = None if before is None else Registered(**before)
    id_ = digest({"model": model, "champion": champion.digest, "crowned": crowned.digest})[:16]
    return Reign(id_, champion, beaten, champion.attempt)


def rolled_back(ledger: Ledger, model: str) -> tuple[Registered, ...]:
    """Versions that were rolled back, oldest first."""
    found = ledger.entries(model=model, kind=ROLLED_BACK)
    return tuple(Registered(**entry.body["rolled_back"]) for entry in found)


def require_new(ledger: Ledger, model: str, candidate: str) -> None:
    """Refuse a candidate that was rolled back, before it is registered or tested again.

    Raises
    ------
    InputError
        With the version that it equals.
    """
    for one in rolled_back(ledger, model):
        if one.digest == candidate:
            raise InputError(
                f"the candidate is version {one.version} of {model} again, byte for byte, which "
                "was rolled back because its improvement was gone; no look was spent. Bring other "
                "data or another recipe"
            )


def _last(ledger: Ledger, model: str) -> Entry | None:
    kinds = (PROMOTED, ROLLED_BACK)
    found = ledger.entries(model=model, kind=kinds, newest_first=True, limit=1)
    return found[0] if found else None
