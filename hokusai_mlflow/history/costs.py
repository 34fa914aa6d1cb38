"""What training and gas cost and what a DeltaOne is worth, as configured; for ROI."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hokusai_mlflow.errors import InputError, MissingInput
from hokusai_mlflow.settings import Settings

FILE = "costs.yaml"


class Costs(BaseModel):
    """Prices, all in one currency.

    Parameters
    ----------
    currency : str
        Its name, shown beside every amount.
    delta_one : float, optional
        What one DeltaOne is worth.
    gas_coin : float, optional
        What one coin of the chain (10^18 wei) costs.
    training : float, optional
        What one attempt costs to train and evaluate.
    models : mapping of str to float
        The same for single models.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field("USD", min_length=1, max_length=12)
    delta_one: float | None = Field(None, ge=0, allow_inf_nan=False)
    gas_coin: float | None = Field(None, ge=0, allow_inf_nan=False)
    training: float | None = Field(None, ge=0, allow_inf_nan=False)
    models: dict[str, float] = {}

    def training_of(self, model: str) -> float | None:
        """What one attempt to improve a model costs; None when nobody said."""
        return self.models.get(model, self.training)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is configured."""
        return (self.delta_one, self.gas_coin, self.training) == (None,) * 3 and not self.models


def read(settings: Settings) -> Costs:
    """Costs from `costs.yaml` in the Hokusai home; empty where there is no such file.

    Raises
    ------
    InputError
        When the file is no valid document of prices.
    """
    path: Path = settings.home / FILE
    if not path.is_file():
        return Costs()
    try:
        return Costs.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as problem:
        raise MissingInput(f"cannot read {path}: {problem}") from problem
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as problem:
        told = "; ".join(str(problem).splitlines()[:3])
        raise InputError(
            f"{path} must give currency, delta_one, gas_coin, training, models: {told}"
        ) from None
