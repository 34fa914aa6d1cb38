"""What can happen to a ledger only on a server: connections end, others set its defaults."""

import pytest
from sqlalchemy import create_engine, make_url

from hokusai_mlflow.errors import LedgerError
from hokusai_mlflow.ledger import Ledger


@pytest.fixture
def ledger(postgresql):
    with Ledger(postgresql, wait=5) as opened:
        yield opened


def end_all_connections(url):
    """As a restart of the server does."""
    server = make_url(url)
    engine = create_engine(server.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{server.database}'"
        )
    engine.dispose()


def test_a_restart_between_two_appends_is_not_noticed(ledger, postgresql):
    ledger.append("step", "a", {}, model="m")
    end_all_connections(postgresql)
    ledger.append("step", "b", {}, model="m")
    assert [entry.key for entry in ledger.entries()] == ["a", "b"]
    assert ledger.verify() == 2


def test_a_restart_within_a_transaction_undoes_it_and_says_so(ledger, postgresql):
    def interrupted():
        with ledger.transaction() as transaction:
            transaction.append("step", "a", {}, model="m")
            end_all_connections(postgresql)
            transaction.append("step", "b", {}, model="m")

    with pytest.raises(LedgerError, match=r"does not answer .* repeating is safe"):
        interrupted()
    assert ledger.entries() == []
    ledger.append("step", "a", {}, model="m")
    assert ledger.verify() == 1


def test_the_lock_of_a_writer_that_is_gone_is_free(ledger, postgresql):
    with Ledger(postgresql) as other:
        context = other.transaction()
        context.__enter__().append("step", "never", {}, model="m")
        end_all_connections(postgresql)
        ledger.append("step", "a", {}, model="m")
        with pytest.raises(LedgerError):
            context.__exit__(None, None, None)
    assert [entry.key for entry in ledger.entries()] == ["a"]


def test_the_defaults_of_a_server_do_not_weaken_the_lock(ledger, postgresql):
    """Under REPEATABLE READ a writer that waited would not see what it waited for."""
    engine = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = make_url(postgresql).database
        connection.exec_driver_sql(
            f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        )
    engine.dispose()
    with Ledger(postgresql) as first, Ledger(postgresql) as second:
        for number in range(10):
            (first, second)[number % 2].append("step", f"{number}", {}, model="m")
        with first.transaction() as transaction:
            shown = transaction._connection.exec_driver_sql("SHOW transaction_isolation").scalar()
            silence = transaction._connection.exec_driver_sql(
                "SHOW idle_in_transaction_session_timeout"
            ).scalar()
        assert (shown, silence) == ("read committed", "1min")
        assert first.verify() == 10


def test_a_url_without_driver_takes_the_one_of_the_extra(postgresql):
    plain = make_url(postgresql).set(drivername="postgresql").render_as_string()
    with Ledger(plain) as ledger:
        assert ledger.url.drivername == "postgresql+pg8000"
        ledger.append("step", "a", {}, model="m")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"database": "none_such"}, 'no such database .*"none_such" does not exist'),
        ({"username": "nobody"}, 'refuses this user .*"nobody" does not exist'),
        ({"port": 1}, "does not answer .* check that the database runs"),
    ],
)
def test_a_server_that_cannot_be_used_says_what_to_do(postgresql, changes, told):
    with pytest.raises(LedgerError, match=told):
        Ledger(make_url(postgresql).set(**changes))
