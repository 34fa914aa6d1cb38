"""The monitor flow on real stores: it holds, it warns, it rolls back, and `improve` goes on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flow_project import MODEL, SPEC, Project, _board
from mlflow import MlflowClient

from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.deployment import find_deployment
from hokusai_mlflow.chain.verifier import Verifier
from hokusai_mlflow.ledger import Ledger

pytestmark = pytest.mark.flow

SET_ALIAS = "mlflow:MlflowClient.set_registered_model_alias"
# In the order of a monitor run that rolls back.
POINTS: dict[str, dict[str, Any]] = {
    "batch kept, not counted": {"entry": "champion.measured", "when": "before"},
    "batch counted, nothing done": {"entry": "champion.measured", "when": "after"},
    "alias moved": {"call": SET_ALIAS, "when": "after"},
    "head moved on chain": {
        "call": "hokusai_mlflow.chain.verifier:Verifier.move_head",
        "when": "after",
    },
    "rolled back, not written down": {"entry": "champion.rolled_back", "when": "before"},
    "rolled back, not published": {"entry": "champion.rolled_back", "when": "after"},
}


@pytest.fixture(scope="module")
def _promoted(_founded, tmp_path_factory):
    """A project whose second version is champion, by contributions, and was paid for."""
    made = _founded.copy_to(tmp_path_factory.mktemp("promoted") / "project")
    assert made.run().receipt["outcome"] == "promoted"
    made.edit(monitor={"data": "fresh"})
    (made.folder / "fresh").mkdir()
    return made


@pytest.fixture
def promoted(_promoted, tmp_path):
    return _promoted.copy_to(tmp_path / "project")


def bring(project: Project, name: str, rows: int = 400, *, turned: float = 0.0, seed: int = 1):
    """Fresh rows from the pool's population, a share of them with the other colour."""
    rng = np.random.default_rng(seed)
    fresh = _board(rng, rng.random((rows, 2)), name)
    fresh["colour"] = np.where(rng.random(rows) < turned, 1 - fresh["colour"], fresh["colour"])
    fresh.to_csv(project.folder / "fresh" / f"{name}.csv", index=False)
    return fresh


@dataclass
class State:
    """What ledger, registry and chain say of the champion."""

    champion: int
    head: str
    digests: dict[int, str]
    measured: list[dict[str, Any]]
    rolled_back: list[dict[str, Any]]
    tags: dict[int, dict[str, str]]

    @classmethod
    def of(cls, project: Project) -> "State":
        web3 = connect(rpc_url=None, chain_id=None, home=project.home)
        try:
            deployed = find_deployment(project.home, web3.eth.chain_id)
            head = Verifier.of(web3, deployed, home=project.home).head(MODEL)
        finally:
            web3.provider.chain.close()
        client = MlflowClient(*[f"sqlite:///{project.home / 'mlflow.db'}"] * 2)
        versions = client.search_model_versions(f"name = '{MODEL}'")
        with Ledger(f"sqlite:///{project.home / 'ledger.db'}") as ledger:
            ledger.verify()
            told = [
                [entry.body for entry in ledger.entries(kind=f"champion.{kind}")]
                for kind in ("measured", "rolled_back")
            ]
        return cls(
            int(client.get_model_version_by_alias(MODEL, "champion").version),
            head.removeprefix("0x"),
            {int(v.version): v.tags["hokusai.digest"] for v in versions},
            *told,
            {int(v.version): v.tags for v in versions},
        )


def test_a_champion_that_holds_and_batches_that_count_once(promoted):
    bring(promoted, "monday", seed=1)
    bring(promoted, "tuesday", seed=2)
    first, again = promoted.run(times=2, flow="monitor").receipts
    assert (first["status"], len(first["batches"])) == ("ok", 2)
    assert again["batches"] == first["batches"]
    bodies = State.of(promoted).measured
    assert [one["batch"]["number"] for one in bodies] == [1, 2]
    assert (
        bodies[0]["batch"]["watched"]["worse"]["low_bps"]
        < bodies[0]["batch"]["watched"]["worse"]["estimate_bps"]
    )
    # The same rows under another name, and a file that has grown: only what is new counts.
    rows = [pd.read_csv(promoted.folder / "fresh" / f"{day}.csv") for day in ("monday", "tuesday")]
    wednesday = bring(promoted, "wednesday", seed=3)
    pd.concat([*rows, wednesday]).to_csv(promoted.folder / "fresh" / "wednesday.csv", index=False)
    told = promoted.run(flow="monitor").receipt
    assert told["dropped"]["seen"] == sum(one["n"] for one in bodies)
    assert State.of(promoted).measured[-1]["n"] <= 400
    # Rows of the pool, sealed ones among them, are never scored.
    promoted.data("pool").sample(500, random_state=1).to_csv(
        promoted.folder / "fresh" / "zz-pool.csv", index=False
    )
    told = promoted.run(flow="monitor").receipt
    assert told["dropped"]["known"] == 500
    assert len(State.of(promoted).measured) == 3


def test_a_champion_that_lost_is_rolled_back_and_improving_goes_on(promoted):
    bring(promoted, "good", seed=1)
    assert promoted.run(flow="monitor").receipt["status"] == "ok"
    bring(promoted, "turned", 1_500, turned=1.0, seed=2)
    told, after = promoted.run(times=2, flow="monitor").receipts
    assert told["status"] == "roll_back"
    assert told["rollback"]["restored"] == 1
    assert "worse than the model that it beat" in told["reasons"][0]
    state = State.of(promoted)
    assert (state.champion, state.head) == (1, state.digests[1])
    (done,) = state.rolled_back
    assert done["rolled_back"]["version"] == 2
    assert "worse than the model" in done["reason"]
    assert "worse than the model" in state.tags[2]["hokusai.rolled_back"]
    assert state.tags[1]["hokusai.restored"].startswith("version 2 was rolled back")
    assert (after["champion"], after["status"], after["batches"]) == (1, "ok", [])

    # What was judged is not judged again, nor is the same data accepted again.
    receipt = promoted.run().receipt
    assert receipt["outcome"] == "nothing_new"
    assert {c["name"]: c["accepted"] for c in receipt["contributors"]}["east"] == 0
    # Another recipe is a new attempt against the version that is champion again.
    (promoted.folder / "recipe.py").write_text(
        "from sklearn.neighbors import KNeighborsClassifier\n\n\n"
        "def build(seed):\n    return KNeighborsClassifier(n_neighbors=3)\n"
    )
    receipt = promoted.run().receipt
    assert receipt["outcome"] in ("hold", "reject", "promoted")
    with Ledger(f"sqlite:///{promoted.home / 'ledger.db'}") as ledger:
        opened = ledger.entries(kind="attempt.opened")[-1]
    assert (opened.attempt, opened.body["champion"]["version"]) == (receipt["attempt"], 1)
    assert len(opened.body["condemned"]) == 1


KILLED = [(point, flow) for point in POINTS for flow in ("monitor", "improve")]
SHORT = [("alias moved", "improve")]


@pytest.mark.parametrize(
    ("point", "next_flow"),
    [pytest.param(*k, marks=[] if k in SHORT else pytest.mark.exhaustive) for k in KILLED],
)
def test_a_killed_rollback_is_finished_by_the_next_run(promoted, point, next_flow):
    bring(promoted, "turned", 1_500, turned=1.0, seed=2)
    assert promoted.run(expect=None, kill=POINTS[point], flow="monitor").killed
    finished = promoted.run(flow=next_flow).receipt
    if next_flow == "monitor" and point in ("alias moved", "head moved on chain"):
        assert finished["rollback"]["restored"] == 1
    if point == "batch kept, not counted" and next_flow == "improve":
        # Nothing was decided: the next look does.
        assert State.of(promoted).champion == 2
        promoted.run(flow="monitor")
    state = State.of(promoted)
    assert (state.champion, state.head) == (1, state.digests[1])
    assert (len(state.measured), len(state.rolled_back)) == (1, 1)
    assert state.tags[2]["hokusai.rolled_back_to"] == "1"
    promoted.run(flow="monitor")
    assert State.of(promoted).rolled_back == state.rolled_back


@pytest.mark.exhaustive
def test_what_was_rolled_back_is_not_made_again(project):
    better = (project.folder / "recipe.py").read_text()
    (project.folder / "recipe.py").write_text(
        "from sklearn.dummy import DummyClassifier\n\n\n"
        "def build(seed):\n    return DummyClassifier()\n"
    )
    project.edit(contributors=[], monitor={"data": "fresh"})
    (project.folder / "fresh").mkdir()
    assert project.run().receipt["outcome"] == "baseline"
    (project.folder / "recipe.py").write_text(better)
    assert project.run().receipt["outcome"] == "promoted"
    bring(project, "turned", 1_500, turned=1.0, seed=2)
    assert project.run(flow="monitor").receipt["rollback"]["restored"] == 1
    # Somebody brings copies only: other inputs, but the same recipe on the same rows.
    project.edit(contributors=[c for c in SPEC["contributors"] if c["name"] == "mirror"])
    receipt = project.run().receipt
    assert receipt["outcome"] == "nothing_new"
    assert "made version 2, which was rolled back" in receipt["message"]


@pytest.mark.exhaustive
def test_policy_says_what_is_done(promoted):
    promoted.edit(monitor={"on_worse": "warn"})
    bring(promoted, "turned", 1_500, turned=1.0, seed=2)
    told = promoted.run(flow="monitor").receipt
    assert (told["status"], told["rollback"]) == ("warn", {})
    assert State.of(promoted).champion == 2


@pytest.mark.exhaustive
def test_a_baseline_is_watched_by_its_own_score(founded):
    founded.edit(monitor={"data": "fresh"})
    (founded.folder / "fresh").mkdir()
    for at in range(3):
        bring(founded, f"a{at}", 500, seed=at)
    assert founded.run(flow="monitor").receipt["status"] == "ok"
    bring(founded, "b", 800, turned=0.5, seed=9)
    told = founded.run(flow="monitor").receipt
    assert told["status"] == "warn"
    assert "own score is lower" in told["reasons"][0]


def test_nothing_is_changed_without_data_or_with_bad_ones(promoted):
    before = State.of(promoted)
    promoted.edit(monitor={"data": "nowhere"})
    ran = promoted.run(expect=2, flow="monitor")
    assert "no fresh data at" in ran.error
    promoted.edit(monitor={"data": "fresh"})
    bring(promoted, "good", seed=1)
    broken = bring(promoted, "lacking", seed=2).drop(columns="y")
    broken.to_csv(promoted.folder / "fresh" / "lacking.csv", index=False)
    ran = promoted.run(expect=2, flow="monitor")
    assert "there is no column 'y'" in ran.error
    assert State.of(promoted) == before
