"""What happens to a champion after its promotion: measured again on fresh data, rolled back.

`record_measurement` and `record_rollback` are what a monitor writes; the rest reads it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, select

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.history.schema import measurements
from hokusai_mlflow.history.store import History
from hokusai_mlflow.history.times import read_time
from hokusai_mlflow.ledger import Entry, Ledger

MEASURED, ROLLED_BACK = "champion.measured", "champion.rolled_back"
Status = Literal["ok", "note", "warn", "roll_back"]
_JSON = ("at", "inputs", "reasons")


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
        Drift of the inputs, as `stats.drift.Drift.to_dict` of every feature, largest first.
    status : {"ok", "note", "warn", "roll_back"}
        What the watches said then, at a level that covers all looks of a year.
    reasons : tuple of str
        Why, a sentence each.
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
    status: str = "ok"
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self) | {
            "at": self.at.isoformat(),
            "inputs": [*map(dict, self.inputs)],
            "reasons": list(self.reasons),
        }

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
    status: Status = "ok",
    reasons: Sequence[str] = (),
    batch: Mapping[str, Any] | None = None,
    key: str,
) -> Entry:
    """Write a later measurement of a champion; see `Measurement`.

    Parameters
    ----------
    batch : mapping, optional
        What later looks need of these examples: sums, counts, where they came from.
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
    body |= {"status": status, "reasons": list(reasons), "batch": dict(batch or {})}
    return ledger.append(MEASURED, key, body, model=model)


def record_rollback(
    ledger: Ledger,
    *,
    model: str,
    version: int,
    digest: str,
    rolled_back: Mapping[str, Any],
    reason: str,
    key: str,
) -> Entry:
    """Write that the alias `champion` was moved back to an earlier version.

    Parameters
    ----------
    version, digest : int and str
        The version that is champion again, and its content digest.
    rolled_back : mapping
        The version that was champion until now, as `Registered.remembered`.
    reason : str
        Why, in a sentence.
    key : str
        Idempotency key: the same again changes nothing.
    """
    body = {"version": version, "digest": digest, "reason": reason}
    body |= {"rolled_back": dict(rolled_back)}
    return ledger.append(ROLLED_BACK, key, body, model=model)


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
    kept = {n: getattr(row, n) for n in Measurement.__dataclass_fields__ if n not in _JSON}
    told = {name: tuple(json.loads(getattr(row, name))) for name in ("inputs", "reasons")}
    return Measurement(**kept, **told, at=at)
