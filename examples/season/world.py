"""What happens in the season: who brings rows on which day, and what the fresh labels are like.

The model learns the colours of a board of 12 × 12 fields from squares that were looked at. The data
are drawn: no data set that comes with a Python package has thirty days of contributions in it.
`RandomState` draws them, whose streams are frozen, so every season has the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).parent
FIELDS = 12
"""Fields of the board along a side."""
POOL, BATCH, SWAPPED = 4_100, 300, 3_000
NOISE = 0.02
"""Share of squares whose colour was written down wrongly, by anybody."""
SWAPPED_ON = 18
"""Day on which the fresh labels have their colours swapped."""


@dataclass
class World:
    """The world of one season, day by day.

    Parameters
    ----------
    folder : Path
        Where spec, recipe and data are written.
    seed : int
        Of everything that is drawn.
    """

    folder: Path
    seed: int = 3
    _brought: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.RandomState(self.seed)
        self._spec = yaml.safe_load((HERE / "pipeline.yaml").read_text(encoding="utf-8"))

    def begin(self) -> None:
        """Write the pool and the recipe."""
        self._fresh.mkdir(parents=True)
        self._pool = self._squares(POOL, "pool")
        self._write("pool", self._pool)
        recipe = (HERE / "recipe.py").read_text(encoding="utf-8")
        (self.folder / "recipe.py").write_text(recipe, encoding="utf-8")

    def dawn(self, day: int) -> tuple[str, ...]:
        """Write what a day brings; what it is, in words."""
        told = []
        for name, bring in PLAN.get(day, {}).items():
            rows = bring(self)
            rows.insert(0, "square", [f"{name}-{day:02d}-{i}" for i in range(len(rows))])
            before = self._brought.get(name)
            grown = rows if before is None else pd.concat([before, rows], ignore_index=True)
            self._brought[name] = grown
            self._write(name, grown)
            told.append(f"{name} +{len(rows)}")
        self._write_spec()
        swapped = day == SWAPPED_ON
        labels = self._squares(SWAPPED if swapped else BATCH, f"day-{day:02d}")
        if swapped:
            labels["colour"] = 1 - labels["colour"]
            told.append("fresh labels with the colours swapped")
        self._write(f"fresh/day-{day:02d}", labels)
        return tuple(told)

    # ---------------------------------------------------------------- what contributors bring

    def good(self, count: int) -> pd.DataFrame:
        """Squares that were looked at with care."""
        return self._coloured(self._random.random_sample((count, 2)))

    def mislabelled(self, count: int) -> pd.DataFrame:
        """Squares of which three in four have the wrong colour."""
        rows = self.good(count)
        wrong = self._random.random_sample(count) < 0.75
        return rows.assign(colour=np.where(wrong, 1 - rows["colour"], rows["colour"]))

    def useless(self, count: int) -> pd.DataFrame:
        """Squares of the middle of a single field."""
        places = (7.3 + 0.4 * self._random.random_sample((count, 2))) / FIELDS
        return self._coloured(places)

    def copied(self, of: str, count: int) -> pd.DataFrame:
        """Rows of somebody else, as they are."""
        rows = self._pool if of == "pool" else self._brought[of]
        taken = rows.iloc[self._random.permutation(len(rows))[:count]]
        return taken[["x", "y", "colour"]].reset_index(drop=True)

    def padded(self, count: int, noise: int) -> pd.DataFrame:
        """Good squares, and some whose colour was thrown with a coin."""
        thrown = self.good(noise)
        thrown["colour"] = self._random.randint(0, 2, noise)
        return pd.concat([self.good(count), thrown], ignore_index=True)

    # ------------------------------------------------------------------------------- inside

    @property
    def _fresh(self) -> Path:
        return self.folder / "data" / "fresh"

    def _coloured(self, places: np.ndarray) -> pd.DataFrame:
        x, y = np.floor(FIELDS * places).astype(int).T
        colour = (x + y) % 2
        wrong = self._random.random_sample(len(places)) < NOISE
        columns = {"x": places[:, 0].round(6), "y": places[:, 1].round(6)}
        return pd.DataFrame(columns | {"colour": np.where(wrong, 1 - colour, colour)})

    def _squares(self, count: int, name: str) -> pd.DataFrame:
        rows = self.good(count)
        rows.insert(0, "square", [f"{name}-{i}" for i in range(count)])
        return rows

    def _write(self, name: str, rows: pd.DataFrame) -> None:
        path = self.folder / "data" / f"{name}.csv"
        rows.to_csv(path, index=False, lineterminator="\n")

    def _write_spec(self) -> None:
        here = [one for one in self._spec["contributors"] if one["name"] in self._brought]
        spec = yaml.safe_dump({**self._spec, "contributors": here}, sort_keys=False)
        (self.folder / "pipeline.yaml").write_text(spec, encoding="utf-8")


Bring = Callable[[World], pd.DataFrame]
PLAN: Mapping[int, Mapping[str, Bring]] = {
    2: {
        "field-archive": lambda world: world.good(500),
        "county-museum": lambda world: world.good(250),
    },
    4: {"mirror-press": lambda world: world.copied("pool", 150)},
    5: {"quick-labels": lambda world: world.mislabelled(30)},
    7: {"idle-hands": lambda world: world.useless(60)},
    9: {"echo-chamber": lambda world: world.copied("field-archive", 200)},
    12: {
        "field-archive": lambda world: world.good(1_200),
        "twin-one": lambda world: world.padded(150, 15),
        "twin-two": lambda world: world.padded(150, 15),
    },
    19: {"county-museum": lambda world: world.good(300)},
    22: {"quick-labels": lambda world: world.mislabelled(15)},
    25: {"field-archive": lambda world: world.good(400)},
}
"""By day, who brings what."""
