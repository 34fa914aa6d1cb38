"""The season: its parts, three days of it, and that it notices a number that was altered."""

import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from hokusai_mlflow.errors import LedgerCorrupt
from hokusai_mlflow.spec import load_spec

ROOT = Path(__file__).parents[2]
SEASON = ROOT / "examples" / "season"
SOURCES = ("ledger", "chain", "dashboard", "registry", "report")
NUMBERS = {"payments": 2, "DeltaOne paid, wei": 7 * 10**18, "champion version": 3}


@pytest.fixture(autouse=True)
def _beside_the_example(monkeypatch):
    monkeypatch.syspath_prepend(str(SEASON))
    yield
    for name in ("books", "scheduled", "world"):
        sys.modules.pop(name, None)


def test_the_same_numbers_agree():
    import books

    found = books.lines(dict.fromkeys(SOURCES, NUMBERS))
    assert [line.what for line in found] == list(NUMBERS)
    assert all(line.agrees for line in found)
    assert "✗" not in books.shown(found)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("source", ["ledger", "dashboard", "report"])
def test_a_number_that_one_source_tells_otherwise_is_a_difference(source, name):
    import books

    told = {one: dict(NUMBERS) for one in SOURCES}
    told[source][name] += 1
    found = books.lines(told)
    assert [line.what for line in found if not line.agrees] == [name]
    assert f"✗ {name}" in books.shown(found)


@pytest.mark.parametrize("source", SOURCES)
def test_a_number_that_one_source_does_not_tell_is_a_difference(source):
    import books

    told = {one: {"payments": 1} for one in SOURCES if one != source}
    (line,) = books.lines(told)
    assert not line.agrees
    assert line.said[source] is None


def test_what_the_ledger_does_not_tell_is_a_difference_whoever_tells_it():
    import books

    (line,) = books.lines({"dashboard": {"attempts: reject": 1}, "report": {"attempts: reject": 1}})
    assert not line.agrees


@pytest.mark.parametrize(
    ("cron", "day", "at"),
    [
        ("0 3 * * *", date(2026, 1, 6), datetime(2026, 1, 6, 3, tzinfo=UTC)),
        ("30 5 * * 1", date(2026, 1, 5), datetime(2026, 1, 5, 5, 30, tzinfo=UTC)),
        ("30 5 * * 1,4", date(2026, 1, 6), None),
        ("30 5 * * 1,4", date(2026, 1, 8), datetime(2026, 1, 8, 5, 30, tzinfo=UTC)),
        ("0 6 * * 0", date(2026, 1, 4), datetime(2026, 1, 4, 6, tzinfo=UTC)),
        ("0 6 * * 7", date(2026, 1, 4), datetime(2026, 1, 4, 6, tzinfo=UTC)),
    ],
)
def test_when_a_schedule_is_due(cron, day, at):
    import scheduled

    assert scheduled.due(cron, day) == at


@pytest.mark.parametrize("cron", ["0 3 1 * *", "*/5 * * * *", "0 3 * 2 1"])
def test_a_schedule_that_no_simulated_day_knows_is_refused(cron):
    import scheduled

    with pytest.raises(ValueError, match="expected 'minute hour"):
        scheduled.due(cron, date(2026, 1, 5))


def test_the_deployments_are_those_of_the_repository():
    ours, theirs = (
        yaml.safe_load((folder / "prefect.yaml").read_text())["deployments"]
        for folder in (SEASON, ROOT)
    )
    assert [one["entrypoint"] for one in ours] == [one["entrypoint"] for one in theirs]
    assert all(one["concurrency_limit"]["collision_strategy"] == "ENQUEUE" for one in ours)


def test_every_season_has_the_same_rows_and_a_spec_that_holds(tmp_path):
    import world

    files = []
    for name in ("first", "second"):
        made = world.World(tmp_path / name)
        made.begin()
        for day in range(1, 31):
            made.dawn(day)
        assert load_spec(tmp_path / name / "pipeline.yaml").model == "season"
        written = sorted((tmp_path / name).rglob("*.*"))
        files.append({path.relative_to(tmp_path / name): path.read_bytes() for path in written})
    assert files[0] == files[1]
    invited = {
        one["name"]
        for one in yaml.safe_load((SEASON / "pipeline.yaml").read_text())["contributors"]
    }
    assert {name for brought in world.PLAN.values() for name in brought} == invited


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Three days; the worker is killed on the second, in the middle of a promotion."""
    folder = tmp_path_factory.mktemp("season") / "played"
    command = [sys.executable, "season.py", str(folder), "--days", "3", "--killed-on", "2"]
    ran = subprocess.run(
        command, cwd=SEASON, capture_output=True, text=True, timeout=1_700, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder, ran.stdout


@pytest.mark.flow
@pytest.mark.exhaustive
@pytest.mark.timeout(1_800)
def test_three_days_with_a_killed_worker_end_with_books_that_agree(played):
    _, told = played
    assert "worker killed after the promotion, before the payment" in told
    assert "finished after a kill" in told
    assert "✓ payments: 1 (ledger, chain, dashboard, registry, report)" in told
    assert "✗" not in told


@pytest.mark.flow
@pytest.mark.exhaustive
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("altered", ["dashboard", "chain", "ledger"])
def test_an_altered_number_is_found(played, altered, tmp_path, monkeypatch):
    import books

    from hokusai_mlflow.chain.verifier import Verifier

    folder = shutil.copytree(played[0], tmp_path / "copy")
    home = folder / ".hokusai"

    def differing():
        return {line.what for line in books.read(folder / "pipeline.yaml", home) if not line.agrees}

    assert differing() == set()
    if altered == "chain":
        supply = Verifier.supply
        monkeypatch.setattr(Verifier, "supply", lambda self: supply(self) + 1)
        assert differing() == {"DeltaOne paid, wei"}
    elif altered == "dashboard":
        with sqlite3.connect(home / "history.db") as index:
            index.execute("UPDATE attempts SET outcome = 'reject' WHERE outcome = 'promoted'")
        assert {"attempts: promoted", "attempts: reject"} <= differing()
    else:
        with sqlite3.connect(home / "ledger.db") as ledger:
            ledger.execute("DROP TRIGGER entries_no_update")
            ledger.execute("UPDATE entries SET body = replace(body, 'paid_bps', 'paid_pbs')")
        with pytest.raises(LedgerCorrupt):
            differing()
