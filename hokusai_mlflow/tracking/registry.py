"""The champion in the MLflow registry: found, registered, promoted, each at most once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)

from hokusai_mlflow.errors import ChampionMissing

CHAMPION = "champion"
CHALLENGER = "challenger"
NOT_THERE = frozenset(
    # A model that does not exist, and a model without the alias.
    ErrorCode.Name(code)
    for code in (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE)
)
DIGEST_TAG = "hokusai.digest"
ATTEMPT_TAG = "hokusai.attempt"


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes
    ----------
    model : str
        Registered model name.
    version : int
        Its number.
    digest : str
        Content digest of the model's files.
    attempt : str
        The attempt that made it.
    run_id : str
        MLflow run of that attempt.
    """

    model: str
    version: int
    digest: str
    attempt: str
    run_id: str

    def to_dict(self) -> dict[str, str | int]:
        """JSON-ready form without MLflow's random identifiers."""
        return {"version": self.version, "digest": self.digest}

    def remembered(self) -> dict[str, str | int]:
        """All fields: ``Registered(**remembered)`` gives it back."""
        return asdict(self)


def _registered(found: ModelVersion) -> Registered:
    tags = found.tags
    if DIGEST_TAG not in tags or ATTEMPT_TAG not in tags:
        raise ChampionMissing(
            f"version {found.version} of {found.name} was not registered by hokusai (it has no "
            f"{DIGEST_TAG} tag); move the alias {CHAMPION!r} to a version that was"
        )
    return Registered(
        found.name, int(found.version), tags[DIGEST_TAG], tags[ATTEMPT_TAG], found.run_id
    )


def version(client: MlflowClient, model: str, number: int) -> ModelVersion:
    """One version of a model.

    Raises
    ------
    ChampionMissing
        When the registry does not have it.
    """
    try:
        return client.get_model_version(model, str(number))
    except MlflowException as problem:
        raise ChampionMissing(
            f"version {number} of {model} is not in the registry any more ({problem.message}); "
            "restore it, or start over under another model name"
        ) from problem


def champion(client: MlflowClient, model: str) -> Registered | None:
    """The version that the alias `champion` points to, or None when there is none.

    Raises
    ------
    ChampionMissing
        When the alias points to a version that hokusai did not register.
    """
    try:
        found = client.get_model_version_by_alias(model, CHAMPION)
    except MlflowException as problem:
        if problem.error_code not in NOT_THERE:
            raise
        return None
    return _registered(found)


def register(
    client: MlflowClient, model: str, attempt: str, run_id: str, *, folder: Path, digest: str
) -> Registered:
    """Register a saved model as a new version, once per attempt.

    Parameters
    ----------
    client : MlflowClient
        The store.
    model : str
        Registered model name.
    attempt : str
        The attempt that made it; a version of this attempt is returned as it is.
    run_id : str
        MLflow run of the attempt.
    folder : Path
        The saved model.
    digest : str
        Its content digest.
    """
    try:
        client.create_registered_model(model, tags={"hokusai": "gated"})
    except MlflowException as problem:
        if problem.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    found = registered_by(client, model, attempt)
    if found is not None:
        return found
    logged = _logged_model(client, run_id)
    client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    made = client.create_model_version(
        model,
        source=f"models:/{logged.model_id}",
        run_id=run_id,
        model_id=logged.model_id,
        # In the same call as the version: a kill cannot leave an unmarked version behind.
        tags={DIGEST_TAG: digest, ATTEMPT_TAG: attempt},
    )
    return _registered(made)


def _logged_model(client: MlflowClient, run_id: str) -> LoggedModel:
    """The run's logged model, made when missing; one that a killed process left is filled again."""
    experiment = client.get_run(run_id).info.experiment_id
    found = client.search_logged_models(
        [experiment], filter_string=f"source_run_id = '{run_id}'", max_results=1
    )
    if found:
        return found[0]
    return client.create_logged_model(
        experiment, name="model", source_run_id=run_id, model_type="sklearn"
    )


def registered_by(client: MlflowClient, model: str, attempt: str) -> Registered | None:
    """The version that an attempt registered, or None."""
    # Backticks quote a tag's name in MLflow's filter language; the values are hex digits.
    found = client.search_model_versions(f"name = '{model}' and tags.`{ATTEMPT_TAG}` = '{attempt}'")
    return _registered(min(found, key=lambda v: int(v.version))) if found else None


def promote(client: MlflowClient, candidate: Registered, *, beaten: Registered | None) -> None:
    """Point the alias `champion` at a version; doing it again changes nothing.

    MLflow's aliases have no compare-and-swap, so this looks first: a champion that is neither the
    one that was beaten nor the candidate was put there by somebody else meanwhile.

    Raises
    ------
    ChampionMissing
        When the alias has moved since the comparison.
    """
    current = champion(client, candidate.model)
    expected = [candidate.version] if beaten is None else [candidate.version, beaten.version]
    if current is not None and current.version not in expected:
        raise ChampionMissing(
            f"version {candidate.version} of {candidate.model} beat another champion than the "
            f"alias points to now (version {current.version}); set the alias back and run again"
        )
    client.set_registered_model_alias(candidate.model, CHAMPION, str(candidate.version))


def restore(client: MlflowClient, champion: Registered, beaten: Registered) -> None:
    """Point the alias `champion` from a version back at the one that it beat; again, no change.

    Raises
    ------
    ChampionMissing
        When the alias points to neither, or the beaten version is gone.
    """
    found = _champion_now(client, champion.model)
    if found not in (champion.version, beaten.version):
        seen = "has none" if found is None else f"points to version {found}"
        raise ChampionMissing(
            f"version {champion.version} of {champion.model} is to be rolled back to version "
            f"{beaten.version}, but the alias {CHAMPION!r} {seen}; set it to one of the two"
        )
    version(client, beaten.model, beaten.version)
    client.set_registered_model_alias(beaten.model, CHAMPION, str(beaten.version))


def _champion_now(client: MlflowClient, model: str) -> int | None:
    found = champion(client, model)
    return None if found is None else found.version


def registered_names(client: MlflowClient) -> list[str]:
    """Names of all registered models."""
    found, token = [], None
    while True:
        page = client.search_registered_models(page_token=token)
        found += [one.name for one in page]
        token = page.token
        if not token:
            return found


def challenge(client: MlflowClient, candidate: Registered) -> None:
    """Point the alias `challenger` at a version that was judged last."""
    client.set_registered_model_alias(candidate.model, CHALLENGER, str(candidate.version))
