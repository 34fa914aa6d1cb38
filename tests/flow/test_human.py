"""Models that people judge: asked blind, counted after the look, paid once."""

import csv
import json
import os
from pathlib import Path

import mlflow
import pytest
from flow_project import Project
from human_project import MODEL, fill_in, raters_rate, write_human_project, write_rows
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource
from scipy import stats

from hokusai_mlflow.cli.ratings import export, import_, status
from hokusai_mlflow.errors import InputError, LedgerConflict
from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow
RATERS = ("ann", "ben", "cleo", "chance")


def client_of(project: Project) -> MlflowClient:
    uri = f"sqlite:///{project.home / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    # MLflow leaves it there, where it would be taken for the user's choice.
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    return MlflowClient(uri, uri)


def entries(project: Project, kind: str) -> list:
    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        return ledger.entries(model=MODEL, kind=kind)


def traces(project: Project) -> list:
    client = client_of(project)
    experiment = client.get_experiment_by_name(f"{MODEL} ratings")
    return list(client.search_traces(locations=[experiment.experiment_id], max_results=500))


@pytest.fixture(autouse=True, scope="module")
def _own_store():
    """Commands of this process work on the project's store, and leave the process as it was."""
    before, home = mlflow.get_tracking_uri(), os.environ.get("HOKUSAI_HOME")
    yield
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.pop("HOKUSAI_HOME", None)
    if home is not None:
        os.environ["HOKUSAI_HOME"] = home


@pytest.fixture(scope="module")
def asking(runner, tmp_path_factory):
    """A project whose candidate waits for ratings, and the receipt that says so."""
    folder = tmp_path_factory.mktemp("asking") / "project"
    write_human_project(folder)
    made = Project(folder, runner)
    baseline, waiting = made.run(times=2).receipts
    assert baseline["outcome"] == "baseline"
    return made, waiting


@pytest.fixture
def asked(asking, tmp_path):
    project = asking[0].copy_to(tmp_path / "project")
    os.environ["HOKUSAI_HOME"] = str(project.home)
    return project


@pytest.fixture(scope="module")
def rated(asking, tmp_path_factory):
    """The same with all ratings in."""
    project = asking[0].copy_to(tmp_path_factory.mktemp("rated") / "project")
    raters_rate(project, RATERS)
    return project


def test_waiting_tells_how_many_and_never_how(asking):
    project, receipt = asking
    assert receipt["outcome"] == "rating"
    assert "hokusai ratings export" in receipt["message"]
    assert not receipt["comparison"]
    assert not entries(project, "look")
    assert len(entries(project, "ratings.asked")) == 1
    client = client_of(project)
    run = client.get_run(receipt["run_id"])
    assert not [name for name in run.data.metrics if name.startswith(("eval/", "gate/"))]
    assert client.get_model_version_by_alias(MODEL, "champion").version == 1
    # Waiting again writes nothing again.
    count = len(traces(project))
    assert project.run().receipt["outcome"] == "rating"
    assert len(traces(project)) == count
    assert not entries(project, "look")


def test_nothing_on_traces_or_sheets_tells_the_model(asked):
    project = asked
    found = traces(project)
    body = entries(project, "ratings.asked")[0].body
    assert len(found) == body["answers"]
    # One time for all, no run, and the same tags with values that only name round and question.
    assert len({trace.info.request_time for trace in found}) == 1
    assert {trace.info.execution_duration for trace in found} == {0}
    assert {tuple(sorted(trace.info.trace_metadata)) for trace in found} == {
        ("mlflow.trace.infoFinalized",)
    }
    own = {key for trace in found for key in trace.info.tags if not key.startswith("mlflow.")}
    assert own == {"hokusai.round", "hokusai.question"}
    assert {trace.info.tags["hokusai.round"] for trace in found} == {body["round"]}
    spans = [span for trace in found for span in trace.data.spans]
    assert {span.name for span in spans} == {"answer"}
    assert len({(span.start_time_ns, span.end_time_ns) for span in spans}) == 1
    assert all(set(span.attributes) == set(spans[0].attributes) for span in spans)
    # The champion says "no idea" where the candidate knows: an answer that gives itself away, so
    # that the places where it stands can be counted.
    ids = sorted(trace.info.trace_id for trace in found)
    gives_away = {
        trace.info.trace_id for trace in found if trace.data.spans[0].outputs == "no idea"
    }
    pairs = len(gives_away)
    ranks = [ids.index(one) for one in gives_away]
    rest = [at for at in range(len(ids)) if ids[at] not in gives_away]
    assert stats.mannwhitneyu(ranks, rest).pvalue > 1e-4
    left = 0
    for name in ("ann", "ben", "cleo"):
        export(project.spec_path, name, project.folder / f"{name}-blind.csv")
        with open(project.folder / f"{name}-blind.csv", encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert set(rows[0]) == {"row", "prompt", "answer_a", "answer_b", "rating_a", "rating_b"}
        both = [row for row in rows if row["answer_b"]]
        left += sum(row["answer_a"] == "no idea" for row in both)
        told = (project.folder / f"{name}-blind.csv").read_text(encoding="utf-8-sig")
        for word in ("champion", "candidate", "version", body["round"], name, "holdout", "payment"):
            assert word not in told
    assert stats.binomtest(left, 3 * pairs).pvalue > 1e-4, (left, pairs)


def test_ratings_decide_and_pay_once(rated, tmp_path):
    project = rated.copy_to(tmp_path / "project")
    os.environ["HOKUSAI_HOME"] = str(project.home)
    promoted, nothing = project.run(times=2).receipts
    assert promoted["outcome"] == "promoted", promoted["message"]
    assert promoted["settlement"]["state"] == "confirmed"
    assert nothing["outcome"] == "nothing_new"
    assert len(entries(project, "look")) == 1
    order = [
        entry.kind
        for entry in _all(project)
        if entry.kind in ("ratings.asked", "look", "ratings.counted", "attempt.decided")
    ]
    assert order == ["ratings.asked", "look", "ratings.counted", "attempt.decided"]
    document = _artifact(project, promoted["run_id"], "gate/evidence.json")
    people = document["people"]
    assert len(people["screening"]["raters"]) == 4
    (excluded,) = people["excluded"]
    names = _artifact(project, promoted["run_id"], "ratings/raters.json")
    assert names[excluded] == "chance"
    assert sorted(names.values()) == sorted(RATERS)
    assert people["agreement"]["alpha"] > 0.667
    assert people["interval"][0] < people["agreement"]["alpha"] < people["interval"][1]
    # Evidence is for everybody, and raters' names are not.
    assert not set(RATERS) & set(json.dumps(document).replace('"', " ").split())
    page = _text(project, promoted["run_id"], "gate/report.html")
    assert "Krippendorff" in page
    assert excluded in page
    with pytest.raises(InputError, match="no attempt"):
        status(project.spec_path)


def _all(project: Project) -> list:
    with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
        return ledger.entries(model=MODEL)


def _text(project: Project, run_id: str, path: str) -> str:
    client = client_of(project)
    local = client.download_artifacts(run_id, path, str(project.folder))
    return Path(local).read_text(encoding="utf-8")


def _artifact(project: Project, run_id: str, path: str) -> dict:
    return json.loads(_text(project, run_id, path))


KILLED = {
    "look spent, no rating read": {"entry": "look", "when": "after"},
    "ratings kept, not counted": {"entry": "ratings.counted", "when": "before"},
    "ratings counted, nothing compared": {"entry": "ratings.counted", "when": "after"},
    "judged, not written": {"entry": "attempt.decided", "when": "in"},
    "promoted, not measured": {"entry": "attempt.promoted", "when": "after"},
    "evidence written": {"entry": "attempt.evidence", "when": "after"},
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("point", KILLED)
def test_killed_runs_are_finished_with_the_same_evidence(rated, tmp_path, point):
    project = rated.copy_to(tmp_path / "project")
    assert project.run(expect=None, kill=KILLED[point]).killed
    counted = bool(entries(project, "ratings.counted"))
    os.environ["HOKUSAI_HOME"] = str(project.home)
    if counted:
        # What comes now comes too late, and changes nothing.
        trace = traces(project)[0].info.trace_id
        client_of(project)
        mlflow.log_feedback(
            trace_id=trace, name="rating", value=1, source=AssessmentSource("HUMAN", "late")
        )
        with pytest.raises(InputError, match="counted already"):
            status(project.spec_path)
    receipt = project.run().receipt
    assert receipt["outcome"] == "promoted"
    assert receipt["settlement"]["state"] == "confirmed"
    assert len(entries(project, "look")) == 1
    assert len(entries(project, "ratings.counted")) == 1
    people = _artifact(project, receipt["run_id"], "gate/evidence.json")["people"]
    assert len(people["screening"]["raters"]) == 4


@pytest.mark.exhaustive
@pytest.mark.parametrize("nth", [1, 20])
def test_killed_while_asking(runner, tmp_path, nth):
    folder = tmp_path / "project"
    write_human_project(folder)
    project = Project(folder, runner)
    project.run()
    kill = {
        "call": "mlflow.tracing.client:TracingClient.log_spans",
        "when": "after",
        "nth": nth,
    }
    assert project.run(expect=None, kill=kill).killed
    assert not entries(project, "ratings.asked")
    assert project.run().receipt["outcome"] == "rating"
    assert len(traces(project)) == entries(project, "ratings.asked")[0].body["answers"]


def test_what_cannot_count_stops_before_the_look(asked):
    project = asked
    trace = traces(project)[0].info.trace_id
    judge, ann = AssessmentSource("LLM_JUDGE", "a-model"), AssessmentSource("HUMAN", "ann")
    mlflow.log_feedback(trace_id=trace, name="rating", value=5, source=judge)
    told = project.run().receipt
    assert told["outcome"] == "rating"
    assert "0 have begun" in told["message"]
    mlflow.log_feedback(trace_id=trace, name="rating", value=6, source=ann)
    ran = project.run(expect=2)
    assert "from 1 to 5, found 6" in ran.error
    assert not entries(project, "look")
    assert not entries(project, "attempt.closed")[1:], "corrected ratings go on with the attempt"
    mlflow.log_feedback(trace_id=trace, name="rating", value=4, source=ann)
    assert "1 have begun" in project.run().receipt["message"]
    client_of(project).delete_trace_tag(trace, "hokusai.round")
    with pytest.raises(LedgerConflict, match="not those that people were asked about"):
        status(project.spec_path)


def test_sheets_come_back_once(asked, capsys):
    project = asked
    sheet = project.folder / "ann.csv"
    export(project.spec_path, "ann", sheet, ["1/3"])
    fill_in(project, sheet, "ann")
    import_(project.spec_path, sheet, "ann")
    assert "0 were there" in capsys.readouterr().out
    import_(project.spec_path, sheet, "ann")
    assert "0 ratings of ann written" in capsys.readouterr().out
    with pytest.raises(InputError, match="for this rater"):
        import_(project.spec_path, sheet, "ben")
    with pytest.raises(InputError, match="nothing is left"):
        export(project.spec_path, "ann", project.folder / "again.csv", ["1/3"])
    with open(sheet, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["rating_a"] = 1 if int(rows[0]["rating_a"]) > 1 else 2
    write_rows(sheet, rows)
    with pytest.raises(InputError, match="--replace"):
        import_(project.spec_path, sheet, "ann")
    import_(project.spec_path, sheet, "ann", replace=True)
    assert "1 of them in place of older ones" in capsys.readouterr().out
    status(project.spec_path)
    told = capsys.readouterr().out
    assert "ann: " in told
    assert "not counted: 1 replaced" in told


@pytest.mark.exhaustive
def test_other_tasks_have_nothing_to_rate(founded):
    os.environ["HOKUSAI_HOME"] = str(founded.home)
    with pytest.raises(InputError, match="only models of task: human"):
        status(founded.spec_path)
