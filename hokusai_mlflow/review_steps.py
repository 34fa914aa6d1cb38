"""Steps for people: the report on the flow run's page, links both ways, and a word of approval."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from mlflow.entities import RunTag
from prefect import runtime
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from hokusai_mlflow import approval as approvals
from hokusai_mlflow.approval import Approval
from hokusai_mlflow.attempt import Attempt
from hokusai_mlflow.judgement import Judgement
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.report.report import Report
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.stepping import step
from hokusai_mlflow.tracking import registry
from hokusai_mlflow.tracking.links import run_link
from hokusai_mlflow.tracking.store import connect

HOUR = 3_600


class Review(RunInput):
    """The form that a suspended flow run shows.

    Parameters
    ----------
    word : {"approve", "refuse"}
        Whether the candidate becomes the champion.
    reviewer : str
        Your name, for the ledger.
    note : str
        Why.
    """

    word: Literal["approve", "refuse"]
    reviewer: str = Field(pattern=r"\S", max_length=500)
    note: str = Field("", max_length=2_000)


def review(judgement: Judgement) -> Judgement:
    """Ask a person before a promotion, where the spec asks for one; their first word stands.

    With ``via: mlflow`` the run ends while nobody has answered, and the next one asks again. With
    ``via: prefect`` the flow run is suspended until its form is filled in (a run without a
    deployment is paused), and taken up from its first step then: every step knows what it did.
    """
    plan = judgement.attempt.inputs.spec.approval
    if plan is None or not judgement.decision.promoted:
        return judgement
    said = known_word(judgement)
    if said.state == "awaiting" and plan.via == "prefect":
        said = record_word(judgement, _ask(judgement, plan.hours * HOUR))
    return replace(judgement, approval=said)


@step
def known_word(judgement: Judgement) -> Approval:
    """What a person has said so far, in the ledger or in the version's tags."""
    attempt, settings = judgement.attempt, Settings().prepare()
    plan = attempt.inputs.spec.approval
    assert plan is not None
    with Ledger(settings.ledger) as ledger:
        said = approvals.recorded(ledger, attempt.id)
        if said is not None:
            return said
        if plan.via == "mlflow":
            version = registry.version(
                connect(settings), attempt.model, judgement.candidate.version
            )
            said = approvals.from_tags(version.tags)
            if said.state != "awaiting":
                return approvals.record(ledger, attempt.model, attempt.id, said)
    return Approval("awaiting", plan.via)


@step
def record_word(judgement: Judgement, said: Approval) -> Approval:
    """Write down what was said in a form."""
    attempt = judgement.attempt
    with Ledger(Settings().prepare().ledger) as ledger:
        return approvals.record(ledger, attempt.model, attempt.id, said)


def _ask(judgement: Judgement, seconds: int) -> Approval:
    """Suspend the flow run until its form is filled in."""
    attempt, candidate = judgement.attempt, judgement.candidate
    form = Review.with_initial_data(
        description=(
            f"Version {candidate.version} of {attempt.model} passed every requirement.\n\n"
            f"`{judgement.decision.signature}`"
        ),
        word="refuse",
    )
    ask = suspend_flow_run if runtime.deployment.id else pause_flow_run
    answer = ask(wait_for_input=form, timeout=seconds, key=f"review-{attempt.id}")
    word = approvals.WORDS[answer.word]
    return Approval(word, "prefect", answer.reviewer.strip(), answer.note.strip())


def link(attempt: Attempt, settings: Settings) -> str:
    """Links between the MLflow run and the flow run; returns the flow run's address or id.

    Prefect gets a link only where MLflow is a server with an address of its own.
    """
    flow_run = str(runtime.flow_run.id or "")
    if not flow_run:
        return ""
    client = connect(settings)
    address = str(runtime.flow_run.ui_url or "")
    # A temporary server has no page.
    address = address if address.startswith(("http://", "https://")) else ""
    tags = {"hokusai.flow_run": flow_run} | ({"hokusai.flow_run_url": address} if address else {})
    client.log_batch(attempt.run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    experiment = client.get_run(attempt.run_id).info.experiment_id
    if page := run_link(settings, experiment, attempt.run_id):
        create_link_artifact(
            page, f"{attempt.model} in MLflow", key=artifact_key(attempt.model, "mlflow")
        )
    return address or flow_run


def tell(report: Report) -> None:
    """Put the report on the flow run's page in Prefect."""
    create_markdown_artifact(report.to_markdown(), key=artifact_key(report.model))


def artifact_key(model: str, *more: str) -> str:
    """Key of an artifact in Prefect, which knows small letters, digits and dashes."""
    name = "".join(c if c.isalnum() else "-" for c in model.lower()).strip("-")
    return "-".join(("hokusai", name, *more))
