"""What happens to a champion after its promotion: measured again on fresh data, rolled back.

`record_measurement` and `record_rollback` are what a monitor writes; the rest reads it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.history.schema import measurements
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time
from hokusai_mlflow.ledger import Entry, Ledger

MEASURED, ROLLED_BACK = "champion.measured", "champion.rolled_back"


@dataclass(frozen=True, repr=False)
class Measurement:
    """The champion's score on fresh labelled data.

    Attributes
    ----------
    model, metric : str
    version : int
        The champion then.
    at : datetime
        When (UTC).
    value, low, high : float
        Value of the metric and its 95 % interval.
    reference : float
        The value that it was promoted with.
    n : int
        Fresh examples.
    inputs : tuple of mapping
        Drift of the inputs: ``name``, ``statistic``, ``p_value`` of every feature that was tested.
    """

    model: str
    metric: str
    version: int
    at: datetime
    value: float
    low: float
    high: float
    reference: float
    n: int
    inputs: tuple[Mapping[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self) | {"at": self.at.isoformat(), "inputs": [*map(dict, self.inputs)]}

    def __repr__(self) -> str:
        return f"Measurement({self.metric} of {self.model} version {self.version}: {self.value:g})"


def record_measurement(
    ledger: Ledger,
    *,
    model: str,
    version: int,
    metric: str,
    value: float,
    low: float,
    high: float,
    reference: float,
    n: int,
    inputs: Sequence[Mapping[str, Any]] = (),
    key: str,
) -> Entry:
    """Write a later measurement of a champion; see `Measurement`.

    Parameters
    ----------
    key : str
        Idempotency key, such as a digest of version and data: the same again changes nothing.

    Raises
    ------
    InputError
        When a number is not finite, or the interval does not contain the value.
    """
    if not all(math.isfinite(x) for x in (value, low, high, reference)) or not low <= value <= high:
        raise InputError(
            f"expected a finite value within its interval, found {value} in [{low}, {high}] "
            f"against {reference}"
        )
    body = {"version": version, "metric": metric, "value": value, "low": low, "high": high}
    body |= {"reference": reference, "n": n, "inputs": [dict(one) for one in inputs]}
    return ledger.append(MEASURED, key, body, model=model)


def record_rollback(ledger: Ledger, *, model: str, version: int, reason: str, key: str) -> Entry:
    """Write that the alias `champion` was moved back to an earlier version.

    Parameters
    ----------
    version : int
        The version that is champion again.
    reason : str
        Why, in a sentence.
    key : str
        Idempotency key: the same again changes nothing.
    """
    return ledger.append(ROLLED_BACK, key, {"version": version, "reason": reason}, model=model)


def read(history: History, model: str, *, limit: int = 200) -> tuple[Measurement, ...]:
    """Later measurements of a model's champions, oldest first; the newest `limit` of them."""
    query = select(measurements).where(measurements.c.model == model)
    query = query.order_by(measurements.c.seq.desc()).limit(limit)
    with history.connect() as connection:
        found = [_measurement(row) for row in connection.execute(query)]
    return tuple(reversed(found))


def _measurement(row: Row[Any]) -> Measurement:
    at = read_time(row.at)
    assert at is not None
    kept = {
        n: getattr(row, n) for n in Measurement.__dataclass_fields__ if n not in ("at", "inputs")
    }
    return Measurement(**kept, at=at, inputs=tuple(json.loads(row.inputs)))
