"""Several processes at once, on both databases: one chain, one entry per key, one level."""

import hashlib
import json
import multiprocessing
import os
import signal
from collections import Counter

import pytest

from hokusai_mlflow.errors import HoldoutExhausted, LedgerConflict, LedgerError
from hokusai_mlflow.ledger import Ledger, accept_look, active_holdout, looks, spend_look

PROCESSES = 4
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    ["hokusai_mlflow.ledger", "hokusai_mlflow.chain.outbox", "pytest", "web3"]
)


def report(target, number, barrier, results, arguments):
    barrier.wait(60)
    try:
        results.put(target(number, *arguments))
    except BaseException as problem:
        results.put(problem)
        raise


def run_together(target, *arguments):
    """Run `target(number, *arguments)` in four processes that start at once; their results."""
    barrier, results = processes.Barrier(PROCESSES), processes.SimpleQueue()
    children = [
        processes.Process(target=report, args=(target, number, barrier, results, arguments))
        for number in range(PROCESSES)
    ]
    for child in children:
        child.start()
    found = [results.get() for _ in children]
    assert not [result for result in found if isinstance(result, BaseException)]
    for child in children:
        child.join(60)
        assert child.exitcode == 0
        child.close()
    return found


def append_same_and_own(number, url):
    with Ledger(url) as ledger:
        same = [ledger.append("same", f"{i}", {"i": i}, model="m").digest for i in range(25)]
        for i in range(25):
            ledger.append("own", f"{number}/{i}", {"i": i}, model="m")
        conflicts = 0
        for i in range(10):
            try:
                ledger.append("contested", f"{i}", {"by": number}, model="m")
            except LedgerConflict:
                conflicts += 1
    return same, conflicts


def spend_until_exhausted(number, url):
    numbers = []
    with Ledger(url) as ledger:
        for i in range(8):
            try:
                look = spend_look(
                    ledger,
                    model="m",
                    holdout="holdout-1",
                    test_key=f"shared-{i}" if i % 2 else f"{number}-{i}",
                    attempt=None,
                    alpha=0.05,
                    quota=12,
                )
            except HoldoutExhausted:
                continue
            numbers.append((look.test_key, look.number))
    return numbers


def append_until_killed(ready, url):
    with Ledger(url) as ledger:
        for i in range(100_000):
            ledger.append("step", f"{os.getpid()}/{i}", {"i": i}, model="m")
            ready.put(i)


def test_four_processes_append_to_one_new_ledger(url):
    found = run_together(append_same_and_own, url)
    with Ledger(url) as ledger:
        assert ledger.verify() == 25 + PROCESSES * 25 + 10
        assert len(ledger.entries(kind="same")) == 25
    assert all(same == found[0][0] for same, _ in found), "all read the same stored entries"
    assert sum(conflicts for _, conflicts in found) == (PROCESSES - 1) * 10


def test_four_processes_spend_one_quota(url):
    found = run_together(spend_until_exhausted, url)
    with Ledger(url) as ledger:
        spent = looks(ledger, "m", "holdout-1")
        assert [look.number for look in spent] == list(range(1, 13))
        assert sum(look.level for look in spent) == pytest.approx(0.05)
        assert ledger.verify() == 12
    stored = {look.test_key: look.number for look in spent}
    assert all(stored[key] == number for numbers in found for key, number in numbers)
    by_test = Counter(look.test_key for look in spent)
    assert set(by_test.values()) == {1}


def test_killed_writers_leave_a_whole_ledger_with_all_they_were_told(url):
    Ledger(url).close()
    acknowledged = 0
    for _ in range(3):
        ready = processes.SimpleQueue()
        child = processes.Process(target=append_until_killed, args=(ready, url))
        child.start()
        for _ in range(20):
            last = ready.get()
        os.kill(child.pid, signal.SIGKILL)
        child.join(60)
        child.close()
        acknowledged += last + 1
    with Ledger(url, wait=10) as ledger:
        assert ledger.verify() >= acknowledged
        ledger.append("step", "after", {}, model="m")


def test_both_databases_refuse_changes_and_keep_the_same_digests(url):
    from sqlalchemy import text

    with Ledger(url) as ledger:
        ledger.append("step", "k", {"x": [1.5, "ü", None]}, model="m")
        for statement in ("UPDATE entries SET body = '{}'", "DELETE FROM entries"):
            with (
                pytest.raises(LedgerError, match="append-only"),
                ledger.transaction() as transaction,
            ):
                transaction._connection.execute(text(statement))
        assert ledger.verify() == 1
        chained = {
            "attempt": None,
            "body": {"x": [1.5, "ü", None]},
            "key": "k",
            "kind": "step",
            "model": "m",
            "previous": "0" * 64,
            "seq": 1,
        }
        text_of_it = json.dumps(chained, separators=(",", ":"), ensure_ascii=False)
        assert ledger.head() == hashlib.sha256(text_of_it.encode()).hexdigest()
        spend_look(
            ledger,
            model="m",
            holdout="holdout-1",
            test_key="t",
            attempt="a",
            alpha=0.05,
            quota=20,
        )
        accept_look(ledger, "t")
        assert active_holdout(ledger, "m", 2) == "holdout-2"


def test_waiting_for_a_lock_ends_with_an_error(url):
    with (
        Ledger(url) as holder,
        Ledger(url, wait=0.2) as impatient,
        holder.transaction() as transaction,
    ):
        transaction.append("step", "a", {}, model="m")
        with pytest.raises(LedgerError, match=r"locked for more than 0\.2 s"):
            impatient.append("step", "b", {}, model="m")
        assert impatient.entries() == [], "readers go on, and see only what is committed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_opens_its_own_connections(url):
    with Ledger(url) as ledger:
        ledger.append("step", "parent", {}, model="m")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                ledger.append("step", "child", {}, model="m")
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        ledger.append("step", "parent again", {}, model="m")
        assert ledger.verify() == 3
