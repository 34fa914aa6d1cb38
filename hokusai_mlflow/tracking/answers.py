"""Answers under rating as MLflow traces, and the ratings that people leave on them.

A trace holds what was asked and what was answered, under a name that tells nothing, in an
experiment of its own, and all traces of a round have one and the same time: neither names nor
order, tags, metadata or clock say which model it was.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import mlflow
from mlflow import MlflowClient
from mlflow.entities import (
    AssessmentSource,
    Feedback,
    Span,
    Trace,
    TraceInfo,
    TraceLocation,
    TraceState,
)
from mlflow.tracing.client import TracingClient

from hokusai_mlflow.errors import InputError, LedgerConflict
from hokusai_mlflow.ratings.blinding import Question
from hokusai_mlflow.ratings.given import Given, GivenRatings, on_scale
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.tracking.feedback import newest_words, traces

FEEDBACK = "rating"
"""Name of the feedback that counts."""
ROUND_TAG, QUESTION_TAG = "hokusai.round", "hokusai.question"
SIDE, SHEET = "hokusai.side", "hokusai.sheet"
PREVIEW = 1_000


def experiment_of(client: MlflowClient, model: str, settings: Settings) -> str:
    """Id of the experiment in which answers of a model are rated, made when missing."""
    name = f"{model} ratings"
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    tags = {
        "mlflow.experimentKind": "genai_development",
        "mlflow.note.content": (
            f"Answers to be rated by people. Open a trace and leave the feedback **{FEEDBACK}**, a "
            "number on the scale that you were told, under your own name."
        ),
    }
    return str(client.create_experiment(name, settings.artifact_root, tags))


def publish_answers(
    client: MlflowClient,
    experiment: str,
    round_: str,
    questions: Sequence[Question],
    *,
    time_ms: int,
) -> int:
    """Make the traces of a round that are not there yet; returns how many.

    Parameters
    ----------
    client : MlflowClient
        The store.
    experiment : str
        Id of the experiment.
    round_ : str
        Name of the round.
    questions : sequence of Question
        All of it.
    time_ms : int
        The time that all of them bear.
    """
    there = {trace.info.trace_id for trace in traces(client, experiment, _of_round(round_))}
    tracing = TracingClient(mlflow.get_tracking_uri())
    wanted = [
        (name, question, text)
        for question in questions
        for name, text in question.answers
        if f"tr-{name}" not in there
    ]
    # In the order of names drawn by lot, whatever the order of questions.
    for name, question, text in sorted(wanted, key=lambda one: one[0]):
        info = TraceInfo(
            trace_id=f"tr-{name}",
            trace_location=TraceLocation.from_experiment_id(experiment),
            request_time=time_ms,
            execution_duration=0,
            state=TraceState.OK,
            request_preview=question.prompt[:PREVIEW],
            response_preview=text[:PREVIEW],
            tags={ROUND_TAG: round_, QUESTION_TAG: question.id},
        )
        # The span first: a trace that a crash left without one would count as made.
        tracing.log_spans(experiment, [_span(name, question.prompt, text, time_ms)])
        tracing.start_trace(info)
    return len(wanted)


def read_questions(client: MlflowClient, experiment: str, round_: str) -> tuple[Question, ...]:
    """The questions of a round, from its traces alone, in the order of their names."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for trace in traces(client, experiment, _of_round(round_), spans=True):
        spans, question = trace.data.spans, trace.info.tags.get(QUESTION_TAG, "")
        if len(spans) == 1:
            prompt, text = str(spans[0].inputs), str(spans[0].outputs)
            answers = found.setdefault(question, (prompt, []))[1]
            answers.append((trace.info.trace_id.removeprefix("tr-"), text))
    return tuple(
        Question(name, prompt, tuple(sorted(answers)))
        for name, (prompt, answers) in sorted(found.items())
    )


def read_ratings(
    client: MlflowClient,
    experiment: str,
    round_: str,
    questions: Sequence[Question],
    *,
    scale: tuple[float, float],
) -> GivenRatings:
    """Ratings that people left on the traces of a round: the newest of each on each.

    Raises
    ------
    InputError
        When a rating is no number on the scale.
    LedgerConflict
        When a trace is missing, or is not what was asked and answered.
    """
    expected = {
        f"tr-{name}": (question, name, text)
        for question in questions
        for name, text in question.answers
    }
    left_out: Counter[str] = Counter()
    rows: list[Given] = []
    there: set[str] = set()
    for trace in traces(client, experiment, _of_round(round_), spans=True):
        told = expected.get(trace.info.trace_id)
        if told is None:
            left_out["traces of no answer of this round"] += 1
            continue
        question, name, text = told
        _require_answer(trace, question, text)
        there.add(trace.info.trace_id)
        given = [one for one in trace.info.assessments if isinstance(one, Feedback)]
        left_out["other feedback"] += sum(one.name != FEEDBACK for one in given)
        words = newest_words([one for one in given if one.name == FEEDBACK], left_out)
        for rater, word in words.items():
            what = f"{FEEDBACK} on the trace {trace.info.trace_id} by {rater!r}"
            told_beside = word.metadata or {}
            by_sheet = SHEET in told_beside
            try:
                value = on_scale(word.value, *scale, what)
            except InputError as problem:
                raise InputError(
                    f"{problem}. Correct or delete this feedback on the trace's page in MLflow"
                ) from None
            rows.append(
                Given(
                    question.id,
                    name,
                    rater,
                    value,
                    str(told_beside.get(SIDE, "")),
                    None if by_sheet else (word.create_time_ms or 0) / 1_000,
                )
            )
    if missing := sorted(expected.keys() - there):
        raise LedgerConflict(
            f"{len(missing):,} of {len(expected):,} answers under rating are not in MLflow, such "
            f"as {missing[0]}; restore the store, or run `hokusai run` again, which writes them"
        )
    return GivenRatings(tuple(rows), {why: n for why, n in sorted(left_out.items()) if n})


def write_ratings(
    given: Sequence[Given],
    before: GivenRatings,
    *,
    sheet: str,
    replace: bool,
) -> Mapping[str, int]:
    """Leave a sheet's ratings on their traces; what is there already is not written again.

    Parameters
    ----------
    given : sequence of Given
        Of one rater, checked.
    before : GivenRatings
        What is there.
    sheet : str
        Digest of the sheet.
    replace : bool
        Whether another rating by the same rater is replaced; both stay on record, the newer counts.

    Returns
    -------
    mapping of str to int
        Ratings ``written``, ``replaced`` among them, and ``unchanged``.

    Raises
    ------
    InputError
        When the rater has rated an answer differently and `replace` is False; nothing is written.
    """
    known = {(row.answer, row.rater): row.value for row in before.rows}
    differs = [row for row in given if known.get((row.answer, row.rater), row.value) != row.value]
    if differs and not replace:
        one = differs[0]
        raise InputError(
            f"{one.rater!r} has rated {len(differs):,} of these answers differently before, such "
            f"as {known[one.answer, one.rater]:g} where the sheet has {one.value:g}; with "
            "--replace the newer ratings count"
        )
    new = [row for row in given if known.get((row.answer, row.rater)) != row.value]
    tracing = TracingClient(mlflow.get_tracking_uri())
    for row in new:
        whole = int(row.value) if math.isfinite(row.value) and row.value % 1 == 0 else row.value
        tracing.log_assessment(
            f"tr-{row.answer}",
            Feedback(
                name=FEEDBACK,
                value=whole,
                source=AssessmentSource("HUMAN", row.rater),
                metadata={SHEET: sheet, **({SIDE: row.side} if row.side else {})},
            ),
        )
    return {
        "written": len(new),
        "replaced": len(differs),
        "unchanged": len(given) - len(new),
    }


def _of_round(round_: str) -> str:
    return f"tags.`{ROUND_TAG}` = '{round_}'"


def _span(name: str, prompt: str, text: str, time_ms: int) -> Span:
    at = time_ms * 1_000_000
    return Span.from_dict(
        {
            "name": "answer",
            "trace_id": base64.b64encode(bytes.fromhex(name)).decode(),
            "span_id": base64.b64encode(bytes.fromhex(name)[:8]).decode(),
            "parent_span_id": None,
            "start_time_unix_nano": at,
            "end_time_unix_nano": at,
            "status": {"code": "STATUS_CODE_OK", "message": ""},
            "events": [],
            "attributes": {
                "mlflow.traceRequestId": json.dumps(f"tr-{name}"),
                "mlflow.spanType": json.dumps("LLM"),
                "mlflow.spanInputs": json.dumps(prompt),
                "mlflow.spanOutputs": json.dumps(text),
            },
        }
    )


def _require_answer(trace: Trace, question: Question, text: str) -> None:
    spans = trace.data.spans
    shown = (spans[0].inputs, spans[0].outputs) if len(spans) == 1 else None
    if shown != (question.prompt, text):
        raise LedgerConflict(
            f"the trace {trace.info.trace_id} does not show what was asked and answered: expected "
            f"{(question.prompt, text)!r}, found {shown!r}; ratings of another text cannot count"
        )
