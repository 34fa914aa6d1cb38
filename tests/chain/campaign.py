"""Many settlements while everything goes wrong: paid once each, and the books agree.

``python tests/chain/campaign.py [--settlements 1000] [--settlers 4] [--seed 1]``
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from chain_world import GENESIS, OWNER, hits, open_world
from faults import Counter, Exploded, Mishaps, Rates, verifier_through
from outbox_world import REWARD, keep_ledger_at, ledger_url
from stages import Anvil, Embedded, anvil

from hokusai_mlflow.chain.audit import audit
from hokusai_mlflow.chain.model import ModelConfig
from hokusai_mlflow.chain.outbox import Outbox
from hokusai_mlflow.errors import ChainError, ContractRefused
from hokusai_mlflow.ledger import Ledger

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["campaign"])

PAYEE = "0x0000000000000000000000000000000000000101"
MUCH = 10**30


@dataclass(frozen=True)
class Plan:
    """What a campaign is made of; `calm` is the mean of seconds between two disturbances."""

    home: Path
    settlements: int
    lineages: int
    settlers: int = 4
    seed: int = 1
    depth: int = 3
    rates: Rates = field(default_factory=Rates)
    calm: float = 4.0
    patience: float = 3600.0
    rpc_url: str | None = None

    @property
    def counter(self):
        return Counter(self.home / "faults.log")

    @property
    def ledger(self):
        return Ledger(ledger_url(self.home))


@dataclass(frozen=True)
class Report:
    """What came of it."""

    settlements: int
    payments: int
    supply: int
    entries: int
    anchors: int
    seconds: float
    faults: dict
    steps: dict
    wrong: list

    def lines(self):
        yield f"{self.settlements:,} settlements enqueued, {self.payments:,} payments on chain"
        yield f"supply {self.supply / 10**18:,.12g} of {self.settlements * REWARD / 10**18:,.12g}"
        yield f"{self.entries:,} entries in the ledger, {self.anchors:,} heads of it noted"
        each = self.seconds / max(self.payments, 1)
        yield f"{self.seconds:,.0f} s, {each:.2f} s for a payment among faults"
        yield f"{sum(self.faults.values()):,} faults injected"
        yield "faults: " + ", ".join(f"{count:,} {name}" for name, count in self.faults.items())
        yield "steps: " + ", ".join(f"{count:,} {name}" for name, count in self.steps.items())
        yield from (f"WRONG: {told}" for told in self.wrong)
        yield "clean" if not self.wrong else "NOT CLEAN"


class World:
    """A contract with several models, each a lineage of improvements; settlers' keys."""

    def __init__(self, plan):
        self.stage = Anvil(plan.rpc_url) if plan.rpc_url else Embedded(plan.home)
        self._opened = open_world(plan.home, plan.rpc_url)
        self.home, self.verifier, self.keys = plan.home, self._opened.verifier, self._opened.keys
        self.block = self.verifier.from_block
        self.plan = plan

    def prepare(self):
        self.verifier.transact(self.keys.admin, "setQuorum", 1)
        for number in range(self.plan.lineages):
            self.configure(number, MUCH)

    def configure(self, number, budget):
        config = ModelConfig(metric="accuracy", owner=OWNER, budget=budget, daily_cap=MUCH)
        self.verifier.configure_model(self.keys.admin, f"model-{number}", config, GENESIS)

    def improvements(self):
        """Every lineage's improvements, round by round."""
        sums = hits(400, 300, 330), hits(300, 225, 240)
        for place in range(self.plan.settlements):
            number, step = place % self.plan.lineages, place // self.plan.lineages
            yield replace(
                self._opened.improvement(),
                model=f"model-{number}",
                evidence=f"0xe1{place + 1:062x}",
                champion=f"0x02{number:06x}{step:056x}" if step else GENESIS,
                candidate=f"0x02{number:06x}{step + 1:056x}",
                gate=sums[0],
                payment=sums[1],
                contributors=(PAYEE,),
                weights=(10_000,),
            )

    def attest(self, improvement):
        return self._opened.attest(improvement, count=1)


def settle_among_faults(plan, number, life, done):
    """One settler's process: until it is killed, or all is done."""
    world = World(plan)
    key = world.keys.oracles[number % 2]
    mishaps = Mishaps(plan.counter, plan.rates, key, seed=f"{plan.seed}/{number}/{life}")
    verifier = verifier_through(mishaps.provider(world.stage), world)
    with plan.ledger as ledger, mishaps.in_the_ledger():
        # Half of them call final what the next block can undo, half wait for what cannot be.
        depth = 1 if number % 4 < 2 else plan.depth + 1
        outbox = Outbox(ledger, verifier, key, finality=depth, bump_after=1.0, poll=0.1)
        while not done.is_set():
            with suppress(ConnectionError, ChainError, Exploded):
                outbox.settle(timeout=2)
            done.wait(0.05)


def disturb_the_chain(plan, done):
    """Another process: undoes blocks, mines empty ones, pauses, and lets budgets run out."""
    world, chance = World(plan), random.Random(f"{plan.seed}/chain")
    eth, admin = world.verifier.web3.eth, world.keys.admin
    first = eth.block_number
    while not done.wait(chance.uniform(0, 2 * plan.calm)):
        what = chance.choices(["undo", "mine", "pause", "exhaust"], [10, 8, 1, 1])[0]
        try:
            if what == "mine":
                world.stage.mine()
            elif what == "undo":
                depth = chance.randint(1, plan.depth)
                if eth.block_number - depth > first:
                    world.stage.undo(depth, lambda raw: chance.random() < 0.5)
                    plan.counter.add(f"reorganised to depth {depth}")
            elif what == "pause":
                world.verifier.transact(admin, "pause")
                plan.counter.add("paused")
                done.wait(chance.uniform(0.1, 0.5))
            else:
                lineage = chance.randrange(plan.lineages)
                world.configure(lineage, 0)
                plan.counter.add("budget exhausted")
                done.wait(chance.uniform(0.1, 0.5))
                world.configure(lineage, MUCH)
            lift(world)
        except ContractRefused:
            continue  # What it was to undo was undone by a reorganisation before.


def lift(world):
    """What was paused goes on, also when the reorganisation that undid the end of it was ours."""
    while world.verifier.is_paused():
        world.verifier.transact(world.keys.admin, "unpause")


def run(plan, tell=lambda line: None):
    """A whole campaign."""
    began = time.monotonic()
    world = World(plan)
    world.prepare()
    ledger, chance = plan.ledger, random.Random(plan.seed)
    outbox = Outbox(ledger, world.verifier, world.keys.oracles[2])
    enqueued = {}
    for improvement in world.improvements():
        for again in range(chance.choice([1, 1, 1, 2])):
            given = replace(improvement, deadline=improvement.deadline + again)
            entry = outbox.enqueue(given, world.attest(given), model=given.model, attempt=None)
            enqueued[improvement.evidence] = entry.digest
    done = processes.Event()
    children = {}
    for number in range(plan.settlers):
        children[number] = start(settle_among_faults, plan, number, 0, done)
    disturber = start(disturb_the_chain, plan, done)
    lives, anchors, shown = dict.fromkeys(children, 0), set(), 0.0
    try:
        while time.monotonic() - began < plan.patience:
            time.sleep(0.2)
            anchors.add(ledger.head())
            for number, child in children.items():
                if not child.is_alive():
                    require_killed(child)
                    lives[number] += 1
                    again = settle_among_faults, plan, number, lives[number], done
                    children[number] = start(*again)
            open_ones = sum(not one.is_final for one in outbox.settlements())
            if time.monotonic() - shown > 15:
                shown = time.monotonic()
                tell(f"{shown - began:6.0f} s  {open_ones:,} open, {len(anchors):,} heads noted")
            if not open_ones:
                break
    finally:
        done.set()
        for child in (*children.values(), disturber):
            child.join(120)
    payments, supply, wrong = conclude(world, ledger, enqueued, anchors)
    kinds = [entry.kind.removeprefix("settlement.") for entry in ledger.entries()]
    ledger.close()
    return Report(
        settlements=plan.settlements,
        payments=payments,
        supply=supply,
        entries=len(kinds),
        anchors=len(anchors),
        seconds=time.monotonic() - began,
        faults=plan.counter.counts(),
        steps={kind: kinds.count(kind) for kind in sorted(set(kinds))},
        wrong=wrong,
    )


def start(target, *arguments):
    child = processes.Process(target=target, args=arguments)
    child.start()
    return child


def require_killed(child):
    if child.exitcode != -9:
        raise AssertionError(f"a settler ended by itself with {child.exitcode}")


def conclude(world, ledger, enqueued, anchors):
    """Let the calm come back; then everything must be as if nothing had happened.

    Returns
    -------
    payments, supply, wrong
    """
    plan = world.plan
    for number in range(plan.lineages):
        world.configure(number, MUCH)
    lift(world)
    outboxes = [
        Outbox(ledger, world.verifier, key, bump_after=0.2, poll=0.02)
        for key in world.keys.oracles[:2]
    ]
    until = time.monotonic() + 120
    states = []
    while time.monotonic() < until and states.count("confirmed") < plan.settlements:
        for outbox in outboxes:
            outbox.settle(timeout=1)
        states = [one.state for one in outboxes[0].settlements()]
    checked = audit(ledger, world.verifier)
    digests = {entry.digest for entry in ledger.entries()}
    n = plan.settlements
    wrong = list(checked.differences)
    for what, found, expected in (
        ("settlements", len(states), n),
        ("confirmed", states.count("confirmed"), n),
        ("payments on chain", checked.payments, n),
        ("supply", checked.supply, n * REWARD),
        ("paid to the payee", world.verifier.balance(PAYEE), n * REWARD * 70 // 100),
        ("paid to the owner", world.verifier.balance(OWNER), n * REWARD * 30 // 100),
        ("rows confirmed", checked.rows, n),
        ("under way", checked.under_way, 0),
        ("intents kept", len(digests.intersection(enqueued.values())), n),
        ("anchors kept", len(digests & anchors), len(anchors)),
    ):
        if found != expected:
            wrong.append(f"{what}: {found}, expected {expected}")
    return checked.payments, checked.supply, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settlements", type=int, default=1000)
    parser.add_argument("--lineages", type=int, default=40)
    parser.add_argument("--settlers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--calm", type=float, default=4.0, help="mean seconds between disturbances")
    parser.add_argument("--anvil", metavar="BINARY", help="play on anvil, not on the local chain")
    parser.add_argument("--ledger", metavar="URL", help="an empty PostgreSQL database")
    asked = vars(parser.parse_args())
    binary, url = asked.pop("anvil"), asked.pop("ledger")
    print(f"seed {asked['seed']}, on {'anvil' if binary else 'the embedded chain'}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        anvil(binary) if binary else nullcontext() as rpc_url,
    ):
        home = Path(folder) / "home"
        if rpc_url:
            Anvil(rpc_url).endow(home)
        if url:
            keep_ledger_at(home, url)
        plan = Plan(home, rpc_url=rpc_url, **asked)
        report = run(plan, lambda line: print(line, flush=True))
    for line in report.lines():
        print(line)
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
