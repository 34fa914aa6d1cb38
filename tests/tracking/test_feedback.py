"""Human feedback on the traces of a real MLflow store becomes a table of ratings."""

import time
from collections import Counter
from uuid import uuid4

import mlflow
import pytest
from mlflow.entities import AssessmentSource, Feedback, TraceInfo, TraceLocation, TraceState
from mlflow.tracing.client import TracingClient

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.tracking import feedback as module
from hokusai_mlflow.tracking.feedback import newest_words, read_feedback

ANN, BOB = AssessmentSource("HUMAN", "ann"), AssessmentSource("HUMAN", "bob")
JUDGE, CODE = AssessmentSource("LLM_JUDGE", "a-model"), AssessmentSource("CODE", "regex")


class Experiment:
    def __init__(self, client, name, folder):
        self.client, self.name = client, name
        self.id = client.create_experiment(name, artifact_location=folder.as_uri())

    def trace(self, metadata=None, **tags):
        # As a client's exporter hands traces over, which it does in the background.
        info = TraceInfo(
            trace_id=f"tr-{uuid4().hex}",
            trace_location=TraceLocation.from_experiment_id(self.id),
            request_time=time.time_ns() // 1_000_000,
            state=TraceState.OK,
            tags=tags,
            trace_metadata=metadata or {},
        )
        return TracingClient(mlflow.get_tracking_uri()).start_trace(info).trace_id

    def rate(self, trace, value, source, name="quality"):
        # MLflow's clock counts milliseconds.
        time.sleep(0.002)
        return mlflow.log_feedback(trace_id=trace, name=name, value=value, source=source)

    def read(self, **options):
        return read_feedback(self.client, self.name, **{"name": "quality", **options})


@pytest.fixture
def experiment(client, request, tmp_path):
    return Experiment(client, request.node.name, tmp_path)


def rows(ratings):
    columns = (ratings.items, ratings.raters, ratings.systems, ratings.ratings)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_the_newest_valid_word_of_every_person(experiment):
    first = experiment.trace(item="q1", system="old")
    experiment.rate(first, 2, ANN)
    experiment.rate(first, 4, ANN)
    experiment.rate(first, 5, BOB)
    experiment.rate(first, 1, JUDGE)
    experiment.rate(first, 1, CODE)
    experiment.rate(first, 1, ANN, name="politeness")
    mlflow.log_expectation(trace_id=first, name="quality", value=5, source=ANN)
    second = experiment.trace(item="q1", system="new")
    overridden = experiment.rate(second, 1, ANN)
    mlflow.override_feedback(
        trace_id=second, assessment_id=overridden.assessment_id, value=3, source=ANN
    )
    mlflow.log_feedback(trace_id=second, name="quality", error=ValueError("no"), source=BOB)
    experiment.trace(item="q2", system="new")
    found = experiment.read()
    assert rows(found) == [
        ("q1", "ann", "new", 3),
        ("q1", "ann", "old", 4),
        ("q1", "bob", "old", 5),
    ]
    assert found.left_out == {"failed": 1, "other sources": 2, "overridden": 1, "replaced": 1}
    assert repr(found).endswith(
        "2 other sources left out, 1 overridden left out, 1 replaced left out>"
    )


def test_a_later_update_counts_as_newer(experiment):
    trace = experiment.trace(item="q1", system="old")
    early = experiment.rate(trace, 2, ANN)
    experiment.rate(trace, 4, ANN)
    time.sleep(0.002)
    mlflow.update_assessment(
        trace_id=trace,
        assessment_id=early.assessment_id,
        assessment=mlflow.entities.Feedback(name="quality", value=1),
    )
    assert rows(experiment.read()) == [("q1", "ann", "old", 1)]


def test_every_page_and_other_names_of_tags(experiment, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    for at in range(5):
        trace = experiment.trace(question=f"q{at}", version="7")
        experiment.rate(trace, at % 2 == 0, ANN)
    found = experiment.read(item="question", system="version")
    assert [row[0] for row in rows(found)] == ["q0", "q1", "q2", "q3", "q4"]
    assert found.ratings.sum() == 3
    some = experiment.read(item="question", system="version", where="tag.question = 'q3'")
    assert rows(some) == [("q3", "ann", "7", 0)]


def test_metadata_tells_what_tags_do_not(experiment):
    trace = experiment.trace({"item": "other", "model": "m-1"}, item="q1")
    experiment.rate(trace, 4, ANN)
    assert rows(experiment.read(system="model")) == [("q1", "ann", "m-1", 4)]


def test_traces_that_do_not_tell_their_item(experiment):
    experiment.rate(experiment.trace(system="old"), 4, ANN)
    with pytest.raises(InputError, match="no tag or metadata 'item'"):
        experiment.read()


def test_two_answers_of_one_system_to_an_item(experiment):
    for _ in range(2):
        experiment.rate(experiment.trace(item="q1", system="old"), 4, ANN)
    with pytest.raises(InputError, match="item 'q1', rater 'ann', system 'old'"):
        experiment.read()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["good", "bad"], "expected numbers, found strings"),
        ([4, True], "numbers or booleans, found both"),
        ([4, {"stars": 5}], "one kind"),
        ([4, float("nan")], "finite"),
    ],
    ids=["strings", "mixed", "nested", "nan"],
)
def test_values_that_are_no_ratings(experiment, values, why):
    for at, value in enumerate(values):
        experiment.rate(experiment.trace(item=f"q{at}", system="old"), value, ANN)
    with pytest.raises(InputError, match=why):
        experiment.read()


def test_contradictions_in_the_same_millisecond(experiment, monkeypatch):
    trace = experiment.trace(item="q1", system="old")
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    experiment.rate(trace, 2, ANN)
    experiment.rate(trace, 4, ANN)
    with pytest.raises(InputError, match=r"'ann' left .* in the same millisecond"):
        experiment.read()


def test_names_that_are_not_there(client, experiment):
    experiment.rate(experiment.trace(item="q1", system="old"), 4, JUDGE)
    with pytest.raises(UnknownName, match=r"no human feedback 'quality'.*'other sources': 1"):
        experiment.read()
    with pytest.raises(UnknownName, match="did you mean 'quality'"):
        experiment.read(name="qualty")
    with pytest.raises(UnknownName, match="no experiment 'elsewhere'"):
        read_feedback(client, "elsewhere", name="quality")


def test_two_spellings_are_one_rater():
    given = [
        Feedback(
            name="rating",
            value=value,
            source=AssessmentSource("HUMAN", name),
            create_time_ms=at,
            last_update_time_ms=at,
        )
        for at, (name, value) in enumerate([("Ann", 2), ("ann ", 4), ("ben", 1)])
    ]
    left_out = Counter()
    found = newest_words(given, left_out)
    assert {name: word.value for name, word in found.items()} == {"ann": 4, "ben": 1}
    assert left_out == {"replaced": 1}
