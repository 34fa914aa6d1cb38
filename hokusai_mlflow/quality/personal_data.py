"""The check for strings that identify a person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from hokusai_mlflow.contributions.dataset import Dataset, is_numeric
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.quality.check import Case, Found, first_rows, passed
from hokusai_mlflow.quality.personal import is_card, kinds_in, masked

NOT_FOUND = "names, postal addresses, dates of birth and numbers of other countries are not found"
_CARD_DIGITS = range(13, 20)
_LEAST_CARD = 10**12
_BY_CHANCE = 0.1


class PersonalData:
    """No value holds a string that identifies a person; see `quality.personal` for which."""

    code = "personal-data"
    title = "No strings that identify a person"
    by_row = True

    def examine(self, case: Case) -> Found:
        """Look at every text, at ids, and at numbers that may be payment cards."""
        rows = np.zeros(len(case.data), dtype=bool)
        places: Counter[tuple[str, str]] = Counter()
        shown = ""
        looked = 0
        for name, column in _columns(case.data):
            looked += 1
            for kind, example, where in _found_in(column, case.policy.phone_regions):
                places[name, kind] += int(where.sum())
                rows |= where
                shown = shown or f", the first looks like {masked(example)}"
        if not places:
            return passed(self.code, f"none found in {looked} columns ({NOT_FOUND})")
        told = [f"{kind} in {name} ({count:,})" for (name, kind), count in sorted(places.items())]
        return Found(
            Finding(
                self.code,
                "failed",
                f"{int(rows.sum()):,} rows seem to hold {', '.join(told[:8])}{shown} ({NOT_FOUND})",
                {
                    "rows": int(rows.sum()),
                    "places": [
                        {"column": name, "kind": kind, "rows": count}
                        for (name, kind), count in sorted(places.items())
                    ],
                },
                f"remove or replace them, first in {first_rows(rows)}",
            ),
            rows,
        )


def _columns(data: Dataset) -> Iterator[tuple[str, pd.Series]]:
    for name in data.features:
        yield f"column {str(name)!r}", data.features[name]
    if data.targets.dtype.kind == "U":
        yield "the target", pd.Series(data.targets.astype(object))
    if data.ids is not data.rows:
        yield "the ids", pd.Series(data.ids.astype(object))


def _found_in(
    column: pd.Series, regions: Sequence[str]
) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    """Kinds found in a column, each with an example and the rows that hold it."""
    if is_numeric(column):
        numbers = column.dropna()
        if (
            not len(numbers)
            or float(np.abs(numbers.to_numpy(dtype=np.float64)).max()) < _LEAST_CARD
        ):
            return
        column = column.map(_digits, na_action="ignore").astype(object)
    codes, values = pd.factorize(column.astype(object))
    written = [one if isinstance(one, str) else "" for one in values]
    held: dict[str, list[int]] = {}
    for at, text in enumerate(written):
        for kind, string in kinds_in(text, regions):
            # A card number alone may be any number; see below.
            if not (kind == "payment card" and _bare(string) == _bare(text)):
                held.setdefault(kind, []).append(at)
    cards = _cards(written)
    if cards:
        held.setdefault("payment card", []).extend(cards)
    for kind, found in held.items():
        yield kind, _example(kind, written[found[0]], regions), np.isin(codes, found)


def _cards(written: Sequence[str]) -> list[int]:
    """Values that are card numbers and nothing else, if there are more of them than by chance.

    Of numbers as long as a card's, one in ten has Luhn's digit whatever it stands for. A single one
    counts, for it is not among many.
    """
    bare = [_bare(one) for one in written]
    shaped = [at for at, one in enumerate(bare) if one.isdigit() and len(one) in _CARD_DIGITS]
    found = [at for at in shaped if is_card(bare[at])]
    if len(shaped) > 1 and stats.binom.sf(len(found) - 1, len(shaped), _BY_CHANCE) > 0.001:
        return []
    return found


def _example(kind: str, text: str, regions: Sequence[str]) -> str:
    return next((string for one, string in kinds_in(text, regions) if one == kind), text)


def _bare(text: str) -> str:
    return re.sub(r"[ -]", "", text)


def _digits(number: Any) -> str:
    return str(int(number)) if float(number).is_integer() else ""
