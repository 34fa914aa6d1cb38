"""Steps of a run whose models are judged by people."""

from __future__ import annotations

import json

from prefect.artifacts import create_markdown_artifact

from hokusai_mlflow import rated, receipts, rounds, trial
from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.contestants import load_both
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.report.receipt import Receipt
from hokusai_mlflow.review_steps import artifact_key
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.stepping import given_up_on_failure, step
from hokusai_mlflow.tracking import runs
from hokusai_mlflow.tracking.registry import Registered
from hokusai_mlflow.tracking.store import connect
from hokusai_mlflow.trial import Trial

RATERS = "ratings/raters.json"
"""Artifact that tells whose the pseudonyms are."""


@step
def ask_raters(attempt: Attempt, candidate: Registered) -> Receipt | None:
    """Leave answers to be rated; None when nobody need be asked, or everybody has answered.

    While ratings are missing the attempt stays open: the next run takes it up and looks again.
    Ratings are only counted here; what they say is read when a look was spent.
    """
    settings = Settings().prepare()
    if not attempt.inputs.spec.kind.by_people or rounds.counted(attempt, settings):
        return None
    client = connect(settings)
    both = load_both(attempt, candidate, settings)
    with given_up_on_failure(attempt):
        rounds.round_of(attempt, both, settings)
    asked = rounds.ask(attempt, both, client, settings)
    given = rounds.found_so_far(attempt, asked, client)
    missing = rounds.still_to_rate(attempt, asked, given)
    if not missing:
        return None
    receipt = receipts.rating(attempt, candidate, len(asked.questions), missing, given)
    runs.log(
        client,
        attempt.run_id,
        tags={"hokusai.outcome": receipt.outcome, "mlflow.note.content": receipt.message},
    )
    create_markdown_artifact(receipt.message, key=artifact_key(attempt.model))
    return receipt


def gate_trial(attempt: Attempt, candidate: Registered, settings: Settings) -> Trial:
    """Spend one look, then take up the ratings, and compare."""
    client, both = connect(settings), load_both(attempt, candidate, settings)
    asked = rounds.ask(attempt, both, client, settings)
    if not rounds.counted(attempt, settings):
        # A flow without `ask_raters` must not spend a look on ratings that are not there.
        given = rounds.found_so_far(attempt, asked, client)
        if missing := rounds.still_to_rate(attempt, asked, given):
            raise InputError(
                f"{missing:,} questions about {attempt.model} need more ratings, and no look was "
                "spent; a flow asks for them with `steps.ask_raters` before `test_on_holdout` (see "
                "flows/improve.py)"
            )
    with given_up_on_failure(attempt), Ledger(settings.ledger) as ledger:
        look = trial.spend(attempt, candidate, ledger)
    given = rounds.count_ratings(attempt, asked, client, settings)
    with given_up_on_failure(attempt):
        tested = rated.rated_gate_trial(attempt, both, asked, given, level=look.level)
    if tested.people is not None:
        # Who is behind a pseudonym stays in the owner's store; evidence is for everybody.
        names = json.dumps(dict(tested.people.pseudonyms), ensure_ascii=False, indent=1)
        runs.upload_text(client, attempt.run_id, {RATERS: names})
    return tested


def payment_trial(
    attempt: Attempt, candidate: Registered, settings: Settings, *, level: float
) -> Trial:
    """What people gave on the payment set."""
    client, both = connect(settings), load_both(attempt, candidate, settings)
    asked = rounds.ask(attempt, both, client, settings)
    given = rounds.count_ratings(attempt, asked, client, settings)
    return rated.rated_payment_trial(attempt, both, asked, given, level=level)
