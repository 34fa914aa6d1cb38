"""Settlers as processes: killed at every step of a payment, and several at once."""

import multiprocessing
import os
import signal
import time

import pytest
from outbox_world import open_paying

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    ["hokusai_mlflow.ledger", "hokusai_mlflow.chain.outbox", "pytest", "web3"]
)

KILL_POINTS = {
    "before the nonce is fixed": ("eth_estimateGas", "after", 1),
    "between persisting and broadcasting": ("eth_sendRawTransaction", "before", 1),
    "between broadcasting and the answer": ("eth_sendRawTransaction", "after", 1),
    "before the confirmation": ("eth_getTransactionReceipt", "after", 2),
    "between two payments": ("eth_sendRawTransaction", "before", 2),
}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def settle_and_die(home, method, when, count):
    """Settle; SIGKILL at the given request, or at the given entry of the ledger."""
    paying = open_paying(home)
    seen = []

    def reached(asked):
        seen.append(asked)
        return seen.count(method) >= count

    def before(asked, params):
        if when == "before" and asked == method and reached(asked):
            die()

    def after(asked, params, response):
        if when == "after" and asked == method and reached(asked):
            die()
        return response

    paying.provider.before, paying.provider.after = before, after
    paying.outbox().settle(timeout=30)


def settle_and_die_at_entry(home, kind):
    """SIGKILL after an entry of this kind is written and before it is committed."""
    from hokusai_mlflow.ledger import Transaction

    append = Transaction.append

    def appending(self, written, *arguments, **named):
        entry = append(self, written, *arguments, **named)
        if written == kind:
            die()
        return entry

    Transaction.append = appending
    open_paying(home).outbox().settle(timeout=30)


def settle_until_done(home, start):
    paying = open_paying(home)
    start.wait(60)
    outbox = paying.outbox()
    while not all(settlement.is_final for settlement in outbox.settlements()):
        outbox.settle(timeout=5)


def run(target, *arguments):
    child = processes.Process(target=target, args=arguments)
    child.start()
    child.join(60)
    code = child.exitcode
    child.close()
    return code


@pytest.fixture
def enqueued(home):
    paying = open_paying(home)
    for improvement in paying.improvements(2):
        paying.enqueue(paying.outbox(), improvement)
    yield paying
    paying.ledger.close()
    paying.provider.chain.close()


def require_finished(paying, count):
    outbox = paying.outbox()
    outbox.settle()
    assert [s.state for s in outbox.settlements()] == ["confirmed"] * count
    paying.require_paid(count)


@pytest.mark.parametrize("point", KILL_POINTS)
def test_a_settler_that_is_killed_is_finished_by_the_next(enqueued, point):
    assert run(settle_and_die, enqueued.world.home, *KILL_POINTS[point]) == -signal.SIGKILL
    require_finished(enqueued, 2)
    assert enqueued.kinds().count("signed") == 2, "nothing was signed twice"


@pytest.mark.parametrize(
    "kind",
    [
        "settlement.signed",
        *(
            pytest.param(kind, marks=pytest.mark.exhaustive)
            for kind in ("settlement.broadcast", "settlement.confirmed")
        ),
    ],
)
def test_a_settler_that_is_killed_while_writing_is_finished_by_the_next(enqueued, kind):
    assert run(settle_and_die_at_entry, enqueued.world.home, kind) == -signal.SIGKILL
    assert kind.removeprefix("settlement.") not in enqueued.kinds()
    require_finished(enqueued, 2)


def test_four_settlers_of_which_two_are_killed_pay_everything_once(home):
    paying = open_paying(home)
    paying.configure("doctor_visits")
    improvements = paying.improvements(3) + paying.improvements(3, model="doctor_visits")
    for improvement in improvements:
        paying.enqueue(paying.outbox(), improvement)
    start = processes.Event()
    children = [processes.Process(target=settle_until_done, args=(home, start)) for _ in range(4)]
    for child in children:
        child.start()
    start.set()
    while "broadcast" not in paying.kinds():
        time.sleep(0.02)
    for child in children[:2]:
        os.kill(child.pid, signal.SIGKILL)
    for child in children:
        child.join(120)
    assert {child.exitcode for child in children[2:]} == {0}
    for child in children:
        child.close()
    require_finished(paying, 6)
    paying.ledger.close()
    paying.provider.chain.close()
