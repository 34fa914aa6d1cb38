"""What is new about an attempt's inputs: which rows are accepted, and whose the change is.

Where nothing is new, nothing is attempted, and the reason says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from hokusai_mlflow.contributions.checks import ContributionCheck
from hokusai_mlflow.contributions.turns import Turn
from hokusai_mlflow.inputs import REFERENCE, Inputs, TrainingRows
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.quality.screening import Owned, screen
from hokusai_mlflow.recipe import Recipe, recipe_from_source
from hokusai_mlflow.tracking import registry
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.tracking.runs import download

RECIPE_PLAYER = "owner: recipe"
REFERENCE_PLAYER = "owner: reference rows"


@dataclass(frozen=True)
class Champion:
    """The registered version to beat, with what it was made from."""

    registered: Registered
    recipe: Recipe
    training: TrainingRows


def champion_of(client: MlflowClient, stored: Mapping[str, Any]) -> Champion:
    """The version that an entry of the ledger remembers, with what it was made from."""
    registered = Registered(**stored)
    registry.version(client, registered.model, registered.version)
    return Champion(registered, recipe_of(registered.run_id), trained_on(registered.run_id))


def recipe_of(run_id: str) -> Recipe:
    """The recipe that the version of an MLflow run was made with."""
    with tempfile.TemporaryDirectory() as scratch:
        inputs = download(run_id, "inputs", Path(scratch))
        return recipe_from_source((inputs / "recipe.py").read_text(encoding="utf-8"))


def trained_on(run_id: str) -> TrainingRows:
    """The rows that the version of an MLflow run was trained on."""
    with tempfile.TemporaryDirectory() as scratch:
        return TrainingRows.read(download(run_id, "training", Path(scratch)))


def assemble(
    inputs: Inputs,
    champion: Champion | None,
    retired: Sequence[str],
    turns: Sequence[Turn] | None = None,
    condemned: Sequence[str] = (),
) -> tuple[tuple[ContributionCheck, ...], TrainingRows, tuple[str, ...]]:
    """Checks of the contributions, the candidate's training rows, and the players."""
    reference = inputs.part(REFERENCE, *retired)
    if champion is None:
        # The first version is the owner's own: contributions are for its challengers.
        return (), TrainingRows(reference, {}), ()
    parts = {
        name: inputs.part(name)
        for name in sorted(set(inputs.parts.tolist()))
        if name not in retired
    }
    parts[REFERENCE] = reference
    # Rows of a version that was rolled back were paid for, and did not last: they are known.
    known = [*champion.training.parts, *(p for one in condemned for p in trained_on(one).parts)]
    owned = Owned(parts, reference, known, inputs.spec.task)
    checks = screen(
        inputs.contributions,
        owned,
        inputs.spec.quality,
        fit=inputs.recipe.fit,
        seed=inputs.spec.seed,
        turns=turns,
    )
    training = TrainingRows(reference, champion.training.contributed)
    players = []
    for contribution, check in zip(inputs.contributions, checks, strict=True):
        if check.accepted.any():
            players.append(check.name)
            training = training.with_rows(check.name, contribution.take(check.accepted))
    if inputs.recipe.digest != champion.recipe.digest:
        players.append(RECIPE_PLAYER)
    if reference.digest != champion.training.reference.digest:
        players.append(REFERENCE_PLAYER)
    return checks, training, tuple(players)


def nothing_new(ledger: Ledger, attempt: str, players: tuple[str, ...], champion: Champion) -> str:
    """Why there is nothing to attempt, or an empty string."""
    closed = ledger.get("attempt.closed", attempt)
    if closed is not None:
        return (
            f"the same inputs were judged before: {closed.body['outcome']}. No look was spent, "
            "nothing was trained and nothing was paid; add data, or change the recipe"
        )
    if set(players) <= {REFERENCE_PLAYER}:
        return (
            f"version {champion.registered.version} already has every acceptable contributed row "
            "and the recipe is unchanged. No look was spent, nothing was trained and nothing was "
            "paid; add data, or change the recipe"
        )
    return ""


def made_before(gone: Sequence[Registered], recipe: Recipe, training: TrainingRows) -> str:
    """Which version that was rolled back this recipe and these contributed rows made.

    Reference rows do not count, as they do not make an attempt of their own: a hold-out that
    retired since would have the same recipe promoted and rolled back in turns. Empty when none did.
    """
    for one in gone:
        same = recipe_of(one.run_id).digest == recipe.digest
        if same and _contributed(trained_on(one.run_id)) == _contributed(training):
            return (
                f"this recipe and these contributed rows made version {one.version}, which was "
                "rolled back because its improvement was gone. No look was spent, nothing was "
                "trained and nothing was paid; add data, or change the recipe"
            )
    return ""


def _contributed(training: TrainingRows) -> dict[str, str]:
    return {name: rows.digest for name, rows in training.contributed.items()}
