"""How timings are taken: peers first, ours after them in the same group, one thread each."""

from typing import ClassVar

import pytest


@pytest.fixture(autouse=True)
def _one_thread():
    """Matrix products use one thread, so that a busy machine decides less."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


class Race:
    """Medians of one group of benchmarks: the peers', then ours with its bar."""

    peers: ClassVar[dict[str, dict[str, float]]] = {}

    def __init__(self, benchmark, name):
        self.benchmark = benchmark
        self.name = name

    def peer(self, function, *, scale=1.0, rounds=3):
        """Time a peer; `scale` such calls make its whole task, when its loop was cut short."""
        self.benchmark.pedantic(function, rounds=rounds)
        whole = self.benchmark.stats.stats.median * scale
        self.benchmark.extra_info["seconds for the whole task"] = whole
        self.peers.setdefault(self.benchmark.group, {})[self.name] = whole

    def ours(self, function, *, bar, rounds=5, **others):
        """Time ours, which must be at least `bar` times as fast as every peer of its group.

        Peers that have another bar are named, by how their names begin.
        """
        self.benchmark.pedantic(function, rounds=rounds, warmup_rounds=1)
        median = self.benchmark.stats.stats.median
        ratios = {
            name: whole / median for name, whole in self.peers.get(self.benchmark.group, {}).items()
        }
        self.benchmark.extra_info["times as fast as"] = ratios
        for name, ratio in ratios.items():
            print(f"\n{self.benchmark.group}: {ratio:,.1f} times as fast as {name}")
        for name, ratio in ratios.items():
            wanted = next((least for peer, least in others.items() if name.startswith(peer)), bar)
            assert ratio >= wanted, f"expected {wanted} times as fast as {name}, found {ratio:.1f}"


@pytest.fixture
def race(benchmark, request):
    """The timings of one group of benchmarks."""
    return Race(benchmark, request.node.name.removeprefix("test_"))
