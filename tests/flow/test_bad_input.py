"""Bad input through the real flow: a clear error, and nothing is changed."""

import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest
from flow_project import clean_environment
from mlflow import MlflowClient

from hokusai_mlflow.chain.connect import connect as connect_chain
from hokusai_mlflow.chain.connect import open_local_chain
from hokusai_mlflow.chain.local.server import serve
from hokusai_mlflow.inputs import read_inputs
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings

pytestmark = pytest.mark.flow

CURTAILED = """
from sklearn.neighbors import KNeighborsClassifier

class Curtailed(KNeighborsClassifier):
    def predict(self, features):
        return super().predict(features)[:-1]

def build(seed):
    return Curtailed(n_neighbors=1)
"""
ONE_FOLD_FAILS = """
from sklearn.neighbors import KNeighborsClassifier

class Fussy(KNeighborsClassifier):
    def fit(self, features, targets):
        if not (features["x"] == {value!r}).any():
            raise ValueError("without this row I cannot learn")
        return super().fit(features, targets)

def build(seed):
    return Fussy(n_neighbors=1)
"""
ONE_ROW_FAILS = """
from sklearn.neighbors import KNeighborsClassifier

class Shy(KNeighborsClassifier):
    def predict(self, features):
        if (features["x"] == {value!r}).any():
            raise ValueError("I do not know this one")
        return super().predict(features)

def build(seed):
    return Shy(n_neighbors=1)
"""


def ledger_of(project):
    return Ledger(f"sqlite:///{project.home / 'ledger.db'}")


def mlflow_of(project):
    uri = f"sqlite:///{project.home / 'mlflow.db'}"
    return MlflowClient(uri, uri)


def state(project):
    """Everything that bad input must leave as it is."""
    with ledger_of(project) as ledger:
        head = ledger.head()
    with closing(sqlite3.connect(project.home / "mlflow.db")) as store:
        versions = store.execute("SELECT name, version, current_stage FROM model_versions")
        aliases = store.execute("SELECT name, alias, version FROM registered_model_aliases")
        registry = sorted(versions.fetchall()), sorted(aliases.fetchall())
    chain = connect_chain(rpc_url=None, chain_id=None, home=project.home)
    return head, registry, chain.eth.block_number


def kinds(project):
    with ledger_of(project) as ledger:
        return [entry.kind for entry in ledger.entries()]


def change(project, name, **columns):
    project.write(name, project.data(name).assign(**columns))


def repeat_ids(project):
    pool = project.data("pool")
    project.write("pool", pool.assign(square=pool.square.replace("pool-1", "pool-0")))


def text_everywhere(project):
    for name in ("pool", "east", "west", "mirror"):
        change(project, name, city="Basel")


def text_colours(project):
    for name in ("pool", "east", "west", "mirror"):
        change(project, name, colour=np.where(project.data(name).colour == 1, "black", "white"))


def lose_class(project):
    inputs = read_inputs(project.spec_path, Settings(home=project.home))
    rare = project.data("pool").square.isin(inputs.part("reference").ids[:1])
    pool = project.data("pool")
    project.write("pool", pool.assign(colour=pool.colour.where(~rare, 2)))


def recipe(text):
    return lambda project: (project.folder / "recipe.py").write_text(text)


def contributor(**changes):
    def edit(project):
        people = project.spec["contributors"]
        people[0] |= changes
        project.edit(contributors=[{k: v for k, v in p.items() if v is not None} for p in people])

    return edit


def without_target(project):
    pool = project.data("pool")
    colour = pool.colour.astype(float)
    colour[[4, 7]] = np.nan
    project.write("pool", pool.assign(colour=colour))


CASES = {
    "missing file": (
        lambda p: (p.folder / "data" / "west.csv").unlink(),
        "MissingInput",
        r"west: .*west\.csv does not exist; expected a \.csv or \.parquet file",
    ),
    "missing recipe": (
        lambda p: (p.folder / "recipe.py").unlink(),
        "MissingInput",
        r"recipe\.py.*expected a Python file with build\(seed\)",
    ),
    "unknown column": (
        lambda p: p.edit(data={"target": "color"}),
        "UnknownName",
        r"pool: there is no column 'color'; did you mean 'colour'\?",
    ),
    "column missing from a contribution": (
        lambda p: p.write("east", p.data("east").drop(columns="y")),
        "InputError",
        r"east: columns \['y'\] of .* are missing",
    ),
    "NaN target": (
        without_target,
        "InputError",
        r"pool: target 'colour' is missing \(NaN\) in 2 row\(s\), first in row 5; remove",
    ),
    "NaN target in a contribution": (
        lambda p: change(p, "east", colour=np.nan),
        "InputError",
        r"east: target 'colour' is missing \(NaN\) in 720 row",
    ),
    "text that the recipe cannot take": (
        text_everywhere,
        "RecipeError",
        r"the training rows .* Columns that are not numeric: city; encode them in the recipe",
    ),
    "recipe that does not run": (
        recipe("import a_package_nobody_has\n"),
        "RecipeError",
        r"the recipe does not run: ModuleNotFoundError",
    ),
    "one-class fold": (
        lambda p: change(p, "pool", colour=1),
        "InputError",
        r"one class only \(1\).*bring examples of every class",
    ),
    "class that a fold would miss": (
        lose_class,
        "InputError",
        r"class 2 has 1 reference examples, fewer than the \d folds.*use fewer folds",
    ),
    "predictions of another length": (
        recipe(CURTAILED),
        "InputError",
        r"the candidate returned predictions of shape \((\d+),\) for \d+ rows; expected one per",
    ),
    "duplicate ids": (
        repeat_ids,
        "InputError",
        r"pool: 1 id\(s\) in column 'square' appear more than once, .*'pool-0'; expected one row",
    ),
    "unknown metric": (
        lambda p: p.edit(metric="acuracy"),
        "SpecError",
        r"unknown metric 'acuracy'; did you mean 'accuracy'\?",
    ),
    "metric to be logged that does not fit": (
        lambda p: p.edit(also_log=["roc_auc", "f1", "rocauc"]),
        "SpecError",
        r"unknown metric 'rocauc'; did you mean 'roc_auc'\?",
    ),
    "contributor without address": (
        contributor(address=None),
        "SpecError",
        r"contributors\.0\.address: missing; this key is required",
    ),
    "contributor with a malformed address": (
        contributor(address="0x1234"),
        "SpecError",
        r"contributors\.0\.address: an address is 0x and 40 hexadecimal digits",
    ),
    "unknown key": (
        lambda p: p.edit(gate={"min_improvment_bps": 20}),
        "SpecError",
        r"gate\.min_improvment_bps: unknown key; did you mean 'min_improvement_bps'\?",
    ),
    "block column that is not there": (
        lambda p: p.edit(data={"blocks": "region"}),
        "UnknownName",
        r"pool: there is no column 'region'",
    ),
    "splitter of nobody's": (
        lambda p: p.edit(cross_validation={"splitter": "a_package_nobody_has:Folds"}),
        "SpecError",
        r"the splitter a_package_nobody_has:Folds cannot be imported: ModuleNotFoundError",
    ),
    "guardrail that the model cannot answer": (
        lambda p: (
            p.edit(gate={"guardrails": [{"metric": "mae", "margin_bps": 100}]}, also_log=[])
            or text_colours(p)
        ),
        "InputError",
        r"targets: expected numbers, found strings",
    ),
    "embedded chain of another id": (
        lambda p: p.edit(chain={"chain_id": 1}),
        "WrongChain",
        r"chain 1 is asked for without an RPC URL",
    ),
}
CODES = {"WrongChain": 3}


@pytest.mark.parametrize(("spoil", "kind", "said"), CASES.values(), ids=CASES)
def test_bad_input_is_told_and_changes_nothing(founded, spoil, kind, said):
    before = state(founded)
    spoil(founded)
    ran = founded.run(expect=CODES.get(kind, 2))
    assert ran.error_type == kind
    assert re.search(said, ran.error, re.DOTALL), ran.error
    assert state(founded) == before


def test_bad_input_of_a_first_version_founds_nothing(project):
    text_everywhere(project)
    ran = project.run(expect=2)
    assert ran.error_type == "RecipeError"
    assert kinds(project) == []
    _, registry, block = state(project)
    assert registry == ([], [])
    assert block == 0


def test_a_deleted_champion_is_missed_and_nothing_is_founded_anew(founded):
    mlflow_of(founded).delete_model_version("board", "1")
    before = state(founded)
    ran = founded.run(expect=2)
    assert ran.error_type == "ChampionMissing"
    assert "the ledger promoted version 1 of board" in ran.error
    assert "restore the version and set the alias to it" in ran.error
    assert state(founded) == before


def test_a_deleted_model_is_missed_too(founded):
    mlflow_of(founded).delete_registered_model("board")
    before = state(founded)
    assert founded.run(expect=2).error_type == "ChampionMissing"
    assert state(founded) == before


@pytest.fixture
def nowhere():
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_an_mlflow_server_that_is_down_is_told_within_seconds(founded, nowhere):
    before = state(founded)
    founded.env["HOKUSAI_TRACKING_URI"] = nowhere
    started = time.monotonic()
    ran = founded.run(expect=3)
    assert time.monotonic() - started < 20
    assert ran.error_type == "TrackingUnreachable"
    assert f"{nowhere} did not answer" in ran.error
    assert "correct MLFLOW_TRACKING_URI" in ran.error
    assert state(founded) == before


def test_a_node_that_is_down_is_told_within_seconds(founded, nowhere):
    before = state(founded)
    founded.edit(chain={"rpc_url": nowhere, "chain_id": 1})
    started = time.monotonic()
    ran = founded.run(expect=3)
    assert time.monotonic() - started < 20
    assert ran.error_type == "ChainUnreachable"
    assert f"{nowhere} cannot be reached; check the URL" in ran.error
    assert state(founded) == before


def test_a_node_of_another_chain_is_refused(founded, tmp_path):
    before = state(founded)
    with serve(open_local_chain(tmp_path / "other")) as node:
        thread = threading.Thread(target=node.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{node.server_port}"
        founded.edit(chain={"rpc_url": url, "chain_id": 1})
        ran = founded.run(expect=3)
        node.shutdown()
        thread.join()
    assert ran.error_type == "WrongChain"
    assert f"{url} serves chain 31337, but chain 1 is configured; correct" in ran.error
    assert state(founded) == before


# --- An attempt that cannot be judged is given up; corrected inputs start anew.


def x_of_one(project, part):
    """A feature of one example of a part, which no other part has."""
    inputs = read_inputs(project.spec_path, Settings(home=project.home))
    value = float(inputs.part(part).features.x.iloc[0])
    assert (inputs.pool.features.x == value).sum() == 1
    return value


def test_a_recipe_that_fails_on_folds_is_given_up_without_a_look(founded):
    good = (founded.folder / "recipe.py").read_text()
    _, registry, block = state(founded)
    before = kinds(founded)
    (founded.folder / "recipe.py").write_text(
        ONE_FOLD_FAILS.format(value=x_of_one(founded, "reference"))
    )
    ran = founded.run(expect=2)
    assert ran.error_type == "RecipeError"
    assert "without this row I cannot learn" in ran.error
    assert kinds(founded) == [*before, "attempt.opened", "attempt.closed"]
    assert state(founded)[1][1] == registry[1]
    assert state(founded)[2] == block
    with ledger_of(founded) as ledger:
        closed = ledger.entries(kind="attempt.closed", newest_first=True, limit=1)[0]
        opened = ledger.get("attempt.opened", closed.attempt)
    assert closed.body["outcome"] == "abandoned"
    assert "without this row I cannot learn" in closed.body["reason"]
    run = mlflow_of(founded).get_run(opened.body["run_id"])
    assert run.info.status == "FAILED"
    assert "without this row" in run.data.tags["hokusai.error"]

    # The same again is tried again: what failed may have been the machine.
    assert founded.run(expect=2).error_type == "RecipeError"
    assert kinds(founded) == [*before, *["attempt.opened", "attempt.closed"] * 2]

    (founded.folder / "recipe.py").write_text(good)
    receipt = founded.run().receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    assert not receipt["resumed"]
    with ledger_of(founded) as ledger:
        assert [entry.body["number"] for entry in ledger.entries(kind="look")] == [1]
        assert ledger.verify()


def test_a_look_that_was_spent_stays_spent_when_the_attempt_is_given_up(founded):
    good = (founded.folder / "recipe.py").read_text()
    value = x_of_one(founded, "holdout-1")
    (founded.folder / "recipe.py").write_text(ONE_ROW_FAILS.format(value=value))
    ran = founded.run(expect=2)
    assert ran.error_type == "RecipeError"
    assert "the candidate could not predict" in ran.error
    assert kinds(founded)[-3:] == ["attempt.opened", "look", "attempt.closed"]
    assert "attempt.decided" not in kinds(founded)

    (founded.folder / "recipe.py").write_text(good)
    receipt = founded.run().receipt
    assert receipt["outcome"] == "promoted", receipt["message"]
    assert "look:2of20" in receipt["decision"]["signature"]


def test_what_cannot_be_paid_for_is_found_before_the_look(founded):
    value = x_of_one(founded, "payment")
    (founded.folder / "recipe.py").write_text(ONE_ROW_FAILS.format(value=value))
    assert founded.run(expect=2).error_type == "RecipeError"
    assert "look" not in kinds(founded)
    assert kinds(founded)[-1] == "attempt.closed"


def test_corrected_input_goes_on_as_if_nothing_had_been(founded):
    pool = founded.data("pool")
    repeat_ids(founded)
    founded.run(expect=2)
    founded.write("pool", pool)
    receipts = founded.run(times=2).receipts
    assert [receipt["outcome"] for receipt in receipts] == ["promoted", "nothing_new"]
    assert kinds(founded).count("attempt.promoted") == 2


def test_the_command_tells_it_in_one_block_with_its_exit_code(founded, prefect_server):
    before = state(founded)
    (founded.folder / "data" / "west.csv").unlink()
    ran = subprocess.run(
        [sys.executable, "-m", "hokusai_mlflow.cli", "run", "pipeline.yaml"],
        cwd=founded.folder,
        env=clean_environment(PREFECT_API_URL=prefect_server),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "error: west: " in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert state(founded) == before
