"""The rows that models are trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from hokusai_mlflow.contributions.dataset import Dataset, concatenate, of_one_kind
from hokusai_mlflow.evidence import digest
from hokusai_mlflow.inputs.inputs import REFERENCE


@dataclass(frozen=True)
class TrainingRows:
    """What a model is trained on: the owner's reference rows and the contributed ones.

    Attributes
    ----------
    reference : Dataset
        Rows of the pool.
    contributed : mapping of str to Dataset
        Rows by contributor, empty data sets left out.
    """

    reference: Dataset
    contributed: Mapping[str, Dataset]

    @property
    def parts(self) -> list[Dataset]:
        """The contributed rows, by contributor name, of one kind with the reference."""
        return of_one_kind(
            [self.reference, *(self.contributed[n] for n in sorted(self.contributed))]
        )[1:]

    @property
    def everything(self) -> Dataset:
        """All rows, the reference first, then by contributor name."""
        return concatenate([self.reference, *self.parts]) if self.contributed else self.reference

    @property
    def digest(self) -> str:
        """Identity of the training set."""
        return digest(
            {
                "reference": self.reference.digest,
                "contributed": {name: d.digest for name, d in self.contributed.items()},
            }
        )

    def with_rows(self, name: str, rows: Dataset) -> TrainingRows:
        """The same with rows of one contributor added."""
        if not len(rows):
            return self
        held = self.contributed.get(name)
        merged = rows if held is None else concatenate([held, rows])
        return replace(self, contributed={**self.contributed, name: merged})

    def write(self, folder: Path) -> None:
        """Copy into a folder, for the attempts of later champions' challengers."""
        self.reference.to_frame().to_parquet(folder / "reference.parquet")
        for name, rows in self.contributed.items():
            rows.to_frame().to_parquet(folder / f"contributed-{name}.parquet")

    @classmethod
    def read(cls, folder: Path) -> TrainingRows:
        """Inverse of `write`."""
        contributed = {}
        for path in sorted(folder.glob("contributed-*.parquet")):
            name = path.stem.removeprefix("contributed-")
            contributed[name] = Dataset.from_frame(pd.read_parquet(path), name=name)
        reference = pd.read_parquet(folder / "reference.parquet")
        return cls(Dataset.from_frame(reference, name=REFERENCE), contributed)
