"""A round of ratings: what people are asked about an attempt's models, and what they said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient

from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.contributions.dataset import Dataset
from hokusai_mlflow.errors import InputError, LedgerConflict
from hokusai_mlflow.evidence import canonical, digest
from hokusai_mlflow.inputs import PAYMENT
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ratings.blinding import Blinding, Question, Unblinded, described
from hokusai_mlflow.ratings.given import GivenRatings
from hokusai_mlflow.recipe import predict
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking import runs
from hokusai_mlflow.tracking.answers import experiment_of, publish_answers, read_ratings
from hokusai_mlflow.trial import Models

ASKED, COUNTED = "ratings.asked", "ratings.counted"
STORED = "ratings/given.json"


@dataclass(frozen=True, repr=False)
class Round:
    """What people are asked about an attempt's two models.

    Attributes
    ----------
    name : str
        Blinded name of the round.
    blinding : Blinding
        Draws names, orders and sides.
    questions : tuple of Question
        About the sealed hold-out and the payment set, mixed.
    unblinded : mapping of str to tuple of Unblinded
        By part of the pool.
    """

    name: str
    blinding: Blinding
    questions: tuple[Question, ...]
    unblinded: Mapping[str, tuple[Unblinded, ...]]

    @property
    def digest(self) -> str:
        """Identity of the questions and answers."""
        return round_digest(self.name, self.questions)

    def __repr__(self) -> str:
        return f"Round({self.name}: {len(self.questions):,} questions)"


def round_digest(name: str, questions: Sequence[Question]) -> str:
    """Identity of a round's questions and answers."""
    return digest([name, described(questions)])


def require_asked(asked: Mapping[str, Any], questions: Sequence[Question]) -> None:
    """Check that questions are those that the ledger says were asked.

    Raises
    ------
    LedgerConflict
        When one is missing, added or changed.
    """
    if round_digest(asked["round"], questions) != asked["digest"]:
        raise LedgerConflict(
            "the answers in MLflow are not those that people were asked about: one is missing, "
            "added or changed; `hokusai run` writes missing ones again and names changed ones"
        )


def blinding_of(attempt_id: str, model: str, settings: Settings) -> Blinding:
    """What draws names, orders and sides for an attempt."""
    return Blinding(settings.prepare().blinding_key(model), attempt_id)


def round_of(attempt: Attempt, models: Models, settings: Settings) -> Round:
    """Ask both models about the sealed hold-out and the payment set.

    Raises
    ------
    RecipeError, InputError
        When a model fails on an example, or says nothing that people could rate.
    """
    spec = attempt.inputs.spec
    blinding = blinding_of(attempt.id, attempt.model, settings)
    parts = [attempt.holdout, *([PAYMENT] if spec.pay == "fresh" else [])]
    rows = attempt.inputs.part(*parts)
    said = [
        predict(
            model, rows.features, attempt.inputs.automatic_metric, name=who, targets=rows.targets
        ).tolist()
        for who, model in (("champion", models.champion), ("candidate", models.candidate))
    ]
    questions, unblinded = blinding.ask(rows.ids.tolist(), prompts(rows), *said)
    by_part: dict[str, list[Unblinded]] = {part: [] for part in parts}
    part_of = dict(zip(attempt.inputs.pool.ids.tolist(), attempt.inputs.parts, strict=True))
    for one in unblinded:
        by_part[part_of[one.item]].append(one)
    return Round(
        blinding.name("round")[:16],
        blinding,
        questions,
        {part: tuple(found) for part, found in by_part.items()},
    )


def prompts(rows: Dataset) -> list[str]:
    """What raters are shown of examples: the one feature, or each with its name."""
    columns = [str(column) for column in rows.features.columns]
    values = rows.features.astype(str).to_numpy().tolist()
    if len(columns) == 1:
        return [str(value[0]) for value in values]
    return [
        "\n".join(f"{name}: {told}" for name, told in zip(columns, value, strict=True))
        for value in values
    ]


def ask(attempt: Attempt, models: Models, client: MlflowClient, settings: Settings) -> Round:
    """Leave both models' answers where people rate them; again changes nothing.

    Raises
    ------
    LedgerConflict
        When the models answer otherwise than when people were asked.
    """
    asked = round_of(attempt, models, settings)
    experiment = experiment_of(client, attempt.model, settings)
    time_ms = int(client.get_run(attempt.run_id).info.start_time)
    body = {
        "round": asked.name,
        "digest": asked.digest,
        "experiment": experiment,
        "questions": len(asked.questions),
        "answers": sum(len(question.answers) for question in asked.questions),
        "scale": list(attempt.inputs.spec.human.scale or ()),
        "raters_per_item": attempt.inputs.spec.human.raters_per_item,
    }
    with Ledger(settings.ledger) as ledger:
        stored = ledger.get(ASKED, attempt.id)
        if stored is not None and stored.body["digest"] != asked.digest:
            raise LedgerConflict(
                f"champion or candidate of {attempt.model} answers otherwise than when people were "
                "asked; ratings of other answers cannot count. Models must say the same each time: "
                "fix their seeds in the recipe"
            )
        publish_answers(client, experiment, asked.name, asked.questions, time_ms=time_ms)
        if stored is None:
            # Only now is there something to be rated.
            ledger.append(ASKED, attempt.id, body, model=attempt.model, attempt=attempt.id)
    return asked


def counted(attempt: Attempt, settings: Settings) -> bool:
    """Whether the ratings of an attempt were taken up, so that later ones do not count."""
    with Ledger(settings.ledger) as ledger:
        return ledger.get(COUNTED, attempt.id) is not None


def found_so_far(attempt: Attempt, asked: Round, client: MlflowClient) -> GivenRatings:
    """Ratings on the answers of an attempt.

    Raises
    ------
    InputError
        When one is off the scale; `LedgerConflict` when the answers are not as they were left.
    """
    experiment = client.get_experiment_by_name(f"{attempt.model} ratings")
    scale = attempt.inputs.spec.human.scale
    assert experiment is not None, "answers were left there"
    assert scale is not None, "the spec was checked"
    return read_ratings(client, experiment.experiment_id, asked.name, asked.questions, scale=scale)


def still_to_rate(attempt: Attempt, asked: Round, given: GivenRatings) -> int:
    """Questions that fewer people than the spec asks for have rated in full."""
    least = attempt.inputs.spec.human.raters_per_item
    return sum(count < least for count in given.complete(asked.questions).values())


def count_ratings(
    attempt: Attempt, asked: Round, client: MlflowClient, settings: Settings
) -> GivenRatings:
    """The ratings that count: taken up once, after the look was spent, and kept with the run.

    Raises
    ------
    LedgerConflict
        When ratings have gone since they were complete, or the kept ones were changed.
    """
    with Ledger(settings.ledger) as ledger:
        stored = ledger.get(COUNTED, attempt.id)
        if stored is None:
            given = found_so_far(attempt, asked, client)
            if missing := still_to_rate(attempt, asked, given):
                raise LedgerConflict(
                    f"{missing:,} questions have lost ratings since they were complete; restore "
                    "them in MLflow and run again. Nothing was computed on them"
                )
            text = canonical(given.to_dict()).decode()
            runs.upload_text(client, attempt.run_id, {STORED: text})
            body = {"digest": digest(given.to_dict()), "ratings": len(given.rows)}
            stored = ledger.append(
                COUNTED, attempt.id, body, model=attempt.model, attempt=attempt.id
            )
    kept = json.loads(runs.read_text(client, attempt.run_id, STORED) or "null")
    if kept is None or digest(kept) != stored.body["digest"]:
        raise LedgerConflict(
            f"the ratings kept with the run {attempt.run_id} ({STORED}) are not those that were "
            "counted; restore the artifact"
        )
    return GivenRatings.from_dict(kept)


def open_round(ledger: Ledger, model: str) -> tuple[str, Mapping[str, Any]]:
    """The attempt of a model that waits for ratings, and what the ledger says of its round.

    Raises
    ------
    InputError
        When none does.
    """
    closed = {entry.attempt for entry in ledger.entries(model=model, kind="attempt.closed")}
    for entry in ledger.entries(model=model, kind=ASKED, newest_first=True):
        attempt = str(entry.attempt)
        if attempt in closed:
            continue
        if ledger.get(COUNTED, attempt) is not None:
            raise InputError(
                f"the ratings of {model} were counted already; `hokusai run` finishes the attempt"
            )
        return attempt, entry.body
    raise InputError(
        f"no attempt of {model} waits for ratings; `hokusai run` begins one when there is "
        "something new to rate"
    )
