"""Human ratings from the feedback that people leave on MLflow traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import AssessmentSourceType, Feedback, Trace

from hokusai_mlflow.errors import InputError, UnknownName, did_you_mean
from hokusai_mlflow.ratings import Ratings
from hokusai_mlflow.ratings.columns import who

PAGE = 500


def read_feedback(
    client: MlflowClient,
    experiment: str,
    *,
    name: str,
    item: str = "item",
    system: str = "system",
    where: str | None = None,
) -> Ratings:
    """Ratings that people gave to the traces of an experiment.

    MLflow keeps every feedback that was ever logged, of people, language models and code in one
    table. What counts here is the newest valid feedback of a rater on a trace, from a source of the
    type HUMAN; the rater is its source id. The rest is left out and counted by reason.

    Parameters
    ----------
    client : MlflowClient
        The store.
    experiment : str
        Name of the experiment that holds the traces.
    name : str
        Name of the feedback, for example "quality". Its values must be numbers, or all booleans.
    item, system : str
        Tags of a trace, or keys of its metadata when there is no such tag, that tell what was
        answered (the question's id) and which system answered.
    where : str, optional
        Filter of traces in MLflow's search language.

    Returns
    -------
    Ratings
        `left_out` counts "other sources", "failed" (an error in place of a value), "overridden"
        and "replaced" (by a newer one of the same rater).

    Raises
    ------
    UnknownName
        When there is no such experiment, or no feedback of that name.
    InputError
        When a rated trace does not tell its item or system, a value is no number, a rater left two
        different ones in the same millisecond, or rated one system's answers to an item twice.
    """
    found = client.get_experiment_by_name(experiment)
    if found is None:
        known = [each.name for each in client.search_experiments()]
        raise UnknownName(f"no experiment {experiment!r}{did_you_mean(experiment, known)}")
    rows, names, left_out = [], set(), Counter[str]()
    for trace in traces(client, found.experiment_id, where):
        given = [each for each in trace.info.assessments if isinstance(each, Feedback)]
        names |= {each.name for each in given}
        counted = newest_words([each for each in given if each.name == name], left_out)
        rows += [
            (_told(trace, item), rater, _told(trace, system), word.value)
            for rater, word in counted.items()
        ]
    if not rows:
        seen = f"; there were {dict(left_out)}" if left_out else did_you_mean(name, names)
        raise UnknownName(f"no human feedback {name!r} in the experiment {experiment!r}{seen}")
    items, raters, systems, values = zip(*rows, strict=True)
    kinds = {isinstance(value, bool) for value in values}
    if len(kinds) > 1:
        raise InputError(f"feedback {name!r}: expected numbers or booleans, found both")
    ratings = np.array(values, dtype=object)
    return Ratings(
        np.array(items),
        np.array(raters),
        np.array(systems),
        ratings,
        dict(sorted(left_out.items())),
    )


def traces(
    client: MlflowClient, experiment: str, where: str | None, *, spans: bool = False
) -> Iterator[Trace]:
    """Traces of an experiment (its id) that a filter chooses, page by page."""
    token = None
    while True:
        page = client.search_traces(
            locations=[experiment],
            filter_string=where,
            max_results=PAGE,
            page_token=token,
            include_spans=spans,
        )
        yield from page
        token = page.token
        if not token:
            return


def newest_words(given: list[Feedback], left_out: Counter[str]) -> dict[str, Feedback]:
    """The newest valid feedback of every human rater; the rest is counted by reason.

    Raises
    ------
    InputError
        When a rater left two different values in the same millisecond.
    """
    newest: dict[str, Feedback] = {}
    for each in given:
        reason = _unfit(each)
        if reason is not None:
            left_out[reason] += 1
            continue
        rater = who(each.source.source_id)
        other = newest.get(rater)
        if other is None:
            newest[rater] = each
            continue
        left_out["replaced"] += 1
        if _time(each) == _time(other) and each.value != other.value:
            raise InputError(
                f"feedback {each.name!r} on the trace {each.trace_id}: {rater!r} left "
                f"{other.value!r} and {each.value!r} in the same millisecond; delete one"
            )
        if _time(each) > _time(other):
            newest[rater] = each
    return newest


def _unfit(feedback: Feedback) -> str | None:
    if feedback.source.source_type != AssessmentSourceType.HUMAN:
        return "other sources"
    if feedback.valid is False:
        return "overridden"
    return "failed" if feedback.error is not None else None


def _time(feedback: Feedback) -> int:
    return feedback.last_update_time_ms or feedback.create_time_ms or 0


def _told(trace: Trace, key: str) -> str:
    for told in (trace.info.tags, trace.info.trace_metadata):
        if told.get(key):
            return str(told[key])
    raise InputError(
        f"the trace {trace.info.trace_id} was rated, but has no tag or metadata {key!r}; "
        "set it with mlflow.set_trace_tag, or name another one"
    )
