"""Many multinomial draws at once: how often each unit occurs in resamples of the data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hokusai_mlflow.metrics.inputs import Floats

Reals = npt.NDArray[Any]
"""Of either float type."""

BINS = 2**16
SHORTFALL = 1.0
"""Standard deviations by which the Poisson totals aim below n: dearer to fill up than to refuse."""


def generator(seed: int) -> np.random.Generator:
    """Random numbers of a seed; SFC64 makes whole words fastest, and words are what is needed."""
    return np.random.Generator(np.random.SFC64(seed))


def random_bytes(rng: np.random.Generator, size: int) -> npt.NDArray[np.uint8]:
    """Uniform bytes, shape (size,); many times faster than `Generator.bytes`."""
    words = rng.integers(0, 2**64 - 1, -(-size // 8), dtype=np.uint64, endpoint=True)
    return words.astype("<u8", copy=False).view(np.uint8)[:size]


def exact_type(rows: Floats, n: int) -> type[np.float32 | np.float64]:
    """The faster float type when sums of n of these rows are exact in it."""
    largest = float(np.abs(rows).max(initial=1.0))
    whole = np.array_equal(rows, np.rint(rows)) and n * largest < 2**24
    return np.float32 if whole else np.float64


class Resampler:
    """Draws of multinomial(n, counts / n), n = Σ counts, exact.

    Few cells are drawn by numpy. Many cells, where that is slow, are drawn as independent Poisson
    counts with a total mean somewhat below n, by table; then the missing n − T units are drawn one
    by one. Given its total T, a Poisson vector is multinomial(T), and the sum of two multinomials
    is one, so any T ≤ n serves; resamples with T > n are drawn again.

    Parameters
    ----------
    counts : array of int, shape (m,)
        Units in each cell.
    """

    def __init__(self, counts: npt.NDArray[np.int64]) -> None:
        self.counts = counts
        self.n = int(counts.sum())
        self.few = len(counts) < math.sqrt(self.n) / 4
        if self.few:
            return
        self._cells = np.repeat(np.arange(len(counts)), counts)
        aim = max(self.n - SHORTFALL * math.sqrt(self.n), 0.0) / self.n
        sizes, place = np.unique(counts, return_inverse=True)
        self._tables = [
            (np.flatnonzero(place == at), PoissonTable(aim * float(size)))
            for at, size in enumerate(sizes.tolist())
        ]

    def draw(self, rng: np.random.Generator, out: Reals) -> None:
        """Fill `out`, shape (replicates, m), with the counts of every cell in every resample.

        The room is given, because asking the system for new memory takes as long as the draws.
        """
        if self.few:
            out[:] = rng.multinomial(self.n, self.counts / self.n, size=len(out))
            return
        self._poisson(rng, out)
        missing = self._missing(out)
        while (above := np.flatnonzero(missing < 0)).size:
            again = np.empty_like(out[: len(above)])
            self._poisson(rng, again)
            out[above], missing[above] = again, self._missing(again)
        units = rng.integers(0, self.n, int(missing.sum()), dtype=np.uint32)
        flat = self._cells[units]
        flat += np.repeat(np.arange(len(out)) * len(self.counts), missing)
        # A one of the same type: numpy's fast path.
        np.add.at(out.reshape(-1), flat, out.dtype.type(1))

    def _missing(self, drawn: Reals) -> npt.NDArray[np.int64]:
        return np.asarray(self.n - drawn.sum(axis=1).astype(np.int64))

    def _poisson(self, rng: np.random.Generator, out: Reals) -> None:
        for cells, table in self._tables:
            where: Any = slice(None) if len(self._tables) == 1 else cells
            out[:, where] = table.draw(rng, (len(out), len(cells)))
            if table.low:
                out[:, where] += table.low


class PoissonTable:
    """Poisson draws by one look-up: the inverse distribution function in 2¹⁶ steps.

    A step in which the function jumps is decided by further digits of the uniform number.

    Parameters
    ----------
    mean : float
        Not negative.

    Attributes
    ----------
    low : int
        What has to be added to the draws.
    """

    def __init__(self, mean: float) -> None:
        # Imported when used: scipy.special costs as much as the rest of the core.
        from scipy.special import pdtr  # noqa: PLC0415

        reach = 12 * math.sqrt(mean) + 40
        self.low = max(0, math.floor(mean - reach))
        self._below = pdtr(np.arange(self.low, math.ceil(mean + reach)), mean)
        scaled = self._below * BINS
        starts = np.minimum(np.ceil(scaled), BINS).astype(np.int64)
        spans = np.diff(starts, prepend=0, append=BINS)
        kind = np.uint8 if len(spans) < 2**8 else np.uint16
        self._undecided = np.iinfo(kind).max
        self._table = np.repeat(np.arange(len(spans), dtype=kind), spans)
        jumps = np.floor(scaled).astype(np.int64)
        self._table[jumps[(jumps != scaled) & (jumps < BINS)]] = self._undecided

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.integer]:
        """Independent draws, less `low`."""
        steps = random_bytes(rng, 2 * math.prod(shape)).view("<u2")
        # Every step is in the table; "clip" only spares numpy's own check.
        drawn = self._table.take(steps, mode="clip")
        undecided = np.flatnonzero(drawn == self._undecided)
        uniform = (steps[undecided] + rng.random(len(undecided))) / BINS
        drawn[undecided] = np.searchsorted(self._below, uniform, side="right")
        return np.asarray(drawn.reshape(shape))
