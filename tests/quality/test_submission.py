"""`hokusai check` and `hokusai pack` as contributors and owners use them."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner
from worlds import board, write_files

from hokusai_mlflow.cli import app
from hokusai_mlflow.inputs import read_inputs
from hokusai_mlflow.quality import Pack
from hokusai_mlflow.settings import Settings


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("HOKUSAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "400")
    return write_files(tmp_path / "owner")


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert code is None or result.exit_code == code, result.output
    return result.output


def told(*arguments, code=0):
    return json.loads(run(*arguments, "--json", code=code))


def outcomes(document):
    return {one["code"]: one["outcome"] for one in document["findings"]}


CODES = (
    "schema",
    "targets",
    "missing-values",
    "outliers",
    "personal-data",
    "label-noise",
    "copied-rows",
    "shared-rows",
    "repeated-rows",
)


def test_an_honest_contribution_is_fine(project):
    document = told("check", project.parent / "east.csv", "--spec", project)
    assert document["ok"]
    assert document["against"] == "pool"
    assert tuple(outcomes(document)) == CODES
    assert set(outcomes(document).values()) == {"passed"}
    assert (document["name"], document["given"], document["accepted"]) == ("east", 80, 80)


def test_copies_of_the_pool_fail_without_saying_which(project, tmp_path):
    pool = pd.read_csv(project.parent / "pool.csv")
    file = tmp_path / "mine.csv"
    pool.iloc[:50].to_csv(file, index=False)
    document = told("check", file, "--spec", project, "--html", tmp_path / "page.html", code=2)
    assert not document["ok"]
    assert document["left_out"] == {"copy": 50}
    page = (tmp_path / "page.html").read_text()
    for text in (json.dumps(document), page):
        assert not re.search(r"holdout|copy\.|pool-\d", text)
    assert "src=" not in page
    assert "copied-rows" in page


def test_a_row_brought_by_an_earlier_contributor_is_shared(project):
    west = project.parent / "west.csv"
    both = pd.concat([board(40, "west", 3), board(80, "east", 2).iloc[:30]])
    both.to_csv(west, index=False)
    document = told("check", west, "--spec", project, code=2)
    assert outcomes(document)["shared-rows"] == "failed"
    # And the other way round: east comes first, and is not told of what west brings.
    assert outcomes(told("check", project.parent / "east.csv", "--spec", project))["shared-rows"]


def test_a_pack_is_enough_and_holds_nothing_of_what_is_held_out(project, tmp_path):
    pack = tmp_path / "pack.json"
    assert "read it before you give it out" in run("pack", project, "-o", pack)
    document = told("check", project.parent / "east.csv", "--pack", pack)
    assert document["against"] == "pack"
    found = outcomes(document)
    assert found["schema"] == found["outliers"] == found["targets"] == "passed"
    assert {found[c] for c in ("copied-rows", "shared-rows", "label-noise")} == {"not_applicable"}

    # The pack follows from the reference rows alone: other hold-outs give the same bytes.
    before = pack.read_bytes()
    inputs = read_inputs(project, Settings(home=tmp_path / "home"))
    pool = pd.read_csv(project.parent / "pool.csv")
    held = inputs.parts != "reference"
    pool.loc[held, ["x", "y"]] = np.random.default_rng(9).uniform(50, 90, (held.sum(), 2))
    pool.to_csv(project.parent / "pool.csv", index=False)
    run("pack", project, "-o", pack)
    assert pack.read_bytes() == before
    assert Pack.read(pack).profile.rows == int((~held).sum())


def test_a_spec_alone_checks_what_it_can_and_makes_no_key(project, tmp_path):
    (project.parent / "pool.csv").unlink()
    project.write_text(project.read_text().replace("    key: tests\n", ""))
    file = project.parent / "east.csv"
    frame = pd.read_csv(file)
    frame.loc[[70, 71], :] = frame.loc[[0, 1], :].to_numpy()
    frame.loc[3, "square"] = "jane@example.com"
    frame.to_csv(file, index=False)
    text = run("check", file, "--spec", project, code=2)
    assert "the pool is not here" in text
    assert "personal-data" in text
    assert "jane" not in text
    assert not (tmp_path / "home").exists()


def test_without_a_kept_key_nothing_is_held_out_yet_and_none_is_made(project, tmp_path):
    project.write_text(re.sub(r"\n\s+key: tests", "", project.read_text()))
    assert told("check", project.parent / "east.csv", "--spec", project)["ok"]
    assert not (tmp_path / "home").exists()


def test_other_columns_are_told_together_and_fail(project, tmp_path):
    file = tmp_path / "mine.csv"
    board(60, "mine", 9).rename(columns={"x": "xx"}).assign(more=1).to_csv(file, index=False)
    document = told("check", file, "--spec", project, code=2)
    schema = document["findings"][0]
    assert (schema["outcome"], schema["action"]) == ("failed", "refuse")
    assert schema["figures"]["missing"] == ["x"]
    assert schema["figures"]["extra"] == ["xx", "more"]


def test_warnings_may_be_allowed(project, tmp_path):
    file = tmp_path / "mine.csv"
    board(60, "mine", 9).assign(square="jane@example.com").to_csv(file, index=False)
    run("check", file, "--spec", project, code=2)
    run("check", file, "--spec", project, "--allow-warnings", code=0)
    project.write_text(project.read_text() + "quality: {refuse: [personal-data]}\n")
    text = run("check", file, "--spec", project, "--allow-warnings", code=2)
    assert "the contribution is refused" in text


def test_data_that_cannot_be_read_are_a_finding(project, tmp_path):
    document = told("check", tmp_path / "none.csv", "--spec", project, code=2)
    assert outcomes(document) == {"readable": "failed"}
    assert "does not exist" in document["findings"][0]["message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give one of --spec"),
        (("--pack", "none.json"), "no contributor pack can be read"),
        (("--pack", "SPEC"), "is no contributor pack"),
        (("--spec", "none.yaml"), "no spec at none.yaml"),
        (("--spec", "SPEC", "--html", "no/where.html"), "there is no folder no"),
    ],
)
def test_mistakes_are_told(project, arguments, message):
    arguments = [str(project) if one == "SPEC" else one for one in arguments]
    found = told("check", project.parent / "east.csv", *arguments, code=2)
    assert message in found["error"]["message"]


@pytest.mark.parametrize("damage", [{"profile": {}}, {"quality": {"excldue": []}}, {"beside": 3}])
def test_damaged_packs_are_refused(project, tmp_path, damage):
    pack = tmp_path / "pack.json"
    run("pack", project, "-o", pack)
    pack.write_text(json.dumps(json.loads(pack.read_text()) | damage))
    found = told("check", project.parent / "east.csv", "--pack", pack, code=2)
    assert "damaged contributor pack" in found["error"]["message"]


def test_texts_are_read_as_a_run_reads_them(project):
    texts = [f"row {at} of NA and null" for at in range(120)]
    owner = project.parent
    spec = yaml.safe_load(project.read_text()) | {"task": "language_model", "metric": "perplexity"}
    spec["data"] = {"pool": "pool.csv", "target": "text", "id": "id"}
    spec["contributors"] = []
    project.write_text(yaml.safe_dump(spec))
    for name, some in (("pool", texts[:100]), ("east", ["NA", "007", *texts[100:]])):
        ids = [f"{name}-{at}" for at in range(len(some))]
        pd.DataFrame({"id": ids, "text": some}).to_csv(owner / f"{name}.csv", index=False)
    for against in (("--spec", project), ("--pack", owner / "pack.json")):
        if "--pack" in against:
            run("pack", project, "--output", owner / "pack.json")
        document = told("check", owner / "east.csv", *against)
        assert (document["ok"], document["given"]) == (True, 22), document
    doctor = run("doctor", project, code=None)
    assert "100 rows, 1 features" in doctor
