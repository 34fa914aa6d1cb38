"""Appends, the hash chain, and what happens when the file is touched behind the ledger's back."""

import json
import sqlite3
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hokusai_mlflow.errors import InputError, LedgerConflict, LedgerCorrupt, LedgerError
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.ledger.entry import GENESIS


@pytest.fixture
def ledger(tmp_path):
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


@pytest.fixture
def filled(ledger):
    for number in range(6):
        ledger.append("step", f"key-{number}", {"number": number}, model="digits", attempt="a")
    return ledger


def raw(ledger):
    connection = sqlite3.connect(ledger.url.database, isolation_level=None)
    return connection


def tamper(ledger, *statements, keep_triggers=False):
    connection = raw(ledger)
    if not keep_triggers:
        for name in ("entries_no_update", "entries_no_delete", "entries_append"):
            connection.execute(f"DROP TRIGGER {name}")
    try:
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.close()


def test_appending_returns_what_is_stored(ledger):
    first = ledger.append("step", "k", {"x": 1, "y": [1.5, None, "ü"]}, model="m", attempt="a")
    assert (first.seq, first.previous) == (1, GENESIS)
    assert ledger.get("step", "k") == first
    second = ledger.append("step", "l", {}, model="m")
    assert (second.seq, second.previous, second.attempt) == (2, first.digest, None)
    assert ledger.head() == second.digest
    assert json.loads(json.dumps(first.to_dict()))["body"] == first.body
    assert "step k of m" in repr(first)
    assert "\n" not in repr(first)
    with pytest.raises(FrozenInstanceError):
        first.seq = 3


def test_appending_again_changes_nothing(filled):
    again = filled.append("step", "key-2", {"number": 2}, model="digits", attempt="a")
    assert again == filled.get("step", "key-2")
    assert filled.verify() == 6


@pytest.mark.parametrize(
    ("body", "model", "attempt", "told"),
    [
        ({"number": 3}, "digits", "a", "another body"),
        ({"number": True}, "digits", "a", "another body"),
        ({"number": 2}, "other", "a", "another model"),
        ({"number": 2}, "digits", None, "another attempt"),
    ],
)
def test_another_content_under_the_same_key_is_a_conflict(filled, body, model, attempt, told):
    with pytest.raises(LedgerConflict, match=told):
        filled.append("step", "key-2", body, model=model, attempt=attempt)
    assert filled.verify() == 6


def test_the_same_key_of_another_kind_is_another_entry(filled):
    assert filled.append("other", "key-2", {}, model="digits").seq == 7


@pytest.mark.parametrize(
    "body", [{"x": float("nan")}, {"x": 2**60}, {"x": b"raw"}, {1: 2}, [1], {"x": "\ud800"}]
)
def test_a_body_that_is_no_plain_json_is_refused(ledger, body):
    with pytest.raises(InputError, match="JSON object of plain values"):
        ledger.append("step", "k", body, model="m")
    assert ledger.verify() == 0


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "", "key": "k", "model": "m"},
        {"kind": "s", "key": "a\0b", "model": "m"},
        {"kind": "s", "key": "k", "model": None},
    ],
)
def test_names_must_be_text(ledger, given):
    with pytest.raises(InputError, match="non-empty text"):
        ledger.append(given["kind"], given["key"], {}, model=given["model"])


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), plain, max_size=3))
def test_any_plain_body_comes_back_and_is_idempotent(ledger, body):
    key = str(len(ledger.entries()))
    entry = ledger.append("any", key, body, model="m")
    assert entry.body == body
    assert ledger.append("any", key, body, model="m") == entry
    assert ledger.verify() == entry.seq


def test_entries_are_selected_and_ordered(filled):
    filled.append("other", "x", {}, model="doctor_visits", attempt="b")
    assert [e.seq for e in filled.entries(model="digits")] == [1, 2, 3, 4, 5, 6]
    assert [e.seq for e in filled.entries(attempt="b")] == [7]
    assert [e.seq for e in filled.entries(kind="step", newest_first=True, limit=2)] == [6, 5]
    assert [e.seq for e in filled.entries(kind=("step", "other"), after=5)] == [6, 7]
    assert filled.entries(kind=()) == []
    assert filled.get("step", "nothing") is None


def test_a_transaction_happens_whole_or_not_at_all(ledger):
    def interrupted():
        with ledger.transaction() as transaction:
            transaction.append("step", "a", {}, model="m")
            assert transaction.get("step", "a") is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert ledger.entries() == []
    with ledger.transaction() as transaction:
        transaction.append("step", "a", {}, model="m")
        transaction.append("step", "b", {}, model="m")
    assert ledger.verify() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = '{}' WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 6",
        "INSERT OR REPLACE INTO entries SELECT seq, kind, key, model, attempt, '{}', created_at, "
        "previous, digest FROM entries WHERE seq = 2",
        "INSERT OR REPLACE INTO entries SELECT 7, kind, key, model, attempt, '{}', created_at, "
        "'x', 'y' FROM entries WHERE seq = 2",
        "INSERT INTO entries SELECT 9, 'k', 'k', model, attempt, body, created_at, 'x', 'y' "
        "FROM entries WHERE seq = 2",
    ],
)
def test_triggers_refuse_anything_but_appending(filled, statement):
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tamper(filled, statement, keep_triggers=True)
    assert filled.verify() == 6


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE entries SET body = '{\"number\":9}' WHERE seq = 3", "entry 3 .* was changed"),
        ("UPDATE entries SET body = 'no json' WHERE seq = 3", "entry 3 .* was changed"),
        ("UPDATE entries SET kind = 'other' WHERE seq = 1", "entry 1 .* was changed"),
        ("UPDATE entries SET key = 'other' WHERE seq = 6", "entry 6 .* was changed"),
        ("UPDATE entries SET model = 'other' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE entries SET attempt = NULL WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE entries SET digest = 'x' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE entries SET previous = 'x' WHERE seq = 2", "entry 2 follows x"),
        ("DELETE FROM entries WHERE seq = 4", "entry 4 is missing"),
        ("DELETE FROM entries WHERE seq = 1", "entry 1 is missing"),
        ("UPDATE entries SET seq = 9 WHERE seq = 6", "entry 6 is missing"),
    ],
)
def test_a_change_behind_the_ledger_breaks_the_chain(filled, statement, told):
    tamper(filled, statement)
    with pytest.raises(LedgerCorrupt, match=told):
        filled.verify()


def test_a_forged_entry_must_also_forge_all_that_follow(filled):
    from hokusai_mlflow.ledger.entry import chained_digest

    third = filled.entries()[2]
    forged = chained_digest(
        seq=3,
        kind="step",
        key="key-2",
        model="digits",
        attempt="a",
        body='{"number":9}',
        previous=third.previous,
    )
    tamper(
        filled,
        f"UPDATE entries SET body = '{{\"number\":9}}', digest = '{forged}' WHERE seq = 3",
    )
    with pytest.raises(LedgerCorrupt, match="entry 4 follows"):
        filled.verify()


def test_a_cut_tail_shows_against_a_noted_head(filled):
    noted = filled.head()
    assert filled.verify(anchor=noted) == 6
    tamper(filled, "DELETE FROM entries WHERE seq > 4")
    assert filled.verify() == 4
    with pytest.raises(LedgerCorrupt, match="cut off or rewritten"):
        filled.verify(anchor=noted)


def test_dropped_triggers_are_restored_when_it_is_opened_again(filled):
    tamper(filled)
    with Ledger(filled.url) as reopened:
        assert reopened.verify() == 6
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tamper(filled, "DELETE FROM entries", keep_triggers=True)


def test_a_ledger_locked_by_another_process_says_so(filled):
    other = raw(filled)
    other.execute("BEGIN IMMEDIATE")
    try:
        with (
            Ledger(filled.url, wait=0.1) as impatient,
            pytest.raises(LedgerError, match=r"locked for more than 0\.1 s; nothing was written"),
        ):
            impatient.append("step", "new", {}, model="digits")
        assert len(filled.entries()) == 6, "reading goes on while another process writes"
    finally:
        other.close()
    assert filled.append("step", "new", {}, model="digits").seq == 7


def test_a_damaged_file_is_corrupt(filled, tmp_path):
    filled.close()
    path = tmp_path / "ledger.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(LedgerCorrupt), Ledger(filled.url) as reopened:
        reopened.verify()


def test_a_file_that_is_no_database_is_corrupt(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database, " * 100)
    with pytest.raises(LedgerCorrupt, match="is no database"):
        Ledger(f"sqlite:///{tmp_path / 'notes.txt'}")


def test_another_table_of_that_name_is_refused(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE entries (seq INTEGER, kind TEXT, key TEXT, model TEXT)")
    connection.close()
    with pytest.raises(LedgerError, match="is not a ledger: it lacks attempt, body"):
        Ledger(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "expected a database URL"),
        ("mysql://host/name", "SQLite or PostgreSQL"),
        ("sqlite://", "in memory would forget"),
        ("sqlite:////no/such/folder/ledger.db", "does not exist"),
        ("sqlite:////", "cannot be opened"),
        ("postgresql+asyncpg://u@127.0.0.1:1/x", "asynchronous"),
        ("postgresql+nodriver://u@127.0.0.1:1/x", "expected a database URL|not installed"),
    ],
)
def test_a_ledger_that_cannot_be_opened_says_what_to_do(url, told):
    with pytest.raises(LedgerError, match=told):
        Ledger(url)


def test_a_ledger_that_cannot_be_written_says_so(filled):
    filled.close()
    url = f"sqlite:///file:{filled.url.database}?mode=ro&uri=true"
    with Ledger(url) as reader:
        assert reader.verify() == 6
        with pytest.raises(LedgerError, match="write access"):
            reader.append("step", "new", {}, model="m")


def test_passwords_are_not_shown():
    with pytest.raises(LedgerError) as caught:
        Ledger("postgresql+pg8000://user:hunter2@127.0.0.1:1/ledger", wait=2)
    assert "hunter2" not in str(caught.value)
