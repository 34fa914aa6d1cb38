"""What every world can do."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from scipy.optimize import brentq

from hokusai_mlflow.metrics import Metric

BPS = 1e4


class Sample(NamedTuple):
    """Examples: truth, both models' outputs, which of them belong together, how much they count."""

    targets: Any
    baseline: Any
    candidate: Any
    groups: Any = None
    weights: Any = None


class World(Protocol):
    """A population. The candidate gets better as `shift` grows."""

    shift: float

    def truth(self, metric: Metric) -> float:
        """The population's improvement in units of `Metric.utility`, without sampling error."""
        ...

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """`n` independent examples (or so many that fill whole groups)."""
        ...


W = TypeVar("W", bound=World)


def tuned(world: W, metric: Metric, bps: float) -> W:
    """The world moved so that its true improvement is `bps`, to 1e-9 bps."""

    def miss(shift: float) -> float:
        return replace(world, shift=shift).truth(metric) * BPS - bps

    low, high = -0.05, 0.05
    while miss(low) > 0:
        low *= 2
    while miss(high) < 0:
        high *= 2
    return replace(world, shift=brentq(miss, low, high, xtol=1e-14, rtol=1e-14))


@dataclass(frozen=True)
class Weighted:
    """The same population; every example counts as often as a lognormal weight says."""

    inner: Any
    shift: float = 0.0

    def truth(self, metric: Metric) -> float:
        """Of the inner world: weights and outputs are independent."""
        return replace(self.inner, shift=self.shift).truth(metric)

    def draw(self, rng: np.random.Generator, n: int) -> Sample:
        """Examples and their weights."""
        drawn = replace(self.inner, shift=self.shift).draw(rng, n)
        return drawn._replace(weights=np.exp(0.7 * rng.normal(size=n)))
