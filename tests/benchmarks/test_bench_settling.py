"""How many improvements are settled in a second, and how fast the embedded chain opens."""

import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "chain"))

from campaign import Plan, World
from stages import Anvil, anvil, anvil_binary

from hokusai_mlflow.chain.audit import audit
from hokusai_mlflow.chain.connect import connect
from hokusai_mlflow.chain.outbox import Outbox

IMPROVEMENTS = 100
SECONDS_TO_OPEN = 0.2


@pytest.mark.benchmark(group="a hundred improvements, enqueued and settled by one settler")
@pytest.mark.parametrize("chain", ["embedded", "anvil"])
def test_a_hundred_improvements(benchmark, tmp_path, chain):
    if chain == "anvil" and not anvil_binary():
        pytest.skip("anvil is not installed: make contracts-tools")
    with anvil(anvil_binary()) if chain == "anvil" else nullcontext() as url:
        home = tmp_path / "home"
        if url:
            Anvil(url).endow(home)
        plan = Plan(home, settlements=IMPROVEMENTS, lineages=10, rpc_url=url)
        world = World(plan)
        world.prepare()
        with plan.ledger as ledger:
            outbox = Outbox(ledger, world.verifier, world.keys.oracles[0], poll=0.02)
            for improvement in world.improvements():
                signatures = world.attest(improvement)
                outbox.enqueue(improvement, signatures, model=improvement.model, attempt=None)
            busy = time.process_time()
            settled = benchmark.pedantic(outbox.settle, kwargs={"timeout": 300}, rounds=1)
            busy = time.process_time() - busy
            assert [one.state for one in settled] == ["confirmed"] * IMPROVEMENTS
            assert audit(ledger, world.verifier).is_clean
    rate = IMPROVEMENTS / benchmark.stats.stats.mean
    benchmark.extra_info["improvements a second"] = rate
    # On a machine that others use too, the settler's own seconds tell more.
    benchmark.extra_info["milliseconds of the settler's CPU for each"] = busy * 1000 / IMPROVEMENTS
    own = busy * 1000 / IMPROVEMENTS
    print(f"\n{rate:.1f} improvements a second on {chain}, {own:.0f} ms of the settler's CPU each")


@pytest.mark.benchmark(group="open an embedded chain")
def test_open_with_everything_imported(benchmark, tmp_path):
    def opened():
        web3 = connect(rpc_url=None, chain_id=None, home=tmp_path)
        assert web3.eth.block_number == 0
        web3.provider.chain.close()

    opened()
    benchmark.pedantic(opened, rounds=10)
    assert benchmark.stats.stats.median < SECONDS_TO_OPEN


@pytest.mark.benchmark(group="open an embedded chain")
def test_open_in_a_new_process(benchmark, tmp_path):
    """The interpreter, and what is imported, included: told, not promised."""
    connect(rpc_url=None, chain_id=None, home=tmp_path).provider.chain.close()
    program = (
        "from hokusai_mlflow.chain.connect import connect\n"
        f"web3 = connect(rpc_url=None, chain_id=None, home={str(tmp_path)!r})\n"
        "assert web3.eth.block_number == 0"
    )
    benchmark.pedantic(
        subprocess.run, ([sys.executable, "-c", program],), {"check": True}, rounds=3
    )
