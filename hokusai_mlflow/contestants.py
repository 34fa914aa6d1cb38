"""Champion and candidate, loaded from their registered files."""

from __future__ import annotations

from typing import Any

from hokusai_mlflow.attempt import Attempt, beaten
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking import models, registry
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.tracking.store import connect
from hokusai_mlflow.trial import Models


def load(attempt: Attempt, one: Registered, settings: Settings) -> Any:
    """A version of the attempt's model, its content checked."""
    client = connect(settings)
    version = registry.version(client, attempt.model, one.version)
    return models.load(client, version, expected_digest=one.digest)


def load_both(attempt: Attempt, candidate: Registered, settings: Settings) -> Models:
    """Champion and candidate."""
    return Models(*(load(attempt, one, settings) for one in (beaten(attempt), candidate)))
