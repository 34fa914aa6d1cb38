"""Many multinomial draws at once: how often each unit occurs in resamples of the data."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.metrics.inputs import Floats

BINS = 2**16
UNDECIDED = 2**16 - 1
SHORTFALL = 1.0
"""Standard deviations by which the Poisson totals aim below n: dearer to fill up than to refuse."""


class Resampler:
    """Draws of multinomial(n, counts / n), n = Σ counts, exact.

    Few cells are drawn by numpy, single units by their positions. Many cells of many units, where
    both are slow, are drawn as independent Poisson counts with a total mean somewhat below n, by
    table; then the missing n − T units are drawn by position. Given its total T, a Poisson vector
    is multinomial(T), and the sum of two multinomials is one, so any T ≤ n serves; resamples with
    T > n are drawn again.

    Parameters
    ----------
    counts : array of int, shape (m,)
        Units in each cell.
    """

    def __init__(self, counts: npt.NDArray[np.int64]) -> None:
        self.counts = counts
        self.n = int(counts.sum())
        self.few = len(counts) < math.sqrt(self.n) / 4
        self._cells = np.repeat(np.arange(len(counts)), 0 if self.few else counts)
        self._tables: list[tuple[npt.NDArray[np.intp], PoissonTable]] = []
        if not self.few and len(counts) < self.n:
            aim = max(self.n - SHORTFALL * math.sqrt(self.n), 0.0) / self.n
            sizes, place = np.unique(counts, return_inverse=True)
            self._tables = [
                (np.flatnonzero(place == at), PoissonTable(aim * float(size)))
                for at, size in enumerate(sizes.tolist())
            ]

    def draw(self, rng: np.random.Generator, replicates: int) -> Floats:
        """Counts of every cell in every resample, shape (replicates, m)."""
        if self.few:
            shares = self.counts / self.n
            return rng.multinomial(self.n, shares, size=replicates).astype(np.float64)
        if not self._tables:
            return self._units(rng, replicates)
        drawn = self._poisson(rng, replicates)
        missing = self.n - drawn.sum(axis=1)
        while (above := np.flatnonzero(missing < 0)).size:
            again = self._poisson(rng, len(above))
            drawn[above], missing[above] = again, self.n - again.sum(axis=1)
        units = rng.integers(0, self.n, int(missing.sum()), dtype=np.uint32)
        flat = self._cells[units]
        flat += np.repeat(np.arange(replicates) * len(self.counts), missing.astype(np.intp))
        drawn += np.bincount(flat, minlength=drawn.size).reshape(drawn.shape)
        return drawn

    def _units(self, rng: np.random.Generator, replicates: int) -> Floats:
        drawn = np.empty((replicates, self.n))
        for at in range(replicates):
            units = rng.integers(0, self.n, self.n, dtype=np.uint32)
            drawn[at] = np.bincount(units, minlength=self.n)
        return drawn

    def _poisson(self, rng: np.random.Generator, replicates: int) -> Floats:
        drawn = np.empty((len(self.counts), replicates))
        for cells, table in self._tables:
            drawn[cells] = table.draw(rng, (len(cells), replicates))
        return drawn.T


class PoissonTable:
    """Poisson draws by one look-up: the inverse distribution function in 2¹⁶ steps.

    A step in which the function jumps is decided by further digits of the uniform number.

    Parameters
    ----------
    mean : float
        Not negative.
    """

    def __init__(self, mean: float) -> None:
        # Imported when used: scipy.special costs as much as the rest of the core.
        from scipy.special import pdtr  # noqa: PLC0415

        reach = 12 * math.sqrt(mean) + 40
        self.low = max(0, math.floor(mean - reach))
        self.below = pdtr(np.arange(self.low, math.ceil(mean + reach)), mean)
        scaled = self.below * BINS
        starts = np.minimum(np.ceil(scaled), BINS).astype(np.int64)
        spans = np.diff(starts, prepend=0, append=BINS)
        self.table = np.repeat(np.arange(len(spans), dtype=np.uint16), spans)
        jumps = np.floor(scaled).astype(np.int64)
        self.table[jumps[(jumps != scaled) & (jumps < BINS)]] = UNDECIDED

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
        """Independent draws."""
        steps = np.frombuffer(rng.bytes(2 * shape[0] * shape[1]), dtype="<u2")
        drawn = self.table[steps]
        open_ = np.flatnonzero(drawn == UNDECIDED)
        uniform = (steps[open_] + rng.random(len(open_))) / BINS
        drawn[open_] = np.searchsorted(self.below, uniform, side="right")
        return np.asarray(drawn.reshape(shape) + float(self.low))
