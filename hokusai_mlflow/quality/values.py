"""Checks of columns and values: schema, targets, missing values, outliers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from hokusai_mlflow.errors import did_you_mean
from hokusai_mlflow.gate.finding import Finding
from hokusai_mlflow.quality.check import Case, Found, beside_the_point, first_rows, passed, percent
from hokusai_mlflow.quality.personal import kinds_in, masked
from hokusai_mlflow.quality.profile import kind_of, numbers_of

NOT_KNOWN = "what the owner's data look like is not known here; ask for the contributor pack"
_SHOWN = 8


class Schema:
    """The columns and their kinds are the owner's."""

    code = "schema"
    title = "Columns and kinds are those that are wanted"
    by_row = False

    def examine(self, case: Case) -> Found:
        """Compare names and kinds of features, and the kind of the target."""
        wanted, features = case.profile.columns, case.data.features
        if wanted is None:
            return beside_the_point(self.code, NOT_KNOWN)
        found = {str(name): kind_of(features[name]) for name in features}
        missing = [name for name in wanted if name not in found]
        extra = [name for name in found if name not in wanted]
        wrong = {
            name: (kind, wanted[name].kind)
            for name, kind in found.items()
            if name in wanted and "empty" not in (kind, wanted[name].kind)
            if kind != wanted[name].kind
        }
        target = "text" if case.data.targets.dtype.kind == "U" else "numbers"
        told = []
        if missing:
            near = did_you_mean(missing[0], extra) if extra else ""
            told.append(f"missing: {_listed(missing)}{near}")
        if extra:
            told.append(f"not wanted: {_listed(extra)}")
        told += [f"{name!r} holds {kind}, wanted {other}" for name, (kind, other) in wrong.items()]
        if case.profile.target_kind not in (None, target):
            told.append(f"targets are {target}, wanted {case.profile.target_kind}")
        figures = {
            "missing": missing,
            "extra": extra,
            "kinds": {k: list(v) for k, v in wrong.items()},
        }
        if told:
            return Found(
                Finding(
                    self.code,
                    "failed",
                    "; ".join(told),
                    figures,
                    "rename, remove or convert these columns",
                )
            )
        return passed(self.code, f"{len(found)} features as wanted", **figures)


class Targets:
    """The targets are classes that the owner knows, or numbers within reach of the known ones."""

    code = "targets"
    title = "Targets are known classes, or numbers of the known range"
    by_row = True

    def examine(self, case: Case) -> Found:
        """Look for classes that are new, and numbers that are absurd."""
        targets, known = case.data.targets, case.profile.classes
        if known is not None:
            new = ~np.isin(targets.astype(str), _as_text(known, targets))
            if not new.any():
                used = len(np.unique(targets))
                return passed(self.code, f"{used} of {len(known)} classes, none unknown", used=used)
            unknown, counts = np.unique(targets[new].astype(str), return_counts=True)
            named = [
                f"{_brief(one)} ({count:,})" for one, count in zip(unknown, counts, strict=True)
            ]
            return Found(
                Finding(
                    self.code,
                    "failed",
                    f"{int(new.sum()):,} rows have a class that the owner does not know: "
                    f"{_listed(named)}; known are {_listed([str(one) for one in known])}",
                    {"rows": int(new.sum()), "classes": len(unknown)},
                    f"correct these labels, first in {first_rows(new)}",
                ),
                new,
            )
        if case.profile.target is None or targets.dtype.kind == "U":
            why = "targets of this task have no classes and no range"
            known_task = case.profile.task not in ("classification", "regression")
            return beside_the_point(self.code, why if known_task else NOT_KNOWN)
        tail, values = case.profile.target, targets.astype(np.float64)
        far = tail.beyond(values, case.policy.level)
        if not far.any():
            return passed(self.code, "every target is within reach of the owner's")
        return Found(
            Finding(
                self.code,
                "failed",
                f"{int(far.sum()):,} targets lie far from the owner's, which are within "
                f"{tail.farthest:g} of {tail.centre:g}: such as {values[far][0]:g}",
                {"rows": int(far.sum()), "centre": tail.centre, "farthest": tail.farthest},
                f"correct them, first in {first_rows(far)}",
            ),
            far,
        )


class MissingValues:
    """No column lacks values much more often than the owner's does.

    H0: a column's values are missing as often as in the reference rows. Fails where Fisher's exact
    test rejects at level / columns (Bonferroni) and the share rose by `missing_rise` or more.
    """

    code = "missing-values"
    title = "Values are missing no more often than in the owner's data"
    by_row = True

    def examine(self, case: Case) -> Found:
        """Test every column."""
        wanted, data = case.profile.columns, case.data
        if wanted is None or not case.profile.rows:
            return beside_the_point(self.code, NOT_KNOWN)
        m, n = len(data), case.profile.rows
        common = [name for name in map(str, data.features) if name in wanted]
        worse: dict[str, float] = {}
        rows = np.zeros(m, dtype=bool)
        for name in common:
            absent = data.features[name].isna().to_numpy()
            x, known = int(absent.sum()), round(wanted[name].missing * n)
            if x / m - wanted[name].missing < case.policy.missing_rise:
                continue
            # Fisher's one-sided p: x or more of the m contributed rows among all that lack it.
            if stats.hypergeom.sf(x - 1, m + n, x + known, m) <= case.policy.level / len(common):
                worse[name] = x / m
                rows |= absent
        if not worse:
            return passed(self.code, f"{len(common)} columns, none lacks values more often")
        told = [
            f"{name!r} in {percent(share)}, wanted {percent(wanted[name].missing)}"
            for name, share in worse.items()
        ]
        return Found(
            Finding(
                self.code,
                "failed",
                f"values are missing more often than in the owner's data: {_listed(told)}",
                {"columns": worse, "rows": int(rows.sum())},
                "fill in what is known, or leave these rows out",
            ),
            rows,
        )


class Outliers:
    """No number is absurd, and no more are far out than by chance; see `quality.tail`."""

    code = "outliers"
    title = "No absurd numbers"
    by_row = True

    def examine(self, case: Case) -> Found:
        """Compare every number with how far the reference rows' tail reaches."""
        wanted, data = case.profile.columns, case.data
        if wanted is None:
            return beside_the_point(self.code, NOT_KNOWN)
        judged = {
            name: wanted[name].tail
            for name in map(str, data.features)
            if name in wanted and wanted[name].tail and kind_of(data.features[name]) == "numbers"
        }
        if not judged:
            why = "no column of numbers has enough reference rows to know its tail"
            return Found(Finding(self.code, "insufficient", why, remedy="more reference rows"))
        rows, far = np.zeros(len(data), dtype=bool), {}
        for name, tail in judged.items():
            assert tail is not None
            values = numbers_of(data.features[name])
            beyond = tail.beyond(values, case.policy.level / len(judged))
            if beyond.any():
                far[name] = int(beyond.sum())
                rows |= beyond
        if not far:
            return passed(self.code, f"{len(judged)} columns, no number is absurd")
        told = [f"{name!r} in {count:,}" for name, count in far.items()]
        return Found(
            Finding(
                self.code,
                "failed",
                f"{int(rows.sum()):,} rows hold numbers farther out than the owner's would let one "
                f"expect: {_listed(told)}",
                {"columns": far, "rows": int(rows.sum())},
                "correct them, leave the value empty if it is not known (not −999), or leave the "
                f"row out; first in {first_rows(rows)}",
            ),
            rows,
        )


def _as_text(classes: tuple[Any, ...], targets: Any) -> list[str]:
    """The classes as these targets spell them: 1 is 1.0 where targets were read as fractions."""
    if targets.dtype.kind == "f":
        return [str(float(one)) if not isinstance(one, str) else one for one in classes]
    whole = [int(one) if isinstance(one, float) and one.is_integer() else one for one in classes]
    return [str(one) for one in whole]


def _brief(text: str) -> str:
    # A label may be somebody's address.
    if next(kinds_in(text), None):
        return masked(text)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
